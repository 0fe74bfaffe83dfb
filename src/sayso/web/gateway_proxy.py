"""Everything else of the Graph API: a short table of what is passed on, and a refusal for the rest.

Rules of the room: only what reads, stores a file to be sent, or shuts somebody out, and only for the senders and the
account of the caller's own workspace. A query holds the parameters its row names and no others: the Graph API would
take a method, a token or a whole message from there. Nothing here sends a message.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from sayso.channels.graph_body import Refused, opened
from sayso.core.workspace import Sender, Workspace
from sayso.errors import BodyTooLarge, NotFound
from sayso.web import gateway_media
from sayso.web.call import MAX_BODY, Answer, Call, Disconnected, read_body
from sayso.web.gateway import JSON_MEDIA, graph_headers, graph_url, media_of, sender_of
from sayso.web.gateway_wire import handed_back

#: Meta, media: a document has up to 100 MB; the parts around it come on top.
MAX_MEDIA: Final = 101 * 1024 * 1024
#: Longest answer passed back: a page of 1,000 templates.
MAX_READ: Final = 8 * 1024 * 1024
MAX_PARAMS: Final = 16
#: A value of a query: names of fields, cursors, words. No braces or brackets, which would reach into other objects.
VALUE: Final = re.compile(r"[A-Za-z0-9_,=+/. -]{0,1000}\Z")
#: Edges of numbers and accounts (Meta, Graph API reference). Named among the fields, an edge is read like one, and it
#: would tell of people, or of what its own row keeps from this key.
EDGES: Final = frozenset({
    "activities", "assigned_users", "audiences", "block_users", "call_permissions", "calls", "flows", "groups", "media",
    "message_campaigns", "message_history", "message_qrdls", "message_templates", "messages", "phone_numbers",
    "product_catalogs", "schedules", "settings", "solutions", "subscribed_apps", "welcome_message_sequences",
    "whatsapp_business_encryption",
})
_WORD: Final = re.compile(r"[a-z0-9_]+")
#: A key that was put into a form by mistake; it must not reach Meta. Looked for across the seams of the chunks.
_KEY_FIELD: Final = b'name="access_token"'
_PAGE: Final = ("limit", "after", "before")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the policy. `of` is whose object the id in the path is; `takes` the kind of body, if it has one.
    `live`: not for a test key, because it changes something at the provider or tells of people.
    """

    method: str
    of: str
    edge: str
    query: tuple[str, ...] = ()
    takes: str = ""
    live: bool = False


#: What is passed on. Documented in docs/gateway.md; everything else is refused.
POLICY: Final[tuple[Row, ...]] = (
    Row("GET", "number", "", ("fields",)),
    Row("GET", "number", "whatsapp_business_profile", ("fields",)),
    Row("GET", "number", "whatsapp_commerce_settings", ("fields",)),
    Row("GET", "number", "block_users", _PAGE, live=True),
    Row("POST", "number", "block_users", takes=JSON_MEDIA, live=True),
    Row("DELETE", "number", "block_users", takes=JSON_MEDIA, live=True),
    Row("POST", "number", "media", takes="multipart/form-data", live=True),
    Row("GET", "account", "", ("fields",)),
    Row("GET", "account", "phone_numbers", ("fields", *_PAGE)),
    Row("GET", "account", "message_templates", ("fields", "name", "status", "category", "language", *_PAGE)),
    Row("GET", "media", "", ("phone_number_id",), live=True),
)
_PATH: Final = re.compile(r"([0-9]{5,20})(?:/([a-z_]{1,40}))?/?\Z")


async def pass_on(call: Call) -> Answer:
    """Pass a call on as it is, if the policy has a row for it."""
    workspace = call.known().workspace
    found = _PATH.match(call.params["path"])
    if found is None:
        raise _refused()
    node, edge = found[1], found[2] or ""
    query = _query(call)
    named = query.get("phone_number_id", "")
    of, sender = _owner(workspace, node, named)
    row = _row(call, of, edge)
    if row.live:
        call.known().check_live()
    _check_query(query, row)
    account = call.desk.system.account(workspace, sender)
    url = graph_url(call, account, f"{node}/{edge}" if edge else node) + (f"?{urlencode(query)}" if query else "")
    carried = await call.desk.wire.relay.carry(row.method, url, _headers(call, graph_headers(call, account), row),
                                               await _content(call, row), limit=MAX_READ)
    return gateway_media.described(call, carried, node, named) if of == "media" else handed_back(carried)


