"""The promises of the design, each against everything that could break it: nothing turns a no into a yes by accident,
no message follows an acknowledged stop, unknown means deny, and order and repetition do not matter.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from sayso.channels.base import Inbound
from sayso.errors import SaysoError
from sayso.flows import opt_in, rights
from sayso.flows.permits import Redeemed
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import CODE, World, build, open_kind

DAY = 86_400
Act = Callable[[World, Player], object]


def ask(world: World, who: Player) -> object:
    return world.store.write(lambda tx: opt_in.ask(
        tx, world.kit, world.workspace, who.address, world.workspace.entry("website"), evidence={"page": "form"}))


def erase(world: World, who: Player) -> object:
    return world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, who.address, how="api"))


#: Everything that can happen to somebody short of a proven yes: what they say, what is reported of them, what is asked.
ACTS: dict[str, Act] = {
    "chat": lambda world, who: world.say(who, "hello, where is my order?"),
    "a bare yes": lambda world, who: world.say(who, "yes"),
    "a thumb": lambda world, who: world.say(who, "👍"),
    "help": lambda world, who: world.say(who, "HELP"),
    "start": lambda world, who: world.say(who, "START"),
    "the keyword": lambda world, who: world.say(who, "JOIN"),
    "the phrase": lambda world, who: world.say(who, f"Hi Acme [{CODE}]"),
    "a picture": lambda world, who: world.show(who),
    "a made-up yes": lambda world, who: world.tap(who, "sayso:yes:evt_01J00000000000000000000000"),
    "a made-up keep": lambda world, who: world.tap(who, "sayso:keep:evt_01J00000000000000000000000"),
    "a forwarded yes": lambda world, who: world.say(who, "yes", forwarded=True),
    "an edited join": lambda world, who: world.say(who, "JOIN", edited=True),
    "a native resume": lambda world, who: world.native(who, "resume"),
    "the api asks": ask,
    "another stop": lambda world, who: world.say(who, "STOP"),
    "a narrow stop": lambda world, who: world.opt_out(who, world.cell("orders")),
    "a number changed": lambda world, who: world.moved(who.addresses[:1], [CHEN.address]),
    "a merge": lambda world, who: world.say(who, "hi", addresses=[*who.addresses, *DANA.addresses]),
    "a delivery": lambda world, who: world.status("wamid.x", "delivered", addresses=who.addresses),
    "a failure": lambda world, who: world.status("wamid.y", "failed", 131049, addresses=who.addresses),
    "time": lambda world, who: world.clock.go(40 * DAY),
    "the worker": lambda world, who: world.work(),
    "a yes stamped long ago": lambda world, who: world.say(who, "yes", at=world.clock.time - DAY * 1_000_000),
}  # fmt: skip


def all_of(who: Player) -> list[Player]:
    return [Player(who.name, phone) for phone in (who.phone, CHEN.phone) if phone] + [
        Player(who.name, "", user_id) for user_id in (who.user_id,) if user_id]


def allowed(world: World, who: Player) -> list[str]:
    """For which purposes somebody at any address of theirs may be messaged, service aside."""
    return [f"{player.address.kind}:{purpose}" for player in all_of(who) for purpose in ("offers", "orders", "trial")
            if world.check(player, purpose).allowed]


@pytest.mark.parametrize("act", ACTS)
def test_nothing_but_a_proven_yes_lifts_a_stop(world: World, act: str) -> None:
    world.join(AMIRA, "JOIN ALL")
    world.say(AMIRA, "STOP")
    world.work()
    ACTS[act](world, AMIRA)
    world.work()
    assert allowed(world, AMIRA) == []
    assert world.sound()


@pytest.mark.parametrize("seed", range(4))
def test_no_sequence_of_acts_without_a_proven_yes_lifts_a_stop(lone_world: World, seed: int) -> None:
    world, chance = lone_world, random.Random(seed)
    world.join(AMIRA, "JOIN ALL")
    world.say(AMIRA, "STOP")
    world.work()
    proven = {"a bare yes"}  # after a START it would be one: the question went out and this is the first thing said
    names = [name for name in ACTS if name not in proven]
    for _ in range(30):
        ACTS[chance.choice(names)](world, AMIRA)
        assert allowed(world, AMIRA) == []
    assert world.sound()


def test_a_stopped_person_is_sent_nothing_but_answers_to_what_they_do(lone_world: World) -> None:
    world = lone_world
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.work()
    before = len(world.wire.letters)
    for name in ("a native resume", "the api asks", "a delivery", "a failure", "time", "the worker"):
        ACTS[name](world, AMIRA)
        world.work()
    assert len(world.wire.letters) == before


@pytest.mark.parametrize("order", range(6))
def test_the_same_messages_in_any_order_end_in_the_same_consents(
    database: tuple[str, str], order: int, world: World
) -> None:
    """Delivered as they were said, and shuffled with repetitions: the folded consents are the same."""
    chance = random.Random(order)
    world.say(AMIRA, "JOIN")
    prompt = world.question()
    messages: list[Inbound] = [
        world.text(AMIRA, "hello"), world.text(AMIRA, "STOP"), world.text(AMIRA, "nice shop"),
        world.text(AMIRA, "yes", context_id=prompt.message_id), world.text(AMIRA, "STOP PLEASE"),
        world.text(AMIRA, "👍", context_id=prompt.message_id),
    ]  # fmt: skip
    shuffled = messages * 2
    chance.shuffle(shuffled)
    for message in shuffled:
        world.deliver(message)
    assert world.check(AMIRA).reason == "granted"
    assert world.check(AMIRA, "orders").reason == "stopped_all"
    assert world.types(AMIRA).count("said_stop") == 2
    assert world.sound()


def test_no_message_follows_an_acknowledged_stop_however_it_was_on_its_way(world: World) -> None:
    world.join(AMIRA)
    issued = [world.permit(AMIRA).id for _ in range(3)]
    redeemed = world.permit(AMIRA).id
    assert isinstance(world.redeem(redeemed), Redeemed)
    said = world.opt_out(AMIRA)
    assert said.silent_by > 0
    for permit in issued:
        assert not isinstance(world.redeem(permit), Redeemed)
    world.done(redeemed, "sent", message_id="wamid.last")
    last = len(world.wire.letters)
    world.work()
    assert len(world.wire.letters) == last + 1  # the confirmation, and it is the last thing handed over
    world.clock.go(DAY)
    assert world.work() == []


def test_a_yes_exists_only_with_its_wording_and_evidence_and_both_survive_a_stop(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.work()
    yes = next(line for line in world.history(AMIRA) if line["type"] == "said_yes")
    assert yes["facts"]["notice_hash"] == world.workspace.notices["join"].hash("en")
    assert yes["evidence"]["message_id"]
    request = next(line for line in world.history(AMIRA) if line["type"] == "opt_in_requested")
    assert request["evidence"]["text"] == "JOIN"
    assert yes["cause"] == request["id"]


def test_a_rebuilt_system_on_the_same_database_says_the_same(database: tuple[str, str], world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    world.work()
    store = open_kind(*database, world.clock)
    again = build(store, world.clock, vault=world.kit.vault)
    assert [again.check(who).reason for who in (AMIRA, BRUNO, CHEN)] == ["granted", "stopped_all", "unknown_person"]
    assert again.sound()
    store.close()


def test_asking_about_anything_unknown_is_an_error_or_a_deny(world: World) -> None:
    world.join(AMIRA)
    for purpose, sender in (("nothing", "shop"), ("offers", "nobody"), ("*", "*")):
        with pytest.raises(SaysoError):
            world.check(AMIRA, purpose, sender)
    assert not world.check(CHEN).allowed


def test_a_deny_is_falsy_and_an_allow_is_true(world: World) -> None:
    world.join(AMIRA)
    assert world.check(AMIRA)
    assert not world.check(CHEN)
