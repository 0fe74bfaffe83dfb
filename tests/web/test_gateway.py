"""The gateway in front of Meta: what goes through goes through untouched, what may not go never arrives."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sayso.core import identity
from sayso.errors import Unavailable
from sayso.store.sqlite import SqliteStore
from sayso.web import gateway_wire
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World, neighbour, rows_of
from tests.web.gateway_desk import MARKETING, MESSAGES, Gateway, gateway_of, graph_error, template, text
from tests.world import NUMBER_ID

#: One of each type of message that Meta's reference shows.
CONTENTS: dict[str, Any] = {
    "text": {"body": "h\u00e9llo \U0001f33b \u0000", "preview_url": True},
    "image": {"link": "https://acme.example/a.png", "caption": "A"}, "audio": {"id": "1"}, "video": {"id": "2"},
    "document": {"id": "3", "filename": "bill.pdf"}, "sticker": {"id": "4"},
    "location": {"latitude": 51.5007292, "longitude": -0.1246254, "name": "Shop"},
    "contacts": [{"name": {"formatted_name": "Acme"}, "phones": [{"phone": "+447700900100"}]}],
    "interactive": {"type": "button", "body": {"text": "Well?"}, "action": {"buttons": [
        {"type": "reply", "reply": {"id": "a", "title": "Yes"}}]}},
    "reaction": {"message_id": "wamid.HBg", "emoji": "\ud83d\udc4d"},
}


@pytest.fixture
def gateway(world: World) -> Iterator[Gateway]:
    with gateway_of(world) as opened:
        yield opened


@pytest.fixture
def lone(lone_world: World) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        yield opened


def joined(gateway: Gateway) -> Gateway:
    gateway.world.join(AMIRA, "JOIN ALL")
    gateway.world.say(BRUNO, "STOP")
    gateway.world.work()
    return gateway


def permits(world: World) -> list[tuple[str, str]]:
    """(state, outcome) of every permit of a person's, oldest first; Sayso's own are left out."""
    rows = [row for row in rows_of(world.store, "permits") if row[5] != "consent"]
    return [(row[8], row[14]) for row in sorted(rows, key=lambda row: row[1])]


# -- what goes through -------------------------------------------------------------------------------------------------


def test_a_message_goes_on_with_metas_token_and_comes_back_as_it_came(gateway: Gateway) -> None:
    joined(gateway)
    answer = gateway.offer()
    got = gateway.upstream.sent[0]
    assert (answer.status_code, got.method, got.path) == (200, "POST", MESSAGES)
    assert got.headers["authorization"] == "Bearer t0ken"
    assert "sayso_live" not in repr(gateway.upstream.got)
    assert answer.content == gateway.upstream.told[-1]
    assert permits(gateway.world) == [("done", "sent")]
    assert gateway.world.store.read(lambda tx: tx.row("handed_over", ws=gateway.world.workspace.id, mac=(
        gateway.world.kit.vault.message_mac(gateway.world.workspace.id, "sent", answer.json()["messages"][0]["id"]))))


@pytest.mark.parametrize("kind", [*CONTENTS, "template"])
def test_every_type_of_message_goes_through_byte_for_byte(lone: Gateway, kind: str) -> None:
    joined(lone)
    content = template("june_offer")["template"] if kind == "template" else CONTENTS[kind]
    body = {"messaging_product": "whatsapp", "to": AMIRA.phone, "type": kind, kind: content,
            "context": {"message_id": "wamid.X"}}
    raws = [json.dumps(body).encode(), json.dumps(body, indent=3, ensure_ascii=kind == "reaction").encode()]
    for raw in raws:
        assert lone.post(MESSAGES, raw).status_code == 200
    for raw, got in zip(raws, lone.upstream.sent, strict=True):
        added, rest = got.body.split(b'",', 1)
        assert (b"{" + rest, added[:-36]) == (raw, b'{"biz_opaque_callback_data":"')
        assert added[-36:].startswith(b"sayso:prm_")


def test_the_callers_own_callback_data_is_kept_in_front_of_ours(lone: Gateway) -> None:
    joined(lone)
    for own in ("camp=7", 'a"\\\u00e9;sayso:x', ""):
        raw = json.dumps(template("june_offer", biz_opaque_callback_data=own), indent=1).encode()
        assert lone.post(MESSAGES, raw).status_code == 200
        sent = lone.upstream.sent[-1].body
        data = json.loads(sent)["biz_opaque_callback_data"]
        assert data[:-36] == (own + ";" if own else "")
        assert sent.replace(json.dumps(data, ensure_ascii=False).encode(), json.dumps(own).encode()) == raw
    null = json.dumps(template("june_offer", biz_opaque_callback_data=None)).encode()
    assert lone.post(MESSAGES, null).status_code == 200
    long = lone.post(MESSAGES, template("june_offer", biz_opaque_callback_data="x" * 476))
    assert "475" in graph_error(long, 400, 131009)["error_data"]["details"]
    assert lone.post(MESSAGES, template("june_offer", biz_opaque_callback_data="x" * 475)).status_code == 200


def test_every_spelling_of_a_recipient_that_means_one_person_is_taken(lone: Gateway) -> None:
    lone.world.join(AMIRA, "JOIN ALL")
    for spelt in ("+447700900123", "447700900123", "+44 7700 900-123", "44 (7700) 900123", 447700900123):
        assert lone.offer(spelt).status_code == 200, spelt  # type: ignore[arg-type]
    assert lone.post(MESSAGES, template("june_offer", "") | {"recipient": AMIRA.user_id}).status_code == 200
    for spelt in ("07700900123", "7700900123", "+4477009001234567890", "", "amira", "+44 7700 900123\u0000"):
        assert lone.offer(spelt).status_code == 400, spelt


def test_a_read_receipt_needs_no_permit_and_is_nothing_else(lone: Gateway) -> None:
    receipt = {"messaging_product": "whatsapp", "status": "read", "message_id": "wamid.X",
               "typing_indicator": {"type": "text"}}
    assert lone.post(MESSAGES, receipt).status_code == 200
    assert json.loads(lone.upstream.sent[0].body) == receipt
    for more in ({"to": AMIRA.phone}, {"type": "text", "text": {"body": "x"}}, {"status": "sent"}):
        graph_error(lone.post(MESSAGES, receipt | more), 400, 100)
    assert len(lone.upstream.sent) == 1
    assert permits(lone.world) == []


def test_the_answer_links_the_addresses_it_names(lone: Gateway) -> None:
    joined(lone)
    lone.upstream.answers = [(200, {"messages": [{"id": "wamid.1"}], "contacts": [
        {"wa_id": "447700900123", "user_id": "GB.77NEW"}]})]
    assert lone.offer().status_code == 200
    assert lone.world.check(identity.bsuid("GB.77NEW")).allowed


# -- what it is for, and of which class --------------------------------------------------------------------------------


def test_the_purpose_is_said_in_a_header_or_declared_for_the_template(lone: Gateway) -> None:
    joined(lone)
    assert lone.offer(name="login_code", sayso_purpose="orders").status_code == 200
    graph_error(lone.offer(name="login_code"), 400, 131008, "no_purpose")
    graph_error(lone.offer(sayso_purpose="invented"), 400, 100, "unknown_purpose")
    graph_error(lone.offer(sayso_purpose="No!"), 400, 100, "unknown_purpose")
    assert len(lone.upstream.sent) == 1


def test_a_reply_is_for_the_service_purpose_and_needs_an_open_window(lone: Gateway) -> None:
    lone.world.say(CHEN, "hello?")
    assert lone.post(MESSAGES, text(to=CHEN.phone)).status_code == 200
    lone.world.clock.go(25 * 3600)
    graph_error(lone.post(MESSAGES, text(to=CHEN.phone)), 400, 131047, "window_closed")
    assert len(lone.upstream.sent) == 1


def test_a_template_meta_moved_to_marketing_is_judged_as_marketing(gateway: Gateway) -> None:
    joined(gateway)
    world = gateway.world
    assert gateway.offer(name="disguised_offer").status_code == 200
    world.clock.go(3600)
    assert world_hook(gateway, category_update("disguised_offer", "MARKETING", world.clock.time // 10**6)) == 200
    graph_error(gateway.offer(name="disguised_offer"), 400, 131030, "no_consent")
    late = category_update("disguised_offer", "UTILITY", world.clock.time // 10**6 - 1800)
    assert world_hook(gateway, late) == 200
    graph_error(gateway.offer(name="disguised_offer"), 400, 131030, "no_consent")
    assert len(gateway.upstream.sent) == 1
    assert gateway.offer().status_code == 200


def test_a_category_nobody_knows_denies(lone: Gateway) -> None:
    joined(lone)
    world_hook(lone, category_update("june_offer", "PROMOTION_PLUS", lone.world.clock.time // 10**6))
    graph_error(lone.offer(), 400, 131008, "no_class")
    assert lone.upstream.sent == []


def test_a_template_meta_does_not_list_is_refused_as_meta_does_and_asked_for_once(lone: Gateway) -> None:
    joined(lone)
    for _ in range(3):
        graph_error(lone.offer(name="nobody_knows", sayso_purpose="offers"), 404, 132001)
    assert len(lone.upstream.got) == 1


def test_while_meta_lists_nothing_a_template_is_unknown_and_meta_left_alone(lone: Gateway) -> None:
    joined(lone)
    lone.upstream.templates_down = True
    for _ in range(3):
        graph_error(lone.offer(), 400, 131008, "no_class")
    assert len(lone.upstream.got) == 1
    lone.upstream.templates_down = False
    lone.world.clock.go(31)
    assert lone.offer().status_code == 200


def test_a_list_of_yesterday_is_not_believed_and_one_of_an_hour_ago_is_renewed_beside(lone: Gateway) -> None:
    joined(lone)
    assert lone.offer(name="order_update").status_code == 200
    lone.upstream.templates["order_update"] = "MARKETING"
    lone.world.clock.go(3600)
    assert lone.offer(name="order_update").status_code == 200  # known a while ago; asked again beside it
    wait_until(lambda: lone.offer(name="order_update").status_code == 400)
    lone.upstream.templates["june_offer"] = "UTILITY"
    lone.upstream.templates_down = True
    lone.world.clock.go(25 * 3600)
    graph_error(lone.offer(name="order_update"), 400, 131008, "no_class")


def test_the_marketing_endpoint_takes_nothing_but_marketing(lone: Gateway) -> None:
    joined(lone)
    assert lone.post(MARKETING, template("june_offer", product_policy="STRICT")).status_code == 200
    assert lone.upstream.sent[0].path == MARKETING
    graph_error(lone.post(MARKETING, template("order_update")), 400, 131030, "no_consent")
    graph_error(lone.post(MARKETING, text()), 400, 131009)
    assert len(lone.upstream.sent) == 1


# -- promises ----------------------------------------------------------------------------------------------------------


def test_nothing_arrives_after_an_acknowledged_stop(gateway: Gateway) -> None:
    joined(gateway)
    assert gateway.offer().status_code == 200
    stopped = gateway.post("/v1/opt-outs", {"address": AMIRA.phone}, key=gateway.make_key("consent"))
    assert stopped.json()["state"] == "acknowledged"
    for body in (template("june_offer"), template("order_update"), text(), template("june_offer", "447700900123"),
                 template("june_offer", "") | {"recipient": AMIRA.user_id}):
        graph_error(gateway.post(MESSAGES, body), 400, 131050, "stopped_all")
    assert len(gateway.upstream.sent) == 1


def test_a_stop_between_two_messages_stops_the_second(gateway: Gateway) -> None:
    joined(gateway)
    assert gateway.offer().status_code == 200
    gateway.world.say(AMIRA, "STOP")
    error = graph_error(gateway.offer(), 400, 131050, "stopped_all")
    assert error["type"] == "OAuthException"
    assert len(gateway.upstream.sent) == 1


def test_a_stop_waits_with_its_confirmation_for_the_message_under_way(gateway: Gateway) -> None:
    joined(gateway)
    gateway.upstream.hold = threading.Event()
    answers: list[httpx.Response] = []
    sending = threading.Thread(target=lambda: answers.append(gateway.offer()))
    sending.start()
    assert gateway.upstream.arrived.wait(15)
    gateway.world.say(AMIRA, "STOP")
    assert gateway.world.work() == []  # drained first
    graph_error(gateway.offer(), 400, 131050)
    gateway.upstream.hold.set()
    sending.join(15)
    assert answers[0].status_code == 200
    gateway.world.clock.go(0.1)
    assert len(gateway.world.work()) == 1
    assert permits(gateway.world) == [("done", "sent")]


def test_a_permit_that_came_too_late_is_not_used(lone: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    joined(lone)
    assert lone.offer().status_code == 200  # the template is known now
    take = gateway_wire._take

    def slowly(*given: Any) -> Any:
        judged = take(*given)
        lone.world.clock.go(2.1)  # a database that took its time after the permit was spent
        return judged

    monkeypatch.setattr(gateway_wire, "_take", slowly)
    answer = lone.offer()
    assert graph_error(answer, 503, 133004, "permit_expired")["is_transient"] is True
    assert len(lone.upstream.sent) == 1
    assert permits(lone.world)[-1] == ("done", "aborted")


# -- the provider has its troubles -------------------------------------------------------------------------------------


def test_a_broken_answer_is_possibly_sent_and_nothing_a_client_repeats_by_itself(gateway: Gateway) -> None:
    joined(gateway)
    gateway.upstream.answers = [None]
    answer = gateway.offer()
    assert graph_error(answer, 400, 131000, "provider_error")["is_transient"] is False
    assert "retry-after" not in answer.headers
    assert permits(gateway.world) == [("done", "possibly_sent")]
    assert len(gateway.upstream.sent) == 1


def test_an_answer_that_does_not_come_is_possibly_sent_and_tried_once(lone_world: World) -> None:
    with gateway_of(lone_world, timeout_s=0.5) as gateway:
        joined(gateway)
        assert gateway.offer(name="order_update").status_code == 200
        gateway.upstream.hold = threading.Event()
        graph_error(gateway.offer(name="order_update"), 400, 131000, "provider_error")
        assert permits(gateway.world)[-1] == ("done", "possibly_sent")
        assert len(gateway.upstream.sent) == 2


def test_without_a_connection_nothing_was_sent_and_later_may_work(lone: Gateway) -> None:
    joined(lone)
    assert lone.offer().status_code == 200
    lone.world.system.graph_url = "http://127.0.0.1:9"
    answer = lone.offer()
    assert graph_error(answer, 503, 133004)["is_transient"] is True
    assert answer.headers["retry-after"] == "1"
    assert permits(lone.world)[-1] == ("done", "failed")


@pytest.mark.parametrize(("status", "code", "outcome"), [
    (500, 131000, "possibly_sent"), (503, 2, "possibly_sent"), (400, 131026, "failed"), (400, 130429, "failed")])
def test_the_providers_own_error_comes_back_as_it_is(lone: Gateway, status: int, code: int, outcome: str) -> None:
    joined(lone)
    told = b'{ "error": {"code": %d, "message": "as it was"} }\n' % code
    lone.upstream.answers, lone.upstream.extra = [(status, told)], {"Retry-After": "7"}
    answer = lone.offer()
    assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (status, told, "7")
    assert permits(lone.world) == [("done", outcome)]


def test_a_native_stop_in_the_answer_is_recorded(gateway: Gateway) -> None:
    joined(gateway)
    gateway.upstream.answers = [(400, {"error": {"code": 131050, "message": "stopped"}})]
    assert gateway.offer().json()["error"]["message"] == "stopped"
    graph_error(gateway.offer(), 400, 131050, "stopped_on_whatsapp")
    assert "native_stop" in gateway.world.types(AMIRA)
    assert gateway.offer(name="order_update").status_code == 200


def test_a_message_whose_answer_was_lost_is_known_again_by_the_permit_it_carries(gateway: Gateway) -> None:
    joined(gateway)
    gateway.upstream.answers = [None]
    graph_error(gateway.post(MESSAGES, template("june_offer", biz_opaque_callback_data="camp=7")), 400, 131000)
    carried = json.loads(gateway.upstream.sent[0].body)["biz_opaque_callback_data"]
    status = {"id": "wamid.lost", "status": "failed", "timestamp": str(gateway.world.stamp() // 10**6),
              "biz_opaque_callback_data": carried, "errors": [{"code": 131050, "title": "stopped"}]}
    envelope = {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [{
        "field": "messages", "value": {"metadata": {"phone_number_id": NUMBER_ID}, "statuses": [status]}}]}]}
    assert world_hook(gateway, envelope) == 200
    graph_error(gateway.offer(), 400, 131050, "stopped_on_whatsapp")
    strangers = {**status, "id": "wamid.other", "biz_opaque_callback_data": "sayso:prm_01M83RJFEY3MDYV1KKQN6FVB3C"}
    envelope["entry"][0]["changes"][0]["value"]["statuses"] = [strangers]  # type: ignore[index]
    assert world_hook(gateway, envelope) == 200


def test_a_report_that_cannot_be_recorded_does_not_unsay_that_it_was_sent(lone: Gateway,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    joined(lone)

    def full(*_: Any) -> Any:
        raise Unavailable

    monkeypatch.setattr("sayso.flows.gateway.finish", full)
    assert lone.offer().status_code == 200
    assert permits(lone.world) == [("redeemed", "")]  # a chore makes an incident of it


def test_a_server_that_is_stopped_reports_what_may_have_been_sent(lone_world: World, tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.web.serve.GRACE_S", 0)

    def sends(gateway: Gateway) -> None:
        with contextlib.suppress(httpx.HTTPError):
            gateway.offer()

    with gateway_of(lone_world) as gateway:
        joined(gateway)
        gateway.upstream.hold = threading.Event()
        sending = threading.Thread(target=sends, args=(gateway,))
        sending.start()
        assert gateway.upstream.arrived.wait(15)
    sending.join(15)
    store = SqliteStore(str(tmp_path / "sayso.db"))
    left = [(row[8], row[14]) for row in rows_of(store, "permits") if row[5] != "consent"]
    assert left == [("done", "possibly_sent")]
    store.close()


# -- helpers -----------------------------------------------------------------------------------------------------------


def category_update(name: str, category: str, at: int) -> dict[str, Any]:
    return {"object": "whatsapp_business_account", "entry": [{"id": "102290129340398", "time": at, "changes": [{
        "field": "template_category_update", "value": {
            "message_template_id": 1, "message_template_name": name, "message_template_language": "en",
            "previous_category": "UTILITY", "new_category": category}}]}]}


def world_hook(gateway: Gateway, envelope: dict[str, Any]) -> int:
    """Deliver a signed webhook to the running server."""
    from tests.web.desk import HOOK, sign

    raw = json.dumps(envelope).encode()
    return httpx.post(gateway.url + HOOK, content=raw, headers={"x-hub-signature-256": sign(raw)},
                      trust_env=False).status_code


def wait_until(true: Any) -> None:
    give_up = time.monotonic() + 10
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_the_neighbours_key_reaches_no_sender_of_ours(lone: Gateway) -> None:
    joined(lone)
    theirs = lone.make_key("send", world=neighbour(lone.world))
    error = graph_error(lone.post(MESSAGES, template("june_offer"), key=theirs), 400, 100, "not_found")
    assert (error["error_subcode"], error["type"]) == (33, "GraphMethodException")
    unknown = graph_error(lone.post("/v23.0/999999999999/messages", template("june_offer")), 400, 100, "not_found")
    assert unknown["error_data"] == error["error_data"]
    assert lone.upstream.got == []


def test_who_never_said_yes_is_refused_by_reason(lone: Gateway) -> None:
    joined(lone)
    graph_error(lone.offer(CHEN.phone), 400, 131030, "unknown_person")
    graph_error(lone.offer(BRUNO.phone), 400, 131050, "stopped_all")
    graph_error(lone.post(MESSAGES, template("june_offer", "") | {"recipient": DANA.user_id}), 400, 131030)
    lone.world.say(CHEN, "JOIN")
    graph_error(lone.offer(CHEN.phone), 400, 131030, "pending")
    assert lone.upstream.sent == []
