"""The breaker: stops that a provider reports are believed at once, and held up to an operator when they come
implausibly many at a time. (Glific #2822: wrong error codes opted people out in bulk.)

Rules of the room: whatever the breaker does, the stop stands and the gate denies; only an operator's release lifts one,
that one and no other. What people typed themselves never comes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sayso.core.events import Event
from sayso.core.workspace import Workspace
from sayso.errors import EvidenceMissing
from sayso.flows.kit import Kit
from sayso.flows.record import append, person_by_id, tell
from sayso.ports import DAY, MINUTE
from sayso.store.base import Tx

#: The time in which stops are counted.
WITHIN: Final = 10 * MINUTE
#: The time in which people were messaged, of whom so many leaving is implausible.
MESSAGED_IN: Final = DAY
#: Stops released in one transaction.
BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Tripped:
    """What the breaker holds of one sender: how many stops, and when the first and the last were reported."""

    sender: str
    stops: int
    first: int
    last: int


def count(tx: Tx, kit: Kit, workspace: Workspace, sender: str, event: Event) -> None:
    """One more stop that this sender's provider reported; the breaker trips where it is one too many."""
    ws, now, policy = workspace.id, kit.now(), workspace.policy
    tx.run("add_provider_stop", ws=ws, event=event.id, person=event.person, sender=sender, state="counted", at=now)
    row = tx.row("provider_stops_since", ws=ws, sender=sender, since=now - WITHIN)
    stops, held = (int(row[0]), int(row[1])) if row else (0, 0)
    if not policy.breaker_least or stops <= policy.breaker_least:
        return
    if not held:
        messaged = tx.row("messaged_since", ws=ws, since=now - MESSAGED_IN)
        limit = max(policy.breaker_least, (int(messaged[0]) if messaged else 0) * policy.breaker_percent // 100)
        if stops <= limit:
            return
        append(tx, kit, ws, "breaker_tripped", facts={"sender": sender, "stops": stops, "limit": limit})
    tx.run("hold_provider_stops", ws=ws, sender=sender, since=now - WITHIN)


def tripped(tx: Tx, ws: str) -> list[Tripped]:
    """What waits for an operator, by sender."""
    return [Tripped(*row) for row in tx.rows("provider_stops_held", ws=ws)]


def confirm(tx: Tx, ws: str, sender: str) -> int:
    """These people did leave: their stops stand, as they stood. How many."""
    return tx.run("confirm_provider_stops", ws=ws, sender=sender)


def release(tx: Tx, kit: Kit, workspace: Workspace, sender: str, clerk: str) -> int:
    """The provider was wrong: lift some of these stops, and only these. How many, 0 when none is left. Who is stopped
    by anything else stays stopped. Raises EvidenceMissing without the name of who decided.
    """
    if not clerk.strip():
        raise EvidenceMissing("Say who decided that the provider was wrong.", param="clerk")
    ws, done = workspace.id, 0
    for event_id, person_id in tx.rows("held_stops_of", ws=ws, sender=sender, limit=BATCH):
        if not tx.run("judge_provider_stop", ws=ws, event=event_id, state="released"):
            continue
        done += 1
        person = person_by_id(tx, ws, person_id)
        if person is not None and not person.erased:
            tell(tx, kit, ws, person, "provider_stop_released", cause=event_id, facts={"how": "operator"},
                 evidence={"clerk": clerk.strip()})
    return done
