"""The gateway and those who try it: keys in wrong places, bodies with two meanings, huge and broken ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cast import AMIRA, BRUNO
from tests.stores import World
from tests.web.gateway_desk import MESSAGES, Gateway, gateway_of, graph_error, template, text
from tests.world import NUMBER_ID


@pytest.fixture
def gateway(lone_world: World) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        opened.world.join(AMIRA, "JOIN ALL")
        opened.world.say(BRUNO, "STOP")
        opened.world.work()
        yield opened


def nothing_left(gateway: Gateway) -> bool:
    return gateway.upstream.got == []


def test_no_key_no_scope_and_a_key_of_another_kind_are_told_as_meta_tells_it(gateway: Gateway) -> None:
    for headers in ({}, {"authorization": "Bearer EAAG..."}, {"authorization": "Basic eDp5"}):
        answer = httpx.post(gateway.url + MESSAGES, json=template("june_offer"), headers=headers, trust_env=False)
        graph_error(answer, 401, 190, "unauthorized")
    others = gateway.make_key("check", "consent", "read")
    graph_error(gateway.post(MESSAGES, template("june_offer"), key=others), 403, 10, "forbidden")
    assert nothing_left(gateway)


def test_a_test_key_reaches_numbers_of_fiction_alone(gateway: Gateway) -> None:
    key = gateway.make_key("send", mode="test")
    graph_error(gateway.post(MESSAGES, template("june_offer", "+4915123456789"), key=key), 400, 131030, "forbidden")
    assert nothing_left(gateway)
    assert gateway.post(MESSAGES, template("june_offer"), key=key).status_code == 200


def test_a_key_outside_the_header_is_refused_and_never_handed_on(gateway: Gateway) -> None:
    for path in (f"{MESSAGES}?access_token={gateway.key}", f"/v23.0/102290129340398?access_token={gateway.key}",
                 f"{MESSAGES}?access%5Ftoken={gateway.key}"):
        answer = gateway.post(path, template("june_offer")) if "messages" in path else \
            httpx.get(gateway.url + path, headers={"authorization": f"Bearer {gateway.key}"}, trust_env=False)
        assert answer.status_code == 400
        assert gateway.key not in answer.text
    graph_error(gateway.post(MESSAGES, template("june_offer", access_token=gateway.key)), 400, 190)
    assert nothing_left(gateway)


@pytest.mark.parametrize("raw", [
    b"", b"{", b"[]", b"null", b"7", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 200 + b"1" + b"}" * 200,
    b'{"a":NaN}', b'{"a":"\\ud800"}', b"\xef\xbb\xbf{}", b'{"a":' + b"9" * 10_000 + b"}",
    json.dumps("x").encode("utf-16")])
def test_what_is_no_json_object_is_not_sent(gateway: Gateway, raw: bytes) -> None:
    graph_error(gateway.post(MESSAGES, raw), 400, 100)
    assert nothing_left(gateway)


def test_four_megabytes_are_not_read(gateway: Gateway) -> None:
    graph_error(gateway.post(MESSAGES, b" " * (4 * 1024 * 1024)), 413, 100, "body_too_large")
    assert nothing_left(gateway)


@pytest.mark.parametrize("raw", [
    b'{"messaging_product":"whatsapp","to":"+447700900123","to":"+447700900456","type":"template","template":%s}',
    b'{"messaging_product":"whatsapp","to":"+447700900456","t\\u006f":"+447700900123","type":"template","template":%s}',
    b'{"messaging_product":"whatsapp","to":"+447700900123","recipient":"GB.1349BRUNO","type":"template","template":%s}',
    b'{"messaging_product":"whatsapp","to":["+447700900123"],"type":"template","template":%s}',
    b'{"messaging_product":"whatsapp","to":"+447700900123","type":"text","template":%s}',
    b'{"messaging_product":"whatsapp","to":"+447700900123","type":"newsletter","template":%s}',
    b'{"messaging_product":"whatsapp","to":"+447700900123","type":["template"],"template":%s}',
    b'{"messaging_product":"whatsapp","to":"+447700900123","recipient_type":"group","type":"template","template":%s}',
    b'{"messaging_product":"sms","to":"+447700900123","type":"template","template":%s}',
    b'{"messaging_product":"whatsapp","type":"template","template":%s}',
    (b'{"messaging_product":"whatsapp","to":"+447700900123","biz\\u005fopaque_callback_data":"","type":"template",'
     b'"template":%s}'),
    b'{"messaging_product":"whatsapp","to":"+447700900123","biz_opaque_callback_data":7,"type":"template","template":%s}',
])
def test_what_could_be_read_in_two_ways_is_not_sent(gateway: Gateway, raw: bytes) -> None:
    answer = gateway.post(MESSAGES, raw % b'{"name":"june_offer","language":{"code":"en"}}')
    assert (answer.status_code, "error" in answer.json()) == (400, True)
    assert nothing_left(gateway)


@pytest.mark.parametrize("name", [
    "", "June Offer", "june_offer\u0000", "june_offer' or 1=1", "x" * 600, 7, None, ["a"]])
def test_a_template_with_an_odd_name_is_refused(gateway: Gateway, name: Any) -> None:
    answer = gateway.post(MESSAGES, template(name), sayso_purpose="offers")
    assert answer.status_code in (400, 404)
    assert gateway.upstream.sent == []


def test_a_query_a_form_and_a_batch_are_not_taken_for_a_message(gateway: Gateway) -> None:
    graph_error(gateway.post(f"{MESSAGES}?to=%2B447700900456", template("june_offer")), 400, 100)
    for kind in ("application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16",
                 "multipart/form-data; boundary=x", "text/plain", ""):
        graph_error(gateway.post(MESSAGES, template("june_offer"), content_type=kind), 400, 100)
    batch = [{"method": "POST", "relative_url": MESSAGES[1:], "body": "to=%2B447700900456"}]
    for path in ("/v23.0/", "/v23.0//messages", "/v23.0/me/messages", "/v23.0/106540352242922/messages/"):
        graph_error(gateway.post(path, {"batch": batch}), 400, 100)
    assert nothing_left(gateway)


def test_a_big_body_takes_no_longer_than_its_size(gateway: Gateway) -> None:
    for filler in ('"' * 100_000, "\\" * 100_000, "{" * 100_000):
        assert gateway.post(MESSAGES, text(filler)).status_code == 200
    hostile = b'{"messaging_product":"whatsapp","to":"' + b'\\"' * 100_000
    graph_error(gateway.post(MESSAGES, hostile), 400, 100)


def test_a_method_the_path_does_not_have_is_told_as_meta_tells_it(gateway: Gateway) -> None:
    for method in ("GET", "PUT", "PATCH"):
        answer = httpx.request(method, gateway.url + MESSAGES, headers={"authorization": f"Bearer {gateway.key}"},
                               trust_env=False)
        graph_error(answer, 400, 100)
    assert nothing_left(gateway)


@pytest.mark.parametrize(("method", "path", "body"), [
    ("POST", MESSAGES, {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X"}),
    ("POST", MESSAGES, {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X",
                        "typing_indicator": {"type": "text"}}),
    ("POST", f"/v23.0/{NUMBER_ID}/block_users", {"messaging_product": "whatsapp", "block_users": [{"user": "+1"}]}),
    ("DELETE", f"/v23.0/{NUMBER_ID}/block_users", {"messaging_product": "whatsapp", "block_users": [{"user": "+1"}]}),
    ("GET", f"/v23.0/{NUMBER_ID}/block_users", None), ("GET", "/v23.0/137524587935346", None),
    ("POST", f"/v23.0/{NUMBER_ID}/media", None)])
def test_a_test_key_changes_nothing_at_the_provider_and_reads_nothing_about_people(
        gateway: Gateway, method: str, path: str, body: Any) -> None:
    headers = {"authorization": f"Bearer {gateway.make_key('send', mode='test')}"}
    answer = httpx.request(method, gateway.url + path, json=body, headers=headers, trust_env=False)
    assert "live key" in graph_error(answer, 403, 10, "forbidden")["error_data"]["details"]
    assert nothing_left(gateway)
    allowed = httpx.get(f"{gateway.url}/v23.0/{NUMBER_ID}", headers=headers, trust_env=False)
    assert allowed.status_code == 200


@pytest.mark.parametrize("name", [
    "To", "to ", " to", "to[]", "to[0]", "to\u0000", "t\u043e", "TO", "Recipient", "recipient ", "Type", "method",
    "batch", "ids"])
def test_a_name_that_looks_like_another_is_not_sent(gateway: Gateway, name: str) -> None:
    told = graph_error(gateway.post(MESSAGES, template("june_offer", **{name: BRUNO.phone})), 400, 100)
    assert "Meta's reference" in told["error_data"]["details"]
    assert nothing_left(gateway)


@pytest.mark.parametrize("more", [
    ("sayso-purpose", "offers"), ("content-type", "application/json"), ("authorization", "Bearer x"),
    ("content-type", "application/x-www-form-urlencoded"), ("Sayso-Purpose", "")])
def test_a_header_that_stands_twice_is_refused(gateway: Gateway, more: tuple[str, str]) -> None:
    headers = [("authorization", f"Bearer {gateway.key}"), ("content-type", "application/json"),
               ("sayso-purpose", "orders")]
    body = json.dumps(template("june_offer")).encode()
    for given in ([*headers, more], [more, *headers]):
        answer = httpx.post(gateway.url + MESSAGES, content=body, headers=given, trust_env=False)
        assert "once" in graph_error(answer, 400, 100)["error_data"]["details"]
    assert nothing_left(gateway)


@pytest.mark.parametrize("kind", [
    "application/json; charset=utf-16", "application/json; charset=ibm037", "application/json;charset=",
    "application/json; charset=utf-8; charset=utf-16", 'application/json; x="; charset=utf-7'])
def test_a_body_in_another_character_set_is_not_sent(gateway: Gateway, kind: str) -> None:
    told = graph_error(gateway.post(MESSAGES, template("june_offer"), content_type=kind), 400, 100)
    assert "UTF-8" in told["error_data"]["details"]
    assert nothing_left(gateway)


def test_a_body_that_says_it_is_utf_8_is_sent_and_a_packed_one_is_not(gateway: Gateway) -> None:
    for kind in ("application/json; charset=UTF-8", 'application/json;charset="utf-8"'):
        assert gateway.post(MESSAGES, template("june_offer"), content_type=kind).status_code == 200
    sent = len(gateway.upstream.sent)
    graph_error(gateway.post(MESSAGES, template("june_offer"), content_encoding="gzip"), 400, 100)
    assert len(gateway.upstream.sent) == sent
