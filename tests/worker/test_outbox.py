"""The outbox: at most one message each, tried again only if it surely was not sent, never after its deadline."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sayso.errors import NotConfigured, ProviderError
from sayso.worker import outbox
from sayso.worker.outbox import RETRY_AFTER
from tests.cast import AMIRA, BRUNO, DANA
from tests.stores import World, rows_of

RETRYABLE = ProviderError("later", provider_code=131000, retry=True)


def states(world: World, kind: str) -> list[tuple[str, str]]:
    return [(state, problem) for found, state, problem in world.outbox() if found == kind]


def test_a_message_surely_not_sent_is_tried_by_the_schedule_and_then_parked(world: World) -> None:
    world.say(AMIRA, "STOP")
    world.wire.fail = [RETRYABLE] * 10
    assert world.work() == []
    for wait in RETRY_AFTER:
        assert states(world, "stop_confirmation") == [("queued", "provider_error:131000")]
        left = len(world.wire.fail)
        world.clock.go(wait / 1_000_000 - 0.1)
        world.work()
        assert len(world.wire.fail) == left  # not before its time
        world.clock.go(0.1)
        world.work()
        assert len(world.wire.fail) == left - 1
    assert states(world, "stop_confirmation") == [("parked", "provider_error:131000")]
    world.clock.go(86_400)
    assert world.work() == []


def test_the_provider_may_ask_for_a_longer_wait(world: World) -> None:
    world.say(AMIRA, "STOP")
    world.wire.fail = [ProviderError("slow down", provider_code=130429, retry=True, retry_after_s=300)]
    world.work()
    world.clock.go(299)
    assert world.work() == []
    world.clock.go(1)
    assert len(world.work()) == 1


@pytest.mark.parametrize("retry", [False, True])
def test_a_message_that_may_have_been_sent_is_never_tried_again(world: World, retry: bool) -> None:
    world.say(AMIRA, "JOIN")
    world.wire.fail = [ProviderError("who knows", outcome="possibly_sent", retry=retry)]
    world.work()
    world.clock.go(86_400)
    world.work()
    assert states(world, "prompt") == [("parked", "possibly_sent")]
    assert not world.standing(AMIRA).pending[0].failed


def test_a_permanent_failure_is_parked_and_shown(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.wire.fail = [ProviderError("no such template", provider_code=132001)]
    world.work()
    assert states(world, "prompt") == [("parked", "provider_error:132001")]
    assert world.standing(AMIRA).pending[0].failed


def test_a_missing_token_waits_and_is_not_a_failure_of_the_person(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.wire.fail = [NotConfigured("no token")]
    world.work()
    assert states(world, "prompt") == [("queued", "not_configured:0")]
    world.clock.go(5)
    assert len(world.work()) == 1


def test_a_worker_that_dies_after_its_last_look_leaves_the_row_possibly_sent(world: World) -> None:
    world.say(AMIRA, "JOIN")

    def die() -> None:
        raise SystemExit

    world.wire.after_look = die
    with pytest.raises(SystemExit):
        world.work()
    world.wire.after_look = None
    assert world.work() == []  # it belongs to the dead one still
    world.clock.go(61)
    assert world.work() == []
    assert states(world, "prompt") == [("parked", "possibly_sent")]


def test_a_worker_that_dies_before_its_last_look_loses_nothing(world: World) -> None:
    world.say(AMIRA, "JOIN")
    assert len(world.store.write(outbox.claim)) == 1
    assert world.work() == []
    world.clock.go(61)
    assert len(world.work()) == 1


def test_a_write_that_would_begin_too_late_does_not_begin(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.wire.before = lambda: world.clock.go(2.1)
    assert world.work() == []
    assert states(world, "prompt") == [("queued", "permit_expired:0")]
    world.wire.before = None
    world.clock.go(10)
    assert len(world.work()) == 1
    assert "breach_suspected" not in world.types(AMIRA)


def test_a_stop_that_arrives_while_a_question_is_on_the_wire_is_confirmed_after_it(world: World) -> None:
    world.say(AMIRA, "JOIN")
    done: list[int] = []

    def stop_meanwhile() -> None:
        if not done:
            done.append(1)
            world.say(AMIRA, "STOP")

    world.wire.after_look = stop_meanwhile
    letters = world.work()
    world.wire.after_look = None
    world.clock.go(3)
    letters += world.work()
    assert [letter.asks for letter in letters] == [True, False]
    world.clock.go(80 * 3600)
    assert world.work() == []  # and no reminder of it
    assert world.sound()


@pytest.mark.parametrize("problem", [None, ProviderError("no", provider_code=131026)])
def test_a_failed_try_puts_nothing_back_that_a_stop_called_off(world: World, problem: ProviderError | None) -> None:
    """Somebody stops while the worker is frozen with their welcome, is told so, and comes back: they get the welcome to
    the new yes and not the old one too.
    """
    world.say(AMIRA, "JOIN")
    yes = world.question().button(0)
    world.tap(AMIRA, yes)
    [claim] = world.store.write(outbox.claim)

    def stopped_meanwhile() -> None:
        world.wire.before = None
        world.say(AMIRA, "STOP")
        world.clock.go(3)  # the deadline of the welcome is over
        [confirmation] = world.work()
        assert not confirmation.asks
        world.wire.fail = [problem]

    world.wire.before = stopped_meanwhile
    assert outbox.work(world.store, world.kit, world.system.directory.by_id, world.wire.send, claim) == "cancelled"
    assert states(world, "welcome") == [("cancelled", "overtaken")]
    world.tap(AMIRA, yes)
    world.clock.go(10)
    assert len(world.work()) == 1
    world.clock.go(86_400)
    assert [state for state, _ in states(world, "welcome")] == ["cancelled", "sent"]


def test_a_row_is_sent_by_one_of_many_workers(world: World) -> None:
    for number, who in enumerate((AMIRA, BRUNO, DANA)):
        world.say(who, "JOIN", message_id=f"wamid.{number}")
    workers = [world.worker() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda worker: worker.settle(), workers))
    assert sorted(letter.to.value for letter in world.wire.letters) == sorted(
        who.address.value for who in (AMIRA, BRUNO, DANA))


def test_every_message_of_its_own_is_a_permit_that_was_finished(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.work()
    permits = rows_of(world.store, "permits")
    assert [(row[5], row[8], row[14]) for row in permits] == [("consent", "done", "sent")] * 3


def test_what_the_answer_says_of_the_recipient_is_learnt(world: World) -> None:
    world.say(AMIRA, "JOIN", addresses=AMIRA.addresses[:1])
    world.wire.contacts = AMIRA.addresses
    world.work()
    assert world.check(AMIRA.addresses[1]).reason == "pending"


def test_the_outbox_holds_neither_an_address_nor_a_text(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP my number is +447700900123")
    stored = repr(rows_of(world.store, "outbox")) + repr(rows_of(world.store, "permits"))
    assert "7700900123" not in stored
    assert "GB.1349" not in stored
