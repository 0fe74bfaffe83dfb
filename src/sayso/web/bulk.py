"""Bulk checks: up to 10,000 addresses at once, by the database or, where there is one, by the snapshot.

Rules of the room: a check reads, it never writes; what is no address is a deny in its place. By the database others are
let in every few milliseconds; by the snapshot the work is done in a thread. Either way the answers are those of single
checks made now; tests hold them equal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Final

from sayso.core.gate import Verdict
from sayso.core.identity import E164, Address, parse
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.errors import InvalidAddress
from sayso.flows.bulk import check_many
from sayso.flows.kit import Kit
from sayso.flows.snapshots import CODES, position, verdict_of
from sayso.store.base import Tx
from sayso.web.auth import Caller
from sayso.web.call import Answer, Call, answer
from sayso.web.hot import count
from sayso.web.schemas import BulkChecked, BulkRequest, BulkResult, Counts
from sayso.wiring import System

#: Addresses of a bulk check looked up in one go: some eight milliseconds, after which others get their turn.
CHUNK: Final = 1000
#: From so many addresses on a snapshot is worth bringing up to date.
LARGE: Final = 1000
#: The reason of an address that cannot be read, in its place among its siblings.
UNREADABLE: Final = "invalid_address"
_VERDICTS: Final = tuple(verdict_of(reason) for reason in CODES)


async def bulk(call: Call) -> Answer:
    """Up to 10,000 at once. What is no address is a deny in its place; its siblings are answered."""
    asked: BulkRequest = call.body
    caller, desk = call.known(), call.desk
    workspace = caller.workspace
    cell = workspace.cell(asked.purpose, asked.sender)
    results: list[BulkResult] | None = None
    at = await desk.peek(lambda tx: position(tx, workspace.id))
    if len(asked.addresses) >= LARGE and caller.key.mode == "live" and desk.system.snapshots is not None:
        results = await desk.away(_by_snapshot, desk.system, workspace, asked.addresses, cell)
    if results is None:
        results = await _by_database(call, caller, asked.addresses, cell)
    return answer(200, BulkChecked(results=results, counts=_counts(results), position=at, grade="filter"))


# -- by the snapshot ---------------------------------------------------------------------------------------------------


def _by_snapshot(system: System, workspace: Workspace, texts: Sequence[str], cell: Cell) -> list[BulkResult] | None:
    """None where there is no snapshot that is quickly brought up to date; making one is not a request's business."""
    keeper = system.keeper(workspace)
    state = keeper.follow(workspace)
    if state is None:
        return None
    import numpy as np  # noqa: PLC0415  only where a snapshot is used

    from sayso.snapshot.phones import canonical  # noqa: PLC0415

    numbers, users = _numbers(texts, workspace.country or None)
    answered = keeper.answers(state, workspace, canonical(np.array(numbers, dtype=np.uint64)), cell)
    results = [BulkResult(address=text, verdict=_VERDICTS[code], reason=CODES[code]) if number else
               BulkResult(address=text, verdict="deny", reason=UNREADABLE)
               for text, number, code in zip(texts, numbers, answered.codes.tolist(), strict=True)]
    for place, until in answered.waits.items():
        results[place] = BulkResult(address=texts[place], verdict="wait", reason=results[place].reason, until=until)
    if users:
        verdicts = system.store.read(lambda tx: check_many(tx, system.kit, workspace, list(users.values()), cell))
        for place, verdict in zip(users, verdicts, strict=True):
            results[place] = _result(texts[place], verdict)
    return results


def _numbers(texts: Sequence[str], region: str | None) -> tuple[list[int], dict[int, Address]]:
    """Each phone number without its plus, 0 for what is none; and by place those that are user ids."""
    numbers, users = [], {}
    for place, text in enumerate(texts):
        if E164.match(text):
            numbers.append(int(text))
            continue
        numbers.append(0)
        try:
            address = parse(text, region)
        except InvalidAddress:
            continue
        if address.kind == "phone":
            numbers[place] = int(address.value)
        else:
            users[place] = address
    return numbers, users


# -- by the database ---------------------------------------------------------------------------------------------------


async def _by_database(call: Call, caller: Caller, texts: Sequence[str], cell: Cell) -> list[BulkResult]:
    workspace, kit = caller.workspace, call.desk.kit
    results: list[BulkResult] = []
    rest = iter(texts)
    while chunk := list(islice(rest, CHUNK)):
        addresses = _read(caller, chunk, len(results))
        found = await call.desk.peek(partial(_decide, kit, workspace, [one for one in addresses if one], cell))
        results += _results(chunk, addresses, found)
        await asyncio.sleep(0)
    return results


def _read(caller: Caller, texts: Sequence[str], before: int) -> list[Address | None]:
    """The addresses, None for what is none. Raises Forbidden for a test key that names somebody's number."""
    found: list[Address | None] = []
    region = caller.workspace.country or None
    for place, text in enumerate(texts, before):
        try:
            found.append(caller.check_address(parse(text, region, fast=True), f"addresses.{place}"))
        except InvalidAddress:
            found.append(None)
    return found


def _decide(kit: Kit, workspace: Workspace, addresses: Sequence[Address], cell: Cell, tx: Tx) -> list[Verdict]:
    return check_many(tx, kit, workspace, addresses, cell)


def _results(texts: Sequence[str], addresses: Sequence[Address | None], found: Sequence[Verdict]) -> list[BulkResult]:
    verdicts = iter(found)
    return [_result(text, next(verdicts) if address else None)
            for text, address in zip(texts, addresses, strict=True)]


def _result(text: str, verdict: Verdict | None) -> BulkResult:
    if verdict is None:
        return BulkResult(address=text, verdict="deny", reason=UNREADABLE)
    return BulkResult(address=text, verdict=verdict.verdict, reason=verdict.reason, until=verdict.until)


def _counts(results: Sequence[BulkResult]) -> Counts:
    tally: dict[tuple[str, str], int] = {}
    for result in results:
        key = (result.verdict, result.reason)
        tally[key] = tally.get(key, 0) + 1
    sums = {"allow": 0, "deny": 0, "wait": 0}
    for (verdict, reason), number in tally.items():
        count(verdict, reason, number)
        sums[verdict] += number
    return Counts(allow=sums["allow"], deny=sums["deny"], wait=sums["wait"])
