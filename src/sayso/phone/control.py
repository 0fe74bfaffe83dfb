"""The control API under /_phone/: what a test or the page may make people do, turn, read and reset.

Every answer is JSON. A wrong field is a 422 problem that names it; a body that is no JSON is 400. POST takes
`application/json` only and nothing from another site, so that a web page elsewhere cannot drive the
simulator.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from sayso.errors import BodyTooLarge, Forbidden, InvalidRequest, MalformedBody, SaysoError
from sayso.phone import acts
from sayso.phone.config import MAX_BODY_BYTES, Cast, Template
from sayso.phone.world import World

T = TypeVar("T")
PREFIX = "/_phone/"
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
# A webhook address is a URL of at most this length.
Url = Annotated[str, msgspec.Meta(max_length=2000, pattern=r"^(https?://[^\s]+)?$")]
# The longest a caller may wait for deliveries to be over.
MAX_SETTLE_SECONDS = 60.0


class _Strict(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A request body: an unknown field is an error, not a shrug."""


class Say(_Strict):
    person: Name
    text: str
    to: str | None = None
    reply_to: str | None = None
    forwarded: bool = False


class Edit(_Strict):
    person: Name
    message_id: str
    text: str
    to: str | None = None


class Show(_Strict):
    person: Name
    kind: Literal["image", "video", "document"] = "image"
    caption: str = ""
    to: str | None = None


class Tap(_Strict):
    person: Name
    message_id: str
    button: str | int


class Native(_Strict):
    person: Name
    value: Literal["stop", "resume"]
    to: str | None = None


class Switch(_Strict):
    person: Name
    on: bool
    to: str | None = None


class Window(_Strict):
    person: Name
    open: bool
    to: str | None = None


class ChangeNumber(_Strict):
    person: Name
    new_phone: str
    share_phone: bool = True


class NewPerson(_Strict):
    name: Name
    phone: str
    bsuid: str = ""
    username: Annotated[str, msgspec.Meta(max_length=35)] = ""
    username_only: bool = False
    wa_id: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{7,15})?$")] = ""


class NewTemplate(_Strict):
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,512}$")]
    category: Literal["MARKETING", "UTILITY", "AUTHENTICATION"]
    body: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    footer: Annotated[str, msgspec.Meta(max_length=60)] = ""
    buttons: Annotated[tuple[Annotated[str, msgspec.Meta(min_length=1, max_length=25)], ...],
                       msgspec.Meta(max_length=10)] = ()


class Webhook(_Strict):
    url: Url
    app_secret: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None


class Verify(_Strict):
    verify_token: str


class Settle(_Strict):
    timeout: Annotated[float, msgspec.Meta(gt=0, le=MAX_SETTLE_SECONDS)] = 10.0


class Nothing(_Strict):
    """An empty object, or no body at all."""


def say(world: World, given: Say) -> dict[str, Any]:
    message = acts.say(world, world.people.get(given.person), world.number(given.to), given.text,
                       reply_to=given.reply_to, forwarded=given.forwarded)
    return {"message_id": message.id}


def edit(world: World, given: Edit) -> dict[str, Any]:
    message = acts.edit(world, world.people.get(given.person), world.number(given.to), given.message_id, given.text)
    return {"message_id": message.id}


def show(world: World, given: Show) -> dict[str, Any]:
    message = acts.show(world, world.people.get(given.person), world.number(given.to), given.kind, given.caption)
    return {"message_id": message.id}


def tap(world: World, given: Tap) -> dict[str, Any]:
    return {"message_id": acts.tap(world, world.people.get(given.person), given.message_id, given.button).id}


def native(world: World, given: Native) -> dict[str, Any]:
    person = world.people.get(given.person)
    acts.native(world, person, world.number(given.to), given.value)
    return person.described()


def block(world: World, given: Switch) -> dict[str, Any]:
    person = world.people.get(given.person)
    acts.block(world, person, world.number(given.to), on=given.on)
    return person.described()


def username_only(world: World, given: Switch) -> dict[str, Any]:
    person = world.people.get(given.person)
    acts.username_only(world, person, on=given.on)
    return person.described()


def window(world: World, given: Window) -> dict[str, Any]:
    person = world.people.get(given.person)
    acts.window(world, person, world.number(given.to), is_open=given.open)
    return person.described()


def change_number(world: World, given: ChangeNumber) -> dict[str, Any]:
    person = world.people.get(given.person)
    acts.change_number(world, person, given.new_phone, share_phone=given.share_phone)
    return person.described()


def add_person(world: World, given: NewPerson) -> dict[str, Any]:
    person = world.people.add(Cast(given.name, given.phone, given.bsuid, given.wa_id, given.username,
                                   given.username_only))
    world.feed.publish("state", world.snapshot())
    return person.described()


def add_template(world: World, given: NewTemplate) -> dict[str, Any]:
    world.add_template(Template(given.name, given.category, given.body, given.footer, given.buttons))
    return {"templates": list(world.templates.values())}


def webhook(world: World, given: Webhook) -> dict[str, Any]:
    world.courier.target.url = given.url
    if given.app_secret is not None:
        world.courier.target.app_secret = given.app_secret
    world.feed.publish("webhook", world.target())
    return world.target()


async def verify(world: World, given: Verify) -> dict[str, Any]:
    return await world.courier.shake_hands(given.verify_token)


