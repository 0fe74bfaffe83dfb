"""The one way a message of somebody else's program leaves: judged, a permit spent, written within its lease, reported.

Rules of the room: the steady clock is read before the permit is asked for, and looked at once more when the first byte
is about to go. A call is made at most once. Whatever ends the call, the permit is reported; what may have been written
is reported as possibly sent, also when this server is being stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sayso.channels.base import Sent
from sayso.channels.relay import Carried
from sayso.core.gate import Verdict
from sayso.core.workspace import Workspace
from sayso.errors import PermitExpired, ProviderError, SaysoError
from sayso.flows import gateway
from sayso.flows.gateway import Judged, Result, Wish
from sayso.flows.permits import LEASE
from sayso.telemetry import BREACHES, log
from sayso.web.call import JSON, Answer, Call
from sayso.web.counting import count
from sayso.web.gateway_templates import Templates

if TYPE_CHECKING:
    from sayso.web.desk import Desk

#: Messages under way at a time; the others wait in line before they ask for their permit. At Meta's 100 ms a message
#: that is 1,280 a second, and Meta's highest throughput is 1,000.
UNDER_WAY: Final = 128
#: Files fetched at a time: so few that they never take the connections of everything else.
FILES: Final = 32
#: What is asked of a provider besides the caller's own: bytes that go back as they came.
PLAIN: Final = {"accept-encoding": "identity", "user-agent": "Sayso"}


@dataclass(frozen=True, slots=True)
class Onward:
    """A request to be handed on. `content` makes its body for a permit, `understand` reads what the answer says
    (status, JSON, Retry-After) and raises ProviderError for a refusal.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)
    content: Callable[[str], bytes] = field(repr=False)
    understand: Callable[[int, dict[str, Any], str | None], Sent]


class Wire:
    """One server's connections to providers. Belongs to its event loop."""

    def __init__(self, desk: Desk) -> None:
        self.relay = desk.system.relay()
        self.pipes = desk.system.pipes()
        self.templates = Templates(desk, self.relay)
        self.line = asyncio.Semaphore(UNDER_WAY)
        self.files = asyncio.Semaphore(FILES)

    async def close(self) -> None:
        """Let go of them."""
        await self.templates.close()
        await self.pipes.close()
        await self.relay.close()


async def send(call: Call, workspace: Workspace, wish: Wish, onward: Onward) -> Carried | Verdict:
    """Hand a message on if it may go; else the verdict. Raises ProviderError when there is no answer, PermitExpired
    when it came too late to be written, Unavailable when nothing can be recorded.
    """
    async with call.desk.wire.line:
        return await _send(call, workspace, wish, onward)


async def _send(call: Call, workspace: Workspace, wish: Wish, onward: Onward) -> Carried | Verdict:
    steady = call.desk.kit.ports.clock.steady
    judged, asked_at = await _judge(call, workspace, wish)
    count(judged.verdict.verdict, judged.verdict.reason)
    if not judged.permit:
        return judged.verdict
    began: list[int] = []

    def before_write() -> None:
        now = steady()
        if now - asked_at > LEASE:
            raise PermitExpired("The write would have begun after the permit's deadline; nothing was sent.")
        began.append(now)

    report = partial(_report, call, workspace, wish, judged)
    try:
        carried = await call.desk.wire.pipes.carry("POST", onward.url, onward.headers, onward.content(judged.permit),
                                                   before_write=before_write)
    except ProviderError as error:
        await report(gateway.failure(error), _offset(began, asked_at))
        raise
    except BaseException as error:
        out = bool(began) and not isinstance(error, PermitExpired)  # only our own last look comes before the first byte
        await asyncio.shield(report(Result("possibly_sent" if out else "aborted"), _offset(began, asked_at)))
        if out and isinstance(error, Exception):
            raise ProviderError("Something broke while it was sent; it may have been sent.",
                                outcome="possibly_sent") from error
        raise
    await report(_read(onward, carried), _offset(began, asked_at))
    return carried


def _offset(began: list[int], asked_at: int) -> int:
    return began[-1] - asked_at if began else 0


def _read(onward: Onward, carried: Carried) -> Result:
    try:
        sent = onward.understand(carried.status, carried.json(), carried.retry_after)
    except ProviderError as error:
        return gateway.failure(error)
    return Result("sent", sent.message_id, sent.contacts)


async def _judge(call: Call, workspace: Workspace, wish: Wish) -> tuple[Judged, int]:
    """The gate's answer, and the steady clock before it was asked. A template nobody knows is asked about first."""
    desk, steady = call.desk, call.desk.kit.ports.clock.steady
    work = partial(_take, desk.kit, workspace, wish)
    asked_at = steady()
    judged = await desk.write(work)
    if judged.learn == "beside":
        desk.wire.templates.soon(workspace, wish)
    elif judged.learn == "first" and await desk.wire.templates.learn(workspace, wish):
        asked_at = steady()
        judged = await desk.write(work)
    return judged, asked_at


def _take(kit: Any, workspace: Workspace, wish: Wish, tx: Any) -> Judged:
    return gateway.take(tx, kit, workspace, wish)


async def _report(call: Call, workspace: Workspace, wish: Wish, judged: Judged, result: Result, offset_us: int) -> None:
    """Record what became of it. If that cannot be recorded the message is out all the same: a chore finds the permit
    that nobody reported and makes it an incident.
    """
    desk = call.desk
    try:
        done = await desk.write(lambda tx: gateway.finish(tx, desk.kit, workspace, wish, judged, result, offset_us))
    except SaysoError as error:
        log("unreported", code=error.code, route=call.route, request_id=call.request_id)
        return
    if done.late:
        BREACHES.inc()
    if done.moved or result.will:
        desk.wake()  # a confirmation may have waited for this permit


def handed_back(carried: Carried) -> Answer:
    """A provider's answer, as it came."""
    headers = tuple((name.encode(), value.encode("latin-1")) for name, value in carried.headers)
    return Answer(carried.status, carried.body, carried.media.encode("latin-1") or JSON, headers)
