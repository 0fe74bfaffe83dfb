"""Opting out: recorded at once, confirmed once and only after the drain, lifted by nothing but a later proven yes."""

from __future__ import annotations

import pytest

from sayso.core.purposes import ALL_MARKETING, EVERYTHING, Cell
from sayso.errors import InvalidRequest, ProviderError, UnknownPurpose, UnknownSender
from sayso.flows import opt_out
from sayso.worker import outbox
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import World, declaration, settle_in

STOPPED = "You will no longer get"


def confirmations(world: World) -> int:
    """How many stop confirmations were handed to the provider."""
    return sum("will send you no more" in letter.body or STOPPED in letter.body for letter in world.wire.letters)


# -- by word -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["STOP", "stop.", "Stop!!", " unsubscribe ", "BAJA", "стоп", "S T O P", "stop stop"])
def test_a_stop_in_any_spelling_stops_everything_at_once(lone_world: World, word: str) -> None:
    world = lone_world
    world.join(AMIRA)
    world.say(AMIRA, word)
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.check(AMIRA, "orders", "desk").reason == "stopped_all"
    assert world.standing(AMIRA).stops[-1].cell == EVERYTHING


def test_somebody_who_never_spoke_can_say_stop_and_is_answered_once(world: World) -> None:
    world.say(CHEN, "STOP")
    world.say(CHEN, "stop!!")
    world.work()
    world.say(CHEN, "STOP")
    world.work()
    assert confirmations(world) == 1
    assert world.check(CHEN).reason == "stopped_all"
    assert world.types(CHEN).count("said_stop") == 3
    assert world.sound()


def test_the_same_message_three_times_is_one_stop(world: World) -> None:
    world.join(AMIRA)
    stop = world.text(AMIRA, "STOP")
    assert [world.deliver(stop).done for _ in range(3)] == [1, 0, 0]
    again = world.deliver(stop, stop)
    assert (again.done, again.repeated) == (0, 2)
    assert world.types(AMIRA).count("said_stop") == 1


