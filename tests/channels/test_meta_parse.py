"""What happened: each kind of Meta message, status and preference as the item it becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pywa import WhatsApp
from pywa.types import CallbackButton, Message

from sayso.channels.base import (
    InboundButton,
    InboundOther,
    InboundText,
    Unhandled,
)
from sayso.channels.meta import parse
from sayso.core.identity import Address, bsuid, parent_bsuid, phone_from_wa_id
from tests.channels.envelopes import (
    AMIRA,
    AMIRA_ID,
    BRUNO,
    CHEN,
    DANA_ID,
    DANA_PARENT,
    SENDER,
    body,
    change,
    contact,
    message,
    messages,
    only,
    preference,
    status,
    statuses,
    text,
)

AMIRAS_PHONE = phone_from_wa_id(AMIRA)
BRUNOS_PHONE = phone_from_wa_id(BRUNO)
CHENS_PHONE = phone_from_wa_id(CHEN)


def read_text(raw: bytes) -> InboundText:
    item = only(raw)
    assert isinstance(item, InboundText)
    return item


def reason(raw: bytes) -> str:
    item = only(raw)
    assert isinstance(item, Unhandled)
    return item.reason


def test_a_typed_stop_is_read_with_who_when_and_what_it_answers() -> None:
    item = read_text(messages(text("STOP", context={"from": "15550783881", "id": "wamid.OUT"})))
    assert item.text == "STOP"
    assert item.sender_ref == SENDER
    assert item.key == ("message", SENDER, "wamid.IN1")
    assert item.at == 1_749_416_383_000_000
    assert item.addresses == (AMIRAS_PHONE,)
    assert (item.message_id, item.context_id) == ("wamid.IN1", "wamid.OUT")
    assert (item.forwarded, item.edited, item.caption, item.referral) == (False, False, False, None)


def test_nothing_of_the_person_is_in_the_repr() -> None:
    shown = repr(read_text(messages(text("STOP", from_user_id=AMIRA_ID))))
    assert not any(secret in shown for secret in ("STOP", AMIRA, AMIRA_ID, "wamid"))


def test_dana_is_known_by_her_user_id_alone() -> None:
    dana = {"from": None, "from_user_id": DANA_ID, "from_parent_user_id": DANA_PARENT}
    item = only(messages(text("STOP", **dana)))
    assert item.addresses == (bsuid(DANA_ID), parent_bsuid(DANA_PARENT))


@pytest.mark.parametrize(
    ("slot", "wanted"), [(DANA_ID, bsuid(DANA_ID)), (DANA_PARENT, parent_bsuid(DANA_PARENT))]
)
def test_a_user_id_in_the_place_of_the_phone_is_taken_for_what_it_is(slot: str, wanted: Address) -> None:
    assert only(messages(text("hi", **{"from": slot}))).addresses == (wanted,)


@pytest.mark.parametrize("number", [AMIRA, "+" + AMIRA, int(AMIRA), "+44 7700 900101"])
def test_a_phone_is_read_in_every_spelling_seen_in_the_wild(number: object) -> None:
    assert only(messages(text("hi", **{"from": number}))).addresses == (AMIRAS_PHONE,)


def test_empty_strings_count_as_absent() -> None:
    item = only(messages(text("hi", **{"from": ""}, from_user_id=DANA_ID, from_parent_user_id="")))
    assert item.addresses == (bsuid(DANA_ID),)


def test_the_contact_of_the_only_message_completes_its_sender() -> None:
    raw = messages(text("hi", **{"from": None}), contacts=[contact(AMIRA, AMIRA_ID)])
    assert only(raw).addresses == (AMIRAS_PHONE, bsuid(AMIRA_ID))


def test_in_a_batch_each_contact_completes_only_its_own_message() -> None:
    raw = messages(
        text("hi", id="wamid.1"),
        text("hi", id="wamid.2", **{"from": None}, from_user_id=DANA_ID),
        text("hi", id="wamid.3", **{"from": CHEN}),
        contacts=[contact(None, DANA_ID, DANA_PARENT), contact(AMIRA, AMIRA_ID), contact(BRUNO, "GB.1")],
    )
    assert [item.addresses for item in parse(raw)] == [
        (AMIRAS_PHONE, bsuid(AMIRA_ID)),
        (bsuid(DANA_ID), parent_bsuid(DANA_PARENT)),
        (CHENS_PHONE,),
    ]


def test_a_contact_that_contradicts_the_message_links_nobody() -> None:
    raw = messages(text("hi", from_user_id=AMIRA_ID), contacts=[contact(AMIRA, DANA_ID)])
    assert only(raw).addresses == (AMIRAS_PHONE, bsuid(AMIRA_ID))
    assert only(messages(text("hi"), contacts=[contact(BRUNO, DANA_ID)])).addresses == (AMIRAS_PHONE,)


@pytest.mark.parametrize(
    "contacts", [5, "x", [7, None], {"wa_id": AMIRA}, [{"wa_id": []}], [{"user_id": 10**4000}]]
)
def test_odd_contacts_cost_the_message_nothing(contacts: object) -> None:
    assert read_text(messages(text("STOP"), contacts=contacts)).text == "STOP"


@pytest.mark.parametrize(
    ("stamp", "wanted"),
    [
        ("1749416383", 1_749_416_383_000_000),
        (1749416383, 1_749_416_383_000_000),
        (1749416383.7, 1_749_416_383_000_000),
        ("soon", 0),
        ("-5", 0),
        ("²", 0),
        ("1749416383000", 0),
        (-5, 0),
        (10**30, 0),
        (True, 0),
        ([], 0),
        (None, 0),
    ],
)
def test_times_are_read_as_text_or_number_and_garbage_is_zero(stamp: object, wanted: int) -> None:
    assert only(messages(text("hi", timestamp=stamp))).at == wanted


@pytest.mark.parametrize("flag", ["forwarded", "frequently_forwarded"])
def test_forwarded_words_are_marked_as_somebody_elses(flag: str) -> None:
    assert read_text(messages(text("STOP", context={flag: True}))).forwarded
    assert not read_text(messages(text("STOP", context={flag: False}))).forwarded


def test_both_spellings_of_a_brazilian_mobile_are_one_address() -> None:
    spellings = ("5531987654321", "553187654321")
    with_nine, without = (only(messages(text("hi", **{"from": number}))) for number in spellings)
    assert with_nine.addresses == without.addresses
    assert [address.dial for address in with_nine.addresses] == ["+5531987654321"]


def test_pywa_reads_the_same_from_the_same_bytes() -> None:
    client = WhatsApp(phone_id=SENDER, token="unused")
    words = messages(text("STOP", context={"forwarded": True}), contacts=[contact(AMIRA, AMIRA_ID)])
    theirs = Message.from_update(client, json.loads(words))
    ours = read_text(words)
    assert (theirs.id, theirs.text, theirs.forwarded) == (ours.message_id, ours.text, ours.forwarded)
    assert int(theirs.timestamp.timestamp()) * 1_000_000 == ours.at
    assert {theirs.from_user.wa_id, theirs.from_user.bsuid} == {AMIRA, AMIRA_ID}
    button = {"payload": "optout:1", "text": "Stop"}
    context = {"from": "1", "id": "wamid.T"}
    tap = messages(message("button", button, context=context), contacts=[contact(AMIRA, AMIRA_ID)])
    their_tap, our_tap = CallbackButton.from_update(client, json.loads(tap)), only(tap)
    assert isinstance(our_tap, InboundButton)
    assert (their_tap.data, their_tap.title) == (our_tap.payload, our_tap.label)


@pytest.mark.parametrize("kind", ["image", "video", "document"])
def test_a_caption_is_words(kind: str) -> None:
    item = read_text(messages(message(kind, {"id": "1", "caption": "stop", "sha256": "x"})))
    assert (item.text, item.caption) == ("stop", True)


def test_an_edit_gives_the_new_words_and_says_so() -> None:
    edit = {"original_message_id": "wamid.OLD", "message": {"type": "text", "text": {"body": "STOP"}}}
    item = read_text(messages(message("edit", edit)))
    assert (item.text, item.edited, item.caption, item.message_id) == ("STOP", True, False, "wamid.IN1")
    edit["message"] = {"type": "image", "image": {"caption": "stop"}, "context": {"forwarded": True}}
    item = read_text(messages(message("edit", edit)))
    assert (item.text, item.edited, item.caption, item.forwarded) == ("stop", True, True, True)


@pytest.mark.parametrize("edit", [{}, {"message": {"type": "image", "image": {}}}, {"message": 5}])
def test_an_edit_without_words_is_the_person_speaking(edit: object) -> None:
    item = only(messages(message("edit", edit)))
    assert isinstance(item, InboundOther)
    assert item.kind == "edit"


def test_a_referral_is_kept_whatever_the_type() -> None:
    referral = {"source_type": "ad", "source_id": "120210000000000001", "ctwa_clid": "ARA", "image_url": "https://x"}
    wanted = {"source_type": "ad", "source_id": "120210000000000001", "ctwa_clid": "ARA"}
    assert read_text(messages(text("hi", referral=referral))).referral == wanted
    item = only(messages(message("image", {"id": "1"}, referral=referral)))
    assert isinstance(item, InboundOther)
    assert item.referral == wanted
    assert read_text(messages(text("hi", referral="odd"))).referral is None


def test_a_template_button_gives_payload_label_and_the_message_it_was_on() -> None:
    button = {"payload": "optout:v1", "text": "Stop promotions"}
    item = only(messages(message("button", button, context={"from": "15550783881", "id": "wamid.T"})))
    assert isinstance(item, InboundButton)
    assert (item.kind, item.payload, item.label) == ("template", "optout:v1", "Stop promotions")
    assert item.context_id == "wamid.T"


def test_a_template_button_without_context_or_payload_is_still_a_tap() -> None:
    item = only(messages(message("button", {"text": "Unsubscribe"})))
    assert isinstance(item, InboundButton)
    assert (item.payload, item.label, item.context_id) == ("Unsubscribe", "Unsubscribe", None)


@pytest.mark.parametrize(("kind", "wanted"), [("button_reply", "button"), ("list_reply", "list")])
def test_an_interactive_reply_is_a_tap(kind: str, wanted: str) -> None:
    interactive = {"type": kind, kind: {"id": "oi:1:yes", "title": "Yes", "description": "Weekly"}}
    item = only(messages(message("interactive", interactive)))
    assert isinstance(item, InboundButton)
    assert (item.kind, item.payload, item.label) == (wanted, "oi:1:yes", "Yes")


WORDLESS: list[tuple[str, Any]] = [
    ("image", {"id": "1"}),
    ("video", {"id": "1", "caption": ""}),
    ("document", {"id": "1", "filename": "stop.pdf"}),
    ("audio", {"id": "1", "voice": True}),
    ("sticker", {"id": "1"}),
    ("location", {"latitude": 12.25, "longitude": 43.9}),
    ("reaction", {"message_id": "wamid.OUT", "emoji": "👍"}),
    ("order", {"catalog_id": "1", "product_items": []}),
    ("unsupported", None),
    ("request_welcome", None),
    ("revoke", {"original_message_id": "wamid.OLD"}),
]


@pytest.mark.parametrize(("kind", "content"), WORDLESS)
def test_a_message_without_words_is_the_person_speaking(kind: str, content: object) -> None:
    item = only(messages(message(kind, content)))
    assert isinstance(item, InboundOther)
    assert (item.kind, item.message_id, item.addresses) == (kind, "wamid.IN1", (AMIRAS_PHONE,))


def test_a_finished_form_is_the_person_speaking() -> None:
    reply = {"name": "flow", "body": "Sent", "response_json": '{"agree":true}'}
    item = only(messages(message("interactive", {"type": "nfm_reply", "nfm_reply": reply})))
    assert isinstance(item, InboundOther)
    assert item.kind == "nfm_reply"


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (messages(text("STOP", group_id="120363")), "group"),
        (messages(text("STOP", group_id={"id": "120363"})), "group"),
        (statuses(status("read", recipient_type="group")), "group"),
        (statuses(status("read", recipient_participant_id="1")), "group"),
        (messages(text("hi", id=None)), "no_id"),
        (messages(text("hi", id="w" * 513)), "no_id"),
        (messages(text("hi", **{"from": None})), "no_address"),
        (messages(text("hi", **{"from": "nobody"})), "no_address"),
        (messages(text("")), "no_text"),
        (messages(text({"nested": "body"})), "no_text"),
        (messages(message("button", {})), "empty_button"),
        (messages(message("button", "odd")), "empty_button"),
        (messages(message("interactive", {"type": "new_reply"})), "unknown_type"),
        (messages(message("hologram", {"id": "1"})), "unknown_type"),
        (messages("just a string"), "malformed"),
        (messages(None), "malformed"),
        (statuses(status("", id="wamid.OUT")), "no_status"),
        (statuses([1]), "malformed"),
        (preference(None), "no_value"),
        (preference("stop", wa_id=None), "no_address"),
        (body(change(errors=[{"code": 130429}])), "errors"),
        (body(change()), "empty"),
        (body(change(messages=[])), "empty"),
        (body(change(messages=None)), "empty"),
        (body(change("smb_message_echoes", message_echoes=[{}])), "unknown_field"),
        (body(change("message_template_status_update")), "unknown_field"),
        (body({}), "unknown_field"),
        (body(), "no_changes"),
    ],
)
def test_what_is_not_read_is_kept_with_the_reason(raw: bytes, wanted: str) -> None:
    item = only(raw)
    assert isinstance(item, Unhandled)
    assert item.reason == wanted
    assert item.raw in raw
    assert item.raw
