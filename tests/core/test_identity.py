"""Addresses: one canonical spelling each, so that a suppression check cannot miss a stop over a spelling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core import identity
from sayso.core.identity import Address
from sayso.errors import InvalidAddress


@pytest.mark.parametrize(("spelling", "canonical"), [
    ("+44 7700 900123", "+447700900123"),
    ("+44-7700-900-123", "+447700900123"),
    ("+1 (555) 010-0123", "+15550100123"),
    ("tel:+44-7700-900123", "+447700900123"),
    ("whatsapp:+447700900123", "+447700900123"),
    ("+٤٤٧٧٠٠٩٠٠١٢٣", "+447700900123"),
])  # fmt: skip
def test_every_way_to_write_a_number_is_one_address(spelling: str, canonical: str) -> None:
    assert identity.parse(spelling) == Address("phone", canonical)


@pytest.mark.parametrize(("one", "other"), [
    ("5511987654321", "551187654321"),  # Brazil: the ninth digit of a mobile
    ("5215512345678", "525512345678"),  # Mexico: the 1 after the country code
    ("5491123456789", "541123456789"),  # Argentina: the 9 after the country code
])  # fmt: skip
def test_both_whatsapp_spellings_of_a_number_are_one_address(one: str, other: str) -> None:
    assert identity.phone_from_wa_id(one) == identity.phone_from_wa_id(other)
    assert hash(identity.phone_from_wa_id(one)) == hash(identity.phone_from_wa_id(other))


def test_the_spelling_to_dial_is_kept_beside_the_one_compared() -> None:
    with_nine = identity.phone_from_wa_id("5511987654321")
    assert (with_nine.value, with_nine.dial) == ("+551187654321", "+5511987654321")
    assert identity.bsuid("BR.77abc").dial == "BR.77abc"


def test_a_brazilian_number_that_would_become_a_landline_keeps_its_nine() -> None:
    assert identity.phone("+5511932345678").value == "+5511932345678"
    assert identity.phone("+551132345678").value == "+551132345678"


def test_a_number_without_country_code_needs_a_region() -> None:
    with pytest.raises(InvalidAddress):
        identity.phone("07700 900123")
    assert identity.phone("07700 900123", "GB").value == "+447700900123"


@pytest.mark.parametrize("text", [
    "", "+", "+0447700900123", "hello", "+44", "+4477009001234567890", "us.1349", "U.1349", "US.", "US.13 49",
    "US.ENT.", "US.13-49", "1" * 500, "US." + "a" * 129,
])  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddress):
        identity.parse(text)


def test_a_user_id_keeps_its_case_and_is_told_from_a_parent_one() -> None:
    assert identity.parse("US.13aB") == Address("bsuid", "US.13aB")
    assert identity.parse("US.13aB") != identity.parse("US.13ab")
    assert identity.parse("US.ENT.1181aB") == Address("parent_bsuid", "US.ENT.1181aB")
    with pytest.raises(InvalidAddress):
        identity.bsuid("us.1349")
    with pytest.raises(InvalidAddress):
        identity.parent_bsuid("US.1349")


@pytest.mark.parametrize("digits", ["", "447700 900123", "phone", "US.1349", "0447700900123"])
def test_a_wa_id_is_digits_alone(digits: str) -> None:
    with pytest.raises(InvalidAddress):
        identity.phone_from_wa_id(digits)


def test_the_country_comes_from_the_number_or_the_user_id() -> None:
    assert identity.phone("+442079460018").country == "GB"
    assert identity.phone("+551187654321").country == "BR"
    assert identity.bsuid("US.1349").country == "US"
    assert identity.Address("phone", "+99912345678").country == ""


def test_an_address_shows_almost_nothing_of_itself() -> None:
    assert repr(identity.phone("+447700900123")) == "Address(phone, …23)"
    assert "7700900" not in f"{identity.phone('+447700900123')!r} {[identity.phone('+447700900123')]}"


@given(st.text(max_size=200))
def test_reading_an_address_ends_in_an_address_or_a_refusal(text: str) -> None:
    try:
        found = identity.parse(text)
    except InvalidAddress:
        return
    assert identity.parse(found.value) == found
    assert identity.canonical(found.value) == found.value


@given(st.integers(1_000_000, 999_999_999_999_999))
def test_canonical_is_idempotent_for_every_number(number: int) -> None:
    once = identity.parse(f"+{number}", fast=True)
    assert identity.canonical(once.value) == once.value


@pytest.mark.parametrize(("typed", "meant"), [
    ("+4407700900123", "+447700900123"), ("+44 (0)7700 900123", "+447700900123"), ("+4915112345678", "+4915112345678"),
])
def test_a_trunk_zero_does_not_make_another_number(typed: str, meant: str) -> None:
    assert identity.parse(typed).value == meant


@pytest.mark.parametrize("text", ["12345", "+4412345", "+44 12345"])
def test_a_number_without_its_area_code_is_nobodys(text: str) -> None:
    with pytest.raises(InvalidAddress, match="this many digits"):
        identity.parse(text, "GB")


def test_the_longer_spelling_of_a_mexican_mobile_is_whole() -> None:
    assert identity.parse("+5215512345678") == identity.parse("+525512345678")


def test_what_a_webhook_calls_its_sender_is_taken_however_odd() -> None:
    assert identity.phone_from_wa_id("4412345").value == "+4412345"  # a stop must never be refused for its number
