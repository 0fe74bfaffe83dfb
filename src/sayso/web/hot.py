"""The hot route: a single check. It goes from bytes to the gate's table and back with nothing between.

Rules of the room: a check reads, it never writes. Single and bulk read one verdict table; a test holds them equal.
"""

from __future__ import annotations

from prometheus_client import Counter

from sayso.core.identity import parse
from sayso.flows import permits
from sayso.telemetry import DECISIONS
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import Checked, CheckRequest

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
