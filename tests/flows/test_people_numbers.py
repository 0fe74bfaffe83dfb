"""A number that somebody else has by now, and what is still under way of who left it: nobody becomes somebody else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sayso.channels.base import ContactCard
from sayso.core import identity
from sayso.core.identity import Address
from sayso.flows import people
from tests.cast import AMIRA, BRUNO, CHEN, Player
from tests.stores import World
from tests.world import NUMBER_ID

PHONE, USER_ID = AMIRA.addresses
NEW_PHONE = identity.phone("+447700900999")
STRANGER = identity.bsuid("GB.7777STRANGER")
BY_NUMBER = Player("", PHONE.value)


def handed_on(world: World, *, known_by: Sequence[Address] = (PHONE, USER_ID),
              then: Sequence[Address] = (PHONE,)) -> int:
    """Amira moves away from her number, and somebody else writes from it. When she still had it."""
    world.say(AMIRA, "hello", addresses=known_by)
    before = world.stamp()
    world.clock.go(60)
    world.moved([PHONE], [NEW_PHONE])
    world.clock.go(60)
    world.say(AMIRA, "hello", addresses=then)
    return before


@pytest.mark.parametrize("known_by", [(PHONE, USER_ID), (PHONE,)])
@pytest.mark.parametrize("then", [(PHONE,), (PHONE, STRANGER)])
def test_a_late_message_makes_who_left_a_number_no_one_with_who_has_it(
    world: World, known_by: Sequence[Address], then: Sequence[Address]
) -> None:
    before = handed_on(world, known_by=known_by, then=then)
    amira, other = world.person(NEW_PHONE), world.person(PHONE)
    world.say(AMIRA, "hello", addresses=(PHONE, USER_ID), at=before)
    assert world.person(USER_ID) == world.person(NEW_PHONE) == amira
    assert world.person(PHONE) == world.person(then[-1]) == other != amira
    assert world.sound()


def test_a_late_yes_of_who_left_the_number_is_theirs_alone(world: World) -> None:
    world.say(AMIRA, "JOIN")
    asked = world.question().button(0)
    before = handed_on(world)
    world.tap(AMIRA, asked, at=before)
    assert world.check(NEW_PHONE).reason == world.check(USER_ID).reason == "granted"
    assert not world.check(PHONE).allowed
    assert world.sound()


def test_a_late_stop_of_who_left_the_number_reaches_both_and_a_later_yes_of_the_other_stands(world: World) -> None:
    before = handed_on(world)
    world.say(AMIRA, "STOP", addresses=(PHONE, USER_ID), at=before)
    assert world.check(NEW_PHONE).reason == world.check(PHONE).reason == "stopped_all"
    world.work()
    world.clock.go(60)
    world.join(BY_NUMBER)
    world.say(AMIRA, "STOP", addresses=(PHONE, USER_ID), at=before + 1_000_000)
    assert world.check(PHONE).reason == "granted"
    assert world.check(USER_ID).reason == "stopped_all"
    assert world.sound()


def test_of_all_who_left_a_number_a_late_message_is_of_who_had_it_then(world: World) -> None:
    before = handed_on(world)
    elsewhere = identity.phone("+447700900888")
    world.moved([PHONE], [elsewhere])  # the next one leaves it too
    world.say(AMIRA, "STOP", addresses=(PHONE,), at=before)
    assert world.person(elsewhere) != world.person(NEW_PHONE)
    assert world.check(NEW_PHONE).reason == "stopped_all"
    assert world.sound()


def test_a_late_contact_card_makes_two_people_no_one(world: World) -> None:
    before = handed_on(world)
    world.deliver(ContactCard(sender_ref=NUMBER_ID, key=("message", "card"), at=before, message_id="card",
                              addresses=(USER_ID,), card=(PHONE,)))
    assert world.person(PHONE) != world.person(USER_ID)
    assert world.sound()


@pytest.mark.parametrize("codes", [(), (131050,)])
def test_a_late_receipt_of_a_message_nobody_knows_makes_two_people_no_one(
    world: World, codes: tuple[int, ...]
) -> None:
    before = handed_on(world)
    world.status("wamid.of.another", "failed" if codes else "read", *codes, addresses=(PHONE, USER_ID),
                 at=before if codes else None)
    assert world.person(PHONE) != world.person(USER_ID)
    assert world.check(NEW_PHONE).reason == world.check(PHONE).reason == (
        "stopped_on_whatsapp" if codes else "no_consent")
    assert world.sound()


def test_who_had_the_new_number_before_is_not_taken_for_who_wrote_from_it_since(world: World) -> None:
    world.say(BRUNO, "hello")
    world.say(CHEN, "hello")
    world.clock.go(86_400)
    moved = world.stamp()
    world.clock.go(3600)
    written = world.stamp()
    world.clock.go(3600)
    world.moved(CHEN.addresses, [BRUNO.address], at=moved)  # told of two hours late
    world.say(CHEN, "hello", addresses=(BRUNO.address, STRANGER), at=written)
    assert world.person(STRANGER) == world.person(BRUNO.address) != world.person(BRUNO.addresses[1])
    assert world.sound()


# -- an address is linked and left by turns ----------------------------------------------------------------------------


def test_a_number_left_long_ago_is_not_left_again(world: World) -> None:
    new_id, newer_id = identity.bsuid("GB.8888NEW"), identity.bsuid("GB.9999NEWER")
    world.say(AMIRA, "hello")
    world.moved([PHONE, USER_ID], [NEW_PHONE, new_id])
    world.moved([PHONE, new_id], [newer_id])
    world.moved([NEW_PHONE], [PHONE])
    assert world.types(PHONE).count("address_left") == 3
    assert world.person(PHONE) == world.person(newer_id)
    assert world.sound()


def test_what_another_webhook_linked_meanwhile_is_not_linked_again(world: World) -> None:
    world.say(AMIRA, "hello", addresses=(USER_ID,))
    ws, kit = world.workspace.id, world.kit
    for _ in range(2):  # the second one looked before the first had written, then waited for the row
        person = world.store.write(lambda tx: people._link(
            tx, kit, ws, people._existing(tx, kit, ws, [world.person(USER_ID)]), (PHONE,), "webhook"))
    assert person.id == world.person(PHONE)
    assert world.types(PHONE).count("address_linked") == 2
    assert world.sound()


def test_who_wrote_from_the_new_number_before_its_late_report_is_the_same_person_although_our_clock_is_behind(
    world: World,
) -> None:
    world.say(AMIRA, "STOP", addresses=(PHONE,))
    moved = world.stamp() + 120_000_000  # the provider's clock is ahead of ours
    world.say(AMIRA, "hello", addresses=(NEW_PHONE, USER_ID), at=moved + 20_000_000)
    world.moved([PHONE], [NEW_PHONE], at=moved)
    assert world.person(NEW_PHONE) == world.person(USER_ID)
    assert world.check(USER_ID).reason == "stopped_all"
    assert world.sound()


def test_a_merge_keeps_since_when_a_number_was_theirs(world: World) -> None:
    world.say(AMIRA, "STOP", addresses=(PHONE,))
    moved = world.stamp()
    world.clock.go(30)
    world.say(AMIRA, "hello", addresses=(USER_ID,))
    world.say(AMIRA, "hello", addresses=(NEW_PHONE,))
    world.say(AMIRA, "hello", addresses=(NEW_PHONE, USER_ID))
    world.moved([PHONE], [NEW_PHONE], at=moved)
    assert world.person(NEW_PHONE) == world.person(USER_ID)
    assert world.check(USER_ID).reason == "stopped_all"
    assert world.sound()
