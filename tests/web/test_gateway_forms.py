"""Graph messages as forms: judged like JSON, handed on byte for byte, refused where they could be read in two ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
import pytest

from tests.cast import AMIRA, BRUNO
from tests.stores import World
from tests.web.gateway_desk import MARKETING, MESSAGES, Gateway, gateway_of, graph_error

KIND = "application/x-www-form-urlencoded"
OFFER = json.dumps({"name": "june_offer", "language": {"code": "en"}})


@pytest.fixture
def gateway(lone_world: World) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        opened.world.join(AMIRA, "JOIN ALL")
        opened.world.say(BRUNO, "STOP")
        opened.world.work()
        yield opened


def form(to: str = AMIRA.phone, **edits: str) -> bytes:
    fields = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": OFFER} | edits
    return urlencode({name: value for name, value in fields.items() if value}).encode()


def post(gateway: Gateway, raw: bytes, path: str = MESSAGES, **headers: str) -> httpx.Response:
    return gateway.post(path, raw, content_type=KIND, **headers)


def test_a_form_goes_on_as_a_form_with_the_permit_at_its_end(gateway: Gateway) -> None:
    answer = post(gateway, form())
    got = gateway.upstream.sent[0]
    assert (answer.status_code, answer.content, got.headers["content-type"]) == (200, gateway.upstream.told[-1], KIND)
    head, _, mark = got.body.partition(b"&biz_opaque_callback_data=")
    assert (head, mark.startswith(b"sayso:prm_")) == (form(), True)


@pytest.mark.parametrize("own", ["campaign 7; a&b=c", "x" * 475, '{"a":1}', "\u00fc%26"])
def test_the_callers_own_mark_stays_in_front_wherever_it_stands(gateway: Gateway, own: str) -> None:
    front = urlencode({"biz_opaque_callback_data": own}).encode()
    for raw in (form(biz_opaque_callback_data=own), front + b"&" + form()):
        assert post(gateway, raw).status_code == 200
        sent = parse_qs(gateway.upstream.sent[-1].body.decode(), strict_parsing=True)
        assert [value.partition(";sayso:prm_")[0] for value in sent["biz_opaque_callback_data"]] == [own]
        before = parse_qs(raw.decode())
        assert {name: sent[name] for name in before if name[:3] != "biz"} == \
            {name: before[name] for name in before if name[:3] != "biz"}
    graph_error(post(gateway, form(biz_opaque_callback_data="x" * 476)), 400, 131009)


def test_a_form_meets_the_same_gate(gateway: Gateway) -> None:
    graph_error(post(gateway, form(BRUNO.phone)), 400, 131050, "stopped_all")
    words = form(type="text", template="", text='{"body":"On its way"}')
    assert post(gateway, words, sayso_purpose="orders").status_code == 200
    assert post(gateway, form(), MARKETING).status_code == 200
    graph_error(post(gateway, words, MARKETING), 400, 131009)
    assert post(gateway, b"messaging_product=whatsapp&status=read&message_id=wamid.X").status_code == 200
    gateway.world.say(AMIRA, "STOP")
    graph_error(post(gateway, form()), 400, 131050, "stopped_all")
    assert len(gateway.upstream.sent) == 3


@pytest.mark.parametrize("raw", [
    form() + b"&to=%2B447700900456", form() + b"&t%6F=%2B447700900456", form() + b"&to%5B%5D=%2B447700900456",
    form() + b"&to%20=%2B447700900456", form() + b"&To=%2B447700900456", form() + b";to=%2B447700900456",
    form() + b"&to", form() + b"&", b"&" + form(), form() + b"&recipient=GB.1349BRUNO", form() + b"&method=get",
    form() + b"&template%5Bname%5D=order_update", form() + b"&text%5Bbody%5D=x", form() + b"&x=\xff",
    form() + b"&x=%FF", form(to='"+447700900123"'), form(to='["+447700900123"]'), form(to='{"a":1}'), form(to=""),
    form(template="june_offer"), form(template='["june_offer"]'), form(template="null"), form(type="newsletter"),
    form(template='{"name":"june_offer","name":"order_update"}'), form(template="{" * 500), form(type='"template"'),
    form(recipient_type="group"), form(messaging_product="sms"), form() + b"&status=", b"",
    form() + b"&biz_opaque_callback_data=a&biz_opaque_callback_data=b", json.dumps({"to": AMIRA.phone}).encode(),
    b"&".join(b"a%d=1" % number for number in range(100))])
def test_what_could_be_read_in_two_ways_is_not_sent(gateway: Gateway, raw: bytes) -> None:
    answer = post(gateway, raw)
    assert (answer.status_code, "error" in answer.json()) == (400, True)
    assert gateway.upstream.got == []


def test_a_key_in_a_form_is_refused_and_stays_here(gateway: Gateway) -> None:
    told: Any = graph_error(post(gateway, form(access_token=gateway.key)), 400, 190)
    assert gateway.key not in json.dumps(told)
    assert gateway.upstream.got == []
