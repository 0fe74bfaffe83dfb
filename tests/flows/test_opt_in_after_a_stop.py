"""Coming back right after a stop that was no message: the clocks cannot tell which came first, the question can.

A question that was asked when a stop was on record came after it, and so does the answer to its button (ADR 36).
"""

from __future__ import annotations

import pytest

from sayso.core.events import Event
from sayso.core.lifecycle import fold
from sayso.core.purposes import EVERYTHING, Cell
from sayso.flows import opt_in, rights
from tests.cast import AMIRA
from tests.core.facts import OFFERS, ORDERS, S, T, stop
from tests.stores import World
from tests.world import Letter

MINUTE = 60


def prompts(world: World) -> int:
    """How many questions were handed to the provider."""
    return sum(letter.asks for letter in world.wire.letters)


def left_and_asked(world: World) -> Letter:
    """Amira was in, was opted out by API, and says START: the question."""
    world.join(AMIRA)
    world.opt_out(AMIRA)
    world.say(AMIRA, "START")
    return world.question()


@pytest.mark.parametrize("seconds", [0, 1, 100, 299])
def test_start_right_after_a_stop_by_api_is_asked_about_and_a_tap_counts(world: World, seconds: int) -> None:
    world.join(AMIRA)
    world.opt_out(AMIRA)
    world.work()
    world.clock.go(seconds)
    world.say(AMIRA, "START")
    assert world.check(AMIRA).reason == "stopped_all"
    question = world.work()[-1]
    assert question.asks
    assert world.check(AMIRA).reason == "stopped_all"
    world.tap(AMIRA, question.button(0))
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_the_next_stop_is_news_again(world: World) -> None:
    world.join(AMIRA)
    world.opt_out(AMIRA)
    world.join(AMIRA, "START")
    assert world.check(AMIRA).allowed
    said = world.opt_out(AMIRA)
    assert (said.changed, said.confirmation) == (True, "owed")
    assert world.check(AMIRA).reason == "stopped_all"


def test_a_stop_after_the_question_was_asked_is_not_undone_by_its_answer(world: World) -> None:
    question = left_and_asked(world)
    world.opt_out(AMIRA)
    world.tap(AMIRA, question.button(0))
    assert world.check(AMIRA).reason == "stopped_all"


def test_an_answer_to_a_question_from_before_the_stop_does_not_count(world: World) -> None:
    world.say(AMIRA, "JOIN")
    question = world.work()[-1]
    world.opt_out(AMIRA)
    world.tap(AMIRA, question.button(0))
    assert world.check(AMIRA).reason == "stopped_all"


def test_a_start_said_before_the_stop_and_delivered_after_it_is_not_asked_about(world: World) -> None:
    world.join(AMIRA)
    before = world.stamp()
    world.clock.go(MINUTE)
    world.opt_out(AMIRA)
    world.say(AMIRA, "START", at=before)
    assert not any(letter.asks for letter in world.work())
    assert world.check(AMIRA).reason == "stopped_all"


def test_a_bare_yes_that_may_be_older_than_the_stop_is_asked_about_once_more(world: World) -> None:
    world.join(AMIRA)
    world.opt_out(AMIRA)
    world.say(AMIRA, "START")
    world.work()
    asked = prompts(world)
    world.say(AMIRA, "yes")
    again = world.work()[-1]
    assert again.asks
    assert world.check(AMIRA).reason == "stopped_all"
    world.say(AMIRA, "yes")
    assert world.work() == []
    assert prompts(world) == asked + 1
    world.tap(AMIRA, again.button(0))
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_a_bare_yes_that_was_not_the_first_thing_said_is_asked_about_and_then_counts(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.work()
    world.say(AMIRA, "JOIN")  # whoever sends it twice said something else first
    world.say(AMIRA, "yes")
    assert not world.check(AMIRA).allowed
    assert world.work()[-1].asks
    assert not world.check(AMIRA).allowed
    world.say(AMIRA, "yes")
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_who_was_erased_a_moment_ago_can_join_again(world: World) -> None:
    world.join(AMIRA)
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, AMIRA.address, how="api"))
    world.say(AMIRA, "JOIN")
    question = world.work()[-1]
    assert question.asks
    assert world.check(AMIRA).reason == "stopped_all"
    world.tap(AMIRA, question.button(0))
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_a_request_knows_only_the_stops_it_followed() -> None:
    def known(*stops: Event) -> tuple[str, ...]:
        return opt_in.known_stops(fold(stops), [OFFERS], T, "meta")

    def earlier(seconds: int, cell: Cell = OFFERS, clock: str = "sayso") -> Event:
        return stop(T - seconds * S, cell, clock=clock, event_id="evt_stop")

    for fitting in (earlier(0), earlier(600), earlier(-5), earlier(9, EVERYTHING), earlier(9, clock="meta")):
        assert known(fitting) == ("evt_stop",)
    for other in (earlier(601), earlier(-6), earlier(9, ORDERS), earlier(0, clock="meta"), earlier(-1, clock="meta")):
        assert known(other) == ()


@pytest.mark.parametrize("back", [1, 30, 200])
def test_a_stop_counts_and_is_confirmed_although_our_clock_was_set_back_since_the_one_before(
    world: World, back: int
) -> None:
    question = left_and_asked(world)
    world.clock.time -= back * S
    world.tap(AMIRA, question.button(0), at=world.clock.time + back * S)
    assert world.check(AMIRA).allowed
    said = world.opt_out(AMIRA)
    assert (said.changed, said.confirmation) == (True, "owed")
    assert world.check(AMIRA).reason == "stopped_all"


def test_a_stop_before_the_question_goes_out_calls_it_off_although_our_clock_was_set_back(world: World) -> None:
    world.join(AMIRA)
    world.opt_out(AMIRA)
    world.say(AMIRA, "START")
    world.clock.time -= 10 * S
    world.opt_out(AMIRA)
    world.clock.go(12)
    assert not any(letter.asks for letter in world.work())


@pytest.mark.parametrize("gap", [0, 2, 5])
def test_bare_yeses_from_before_the_question_is_shown_once_more_do_not_answer_it(world: World, gap: int) -> None:
    world.say(AMIRA, "JOIN")
    world.work()
    world.say(AMIRA, "Can you deliver on Monday?")
    world.say(AMIRA, "yes")
    world.say(AMIRA, "yes")
    world.clock.go(gap)
    assert world.work()[-1].asks
    assert world.check(AMIRA).reason == "pending"


def test_who_was_erased_joins_again_although_another_address_of_theirs_becomes_known_meanwhile(world: World) -> None:
    phone, user_id = AMIRA.addresses
    world.join(AMIRA)
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, AMIRA.address, how="api"))
    world.say(AMIRA, "JOIN", addresses=(phone,))
    question = world.work()[-1]
    world.tap(AMIRA, question.button(0))  # names both
    assert [world.check(one).reason for one in (phone, user_id)] == ["granted", "granted"]
    assert world.sound()


def test_somebody_who_leaves_and_returns_for_ever_does_not_fill_their_record(world: World) -> None:
    for _ in range(opt_in.MOST_STOPS + 20):
        world.opt_out(AMIRA)
        world.say(AMIRA, "START")
    standing = world.standing(AMIRA)
    assert len(standing.stops) <= opt_in.MOST_STOPS + 2
    assert not world.check(AMIRA).allowed
    assert world.sound()