async def settle(world: World, given: Settle) -> dict[str, Any]:
    pending = await world.courier.settle(given.timeout)
    return {"settled": pending == 0, "pending": pending}


def flush(world: World, _given: Nothing) -> dict[str, Any]:
    world.courier.flush()
    return {"pending": world.courier.pending}


def reset(world: World, _given: Nothing) -> dict[str, Any]:
    world.reset()
    return world.snapshot()


async def look(world: World, _given: Nothing) -> dict[str, Any]:
    """Ask Sayso now, whether or not a browser listens."""
    await world.watcher.look()
    return world.watcher.described()


# POST path -> the body it takes, what it does.
ACTS: dict[str, tuple[type[_Strict], Callable[[World, Any], dict[str, Any] | Awaitable[dict[str, Any]]]]] = {
    "say": (Say, say), "edit": (Edit, edit), "show": (Show, show), "tap": (Tap, tap),
    "native": (Native, native), "block": (Switch, block),
    "username_only": (Switch, username_only), "window": (Window, window),
    "change_number": (ChangeNumber, change_number), "people": (NewPerson, add_person),
    "templates": (NewTemplate, add_template), "webhook": (Webhook, webhook), "verify": (Verify, verify),
    "settle": (Settle, settle), "flush": (Nothing, flush), "reset": (Nothing, reset), "look": (Nothing, look),
}


def routes() -> list[Route]:
    return [*(Route(PREFIX + name, read) for name, read in VIEWS.items()),
            Route(PREFIX + "knobs", knobs, methods=["POST"]),
            *(Route(PREFIX + name, _act(*act), methods=["POST"]) for name, act in ACTS.items())]


async def state(request: Request) -> Response:
    """GET: everything the page shows."""
    return answer(_world(request).snapshot())


async def events(request: Request) -> Response:
    """GET: Server-Sent Events; first `state`, then message, person, delivery, verdict, entry, knobs, webhook
    ...
    """
    world = _world(request)
    stream = world.feed.stream(world.snapshot, world.watcher.poke)
    return StreamingResponse(stream, media_type="text/event-stream",
                             headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})


async def deliveries(request: Request) -> Response:
    """GET: every webhook that left, oldest first."""
    return answer({"data": list(_world(request).courier.log)})


async def outbox(request: Request) -> Response:
    """GET: every message a business sent and what became of it, oldest first; and the sends that were
    refused.
    """
    world = _world(request)
    return answer({"data": list(world.outbox), "refused": list(world.refused)})


async def knobs(request: Request) -> Response:
    """POST: turn the knobs that are named, leave the others."""
    world = _world(request)
    given = await _body(request, dict[str, Any])
    try:
        turned = world.courier.knobs.turned(given)
    except msgspec.ValidationError as problem:
        raise _named(problem) from None
    world.turn(turned)
    return answer(turned)


# GET path -> what it shows.
VIEWS: dict[str, Callable[[Request], Awaitable[Response]]] = {
    "state": state, "events": events, "deliveries": deliveries, "outbox": outbox}


def nowhere(request: Request, status: int) -> Response:
    """A path or method that no control route has; the answer names those there are."""
    ways = [f"GET {PREFIX}{name}" for name in VIEWS] + [f"POST {PREFIX}{name}" for name in ("knobs", *ACTS)]
    body = {"type": "about:blank", "title": "There is no such control route", "status": status,
            "detail": f"{request.method} {request.url.path} is none of the simulator's. There is: {', '.join(ways)}.",
            "code": "not_found" if status == 404 else "method_not_allowed", "param": None, "routes": ways}
    return answer(body, status, "application/problem+json")


def answer(data: Any, status: int = 200, media_type: str = "application/json") -> Response:
    """JSON of anything msgspec can write."""
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(data), status, headers, media_type)


async def problem(_request: Request, error: Exception) -> Response:
    """A SaysoError as RFC 9457 problem details, with `code` and the field at fault in `param`."""
    if not isinstance(error, SaysoError):
        raise error
    body = {"type": "about:blank", "title": error.title, "status": error.status, "detail": error.detail,
            "code": error.code, "param": error.param}
    return answer(body, error.status, "application/problem+json")


def _act(shape: type[_Strict], act: Callable[[World, Any], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = await _body(request, shape)
        done = act(_world(request), given)
        return answer(await done if isinstance(done, Awaitable) else done)
    return endpoint


def _world(request: Request) -> World:
    world: World = request.app.state.world
    return world


async def _body(request: Request, shape: type[T]) -> T:
    # A page of another site can post text/plain without asking, and cannot post JSON (fetch standard, CORS).
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Forbidden("The simulator is not driven from another site.")
    raw = await request.body()
    if raw and request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InvalidRequest("Send JSON as application/json.", param="Content-Type")
    if len(raw) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"At most {MAX_BODY_BYTES} bytes.")
    try:
        return msgspec.json.decode(raw or b"{}", type=shape)
    except msgspec.ValidationError as problem:
        raise _named(problem) from None
    except (msgspec.DecodeError, RecursionError):
        raise MalformedBody from None


def _named(problem: msgspec.ValidationError) -> InvalidRequest:
    """The sentence of msgspec, with the field taken out of it: `$.person`, or the name in backquotes."""
    words = str(problem)
    found = re.search(r"at `\$\.?([^`]+)`", words) or re.search(r"field `([^`]+)`", words)
    return InvalidRequest(words + ".", param=found.group(1) if found else None)
