"""From a fact in the ledger to what a webhook is told of it: a CloudEvent, made anew for every try.

Rules of the room: nothing is stored of what is told, so an erasure in between leaves nothing to tell of an address.
The states before and after are folded from the facts that the ledger had up to that place, whatever came later. No
text ever goes out, and a phone number only to a webhook that is declared for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sayso.core import cloud_events, events, gate, lifecycle
from sayso.core.cloud_events import Change
from sayso.core.events import Event
from sayso.core.gate import Question
from sayso.core.lifecycle import Standing
from sayso.core.purposes import Cell
from sayso.core.workspace import Webhook, Workspace
from sayso.errors import IntegrityError, KeyProblem
from sayso.flows import people
from sayso.flows.kit import Kit
from sayso.flows.record import Person, person_by_id
from sayso.ports import SECOND
from sayso.store.base import Tx


@dataclass(frozen=True, slots=True)
class Message:
    """What is told: the id that stays the same over all tries, the type without its prefix, the bytes."""

    id: str
    type: str
    body: bytes


def source(kit: Kit, ws: str) -> str:
    """Whose event it is (CloudEvents: `source` and `id` together are unique)."""
    return f"/sayso/{kit.vault.installation_id}/{ws}"


def person_of(tx: Tx, ws: str, event: Event) -> Person | None:
    """Whom a fact is about, under the record they are known by now."""
    return person_by_id(tx, ws, event.person, lock=False) if event.person else None


def lane(tx: Tx, ws: str, event: Event) -> str:
    """Facts of one lane keep their order: those of one person, and those of nobody."""
    person = person_of(tx, ws, event)
    return person.id if person else event.person


def message(tx: Tx, kit: Kit, workspace: Workspace, webhook: Webhook, leaf: int, event: Event) -> Message | None:
    """What this webhook is told of a fact; None if nothing."""
    if event.type in cloud_events.QUIET:
        return None
    person = person_of(tx, workspace.id, event)
    before, after, grants = _around(tx, workspace.id, person, event, leaf) if person else (
        lifecycle.NOBODY, lifecycle.NOBODY, False)
    changed = cloud_events.changes(before, after, _declared(workspace), event) if person else []
    kind = cloud_events.type_of(event, grants, changed)
    if not kind or (webhook.types and kind not in webhook.types):
        return None
    data: dict[str, Any] = {
        "event": event.id, "event_type": event.type, "leaf": leaf, "cause": event.cause or None,
        "occurred_at": event.occurred_at, "received_at": event.received_at, "clock": event.clock,
        "facts": event.facts, "scope": [_named(cell) for cell in event.cells],
    }
    if person is not None:
        shown = changed[:cloud_events.MAX_CELLS]
        data |= {"person": person.id, "epoch": person.epoch,
                 "cells": [_told(after, change, event.received_at) for change in shown],
                 "more_cells": len(changed) > len(shown)}
        if webhook.addresses:
            data["address"] = _address(tx, kit, workspace.id, person)
    body = cloud_events.envelope(
        id=event.id, source=source(kit, workspace.id), type=kind, time=stamp(event.occurred_at),
        subject=person.id if person else "", data=data)
    return Message(event.id, kind, body)


def _address(tx: Tx, kit: Kit, ws: str, person: Person) -> dict[str, str] | None:
    """Where they can be reached now; None if nowhere, or if it cannot be read: the rest is told all the same."""
    try:
        address = people.reachable(tx, kit, ws, person)
    except (IntegrityError, KeyProblem):
        return None
    return {"kind": address.kind, "value": address.dial} if address else None


def trial(kit: Kit, workspace: Workspace) -> Message:
    """A test delivery, which tells of nothing."""
    event_id = kit.ports.new_id("evt")
    body = cloud_events.envelope(id=event_id, source=source(kit, workspace.id), type="webhook.tested",
                                 time=stamp(kit.now()), subject="", data={"workspace": workspace.slug})
    return Message(event_id, "webhook.tested", body)


def stamp(us: int) -> str:
    """A time as RFC 3339 writes it, UTC."""
    whole = datetime.fromtimestamp(us // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{us % SECOND:06d}Z"


def _declared(workspace: Workspace) -> list[Cell]:
    return [Cell(purpose.name, sender.name, purpose.cls) for purpose in workspace.purposes.values()
            for sender in workspace.senders.values() if sender.channel == "whatsapp"]


def _named(cell: Cell) -> dict[str, str]:
    return {"purpose": cell.purpose, "sender": cell.sender, "class": cell.cls}


def _told(after: Standing, change: Change, at: int) -> dict[str, Any]:
    """A cell with its state, and what the gate would have said just then."""
    verdict = gate.decide(after, Question(change.cell, at))
    return {**_named(change.cell), "state": change.state, "was": change.was, "allowed": verdict.allowed,
            "reason": verdict.reason}


# -- the two folds -----------------------------------------------------------------------------------------------------


def _around(tx: Tx, ws: str, person: Person, event: Event, leaf: int) -> tuple[Standing, Standing, bool]:
    """Where the person stood before this fact and after it, and whether the fact itself grants."""
    try:
        facts = [events.decode(bytes(body)) for (body,) in tx.rows("facts_until", ws=ws, person=person.id, leaf=leaf)]
        if event.type == "spoke":
            facts.append(event)
        facts = _of_one(event, facts)
        facts += _spoken(tx, ws, person, facts, leaf)
        others = [fact for fact in facts if fact.id != event.id]
        return lifecycle.fold(others), lifecycle.fold(facts), event.id in lifecycle.granting(facts)
    except (IntegrityError, KeyError, TypeError, ValueError):  # a fact among them cannot be read: that denies
        return lifecycle.UNREADABLE, lifecycle.UNREADABLE, False


def _of_one(event: Event, facts: Sequence[Event]) -> list[Event]:
    """Only the records that were one person by then: a later merge joins nothing that was told before it."""
    merges = [(fact.person, str(fact.facts.get("from", ""))) for fact in facts if fact.type == "people_merged"]
    known = {event.person}
    while True:
        more = {record for pair in merges if known & set(pair) for record in pair} - known
        if not more:
            return [fact for fact in facts if fact.person in known]
        known |= more


def _spoken(tx: Tx, ws: str, person: Person, facts: Sequence[Event], leaf: int) -> list[Event]:
    """Small talk, as far as a yes in bare words depends on it (see `record.facts_of`)."""
    words = [fact.occurred_at for fact in facts if fact.type == "said_yes" and fact.facts.get("how") == "word"]
    if not words:
        return []
    since = min(fact.occurred_at for fact in facts)
    rows = tx.rows("spoken_until", ws=ws, person=person.id, since=since, until=max(words), leaf=leaf)
    return [events.decode(bytes(body)) for (body,) in rows]
