"""Asking, and what counts as a yes: the life of an opt-in (design section 3) on both databases."""

from __future__ import annotations

from tests.cast import AMIRA
from tests.stores import World


def test_a_word_and_a_tap_make_a_grant_of_exactly_what_the_notice_named(world: World) -> None:
    assert world.check(AMIRA).reason == "unknown_person"
    world.join(AMIRA)
    assert world.check(AMIRA).reason == "granted"
    assert world.check(AMIRA, "orders").reason == "no_consent"
    assert world.check(AMIRA, "offers", "desk").reason == "no_consent"
    assert world.sound()
