"""Handing one message to Meta's Graph API, once, and saying honestly what is known of it afterwards.

Rules of the room: no retry here and no redirect followed. Meta's endpoint has no idempotency key, so
whatever broke after the request could have been written is `possibly_sent`. Nothing of a message, a number
or a token goes into an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from sayso.channels.base import Outbound, OutButtons, OutList, OutTemplate, OutText, SenderAccount, Sent
from sayso.channels.meta_errors import refusal
from sayso.channels.meta_values import code_of, dict_of, dicts_of, slots_of, text_of
from sayso.core.identity import Address
from sayso.errors import InvalidRequest, ProviderError

#: Meta, limits of messages (characters).
MAX_TEXT = 4096
MAX_BUTTONS_BODY = 1024
MAX_FOOTER = 60
MAX_BUTTONS = 3
MAX_TITLE = 20
MAX_PAYLOAD = 256
MAX_CALLBACK_DATA = 512
#: Meta, interactive list messages.
MAX_ROWS = 10
MAX_ROW_ID = 200
MAX_ROW_TITLE = 24
MAX_ROW_DESCRIPTION = 72
#: Meta, template components: ten buttons, a body of 1,024 characters with its parameters filled in.
MAX_TEMPLATE_BUTTONS = 10
MAX_PARAM = 1024
#: Longest answer read; Meta's has under 1 kB.
MAX_ANSWER = 64 * 1024
#: Meta, templates: lower-case letters, digits and underscores.
TEMPLATE_NAME = re.compile(r"[a-z0-9_]{1,512}\Z")
LANGUAGE = re.compile(r"[A-Za-z_]{2,15}\Z")
#: Meta, error 132012 and template guidelines: a value has no newline, no tab and no five spaces in a row.
BAD_PARAM = re.compile(r"[\n\r\t]| {5}")
#: httpcore says so when the connection is open and the first byte is about to be written.
WRITE_BEGINS = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})
MALFORMED = "The sender's base URL or token is malformed; nothing was sent."
#: Shortest wait, in seconds, before a connection is tried again.
RECONNECT_S = 1
#: Nothing was written: there was no connection to write to.
NOT_WRITTEN: tuple[type[httpx.TransportError], ...] = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
)


def send(
    client: httpx.Client,
    account: SenderAccount,
    to: Address,
    message: Outbound,
    callback_data: str | None,
    timeout_s: float,
    *,
    before_write: Callable[[], None] | None = None,
) -> Sent:
    """Send one message and return what Meta called it. `timeout_s` bounds each network step, not their sum.

    `before_write` runs just before the request is handed to the client and, on a real connection, once more
    when it is open and the first byte is about to go: opening it may take longer than a permit lasts. So it
    may run twice and must be quick. What it raises passes through, and nothing was sent.

    Raises InvalidRequest for a message over Meta's limits, ProviderError for everything else that is not a
    success.
    """
    body = msgspec.json.encode(request_body(to, message, callback_data))
    request = _request(client, account, body, timeout_s)
    if before_write is not None:
        request.extensions["trace"] = at_first_byte(before_write)
        before_write()
    try:
        # No redirect, no other credentials: the token goes where the account says and nowhere else.
        response = client.send(request, stream=True, auth=None, follow_redirects=False)
        with closing(response):
            answer = read_answer(response)
    except NOT_WRITTEN as error:
        sentence = "There is no connection to Meta; nothing was sent."
        raise ProviderError(sentence, retry=True, retry_after_s=RECONNECT_S) from error
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise ProviderError(MALFORMED) from None  # the cause quotes the header it dislikes: the token
    except (httpx.HTTPError, httpx.StreamError) as error:
        sentence = "The connection to Meta broke or timed out; the message may have been sent."
        raise ProviderError(sentence, outcome="possibly_sent") from error
    return understood(response.status_code, answer, response.headers.get("Retry-After"))


def request_body(to: Address, message: Outbound, callback_data: str | None) -> dict[str, Any]:
    """The JSON of one message, within Meta's limits. Raises InvalidRequest, naming the field."""
    body: dict[str, Any] = {"messaging_product": "whatsapp", "recipient_type": "individual"}
    # Meta, send messages: without its "+" a number may get the business's country code put in front of it.
    # A user id goes to `recipient`, never together with `to`, which would win.
    body["to" if to.kind == "phone" else "recipient"] = to.dial
    body |= _content(message)
    if isinstance(message, OutText) and message.context_id:
        body["context"] = {"message_id": message.context_id}
    if callback_data:
        _within(callback_data, MAX_CALLBACK_DATA, "callback_data")
        body["biz_opaque_callback_data"] = callback_data
    return body


def _content(message: Outbound) -> dict[str, Any]:
    if isinstance(message, OutText):
        _within(message.body, MAX_TEXT, "body")
        return {"type": "text", "text": {"body": message.body, "preview_url": False}}
    if isinstance(message, OutTemplate):
        return {"type": "template", "template": _template(message)}
    return {"type": "interactive", "interactive": _list(message) if isinstance(message, OutList) else _buttons(message)}


