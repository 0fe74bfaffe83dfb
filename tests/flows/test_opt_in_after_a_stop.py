"""Coming back right after a stop that was no message: the clocks cannot tell which came first, the question can.

A question that was asked when a stop was on record came after it, and so does the answer to its button (ADR 36).
"""

from __future__ import annotations

import pytest

from sayso.flows import rights
from tests.cast import AMIRA
from tests.stores import World

MINUTE = 60


def prompts(world: World) -> int:
    """How many questions were handed to the provider."""
    return sum(letter.asks for letter in world.wire.letters)


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
    world.join(AMIRA)
    world.opt_out(AMIRA)
    world.say(AMIRA, "START")
    question = world.work()[-1]
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
