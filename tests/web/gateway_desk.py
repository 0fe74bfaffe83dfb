"""The gateway under test: a real server over a world, with a recording provider behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from sayso.web.auth import make_key
from tests.cast import AMIRA
from tests.stores import World, settle_in
from tests.web.test_serve import served
from tests.web.upstream import Upstream, running
from tests.world import NOTICE, NUMBER_ID, declaration

WABA = "102290129340398"
ACCOUNT = "AC" + "1" * 32
OFFER_SID, ORDER_SID = "HX" + "a" * 32, "HX" + "b" * 32
SERVICE_SID = "MG" + "c" * 32
TWILIO_FROM = "whatsapp:+447700900102"
MESSAGES = f"/v23.0/{NUMBER_ID}/messages"
MARKETING = f"/v23.0/{NUMBER_ID}/marketing_messages"
TWILIO = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


def declared(upstream: Upstream, **edits: Any) -> dict[str, Any]:
    """The business of the tests with templates, an account that files them, and numbers at Twilio."""
    whole = declaration()
    whole["connections"]["main"] |= {"waba_id": WABA, "base_url": upstream.url}
    whole["connections"]["twilio"] = {
        "provider": "twilio", "account_sid": ACCOUNT, "auth_token": {"env": "ACME_TWILIO_TOKEN"},
        "public_url": "https://sayso.example", "base_url": upstream.url}
    whole["senders"]["wa"] = {"connection": "twilio", "phone_number_id": TWILIO_FROM, "phone": "+447700900102"}
    whole["senders"]["pool"] = {"connection": "twilio", "phone_number_id": SERVICE_SID, "phone": "+447700900103",
                                "channel": "sms", "purpose": "orders"}
    whole["purposes"]["offers"]["templates"] = ["june_offer", OFFER_SID]
    whole["purposes"]["orders"]["templates"] = ["order_update", "disguised_offer", "nobody_knows", ORDER_SID]
    senders = ["shop", "wa", "pool"]
    whole["notices"]["all"] = {"version": 1, "purposes": ["offers", "orders"], "senders": senders,
                               "text": {"en": f"Offers, and news about your orders. {NOTICE}"}}
    whole["entry_points"]["all"]["notice"] = "all"
    return whole | edits


@dataclass(slots=True)
class Gateway:
    """A server, its provider, and a caller with a key."""

    world: World
    upstream: Upstream
    url: str
    key: str

    def post(self, path: str, body: Any, *, key: str | None = None, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", "authorization": f"Bearer {key or self.key}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(self.url + path, content=content, headers=sent, trust_env=False, timeout=30)

    def offer(self, to: str = AMIRA.phone, name: str = "june_offer", **headers: str) -> httpx.Response:
        return self.post(MESSAGES, template(name, to), **headers)

    def twilio(self, form: Any, *, key: str | None = None, **headers: str) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"content": form, "headers": sent | {"content-type": "application/x-www-form-urlencoded"}} \
            if isinstance(form, bytes) else {"data": form, "headers": sent}
        return httpx.post(self.url + TWILIO, auth=(ACCOUNT, key or self.key), trust_env=False, timeout=30, **given)

    def make_key(self, *scopes: str, mode: Any = "live", world: World | None = None) -> str:
        ports, ws = self.world.kit.ports, (world or self.world).workspace.id
        return self.world.store.write(lambda tx: make_key(tx, ports, ws, scopes, mode=mode))[1]


@contextmanager
def gateway_of(world: World, timeout_s: float = 20.0) -> Iterator[Gateway]:
    """A gateway over this world, whose system is closed with it. Amira said yes to everything, Bruno said stop."""
    with running() as upstream:
        upstream.templates = {"june_offer": "MARKETING", "order_update": "UTILITY", "disguised_offer": "UTILITY",
                              "login_code": "AUTHENTICATION"}
        world.system.environ["ACME_TWILIO_TOKEN"] = "tw1lio"
        world.system.send_timeout_s = timeout_s
        world.workspace = settle_in(world.system, declared(upstream))
        with served(world) as (serving, _):
            gateway = Gateway(world, upstream, serving.url, "")
            gateway.key = gateway.make_key("send")
            yield gateway


def template(name: str, to: str = AMIRA.phone, **more: Any) -> dict[str, Any]:
    """A template message as Meta takes it."""
    return {"messaging_product": "whatsapp", "to": to, "type": "template",
            "template": {"name": name, "language": {"code": "en"}}, **more}


def text(body: str = "Your parcel is here.", to: str = AMIRA.phone, **more: Any) -> dict[str, Any]:
    """A free-form message."""
    return {"messaging_product": "whatsapp", "recipient_type": "individual", "to": to, "type": "text",
            "text": {"body": body}, **more}


def graph_error(answer: httpx.Response, status: int, code: int, reason: str = "") -> dict[str, Any]:
    """The error an answer is, in the Graph API's shape."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
    error: dict[str, Any] = answer.json()["error"]
    assert (error["code"], error["error_data"]["messaging_product"]) == (code, "whatsapp"), error
    assert error["fbtrace_id"] == answer.headers["request-id"]
    assert error["message"].startswith(f"(#{code}) ")
    assert error["type"] in ("OAuthException", "GraphMethodException")
    assert error["error_data"]["details"]
    if reason:
        assert error["error_data"]["reason"] == answer.headers["sayso-reason"] == reason
    return error
