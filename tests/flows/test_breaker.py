"""The breaker: stops that providers report hold at once, and implausibly many of them are held up to an operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sayso.core.purposes import ANY, EVERYTHING, Cell
from sayso.errors import EvidenceMissing, ProviderError
from sayso.flows import breaker, opt_out, preferences
from sayso.flows.links import Link
from sayso.flows.record import person_by_id
from sayso.ports import DAY
from sayso.store.base import Tx
from tests.cast import AMIRA, BRUNO, Player
from tests.flows.listing import take_in, write
from tests.stores import build, open_kind
from tests.world import HandClock, World, declaration


def crowd(count: int) -> list[Player]:
    """People with numbers kept for fiction."""
    return [Player(f"P{place}", f"+447700900{place:03d}") for place in range(count)]


def held(world: World) -> list[breaker.Tripped]:
    return world.store.read(lambda tx: breaker.tripped(tx, world.workspace.id))


def release(world: World, clerk: str = "Olga") -> int:
    return world.store.write(lambda tx: breaker.release(tx, world.kit, world.workspace, "shop", clerk))


def report(world: World, who: Player) -> None:
    """Twilio refuses to send to them: it says that they stopped everything."""
    def work(tx: Tx) -> None:
        person = person_by_id(tx, world.workspace.id, world.person(who))
        assert person is not None
        opt_out.refused(tx, world.kit, world.workspace, person, "stopped_all", "shop", code=21610)

    world.store.write(work)


@pytest.fixture
def small(database: tuple[str, str], clock: HandClock) -> Any:
    """A business whose breaker trips at the fourth."""
    opened = open_kind(*database, clock)
    yield build(opened, clock, declaration(policy={"breaker_least": 3}))
    opened.close()


def test_twenty_stops_in_ten_minutes_are_believed_and_the_next_trips_the_breaker(lone_world: World) -> None:
    world, people = lone_world, crowd(21)
    for one in people[:20]:
        world.native(one, "stop")
    assert held(world) == []
    world.native(people[20], "stop")
    (tripped,) = held(world)
    assert (tripped.sender, tripped.stops) == ("shop", 21)
    assert all(world.check(one).reason == "stopped_on_whatsapp" for one in people)


def test_stops_that_come_slowly_never_trip_it(small: World) -> None:
    for one in crowd(8):
        small.native(one, "stop")
        small.clock.go(300)
    assert held(small) == []


def test_one_in_ten_of_those_messaged_is_plausible(small: World) -> None:
    people = crowd(60)

    def messaged(tx: Any) -> None:
        for place in range(60):
            tx.run("add_handed_over", ws=small.workspace.id, mac=bytes([place]) * 16, person=f"per_{place}", permit="",
                   request="", now=tx.now())

    small.store.write(messaged)
    for one in people[:6]:
        small.native(one, "stop")
    assert held(small) == []
    small.native(people[6], "stop")
    assert held(small)[0].stops == 7


def test_a_release_lifts_what_was_reported_and_nothing_that_was_said(small: World) -> None:
    for who in (AMIRA, BRUNO):
        small.join(who)
    people = [AMIRA, BRUNO, *crowd(3)]
    for one in people:
        small.native(one, "stop")
    small.say(BRUNO, "STOP")
    small.work()
    with pytest.raises(EvidenceMissing):
        release(small, " ")
    assert release(small) == 5
    assert release(small) == 0
    assert small.check(AMIRA).reason == "granted"
    assert small.check(BRUNO).reason == "stopped_all"
    assert small.check(people[-1]).reason == "no_consent"
    fact = next(fact for fact in small.history(AMIRA) if fact["type"] == "provider_stop_released")
    assert fact["cause"]
    assert fact["evidence"] == {"clerk": "Olga"}
    small.native(AMIRA, "stop")  # a new one is a new one
    assert small.check(AMIRA).reason == "stopped_on_whatsapp"
    assert small.sound()


def test_a_confirmed_stop_stands_and_asks_no_more(small: World) -> None:
    small.join(AMIRA)
    for one in (AMIRA, *crowd(3)):
        small.native(one, "stop")
    assert small.store.write(lambda tx: breaker.confirm(tx, small.workspace.id, "shop")) == 4
    assert (held(small), release(small)) == ([], 0)
    assert small.check(AMIRA).reason == "stopped_on_whatsapp"


def test_21610_in_bulk_trips_it_and_a_release_gives_back_only_what_was_granted(small: World) -> None:
    small.join(AMIRA)
    for one in (AMIRA, *crowd(4)):
        small.say(one, "JOIN ALL")
        small.wire.fail = [ProviderError("no", provider_code=21610, outcome="stopped_all")]
        small.work()
    assert small.check(AMIRA).reason == "stopped_all"
    assert held(small)[0].stops == 5
    release(small)
    assert small.check(AMIRA).reason == "granted"
    assert small.check(AMIRA, "orders").verdict == "deny"
    assert small.sound()


def test_typed_stops_never_trip_it_and_cannot_be_released(small: World) -> None:
    people = crowd(9)
    for one in people:
        small.say(one, "STOP")
    assert (held(small), release(small)) == ([], 0)
    assert all(small.check(one).reason == "stopped_all" for one in people)


def test_the_breaker_can_be_switched_off_and_is_said_once_in_the_ledger(
        database: tuple[str, str], clock: HandClock) -> None:
    opened = open_kind(*database, clock)
    for least, trips in ((0, 0), (3, 1)):
        world = build(opened, clock, declaration(f"acme{least}", f"10654035224{least}922",
                                                 policy={"breaker_least": least}))
        for one in crowd(6):
            world.native(one, "stop")
        world.work()
        assert tripped_facts(world) == trips
    opened.close()




def tripped_facts(world: World) -> int:
    rows = world.store.read(lambda tx: tx.rows("leaves_from", ws=world.workspace.id, place=0, limit=1000))
    return sum(b"breaker_tripped" in bytes(row[5]) for row in rows)


@pytest.mark.parametrize("way", ["page", "switch", "list"])
def test_a_no_said_under_a_reported_one_outlives_its_release(small: World, tmp_path: Path, way: str) -> None:
    small.join(AMIRA)
    people = crowd(24)
    for one in people:
        small.say(one, "hello")
    for one in (AMIRA, *people):
        report(small, one)
    now = small.kit.now()
    link = Link(small.workspace.id, small.person(AMIRA), "preferences", now, now + DAY, expired=False)
    if way == "list":
        take_in(small, write(tmp_path, [(AMIRA.phone,)], ("phone",)), stop_list=True, wording="")
    else:
        cell = EVERYTHING if way == "page" else Cell("offers", ANY, ANY)
        small.store.write(lambda tx: preferences.stop(tx, small.kit, small.workspace, link, cell=cell))
    assert release(small)
    assert not small.check(AMIRA).allowed
    assert small.check(people[0]).reason != "stopped_all"
