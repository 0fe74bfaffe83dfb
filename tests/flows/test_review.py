"""The review queue: what waits, who may see the words, and that a decision settles one message and names its maker."""

from __future__ import annotations

import pytest

from sayso.errors import EvidenceMissing, NotFound
from sayso.flows import review
from sayso.flows.opt_out import OptedOut
from tests.cast import AMIRA, BRUNO
from tests.world import World


def held(world: World, *, reveal: bool = False) -> list[review.Held]:
    return world.store.read(lambda tx: review.held(tx, world.kit, world.workspace.id, reveal=reveal))


def release(world: World, event: str, clerk: str = "Olga") -> None:
    world.store.write(lambda tx: review.release(tx, world.kit, world.workspace, event, clerk))


def stop(world: World, event: str, *, marketing: bool = False) -> OptedOut:
    return world.store.write(
        lambda tx: review.stop(tx, world.kit, world.workspace, event, "Olga", marketing=marketing))


def test_what_was_said_is_shown_only_to_who_asks(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)
    (one,) = held(world)
    assert (one.sender, one.why, one.text) == ("shop", "forwarded", "")
    assert held(world, reveal=True)[0].text == "STOP"


def test_a_release_settles_that_message_at_once_and_names_who_decided(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)
    (one,) = held(world)
    with pytest.raises(EvidenceMissing):
        release(world, one.event, "")
    release(world, one.event)
    assert world.check(AMIRA).reason == "granted"
    fact = next(fact for fact in world.history(AMIRA) if fact["type"] == "hold_released")
    assert (fact["facts"]["how"], fact["cause"], fact["evidence"]) == ("operator", one.event, {"clerk": "Olga"})
    assert held(world) == []
    with pytest.raises(NotFound):
        release(world, one.event)
    assert world.sound()


def test_a_release_of_one_message_leaves_the_other_to_be_decided(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)
    (one,) = held(world)
    release(world, one.event)
    world.say(AMIRA, "STOP", forwarded=True)
    assert world.check(AMIRA).reason == "held_unclear"
    assert len(held(world)) == 1


@pytest.mark.parametrize("marketing", [True, False])
def test_an_operator_may_find_that_it_was_a_stop_and_the_person_is_told(world: World, marketing: bool) -> None:
    world.join(AMIRA, "JOIN ALL")
    world.say(AMIRA, "STOP", forwarded=True)
    world.work()
    said = stop(world, held(world)[0].event, marketing=marketing)
    assert said.confirmation == "owed"
    assert world.check(AMIRA).verdict == "deny"
    assert world.check(AMIRA, "orders").allowed is marketing
    assert len(world.work()) == 1
    assert held(world) == []


def test_the_persons_own_answer_empties_the_queue(world: World) -> None:
    for who, button in ((AMIRA, 0), (BRUNO, 1)):
        world.join(who)
        world.say(who, "STOP", forwarded=True)
        world.tap(who, world.question().button(button))
    assert held(world) == []
    assert (world.check(AMIRA).reason, world.check(BRUNO).reason) == ("stopped_all", "granted")
