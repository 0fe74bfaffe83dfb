"""Recording: the row the gate reads equals a replay of the facts, in whatever order they arrived."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sayso.core import events, lifecycle
from sayso.core.events import Event
from sayso.core.lifecycle import NOBODY, Standing, fold
from sayso.core.purposes import EVERYTHING
from sayso.flows.record import Person, person_by_id, settle
from sayso.store.base import Store, Tx
from sayso.store.sqlite import SqliteStore
from tests.cast import AMIRA, BRUNO
from tests.core.facts import HOUR, S, T, asked, fact, fact_sets, prompted, stop, yes
from tests.stores import World, rows_of, run_sql

_workspaces = itertools.count(1)


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path: Path = tmp_path_factory.mktemp("replay") / "sayso.db"
    store = SqliteStore(str(path), synchronous="OFF")
    yield store
    store.close()


def one_by_one(tx: Tx, facts: list[Event]) -> Standing:
    """Record each fact as it comes and let `settle` keep the row; what the row says in the end."""
    ws = f"wrk_{next(_workspaces)}"
    for name in ("per_a", "per_b"):
        tx.run("add_person", ws=ws, person=name, lang="", wrapped=b"", standing=lifecycle.encode(NOBODY), now=1)
    for each in facts:
        tx.run("add_event", ws=ws, event=each.id, person=each.person, type=each.type, at=each.occurred_at,
               body=events.encode(each))
        person = person_by_id(tx, ws, each.person)
        assert person is not None
        if each.type == "people_merged":
            person = join(tx, ws, person)
        settle(tx, ws, person, each)
    found = person_by_id(tx, ws, "per_a")
    assert found is not None
    return found.standing


def join(tx: Tx, ws: str, person: Person) -> Person:
    gone = person_by_id(tx, ws, "per_b")
    assert gone is not None
    tx.run("merge_people", ws=ws, into=person.id, gone=gone.id)
    both = lifecycle.with_windows(person.standing, gone.standing.windows)
    return Person(person.id, person.epoch, both, "", b"", erased=False)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=fact_sets(), chance=st.randoms(use_true_random=False))
def test_facts_in_any_order_leave_the_row_that_a_replay_gives(
    disk: Store, facts: list[Event], chance: random.Random
) -> None:
    arrived = list(facts)
    chance.shuffle(arrived)
    assert disk.write(lambda tx: one_by_one(tx, arrived)) == fold(facts)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=fact_sets(), cut=st.integers(0, 14))
def test_every_prefix_of_what_arrived_is_a_replay_too(disk: Store, facts: list[Event], cut: int) -> None:
    arrived = facts[:cut]
    if any(each.person == "per_b" for each in arrived) and arrived[-1].type != "people_merged":
        arrived = [each for each in arrived if each.person == "per_a"]
    assert disk.write(lambda tx: one_by_one(tx, arrived)) == fold(arrived)


def test_small_talk_that_arrives_late_takes_a_bare_yes_back(disk: Store) -> None:
    spoke = fact("spoke", T + 15 * S, facts={"inbound": "shop"})
    facts = [asked(T), prompted(T + 10 * S), yes(T + 20 * S, how="word"), spoke]
    assert fold(facts).grants == ()
    assert disk.write(lambda tx: one_by_one(tx, facts)) == fold(facts)


def test_small_talk_that_arrives_late_still_opens_its_window(disk: Store) -> None:
    facts = [asked(T), yes(T + 20 * S), fact("spoke", T + 15 * S, facts={"inbound": "desk"})]
    assert disk.write(lambda tx: one_by_one(tx, facts)) == fold(facts)


def test_a_fact_of_the_future_is_clamped_to_its_receipt(world: World) -> None:
    world.join(AMIRA)
    world.clock.go(1)
    world.say(AMIRA, "STOP", at=world.clock.time + 10 * HOUR)
    last = world.history(AMIRA)[-1]
    assert last["type"] == "said_stop"
    assert last["occurred_at"] == last["received_at"] == world.clock.time
    world.clock.go(60)
    world.say(AMIRA, "JOIN")  # a stop stamped in the future must not outlive a later yes
    world.tap(AMIRA, world.question().button(0))
    assert world.check(AMIRA).reason == "granted"


def test_a_fact_without_a_time_happened_when_it_was_received(world: World) -> None:
    world.say(AMIRA, "STOP", at=0)
    line = world.history(AMIRA)[-1]
    assert line["occurred_at"] == line["received_at"] == world.clock.time


def test_a_yes_without_a_time_lasts_as_long_as_any_other(world: World) -> None:
    world.say(AMIRA, "TRIAL")
    world.tap(AMIRA, world.question().button(0), at=0)
    assert world.check(AMIRA, "trial").reason == "granted"
    world.clock.go(31 * 86_400)
    assert world.check(AMIRA, "trial").reason == "expired"


def test_a_stop_is_recorded_although_an_older_fact_cannot_be_read(world: World) -> None:
    world.join(AMIRA)
    yes_id = next(line["id"] for line in world.history(AMIRA) if line["type"] == "said_yes")
    run_sql(world.store, "update events set body = ? where event_id = ?", b'{"v":2}', yes_id)
    assert world.say(AMIRA, "STOP").done == 1
    assert world.check(AMIRA).reason == "unreadable"
    assert "said_stop" in {row[3] for row in rows_of(world.store, "events")}


def test_a_row_that_cannot_be_read_denies_and_the_next_fact_mends_it(world: World) -> None:
    world.join(AMIRA)
    run_sql(world.store, "update people set standing = ?", b"\x00garbage")
    assert world.check(AMIRA).reason == "unreadable"
    world.say(AMIRA, "STOP")
    assert world.check(AMIRA).reason == "stopped_all"


def test_the_epoch_rises_with_every_fact_a_permit_must_not_miss(world: World) -> None:
    def epoch() -> int:
        return world.check(BRUNO).epoch

    world.join(BRUNO)
    before = epoch()
    world.show(BRUNO)
    assert epoch() == before
    for act in (lambda: world.native(BRUNO, "stop"), lambda: world.native(BRUNO, "resume"),
                lambda: world.say(BRUNO, "STOP"), lambda: world.opt_out(BRUNO)):  # fmt: skip
        before = epoch()
        act()
        assert epoch() > before


def test_a_stop_is_the_same_to_the_fold_and_to_the_flow() -> None:
    assert fold([stop(T, EVERYTHING)]).stops[0].cell == EVERYTHING
