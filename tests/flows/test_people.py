"""Identity: one address stops them all, a merge keeps the stricter state, a number changed away keeps its no."""

from __future__ import annotations

import pytest

from sayso.channels.base import NativePreference
from sayso.core import identity
from sayso.core.identity import Address
from sayso.flows import rights
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import World, rows_of
from tests.world import NUMBER_ID

NEW_PHONE = identity.phone("+447700900999")
NEW_USER_ID = identity.bsuid("GB.9999NEW")
PHONE, USER_ID = AMIRA.addresses
BRAZIL = Player("Bia", "+5511987654321")
BRAZIL_OLD = Player("Bia", "+551187654321")


def by(world: World, *addresses: Address, words: str = "hello") -> None:
    world.say(AMIRA, words, addresses=addresses)


# -- one person, several addresses -------------------------------------------------------------------------------------


def test_a_stop_from_one_address_covers_every_address(world: World) -> None:
    world.join(AMIRA)
    assert world.check(USER_ID).reason == "granted"
    by(world, USER_ID, words="STOP")
    assert world.check(PHONE).reason == world.check(USER_ID).reason == "stopped_all"


def test_dana_without_a_phone_can_join_and_leave(world: World) -> None:
    world.join(DANA)
    assert world.check(DANA).reason == "granted"
    world.say(DANA, "STOP")
    assert world.check(DANA).reason == "stopped_all"
    assert world.sound()


def test_both_spellings_of_a_brazilian_number_are_one_person(world: World) -> None:
    world.join(BRAZIL)
    assert world.wire.last.to.dial == BRAZIL.phone
    assert world.check(BRAZIL_OLD).reason == "granted"
    world.say(BRAZIL_OLD, "STOP")
    assert world.check(BRAZIL).reason == "stopped_all"
    assert world.person(BRAZIL) == world.person(BRAZIL_OLD)


def test_a_send_response_that_names_a_user_id_links_it(world: World) -> None:
    world.join(CHEN)
    permit = world.permit(CHEN)
    world.redeem(permit.id)
    world.done(permit.id, "sent", message_id="wamid.1", contacts=[*CHEN.addresses, NEW_USER_ID])
    by(world, NEW_USER_ID, words="STOP")
    assert world.check(CHEN).reason == "stopped_all"
    assert world.sound()


# -- two records, one person -------------------------------------------------------------------------------------------


def test_a_payload_that_names_both_joins_two_records_and_the_stop_wins(world: World) -> None:
    by(world, USER_ID, words="STOP")
    by(world, PHONE, words="JOIN")
    world.tap(Player("", PHONE.value), world.question().button(0))
    assert world.check(PHONE).reason == "granted"
    by(world, PHONE, USER_ID)
    assert world.check(PHONE).reason == world.check(USER_ID).reason == "stopped_all"
    assert world.person(PHONE) == world.person(USER_ID)
    assert world.sound()


def test_who_was_stopped_by_a_merge_can_say_yes_again(world: World) -> None:
    by(world, USER_ID, words="STOP")
    by(world, PHONE, words="JOIN")
    world.tap(Player("", PHONE.value), world.question().button(0))
    by(world, PHONE, USER_ID)
    world.work()
    world.join(AMIRA)
    assert world.check(USER_ID).reason == "granted"
    assert world.sound()


def test_a_merge_of_two_who_agreed_keeps_the_yes(world: World) -> None:
    by(world, PHONE, words="JOIN")
    world.tap(Player("", PHONE.value), world.question().button(0))
    by(world, USER_ID)
    by(world, PHONE, USER_ID)
    assert world.check(USER_ID).reason == "granted"
    assert world.sound()


def test_a_record_with_many_stops_merged_into_a_young_one_is_not_taken_for_tampering(world: World) -> None:
    by(world, PHONE)
    world.clock.go(5)
    for _ in range(4):
        by(world, USER_ID, words="STOP")
    by(world, PHONE, USER_ID)
    assert world.check(PHONE).reason == "stopped_all"
    assert world.sound()


def test_merges_of_merges_end_in_one_person_and_can_be_erased(world: World) -> None:
    third = identity.bsuid("GB.3333THIRD")
    for address in (PHONE, USER_ID, third):
        by(world, address, words="STOP")
        world.clock.go(5)
    by(world, USER_ID, third)
    by(world, PHONE, USER_ID)
    assert len({world.person(address) for address in (PHONE, USER_ID, third)}) == 1
    assert world.sound()
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, third, how="api"))
    assert {world.check(address).reason for address in (PHONE, USER_ID, third)} == {"suppressed"}
    assert world.sound()


