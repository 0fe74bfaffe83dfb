"""Who is who and what became of it: contact cards, changed numbers, Meta's own stop, and statuses."""

from __future__ import annotations

from typing import Any

import pytest

from sayso.channels.base import (
    ContactCard,
    InboundOther,
    NativePreference,
    NumberChanged,
    StatusUpdate,
    Unhandled,
)
from sayso.core.identity import bsuid, parent_bsuid, phone_from_wa_id
from tests.channels.envelopes import (
    AMIRA,
    BRUNO,
    CHEN,
    DANA_ID,
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
)

AMIRAS_PHONE = phone_from_wa_id(AMIRA)
BRUNOS_PHONE = phone_from_wa_id(BRUNO)
CHENS_PHONE = phone_from_wa_id(CHEN)


def reason(raw: bytes) -> str:
    item = only(raw)
    assert isinstance(item, Unhandled)
    return item.reason


CARD = {"phones": [{"phone": "+44 7700 900104", "wa_id": "447700900104"}], "name": {"formatted_name": "Dana"}}
FROM_DANA = {"from": None, "from_user_id": DANA_ID}


@pytest.mark.parametrize(
    ("members", "card"),
    [({"origin": "contact_request"}, CARD), ({}, CARD | {"origin": "contact_request"})],
)
def test_a_number_we_asked_for_comes_as_a_card(members: dict[str, Any], card: object) -> None:
    item = only(messages(message("contacts", [card], **FROM_DANA, **members)))
    assert isinstance(item, ContactCard)
    assert item.card == (phone_from_wa_id("447700900104"),)
    assert item.addresses == (bsuid(DANA_ID),)


@pytest.mark.parametrize(
    ("members", "cards"),
    [
        ({}, [CARD]),
        ({"origin": "other"}, [CARD]),
        ({"origin": "other"}, [CARD | {"origin": "contact_request"}]),
        ({"origin": "contact_request"}, [CARD | {"origin": "other"}]),
        ({"origin": "contact_request"}, [CARD, CARD]),
        ({"origin": "contact_request"}, [{"phones": []}]),
        ({"origin": "contact_request"}, [{"phones": [{"phone": "07700 900104"}, {"phone": "7700900104"}]}]),
        ({"origin": "contact_request"}, 5),
    ],
)
def test_a_card_that_may_be_anybodys_links_nothing(members: dict[str, Any], cards: object) -> None:
    item = only(messages(message("contacts", cards, **FROM_DANA, **members)))
    assert isinstance(item, InboundOther)
    assert item.kind == "contacts"


def test_a_changed_number_names_the_old_and_the_new() -> None:
    system = {
        "type": "user_changed_number",
        "body": "User changed",
        "wa_id": BRUNO,
        "user_id": "GB.NEW",
        "previous_user_id": "GB.OLD",
        "parent_user_id": "GB.ENT.NEW",
        "previous_parent_user_id": "GB.ENT.OLD",
    }
    item = only(messages(message("system", system)))
    assert isinstance(item, NumberChanged)
    assert item.old == item.addresses == (AMIRAS_PHONE, bsuid("GB.OLD"), parent_bsuid("GB.ENT.OLD"))
    assert item.new == (BRUNOS_PHONE, bsuid("GB.NEW"), parent_bsuid("GB.ENT.NEW"))
    assert item.key == ("message", SENDER, "wamid.IN1")


@pytest.mark.parametrize(
    "system",
    [
        {"type": "customer_changed_number", "new_wa_id": BRUNO},
        {"type": "customer_changed_number", "wa_id": BRUNO, "customer": AMIRA},
        {"type": "user_changed_number", "wa_id": BRUNO},
    ],
)
def test_older_spellings_of_a_changed_number_are_read(system: object) -> None:
    item = only(messages(message("system", system)))
    assert isinstance(item, NumberChanged)
    assert (item.old, item.new) == ((AMIRAS_PHONE,), (BRUNOS_PHONE,))


