"""Chores of time: permits nobody used, permits nobody finished, kept bodies past their time. None of them decides
anything about consent; a worker that is down lets no yes live longer and no no end sooner.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from sayso.core.purposes import Cell
from sayso.flows.kit import Kit
from sayso.flows.opt_out import DRAIN_MARGIN
from sayso.flows.permits import stopped_since
from sayso.flows.record import append, person_by_id
from sayso.ports import DAY, MINUTE
from sayso.store.base import Tx

#: A redeemed permit whose outcome nobody reported for this long is an incident: a message may have gone unseen.
UNFINISHED_AFTER: Final = 5 * MINUTE
#: How long raw webhook items that nobody could use are kept, and rows that an import refused.
KEEP_UNHANDLED: Final = 30 * DAY
#: How long stops that providers reported are kept to be counted, if nobody has to judge them.
KEEP_COUNTED: Final = DAY
#: How long the first answer to an idempotency key is kept.
KEEP_ANSWERS: Final = DAY
#: Unfinished permits looked at in one go.
BATCH: Final = 100
#: Permits nobody used that are closed in one go, and how often in one round: a campaign of 200 a second fits.
UNUSED_BATCH: Final = 1_000
UNUSED_ROUNDS: Final = 30


def tidy(tx: Tx, kit: Kit, workspaces: list[str]) -> None:
    """One round of all chores."""
    now = tx.now()
    _unused(tx, now)
    tx.run("purge_idempotency", before=now - KEEP_ANSWERS)
    tx.run("purge_hits", now=now)
    tx.run("purge_spent", now=now)
    for ws in workspaces:
        tx.run("purge_unhandled", ws=ws, before=now - KEEP_UNHANDLED)
        tx.run("purge_provider_stops", ws=ws, before=now - KEEP_COUNTED)
        tx.run("purge_import_refused", ws=ws, before=now - KEEP_UNHANDLED)
    _unfinished(tx, kit, now)


def _unused(tx: Tx, now: int) -> None:
    """Permits nobody redeemed: closed, and counted by purpose and day, so that a campaign that never sends is seen."""
    for _ in range(UNUSED_ROUNDS):
        rows = tx.rows("unused_permits", now=now, limit=UNUSED_BATCH)
        tx.run_many("close_permit", [{"ws": ws, "permit": permit, "state": "expired", "now": now, "outcome": "expired"}
                                     for ws, permit, _, _ in rows])
        _count(tx, "unredeemed", Counter((ws, purpose, made // DAY) for ws, _, purpose, made in rows))
        if len(rows) < UNUSED_BATCH:
            return


def _count(tx: Tx, what: str, found: Counter[tuple[str, str, int]]) -> None:
    tx.run_many("count_permits", [{"ws": ws, "purpose": purpose, "day": day, "what": what, "number": number}
                                  for (ws, purpose, day), number in sorted(found.items())])


def _unfinished(tx: Tx, kit: Kit, now: int) -> None:
    """A redeemed permit without `done`: recorded as an incident once, then closed as possibly sent. It says whether
    the person stopped meanwhile, which is what makes the difference to them.
    """
    before = now - UNFINISHED_AFTER - DRAIN_MARGIN
    found: Counter[tuple[str, str, int]] = Counter()
    for ws, permit, holder, purpose, sender, cls, made in tx.rows("unfinished_permits", before=before, limit=BATCH):
        person = person_by_id(tx, ws, holder)
        if tx.run("finish_permit", ws=ws, permit=permit, state="done", now=now, outcome="unreported"):
            found[ws, purpose, made // DAY] += 1
            stopped = person is not None and stopped_since(kit, person, Cell(purpose, sender, cls))
            append(tx, kit, ws, "breach_suspected", person=person.id if person else holder,
                   facts={"permit": permit, "kind": "unreported", "stopped_since": stopped,
                          "why": "redeemed, and nobody said what became of it"})
    _count(tx, "unreported", found)