def test_a_permit_of_a_record_that_was_merged_is_looked_at_again(world: World) -> None:
    by(world, PHONE, words="JOIN")
    world.tap(Player("", PHONE.value), world.question().button(0))
    permit = world.permit(Player("", PHONE.value))
    by(world, USER_ID, words="STOP")
    by(world, PHONE, USER_ID)
    answer = world.redeem(permit.id)
    assert getattr(answer, "reason", "redeemed") == "stopped_all"


# -- a number changes --------------------------------------------------------------------------------------------------


def test_what_stood_for_the_person_stands_for_the_new_number(world: World) -> None:
    world.join(AMIRA)
    world.moved([PHONE], [NEW_PHONE])
    assert world.check(NEW_PHONE).reason == "granted"
    assert world.check(PHONE).reason == "moved_away"
    assert world.check(USER_ID).reason == "granted"
    assert world.sound()


def test_a_stop_moves_along_with_the_number(world: World) -> None:
    world.say(BRUNO, "STOP")
    world.moved([BRUNO.address], [NEW_PHONE])
    assert world.check(NEW_PHONE).reason == "stopped_all"
    assert not world.check(BRUNO.address).allowed


def test_a_stop_from_the_former_number_still_counts_and_a_yes_from_it_never_does(world: World) -> None:
    world.join(AMIRA)
    world.moved([PHONE, USER_ID], [NEW_PHONE])
    by(world, PHONE, words="JOIN")
    world.tap(Player("", PHONE.value), world.question().button(0))
    assert world.person(PHONE) != world.person(NEW_PHONE)
    by(world, PHONE, words="STOP")
    assert world.check(NEW_PHONE).reason == "stopped_all"
    by(world, PHONE, words="JOIN")
    world.tap(Player("", PHONE.value), world.question().button(0))
    assert world.check(PHONE).reason == "granted"  # whoever has that number now
    assert world.check(NEW_PHONE).reason == "stopped_all"
    assert world.sound()


def test_a_change_without_a_phone_keeps_the_user_id(world: World) -> None:
    world.join(DANA)
    world.moved(DANA.addresses, [NEW_USER_ID])
    assert world.check(NEW_USER_ID).reason == "granted"
    assert world.check(DANA).reason == "moved_away"
    assert world.sound()


def test_a_change_of_a_number_nobody_knows_makes_a_record_and_grants_nothing(world: World) -> None:
    world.moved([PHONE], [NEW_PHONE])
    assert world.check(NEW_PHONE).reason == "no_consent"
    assert world.check(PHONE).reason == "unknown_person"


def test_moving_onto_a_number_that_said_stop_stops_the_person(world: World) -> None:
    world.join(AMIRA)
    by(world, NEW_PHONE, words="STOP")
    world.moved([PHONE], [NEW_PHONE])
    assert world.check(NEW_PHONE).reason == world.check(USER_ID).reason == "stopped_all"
    assert world.sound()


def test_moving_away_and_back_again_leaves_one_person_at_home(world: World) -> None:
    world.join(AMIRA)
    world.moved([PHONE], [NEW_PHONE])
    world.moved([NEW_PHONE], [PHONE])
    assert world.check(PHONE).reason == "granted"
    assert world.check(NEW_PHONE).reason == "moved_away"
    assert world.sound()


def test_a_letter_goes_to_where_the_person_is_now(world: World) -> None:
    world.join(AMIRA)
    world.moved([PHONE], [NEW_PHONE])
    by(world, NEW_PHONE, words="STOP")
    assert world.work()[-1].to == NEW_PHONE


# -- a no that outlived its person -------------------------------------------------------------------------------------


def erase(world: World, address: Address) -> None:
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, address, how="api"))


def test_an_erased_no_moves_along_with_a_change_of_number(world: World) -> None:
    world.say(CHEN, "STOP")
    erase(world, CHEN.address)
    world.moved(CHEN.addresses, [NEW_PHONE])
    assert world.check(NEW_PHONE).reason == "stopped_all"
    assert world.sound()


def test_learning_that_somebody_is_an_erased_no_stops_them_although_they_said_yes_since(world: World) -> None:
    by(world, PHONE, words="STOP")
    erase(world, PHONE)
    world.clock.go(3600)
    by(world, USER_ID, words="JOIN")
    world.tap(Player("", "", USER_ID.value), world.question().button(0))
    assert world.check(USER_ID).reason == "granted"
    by(world, PHONE, USER_ID)
    assert world.check(USER_ID).reason == "stopped_all"
    assert world.sound()


