"""Twilio's `POST /2010-04-01/Accounts/{account}/Messages.json`: the same form on, the same answer back, and the gate
between them.

Rules of the room: as in `gateway`. The key is the password of Basic authentication; Twilio's own credentials never
leave this server.
"""

from __future__ import annotations

import base64
from urllib.parse import quote

from sayso.channels import twilio_form, twilio_send
from sayso.channels.base import SenderAccount
from sayso.channels.graph_body import Refused
from sayso.channels.twilio_form import MAX_FORM, TwilioMessage
from sayso.core.gate import Verdict
from sayso.core.workspace import Connection, Sender, Workspace
from sayso.errors import NotFound
from sayso.flows.gateway import Wish
from sayso.web import gateway_wire
from sayso.web.call import Answer, Call, read_body
from sayso.web.gateway import FORM_MEDIA, media_of, purpose_in, without_query
from sayso.web.gateway_errors import twilio_denied
from sayso.web.gateway_wire import PLAIN, Onward


async def messages(call: Call) -> Answer:
    """One message by WhatsApp or SMS."""
    workspace = call.known().workspace
    without_query(call)
    connections = _connections(workspace, call.params["account"])
    if media_of(call) != FORM_MEDIA:
        raise Refused(f"Send the message as a form, with the Content-Type {FORM_MEDIA}.")
    raw = await read_body(call, MAX_FORM)
    message = twilio_form.read(raw)
    connection, sender = _sender(workspace, connections, message)
    to = call.known().check_address(message.to, "To")
    account = call.desk.system.account(workspace, sender)
    wish = Wish(connection, sender, to, purpose_in(call), message.template)
    onward = Onward(_url(account), _headers(call, account), lambda _: raw, twilio_send.understood)
    found = await gateway_wire.send(call, workspace, wish, onward)
    if isinstance(found, Verdict):
        return twilio_denied(found, call.request_id, call.desk.kit.now())
    return gateway_wire.handed_back(found)


async def refuse(_call: Call) -> Answer:
    """Sending is all that is passed on; the rest is asked of Twilio with Twilio's credentials."""
    raise NotFound("This gateway passes on the sending of messages and nothing else; call Twilio for the rest.")


def _connections(workspace: Workspace, account: str) -> list[Connection]:
    found = [item for item in workspace.connections.values()
             if item.provider == "twilio" and item.account_sid == account]
    if not found:
        raise NotFound("There is no such account, or this key may not see it.")
    return found


def _sender(workspace: Workspace, connections: list[Connection], message: TwilioMessage) -> tuple[Connection, Sender]:
    """The number it goes by or, where none is named, the Messaging Service: declared for this channel."""
    ref = message.sender or message.service
    for connection in connections:
        sender = workspace.sender_of(ref, connection.name)
        if sender is not None and sender.channel == message.channel:
            return connection, sender
    raise NotFound("No sender of this workspace has this number for this channel.", param="From")


def _url(account: SenderAccount) -> str:
    return f"{account.base_url.rstrip('/')}/2010-04-01/Accounts/{quote(account.account_sid, safe='')}/Messages.json"


def _headers(call: Call, account: SenderAccount) -> dict[str, str]:
    credentials = base64.b64encode(f"{account.user}:{account.token}".encode()).decode()
    kind = call.header(b"content-type").decode("latin-1")
    return PLAIN | {"authorization": f"Basic {credentials}", "content-type": kind, "accept": "application/json"}
