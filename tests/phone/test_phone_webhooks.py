"""Webhooks are Meta-shaped and signed over the exact bytes; what a hidden number must not be in, it is not
in.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest

from sayso.channels.base import InboundText
from sayso.channels.meta import parse
from sayso.phone.webhooks import encode, sign
from tests.phone.desk import AMIRA, DANA, NUMBER, SECRET, Desk, buttons, inside, template

pytestmark = pytest.mark.anyio

AMIRAS_ID = "GB.1349120865530274101"


def test_the_signature_agrees_with_a_known_vector() -> None:
    body = b'{"object":"whatsapp_business_account","entry":[]}'
    wanted = "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"
    assert sign("test_app_secret", body) == f"sha256={wanted}"


def test_bytes_are_ascii_with_lower_case_escapes() -> None:
    assert encode({"a": "É/😀"}) == rb'{"a":"\u00c9\/\ud83d\ude00"}'


async def test_every_webhook_is_signed_over_the_bytes_that_were_sent(phone: Desk) -> None:
    await phone.act("say", person="amira", text="Größe? توقف 🛑 a/b")
    await phone.act("native", person="amira", value="stop")
    await phone.send(template(AMIRA, "order_update", "A1"))
    await phone.settle()
    assert len(phone.receiver.bodies) == 5
    for body, signature in zip(phone.receiver.bodies, phone.receiver.signatures, strict=True):
        assert signature == "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        assert body.isascii()
    assert phone.receiver.messages()[0]["text"]["body"] == "Größe? توقف 🛑 a/b"


async def test_words_come_as_a_text_message(phone: Desk) -> None:
    said = await phone.act("say", person="amira", text="STOP")
    await phone.settle()
    payload = json.loads(phone.receiver.bodies[0])
    assert payload["object"] == "whatsapp_business_account"
    assert payload["entry"][0]["id"] == "102290129340398"
    change = payload["entry"][0]["changes"][0]
    assert change["field"] == "messages"
    value = change["value"]
    assert value["metadata"] == {"display_phone_number": "447700900900", "phone_number_id": NUMBER}
    assert value["contacts"] == [
        {"profile": {"name": "Amira"}, "wa_id": "447700900101", "user_id": AMIRAS_ID}]
    message = value["messages"][0]
    assert message.pop("timestamp").isdigit()
    assert message == {"from": "447700900101", "from_user_id": AMIRAS_ID, "id": said["message_id"],
                       "type": "text", "text": {"body": "STOP"}}


async def test_a_reply_names_what_it_answers_and_a_forward_says_so(phone: Desk) -> None:
    sent = (await phone.send(template(AMIRA, "order_update", "A1"))).json()["messages"][0]["id"]
    own = await phone.act("say", person="amira", text="thanks", reply_to=sent)
    await phone.act("say", person="amira", text="me again", reply_to=own["message_id"])
    await phone.act("say", person="amira", text="stop", forwarded=True)
    await phone.settle()
    assert [m["context"] for m in phone.receiver.messages()] == [
        {"from": "447700900900", "id": sent}, {"from": "447700900101", "id": own["message_id"]},
        {"forwarded": True}]


async def test_a_template_button_sends_its_payload_or_its_label(phone: Desk) -> None:
    plain = (await phone.send(template(AMIRA, "optin_confirm"))).json()["messages"][0]["id"]
    body = template(AMIRA, "optin_confirm")
    body["template"]["components"] = [{"type": "button", "sub_type": "quick_reply", "index": "0",
                                       "parameters": [{"type": "payload", "payload": "yes:42"}]}]
    set_ = (await phone.send(body)).json()["messages"][0]["id"]
    await phone.act("tap", person="amira", message_id=plain, button="Yes, please")
    await phone.act("tap", person="amira", message_id=set_, button=0)
    await phone.settle()
    taps = phone.receiver.messages()
    assert [tap["type"] for tap in taps] == ["button", "button"]
    assert [tap["button"] for tap in taps] == [{"payload": "Yes, please", "text": "Yes, please"},
                                               {"payload": "yes:42", "text": "Yes, please"}]
    assert taps[1]["context"] == {"from": "447700900900", "id": set_}


async def test_buttons_and_lists_answer_as_interactive(phone: Desk) -> None:
    await phone.act("say", person="amira", text="hi")
    rows = [{"id": "t:news", "title": "News", "description": "Weekly"}]
    choose = {"to": AMIRA, "type": "interactive", "interactive": {
        "type": "list", "body": {"text": "?"}, "action": {"button": "Topics", "sections": [{"rows": rows}]}}}
    first = (await phone.send(buttons(AMIRA, "Yes", "No"))).json()["messages"][0]["id"]
    second = (await phone.send(choose)).json()["messages"][0]["id"]
    await phone.act("tap", person="amira", message_id=first, button=1)
    await phone.act("tap", person="amira", message_id=second, button="t:news")
    await phone.settle()
    assert [m["interactive"] for m in phone.receiver.messages()[1:]] == [
        {"type": "button_reply", "button_reply": {"id": "id:No", "title": "No"}},
        {"type": "list_reply", "list_reply": rows[0]}]


@pytest.mark.parametrize("value", ["stop", "resume"])
async def test_metas_own_switch_is_a_user_preference(phone: Desk, value: str) -> None:
    await phone.act("native", person="amira", value=value)
    await phone.settle()
    change = phone.receiver.changes()[0]
    assert change["field"] == "user_preferences"
    item = change["value"]["user_preferences"][0]
    assert isinstance(item.pop("timestamp"), int)
    assert item == {"wa_id": "447700900101", "user_id": AMIRAS_ID, "category": "marketing_messages",
                    "value": value, "detail": f"User requested to {value} marketing messages"}


async def test_a_shared_new_number_names_old_and_new(phone: Desk) -> None:
    person = await phone.act("change_number", person="amira", new_phone="+447700900555")
    await phone.settle()
    value = phone.receiver.changes()[0]["value"]
    assert "contacts" not in value
    message = value["messages"][0]
    assert message["type"] == "system"
    assert (message["from"], message["from_user_id"]) == ("447700900101", AMIRAS_ID)
    system = message["system"]
    assert system["type"] == "user_changed_number"
    assert system["wa_id"] == "447700900555"
    assert (system["previous_user_id"], system["user_id"]) == (AMIRAS_ID, person["bsuid"])
    assert person["bsuid"] not in ("", AMIRAS_ID)


async def test_a_new_number_that_is_not_shared_names_user_ids_only(phone: Desk) -> None:
    await phone.act("change_number", person="amira", new_phone="+447700900555", share_phone=False)
    await phone.settle()
    message = phone.receiver.messages()[0]
    assert message["system"]["type"] == "user_changed_user_id"
    assert message["system"]["previous_user_id"] == AMIRAS_ID
    assert mentions(phone, "900101") == []
    assert mentions(phone, "900555") == []


async def test_a_person_with_only_a_username_shows_no_number_anywhere(phone: Desk) -> None:
    await phone.act("say", person="dana", text="JOIN")
    await phone.act("native", person="dana", value="stop")
    await phone.act("native", person="dana", value="resume")
    sent = await phone.send(template("", "optin_confirm", recipient="GB.1349120865530274104"))
    await phone.act("tap", person="dana", message_id=sent.json()["messages"][0]["id"], button=0)
    await phone.act("change_number", person="dana", new_phone="+447700900556")
    await phone.settle()
    assert len(phone.receiver.changes()) == 8
    assert mentions(phone, DANA[-6:]) == []
    assert mentions(phone, "900556") == []
    contact = phone.receiver.changes()[0]["value"]["contacts"][0]
    assert contact == {"profile": {"name": "Dana", "username": "dana.d"}, "user_id": "GB.1349120865530274104"}


async def test_the_switch_to_a_username_works_both_ways(phone: Desk) -> None:
    for on in (True, False):
        await phone.act("username_only", person="amira", on=on)
        await phone.act("say", person="amira", text="hi")
    await phone.settle()
    assert ["from" in message for message in phone.receiver.messages()] == [False, True]


async def test_sayso_understands_everything_the_phone_says(phone: Desk) -> None:
    meta = pytest.importorskip("sayso.channels.meta")
    base = pytest.importorskip("sayso.channels.base")
    for person in ("amira", "dana"):
        await phone.act("say", person=person, text="JOIN")
        sent = await phone.send(buttons("+447700900101", "Yes"))
        await phone.act("tap", person="amira", message_id=sent.json()["messages"][0]["id"], button=0)
        await phone.act("native", person=person, value="stop")
    await phone.act("change_number", person="amira", new_phone="+447700900555")
    await phone.act("change_number", person="dana", new_phone="+447700900556")
    await phone.send(template("+447700900555", "june_offer", "Amira"))
    await phone.settle()
    for body, signature in zip(phone.receiver.bodies, phone.receiver.signatures, strict=True):
        meta.verify(body, signature, [SECRET])
        found = meta.parse(body)
        assert len(found) == 1
        assert not isinstance(found[0], base.Unhandled)


def mentions(phone: Desk, digits: str) -> list[Any]:
    """Webhooks in which these digits stand, openly or inside a message id."""
    ids = [part["id"] for change in phone.receiver.changes()
           for name in ("messages", "statuses") for part in change["value"].get(name, [])]
    hidden = [id_ for id_ in ids if digits.encode() in inside(id_)]
    return hidden + [body for body in phone.receiver.bodies if digits.encode() in body]


async def test_a_picture_carries_its_words_as_a_caption(phone: Desk) -> None:
    await phone.act("show", person="amira", kind="image", caption="STOP")
    await phone.settle()
    [item] = parse(phone.receiver.bodies[-1])
    assert isinstance(item, InboundText)
    assert (item.text, item.caption, item.edited) == ("STOP", True, False)


async def test_a_changed_message_comes_as_an_edit(phone: Desk) -> None:
    said = await phone.act("say", person="amira", text="hello")
    await phone.act("edit", person="amira", message_id=said["message_id"], text="STOP")
    await phone.settle()
    [item] = parse(phone.receiver.bodies[-1])
    assert isinstance(item, InboundText)
    assert (item.text, item.edited) == ("STOP", True)
