"""The control API: every wrong field is named, no secret is shown, no other site may drive it, the page is
strict.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import sayso.phone.app
from tests.phone.desk import AMIRA, SECRET, TOKEN, Desk, desk, template, text

pytestmark = pytest.mark.anyio

STATIC = Path(sayso.phone.app.__file__).parent / "static"


@pytest.mark.parametrize(("path", "body", "param"), [
    ("say", {"person": "amira"}, "text"),
    ("say", {"person": "amira", "text": ""}, "text"),
    ("say", {"person": "amira", "text": "x" * 4097}, "text"),
    ("say", {"person": "nobody", "text": "x"}, "person"),
    ("say", {"person": 7, "text": "x"}, "person"),
    ("say", {"person": "amira", "text": "x", "mood": "good"}, "mood"),
    ("say", {"person": "amira", "text": "x", "to": "999"}, "to"),
    ("say", {"person": "amira", "text": "x", "reply_to": "wamid.none"}, "reply_to"),
    ("tap", {"person": "amira", "message_id": "wamid.none", "button": 0}, "message_id"),
    ("edit", {"person": "amira", "message_id": "wamid.none", "text": "x"}, "message_id"),
    ("show", {"person": "amira", "kind": "image", "caption": "x" * 1025}, "kind"),
    ("native", {"person": "amira", "value": "maybe"}, "value"),
    ("block", {"person": "amira", "on": "yes"}, "on"),
    ("change_number", {"person": "amira", "new_phone": "07700 900555"}, "new_phone"),
    ("change_number", {"person": "amira", "new_phone": "+447700900102"}, "new_phone"),
    ("username_only", {"person": "amira"}, "on"),
    ("people", {"name": "Amira", "phone": "+447700900777"}, "name"),
    ("people", {"name": "Eve", "phone": "soon"}, "phone"),
    ("people", {"name": "Eve", "phone": "+447700900777", "bsuid": "nonsense"}, "bsuid"),
    ("templates", {"name": "Not This", "category": "UTILITY"}, "name"),
    ("templates", {"name": "x", "category": "SPAM"}, "category"),
    ("webhook", {"url": "ftp://127.0.0.1/"}, "url"),
    ("knobs", {"duplicate": 0}, "duplicate"),
    ("knobs", {"lose": 2}, "lose"),
    ("knobs", {"volume": 11}, "volume"),
    ("knobs", {"fail_next": [7]}, "fail_next"),
    ("settle", {"timeout": 1000}, "timeout"),
    ("reset", {"hard": True}, "hard"),
])
async def test_a_wrong_field_is_a_422_that_names_it(phone: Desk, path: str, body: dict[str, Any],
                                                    param: str) -> None:
    answer = await phone.http.post(f"/_phone/{path}", json=body)
    problem = answer.json()
    assert (answer.status_code, problem["param"]) == (422, param)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["detail"]
    assert problem["code"] == "invalid_request"


@pytest.mark.parametrize("raw", [b"{", b"\xff", b'{"person":"amira","text":'])
async def test_a_body_that_is_no_json_is_400(phone: Desk, raw: bytes) -> None:
    answer = await phone.http.post("/_phone/say", content=raw, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_body")


async def test_a_huge_body_is_413(phone: Desk) -> None:
    answer = await phone.http.post("/_phone/say", json={"person": "amira", "text": "x" * 300_000})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_another_site_cannot_drive_it(phone: Desk) -> None:
    plain = await phone.http.post("/_phone/reset", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (plain.status_code, plain.json()["param"]) == (422, "Content-Type")
    other = await phone.http.post("/_phone/reset", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert other.status_code == 403
    empty = await phone.http.post("/_phone/reset", headers={"Sec-Fetch-Site": "cross-site"})
    assert empty.status_code == 403


async def test_reading_changes_nothing_and_acting_needs_post(phone: Desk) -> None:
    assert (await phone.http.get("/_phone/reset")).status_code == 405
    assert (await phone.http.get("/_phone/say")).status_code == 405


async def test_a_wrong_button_is_told_which_there_are(phone: Desk) -> None:
    sent = (await phone.send(template(AMIRA, "optin_confirm"))).json()["messages"][0]["id"]
    for button in ("Maybe", 2, -1):
        body = {"person": "amira", "message_id": sent, "button": button}
        answer = await phone.http.post("/_phone/tap", json=body)
        assert (answer.status_code, answer.json()["param"]) == (422, "button")
        assert "Yes, please, No, thanks" in answer.json()["detail"]


async def test_one_person_cannot_tap_anothers_message(phone: Desk) -> None:
    sent = (await phone.send(template(AMIRA, "optin_confirm"))).json()["messages"][0]["id"]
    answer = await phone.http.post("/_phone/tap", json={"person": "bruno", "message_id": sent, "button": 0})
    assert answer.json()["param"] == "message_id"


async def test_who_blocked_a_business_must_unblock_it_to_write(phone: Desk) -> None:
    await phone.act("block", person="amira", on=True)
    answer = await phone.http.post("/_phone/say", json={"person": "amira", "text": "hi"})
    assert (answer.status_code, answer.json()["param"]) == (422, "person")


async def test_a_new_person_can_write_at_once(phone: Desk) -> None:
    eve = await phone.act("people", name="Eve", phone="+1 555 010 0199", wa_id="15550100199")
    assert (eve["id"], eve["phone"]) == ("eve", "+15550100199")
    await phone.act("say", person="Eve", text="JOIN")
    await phone.settle()
    assert phone.receiver.messages()[0]["from"] == "15550100199"


@pytest.mark.parametrize(("phone_number", "country"), [
    ("+15550100199", "US"), ("+14165550123", "CA"), ("+447700900777", "GB"), ("+9991234567", "ZZ")])
async def test_a_user_id_is_of_the_country_the_number_is_of(phone: Desk, phone_number: str, country: str) -> None:
    eve = await phone.act("people", name="Eve", phone=phone_number)
    assert eve["bsuid"].startswith(f"{country}.")
    moved = await phone.act("change_number", person="eve", new_phone="+15550100198")
    assert moved["bsuid"].startswith("US.")


async def test_a_control_route_that_is_not_there_is_answered_with_those_there_are(phone: Desk) -> None:
    lost = await phone.http.post("/_phone/sya", json={"person": "amira", "text": "x"})
    assert (lost.status_code, lost.json()["code"]) == (404, "not_found")
    assert {"POST /_phone/say", "POST /_phone/knobs", "GET /_phone/state"} <= set(lost.json()["routes"])
    assert "POST /_phone/say" in lost.json()["detail"]
    read = await phone.http.get("/_phone/say")
    assert (read.status_code, read.json()["code"]) == (405, "method_not_allowed")


async def test_two_business_numbers_have_chats_of_their_own() -> None:
    numbers = (sayso.phone.app.BusinessNumber("111", "+44 7700 900901", "One"),
               sayso.phone.app.BusinessNumber("222", "+44 7700 900902", "Two"))
    async with desk(numbers=numbers) as phone:
        await phone.act("say", person="amira", to="222", text="hi")
        await phone.act("native", person="amira", to="222", value="stop")
        codes = [(await phone.send(text(AMIRA), number=number)).status_code for number in ("111", "222")]
        assert codes == [400, 200]
        await phone.settle()
        assert {c["value"]["metadata"]["phone_number_id"] for c in phone.receiver.changes()} == {"222"}


async def test_the_window_can_be_opened_and_closed_without_a_word(phone: Desk) -> None:
    body = {"to": AMIRA, "type": "text", "text": {"body": "x"}}
    await phone.act("window", person="amira", open=True)
    assert (await phone.send(body)).status_code == 200
    await phone.act("window", person="amira", open=False)
    assert (await phone.send(body)).json()["error"]["code"] == 131047


async def test_no_secret_is_shown(phone: Desk) -> None:
    await phone.act("say", person="amira", text="hi")
    for path in ("state", "deliveries", "outbox"):
        shown = (await phone.http.get(f"/_phone/{path}")).text
        assert TOKEN not in shown
        assert SECRET not in shown


async def test_it_says_when_webhooks_leave_this_computer(phone: Desk) -> None:
    assert (await phone.act("webhook", url="https://consent.example.org/hook"))["local"] is False


async def test_the_page_allows_its_own_files_only(phone: Desk) -> None:
    page = await phone.http.get("/")
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "nothing leaves this computer" in page.text
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page.text)
    for name in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert (await phone.http.get(name)).status_code == 200


def test_the_scripts_ask_nobody_else_and_write_no_html() -> None:
    for path in STATIC.iterdir():
        words = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?:(?!\?)//[a-z]", words), path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", words), path.name


def test_the_styles_are_logical_so_that_right_to_left_works() -> None:
    style = (STATIC / "phone.css").read_text(encoding="utf-8")
    physical = r"(?:margin|padding|border|inset)-(?:left|right)|text-align: (?:left|right)"
    assert re.findall(physical, style) == []
