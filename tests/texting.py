"""A business at Twilio, for tests: WhatsApp and SMS on one number, forms as Twilio posts them, and a small Twilio that
takes messages over a socket. Signatures are made by the `twilio` package, which is what businesses check against.
"""

from __future__ import annotations

import http.server
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]  # the package ships no types
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from sayso.channels import twilio
from sayso.flows import inbound
from sayso.flows.inbound import Received
from tests.cast import Player
from tests.stores import NOTICE, World, declaration

__all__ = ["RequestValidator"]  # for tests that need more than `signature`

ACCOUNT: Final = "AC" + "0" * 31 + "1"
SERVICE: Final = "MG" + "0" * 31 + "1"
CONTENT: Final = "HX" + "0" * 31 + "1"
NUMBER: Final = "+447700900100"
WHATSAPP: Final = f"whatsapp:{NUMBER}"
TOKEN: Final = "auth-t0ken"
PUBLIC: Final = "https://sayso.example.com"
HOOK: Final = "/hooks/twilio/acme-main"


def twilio_declaration(**edits: Any) -> dict[str, Any]:
    """The business of `declaration`, at Twilio: the number `shop` on WhatsApp, the same number `text` for SMS."""
    template = {"name": CONTENT, "language": "en", "params": ["Acme", "{yes}", "{no}"]}
    notice = {"version": 1, "purposes": ["offers"], "senders": ["shop"], "text": {"en": NOTICE}}
    whole = declaration()
    return whole | {
        "connections": {"main": {"provider": "twilio", "account_sid": ACCOUNT, "public_url": PUBLIC,
                                 "auth_token": {"env": "ACME_AUTH_TOKEN"},
                                 "previous_secret": {"env": "ACME_OLD_TOKEN"}}},
        "senders": {"shop": {"connection": "main", "phone_number_id": WHATSAPP, "phone": NUMBER, "start": "join"},
                    "text": {"connection": "main", "phone_number_id": NUMBER, "phone": NUMBER, "channel": "sms"}},
        "notices": {"join": notice | {"templates": {"en": template}}, "plain": notice},
        "entry_points": {
            "join": {"kind": "keyword", "keywords": ["JOIN"], "notice": "join", "sender": "shop"},
            "plain": {"kind": "keyword", "keywords": ["PLAIN"], "notice": "plain", "sender": "shop"},
            "sms": {"kind": "keyword", "keywords": ["JOIN"], "notice": "join", "sender": "text", "confirm": "shop"},
        },
    } | edits


def form(**params: str) -> bytes:
    """A form as Twilio encodes it."""
    return urlencode(params).encode()


@dataclass(slots=True)
class Line:
    """What people send to a business at Twilio, read as the webhook reads it."""

    world: World
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def spoken(self, who: Player, body: str, more: Mapping[str, str] | None = None, *,
               sms: bool = False) -> dict[str, str]:
        """The parameters of one inbound message, as real ones have them."""
        sid = f"SM{next(self._ids):032x}"
        prefix = "" if sms else "whatsapp:"
        named = prefix + (who.phone or who.user_id)
        whole: dict[str, str] = {
            "MessageSid": sid, "SmsMessageSid": sid, "SmsSid": sid, "AccountSid": ACCOUNT, "SmsStatus": "received",
            "From": named, "To": prefix + NUMBER, "Body": body, "NumMedia": "0", "NumSegments": "1",
            "ApiVersion": "2010-04-01",
        }
        if not sms:
            whole |= {"ProfileName": who.name, "MessageType": "text", "ReferralNumMedia": "0", "Forwarded": "false"}
            whole |= {"WaId": who.phone[1:]} if who.phone else {}
            whole |= {"ExternalUserId": f"whatsapp:{who.user_id}"} if who.user_id else {}
        return whole | dict(more or {})

    def hear(self, params: Mapping[str, str]) -> Received:
        """One verified request, a second after the one before."""
        self.world.clock.go(1)
        raw = form(**params)
        return self.world.store.write(lambda tx: inbound.receive(
            tx, self.world.kit, self.world.workspace, self.world.connection, twilio.parse(raw), raw))

    def chat(self, who: Player, body: str, **more: str) -> Received:
        """A WhatsApp message."""
        return self.hear(self.spoken(who, body, more))

    def sms(self, who: Player, body: str, **more: str) -> Received:
        return self.hear(self.spoken(who, body, more, sms=True))

    def tap(self, who: Player, payload: str, label: str = "Yes", *, on: str = "") -> Received:
        """A quick reply; `on` is the message it stood under."""
        more = {"ButtonText": label, "ButtonPayload": payload, "MessageType": "interactive"}
        return self.hear(self.spoken(who, label, more | ({"OriginalRepliedMessageSid": on} if on else {})))

    def status(self, sid: str, word: str, code: int = 0, more: Mapping[str, str] | None = None, *, to: str = "",
               sms: bool = False) -> Received:
        prefix = "" if sms else "whatsapp:"
        failed = {"ErrorCode": str(code)} if code else {}
        return self.hear({"MessageSid": sid, "SmsSid": sid, "MessageStatus": word, "SmsStatus": word, "To": prefix + to,
                          "From": prefix + NUMBER, "AccountSid": ACCOUNT} | failed | dict(more or {}))


def signature(params: Mapping[str, str], url: str = PUBLIC + HOOK, token: str = TOKEN,
              algorithm: str = "HMAC_SHA1") -> str:
    """What Twilio would put into X-Twilio-Signature."""
    return str(RequestValidator(token).compute_signature(url, dict(params), algorithm))


@dataclass(slots=True)
class LittleTwilio:
    """Messages.json over a socket. `answers` are (status, body) to give next; without one a message is accepted."""

    url: str = ""
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    @property
    def forms(self) -> list[dict[str, str]]:
        return [asked[2] for asked in self.asked]

    def answer(self, path: str, authorization: str, params: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked.append((path, authorization, params))
        if self.answers:
            return self.answers.pop(0)
        sid = f"SM{len(self.asked):032x}"
        accepted: dict[str, Any] = {
            "account_sid": ACCOUNT, "api_version": "2010-04-01", "body": params.get("Body", ""), "sid": sid,
            "date_created": "Mon, 23 Nov 2026 09:00:00 +0000", "date_sent": None, "date_updated": None,
            "direction": "outbound-api", "error_code": None, "error_message": None, "from": params.get("From"),
            "messaging_service_sid": params.get("MessagingServiceSid"), "num_media": "0", "num_segments": "1",
            "price": None, "price_unit": "USD", "status": "queued", "subresource_uris": {}, "to": params.get("To"),
            "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json",
        }
        return 201, accepted


@contextmanager
def little_twilio() -> Iterator[LittleTwilio]:
    """One that listens on this machine until the test ends."""
    service = LittleTwilio()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            params = dict(parse_qsl(raw.decode(), keep_blank_values=True))
            status, body = service.answer(self.path, self.headers.get("Authorization", ""), params)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Diverted(TwilioHttpClient):  # type: ignore[misc]  # the package ships no types
    """The real client's own transport, with calls to Twilio led to the little one."""

    def __init__(self, url: str) -> None:
        super().__init__(timeout=5)
        self.diverted = url

    def request(self, method: str, url: str, *more: Any, **named: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self.diverted), *more, **named)


def real_client(service: LittleTwilio, user: str = ACCOUNT, token: str = TOKEN) -> Any:
    """The client businesses use, which speaks to the little Twilio without knowing it."""
    return Client(user, token, ACCOUNT, http_client=Diverted(service.url))
