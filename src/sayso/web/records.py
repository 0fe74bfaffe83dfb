"""Looking at what was recorded: a person, the ledger, receipts, what is owed, what nobody could use.

Rules of the room: nothing here changes anything; no phone number goes out or stands in a URL (a person is asked for
in a body); lists are cut at a length.
"""

from __future__ import annotations

from typing import Any, Final

from sayso.core import events, lifecycle
from sayso.core.identity import Address
from sayso.core.lifecycle import Mark
from sayso.core.workspace import Workspace
from sayso.errors import Forbidden, InvalidRequest, NotFound
from sayso.flows import people, proof
from sayso.flows.kit import Kit
from sayso.flows.record import Person
from sayso.store.base import Tx
from sayso.web.api import address_of
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import (
    CellState,
    EventsQuery,
    LookupRequest,
    MarkShown,
    Outbox,
    Owed,
    ReceiptRequest,
    Unused,
    UnusedItems,
    Window,
)

#: Rows of the outbox and of unhandled items shown.
SHOWN: Final = 100
#: The largest cursor a database can look behind.
MAX_CURSOR: Final = 2**62
#: Facts of one person shown, the newest; the whole ledger is under /v1/events.
MAX_HISTORY: Final = 500


async def look_up(call: Call) -> Answer:
    """A person's record. 404 for somebody never heard of."""
    asked: LookupRequest = call.body
    caller, kit = call.known(), call.desk.kit
    address = address_of(caller, asked.address, "address")
    return answer(200, await call.desk.read(lambda tx: _portrait(tx, kit, caller.workspace, address)))


def _portrait(tx: Tx, kit: Kit, workspace: Workspace, address: Address) -> dict[str, Any]:
    person = people.find(tx, kit, workspace.id, address, lock=False)
    if person is None:
        raise NotFound("Nobody with this address is known.", param="address")
    standing = person.standing
    return {
        "person": person.id, "language": person.lang, "epoch": person.epoch,
        "cells": _cells(workspace, person, kit.now()),
        "stops": [_mark(mark) for mark in standing.stops],
        "native": [_mark(mark) for mark in standing.native],
        "holds": [_mark(mark) for mark in standing.holds],
        "pauses": [_mark(mark) for mark in standing.pauses],
        "windows": [Window(sender=sender, opened_at=at) for sender, at in standing.windows],
        "history": proof.history(tx, kit, workspace.id, address)[-MAX_HISTORY:],
    }


def _cells(workspace: Workspace, person: Person, now: int) -> list[CellState]:
    shown = []
    for purpose in workspace.purposes:
        for sender in workspace.senders:
            cell = workspace.cell(purpose, sender)
            state, grant = lifecycle.state_of(person.standing, cell, now), lifecycle.grant_of(person.standing, cell)
            shown.append(CellState(purpose=purpose, sender=sender, cls=cell.cls, state=state,  # type: ignore[arg-type]
                                   since=grant.at if grant else 0, expires_at=grant.until if grant else 0))
    return shown


def _mark(mark: Mark) -> MarkShown:
    return MarkShown(purpose=mark.cell.purpose, sender=mark.cell.sender, cls=mark.cell.cls, at=mark.at,
                     event=mark.event, until=mark.until)


async def list_events(call: Call) -> Answer:
    """A page of the ledger in its own order. Facts that have no leaf yet come on a later page."""
    asked: EventsQuery = call.query
    ws = call.known().workspace.id
    return answer(200, await call.desk.read(lambda tx: _page(tx, ws, asked)))


def _page(tx: Tx, ws: str, asked: EventsQuery) -> dict[str, Any]:
    rows = tx.rows("leaves_from", ws=ws, place=min(asked.after, MAX_CURSOR) + 1, limit=asked.limit + 1)
    shown = rows[:asked.limit]
    return {
        # A leaf without its event is for `sayso verify` to name; the page leaves it out.
        "data": [proof.describe(events.decode(bytes(row[5])), row[0]) for row in shown if row[5] is not None],
        "next_cursor": shown[-1][0] if shown else asked.after, "has_more": len(rows) > asked.limit,
    }


async def give_receipt(call: Call) -> Answer:
    """The receipt of a yes; 202 while the ledger has no place for it yet."""
    asked: ReceiptRequest = call.body
    caller, kit = call.known(), call.desk.kit
    workspace = caller.workspace
    if bool(asked.address) == bool(asked.event):
        raise InvalidRequest("Say which yes: an address, or the id of its event.", param="address")
    if asked.purpose:
        workspace.purpose(asked.purpose)
    if asked.event is not None and caller.key.mode == "test":
        raise Forbidden("A test key asks for receipts by address.", param="event")
    address = address_of(caller, asked.address, "address") if asked.address else None

    def work(tx: Tx) -> dict[str, Any]:
        event = asked.event or ""
        if address is not None:
            event = proof.newest_yes(tx, kit, workspace.id, address, asked.purpose)
        return proof.receipt(tx, kit, workspace, event)

    return answer(200, await call.desk.read(work))


async def show_outbox(call: Call) -> Answer:
    """What Sayso owes, and what it could not send."""
    ws = call.known().workspace.id
    rows = await call.desk.read(lambda tx: tx.rows("outbox_list", ws=ws, limit=SHOWN))
    return answer(200, Outbox(data=[
        Owed(id=row[0], kind=row[1], sender=row[2], answers=row[3], state=row[4], run_at=row[5], attempts=row[6],
             problem=row[7], created_at=row[8]) for row in rows]))


async def show_unhandled(call: Call) -> Answer:
    """What arrived and nobody could use."""
    ws = call.known().workspace.id

    def work(tx: Tx) -> UnusedItems:
        count = tx.row("count_unhandled", ws=ws)
        rows = tx.rows("unhandled_items", ws=ws, limit=SHOWN)
        return UnusedItems(count=int(count[0]) if count else 0, data=[
            Unused(id=row[0], connection=row[1], reason=row[2], field=row[3], received_at=row[4]) for row in rows])

    return answer(200, await call.desk.read(work))
