"""`sayso verify`: what is changed behind Sayso's back is found and named, and an untouched database never blamed."""

from __future__ import annotations

import dataclasses
import random
import re
from typing import Any

import apsw
import pytest

from sayso.core import identity
from sayso.flows import people, rights
from sayso.ports import SECOND, Ports
from sayso.store.sqlite import SqliteStore
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World, run_sql

#: Bytes flipped in each kind of row.
FLIPS = 12
#: Something that an operator can look up.
NAMED = re.compile(r"\S{28,}|[Ll]eaf \d+|checkpoint|node")


@pytest.fixture
def told(lone_world: World) -> World:
    """A business with a past: joins, stops, a change of number, a merge, an erasure."""
    world = lone_world
    for who in (AMIRA, BRUNO, DANA):
        world.join(who)
    world.say(BRUNO, "STOP")
    world.work()
    world.say(CHEN, "hello")
    world.moved(AMIRA.addresses[:1], CHEN.addresses)
    world.work()
    world.join(BRUNO, "START")
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, DANA.address, how="api"))
    world.work()
    assert world.verify().problems == []
    return world


def reads(world: World, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    assert isinstance(world.store, SqliteStore)
    connection = apsw.Connection(world.store._path)
    try:
        return list(connection.execute(sql, values))
    finally:
        connection.close()


def blamed(world: World) -> str:
    """What verification says of a changed database: one sentence that names something."""
    problems = world.verify().problems
    assert problems, "the change was not found"
    assert NAMED.search(problems[0]), problems[0]
    return problems[0]


def flipped(world: World, table: str, column: str, *, where: str = "1") -> None:
    """Flip bytes of one column, one at a time, row by row; each must be found, and the row put back is clean."""
    chance = random.Random(20_261_123)
    rows = reads(world, f"select {KEYS[table]}, {column} from {table} where {where} and length({column}) > 0")
    assert rows
    for _ in range(FLIPS):
        key, value = chance.choice(rows)
        raw = bytearray(value.encode() if isinstance(value, str) else value)
        raw[chance.randrange(len(raw))] ^= 1
        changed = bytes(raw).decode() if isinstance(value, str) else bytes(raw)
        change = f"update {table} set {column} = ? where {KEYS[table]} = ?"
        run_sql(world.store, change, changed, key)
        blamed(world)
        run_sql(world.store, f"update {table} set {column} = ? where {column} = ?", value, changed)
    assert world.verify().problems == []


#: What tells one row of a table from another.
KEYS = {
    "events": "event_id", "openings": "event_id", "nodes": "level * 1000 + place", "checkpoints": "size",
    "people": "person_id", "addresses": "hex(mac) || person_id", "suppressions": "hex(mac) || event_id",
    "leaves": "leaf_index",
}  # fmt: skip


@pytest.mark.parametrize(("table", "column"), [
    ("events", "body"), ("events", "type"), ("events", "person_id"), ("openings", "sealed"), ("openings", "person_id"),
    ("nodes", "hash"), ("checkpoints", "note"), ("checkpoints", "root"), ("leaves", "event_id"),
    ("people", "standing"), ("addresses", "mac"), ("addresses", "person_id"), ("addresses", "kind"),
    ("addresses", "state"), ("suppressions", "mac"), ("suppressions", "event_id"),
])  # fmt: skip
def test_every_byte_that_was_changed_is_found_and_named(told: World, table: str, column: str) -> None:
    where = "erased_at = 0 and root_id = person_id" if table == "people" else "1"
    flipped(told, table, column, where=where)
    assert told.verify().problems == []


@pytest.mark.parametrize("table", ["events", "openings", "nodes", "leaves", "people", "addresses", "suppressions"])
def test_every_row_that_was_removed_is_missed(told: World, table: str) -> None:
    chance = random.Random(7)
    where = "erased_at = 0 and root_id = person_id" if table == "people" else "1"
    rows = reads(told, f"select {KEYS[table]}, * from {table} where {where}")
    for key, *row in chance.sample(rows, min(6, len(rows))):
        run_sql(told.store, f"delete from {table} where {KEYS[table]} = ?", key)
        blamed(told)
        run_sql(told.store, f"insert into {table} values ({','.join('?' * len(row))})", *row)
    assert told.verify().problems == []


def test_the_newest_checkpoint_cannot_be_taken_away(told: World) -> None:
    run_sql(told.store, "delete from checkpoints where size = (select max(size) from checkpoints)")
    assert "checkpoint" in blamed(told)


def test_a_forged_event_a_forged_address_and_a_forged_no_are_found(told: World) -> None:
    ws, amira, bruno = told.workspace.id, told.person(AMIRA.addresses[1]), told.person(BRUNO)
    copied = "select workspace_id, 'evt_forged', person_id, type, occurred_at, body from events where type = 'said_yes'"
    address = "person_id, kind, state, mac_key, sealed, event_id from addresses limit 1"
    standing = f"(select standing from people where person_id = '{amira}')"
    forgeries = [
        (f"insert into events {copied} limit 1", "delete from events where event_id = 'evt_forged'"),
        (f"insert into addresses select workspace_id, x'0011', {address}", "delete from addresses where mac = x'0011'"),
        (f"insert into suppressions values ('{ws}', x'00', 1, 1, 'evt_x')",
         "delete from suppressions where mac = x'00'"),
        (f"update people set standing = {standing} where person_id = '{bruno}'", ""),
    ]
    for forge, undo in forgeries:
        run_sql(told.store, forge)
        assert told.verify().problems != [], forge
        if undo:
            run_sql(told.store, undo)
            assert told.verify().problems == []


def test_a_number_handed_to_somebody_who_agreed_is_found(told: World) -> None:
    told.say(BRUNO, "STOP")
    told.work()
    amira, bruno = told.person(AMIRA.addresses[1]), told.person(BRUNO)
    run_sql(told.store, "update addresses set person_id = ? where person_id = ?", amira, bruno)
    assert told.check(BRUNO).reason == "granted"  # this is what the forger wanted
    assert amira in blamed(told) or bruno in blamed(told)


def test_a_lowered_epoch_is_found(told: World) -> None:
    run_sql(told.store, "update people set epoch = 0 where person_id = ?", told.person(BRUNO))
    assert told.person(BRUNO) in blamed(told)


def test_an_erasure_undone_or_made_up_in_the_row_is_found(told: World) -> None:
    run_sql(told.store, "update people set erased_at = 0")
    assert "erasure" in blamed(told)
    run_sql(told.store, "update people set erased_at = 5")
    assert "erasure" in blamed(told)


def test_evidence_taken_from_somebody_who_was_not_erased_is_missed(told: World) -> None:
    run_sql(told.store, "delete from openings where person_id = ?", told.person(BRUNO))
    assert "no erasure explains it" in blamed(told)


def test_a_changed_time_of_a_suppression_is_found(told: World) -> None:
    run_sql(told.store, "update suppressions set at = 1")
    assert "erasure" in blamed(told)


def test_text_that_is_no_text_is_named_and_no_crash(told: World) -> None:
    run_sql(told.store, "update checkpoints set note = cast(x'fffe' as text)")
    assert told.verify().problems != []


def test_the_report_counts_what_it_looked_at(told: World) -> None:
    report = told.verify()
    stored = reads(told, "select count(*) from events")[0][0]
    assert report.events == stored
    assert report.waiting == 0
    assert report.people == 3  # Amira took over the number of Chen
    assert report.erased_openings > 0
    assert report.checkpoints == reads(told, "select count(*) from checkpoints")[0][0]
    assert report.root == bytes(reads(told, "select root from checkpoints order by size desc limit 1")[0][0]).hex()


def test_an_address_that_two_people_had_is_not_blamed_at_the_end_of_a_page(
    told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.say(AMIRA, "hello", addresses=AMIRA.addresses[:1])  # somebody else has the number she moved away from
    told.work()
    monkeypatch.setattr("sayso.flows.verify.PAGE", 1)
    assert told.verify().problems == []
    assert told.verify().addresses == len(reads(told, "select 1 from addresses"))


@pytest.mark.parametrize("moves", [1, 2])
def test_a_clock_set_back_between_a_link_and_a_leaving_blames_nobody_and_hides_nothing(
    lone_world: World, moves: int
) -> None:
    world, new = lone_world, identity.phone("+447700900999")
    first, last = [AMIRA.addresses[0], new][::1 if moves == 1 else -1]
    world.say(AMIRA, "hello")
    ws, old, to = world.workspace.id, AMIRA.addresses[:1], (new,)
    for _ in range(moves):  # each on a machine of its own: the ledger's order is that of its clock
        world.clock.time -= 60 * SECOND
        other = dataclasses.replace(world.kit, ports=Ports(world.clock))
        world.store.write(lambda tx, kit=other, old=old, to=to: people.number_changed(  # type: ignore[misc]
            tx, kit, ws, old, to, occurred_at=world.clock.time, clock="meta"))
        old, to = to, old
    assert world.sound()
    assert (world.check(first).reason, world.check(last).reason) == ("moved_away", "no_consent")
    rows = reads(world, "select hex(mac), state from addresses")
    for mac, state in rows:
        other_state = "former" if state == "current" else "current"
        run_sql(world.store, "update addresses set state = ? where hex(mac) = ?", other_state, mac)
        blamed(world)
        run_sql(world.store, "update addresses set state = ? where hex(mac) = ?", state, mac)
    assert world.verify().problems == []


def test_events_that_wait_for_their_leaf_count_too(told: World) -> None:
    told.say(AMIRA, "STOP")
    report = told.verify()
    assert report.problems == []
    assert report.waiting > 0


@pytest.mark.parametrize("seed", range(6))
def test_an_untouched_database_is_never_blamed(lone_world: World, seed: int) -> None:
    world, chance = lone_world, random.Random(seed)
    cast = [AMIRA, BRUNO, CHEN, DANA]
    loose = [address for who in cast for address in who.addresses]
    for _ in range(60):
        who, late = chance.choice(cast), world.clock.time - chance.randrange(0, 600) * 1_000_000
        at = late if chance.random() < 0.3 else None
        act = chance.randrange(12)
        if act < 5:
            words = chance.choice(["JOIN", "STOP", "START", "yes", "no", "hello", "HELP", "JOIN ALL"])
            mine = chance.sample(who.addresses, chance.randrange(1, len(who.addresses) + 1))
            world.say(who, words, at=at, addresses=mine, forwarded=chance.random() < 0.1)
        elif act == 5 and world.wire.letters:
            letter = chance.choice(world.wire.letters)
            world.tap(who, letter.button(chance.randrange(2)) if letter.asks else "sayso:yes:evt_x", at=at)
        elif act == 6:
            world.native(who, chance.choice(["stop", "resume"]), at=at)
        elif act == 7:
            old, new = chance.sample(loose, 2)
            world.moved([old], [new], at=at)
        elif act == 8:
            world.opt_out(chance.choice(loose), chance.choice([world.cell(), world.cell("orders")]))
        elif act == 9 and world.check(who).person:
            world.store.write(lambda tx, who=who: rights.erase(  # type: ignore[misc]
                tx, world.kit, world.workspace.id, who.address, how="api"))
        elif act == 10:
            world.clock.go(chance.choice([5, 61, 400, 90_000]))
        else:
            world.work()
    assert world.sound()
