"""What a business declares: lookups that name the field at fault, and codes that survive people's handwriting."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core.purposes import Cell
from sayso.core.workspace import (
    CODE_ALPHABET,
    Entry,
    Notice,
    Purpose,
    Sender,
    Workspace,
    codes_in,
    make_code,
    read_code,
)
from sayso.errors import InvalidRequest, SaysoError, UnknownEntry, UnknownPurpose, UnknownSender

SHOP = Sender("shop", "main", "1065", "+447700900100")
DESK = Sender("desk", "main", "1066", "+447700900101")
OFFERS = Purpose("offers", "marketing", "offers and news")
JOIN = Notice("join", 1, ("offers",), ("shop",), {"en": "May we?", "pt-BR": "Podemos?"})


def acme(**edits: Any) -> Workspace:
    whole: dict[str, Any] = {
        "id": "wrk_1", "slug": "acme", "name": "Acme", "senders": {"shop": SHOP}, "purposes": {"offers": OFFERS},
        "notices": {"join": JOIN}, "entries": {"join": Entry("join", "keyword", "join", "shop", keywords=("JOIN",))},
    }  # fmt: skip
    return Workspace(**(whole | edits))


def test_a_cell_is_the_purpose_the_sender_and_the_purposes_class() -> None:
    assert acme().cell("offers", "shop") == Cell("offers", "shop", "marketing")


def test_the_only_sender_need_not_be_named_and_one_of_several_must() -> None:
    assert acme().sender("") == SHOP
    with pytest.raises(UnknownSender) as refused:
        acme(senders={"shop": SHOP, "desk": DESK}).sender("")
    assert refused.value.param == "sender"


@pytest.mark.parametrize(("look_up", "error", "param"), [
    (lambda ws: ws.cell("ofers", "shop"), UnknownPurpose, "purpose"),
    (lambda ws: ws.cell("offers", "shp"), UnknownSender, "sender"),
    (lambda ws: ws.entry("jion"), UnknownEntry, "entry"),
])  # fmt: skip
def test_an_unknown_name_is_refused_and_the_field_is_named(look_up: Any, error: type[SaysoError], param: str) -> None:
    with pytest.raises(error) as refused:
        look_up(acme())
    assert refused.value.param == param


def test_a_number_belongs_only_to_the_connection_that_may_speak_for_it() -> None:
    assert acme().sender_of("1065", "main") == SHOP
    assert acme().sender_of("1065", "another") is None
    assert acme().sender_of("9999", "main") is None


def test_a_notice_is_shown_in_the_best_language_it_is_written_in() -> None:
    assert JOIN.language("pt-BR", "en") == "pt-BR"
    assert JOIN.language("en-GB", "pt-BR") == "en"
    assert JOIN.language("sv", "en") == "en"
    assert JOIN.language("sv", "fi") == "en"


def test_each_wording_has_its_own_hash() -> None:
    assert JOIN.hash("en") != JOIN.hash("pt-BR")
    assert len(JOIN.hash("en")) == 64


def test_a_notice_names_exactly_its_purposes_at_its_senders() -> None:
    both = Notice("both", 1, ("offers", "orders"), ("shop", "desk"), {"en": "May we?"})
    workspace = acme(purposes={"offers": OFFERS, "orders": Purpose("orders", "utility", "your orders")})
    assert set(workspace.cells_of(both)) == {
        Cell("offers", "shop", "marketing"), Cell("offers", "desk", "marketing"), Cell("orders", "shop", "utility"),
        Cell("orders", "desk", "utility"),
    }  # fmt: skip
    assert workspace.titles(workspace.cells_of(both)) == "offers and news, your orders"


@given(st.binary(min_size=7, max_size=7))
def test_a_code_is_found_anywhere_in_a_message_however_it_is_written(entropy: bytes) -> None:
    code = make_code(entropy)
    assert len(code) == 8
    assert set(code) <= set(CODE_ALPHABET)
    assert codes_in(f"Hi Acme! [{code}] thanks") == [code]
    assert codes_in(f"hi [ {code.lower()} ]") == [code]
    assert read_code(code.replace("0", "o").replace("1", "l")) == code
    assert codes_in(code) == []  # brackets are what makes it one


@given(st.binary(min_size=7, max_size=7), st.integers(0, 7), st.sampled_from(CODE_ALPHABET))
def test_one_mistyped_character_never_makes_another_code(entropy: bytes, place: int, letter: str) -> None:
    code = make_code(entropy)
    wrong = code[:place] + letter + code[place + 1 :]
    if wrong == code:
        assert read_code(wrong) == code
        return
    with pytest.raises(InvalidRequest):
        read_code(wrong)


@given(st.binary(min_size=7, max_size=7), st.integers(0, 5))
def test_two_swapped_neighbours_never_make_another_code(entropy: bytes, place: int) -> None:
    code = make_code(entropy)
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    # Neighbours 16 apart swap to the same checksum: one pair in 32, which the random body still has to hit.
    if swapped == code or abs(CODE_ALPHABET.index(code[place]) - CODE_ALPHABET.index(code[place + 1])) == 16:
        assert len(swapped) == 8
        return
    with pytest.raises(InvalidRequest):
        read_code(swapped)
