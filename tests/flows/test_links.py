"""Private links: whose page they open, for how long, and that nobody can make or read one."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.errors import UnknownLink
from sayso.flows import links
from sayso.flows.kit import Kit
from sayso.ports import DAY, HOUR, Ports
from sayso.vault import Vault
from sayso.web.routes import SEGMENT
from sayso.wiring import _replies, _words
from tests.world import HandClock, World

CLOCK = HandClock()
KIT = Kit(Ports(CLOCK), Vault.generate(), _words, _replies, "https://consent.shop.example")
WS, OTHER, WHO = (KIT.ports.new_id(prefix) for prefix in ("wrk", "wrk", "per"))


def made(use: links.Use = "preferences") -> str:
    return links.token(KIT, WS, WHO, use)


@pytest.mark.parametrize("use", links.USES)
def test_a_link_says_whose_page_it_opens_and_what_for(use: links.Use) -> None:
    found = links.read(KIT, made(use), CLOCK.now())
    assert (found.workspace, found.person, found.use, found.expired) == (WS, WHO, use, False)


def test_a_link_fits_into_a_chat_and_into_a_route() -> None:
    assert len(made()) == 95
    assert re.fullmatch(SEGMENT, made())


def test_nobody_can_read_the_person_off_a_link_or_tell_two_links_of_one_person_from_those_of_two() -> None:
    first, second = made(), made()
    assert first != second
    packed = base64.urlsafe_b64decode(first + "=")
    assert links._bytes_of(WHO) not in packed
    assert WHO[4:] not in first


@pytest.mark.parametrize(("use", "shown"), [("preferences", 30 * DAY), ("data", DAY)])
def test_a_link_shows_the_record_for_its_time_and_is_read_for_ever(use: links.Use, shown: int) -> None:
    token, now = made(use), CLOCK.now()
    assert not links.read(KIT, token, now + shown - 1).expired
    assert links.read(KIT, token, now + shown).expired
    assert links.read(KIT, token, now + 3_650 * DAY).person == WHO


def test_a_link_from_the_future_shows_nothing() -> None:
    assert not links.read(KIT, made(), CLOCK.now() - HOUR).expired
    assert links.read(KIT, made(), CLOCK.now() - HOUR - 1).expired


@pytest.mark.parametrize("place", range(0, 95, 3))
def test_a_link_with_one_letter_changed_is_refused(place: int) -> None:
    token = made()
    other = "A" if token[place] != "A" else "B"
    with pytest.raises(UnknownLink):
        links.read(KIT, token[:place] + other + token[place + 1:], CLOCK.now())


def test_a_second_spelling_of_a_link_is_refused() -> None:
    token = made()
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    near = letters[letters.index(token[-1]) ^ 1]  # differs in a bit that no byte holds
    assert base64.urlsafe_b64decode(f"{token[:-1]}{near}=") == base64.urlsafe_b64decode(f"{token}=")
    for spelled in (token[:-1] + near, token + "=", f" {token}", token[:-1], token + "A", token[1:]):
        with pytest.raises(UnknownLink):
            links.read(KIT, spelled, CLOCK.now())


@given(st.text(max_size=200))
def test_whatever_stands_in_a_link_that_we_did_not_make_is_refused(token: str) -> None:
    with pytest.raises(UnknownLink):
        links.read(KIT, token, CLOCK.now())


def test_a_link_cannot_be_moved_to_another_workspace() -> None:
    packed = base64.urlsafe_b64decode(made() + "=")
    moved = base64.urlsafe_b64encode(links._bytes_of(OTHER) + packed[16:]).rstrip(b"=").decode()
    with pytest.raises(UnknownLink):
        links.read(KIT, moved, CLOCK.now())


def test_another_installation_refuses_a_link_and_a_new_seal_key_keeps_it() -> None:
    token = made()
    with pytest.raises(UnknownLink):
        links.read(replace(KIT, vault=Vault.generate()), token, CLOCK.now())
    assert links.read(replace(KIT, vault=KIT.vault.rotate_seal()), token, CLOCK.now()).person == WHO


def test_what_is_sealed_as_evidence_is_no_link() -> None:
    packed = links._bytes_of(WS) + KIT.vault.seal_workspace(WS, bytes(25), b"sayso/link/1")
    with pytest.raises(UnknownLink):
        links.read(KIT, base64.urlsafe_b64encode(packed).rstrip(b"=").decode(), CLOCK.now())


def test_a_link_is_a_whole_address_and_empty_where_nobody_said_which(lone_world: World) -> None:
    business = lone_world.workspace
    address = links.link(replace(lone_world.kit, public_url="https://consent.shop.example"), business, WHO, "data")
    start, _, token = address.rpartition("/")
    assert start == "https://consent.shop.example/p"
    assert links.read(lone_world.kit, token, lone_world.clock.now()).workspace == business.id
    assert links.link(lone_world.kit, business, WHO, "data") == ""
