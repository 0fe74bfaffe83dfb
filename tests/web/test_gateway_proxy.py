"""What of the Graph API is passed on besides messages: what the policy names, for the caller's own numbers, no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sayso.web.gateway_proxy import POLICY
from tests.cast import BRUNO
from tests.stores import World, neighbour
from tests.web.gateway_desk import WABA, Gateway, gateway_of, graph_error
from tests.world import NUMBER_ID, OTHER_NUMBER_ID

FORM = "multipart/form-data; boundary=a1b2c3"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "gateway.md"


@pytest.fixture
def gateway(lone_world: World) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        yield opened


def call(gateway: Gateway, method: str, path: str, *, key: str = "", **more: object) -> httpx.Response:
    return httpx.request(method, gateway.url + path, headers={"authorization": f"Bearer {key or gateway.key}"},
                         trust_env=False, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [
    f"/v23.0/{NUMBER_ID}?fields=verified_name%2Cquality_rating", f"/v23.0/{NUMBER_ID}/whatsapp_business_profile",
    f"/v23.0/{NUMBER_ID}/block_users?limit=10&after=abc%3D", f"/v23.0/{WABA}",
    f"/v23.0/{WABA}/message_templates?name=june_offer", f"/v23.0/{WABA}/phone_numbers", "/v23.0/137524587935346"])
def test_reads_of_the_callers_own_are_passed_on_with_metas_token(gateway: Gateway, path: str) -> None:
    assert call(gateway, "GET", path).status_code == 200
    got = gateway.upstream.got[0]
    assert (got.method, got.path, got.headers["authorization"]) == ("GET", path, "Bearer t0ken")


def test_a_file_goes_up_as_it_is(gateway: Gateway) -> None:
    files = {"file": ("a.png", b"\x89PNG" + bytes(300_000), "image/png")}
    form = {"messaging_product": "whatsapp"}
    content = httpx.Request("POST", "http://x", data=form, files=files, headers={"content-type": FORM}).read()
    sent = httpx.post(f"{gateway.url}/v23.0/{NUMBER_ID}/media", content=content, trust_env=False, headers={
        "content-type": FORM, "authorization": f"Bearer {gateway.key}"})
    got = gateway.upstream.got[0]
    assert (sent.status_code, got.body) == (200, content)
    assert got.headers["content-type"] == sent.request.headers["content-type"]


def test_a_file_with_a_key_among_its_parts_does_not_arrive(gateway: Gateway) -> None:
    answer = call(gateway, "POST", f"/v23.0/{NUMBER_ID}/media", data={"access_token": gateway.key},
                  files={"file": ("a", b"a" * 10, "image/png")})
    assert answer.status_code == 400
    assert gateway.key not in repr(gateway.upstream.got)


def test_people_can_be_shut_out_and_let_in_again(gateway: Gateway) -> None:
    body = {"messaging_product": "whatsapp", "block_users": [{"user": BRUNO.phone}]}
    for method in ("POST", "DELETE"):
        assert call(gateway, method, f"/v23.0/{NUMBER_ID}/block_users", json=body).status_code == 200
    assert [json.loads(got.body) for got in gateway.upstream.got] == [body, body]


@pytest.mark.parametrize(("method", "path"), [
    ("GET", f"/v23.0/{NUMBER_ID}?method=post&to=%2B447700900456"), ("GET", f"/v23.0/{NUMBER_ID}?fields=owner%7Bid%7D"),
    ("GET", f"/v23.0/{NUMBER_ID}/message_history"), ("GET", f"/v23.0/{OTHER_NUMBER_ID}/block_users"),
    ("GET", "/v23.0/me"), ("GET", "/v23.0/me/accounts"), ("GET", "/v23.0/"), ("GET", f"/v23.0/{WABA}/subscribed_apps"),
    ("GET", "/v23.0/137524587935346?fields=access_token"), ("GET", f"/v23.0/{NUMBER_ID}?ids=1,2"),
    ("GET", f"/v23.0/{NUMBER_ID}?fields=verified_name,block_users"), ("GET", f"/v23.0/{WABA}?fields=Message_Templates"),
    ("GET", f"/v23.0/{WABA}/phone_numbers?fields=id%2Cblock_users.limit"),
    ("POST", f"/v23.0/{NUMBER_ID}"), ("POST", f"/v23.0/{NUMBER_ID}/register"), ("POST", f"/v23.0/{NUMBER_ID}/calls"),
    ("POST", f"/v23.0/{WABA}/message_templates"), ("DELETE", f"/v23.0/{WABA}/message_templates"),
    ("DELETE", "/v23.0/137524587935346"), ("POST", "/v23.0/oauth/access_token"),
    ("GET", "/v23.0/debug_token?input_token=x"),
    ("POST", f"/v23.0/{NUMBER_ID}/messages%0A"), ("POST", "/v23.0/%2e%2e/messages")])
def test_everything_else_is_refused_and_does_not_arrive(gateway: Gateway, method: str, path: str) -> None:
    answer = call(gateway, method, path)
    assert answer.status_code in (400, 404)
    assert gateway.upstream.got == []


def test_an_id_that_is_no_files_tells_nothing(gateway: Gateway) -> None:
    gateway.upstream.answers = [(200, {"id": "555555", "name": "Some other business"})]
    answer = call(gateway, "GET", "/v23.0/555555")
    graph_error(answer, 400, 100, "not_found")
    assert "other business" not in answer.text


def test_the_neighbours_key_reads_nothing_of_ours(gateway: Gateway) -> None:
    key = gateway.make_key("send", world=neighbour(gateway.world))
    for path in (f"/v23.0/{NUMBER_ID}", f"/v23.0/{WABA}/message_templates"):
        assert call(gateway, "GET", path, key=key).status_code in (400, 503)
    assert gateway.upstream.got == []


def test_the_page_lists_what_is_passed_on() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in POLICY:
        name = {"number": "{phone_number_id}", "account": "{waba_id}", "media": "{media_id}"}[row.of]
        assert f"`{row.method} /{name}{'/' if row.edge else ''}{row.edge}`" in page


@pytest.mark.parametrize("body", [
    b'{"\\u0061ccess_token":"x","messaging_product":"whatsapp"}', b'{"messaging_product":"whatsapp","method":"get"}',
    b'{"messaging_product":"whatsapp","block_users":[],"block_users":[]}', b"[]", b"block_users=1"])
def test_a_body_with_two_meanings_does_not_arrive(gateway: Gateway, body: bytes) -> None:
    answer = gateway.post(f"/v23.0/{NUMBER_ID}/block_users", body)
    graph_error(answer, 400, 190 if b"ccess_token" in body else 100)
    assert gateway.upstream.got == []
