"""Meta's Graph API, `POST /{version}/{phone_number_id}/messages` and `/marketing_messages`: the same bytes in, the same
bytes on, the same bytes back; between them the gate.

Rules of the room: a caller's key stands where Meta's token would, in the Authorization header and nowhere else. A query
is refused, because the Graph API reads parameters from it and Sayso does not. What is not understood is not sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from sayso.channels import graph_body, graph_form, meta_send
from sayso.channels.base import SenderAccount
from sayso.channels.graph_body import MAX_MESSAGE, GraphMessage, Refused
from sayso.core.gate import Verdict
from sayso.core.purposes import NAME
from sayso.core.workspace import Connection, Sender, Workspace
from sayso.errors import InvalidAddress, NotFound, UnknownPurpose
from sayso.flows.gateway import Wish
from sayso.web import gateway_wire
from sayso.web.call import Answer, Call, read_body
from sayso.web.gateway_errors import graph_denied
from sayso.web.gateway_wire import PLAIN, Onward

#: The header that says what a message is for.
PURPOSE: Final = b"sayso-purpose"
#: Headers that say who asks, what the body is, or what it is for.
DECIDING: Final = frozenset({b"authorization", b"content-type", b"content-length", b"content-encoding", PURPOSE})
#: Bodies up to this many bytes are read on the event loop: a usual one has 500 and takes 15 microseconds.
INLINE: Final = 16 * 1024
JSON_MEDIA: Final = "application/json"
FORM_MEDIA: Final = "application/x-www-form-urlencoded"
#: What a body may be, and what reads it.
READERS: Final[Mapping[str, Callable[[bytes, str], GraphMessage]]] = {
    JSON_MEDIA: graph_body.read, FORM_MEDIA: graph_form.read}
#: The one character set a body may say it is in.
UTF8: Final = re.compile(r"[ \t]*charset[ \t]*=[ \t]*\"?utf-?8\"?[ \t]*;?[ \t]*")


async def messages(call: Call) -> Answer:
    """One message, or a read receipt, which is none and needs no permit."""
    return await _send(call, "messages")


async def marketing_messages(call: Call) -> Answer:
    """One marketing template by the Marketing Messages API: judged as marketing, whatever it is filed under."""
    return await _send(call, "marketing_messages")


async def _send(call: Call, edge: str) -> Answer:
    workspace = call.known().workspace
    without_query(call)
    connection, sender = sender_of(workspace, call.params["phone_number_id"])
    media = media_of(call)
    if media not in READERS:
        raise Refused(f"Send the message as JSON or as a form, with the Content-Type {' or '.join(READERS)}.")
    raw = await read_body(call, MAX_MESSAGE)
    message = await _read(call, READERS[media], raw, sender)
    account = call.desk.system.account(workspace, sender)
    url = graph_url(call, account, f"{sender.phone_number_id}/{edge}")
    headers = graph_headers(call, account)
    if message.receipt:
        call.known().check_live()  # somebody's phone would show that it was read
        return gateway_wire.handed_back(await call.desk.wire.pipes.carry("POST", url, headers, raw))
    wish = _wish(call, connection, sender, message, marketing=edge == "marketing_messages")
    found = await gateway_wire.send(call, workspace, wish, Onward(url, headers, message.marked, meta_send.understood))
    if isinstance(found, Verdict):
        return graph_denied(found, call.request_id, call.desk.kit.now())
    return gateway_wire.handed_back(found)


async def _read(call: Call, reader: Callable[[bytes, str], GraphMessage], raw: bytes, sender: Sender) -> GraphMessage:
    if len(raw) <= INLINE:
        return reader(raw, sender.phone)
    return await call.desk.away(reader, raw, sender.phone)


def _wish(call: Call, connection: Connection, sender: Sender, message: GraphMessage, *, marketing: bool) -> Wish:
    if message.to is None:
        raise InvalidAddress(param="to")
    if marketing and not message.template:
        raise Refused("This endpoint takes marketing templates only.", 131009, param="type")
    to = call.known().check_address(message.to, "to")
    return Wish(connection, sender, to, purpose_in(call), message.template, marketing)


def purpose_in(call: Call) -> str:
    """The purpose a caller names in the header; empty if none. Raises UnknownPurpose for what can be none."""
    name = call.header(PURPOSE).decode("latin-1").strip()
    if name and not NAME.match(name):
        raise UnknownPurpose("The header Sayso-Purpose names a purpose of sayso.toml.", param="purpose")
    return name


def sender_of(workspace: Workspace, phone_number_id: str) -> tuple[Connection, Sender]:
    """The caller's own sender of this id. Raises NotFound, with the same words for one of another business."""
    for sender in workspace.senders.values():
        connection = workspace.connections[sender.connection]
        if sender.phone_number_id == phone_number_id and connection.provider == "meta":
            return connection, sender
    raise NotFound("There is no such object, or this key may not see it.")


def said_once(call: Call) -> None:
    """Raises Refused where a header that decides something stands twice: which one counts, nobody can say."""
    given = [name for name, _ in call.headers if name in DECIDING]
    if len(given) != len(set(given)):
        raise Refused("Send each of these headers once: Authorization, Content-Type, Content-Length, "
                      "Content-Encoding, Sayso-Purpose.")
    if b"content-encoding" in given:
        raise Refused("Send the body as it is, without a Content-Encoding.")


def without_query(call: Call) -> None:
    """Raises Refused for a query, which may hold a key and must not hold anything else."""
    if call.scope["query_string"]:
        raise Refused("A message takes no query: everything belongs in the body, and the key in the Authorization "
                      "header.", 190 if b"access_token" in call.scope["query_string"] else 100)


def media_of(call: Call) -> str:
    """The Content-Type without its parameters. Raises Refused for text that is not UTF-8: in another character set the
    same bytes may name another recipient.
    """
    media, _, more = call.header(b"content-type").lower().decode("latin-1").partition(";")
    if "charset" in more and not UTF8.fullmatch(more):
        raise Refused("The body is UTF-8: leave the charset out of the Content-Type, or write charset=utf-8.")
    return media.strip()


def graph_url(call: Call, account: SenderAccount, path: str) -> str:
    """Where it goes on to: the version is the caller's."""
    return f"{account.base_url.rstrip('/')}/{call.params['version']}/{path}"


def graph_headers(call: Call, account: SenderAccount) -> dict[str, str]:
    """What goes along: the kind of body, and the token that only Sayso has."""
    kind = call.header(b"content-type").decode("latin-1")
    return PLAIN | {"authorization": f"Bearer {account.token}", **({"content-type": kind} if kind else {})}
