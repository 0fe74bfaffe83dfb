"""The gateway in front of Twilio: the same form on, the same answer back, and refusals in Twilio's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World, neighbour
from tests.web.gateway_desk import (
    ACCOUNT,
    OFFER_SID,
    ORDER_SID,
    SERVICE_SID,
    TWILIO,
    TWILIO_FROM,
    Gateway,
    gateway_of,
)

OFFER = {"To": f"whatsapp:{AMIRA.phone}", "From": TWILIO_FROM, "ContentSid": OFFER_SID,
         "ContentVariables": '{"1":"Amira & co"}'}


@pytest.fixture
def gateway(world: World) -> Iterator[Gateway]:
    with gateway_of(world) as opened:
        opened.world.join(AMIRA, "JOIN ALL")
        opened.world.say(BRUNO, "STOP")
        opened.world.work()
        yield opened


@pytest.fixture
def lone(lone_world: World) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        opened.world.join(AMIRA, "JOIN ALL")
        opened.world.say(BRUNO, "STOP")
        opened.world.work()
        yield opened


def refused(answer: httpx.Response, status: int, code: int, reason: str = "") -> dict[str, Any]:
    told: dict[str, Any] = answer.json()
    assert (answer.status_code, told["status"], told["code"]) == (status, status, code), told
    assert told["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert told["message"]
    assert not reason or told["details"]["reason"] == answer.headers["sayso-reason"] == reason
    return told


def test_a_message_goes_on_with_twilios_credentials_and_comes_back_as_it_came(gateway: Gateway) -> None:
    answer = gateway.twilio(OFFER)
    got = gateway.upstream.sent[0]
    assert (answer.status_code, answer.content) == (201, gateway.upstream.told[0])
    assert (got.path, got.body) == (TWILIO, answer.request.content)
    assert httpx.BasicAuth(ACCOUNT, "tw1lio")._auth_header == got.headers["authorization"]
    sid = answer.json()["sid"]
    ws, vault = gateway.world.workspace.id, gateway.world.kit.vault
    assert gateway.world.store.read(lambda tx: tx.row("handed_over", ws=ws, mac=vault.message_mac(ws, "sent", sid)))


def test_nothing_arrives_after_a_stop(gateway: Gateway) -> None:
    assert gateway.twilio(OFFER).status_code == 201
    gateway.world.say(AMIRA, "STOP")
    told = refused(gateway.twilio(OFFER), 400, 21610, "stopped_all")
    assert "unsubscribed recipient" in told["message"]
    refused(gateway.twilio(OFFER | {"ContentSid": ORDER_SID}), 400, 21610)
    refused(gateway.twilio({"To": AMIRA.phone, "MessagingServiceSid": SERVICE_SID, "Body": "On its way"}), 400, 21610)
    assert len(gateway.upstream.sent) == 1


def test_the_purpose_comes_from_the_template_the_header_or_the_number(lone: Gateway) -> None:
    sms = {"To": AMIRA.phone, "MessagingServiceSid": SERVICE_SID, "Body": "On its way"}
    assert lone.twilio(sms).status_code == 201
    assert lone.twilio(OFFER | {"ContentSid": ORDER_SID}, sayso_purpose="orders").status_code == 201
    unknown = OFFER | {"ContentSid": "HX" + "f" * 32}
    refused(lone.twilio(unknown), 400, 20001, "no_purpose")
    refused(lone.twilio(unknown, sayso_purpose="orders"), 400, 21655, "no_class")
    refused(lone.twilio(OFFER, sayso_purpose="orders"), 400, 21608, "no_consent")  # the template is marketing
    assert len(lone.upstream.sent) == 2


def test_a_free_form_whatsapp_needs_an_open_window(lone: Gateway) -> None:
    words = {"To": f"whatsapp:{CHEN.phone}", "From": TWILIO_FROM, "Body": "Hello"}
    lone.world.say(CHEN, "hello?", sender="shop")
    refused(lone.twilio(words), 400, 63016, "window_closed")  # they wrote to another number
    refused(lone.twilio(words | {"To": f"whatsapp:{BRUNO.phone}"}), 400, 21610)
    refused(lone.twilio(OFFER | {"To": f"whatsapp:{DANA.user_id}"}), 400, 21608, "unknown_person")


def test_twilios_own_stop_in_the_answer_is_recorded(lone: Gateway) -> None:
    lone.upstream.answers = [(400, {"code": 21610, "message": "as it was", "status": 400})]
    assert lone.twilio(OFFER).json()["message"] == "as it was"
    refused(lone.twilio(OFFER), 400, 21610, "stopped_all")
    assert "said_stop" in lone.world.types(AMIRA)


def test_a_broken_answer_is_possibly_sent(lone: Gateway) -> None:
    lone.upstream.answers = [None]
    refused(lone.twilio(OFFER), 400, 20500, "provider_error")


@pytest.mark.parametrize("edit", [
    {"To": "whatsapp:447700900123"}, {"To": "07700900123"}, {"To": "messenger:123"}, {"To": ""},
    {"From": "whatsapp:+447700900199"}, {"From": ""}, {"To": AMIRA.phone}, {"ContentSid": "HX1"},
    {"SendAt": "2026-12-01T10:00:00Z", "ScheduleType": "fixed"}, {"to": "whatsapp:+447700900456"},
    {"To\u0000": "x", "To": ""}, {"access_token": "x"}])
def test_what_is_not_understood_is_not_sent(lone: Gateway, edit: dict[str, str]) -> None:
    answer = lone.twilio(OFFER | edit)
    assert answer.status_code in (400, 404)
    assert answer.json()["code"]
    assert lone.upstream.sent == []


@pytest.mark.parametrize("raw", [
    b"\xff=1", b"", b"To=whatsapp%3A%2B447700900123&To=whatsapp%3A%2B447700900456&From=x&Body=y", b"a=1&" * 300])
def test_a_form_that_is_none_is_refused(lone: Gateway, raw: bytes) -> None:
    refused(lone.twilio(raw), 400, 20001)


def test_the_key_is_the_password_and_nothing_else_opens(lone: Gateway) -> None:
    refused(lone.twilio(OFFER, key="tw1lio"), 401, 20003, "unauthorized")
    refused(lone.twilio(OFFER, key=lone.make_key("check")), 403, 20403)
    bearer = httpx.post(lone.url + TWILIO, data=OFFER, headers={"authorization": f"Bearer {lone.key}"}, trust_env=False)
    refused(bearer, 401, 20003)
    refused(lone.twilio(OFFER, key=lone.make_key("send", world=neighbour(lone.world))), 404, 20404)
    other = httpx.get(f"{lone.url}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", auth=(ACCOUNT, lone.key),
                      trust_env=False)
    assert other.json()["code"] == 20404
    calls = httpx.post(f"{lone.url}/2010-04-01/Accounts/{ACCOUNT}/Calls.json", auth=(ACCOUNT, lone.key), data=OFFER,
                       trust_env=False)
    refused(calls, 404, 20404)
    assert lone.upstream.got == []


@pytest.mark.parametrize("sender", ["+15005550006", "ALPHA", "whatsapp:+447700900102"])
def test_a_from_that_is_nobodys_is_not_covered_by_a_service_beside_it(gateway: Gateway, sender: str) -> None:
    form = {"To": AMIRA.phone, "From": sender, "MessagingServiceSid": SERVICE_SID, "Body": "On its way"}
    answer = gateway.twilio(form)
    assert answer.status_code >= 400
    assert gateway.upstream.sent == []


@pytest.mark.parametrize("name", [
    "To ", " To", "To[]", "To[0]", "to", "TO", "To\u0000", "T\u043e", "T\u200bo", "From ", "MessagingServiceSid ",
    "ContentSid[]", "Body\t", ""])
def test_a_field_that_looks_like_another_is_refused(lone: Gateway, name: str) -> None:
    told = refused(lone.twilio(OFFER | {name: f"whatsapp:{BRUNO.phone}"}), 400, 20001, "invalid_request")
    assert "letters and digits" in told["message"] or "stands once" in told["message"]
    assert lone.upstream.sent == []


@pytest.mark.parametrize("more", [
    b"&To=whatsapp%3A%2B447700900456", b"&%54o=whatsapp%3A%2B447700900456", b";To=whatsapp%3A%2B447700900456",
    b"&T%6F=", b"&To", b"&Body=a;To=%2B447700900456", b"&From=x"])
def test_a_field_that_stands_twice_however_it_is_written_is_refused(lone: Gateway, more: bytes) -> None:
    refused(lone.twilio(urlencode(OFFER).encode() + more), 400, 20001)
    assert lone.upstream.sent == []


def test_a_header_twice_and_another_character_set_are_refused_in_twilios_words(lone: Gateway) -> None:
    raw = urlencode(OFFER).encode()
    headers = [("content-type", "application/x-www-form-urlencoded"), ("sayso-purpose", "offers"),
               ("sayso-purpose", "orders")]
    twice = httpx.post(lone.url + TWILIO, content=raw, headers=headers, auth=(ACCOUNT, lone.key), trust_env=False)
    assert "once" in refused(twice, 400, 20001)["message"]
    other = httpx.post(lone.url + TWILIO, content=raw, auth=(ACCOUNT, lone.key), trust_env=False,
                       headers={"content-type": "application/x-www-form-urlencoded; charset=utf-16"})
    assert "UTF-8" in refused(other, 400, 20001)["message"]
    assert lone.upstream.sent == []


def test_what_twilio_itself_takes_is_still_sent(lone: Gateway) -> None:
    more = {"StatusCallback": "https://example.com/a;b?c=d", "MediaUrl": ["https://example.com/1", "https://a.b/2"],
            "SmartEncoded": "true", "PersistentAction": "geo:1,2"}
    assert lone.twilio(OFFER | more).status_code == 201
