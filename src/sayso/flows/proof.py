"""Proof: the history of a person and the receipt of one yes, which a stranger can check without Sayso."""

from __future__ import annotations

import hashlib
from typing import Any

from sayso.core import checkpoints, events, merkle, receipts
from sayso.core.events import Event, Openings
from sayso.core.identity import Address
from sayso.core.receipts import NoticeShown, ReceiptEvent
from sayso.core.workspace import Workspace
from sayso.errors import NotConfigured, NotFound
from sayso.flows.kit import Kit
from sayso.flows.ledger import nodes_of, origin
from sayso.flows.people import find
from sayso.store.base import Tx


class NotYetInLedger(NotConfigured):
    """The event is recorded and has no leaf yet; ask again in a moment (HTTP 202)."""

    code, title, status, retry = "not_yet_in_ledger", "The event is recorded; its proof is being made", 202, True


def openings_of(tx: Tx, kit: Kit, ws: str, event_id: str) -> Openings:
    """What an event's commitments hide; empty after erasure."""
    row = tx.row("opening", ws=ws, event=event_id)
    if row is None:
        return {}
    sealed, person = bytes(row[0]), row[1]
    if not person:
        return events.decode_openings(kit.vault.unseal_workspace(ws, sealed, event_id.encode()))
    key = tx.row("wrapped_key", ws=ws, person=person)
    if key is None or key[0] is None:
        return {}
    return events.decode_openings(kit.vault.unseal(ws, person, bytes(key[0]), sealed, event_id.encode()))


def history(tx: Tx, kit: Kit, ws: str, address: Address, *, texts: bool = False) -> list[dict[str, Any]]:
    """Everything recorded of a person, oldest first. `texts` opens the evidence as well.

    Raises NotFound for somebody never heard of.
    """
    person = find(tx, kit, ws, address, lock=False)
    if person is None:
        raise NotFound("Nobody with this address is known.", param="address")
    return history_of(tx, kit, ws, person.id, texts=texts)


def history_of(tx: Tx, kit: Kit, ws: str, person_id: str, *, texts: bool = False) -> list[dict[str, Any]]:
    """The same of somebody whose record is at hand."""
    lines = []
    for body, leaf in tx.rows("history_of", ws=ws, person=person_id):
        event = events.decode(bytes(body))
        line = describe(event, leaf)
        if texts:
            shown = openings_of(tx, kit, ws, event.id)
            line["evidence"] = {name: opening.value for name, opening in shown.items()}
        lines.append(line)
    return lines


def describe(event: Event, leaf: int | None) -> dict[str, Any]:
    """An event as the API shows it: no evidence, nothing personal."""
    return {
        "id": event.id, "type": event.type, "sentence": events.TYPES[event.type], "person": event.person or None,
        "cells": [list(cell) for cell in event.cells], "occurred_at": event.occurred_at,
        "received_at": event.received_at, "clock": event.clock, "cause": event.cause or None, "facts": event.facts,
        "leaf_index": leaf, "leaf_hash": merkle.leaf_hash(events.encode(event)).hex(),
    }


def receipt(tx: Tx, kit: Kit, workspace: Workspace, yes_id: str) -> dict[str, Any]:
    """The receipt of one yes: the request with its wording, the yes, their inclusion proofs, the checkpoint. A yes
    recorded from elsewhere has no request; it is proven if it grants.

    Raises NotFound if there is no such yes, NotYetInLedger while it has no leaf.
    """
    ws = workspace.id
    yes = _event(tx, ws, yes_id)
    if yes is None or not receipts.is_yes(yes):
        raise NotFound("There is no yes with this id.", param="id")
    request = _event(tx, ws, yes.cause)
    shown = [event for event in (request, yes) if event is not None]
    row = tx.row("last_checkpoint", ws=ws)
    size = int(row[0]) if row else 0
    opened = {event.id: openings_of(tx, kit, ws, event.id) for event in shown}
    proven = [_prove(tx, ws, event, size, opened[event.id]) for event in shown]
    shown_as = _shown(tx, ws, request or yes, opened[yes.id])
    record = receipts.record_for(request, yes, opened, workspace.name, shown_as)
    return receipts.build(
        events=proven, checkpoint_note=row[2] if row else "", issued_at=kit.now(), record=record,
        vkey=checkpoints.vkey(origin(kit, ws), kit.vault.public_key),
    )


def _shown(tx: Tx, ws: str, asked: Event, openings: Openings) -> NoticeShown:
    """The wording that was shown: the notice's that the event names, else the one kept with a yes from elsewhere."""
    lang = str(asked.facts.get("lang", ""))
    if "notice" in asked.facts:
        version = int(asked.facts["notice_version"])
        notice = tx.row("notice", ws=ws, notice=str(asked.facts["notice"]), version=version, lang=lang)
        return NoticeShown(lang, notice[0] if notice else "")
    kept = openings["wording"].value if "wording" in openings else ""
    whole = hashlib.sha256(kept.encode()).hexdigest() == asked.facts.get("notice_hash")  # a very long one was cut
    return NoticeShown(lang, kept if whole else "")


def newest_yes(tx: Tx, kit: Kit, ws: str, address: Address, purpose: str = "") -> str:
    """The id of the newest yes of a person, for one purpose if named. Raises NotFound."""
    person = find(tx, kit, ws, address, lock=False)
    if person is not None:
        facts = [events.decode(bytes(body)) for (body,) in tx.rows("facts_of", ws=ws, person=person.id)]
        undone = {fact.cause for fact in facts if fact.type == "record_undone"}
        found = [
            fact for fact in facts if receipts.is_yes(fact) and fact.id not in undone
            and (not purpose or any(cell.purpose == purpose for cell in fact.cells))
        ]
        if found:
            return max(found, key=lambda event: event.occurred_at).id
    raise NotFound("This person has said no yes that could be proven.", param="address")


def _event(tx: Tx, ws: str, event_id: str) -> Event | None:
    row = tx.row("event", ws=ws, event=event_id)
    return events.decode(bytes(row[0])) if row else None


def _prove(tx: Tx, ws: str, event: Event, size: int, openings: Openings) -> ReceiptEvent:
    row = tx.row("event_with_leaf", ws=ws, event=event.id)
    if row is None or row[2] is None or row[2] >= size:
        raise NotYetInLedger("This event is recorded and waits for its place in the ledger; ask again in a second.")
    return ReceiptEvent(bytes(row[0]), row[2], merkle.inclusion(row[2], size, nodes_of(tx, ws)), openings)
