"""Handing one message to Twilio, once, and saying honestly what is known of it afterwards.

Rules of the room: no retry here and no redirect followed. Twilio's endpoint has no idempotency key, so whatever broke
after the request could have been written is `possibly_sent`. Buttons exist only in Content templates; any other
question says in words what to reply. Nothing of a message, a number or a token goes into an error.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import closing
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec

from sayso.channels.base import Outbound, OutList, OutTemplate, OutText, SenderAccount, Sent
from sayso.channels.meta_send import BAD_PARAM, NOT_WRITTEN, RECONNECT_S, at_first_byte, read_answer
from sayso.channels.meta_values import code_of, text_of
from sayso.channels.twilio_errors import refusal
from sayso.core.identity import Address
from sayso.errors import InvalidRequest, ProviderError

#: Twilio, error 21617: a body has at most 1,600 characters, for WhatsApp as for SMS.
MAX_TEXT: Final = 1600
#: Twilio, error 21658: a variable of a template has at most 1,600 characters; WhatsApp's body has 1,024.
MAX_PARAM: Final = 1024
#: Variables of one template.
MAX_PARAMS: Final = 20
#: Twilio, Content API: the id of a template.
CONTENT_SID: Final = re.compile(r"HX[0-9a-fA-F]{32}\Z")
#: Twilio, Messaging Services: an id in place of a number sends from the service's pool.
SERVICE_SID: Final = re.compile(r"MG[0-9a-fA-F]{32}\Z")
#: In a template's `params`: the ids of its two quick replies, so that a tap names the very question it answers.
YES, NO = "{yes}", "{no}"
WHATSAPP: Final = "whatsapp:"
FAILED: Final = frozenset({"failed", "undelivered", "canceled"})
MALFORMED: Final = "The sender's base URL, account or token is malformed; nothing was sent."


def send(
    client: httpx.Client,
    account: SenderAccount,
    to: Address,
    message: Outbound,
    callback_data: str | None,  # noqa: ARG001  (Twilio has no place for it; the message's id is enough)
    timeout_s: float,
    *,
    before_write: Callable[[], None] | None = None,
) -> Sent:
    """Send one message and return what Twilio called it. `timeout_s` bounds each network step, not their sum.

    `before_write` may run twice: before the request is handed to the client, and when the first byte is about to go.
    What it raises passes through, and nothing was sent.

    Raises InvalidRequest for a message over Twilio's limits, ProviderError for everything else that is no success.
    """
    form = request_form(account, to, message)
    request = _request(client, account, form, timeout_s)
    if before_write is not None:
        request.extensions["trace"] = at_first_byte(before_write)
        before_write()
    try:
        # No redirect, no other credentials: the token goes where the account says and nowhere else.
        response = client.send(request, stream=True, auth=None, follow_redirects=False)
        with closing(response):
            answer = read_answer(response)
    except NOT_WRITTEN as error:
        sentence = "There is no connection to Twilio; nothing was sent."
        raise ProviderError(sentence, retry=True, retry_after_s=RECONNECT_S) from error
    except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
        raise ProviderError(MALFORMED) from None  # the cause quotes the header it dislikes: the token
    except (httpx.HTTPError, httpx.StreamError) as error:
        sentence = "The connection to Twilio broke or timed out; the message may have been sent."
        raise ProviderError(sentence, outcome="possibly_sent") from error
    return understood(response.status_code, answer, response.headers.get("Retry-After"))


def request_form(account: SenderAccount, to: Address, message: Outbound) -> dict[str, str]:
    """The form of one message, within Twilio's limits. Raises InvalidRequest, naming the field."""
    sms = account.channel == "sms"
    if sms and to.kind != "phone":
        raise InvalidRequest("An SMS needs a phone number; a WhatsApp user id is not enough.", param="address")
    form = {"To": to.dial if sms else WHATSAPP + to.dial}
    if SERVICE_SID.match(account.phone_number_id):
        form["MessagingServiceSid"] = account.phone_number_id
    else:
        form["From"] = account.phone_number_id
    form |= _content(message)
    if account.callback_url:
        form["StatusCallback"] = account.callback_url
    return form


def _content(message: Outbound) -> dict[str, str]:
    if isinstance(message, OutTemplate):
        return _template(message)
    if isinstance(message, OutText):
        return {"Body": _within(message.body, MAX_TEXT, "body")}
    if isinstance(message, OutList):
        rows = [f"{place}. {title} ({about})" if about else f"{place}. {title}"
                for place, (_, title, about) in enumerate(message.rows, 1)]
        return {"Body": _within("\n\n".join((message.body, "\n".join(rows), message.plain)), MAX_TEXT, "body")}
    if not message.plain:
        raise InvalidRequest("Twilio shows buttons only from a template; say in words what to reply.", param="plain")
    parts = (message.body, message.plain, message.footer)
    return {"Body": _within("\n\n".join(part for part in parts if part), MAX_TEXT, "body")}


def _template(message: OutTemplate) -> dict[str, str]:
    """Twilio, error 21656: a variable is not empty and has no newline, tab or long run of spaces."""
    if not CONTENT_SID.match(message.name):
        raise InvalidRequest("A template at Twilio is named by its ContentSid, HX and 32 digits.", param="name")
    if len(message.body_params) > MAX_PARAMS:
        raise InvalidRequest(f"A template has at most {MAX_PARAMS} variables.", param="body_params")
    ids = dict(zip((YES, NO), message.buttons, strict=False))
    variables: dict[str, str] = {}
    for place, value in enumerate(message.body_params, 1):
        variables[str(place)] = _within(ids.get(value, value), MAX_PARAM, "body_params")
        if BAD_PARAM.search(variables[str(place)]):
            raise InvalidRequest("A template value has no newline, tab or run of five spaces.", param="body_params")
    form = {"ContentSid": message.name}
    return form | ({"ContentVariables": msgspec.json.encode(variables).decode()} if variables else {})


def _within(text: str, limit: int, param: str) -> str:
    if not text.strip() or len(text) > limit:
        raise InvalidRequest(f"Twilio takes 1 to {limit} characters here, not {len(text)}.", param=param)
    return text


def _request(client: httpx.Client, account: SenderAccount, form: dict[str, str], timeout_s: float) -> httpx.Request:
    path = f"2010-04-01/Accounts/{quote(account.account_sid, safe='')}/Messages.json"
    credentials = base64.b64encode(f"{account.user}:{account.token}".encode()).decode()
    try:
        return client.build_request("POST", f"{account.base_url.rstrip('/')}/{path}", data=form,
                                    headers={"Authorization": f"Basic {credentials}"}, timeout=timeout_s)
    except (httpx.InvalidURL, ValueError):
        raise ProviderError(MALFORMED) from None  # as above


def understood(http_status: int, answer: dict[str, Any], retry_after: str | None = None) -> Sent:
    """What an answer of Twilio's says became of the message. Raises ProviderError for a refusal."""
    if not 200 <= http_status < 300:
        raise refusal(code_of(answer), http_status, retry_after)
    status = text_of(answer, "status")
    if status in FAILED:  # taken and refused in one breath
        raise refusal(code_of({"code": answer.get("error_code")}), http_status)
    sid = text_of(answer, "sid")
    if not sid:
        sentence = "Twilio's answer named no message; it may have been sent."
        raise ProviderError(sentence, outcome="possibly_sent")
    # `to` repeats what it was given and links nothing.
    return Sent(sid, (), status or "accepted")
