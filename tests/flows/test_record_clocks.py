"""Clocks that disagree: what a provider put in order stays in order, and nobody is blamed for a clock set back."""

from __future__ import annotations

from sayso.core.events import OWN_CLOCK
from sayso.core.lifecycle import SKEW
from sayso.flows.record import believed
from sayso.ports import SECOND
from tests.cast import AMIRA, BRUNO, Player
from tests.stores import World


def test_a_slow_machine_does_not_put_a_stop_before_an_older_yes(world: World) -> None:
    """The yes a second before the STOP comes late, and our clock is two seconds behind WhatsApp's."""
    world.say(AMIRA, "JOIN")
    prompt = world.question()
    at = world.clock.time // SECOND * SECOND + 10 * SECOND
    yes = world.text(AMIRA, "yes", at=at, context_id=prompt.message_id)
    stop = world.text(AMIRA, "STOP", at=at + SECOND)
    world.clock.time = at - SECOND
    world.deliver(stop)
    world.clock.go(60)
    world.deliver(yes)
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.sound()


def test_a_time_far_in_the_future_is_still_that_of_the_receipt() -> None:
    now = 1_000 * SECOND + 7
    assert believed(now + SKEW, "meta", now) == now + SKEW
    assert believed(now + SKEW + 1, "meta", now) == 1_000 * SECOND
    assert believed(now + 1, OWN_CLOCK, now) == now
    assert believed(0, "meta", now) == 1_000 * SECOND


def test_a_no_to_a_question_asked_under_another_address_counts(world: World) -> None:
    """Asked under the user id, answered from the number, and nothing yet links the two."""
    by_id, by_phone = Player("Amira", "", AMIRA.user_id), Player("Amira", AMIRA.phone)
    world.say(by_id, "JOIN")
    no = world.question().button(1)
    world.tap(by_phone, no, "No, thanks")
    assert world.types(by_phone)[-1] == "said_no"
    world.tap(by_id, no.replace("no", "yes", 1))
    world.say(AMIRA, "hello")
    assert world.check(AMIRA).reason == "stopped"
    assert world.sound()


def test_a_made_up_no_is_something_the_person_said(world: World) -> None:
    world.join(BRUNO)
    world.tap(BRUNO, "sayso:no:evt_01J00000000000000000000000", "No, thanks")
    assert world.types(BRUNO)[-1] == "spoke"
    assert world.check(BRUNO).allowed


def test_verify_blames_no_address_after_a_clock_was_set_back(world: World) -> None:
    world.join(AMIRA)
    world.clock.time -= 600 * SECOND
    world.moved([AMIRA.addresses[0]], [BRUNO.addresses[0]])
    assert world.sound()
