"""What waits for a decision, over HTTP: unclear messages, stops that a provider reported in bulk; and why people left.

Rules of the room: what was said is sealed and shown only where it is asked for, and each such look is logged; a
decision names who made it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from sayso.errors import InvalidRequest
from sayso.flows import breaker, reasons, review
from sayso.flows.opt_out import Confirmation
from sayso.ports import DAY
from sayso.store.base import Tx
from sayso.telemetry import log
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import EventId, Micros, Name, Reply, Request

Clerk = Annotated[str, Meta(min_length=1, max_length=128, description="Who decides; it goes into the record.")]
#: Days that reasons are counted over.
MAX_DAYS: Final = 3_660


class HeldQuery(Request, frozen=True, kw_only=True):
    """`reveal` shows what was said."""

    reveal: bool = False


class HeldShown(Reply, frozen=True, kw_only=True):
    """A message that may mean stop. `text` is empty unless it was asked for."""

    event: str
    person: str
    language: str
    at: Micros
    sender: str
    why: str
    text: str


class HeldMessages(Reply, frozen=True, kw_only=True):
    """What waits, oldest first."""

    data: list[HeldShown]


class Decision(Request, frozen=True, kw_only=True):
    """`release`: it was no stop. `stop`: it was one, of everything. `stop_marketing`: of marketing."""

    event: EventId
    decision: Literal["release", "stop", "stop_marketing"]
    clerk: Clerk


class Decided(Reply, frozen=True, kw_only=True):
    """What became of it; `confirmation` says whether the person is told."""

    event: str
    person: str
    state: Literal["released", "stopped"]
    confirmation: Confirmation | Literal[""]


class TrippedShown(Reply, frozen=True, kw_only=True):
    """Stops of one sender that the breaker holds."""

    sender: str
    stops: int
    first: Micros
    last: Micros


class BreakerShown(Reply, frozen=True, kw_only=True):
    """By sender."""

    data: list[TrippedShown]


class Judgement(Request, frozen=True, kw_only=True):
    """`confirm`: these people left. `release`: the provider was wrong."""

    sender: Name
    decision: Literal["confirm", "release"]
    clerk: Clerk


class Judged(Reply, frozen=True, kw_only=True):
    """How many stops it was. With `more` there are further ones: ask again."""

    sender: str
    stops: int
    more: bool


class ReasonsQuery(Request, frozen=True, kw_only=True):
    """The last so many days."""

    days: Annotated[int, Meta(ge=1, le=MAX_DAYS)] = 30


class Reasons(Reply, frozen=True, kw_only=True):
    """How many people left for which reason, of those who said."""

    too_many: int
    not_relevant: int
    never_asked: int
    other: int


async def list_held(call: Call) -> Answer:
    """Messages that may mean stop."""
    asked: HeldQuery = call.query
    ws, kit = call.known().workspace.id, call.desk.kit
    found = await call.desk.read(lambda tx: review.held(tx, kit, ws, reveal=asked.reveal))
    if asked.reveal and found:
        log("held_revealed", count=len(found))
    return answer(200, HeldMessages(data=[HeldShown(**asdict(one)) for one in found]))


async def decide_held(call: Call) -> Answer:
    """An operator read one. Raises NotFound where it was settled already."""
    asked: Decision = call.body
    workspace, kit = call.known().workspace, call.desk.kit

    def work(tx: Tx) -> Decided:
        if asked.decision == "release":
            person = review.release(tx, kit, workspace, asked.event, asked.clerk)
            return Decided(event=asked.event, person=person.id, state="released", confirmation="")
        said = review.stop(tx, kit, workspace, asked.event, asked.clerk, marketing=asked.decision == "stop_marketing")
        return Decided(event=said.event, person=said.person, state="stopped", confirmation=said.confirmation)

    told = await call.desk.write(work)
    call.desk.wake()
    return answer(200, told)


async def show_breaker(call: Call) -> Answer:
    """What the breaker holds."""
    ws = call.known().workspace.id
    found = await call.desk.read(lambda tx: breaker.tripped(tx, ws))
    return answer(200, BreakerShown(data=[TrippedShown(**asdict(one)) for one in found]))


async def judge_breaker(call: Call) -> Answer:
    """Confirm or release a sender's stops, some at a time. Raises UnknownSender."""
    asked: Judgement = call.body
    workspace, kit = call.known().workspace, call.desk.kit
    if not asked.sender:
        raise InvalidRequest("Name the sender whose stops these are.", param="sender")
    sender = workspace.sender(asked.sender).name

    def work(tx: Tx) -> Judged:
        if asked.decision == "confirm":
            return Judged(sender=sender, stops=breaker.confirm(tx, workspace.id, sender), more=False)
        done = breaker.release(tx, kit, workspace, sender, asked.clerk)
        return Judged(sender=sender, stops=done, more=done == breaker.BATCH)

    told: Any = await call.desk.write(work)
    return answer(200, told)


async def count_reasons(call: Call) -> Answer:
    """Why people left."""
    asked: ReasonsQuery = call.query
    ws, since = call.known().workspace.id, call.desk.kit.now() - asked.days * DAY
    return answer(200, Reasons(**await call.desk.read(lambda tx: reasons.counts(tx, ws, since))))
