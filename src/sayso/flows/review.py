"""The review queue: messages that may mean stop, and what an operator decides about them.

Rules of the room: the text is sealed and shown only to who asks for it, and that is counted as a look in the log;
a release settles one message, a stop is a stop like any other. Both are facts that name who decided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sayso.core import events, lifecycle
from sayso.core.lifecycle import Standing
from sayso.core.purposes import ALL_MARKETING, ANY, EVERYTHING, Cell
from sayso.core.workspace import Workspace
from sayso.errors import EvidenceMissing, NotFound
from sayso.flows import opt_out
from sayso.flows.kit import Kit
from sayso.flows.proof import openings_of
from sayso.flows.record import Person, person_by_id
from sayso.store.base import Tx

#: Messages shown at a time, the oldest first.
SHOWN: Final = 100
#: What evidence holds that the person said.
SAID: Final = ("text", "label", "emoji", "value")


@dataclass(frozen=True, slots=True)
class Held:
    """A message that waits: the event, whose it is, when it was said and where, why it was held. `text` is empty
    unless it was asked for.
    """

    event: str
    person: str
    language: str
    at: int
    sender: str
    why: str
    text: str


def held(tx: Tx, kit: Kit, ws: str, *, reveal: bool = False, limit: int = SHOWN) -> list[Held]:
    """What waits, oldest first."""
    found = []
    for event_id, person_id, _ in tx.rows("held_messages", ws=ws, limit=limit):
        person = person_by_id(tx, ws, person_id, lock=False)
        row = tx.row("event", ws=ws, event=event_id)
        if person is None or row is None or not waits(person.standing, event_id):
            continue
        event = events.decode(bytes(row[0]))
        opened = openings_of(tx, kit, ws, event_id) if reveal else {}
        text = next((opened[name].value for name in SAID if name in opened), "")
        found.append(Held(event_id, person.id, person.lang, event.occurred_at, str(event.facts.get("inbound", "")),
                          str(event.facts.get("why", "")), text))
    return found


def waits(standing: Standing, event_id: str) -> bool:
    """True while this message holds marketing that nothing else stops anyway."""
    mine = [mark for mark in standing.holds if mark.event == event_id]
    return any(not lifecycle.settled(standing, mark) for mark in mine) and not opt_out.already_stopped(
        standing, ALL_MARKETING)


def _open(tx: Tx, ws: str, event_id: str, clerk: str) -> Person:
    if not clerk.strip():
        raise EvidenceMissing("Say who decided.", param="clerk")
    row = tx.row("held_message", ws=ws, event=event_id)
    person = person_by_id(tx, ws, row[0]) if row else None
    if person is None or person.erased or not waits(person.standing, event_id):
        raise NotFound("No message with this id waits for a decision.", param="event")
    return person


def release(tx: Tx, kit: Kit, workspace: Workspace, event_id: str, clerk: str) -> Person:
    """An operator read it: it was no stop. Raises NotFound, EvidenceMissing."""
    person = _open(tx, workspace.id, event_id, clerk)
    return opt_out.release_hold(tx, kit, workspace, person, how="operator", cause=event_id,
                                evidence={"clerk": clerk.strip()})


def stop(tx: Tx, kit: Kit, workspace: Workspace, event_id: str, clerk: str, *,
         marketing: bool = False) -> opt_out.OptedOut:
    """An operator read it: it was a stop, of everything or of marketing. Raises NotFound, EvidenceMissing."""
    person = _open(tx, workspace.id, event_id, clerk)
    cell = Cell(ANY, ANY, "marketing") if marketing else EVERYTHING
    said = opt_out.stop(tx, kit, workspace, person, cell, how="operator",
                        evidence={"clerk": clerk.strip(), "message": event_id})
    return opt_out.acknowledged(tx, kit, workspace, said)
