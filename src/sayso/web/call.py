"""One request and its answer, as every handler sees them: what was asked, by whom, and how to read its body.

Rules of the room: a body is read up to a limit and within a time, never further; what a client sends is checked
here before any handler sees it. Nothing here knows a database.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from sayso.errors import BodyTooLarge, InvalidRequest, MalformedBody
from sayso.web.patience import TooSlow

if TYPE_CHECKING:
    from sayso.web.auth import Caller
    from sayso.web.desk import Desk

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

#: Largest body of an ordinary request: the longest evidence there is fits many times over.
MAX_BODY: Final = 64 * 1024
#: Deepest nesting of a JSON body. No shape of ours is deeper than three.
MAX_DEPTH: Final = 32
#: Most parameters in a query, and most characters.
MAX_QUERY: Final = (16, 2_048)

JSON: Final = b"application/json"
TEXT: Final = b"text/plain; charset=utf-8"

_encode = msgspec.json.Encoder().encode
_anything = msgspec.json.Decoder().decode
#: What msgspec says of an error's place: "… - at `$.evidence.page`".
_PLACE: Final = re.compile(r" - at `([^`]*)`\Z")
#: Its two messages that name a field only in words.
_NAMED: Final = re.compile(r"Object (?:contains unknown|missing required) field `(.{1,64})")


class Disconnected(Exception):
    """The client left before its request was whole; there is nobody to answer."""


class Stream(Protocol):
    """A body that comes in parts. `length` is known beforehand, or None. Whoever has it closes it, once."""

    length: int | None

    def parts(self) -> AsyncIterator[bytes]:
        """The parts. Raises SaysoError when they end before their end."""

    async def close(self) -> None:
        """Let go."""


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. Headers that every answer carries are added on the way out."""

    status: int
    body: bytes = b""
    media: bytes = JSON
    headers: tuple[Header, ...] = ()
    #: Consent is not for caches (RFC 9111 section 5.2.2.5); only what is the same for everybody says otherwise.
    cache: bytes = b"no-store"
    #: In place of `body`.
    stream: Stream | None = None


def answer(status: int, value: object, *headers: Header) -> Answer:
    """A JSON answer."""
    return Answer(status, _encode(value), JSON, headers)


@dataclass(slots=True)
class Call:
    """A request on its way. `params` are the parts of the path, `caller` is set on routes that ask for a key,
    `raw` and `body` once the body was read.
    """

    desk: Desk
    scope: Scope
    receive: Receive
    request_id: str
    params: Mapping[str, str]
    route: str = ""
    caller: Caller | None = None
    raw: bytes = b""
    body: Any = None
    query: Any = None
    headers: Iterable[Header] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = self.scope["headers"]

    def header(self, name: bytes) -> bytes:
        """The first header of this name (small letters), or empty."""
        for key, value in self.headers:
            if key == name:
                return value
        return b""

    def known(self) -> Caller:
        """Who asks, on a route that asks for a key."""
        if self.caller is None:
            raise LookupError("this route asks for no key")
        return self.caller


async def read_body(call: Call, limit: int) -> bytes:
    """The whole body. Raises BodyTooLarge as soon as it is over `limit` bytes, announced or not, MalformedBody when
    it takes too long, Disconnected when the client leaves.
    """
    announced = call.header(b"content-length")
    if announced.isdigit() and (len(announced) > 12 or int(announced) > limit):
        raise BodyTooLarge(f"This route takes at most {limit} bytes.")
    try:
        return await call.desk.patience.bear(_gather(call.receive, limit))
    except TooSlow:
        raise MalformedBody("The body did not arrive in time.") from None


async def _gather(receive: Receive, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLarge(f"This route takes at most {limit} bytes.")
        if not message.get("more_body", False):
            return b"".join((*parts, part)) if parts else part
        parts.append(part)


def decode(decoder: Callable[[bytes], Any], raw: bytes) -> Any:
    """Read a JSON body. Raises MalformedBody (not JSON, nested too deep) or InvalidRequest naming the field."""
    try:
        return decoder(raw)
    except msgspec.ValidationError as error:
        _check_json(raw)  # the wrong kind of value is noticed before the end of the body was seen
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedBody from None


def _check_json(raw: bytes) -> None:
    try:
        value = _anything(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedBody from None
    if _deeper_than(value, MAX_DEPTH):
        raise MalformedBody(f"The body is nested more than {MAX_DEPTH} deep.")


def _deeper_than(value: object, depth: int) -> bool:
    level: list[object] = [value]
    for _ in range(depth):
        level = [inner for outer in level if isinstance(outer, dict | list)
                 for inner in (outer.values() if isinstance(outer, dict) else outer)]
        if not level:
            return False
    return any(isinstance(inner, dict | list) for inner in level)


def invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """What msgspec complains of, in our shape, naming the field by a dotted path. Values are never repeated."""
    text = str(error)
    place = _PLACE.search(text)
    path = place[1].removeprefix("$") if place else ""
    sentence = text[:place.start()] if place else text
    named = _NAMED.match(sentence)
    dotted = path.replace("[", ".").replace("]", "") + (f".{named[1].removesuffix('`')}" if named else "")
    if sentence.startswith("Invalid enum value"):
        sentence = "This is not one of the values this field takes"
    return InvalidRequest(sentence.replace("`", "'")[:200] + ".", param=dotted.strip(".")[:200] or None)


def read_query(call: Call, shape: type[Any]) -> Any:
    """The query as a struct. Raises InvalidRequest naming the parameter."""
    most, longest = MAX_QUERY
    text = bytes(call.scope["query_string"])
    if len(text) > longest:
        raise InvalidRequest(f"A query has at most {longest} characters.")
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=most, errors="strict")
        given = dict(pairs)
    except ValueError:
        raise InvalidRequest("The query cannot be read.") from None
    if len(given) != len(pairs):
        raise InvalidRequest("A parameter of the query stands there twice.")
    try:
        return msgspec.convert(given, type=shape, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(error) from None