def _template(message: OutTemplate) -> dict[str, Any]:
    if not TEMPLATE_NAME.match(message.name):
        raise InvalidRequest("A template name has only a-z, 0-9 and _.", param="name")
    if not LANGUAGE.match(message.language):
        raise InvalidRequest("A template language looks like en or en_US.", param="language")
    if len(message.buttons) > MAX_TEMPLATE_BUTTONS:
        raise InvalidRequest("A template has at most 10 buttons.", param="buttons")
    components: list[dict[str, Any]] = []
    for value in message.body_params:
        _within(value, MAX_PARAM, "body_params")
        if BAD_PARAM.search(value):
            sentence = "A template value has no newline, tab or run of five spaces."
            raise InvalidRequest(sentence, param="body_params")
    if message.body_params:
        values = [{"type": "text", "text": value} for value in message.body_params]
        components.append({"type": "body", "parameters": values})
    for index, payload in enumerate(message.buttons):
        _within(payload, MAX_PAYLOAD, "buttons")
        parameters = [{"type": "payload", "payload": payload}]
        components.append(
            {"type": "button", "sub_type": "quick_reply", "index": str(index), "parameters": parameters}
        )
    template: dict[str, Any] = {"name": message.name, "language": {"code": message.language}}
    return template | ({"components": components} if components else {})


def _buttons(message: OutButtons) -> dict[str, Any]:
    _within(message.body, MAX_BUTTONS_BODY, "body")
    ids, titles = {button[0] for button in message.buttons}, {button[1] for button in message.buttons}
    count = len(message.buttons)
    if not 1 <= count <= MAX_BUTTONS or len(ids) < count or len(titles) < count:
        sentence = "A message has one to three buttons, each with its own id and title."
        raise InvalidRequest(sentence, param="buttons")
    for identifier, title in message.buttons:
        _within(identifier, MAX_PAYLOAD, "buttons")
        _within(title, MAX_TITLE, "buttons")
    interactive: dict[str, Any] = {"type": "button", "body": {"text": message.body}}
    if message.footer:
        _within(message.footer, MAX_FOOTER, "footer")
        interactive["footer"] = {"text": message.footer}
    replies = [{"id": identifier, "title": title} for identifier, title in message.buttons]
    interactive["action"] = {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
    return interactive


def _list(message: OutList) -> dict[str, Any]:
    _within(message.body, MAX_TEXT, "body")
    _within(message.button, MAX_TITLE, "button")
    count = len(message.rows)
    if not 1 <= count <= MAX_ROWS or len({row[0] for row in message.rows}) < count:
        raise InvalidRequest("A list has one to ten rows, each with its own id.", param="rows")
    rows: list[dict[str, str]] = []
    for identifier, title, description in message.rows:
        _within(identifier, MAX_ROW_ID, "rows")
        _within(title, MAX_ROW_TITLE, "rows")
        rows.append({"id": identifier, "title": title})
        if description:
            _within(description, MAX_ROW_DESCRIPTION, "rows")
            rows[-1]["description"] = description
    # Meta: a single section needs no title.
    action = {"button": message.button, "sections": [{"rows": rows}]}
    return {"type": "list", "body": {"text": message.body}, "action": action}


def _within(text: str, limit: int, param: str) -> None:
    if not text.strip() or len(text) > limit:
        raise InvalidRequest(f"WhatsApp takes 1 to {limit} characters here, not {len(text)}.", param=param)


def _request(client: httpx.Client, account: SenderAccount, body: bytes, timeout_s: float) -> httpx.Request:
    path = f"{quote(account.api_version, safe='')}/{quote(account.phone_number_id, safe='')}/messages"
    headers = {"Authorization": f"Bearer {account.token}", "Content-Type": "application/json"}
    try:
        return client.build_request(
            "POST", f"{account.base_url.rstrip('/')}/{path}", content=body, headers=headers, timeout=timeout_s
        )
    except (httpx.InvalidURL, ValueError):
        raise ProviderError(MALFORMED) from None  # as above


def at_first_byte(before_write: Callable[[], None]) -> Callable[[str, dict[str, Any]], None]:
    """A trace for httpx that looks once more when the connection is open and the first byte is about to go."""

    def trace(event: str, _info: dict[str, Any]) -> None:
        if event in WRITE_BEGINS:
            before_write()

    return trace


def read_answer(response: httpx.Response) -> dict[str, Any]:
    """The JSON object of the answer; empty for anything else, and for an answer that does not end."""
    data = bytearray()
    for chunk in response.iter_bytes():
        data += chunk
        if len(data) > MAX_ANSWER:
            return {}
    try:
        answer = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def understood(status: int, answer: dict[str, Any], retry_after: str | None = None) -> Sent:
    """What an answer of Meta's says became of the message. Raises ProviderError for a refusal."""
    error = dict_of(answer, "error")
    if error or not 200 <= status < 300:
        code = code_of(error) if text_of(error, "code") else None
        raise refusal(code, status, retry_after)
    messages = dicts_of(answer.get("messages"))
    message_id = text_of(messages[0], "id") if messages else ""
    if not message_id:
        raise ProviderError("Meta's answer named no message; it may have been sent.", outcome="possibly_sent")
    contacts: list[Address] = []
    for contact in dicts_of(answer.get("contacts")):
        named = slots_of(contact, "wa_id", "user_id", "parent_user_id").addresses()
        contacts += (address for address in named if address not in contacts)
    return Sent(message_id, tuple(contacts), text_of(messages[0], "message_status") or "accepted")
