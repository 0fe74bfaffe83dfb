"""Events: frozen bytes, commitments that hide, and refusal of what this version does not know."""

from __future__ import annotations

import hashlib
import hmac
import json

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from sayso.core import events
from sayso.core.events import TYPES, Event
from sayso.core.purposes import Cell
from sayso.errors import IntegrityError

YES = Event(
    id="evt_01J00000000000000000000001", ws="wrk_01J00000000000000000000001", type="said_yes",
    occurred_at=1_790_000_000_000_000, received_at=1_790_000_001_000_000, clock="meta",
    person="per_01J00000000000000000000001", cells=(Cell("offers", "shop", "marketing"),),
    cause="evt_01J00000000000000000000000", facts={"how": "button", "notice": "join"}, commit={"text": "ab" * 32},
)  # fmt: skip

#: The bytes of version 1, for ever: changing how they are made breaks every ledger there is.
FROZEN = (
    b'{"cause":"evt_01J00000000000000000000000","cells":[["offers","shop","marketing"]],"clock":"meta","commit":'
    b'{"text":"' + b"ab" * 32 + b'"},"facts":{"how":"button","notice":"join"},"id":"evt_01J00000000000000000000001",'
    b'"occurred_at":1790000000000000,"person":"per_01J00000000000000000000001","received_at":1790000001000000,'
    b'"type":"said_yes","v":1,"ws":"wrk_01J00000000000000000000001"}'
)

ascii_keys = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=12)
fact_values = st.text(st.characters(codec="utf-8")) | st.integers(-(2**53) + 1, 2**53 - 1) | st.booleans()


def test_the_bytes_of_an_event_are_frozen() -> None:
    assert events.encode(YES) == FROZEN
    assert events.decode(FROZEN) == YES


@given(st.dictionaries(ascii_keys, fact_values, max_size=4), st.integers(0, 2**53 - 1))
def test_the_bytes_are_canonical_json_as_rfc_8785_has_it(facts: dict[str, str | int | bool], at: int) -> None:
    body = events.encode(msgspec.structs.replace(YES, facts=facts, occurred_at=at))
    assert body == rfc8785.dumps(json.loads(body))
    assert events.encode(events.decode(body)) == body


@pytest.mark.parametrize("edit", [
    {"v": 2}, {"v": 0}, {"type": "said_maybe"}, {"occurred_at": 1.5}, {"cells": [["a", "b"]]}, {"facts": {"a": None}},
    {"id": 7}, {"facts": {"a": 0.5}}, {"cells": "offers"},
])  # fmt: skip
def test_what_this_version_does_not_know_is_refused(edit: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        events.decode(json.dumps(json.loads(FROZEN) | edit).encode())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", FROZEN[:-1], b'{"id":"evt_1"}', b"\xff" * 9])
def test_broken_bytes_are_refused(body: bytes) -> None:
    with pytest.raises(IntegrityError):
        events.decode(body)


def test_an_unknown_type_is_never_written() -> None:
    with pytest.raises(IntegrityError):
        events.encode(msgspec.structs.replace(YES, type="said_maybe"))


def test_a_commitment_is_the_hmac_the_format_says() -> None:
    salt = bytes(range(16))
    expected = hmac.new(salt, b"text\0STOP \xc3\xa9", hashlib.sha256).hexdigest()
    assert events.commitment("text", "STOP é", salt) == expected


@given(st.dictionaries(ascii_keys, st.text(st.characters(codec="utf-8"), max_size=30), max_size=5), st.data())
def test_openings_fit_their_commitments_and_nothing_else_does(evidence: dict[str, str], data: st.DataObject) -> None:
    salts = data.draw(st.binary(min_size=16 * len(evidence), max_size=16 * len(evidence)))
    commitments, openings = events.commit(evidence, salts)
    event = msgspec.structs.replace(YES, commit=commitments)
    assert events.openings_match(event, openings)
    assert events.decode_openings(events.encode_openings(openings)) == openings
    for name in evidence:
        changed = openings | {name: events.Opening(openings[name].salt, openings[name].value + "!")}
        assert not events.openings_match(event, changed)
        assert not events.openings_match(event, {key: opening for key, opening in openings.items() if key != name})


def test_each_value_has_a_salt_of_its_own() -> None:
    _, openings = events.commit({"a": "same", "b": "same"}, bytes(range(32)))
    assert openings["a"].salt != openings["b"].salt


def test_long_evidence_is_cut_to_the_length_of_a_message() -> None:
    commitments, openings = events.commit({"text": "x" * 10_000}, bytes(16))
    assert openings["text"].value == "x" * events.MAX_EVIDENCE
    assert events.openings_match(msgspec.structs.replace(YES, commit=commitments), openings)


def test_every_type_says_what_it_is_in_a_sentence() -> None:
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in TYPES.values())