@pytest.mark.parametrize("word", ["JOIN", "START", "hello"])
def test_who_returns_after_erasure_finds_the_no_in_place_and_can_lift_it(world: World, word: str) -> None:
    world.join(AMIRA)
    erase(world, PHONE)
    world.clock.go(3600)
    world.say(AMIRA, word)
    assert world.types(AMIRA).count("suppression_restored") == 1  # one no, whichever of the addresses brings it
    assert not world.check(AMIRA).allowed
    world.work()
    world.clock.go(61)
    world.join(AMIRA)
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_an_address_is_stored_as_a_mac_and_a_sealed_spelling_alone(world: World) -> None:
    world.join(AMIRA)
    stored = repr(rows_of(world.store, "addresses"))
    assert "7700900123" not in stored
    assert USER_ID.value not in stored


# -- what was under way when somebody moved ----------------------------------------------------------------------------


def test_a_late_receipt_does_not_give_a_left_number_back(world: World) -> None:
    world.join(AMIRA)
    prompt = world.wire.letters[0].message_id
    world.moved([PHONE], [NEW_PHONE])
    world.status(prompt, "read", addresses=[PHONE, USER_ID])
    assert world.check(PHONE).reason == "moved_away"
    assert world.check(NEW_PHONE).reason == "granted"
    assert world.sound()


def test_a_late_receipt_does_not_merge_in_the_new_holder_of_a_left_number(world: World) -> None:
    world.join(AMIRA)
    prompt = world.wire.letters[0].message_id
    world.moved([PHONE, USER_ID], [NEW_PHONE, NEW_USER_ID])
    stranger = identity.bsuid("GB.7777STRANGER")
    by(world, PHONE, stranger)
    world.status(prompt, "read", addresses=[PHONE, USER_ID])
    assert world.check(stranger).reason == "no_consent"
    assert world.check(PHONE).reason == "no_consent"
    assert world.sound()


def test_a_late_message_from_before_the_move_is_the_movers_and_links_nothing(world: World) -> None:
    world.join(AMIRA)
    before = world.stamp(None)
    world.clock.go(60)
    world.moved([PHONE, USER_ID], [NEW_PHONE, NEW_USER_ID])
    world.say(AMIRA, "hello", addresses=(PHONE, USER_ID), at=before)
    assert world.check(PHONE).reason == "moved_away"
    world.say(AMIRA, "STOP", addresses=(PHONE, USER_ID), at=before + 1)
    assert world.check(NEW_PHONE).reason == "stopped_all"
    assert world.sound()


def test_moving_to_a_number_somebody_else_had_takes_over_their_no_and_gives_them_no_yes(world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    bruno_phone, bruno_id = BRUNO.addresses
    world.moved([PHONE, USER_ID], [bruno_phone, NEW_USER_ID])
    assert world.check(bruno_id).reason == "stopped_all"
    assert world.check(bruno_phone).reason in ("granted", "stopped_all")
    assert world.person(bruno_phone) != world.person(bruno_id)
    assert world.sound()


def test_a_late_native_stop_from_before_the_move_counts_although_somebody_has_the_number_now(world: World) -> None:
    world.join(AMIRA)
    left = world.stamp()
    world.moved([PHONE], [NEW_PHONE])
    by(world, PHONE, words="hello")  # somebody new has the old number
    world.clock.go(60)
    world.deliver(NativePreference(
        sender_ref=NUMBER_ID, key=("preference", "late"), at=left, addresses=(PHONE,), value="stop",
        category="marketing_messages"))
    assert world.check(NEW_PHONE).reason == "stopped_on_whatsapp"
    assert world.check(PHONE).reason == "stopped_on_whatsapp"
    assert world.sound()


def test_a_late_stop_from_before_the_move_counts_although_somebody_has_the_number_now(world: World) -> None:
    world.join(AMIRA)
    left = world.stamp()
    world.moved([PHONE], [NEW_PHONE])
    by(world, PHONE, words="hello")
    world.say(AMIRA, "STOP", addresses=(PHONE,), at=left)
    assert world.check(NEW_PHONE).reason == "stopped_all"


def test_who_wrote_from_the_new_number_before_its_webhook_came_is_the_same_person(world: World) -> None:
    world.join(AMIRA)
    moved = world.stamp()
    world.clock.go(3600)
    by(world, NEW_PHONE, NEW_USER_ID, words="STOP")
    world.moved([PHONE], [NEW_PHONE], at=moved)
    assert world.person(NEW_PHONE) == world.person(USER_ID)
    assert world.check(USER_ID).reason == world.check(NEW_PHONE).reason == "stopped_all"
    assert world.sound()


def test_who_got_the_new_number_long_after_the_move_is_somebody_else(world: World) -> None:
    world.join(AMIRA)
    moved = world.stamp()
    world.clock.go(60 * 86400)
    by(world, NEW_PHONE, NEW_USER_ID)
    world.moved([PHONE], [NEW_PHONE], at=moved)
    assert world.person(NEW_USER_ID) != world.person(USER_ID)
    assert world.check(NEW_USER_ID).reason == "no_consent"
    assert world.sound()