def test_the_confirmation_waits_until_nothing_can_follow_it(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    assert world.redeem(permit.id)
    world.say(AMIRA, "STOP")
    assert world.work() == []
    world.clock.go(0.2)
    assert world.work() == []
    world.done(permit.id, "sent", message_id="wamid.theirs")
    world.clock.go(0.1)
    assert len(world.work()) == 1
    assert confirmations(world) == 1


def test_a_sender_that_never_reports_delays_the_confirmation_by_its_lease_and_no_longer(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.say(AMIRA, "STOP")
    waited = 0.0
    while not world.work():
        world.clock.go(0.05)
        waited += 0.05
        assert waited < 3
    assert 1.4 < waited <= 2.6
    assert confirmations(world) == 1


def test_a_confirmation_that_waited_long_is_still_tried_again_when_the_provider_stumbles(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.say(AMIRA, "STOP")
    for _ in range(20):
        assert world.work() == []
        world.clock.go(0.06)
    world.wire.fail = [ProviderError("later", provider_code=131000, retry=True)]
    world.done(permit.id, "aborted")
    world.clock.go(1)
    assert world.work() == []
    world.clock.go(10)
    world.work()
    assert confirmations(world) == 1


def test_the_confirmation_is_the_last_thing_said(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "HELP")
    world.say(BRUNO, "JOIN")
    prompt = world.question()
    world.say(AMIRA, "help")
    world.clock.go(601)
    world.say(AMIRA, "HELP")
    world.tap(BRUNO, prompt.button(1))
    for who in (AMIRA, BRUNO):
        world.say(who, "STOP")
    letters = world.work()
    for who in (AMIRA, BRUNO):
        mine = [letter.body for letter in letters if letter.to == who.address]
        assert mine
        assert "no more messages" in mine[-1]
        assert len(mine) == 1


def test_a_stop_calls_off_the_question_that_waits(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.say(AMIRA, "STOP")
    letters = world.work()
    assert [letter.asks for letter in letters] == [False]
    assert ("prompt", "cancelled", "overtaken") in world.outbox()


def test_a_workspace_may_want_no_confirmations(lone_world: World) -> None:
    world = lone_world
    settle_in(world.system, declaration(policy={"confirm_stops": False}))
    world.workspace = world.system.workspace()
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    assert world.work() == []
    assert world.check(AMIRA).reason == "stopped_all"


# -- coming back -------------------------------------------------------------------------------------------------------


def test_start_after_stop_opens_nothing_by_itself(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.work()
    world.say(AMIRA, "START")
    assert not world.check(AMIRA).allowed
    prompt = world.work()[-1]
    assert not world.check(AMIRA).allowed
    world.tap(AMIRA, prompt.button(0))
    assert world.check(AMIRA).reason == "granted"
    assert world.check(AMIRA, "orders").reason == "stopped_all"
    assert world.sound()


def test_a_stop_after_coming_back_is_news_again(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.work()
    world.join(AMIRA, "START")
    world.say(AMIRA, "STOP")
    world.work()
    assert confirmations(world) == 2


def test_a_start_in_the_same_second_as_the_stop_is_a_stop(world: World) -> None:
    world.join(AMIRA)
    at = world.stamp()
    world.say(AMIRA, "STOP", at=at)
    world.say(AMIRA, "START", at=at)
    world.say(AMIRA, "yes", at=at)
    assert all(not letter.asks for letter in world.work())
    assert world.check(AMIRA).reason == "stopped_all"


def test_a_late_yes_that_is_older_than_the_stop_changes_nothing(world: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.work()[-1]
    older = world.stamp()
    world.say(AMIRA, "STOP")
    world.work()
    world.tap(AMIRA, prompt.button(0), at=older)
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.work() == []
    assert world.sound()


def test_a_late_stop_that_is_older_than_the_yes_changes_nothing_and_confirms_nothing(world: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.work()[-1]
    older = world.stamp()
    world.tap(AMIRA, prompt.button(0))
    world.work()
    world.say(AMIRA, "STOP", at=older)
    assert world.check(AMIRA).reason == "granted"
    assert world.work() == []
    assert world.sound()


# -- unclear, forwarded, edited ----------------------------------------------------------------------------------------


def test_a_forwarded_stop_holds_and_asks(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)
    assert world.check(AMIRA).reason == "held_unclear"
    question = world.work()[-1]
    world.say(AMIRA, "STOP", forwarded=True)
    assert world.work() == []  # asked already
    world.tap(AMIRA, question.button(1), "No, keep them")
    assert world.check(AMIRA).reason == "granted"
    assert len(world.work()) == 1
    assert world.sound()


def test_the_question_about_a_hold_can_be_answered_with_stop(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)
    world.tap(AMIRA, world.work()[-1].button(0), "Yes, stop")
    assert world.check(AMIRA).reason == "stopped_all"
    assert [("no more messages" in letter.body) for letter in world.work()] == [True]


def test_a_hold_is_released_by_nobody_elses_button(world: World) -> None:
    world.join(AMIRA)
    world.join(BRUNO)
    for who in (AMIRA, BRUNO):
        world.say(who, "STOP", forwarded=True)
    questions = {letter.to: letter for letter in world.work()}
    world.tap(BRUNO, questions[AMIRA.address].button(1))
    world.tap(BRUNO, "sayso:keep:evt_01J00000000000000000000000")
    assert world.check(AMIRA).reason == world.check(BRUNO).reason == "held_unclear"


def test_somebody_who_came_back_is_asked_about_a_new_doubt_too(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.join(AMIRA, "START")
    world.say(AMIRA, "STOP", forwarded=True)
    assert world.question().asks
    world.join(AMIRA, "JOIN ALL")  # a new yes settles the doubt
    assert world.check(AMIRA).reason == "granted"
    world.say(AMIRA, "STOP", forwarded=True)
    assert world.check(AMIRA).reason == "held_unclear"
    assert world.question().asks


def test_a_held_person_still_gets_what_is_no_marketing(world: World) -> None:
    world.join(AMIRA, "JOIN ALL")
    world.say(AMIRA, "STOP", forwarded=True)
    assert (world.check(AMIRA).verdict, world.check(AMIRA, "orders").verdict) == ("deny", "allow")


# -- by api, for less than everything ----------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [AMIRA, CHEN, DANA])
def test_an_opt_out_by_api_holds_even_for_somebody_never_heard_of(world: World, who: Player) -> None:
    said = world.opt_out(who)
    assert said.changed
    assert said.silent_by == 0
    assert world.check(who).reason == "stopped_all"
    assert not world.opt_out(who).changed
    assert world.work() == []
    assert world.sound()


def test_a_person_of_the_last_day_is_told_about_an_opt_out_by_api(world: World) -> None:
    world.join(AMIRA)
    world.opt_out(AMIRA, world.cell())
    assert [STOPPED in letter.body for letter in world.work()] == [True]


@pytest.mark.parametrize(("cell", "offers", "orders"), [
    (Cell("offers", "*", "*"), "stopped", "granted"), (Cell("*", "shop", "*"), "stopped", "stopped"),
    (ALL_MARKETING, "stopped", "granted"), (Cell("*", "desk", "*"), "granted", "granted"),
])  # fmt: skip
def test_a_narrow_stop_leaves_the_rest(lone_world: World, cell: Cell, offers: str, orders: str) -> None:
    world = lone_world
    world.join(AMIRA, "JOIN ALL")
    world.opt_out(AMIRA, cell)
    assert (world.check(AMIRA).reason, world.check(AMIRA, "orders").reason) == (offers, orders)


def test_a_stop_with_a_typo_in_it_is_refused_and_stops_not_silently_nothing(world: World) -> None:
    for wrong, error in (({"purpose": "ofers"}, UnknownPurpose), ({"sender": "shp"}, UnknownSender),
                         ({"cls": "marketng"}, InvalidRequest)):  # fmt: skip
        with pytest.raises(error):
            opt_out.scope(world.workspace, **wrong)
    assert opt_out.scope(world.workspace) == EVERYTHING
    assert opt_out.scope(world.workspace, "offers", "shop", "marketing") == world.cell()


def test_an_api_opt_out_is_acknowledged_once_nothing_is_under_way(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    said = world.opt_out(AMIRA)
    assert said.silent_by == world.clock.time + 2_500_000
    assert not world.store.read(lambda tx: opt_out.drained(tx, world.workspace.id, said.people))
    world.clock.go(2.5)
    assert world.store.read(lambda tx: opt_out.drained(tx, world.workspace.id, said.people))


# -- whatsapp's own stop -----------------------------------------------------------------------------------------------


def test_the_native_stop_and_resume_touch_nothing_but_each_other(world: World) -> None:
    world.join(AMIRA, "JOIN ALL")
    world.native(AMIRA, "stop")
    assert (world.check(AMIRA).reason, world.check(AMIRA, "orders").reason) == ("stopped_on_whatsapp", "granted")
    world.native(AMIRA, "resume")
    assert world.check(AMIRA).reason == "granted"
    world.say(AMIRA, "STOP")
    world.native(AMIRA, "stop")
    world.native(AMIRA, "resume")
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.sound()


def test_a_resume_that_arrives_before_its_older_stop_still_lifts_it(world: World) -> None:
    world.join(AMIRA)
    older, newer = world.stamp(), world.stamp()
    world.native(AMIRA, "resume", at=newer)
    world.native(AMIRA, "stop", at=older)
    assert world.check(AMIRA).reason == "granted"
    world.native(AMIRA, "stop", at=newer)
    assert world.check(AMIRA).reason == "stopped_on_whatsapp"


@pytest.mark.parametrize(("code", "reason"), [
    (131050, "stopped_on_whatsapp"), (131049, "granted"), (130472, "granted"), (131026, "granted"), (0, "granted"),
])  # fmt: skip
def test_of_all_failures_only_131050_is_a_stop(world: World, code: int, reason: str) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.done(permit.id, "sent", message_id="wamid.campaign")
    world.status("wamid.campaign", "failed", code)
    world.status("wamid.campaign", "failed", code)
    assert world.check(AMIRA).reason == reason
    assert world.types(AMIRA).count("delivery_failed") == 1


def test_131050_for_a_message_we_never_saw_stops_whoever_it_names(world: World) -> None:
    world.status("wamid.unknown", "failed", 131050, addresses=CHEN.addresses)
    assert world.check(CHEN).reason == "stopped_on_whatsapp"


def test_131050_as_the_answer_to_our_own_question_is_the_same_stop(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.wire.fail = [ProviderError("stopped", provider_code=131050, outcome="opted_out")]
    world.work()
    assert world.standing(AMIRA).native != ()
    assert world.check(AMIRA).reason == "stopped_on_whatsapp"
    assert world.sound()


def test_a_native_stop_of_one_sender_can_be_kept_to_it(lone_world: World) -> None:
    world = lone_world
    settle_in(world.system, declaration(policy={"native_scope": "sender"}))
    world.workspace = world.system.workspace()
    world.join(AMIRA)
    world.native(AMIRA, "stop", sender="desk")
    assert world.check(AMIRA).reason == "granted"
    world.native(AMIRA, "stop", sender="shop")
    assert world.check(AMIRA).reason == "stopped_on_whatsapp"


# -- clocks and former holders -----------------------------------------------------------------------------------------


def test_a_clock_set_back_hides_no_message_under_way(lone_world: World) -> None:
    world = lone_world
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.clock.time -= 5_000_000
    said = world.opt_out(AMIRA)
    assert said.silent_by > 0
    world.done(permit.id, "sent", message_id="wamid.late")
    assert world.store.read(lambda tx: opt_out.drained(tx, world.workspace.id, said.people))


def test_a_drain_that_a_clock_set_back_makes_long_is_not_looked_at_every_moment(world: World) -> None:
    world.join(AMIRA)
    world.redeem(world.permit(AMIRA).id)  # and its sender dies
    said_at = world.stamp()
    world.clock.time -= 60_000_000
    world.say(AMIRA, "STOP", at=said_at)
    assert world.work() == []
    world.clock.go(0.9)
    assert world.store.write(outbox.claim) == []
    world.clock.go(0.1)
    assert len(world.store.write(outbox.claim)) == 1
    world.clock.go(62)
    assert len(world.work()) == 1  # and it is confirmed once the drain is over


def test_a_stop_from_a_number_somebody_left_waits_for_that_person_too(world: World) -> None:
    world.join(AMIRA)
    old = AMIRA.addresses[0]
    moved = Player("Amira", "+447700900999")
    world.moved([old], [moved.address])
    permit = world.permit(moved)
    world.redeem(permit.id)
    said = world.opt_out(old)
    assert said.silent_by > 0
    assert len(said.others) == 1
    world.done(permit.id, "sent", message_id="wamid.x")
    assert world.store.read(lambda tx: opt_out.drained(tx, world.workspace.id, said.people))
    assert world.check(moved).reason == "stopped_all"


def test_a_confirmation_that_a_newer_yes_overtook_is_not_sent(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.clock.go(2)
    world.say(AMIRA, "JOIN")
    letters = [row for row in world.outbox() if row[0]]
    assert letters
    world.tap(AMIRA, world.question().button(0))
    before = confirmations(world)
    world.work()
    assert world.check(AMIRA).reason == "granted"
    assert confirmations(world) == before


def test_nothing_held_up_before_a_stop_is_said_after_it(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)  # a question is owed, and a worker that is slow has it in hand
    [claim] = world.store.write(outbox.claim)
    world.say(AMIRA, "STOP")
    [confirmation] = world.work()
    assert not confirmation.asks
    ended = outbox.work(world.store, world.kit, world.system.directory.by_id, world.wire.send, claim)
    assert (ended, world.wire.letters[-1]) == ("settled", confirmation)


def test_help_asked_for_before_a_stop_is_not_given_after_it(world: World) -> None:
    world.say(AMIRA, "HELP")
    [claim] = world.store.write(outbox.claim)
    world.say(AMIRA, "STOP")
    world.work()
    before = len(world.wire.letters)
    outbox.work(world.store, world.kit, world.system.directory.by_id, world.wire.send, claim)
    assert len(world.wire.letters) == before
    world.clock.go(11 * 60)
    world.say(AMIRA, "HELP")
    assert len(world.work()) == 1  # asked for after it
