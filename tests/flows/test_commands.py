"""Commands in the chat: what a person is told, what a tap does, and that two machines talking to each other end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sayso.channels.base import OutButtons, OutList
from sayso.flows.commands import MAX_REPLIES
from sayso.ports import DAY
from sayso.rules.chat import period, wants_silence
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import build, neighbour, open_kind
from tests.texting import Line, twilio_declaration
from tests.world import HandClock, World


def rows(world: World) -> tuple[tuple[str, str, str], ...]:
    message = world.work()[-1].message
    assert isinstance(message, OutList)
    return message.rows


# -- status, help, data ------------------------------------------------------------------------------------------------


def test_status_says_what_was_agreed_to_when_and_how_and_what_is_stopped(world: World) -> None:
    world.join(AMIRA, "JOIN ALL")
    world.say(AMIRA, "status")
    (told,) = world.work()
    assert "✓ offers and news, news about your orders: you agreed in WhatsApp on 2026-09-21" in told.body
    world.opt_out(AMIRA, world.cell("offers"))
    world.native(AMIRA, "stop")
    world.say(AMIRA, "PAUSE 7")
    world.work()
    world.say(AMIRA, "STATUS")
    (told,) = world.work()
    for line in ("✓ news about your orders: you agreed", "✗ offers and news: stopped on 2026-09-21",
                 "✗ You switched off this business's marketing in WhatsApp itself", "⏸ Paused until 2026-09-28"):
        assert line in told.body


def test_status_tells_who_never_agreed_that_nothing_is_sent_and_who_left_that_all_is_stopped(world: World) -> None:
    world.say(CHEN, "STATUS")
    assert "You have not agreed to anything" in world.work()[-1].body
    world.say(CHEN, "STOP")
    world.work()
    world.say(CHEN, "status")
    assert "✗ You stopped all messages on 2026-09-21." in world.work()[-1].body


def test_help_names_every_command(world: World) -> None:
    world.say(AMIRA, "HELP")
    (told,) = world.work()
    assert all(word in told.body for word in ("STOP", "START", "TOPICS", "STATUS", "PAUSE 30", "MY DATA"))


def test_my_data_says_how_to_ask_where_there_is_no_page_and_shows_the_link_where_there_is(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "my data")
    (told,) = world.work()
    assert "✓ offers and news" in told.body
    assert "ask Acme here in this chat" in told.body
    object.__setattr__(world.kit, "public_url", "https://sayso.example.com")
    world.say(AMIRA, "privacy")
    (told,) = world.work()
    address = told.body.rpartition("\n")[2]
    assert address.startswith("https://sayso.example.com/p/")
    assert AMIRA.phone[1:] not in address


@pytest.mark.parametrize(("word", "begins"), [
    ("mis consentimientos", "Tu situación con Acme"), ("الحالة", "وضعك مع Acme"), ("我的状态", "您在Acme的状态"),
    ("durum", "Acme ile durumunuz"), ("STATUS", "Where you stand with Acme"),
])
def test_an_answer_is_in_the_language_of_the_command(world: World, word: str, begins: str) -> None:
    world.say(CHEN, word)
    assert world.work()[-1].body.startswith(begins)


# -- pauses ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "days"), [
    ("PAUSE", 30), ("pause 7", 7), ("PAUSE ٣", 3), ("Pause 2 weeks", 14), ("snooze １０", 10), ("PAUSE 999", 365),
    ("pausa 3 días", 3), ("暂停 5天", 5), ("Pause 1 Monat", 30),
])
def test_a_pause_is_silence_until_a_day_in_any_digits(lone_world: World, words: str, days: int) -> None:
    world = lone_world
    world.join(AMIRA)
    world.say(AMIRA, words)
    verdict = world.check(AMIRA)
    assert (verdict.verdict, verdict.reason) == ("wait", "paused")
    assert verdict.until == world.clock.time + days * DAY
    (told,) = world.work()
    assert isinstance(told.message, OutButtons)


@pytest.mark.parametrize("end", ["START", "resume", "unpause", "button"])
def test_a_pause_ends_by_start_or_its_button_and_what_was_granted_goes_on(world: World, end: str) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "PAUSE 30")
    (told,) = world.work()
    if end == "button":
        world.tap(AMIRA, told.button(0), "End the pause")
    else:
        world.say(AMIRA, end)
    assert world.check(AMIRA).reason == "granted"
    assert [letter.body for letter in world.work()] == ["The pause is over. You get again what you agreed to."]
    assert world.sound()


def test_a_pause_runs_out_by_itself_and_lifts_no_stop(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "PAUSE 2")
    world.clock.go(2 * 24 * 3600 + 1)
    assert world.check(AMIRA).reason == "granted"
    world.say(AMIRA, "PAUSE 2")
    world.say(AMIRA, "STOP")
    world.say(AMIRA, "START")
    assert world.check(AMIRA).verdict == "deny"


def test_a_pause_button_of_somebody_else_ends_nothing(world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "PAUSE 9")
    theirs = world.work()[-1].button(0)
    world.say(AMIRA, "PAUSE 9")
    world.tap(AMIRA, theirs, "End the pause")
    assert world.check(AMIRA).reason == "paused"


# -- topics ------------------------------------------------------------------------------------------------------------


def test_topics_are_a_list_that_switches_off_by_a_stop_and_on_only_by_a_double_opt_in(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "TOPICS")
    shown = rows(world)
    assert [(title, about) for _, title, about in shown] == [
        ("offers and news", "On. Tap to stop it."), ("news about your orders", "Off. Tap to be asked."),
        ("a trial", "Off. Tap to be asked.")]
    world.tap(AMIRA, shown[1][0], shown[1][1])
    assert world.check(AMIRA, "orders").reason == "pending"
    world.tap(AMIRA, world.question().button(0))
    assert world.check(AMIRA, "orders").reason == "granted"
    world.work()
    world.tap(AMIRA, shown[0][0], shown[0][1])
    assert world.check(AMIRA).reason == "stopped"
    assert world.check(AMIRA, "orders").reason == "granted"
    assert "no longer get from Acme: offers and news" in world.work()[-1].body


def test_a_topic_that_is_gone_is_never_ignored_when_it_is_switched_off(world: World) -> None:
    world.join(AMIRA)
    world.tap(AMIRA, "sayso:off:long_gone", "Old news")
    assert world.check(AMIRA).reason == "held_unclear"
    world.tap(BRUNO, "sayso:on:long_gone", "Old news")
    assert world.types(BRUNO) == ["address_linked", "spoke"]


@pytest.fixture
def texted(database: tuple[str, str], clock: HandClock) -> Iterator[World]:
    opened = open_kind(*database, clock)
    yield build(opened, clock, twilio_declaration())
    opened.close()


def test_where_no_list_can_be_shown_its_numbers_are_answered_for_a_day(texted: World) -> None:
    line = Line(texted)
    line.chat(AMIRA, "JOIN")
    line.tap(AMIRA, texted.question().button(0))
    texted.work()
    line.chat(AMIRA, "1")  # no list went out
    assert texted.check(AMIRA).reason == "granted"
    line.chat(AMIRA, "TOPICS")
    assert isinstance(texted.work()[-1].message, OutList)
    line.chat(AMIRA, "7")
    assert texted.check(AMIRA).reason == "granted"
    line.chat(AMIRA, "1")
    assert texted.check(AMIRA).reason == "stopped"


# -- limits ------------------------------------------------------------------------------------------------------------


def test_a_person_gets_at_most_ten_answers_an_hour(world: World) -> None:
    for _ in range(15):
        world.say(AMIRA, "STATUS")
    assert len(world.work()) == MAX_REPLIES
    world.clock.go(3601)
    world.say(AMIRA, "STATUS")
    assert len(world.work()) == 1


def test_two_machines_that_answer_each_other_fall_silent(world: World) -> None:
    echoed, turns = world, 0
    echoed.say(CHEN, "STATUS")
    waiting = echoed.work()
    while waiting and turns < 100:
        turns += 1
        for letter in waiting:
            echoed.say(CHEN, letter.body)
            echoed.say(CHEN, "HELP")
            echoed.say(CHEN, "TOPICS")
        waiting = echoed.work()
    assert turns <= MAX_REPLIES + 1


def test_two_saysos_that_write_to_each_other_fall_silent(world: World) -> None:
    other = neighbour(world)
    world.say(CHEN, "HELP")
    turns, letters = 0, [letter.body for letter in world.work()]
    here, there = other, world
    while letters and turns < 100:
        turns += 1
        for body in letters:
            here.say(CHEN, body)
        letters, here, there = [letter.body for letter in here.work()], there, here
    assert turns <= 2 * MAX_REPLIES


# -- reading -----------------------------------------------------------------------------------------------------------


def test_a_period_is_read_with_its_unit_and_what_is_left_is_the_command() -> None:
    assert period("pause 2 weeks") == (14, "pause")
    assert period("PAUSE") == (0, "PAUSE")
    assert period("暂停30天") == (30, "暂停")
    assert period("pause 12345") == (12345, "pause")
    assert period("PAUSE 2 years") == (730, "pause")
    assert period("pause 1 Jahr") == (365, "pause")
    assert period("x" * 100_000)[0] == 0


def test_silence_is_asked_for_in_so_many_words() -> None:
    assert wants_silence("STOP and DON’T reply!")
    assert wants_silence("Hört auf, bitte nicht antworten")
    assert not wants_silence("STOP")


def test_start_after_a_stop_and_a_pause_asks_and_promises_nothing(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.say(AMIRA, "PAUSE 10")
    world.work()
    world.clock.go(60)
    world.say(AMIRA, "START")
    [letter] = world.work()
    assert letter.asks
    assert world.check(AMIRA).reason == "stopped_all"
    world.tap(AMIRA, letter.button(0))
    assert world.check(AMIRA).allowed
