"""Webhooks out and incidents over HTTP: looking at them, telling a range once more, saying that somebody looked."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sayso.errors import InvalidRequest
from sayso.flows import incidents, receivers
from sayso.flows.incidents import Incidents
from sayso.flows.receivers import Replay, WebhookShown
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import Reply, Request

#: A place in the ledger, or a time: as far as JSON numbers count exactly.
Leaf = Annotated[int, Meta(ge=0, le=2**53)]


class WebhookList(Reply, frozen=True, kw_only=True):
    """All that are declared."""

    data: list[WebhookShown]


class ReplayRequest(Request, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """From leaf to leaf, both included and both optional; or from a time on (microseconds UTC)."""

    first: Leaf | None = None
    last: Leaf | None = None
    since: Leaf | None = None


class Enabled(Reply, frozen=True, kw_only=True):
    """The webhook is called again."""

    name: str
    state: Literal["enabled"]


class IncidentsQuery(Request, frozen=True, kw_only=True):
    """`all` shows what somebody looked at as well."""

    all: bool = False


class NoteRequest(Request, frozen=True, kw_only=True):
    """What was found; it is sealed, and goes with the person it is about."""

    note: Annotated[str, Meta(max_length=incidents.MAX_NOTE)] = ""


class Acknowledged(Reply, frozen=True, kw_only=True):
    """`event` is the fact that says so."""

    incident: str
    event: str


async def list_webhooks(call: Call) -> Answer:
    """Every webhook with its cursor and how it does."""
    workspace = call.known().workspace
    return answer(200, WebhookList(data=await call.desk.read(lambda tx: receivers.shown(tx, workspace))))


async def replay(call: Call) -> Answer:
    """Tell a range of the ledger once more."""
    asked: ReplayRequest = call.body
    if asked.since is not None and (asked.first is not None or asked.last is not None):
        raise InvalidRequest("Say leaves or a time, not both.", param="since")
    workspace, kit, name = call.known().workspace, call.desk.kit, call.params["webhook"]
    made: Replay = await call.desk.write(lambda tx: receivers.replay(
        tx, kit, workspace, name, first=asked.first, last=asked.last, since=asked.since))
    call.desk.wake()
    return answer(202, made)


async def enable(call: Call) -> Answer:
    """Call a disabled webhook again."""
    workspace, name = call.known().workspace, call.params["webhook"]
    await call.desk.write(lambda tx: receivers.enable(tx, workspace, name))
    call.desk.wake()
    return answer(200, Enabled(name=name, state="enabled"))


async def list_incidents(call: Call) -> Answer:
    """What went wrong quietly."""
    asked: IncidentsQuery = call.query
    ws, kit = call.known().workspace.id, call.desk.kit
    found: Incidents = await call.desk.read(lambda tx: incidents.overview(tx, kit, ws, every=asked.all))
    return answer(200, found)


async def acknowledge(call: Call) -> Answer:
    """Somebody looked at it."""
    asked: NoteRequest = call.body
    ws, kit, incident = call.known().workspace.id, call.desk.kit, call.params["incident"]
    event = await call.desk.write(
        lambda tx: incidents.acknowledge(tx, kit, ws, incident, how="api", note=asked.note))
    return answer(200, Acknowledged(incident=incident, event=event))
