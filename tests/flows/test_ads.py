"""Click-to-WhatsApp ads: whoever writes from one is asked, the ad is evidence, and the click itself is never a yes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sayso.channels.base import InboundOther
from tests.cast import AMIRA, BRUNO
from tests.stores import HandClock, World, build, declaration, open_kind

AD, OTHER_AD = "120210000000000001", "120210000000000002"
REFERRAL = {"source_type": "ad", "source_id": AD, "headline": "Spring sale", "ctwa_clid": "ARA1"}


def declared(**ads: Mapping[str, Any]) -> dict[str, Any]:
    """The usual business with entry points of kind `ad`."""
    whole = declaration()
    whole["entry_points"] |= {name: {"kind": "ad", "notice": "join", "sender": "shop"} | dict(more)
                              for name, more in ads.items()}
    return whole


@pytest.fixture
def world(database: tuple[str, str], clock: HandClock) -> Iterator[World]:
    """A business with one entry point for any ad, on each kind of database."""
    opened = open_kind(*database, clock)
    yield build(opened, clock, declared(summer={}))
    opened.close()


def entries(world: World) -> list[str]:
    return [line["facts"]["entry"] for line in world.history(AMIRA) if line["type"] == "opt_in_requested"]


def test_a_message_from_an_ad_is_asked_about_and_grants_nothing(world: World) -> None:
    world.say(AMIRA, "Hi! I would like to know more", referral=REFERRAL)
    assert world.check(AMIRA).reason == "pending"
    question = world.question()
    assert world.check(AMIRA).reason == "pending"
    [request] = [line for line in world.history(AMIRA) if line["type"] == "opt_in_requested"]
    assert (request["facts"]["how"], request["facts"]["entry"]) == ("ad", "summer")
    assert json.loads(request["evidence"]["referral"]) == REFERRAL
    assert AD not in str(request["facts"])
    world.tap(AMIRA, question.button(0))
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


@pytest.mark.parametrize("words", ["Yes", "ok", "YES", "Yes, I agree"])
def test_words_an_advertiser_can_write_beforehand_are_no_yes(world: World, words: str) -> None:
    world.say(AMIRA, "JOIN")
    world.question()
    world.say(AMIRA, words, referral=REFERRAL)
    assert world.check(AMIRA).reason == "pending"


@pytest.mark.parametrize("words", ["STOP", "stop", "unsubscribe"])
def test_a_stop_in_a_message_from_an_ad_stops(world: World, words: str) -> None:
    world.join(AMIRA)
    world.say(AMIRA, words, referral=REFERRAL)
    assert world.check(AMIRA).reason == "stopped_all"
    assert not any(letter.asks for letter in world.work())


def test_a_keyword_in_a_message_from_an_ad_is_the_keyword(world: World) -> None:
    world.say(AMIRA, "TRIAL", referral=REFERRAL)
    assert entries(world) == ["trial"]
    assert world.check(AMIRA, "trial").reason == "pending"
    assert world.check(AMIRA).reason == "no_consent"


def test_somebody_who_said_stop_is_not_asked_because_of_an_ad(world: World) -> None:
    world.say(AMIRA, "STOP")
    world.work()
    world.say(AMIRA, "How much is it?", referral=REFERRAL)
    assert world.work() == []
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.check(AMIRA, "support").reason == "in_window"  # they asked something: an answer is allowed


def test_a_no_is_not_asked_again_by_the_next_ad(world: World) -> None:
    world.say(AMIRA, "Hello", referral=REFERRAL)
    world.tap(AMIRA, world.question().button(1), "No, thanks")
    world.work()
    world.clock.go(3600)
    world.say(AMIRA, "Hello again", referral=REFERRAL)
    assert not any(letter.asks for letter in world.work())


def test_somebody_who_is_asked_already_or_is_in_is_not_asked_again(world: World) -> None:
    world.say(AMIRA, "Hello", referral=REFERRAL)
    world.clock.go(600)
    world.say(AMIRA, "Hello?", referral=REFERRAL)
    assert len([letter for letter in world.work() if letter.asks]) == 1
    world.join(BRUNO)
    world.say(BRUNO, "Hello", referral=REFERRAL)
    assert world.work() == []
    assert world.check(BRUNO).reason == "granted"


def test_a_picture_sent_from_an_ad_is_asked_about_too(world: World) -> None:
    world.deliver(InboundOther(
        sender_ref=world.workspace.senders["shop"].phone_number_id, key=("message", "picture"), at=world.stamp(),
        addresses=AMIRA.addresses, message_id="picture", kind="image", referral=REFERRAL))
    assert entries(world) == ["summer"]


@pytest.mark.parametrize("flags", [{"forwarded": True}, {"edited": True}])
def test_words_that_are_not_the_persons_own_begin_nothing(world: World, flags: dict[str, bool]) -> None:
    world.say(AMIRA, "Hello", referral=REFERRAL, **flags)
    assert entries(world) == []


def test_only_an_ad_that_is_named_on_the_number_it_leads_to_is_asked_about(
    database: tuple[str, str], clock: HandClock
) -> None:
    opened = open_kind(*database, clock)
    world = build(opened, clock, declared(spring={"ads": [AD]}))
    world.say(AMIRA, "Hello", referral=REFERRAL | {"source_id": OTHER_AD})
    world.say(AMIRA, "Hello", referral={"source_url": "https://fb.me/x"})
    world.say(AMIRA, "Hello", referral=REFERRAL, sender="desk")
    world.say(AMIRA, "Hello")
    assert entries(world) == []
    world.say(AMIRA, "Hello", referral=REFERRAL)
    assert entries(world) == ["spring"]
    opened.close()


def test_the_entry_point_that_names_the_ad_goes_before_the_one_for_any(
    database: tuple[str, str], clock: HandClock
) -> None:
    opened = open_kind(*database, clock)
    world = build(opened, clock, declared(any={}, spring={"ads": [AD], "notice": "trial"}))
    world.say(AMIRA, "Hello", referral=REFERRAL)
    assert entries(world) == ["spring"]
    opened.close()


def test_start_does_not_begin_an_ads_entry_point(database: tuple[str, str], clock: HandClock) -> None:
    whole = declared(summer={})
    whole["entry_points"] = {"summer": whole["entry_points"]["summer"]}
    del whole["senders"]["shop"]["start"]
    opened = open_kind(*database, clock)
    world = build(opened, clock, whole)
    world.say(AMIRA, "START")
    assert entries(world) == []
    assert [letter.asks for letter in world.work()] == [False]  # help
    opened.close()
