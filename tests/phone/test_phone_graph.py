"""The fake Graph API answers as Meta's does: shapes, errors, and which of them come in the answer or as a
status.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.phone.desk import AMIRA, BRUNO, CHEN, NUMBER, TOKEN, Desk, buttons, desk, inside, template, text

pytestmark = pytest.mark.anyio

AMIRAS_ID = "GB.1349120865530274101"
DANAS_ID = "GB.1349120865530274104"


def rows(count: int) -> dict[str, Any]:
    found = [{"id": f"r{n}", "title": f"Row {n}"} for n in range(count)]
    action = {"button": "Topics", "sections": [{"rows": found}]}
    return {"to": AMIRA, "type": "interactive",
            "interactive": {"type": "list", "body": {"text": "Choose"}, "action": action}}


async def test_it_answers_a_send_with_contact_and_message_id(phone: Desk) -> None:
    await phone.act("say", person="amira", text="hi")
    answer = (await phone.send(text(AMIRA))).json()
    assert answer["contacts"] == [{"input": AMIRA, "wa_id": "447700900101", "user_id": AMIRAS_ID}]
    assert list(answer["messages"][0]) == ["id"]
    assert b"447700900101" in inside(answer["messages"][0]["id"])


async def test_message_ids_are_never_the_same(phone: Desk) -> None:
    await phone.act("say", person="amira", text="hi")
    ids = {(await phone.send(text(AMIRA))).json()["messages"][0]["id"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize("to", ["+447700900101", "447700900101", "+44 7700 900101"])
async def test_it_finds_a_person_however_the_number_is_written(phone: Desk, to: str) -> None:
    answer = (await phone.send(template(to, "order_update", "A1"))).json()
    assert answer["contacts"] == [{"input": to, "wa_id": "447700900101", "user_id": AMIRAS_ID}]


async def test_it_sends_to_a_user_id_and_keeps_the_hidden_number_hidden(phone: Desk) -> None:
    body = template("", "order_update", "A1", recipient=DANAS_ID)
    answer = (await phone.send(body)).json()
    assert answer["contacts"] == [{"input": DANAS_ID, "user_id": DANAS_ID}]
    assert b"4477" not in inside(answer["messages"][0]["id"])


async def test_only_templates_carry_a_message_status(phone: Desk) -> None:
    answer = (await phone.send(template(AMIRA, "june_offer", "Amira"))).json()
    assert answer["messages"][0]["message_status"] == "accepted"


async def test_statuses_come_in_order_and_carry_the_callback_data(phone: Desk) -> None:
    sent = await phone.send(template(AMIRA, "order_update", "A1", biz_opaque_callback_data="chk=1"))
    await phone.settle()
    found = phone.receiver.statuses()
    assert [status["status"] for status in found] == ["sent", "delivered", "read"]
    assert {status["id"] for status in found} == {sent.json()["messages"][0]["id"]}
    assert {status["biz_opaque_callback_data"] for status in found} == {"chk=1"}
    assert found[0]["recipient_id"] == "447700900101"
    assert found[0]["pricing"]["category"] == "utility"
    assert all(isinstance(status["timestamp"], str) for status in found)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x"])
async def test_a_wrong_token_is_190_with_401(phone: Desk, token: str) -> None:
    answer = await phone.send(text(AMIRA), token=token)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == 190
    assert answer.json()["error"]["type"] == "OAuthException"
    assert answer.json()["error"]["fbtrace_id"]


async def test_an_unknown_business_number_is_100_with_subcode_33(phone: Desk) -> None:
    answer = await phone.send(text(AMIRA), number="999")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert answer.json()["error"]["error_subcode"] == 33


@pytest.mark.parametrize("raw", [b"{", b"[]", b"{}", b'{"messaging_product":"sms"}', b"[" * 5000])
async def test_a_body_that_is_no_send_is_100(phone: Desk, raw: bytes) -> None:
    answer = await phone.http.post(f"/v26.0/{NUMBER}/messages", content=raw,
                                   headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


async def test_a_path_that_is_not_there_answers_in_graph_words(phone: Desk) -> None:
    answer = await phone.http.post("/v26.0/nothing/at/all")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, 2500)


@pytest.mark.parametrize(("body", "code"), [
    ({"type": "text", "text": {"body": "x"}}, 100),
    ({"to": "soon", "type": "text", "text": {"body": "x"}}, 100),
    ({"to": "+447700900900", "type": "text", "text": {"body": "x"}}, 131021),
    ({"to": AMIRA, "recipient_type": "group", "type": "text", "text": {"body": "x"}}, 131009),
    ({"to": AMIRA, "type": "text", "text": {}}, 131008),
    ({"to": AMIRA, "type": "text"}, 131008),
    ({"to": AMIRA, "type": "text", "text": {"body": "x" * 4097}}, 131009),
    ({"to": AMIRA, "type": "hologram", "hologram": {}}, 131051),
    ({"to": AMIRA, "type": "image", "image": {}}, 131008),
    ({"to": AMIRA, "type": "location", "location": {}}, 131008),
    ({"to": AMIRA, "type": "interactive", "interactive": {"body": {"text": "?"}, "action": {}}}, 131008),
    (buttons(AMIRA, "a", "b", "c", "d"), 131009),
    (buttons(AMIRA), 131009),
    (buttons(AMIRA, "twenty-one characters"), 131009),
    (buttons(AMIRA, "same", "same"), 131009),
    (rows(11), 131009),
    (rows(0), 131009),
    (template(AMIRA, "nobody_knows"), 132001),
    (template(AMIRA, "june_offer"), 132000),
    (template(AMIRA, "june_offer", "a", "b"), 132000),
    (template(AMIRA, "order_update", "A1", biz_opaque_callback_data="x" * 513), 131009),
])
async def test_a_wrong_value_has_metas_error_code(phone: Desk, body: dict[str, Any], code: int) -> None:
    await phone.act("say", person="amira", text="hi")
    answer = await phone.send(body)
    assert answer.json()["error"]["code"] == code
    assert answer.status_code == (404 if code == 132001 else 400)
    assert answer.json()["error"]["error_data"]["messaging_product"] == "whatsapp"


@pytest.mark.parametrize("body", [
    text(AMIRA, "مرحبا 👋🏽"), buttons(AMIRA, "Yes", "No"), rows(3),
    {"to": AMIRA, "type": "image", "image": {"link": "https://example.org/a.png", "caption": "A"}},
    {"to": AMIRA, "type": "image", "image": {"link": "https://example.org/a.png", "id": None, "caption": None},
     "recipient": None, "recipient_type": None, "context": None, "biz_opaque_callback_data": None},
    {"to": AMIRA, "type": None, "text": {"body": "x", "preview_url": None}},
    {"to": AMIRA, "type": "document", "document": {"id": "1", "filename": "a.pdf"}},
    {"to": AMIRA, "type": "location", "location": {"latitude": 1.5, "longitude": 2.5, "name": "Here"}},
    {"to": AMIRA, "type": "reaction", "reaction": {"message_id": "wamid.X", "emoji": "👍"}},
    {"to": AMIRA, "type": "interactive", "interactive": {
        "type": "request_contact_info", "body": {"text": "?"}, "action": {"name": "request_contact_info"}}},
])
async def test_every_usual_kind_of_message_arrives(phone: Desk, body: dict[str, Any]) -> None:
    await phone.act("say", person="amira", text="hi")
    assert await phone.outcome(body) == ("read", 0)
    state = (await phone.http.get("/_phone/state")).json()
    assert len(state["people"][0]["chats"][NUMBER]) == 2


async def test_free_form_is_131047_until_the_person_writes(phone: Desk) -> None:
    refused = await phone.send(text(AMIRA))
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, 131047)
    await phone.act("say", person="amira", text="hi")
    assert await phone.outcome(text(AMIRA)) == ("read", 0)


async def test_the_window_closes_after_24_hours() -> None:
    time = [1_000_000.0]
    async with desk(now=lambda: time[0]) as phone:
        await phone.act("say", person="amira", text="hi")
        time[0] += 24 * 3600 - 1
        assert (await phone.send(text(AMIRA))).status_code == 200
        time[0] += 1
        assert (await phone.send(text(AMIRA))).json()["error"]["code"] == 131047


async def test_a_closed_window_can_be_a_failed_status(phone: Desk) -> None:
    await phone.act("knobs", async_131047=True)
    assert await phone.outcome(text(AMIRA)) == ("failed", 131047)


async def test_metas_stop_fails_marketing_templates_and_nothing_else(phone: Desk) -> None:
    await phone.act("native", person="bruno", value="stop")
    await phone.act("say", person="bruno", text="hi")
    assert await phone.outcome(template(BRUNO, "june_offer", "Bruno")) == ("failed", 131050)
    assert await phone.outcome(template(BRUNO, "order_update", "A1")) == ("read", 0)
    assert await phone.outcome(text(BRUNO)) == ("read", 0)
    await phone.act("native", person="bruno", value="resume")
    assert await phone.outcome(template(BRUNO, "june_offer", "Bruno")) == ("read", 0)


async def test_a_failed_status_has_the_error_and_no_contacts(phone: Desk) -> None:
    await phone.act("native", person="bruno", value="stop")
    await phone.outcome(template(BRUNO, "june_offer", "Bruno"))
    value = phone.receiver.changes()[-1]["value"]
    assert "contacts" not in value
    error = value["statuses"][0]["errors"][0]
    assert error["title"] == error["message"] == error["error_data"]["details"]
    assert error["title"].endswith("stop receiving marketing messages on WhatsApp from your business")


async def test_metas_stop_can_be_in_the_answer(phone: Desk) -> None:
    await phone.act("native", person="bruno", value="stop")
    await phone.act("knobs", sync_131050=True)
    answer = await phone.send(template(BRUNO, "june_offer", "Bruno"))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131050)


async def test_a_block_shows_only_as_131026(phone: Desk) -> None:
    await phone.act("block", person="chen", on=True)
    assert phone.receiver.bodies == []
    assert await phone.outcome(template(CHEN, "order_update", "A1")) == ("failed", 131026)
    await phone.act("block", person="chen", on=False)
    assert await phone.outcome(template(CHEN, "order_update", "A1")) == ("read", 0)


async def test_a_number_nobody_has_is_131026(phone: Desk) -> None:
    assert await phone.outcome(template("+447700900999", "order_update", "A1")) == ("failed", 131026)
    assert phone.receiver.statuses()[-1]["recipient_id"] == "447700900999"


async def test_a_number_somebody_left_is_131026(phone: Desk) -> None:
    await phone.act("change_number", person="amira", new_phone="+447700900555")
    assert await phone.outcome(template(AMIRA, "order_update", "A1")) == ("failed", 131026)
    assert await phone.outcome(template("+447700900555", "order_update", "A1")) == ("read", 0)


async def test_a_test_number_reaches_only_who_is_listed(phone: Desk) -> None:
    await phone.act("knobs", test_number=True)
    answer = await phone.send(template("+447700900999", "order_update", "A1"))
    assert answer.json()["error"]["code"] == 131030


async def test_too_many_to_one_person_is_131056_and_passes(phone: Desk) -> None:
    time = [1_000_000.0]
    async with desk(now=lambda: time[0]) as slow:
        await slow.act("knobs", pair_limit=2)
        codes = [(await slow.send(template(AMIRA, "order_update", "A1"))).status_code for _ in range(3)]
        assert codes == [200, 200, 400]
        assert (await slow.send(template(BRUNO, "order_update", "A1"))).status_code == 200
        time[0] += 6
        assert (await slow.send(template(AMIRA, "order_update", "A1"))).status_code == 200


async def test_any_known_error_can_be_asked_for(phone: Desk) -> None:
    await phone.act("knobs", fail_next=[131000, 130429], fail_status_next=[131049])
    answers = [await phone.send(template(AMIRA, "order_update", "A1")) for _ in range(2)]
    assert [(a.status_code, a.json()["error"]["code"]) for a in answers] == [(500, 131000), (400, 130429)]
    assert await phone.outcome(template(AMIRA, "order_update", "A1")) == ("failed", 131049)
    assert await phone.outcome(template(AMIRA, "order_update", "A1")) == ("read", 0)


async def test_the_marketing_endpoint_takes_marketing_templates_only(phone: Desk) -> None:
    wrong = await phone.send(template(AMIRA, "order_update", "A1"), path="marketing_messages")
    assert wrong.json()["error"]["code"] == 131055
    right = await phone.send(template(AMIRA, "june_offer", "Amira"), path="marketing_messages")
    assert right.status_code == 200


async def test_a_login_code_needs_a_phone_number(phone: Desk) -> None:
    answer = await phone.send(template("", "login_code", "123456", recipient=AMIRAS_ID))
    assert answer.json()["error"]["code"] == 131062


async def test_a_read_receipt_succeeds_once_something_was_said(phone: Desk) -> None:
    said = await phone.act("say", person="amira", text="hi")
    answer = await phone.send({"status": "read", "message_id": said["message_id"]})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (await phone.send({"status": "read", "message_id": "wamid.none"})).status_code == 400


async def test_the_outbox_holds_what_was_sent_and_what_was_refused(phone: Desk) -> None:
    await phone.send(template(AMIRA, "june_offer", "Amira"))
    await phone.send(text(BRUNO))
    box = (await phone.http.get("/_phone/outbox")).json()
    assert [(m["person"], m["type"], m["category"], m["status"]) for m in box["data"]] == [
        ("amira", "template", "marketing", "read")]
    assert box["data"][0]["body"]["template"]["name"] == "june_offer"
    assert [(r["to"], r["code"]) for r in box["refused"]] == [(BRUNO, 131047)]


async def test_a_template_may_change_its_category(phone: Desk) -> None:
    await phone.act("native", person="amira", value="stop")
    await phone.act("templates", name="order_update", category="MARKETING", body="Order {{1}}")
    assert await phone.outcome(template(AMIRA, "order_update", "A1")) == ("failed", 131050)
    answer = await phone.http.get("/v26.0/102290129340398/message_templates",
                                  headers={"Authorization": f"Bearer {TOKEN}"})
    found = {t["name"]: t["category"] for t in answer.json()["data"]}
    assert found["order_update"] == "MARKETING"
