"""The envelope around Meta's items: batches, limits, broken bodies, and a fuzz that nothing is lost in."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.channels.base import Inbound, InboundText, NativePreference, StatusUpdate, Unhandled
from sayso.channels.meta import MAX_BODY, MAX_DEPTH, MAX_ITEMS, parse
from sayso.errors import BodyTooLarge, MalformedBody, SaysoError
from tests.channels.envelopes import (
    BRUNO,
    SENDER,
    WABA,
    body,
    change,
    contact,
    encode,
    message,
    messages,
    preference,
    status,
    statuses,
    text,
)


def test_every_entry_change_and_element_is_read_in_order() -> None:
    first = change(messages=[text("one", id="wamid.1"), text("two", id="wamid.2")], statuses=[status("read")])
    second = change("user_preferences", user_preferences=[{"wa_id": BRUNO, "value": "stop"}])
    third = change(messages=[text("three", id="wamid.3")])
    entries = [{"id": WABA, "changes": [first, second]}, {"id": "2", "changes": [third]}]
    items = parse(encode({"object": "whatsapp_business_account", "entry": entries}))
    kinds = [InboundText, InboundText, StatusUpdate, NativePreference, InboundText]
    assert [type(item) for item in items] == kinds
    assert [item.text for item in items if isinstance(item, InboundText)] == ["one", "two", "three"]


def test_one_odd_element_costs_its_siblings_nothing() -> None:
    raw = messages(text("one", id="wamid.1"), 7, {"type": []}, text("STOP", id="wamid.2"))
    kinds = [InboundText, Unhandled, Unhandled, InboundText]
    assert [type(item) for item in parse(raw)] == kinds


@pytest.mark.parametrize("odd", [b'"\xff\xfe"', b"1e999", b'{"body":"\xc3"}'])
def test_an_element_that_is_not_even_text_costs_its_siblings_nothing(odd: bytes) -> None:
    raw = messages(text("STOP", id="wamid.1"), message("text", "HERE"), text("hi", id="wamid.3"))
    first, second, third = parse(raw.replace(b'"HERE"', odd))
    assert isinstance(first, InboundText)
    assert isinstance(second, Unhandled)
    assert odd in second.raw
    assert isinstance(third, InboundText)


def test_half_an_emoji_in_one_message_does_not_cost_the_batch() -> None:
    raw = messages(text("HERE", id="wamid.1"), text("STOP", id="wamid.2"))
    broken = raw.replace(b"HERE", rb"a\ud83d b\\ud83d \ud83d\udc4d \udc4d")
    first, second = parse(broken)
    assert isinstance(first, InboundText)
    assert first.text == "a\ufffd b\\ud83d 👍 \ufffd"
    assert isinstance(second, InboundText)
    assert second.text == "STOP"


@pytest.mark.parametrize("raw", [messages(text("STOP")), statuses(status("read")), preference("stop")])
def test_without_a_business_number_everything_is_kept_for_a_person_to_look_at(raw: bytes) -> None:
    for gone in (b'"phone_number_id":null', b'"phone_number_id":""', b'"phone_number_id":["1"]'):
        (item,) = parse(raw.replace(f'"phone_number_id":"{SENDER}"'.encode(), gone))
        assert isinstance(item, Unhandled)
        assert (item.reason, item.sender_ref) == ("no_phone_number_id", "")


def test_a_business_number_written_as_a_number_is_the_same() -> None:
    raw = messages(text("STOP")).replace(f'"{SENDER}"'.encode(), SENDER.encode())
    assert parse(raw)[0].sender_ref == SENDER


def test_a_single_object_where_a_list_belongs_is_read() -> None:
    (item,) = parse(body(change(messages=text("STOP"))))
    assert isinstance(item, InboundText)


def test_unhandled_keys_depend_on_the_content_and_not_on_the_order_of_its_members() -> None:
    one, two, other = ({"type": "x", "id": "1"}, {"id": "1", "type": "x"}, {"id": "2", "type": "x"})
    keys = [parse(messages(element, contacts=[contact()]))[0].key for element in (one, two, other)]
    assert keys[0] == keys[1] != keys[2]
    fields = [parse(body(change("account_update", event=event)))[0].key for event in ("A", "A", "B")]
    assert fields[0] == fields[1] != fields[2]


@pytest.mark.parametrize("raw", [b"{}", b'{"entry":null}', b'{"entry":"x"}', b'{"entry":{"id":"1"}}'])
def test_an_object_that_is_no_envelope_is_kept(raw: bytes) -> None:
    (item,) = parse(raw)
    assert isinstance(item, Unhandled)
    assert (item.reason, item.raw) == ("no_entry", raw)


def test_an_empty_envelope_is_nothing() -> None:
    assert parse(b'{"object":"whatsapp_business_account","entry":[]}') == []


@pytest.mark.parametrize(
    "raw",
    [b"", b" ", b"null", b"[]", b"5", b'"x"', b"{", b'{"entry":[}', b"\xff\xfe", b"\xef\xbb\xbf{}", b"{}{}"],
)
def test_what_is_not_a_json_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse(raw)


def nested(depth: int) -> bytes:
    return b'{"entry":[],"x":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def test_nesting_is_taken_to_its_limit_and_not_past_it() -> None:
    assert parse(nested(MAX_DEPTH)) == []
    with pytest.raises(MalformedBody):
        parse(nested(MAX_DEPTH + 1))


@pytest.mark.parametrize("raw", [b"[" * 1_000_000, b'{"a":' * 500_000, nested(1_500_000)])
def test_a_tower_of_brackets_is_refused_without_climbing_it(raw: bytes) -> None:
    with pytest.raises(MalformedBody):
        parse(raw)


def test_brackets_inside_words_are_not_nesting() -> None:
    (item,) = parse(messages(text('["{[' * 500 + '\\"{')))
    assert isinstance(item, InboundText)


def test_a_body_of_escapes_and_open_strings_is_read_in_one_pass() -> None:
    for raw in (b'{"' + b'\\"' * 1_900_000, b"[{" * 20 + b'"' + b"\\" * 3_900_001, b'"[' * 1_900_000):
        with pytest.raises(MalformedBody):
            parse(raw)


def test_a_body_over_four_megabytes_is_too_large() -> None:
    filler = b'{"entry":[],"x":"' + b"x" * MAX_BODY + b'"}'
    with pytest.raises(BodyTooLarge):
        parse(filler)
    assert parse(filler[:MAX_BODY - 2] + b'"}') == []


def test_a_thousand_updates_are_read_and_more_than_five_thousand_are_not() -> None:
    batch = [text("STOP", id=f"wamid.{n}") for n in range(1000)]
    assert len({item.key for item in parse(messages(*batch))}) == 1000
    assert len(parse(messages(*[0] * MAX_ITEMS))) == MAX_ITEMS
    for too_many in (messages(*[0] * (MAX_ITEMS + 1)), encode({"entry": [0] * (MAX_ITEMS + 1)})):
        with pytest.raises(BodyTooLarge):
            parse(too_many)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)

GOOD = [
    messages(text("STOP", context={"id": "wamid.OUT"}), contacts=[contact(user_id="GB.1")]),
    messages(message("button", {"payload": "p", "text": "Stop"}), message("image", {"caption": "x"})),
    messages(message("system", {"type": "user_changed_number", "wa_id": BRUNO})),
    messages(message("contacts", [{"phones": [{"wa_id": BRUNO}]}], origin="contact_request")),
    messages(message("interactive", {"type": "list_reply", "list_reply": {"id": "a", "title": "b"}})),
    statuses(status("failed", errors=[{"code": 131050}]), status("sent"), contacts=[contact(BRUNO)]),
    preference("stop"),
    body(change("user_id_update", user_id_update=[{"user_id": {"previous": "GB.1", "current": "GB.2"}}])),
]
LISTS = ("messages", "statuses", "user_preferences", "user_id_update")


def parse_or_refuse(raw: bytes) -> list[Inbound] | None:
    try:
        return parse(raw)
    except SaysoError:
        return None


def elements_in(envelope: Any) -> int:
    """How many elements stand where Meta puts them, in changes of a field we read."""
    changes = envelope["entry"][0]["changes"]
    return sum(len(each["value"].get(name, ())) for each in changes for name in LISTS)


def paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(deeper for name, inner in pairs for deeper in paths(inner, (*path, name)))]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    assert parse_or_refuse(raw) is None or raw.lstrip().startswith(b"{")


@given(JSON_VALUES)
def test_any_json_is_read_or_refused(value: Any) -> None:
    raw = json.dumps(value).encode()
    items = parse_or_refuse(raw)
    assert (items is None) == (not isinstance(value, dict))


@given(JSON_VALUES, st.sampled_from(["messages", "user_preferences", "user_id_update"]))
def test_any_value_of_a_known_field_gives_at_least_one_item(value: Any, field: str) -> None:
    raw = json.dumps({"entry": [{"changes": [{"field": field, "value": value}]}]}).encode()
    items = parse(raw)
    assert items
    assert all(isinstance(item, Unhandled) for item in items)


@given(st.sampled_from(GOOD), st.data())
def test_whatever_is_in_an_element_it_gives_one_item(good: bytes, data: st.DataObject) -> None:
    envelope = msgspec.json.decode(good)
    value = envelope["entry"][0]["changes"][0]["value"]
    name = data.draw(st.sampled_from([name for name in (*LISTS, "contacts") if name in value]))
    inside = paths(value[name])[1:]
    target = data.draw(st.sampled_from(inside))
    node = value[name]
    for step in target[:-1]:
        node = node[step]
    node[target[-1]] = data.draw(JSON_VALUES)
    items = parse(json.dumps(envelope).encode())
    assert len(items) == elements_in(envelope)
    assert all(item.sender_ref == SENDER and item.key for item in items)


@given(st.sampled_from(GOOD), JSON_VALUES, st.randoms(use_true_random=False))
def test_any_value_anywhere_is_read_or_refused(good: bytes, odd: Any, chance: random.Random) -> None:
    envelope = msgspec.json.decode(good)
    target = chance.choice(paths(envelope)[1:])
    node = envelope
    for step in target[:-1]:
        node = node[step]
    node[target[-1]] = odd
    items = parse(json.dumps(envelope).encode())
    assert items or envelope["entry"] == []


@given(st.sampled_from(GOOD), st.integers(0, 2**16), st.binary(max_size=3))
def test_any_byte_changed_is_read_or_refused(good: bytes, at: int, bits: bytes) -> None:
    at %= len(good)
    items = parse_or_refuse(good[:at] + bits + good[at + len(bits) :])
    assert items is None or len(items) >= 1
