"""The fake Graph API: POST /{version}/{phone_number_id}/messages and /marketing_messages, and the list of
templates.

It answers as Meta does: 200 with a message id means accepted and nothing more; what became of it comes as
status webhooks. Which refusals are in the HTTP answer and which arrive as a failed status is as Meta usually
does it, and two knobs turn that round.
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sayso.phone import webhooks
from sayso.phone.config import MAX_BODY_BYTES, BusinessNumber
from sayso.phone.content import Content, read
from sayso.phone.errors import GraphError, as_status
from sayso.phone.people import BSUID, Message, Person
from sayso.phone.world import World

VERSION = re.compile(r"^v[0-9]{1,3}(\.[0-9])?$")
# Meta: at most 512 characters, sent back with every status.
MAX_OPAQUE = 512
# Meta: one message per person in 6 seconds once a short burst is used up; the burst is the knob `pair_limit`.
PAIR_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a send is for: `given` as written, `digits` empty for a user id, `person` None if nobody has it."""

    given: str
    digits: str
    person: Person | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A send that was answered 200. `failure` is the code it will fail with, 0 when it will be delivered."""

    answer: dict[str, Any]
    message: Message
    person: Person | None
    record: dict[str, Any]
    failure: int


def routes() -> list[Route]:
    return [Route("/{version}/{phone_number_id}/messages", send, methods=["POST"]),
            Route("/{version}/{phone_number_id}/marketing_messages", send, methods=["POST"]),
            Route("/{version}/{waba_id}/message_templates", list_templates, methods=["GET"])]


async def send(request: Request) -> Response:
    """One message, or a read receipt. The statuses leave after the answer, as they do at Meta."""
    world: World = request.app.state.world
    marketing_only = request.url.path.endswith("/marketing_messages")
    body: dict[str, Any] = {}
    try:
        number = _entrance(request, world)
        body = await _json(request)
        if world.courier.knobs.answer_after:
            await asyncio.sleep(world.courier.knobs.answer_after)
        if body.get("status") == "read":
            return JSONResponse(_mark_read(world, body))
        accepted = _accept(world, number, body, marketing_only=marketing_only)
    except GraphError as error:
        return _refuse(world, error, body, request.path_params["phone_number_id"])
    return JSONResponse(accepted.answer, background=BackgroundTask(_deliver, world, number, accepted))


async def list_templates(request: Request) -> Response:
    """GET /{version}/{waba_id}/message_templates: names and current categories."""
    world: World = request.app.state.world
    try:
        _authorise(request, world)
        if request.path_params["waba_id"] != world.config.waba_id:
            raise _no_object(request.path_params["waba_id"])
    except GraphError as error:
        return JSONResponse(error.body(_trace(world)), status_code=error.status)
    found = [{"name": t.name, "category": t.category, "language": "en", "status": "APPROVED",
              "components": [{"type": "BODY", "text": t.body}]} for t in world.templates.values()]
    return JSONResponse({"data": found})


def _entrance(request: Request, world: World) -> BusinessNumber:
    _authorise(request, world)
    id_ = request.path_params["phone_number_id"]
    if id_ not in world.numbers:
        raise _no_object(id_)
    return world.numbers[id_]


def _authorise(request: Request, world: World) -> None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode(), world.config.token.encode())
    if scheme.casefold() != "bearer" or not right:
        raise GraphError(190, text="Invalid OAuth access token - Cannot parse access token")
    if not VERSION.match(request.path_params["version"]):
        raise GraphError(2500, text=f"Unknown path components: /{request.path_params['version']}", status=400)


def _no_object(id_: str) -> GraphError:
    return GraphError(100, kind="GraphMethodException", subcode=33, text=(
        f"Unsupported request. Object with ID '{id_}' does not exist, cannot be loaded due to missing "
        "permissions, or does not support this operation."))


async def _json(request: Request) -> dict[str, Any]:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            raise GraphError(100, f"The body is larger than {MAX_BODY_BYTES} bytes.", status=413)
    try:
        body = _without_nulls(msgspec.json.decode(bytes(raw)))
    except (msgspec.DecodeError, RecursionError):
        raise GraphError(100, "The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise GraphError(100, "The body is not a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        raise GraphError(100, "messaging_product must be whatsapp.",
                         text="(#100) The parameter messaging_product is required.")
    return body


def _without_nulls(value: Any) -> Any:
    """To the Graph API a field that is null is a field that is not there: clients send what they have not set."""
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _mark_read(world: World, body: dict[str, Any]) -> dict[str, Any]:
    message = world.messages.get(str(body.get("message_id", "")))
    if message is None or not message.mine:
        raise GraphError(131009, "message_id is not a message that was received here.")
    message.status = "read"
    world.show(message)
    return {"success": True}


def _accept(world: World, number: BusinessNumber, body: dict[str, Any], *, marketing_only: bool) -> Accepted:
    """Check everything Meta checks, and write it into the outbox. Raises GraphError."""
    recipient = _recipient(world, number, body)
    content = read(body, world.templates)
    if marketing_only and content.category != "MARKETING":
        raise GraphError(131055)
    opaque = body.get("biz_opaque_callback_data") or ""
    if not isinstance(opaque, str) or len(opaque) > MAX_OPAQUE:
        raise GraphError(131009, f"biz_opaque_callback_data is a text of at most {MAX_OPAQUE} characters.")
    failure = _policy(world, number, recipient, content)
    message = _message(world, number, recipient, content, body)
    message.opaque = opaque
    record = {"id": message.id, "at": message.at, "phone_number_id": number.phone_number_id,
              "to": recipient.given, "person": message.person or None, "type": body.get("type", "text"),
              "category": message.category, "status": "accepted", "error": None, "body": body}
    world.outbox.append(record)
    return Accepted(_answer(recipient, message), message, recipient.person, record, failure)


def _message(world: World, number: BusinessNumber, recipient: Recipient, content: Content,
             body: dict[str, Any]) -> Message:
    context = body.get("context")
    quoted = str(context.get("message_id", "")) if isinstance(context, dict) else ""
    person = recipient.person
    return Message(
        id=world.new_wamid(recipient.digits or recipient.given, outgoing=True),
        person=person.id if person else "", number=number.phone_number_id, mine=False, kind=content.kind,
        at=world.now(), text=content.text, header=content.header, footer=content.footer,
        buttons=[dict(button) for button in content.buttons],
        category=content.category.lower() or "service", reply_to=content.target or quoted)


def _recipient(world: World, number: BusinessNumber, body: dict[str, Any]) -> Recipient:
    """`to` wins over `recipient` when both are given (Meta: business-scoped user ids page)."""
    if body.get("recipient_type", "individual") != "individual":
        raise GraphError(131009, "recipient_type must be individual.")
    given = body.get("to") or body.get("recipient")
    if not isinstance(given, str) or not given:
        raise GraphError(100, "Give a phone number in `to` or a user id in `recipient`.",
                         text="(#100) The parameter to is required.")
    if BSUID.match(given):
        return Recipient(given, "", world.people.by_bsuid(given))
    digits = re.sub(r"[\s()+-]", "", given)
    if not (digits.isascii() and digits.isdigit() and 7 <= len(digits) <= 15):
        raise GraphError(100, "The recipient is neither a phone number nor a user id.")
    if digits == number.digits:
        raise GraphError(131021)
    return Recipient(given, digits, world.people.by_phone(digits))


def _policy(world: World, number: BusinessNumber, recipient: Recipient, content: Content) -> int:
    """What Meta has against it: raises for a refusal in the answer, returns a code for one in a status, else
    0.
    """
    knobs, person, id_ = world.courier.knobs, recipient.person, number.phone_number_id
    if knobs.fail_next:
        world.turn(msgspec.structs.replace(knobs, fail_next=knobs.fail_next[1:]))
        raise GraphError(knobs.fail_next[0])
    if knobs.test_number and person is None:
        raise GraphError(131030)
    if content.category == "AUTHENTICATION" and not recipient.digits:
        raise GraphError(131062)
    _keep_pace(world, number, recipient)
    if person is None or id_ in person.blocked:
        return 131026
    if not content.category and not person.window_is_open(id_, world.now()):
        if not knobs.async_131047:
            raise GraphError(131047)
        return 131047
    if content.category == "MARKETING" and id_ in person.native_stop:
        if knobs.sync_131050:
            raise GraphError(131050)
        return 131050
    if knobs.fail_status_next:
        world.turn(msgspec.structs.replace(knobs, fail_status_next=knobs.fail_status_next[1:]))
        return knobs.fail_status_next[0]
    return 0


def _keep_pace(world: World, number: BusinessNumber, recipient: Recipient) -> None:
    limit = world.courier.knobs.pair_limit
    if not limit:
        return
    now = world.now()
    sent = world.recent.setdefault((number.phone_number_id, recipient.digits or recipient.given), deque())
    while sent and sent[0] <= now - PAIR_SECONDS:
        sent.popleft()
    if len(sent) >= limit:
        raise GraphError(131056)
    sent.append(now)


def _answer(recipient: Recipient, message: Message) -> dict[str, Any]:
    contact = {"input": recipient.given}
    if recipient.digits:
        contact["wa_id"] = recipient.person.wa_id if recipient.person else recipient.digits
    if recipient.person:
        contact["user_id"] = recipient.person.bsuid
        if not recipient.person.username_only:
            contact["wa_id"] = recipient.person.wa_id
    sent = {"id": message.id}
    if message.kind == "template":
        sent["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}


async def _deliver(world: World, number: BusinessNumber, accepted: Accepted) -> None:
    """Show the message and send its statuses: sent, delivered and read; or failed."""
    message, record, failure = accepted.message, accepted.record, accepted.failure
    states = ["failed"] if failure else ["sent", "delivered"] + ["read"] * world.config.read_receipts
    message.status = record["status"] = states[-1]
    message.error = record["error"] = as_status(failure) if failure else None
    world.show(message)
    digits = re.sub(r"\D", "", record["to"])
    for state in states:
        world.courier.submit(webhooks.status(accepted.person, number, message, state, world.now(),
                                             to=digits, code=failure))


def _refuse(world: World, error: GraphError, body: dict[str, Any], number: str) -> Response:
    answer = error.body(_trace(world))
    refusal = {"at": world.now(), "phone_number_id": number, "status": error.status, "code": error.code,
               "to": body.get("to") or body.get("recipient"), "error": answer["error"]}
    world.refused.append(refusal)
    world.feed.publish("refusal", refusal)
    return JSONResponse(answer, status_code=error.status)


def _trace(world: World) -> str:
    return f"A{world.ids.getrandbits(120):030x}"
