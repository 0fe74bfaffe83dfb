"""Chores of time: permits nobody used, permits nobody finished, kept bodies past their time. None of them decides
anything about consent; a worker that is down lets no yes live longer and no no end sooner.
"""

from __future__ import annotations

from typing import Final

from sayso.flows.kit import Kit
from sayso.flows.opt_out import DRAIN_MARGIN
from sayso.flows.record import append
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


def tidy(tx: Tx, kit: Kit, workspaces: list[str]) -> None:
    """One round of all chores."""
    now = tx.now()
    tx.run("expire_permits", now=now)
    tx.run("purge_idempotency", before=now - KEEP_ANSWERS)
    tx.run("purge_hits", now=now)
    tx.run("purge_spent", now=now)
    for ws in workspaces:
        tx.run("purge_unhandled", ws=ws, before=now - KEEP_UNHANDLED)
        tx.run("purge_provider_stops", ws=ws, before=now - KEEP_COUNTED)
        tx.run("purge_import_refused", ws=ws, before=now - KEEP_UNHANDLED)
    _unfinished(tx, kit, now)


def _unfinished(tx: Tx, kit: Kit, now: int) -> None:
    """A redeemed permit without `done`: recorded as an incident once, then closed as possibly sent."""
    before = now - UNFINISHED_AFTER - DRAIN_MARGIN
    for ws, permit, person, _ in tx.rows("unfinished_permits", before=before, limit=BATCH):
        if tx.run("finish_permit", ws=ws, permit=permit, state="done", now=now, outcome="unreported"):
            append(tx, kit, ws, "breach_suspected", person=person,
                   facts={"permit": permit, "why": "redeemed, and nobody said what became of it"})