def _owner(workspace: Workspace, node: str, named: str) -> tuple[str, Sender]:
    """Whose the object of this id is, and the sender whose token reads it. An id nobody declared may be a file's: of
    the number that is named, or of the one connection there is. Raises NotFound.
    """
    try:
        return "number", sender_of(workspace, node)[1]
    except NotFound:
        pass
    for name, item in workspace.connections.items():
        if item.provider == "meta" and item.waba_id == node:
            return "account", _any_of(workspace, name)
    return "media", gateway_media.reader_of(workspace, named)


def _any_of(workspace: Workspace, name: str) -> Sender:
    for sender in workspace.senders.values():
        if sender.connection == name:
            return sender
    raise _refused()


def _row(call: Call, of: str, edge: str) -> Row:
    method = "GET" if call.scope["method"] == "HEAD" else call.scope["method"]
    for row in POLICY:
        if (row.method, row.of, row.edge) == (method, of, edge):
            return row
    raise _refused()


def _refused() -> NotFound:
    return NotFound("This gateway does not pass on this call. docs/gateway.md lists what it does; for the rest call "
                    "Meta with Meta's token.")


def _query(call: Call) -> Mapping[str, str]:
    """Each parameter once."""
    text = bytes(call.scope["query_string"])
    if b"access_token" in text:
        raise Refused("The key belongs in the Authorization header, nowhere else.", 190, param="access_token")
    try:
        pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_PARAMS, errors="strict")
    except ValueError:
        raise Refused("The query cannot be read.") from None
    query = dict(pairs)
    if len(query) != len(pairs):
        raise Refused("A parameter of the query stands there twice.")
    return query


def _check_query(query: Mapping[str, str], row: Row) -> None:
    if not set(query) <= set(row.query) or not all(map(VALUE.match, query.values())):
        raise Refused(f"This call takes {', '.join(row.query) or 'no parameters'} in its query.")
    edges = EDGES & set(_WORD.findall(query.get("fields", "").lower()))
    if edges:
        raise Refused(f"{min(edges)} is no field but a list; docs/gateway.md says which lists can be read.",
                      param="fields")


def _headers(call: Call, headers: dict[str, str], row: Row) -> dict[str, str]:
    if not row.takes:
        return {name: value for name, value in headers.items() if name != "content-type"}
    if media_of(call) != row.takes:
        raise Refused(f"This call takes a body of the Content-Type {row.takes}.")
    length = call.header(b"content-length").decode("latin-1")
    return headers | ({"content-length": length} if row.takes != JSON_MEDIA and length.isdigit() else {})


async def _content(call: Call, row: Row) -> bytes | AsyncIterator[bytes] | None:
    if not row.takes:
        return None
    if row.takes == JSON_MEDIA:
        raw = await read_body(call, MAX_BODY)
        opened(raw)
        return raw
    announced = call.header(b"content-length")
    if announced.isdigit() and (len(announced) > 12 or int(announced) > MAX_MEDIA):
        raise BodyTooLarge(f"A file has at most {MAX_MEDIA} bytes.")
    return _streamed(call)


async def _streamed(call: Call) -> AsyncIterator[bytes]:
    """The body as it comes. Raises BodyTooLarge, Refused for a key in the form, Disconnected."""
    size, seam, more = 0, b"", True
    while more:
        message = await call.receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(part)
        if size > MAX_MEDIA:
            raise BodyTooLarge(f"A file has at most {MAX_MEDIA} bytes.")
        if _KEY_FIELD in seam + part:
            raise Refused("The key belongs in the Authorization header, nowhere else.", 190, param="access_token")
        seam = (seam + part)[-len(_KEY_FIELD):]
        if part:
            yield part

