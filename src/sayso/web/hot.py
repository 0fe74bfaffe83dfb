"""The hot routes: single check and bulk check. They go from bytes to the gate's table and back with nothing between.

Rules of the room: a check reads, it never writes. Single and bulk read one verdict table; a test holds them equal. A
bulk check lets others in every few milliseconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Final

from prometheus_client import Counter

from sayso.core.gate import Verdict
from sayso.core.identity import Address, parse
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.errors import InvalidAddress
from sayso.flows import permits
from sayso.flows.bulk import check_many
from sayso.flows.kit import Kit
from sayso.store.base import Tx
from sayso.telemetry import DECISIONS
from sayso.web.auth import Caller
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import BulkChecked, BulkRequest, BulkResult, Checked, CheckRequest, Counts

#: Addresses of a bulk check looked up in one go: some eight milliseconds, after which others get their turn.
CHUNK: Final = 1000
#: The reason of an address that cannot be read, in its place among its siblings.
UNREADABLE: Final = "invalid_address"

_counters: dict[tuple[str, str], Counter] = {}  # a label look-up costs more than the gate itself


def count(verdict: str, reason: str, number: int = 1) -> None:
    """Count answers of the gate."""
    counter = _counters.get((verdict, reason))
    if counter is None:
        counter = _counters[(verdict, reason)] = DECISIONS.labels(verdict, reason)
    counter.inc(number)


async def check(call: Call) -> Answer:
    """May I? Advisory: the answer is true now, and not enough to send by."""
    asked: CheckRequest = call.body
    caller = call.known()
    address = caller.check_address(parse(asked.address, caller.workspace.country or None, fast=True), "address")
    workspace, kit = caller.workspace, call.desk.kit
    cell = workspace.cell(asked.purpose, asked.sender)
    verdict = await call.desk.peek(
        lambda tx: permits.check(tx, kit, workspace, address, cell, free_form=asked.free_form))
    count(verdict.verdict, verdict.reason)
    return answer(200, Checked(
        verdict=verdict.verdict, reason=verdict.reason, sentence=verdict.sentence, epoch=verdict.epoch,
        because=verdict.because, until=verdict.until, grade="filter"))


async def bulk(call: Call) -> Answer:
    """Up to 10,000 at once. What is no address is a deny in its place; its siblings are answered."""
    asked: BulkRequest = call.body
    caller, kit = call.known(), call.desk.kit
    workspace = caller.workspace
    cell = workspace.cell(asked.purpose, asked.sender)
    position = await call.desk.peek(lambda tx: _position(tx, workspace.id))
    results: list[BulkResult] = []
    rest = iter(asked.addresses)
    while chunk := list(islice(rest, CHUNK)):
        addresses = _read(caller, chunk, len(results))
        found = await call.desk.peek(partial(_decide, kit, workspace, [one for one in addresses if one], cell))
        results += _results(chunk, addresses, found)
        await asyncio.sleep(0)
    return answer(200, BulkChecked(results=results, counts=_counts(results), position=position, grade="filter"))


def _position(tx: Tx, ws: str) -> int:
    row = tx.row("tree_size", ws=ws)
    return int(row[0]) if row else 0


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