def test_a_changed_user_id_needs_no_phone() -> None:
    system = {"type": "user_changed_user_id", "user_id": "MX.0987", "previous_user_id": "CO.1234"}
    item = only(messages(message("system", system, **{"from": None})))
    assert isinstance(item, NumberChanged)
    assert (item.old, item.new) == ((bsuid("CO.1234"),), (bsuid("MX.0987"),))


def test_the_withdrawn_user_id_update_field_is_still_read() -> None:
    update = {
        "wa_id": BRUNO,
        "user_id": {"previous": "GB.1", "current": "GB.2"},
        "parent_user_id": {"previous": "GB.ENT.1", "current": "GB.ENT.2"},
        "timestamp": "1750269342",
    }
    item = only(body(change("user_id_update", user_id_update=[update])))
    assert isinstance(item, NumberChanged)
    assert item.old == (bsuid("GB.1"), parent_bsuid("GB.ENT.1"))
    assert item.new == (BRUNOS_PHONE, bsuid("GB.2"), parent_bsuid("GB.ENT.2"))
    assert (item.at, item.message_id) == (1_750_269_342_000_000, "")


@pytest.mark.parametrize(
    ("system", "wanted"),
    [
        ({"type": "user_changed_number"}, "no_address"),
        ({"type": "user_changed_number", "wa_id": "not a number"}, "no_address"),
        ({"type": "customer_identity_changed", "body": "x"}, "system"),
        ({}, "system"),
    ],
)
def test_a_system_message_that_moves_nobody_is_kept_and_is_not_the_person_speaking(
    system: object, wanted: str
) -> None:
    assert reason(messages(message("system", system))) == wanted


@pytest.mark.parametrize("value", ["stop", "resume", "signup"])
def test_metas_own_switch_is_a_preference(value: str) -> None:
    item = only(preference(value, user_id="GB.2"))
    assert isinstance(item, NativePreference)
    assert (item.value, item.category) == (value, "marketing_messages")
    assert item.addresses == (BRUNOS_PHONE, bsuid("GB.2"))
    assert item.at == 1_731_705_721_000_000


def test_the_same_preference_has_the_same_key_and_another_has_another() -> None:
    keys = {only(raw).key for raw in (preference("stop"), preference("stop", timestamp="1731705721"))}
    assert len(keys) == 1
    others = [preference("resume"), preference("stop", timestamp=1), preference("stop", wa_id=AMIRA)]
    assert len({only(raw).key for raw in others} | keys) == 4


def test_a_preference_without_a_phone_is_found_by_user_id_or_by_contact() -> None:
    assert only(preference("stop", wa_id=None, user_id=DANA_ID)).addresses == (bsuid(DANA_ID),)
    raw = body(change("user_preferences", contacts=[contact(BRUNO)], user_preferences=[{"value": "stop"}]))
    assert only(raw).addresses == (BRUNOS_PHONE,)


@pytest.mark.parametrize("word", ["sent", "delivered", "read", "played", "failed", "a_new_word"])
def test_a_status_says_what_became_of_the_message(word: str) -> None:
    item = only(statuses(status(word, biz_opaque_callback_data="prm_1", recipient_user_id="GB.2")))
    assert isinstance(item, StatusUpdate)
    assert (item.message_id, item.status, item.callback_data) == ("wamid.OUT", word, "prm_1")
    assert item.addresses == (BRUNOS_PHONE, bsuid("GB.2"))
    assert item.key == ("status", SENDER, "wamid.OUT", word, BRUNO, "")
    assert item.errors == ()


def test_a_native_stop_seen_as_a_failed_status_carries_its_code() -> None:
    errors = [{"code": 131050, "title": "Unable to deliver."}, {"code": "131049"}, {"code": []}, 7]
    item = only(statuses(status("failed", errors=errors, recipient_id=None)))
    assert isinstance(item, StatusUpdate)
    assert item.errors == ((131050, "Unable to deliver."), (131049, ""), (0, ""))
    assert item.addresses == ()
    assert item.key[-1] == "131050"
