"""What flows may expect of a store, the same for both databases (the docstrings of `store/base.py`)."""

from __future__ import annotations

import os
import threading
import traceback
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sayso.errors import SaysoError, Unavailable
from sayso.store.base import Store, Transient, Tx
from tests.stores import HandClock, open_kind, rows_of


class Oops(SaysoError):
    """What a piece of work raises in these tests."""


def put(tx: Tx, name: str, value: str = "1") -> None:
    tx.run("set_meta", name=name, value=value)


def got(store: Store, name: str) -> str | None:
    row = store.read(lambda tx: tx.row("meta", name=name))
    return row[0] if row else None


def test_a_write_is_there_for_whoever_looks_next(store: Store) -> None:
    assert store.write(lambda tx: put(tx, "a")) is None
    assert got(store, "a") == "1"
    assert store.snapshot(lambda tx: tx.row("meta", name="a")) == ("1",)


def test_a_piece_of_work_that_fails_leaves_nothing(store: Store) -> None:
    def work(tx: Tx) -> None:
        put(tx, "a")
        raise Oops

    with pytest.raises(Oops):
        store.write(work)
    assert got(store, "a") is None


def test_work_that_fails_does_not_touch_what_waits_beside_it(store: Store) -> None:
    def work(number: int, tx: Tx) -> int:
        put(tx, f"n{number}")
        if number % 3 == 0:
            raise Oops
        return number

    futures = [store.submit(lambda tx, number=number: work(number, tx)) for number in range(30)]  # type: ignore[misc]
    for number, future in enumerate(futures):
        if number % 3 == 0:
            assert isinstance(future.exception(timeout=30), Oops)
        else:
            assert future.result(timeout=30) == number
        assert (got(store, f"n{number}") is None) == (number % 3 == 0)


def test_a_savepoint_fails_alone(store: Store) -> None:
    def work(tx: Tx) -> str:
        put(tx, "before")
        try:
            with tx.savepoint():
                put(tx, "inside")
                raise Oops
        except Oops:
            put(tx, "after")
        with tx.savepoint():
            put(tx, "second")
        return "done"

    assert store.write(work) == "done"
    assert [got(store, name) for name in ("before", "inside", "after", "second")] == ["1", None, "1", "1"]


def test_a_transient_failure_goes_through_a_savepoint_and_nothing_is_stored(store: Store) -> None:
    tries = []

    def work(tx: Tx) -> None:
        tries.append(1)
        put(tx, "a")
        with tx.savepoint():
            raise Transient("the database, not the item")

    with pytest.raises(Unavailable):
        store.write(work)
    assert got(store, "a") is None
    assert tries


def test_a_row_that_is_there_already_is_counted_as_no_change(store: Store) -> None:
    changed = store.write(lambda tx: [tx.run("see_message", ws="w", mac=b"m") for _ in range(3)])
    assert changed == [1, 0, 0]
    assert store.write(lambda tx: tx.run("see_message", ws="w", mac=b"m")) == 0
    assert store.write(lambda tx: tx.run("set_lang", ws="w", person="nobody", lang="en")) == 0


def test_many_rows_are_written_in_one_go(store: Store) -> None:
    store.write(lambda tx: tx.run_many("add_leaf", ({"ws": "w", "place": n, "event": f"e{n}"} for n in range(500))))
    assert store.read(lambda tx: tx.row("tree_size", ws="w")) == (500,)
    store.write(lambda tx: tx.run_many("add_leaf", []))
    assert store.read(lambda tx: tx.row("tree_size", ws="w")) == (500,)


def test_values_come_back_as_they_went_in(store: Store) -> None:
    big, text = bytes(range(256)), "ünïcødé 🎉 '; drop table meta; --"
    store.write(lambda tx: tx.run("add_event", ws="w", event=text, person="", type="t", at=2**62, body=big))
    found = store.read(lambda tx: tx.rows("event", ws="w", event=text))
    assert [(bytes(body), person) for body, person in found] == [(big, "")]


def test_no_update_is_lost_between_writers(store: Store) -> None:
    store.write(lambda tx: tx.run("add_person", ws="w", person="p", lang="", wrapped=b"", standing=b"0", now=1))

    def rise(tx: Tx) -> None:
        row = tx.row("person_locked", ws="w", person="p")
        assert row is not None
        tx.run("set_standing", ws="w", person="p", standing=str(int(bytes(row[2])) + 1).encode(), rise=1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.write(rise), range(80)))
    row = store.read(lambda tx: tx.row("person", ws="w", person="p"))
    assert row is not None
    assert (row[1], bytes(row[2])) == (80, b"80")


def test_two_who_add_the_same_row_both_succeed_and_one_of_them_finds_it(store: Store) -> None:
    together = threading.Barrier(4)

    def once(event: str, number: int) -> str:
        together.wait()

        def work(tx: Tx) -> str:
            row = tx.row("opening", ws="w", event=event)
            if row is not None:
                return str(row[1])
            tx.run("add_opening", ws="w", event=event, person=f"p{number}", sealed=b"")
            return f"p{number}"

        return store.write(work)

    with ThreadPoolExecutor(4) as pool:
        for event in ("one", "two", "three", "four", "five"):
            assert len(set(pool.map(once, [event] * 4, range(4)))) == 1


def test_a_result_is_handed_out_only_after_the_commit(store: Store) -> None:
    seen = []
    for number in range(20):
        store.write(lambda tx, number=number: put(tx, f"n{number}"))  # type: ignore[misc]
        seen.append(any(row[0] == f"n{number}" for row in rows_of(store, "meta")))
    assert all(seen)


def test_what_is_not_committed_is_seen_by_nobody_else(store: Store) -> None:
    def work(tx: Tx) -> list[tuple[str, str]]:
        put(tx, "a")
        return [row for row in rows_of(store, "meta") if row[0] == "a"]

    assert store.write(work) == []


def test_a_snapshot_sees_one_moment_and_a_read_the_newest(store: Store) -> None:
    store.write(lambda tx: put(tx, "a", "old"))
    with ThreadPoolExecutor(1) as pool:

        def look(tx: Tx) -> list[object]:
            first = tx.row("meta", name="a")
            pool.submit(store.write, lambda other: put(other, "a", "new")).result(30)
            return [first, tx.row("meta", name="a")]

        assert store.snapshot(look) == [("old",), ("old",)]
        store.write(lambda tx: put(tx, "a", "old"))
        assert store.read(look) == [("old",), ("new",)]


def test_closing_finishes_what_waits_and_takes_nothing_more(database: tuple[str, str]) -> None:
    store = open_kind(*database, None)
    futures = [store.submit(lambda tx, n=n: put(tx, f"n{n}")) for n in range(20)]  # type: ignore[misc]
    store.close()
    assert [future.result(timeout=1) for future in futures] == [None] * 20
    with pytest.raises(Unavailable):
        store.write(lambda tx: put(tx, "late"))
    again = open_kind(*database, None)
    assert got(again, "n19") == "1"
    assert got(again, "late") is None
    again.close()


def test_who_submits_while_the_store_closes_gets_an_answer(database: tuple[str, str]) -> None:
    for _ in range(3):
        store = open_kind(*database, None)
        store.write(lambda tx: put(tx, "a"))
        with ThreadPoolExecutor(4) as pool:
            answers = [pool.submit(_outcomes, store) for _ in range(4)]
            store.close()
            outcomes = {outcome for answer in answers for outcome in answer.result(timeout=20)}
        assert outcomes <= {"stored", "refused"}


def _outcomes(store: Store) -> list[str]:
    return [_outcome(store) for _ in range(50)]


def _outcome(store: Store) -> str:
    try:
        store.submit(lambda tx: put(tx, "b")).result(timeout=10)
    except Unavailable:
        return "refused"
    return "stored"


def test_a_database_closed_and_opened_again_is_the_same(database: tuple[str, str]) -> None:
    for number in range(3):
        store = open_kind(*database, None)
        store.write(lambda tx, number=number: put(tx, f"n{number}"))  # type: ignore[misc]
        assert [got(store, f"n{each}") for each in range(3)] == ["1"] * (number + 1) + [None] * (2 - number)
        store.close()


def test_several_may_open_an_empty_database_at_once(empty_database: tuple[str, str]) -> None:
    together = threading.Barrier(6)

    def start(number: int) -> str:
        together.wait()
        store = open_kind(*empty_database, None)
        try:
            store.write(lambda tx: put(tx, f"n{number}"))
        finally:
            store.close()
        return "started"

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(start, range(6))) == ["started"] * 6
    store = open_kind(*empty_database, None)
    assert [got(store, f"n{number}") for number in range(6)] == ["1"] * 6
    store.close()


def test_a_child_process_reads_and_writes_and_its_parent_goes_on(store: Store) -> None:
    store.write(lambda tx: put(tx, "parent"))
    assert got(store, "parent") == "1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of threads at a fork; that is the test
        child = os.fork()
    if child == 0:
        code = 1
        try:
            assert got(store, "parent") == "1"
            store.write(lambda tx: put(tx, "child"))
            assert got(store, "child") == "1"
            code = 0
        except BaseException:  # noqa: BLE001 - the child must never return into the test run
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert got(store, "child") == "1"
    store.write(lambda tx: put(tx, "after"))
    assert got(store, "after") == "1"


def test_the_clock_is_the_one_that_was_given(database: tuple[str, str], tmp_path: Path) -> None:
    clock = HandClock()
    store = open_kind(*database, clock)
    assert store.read(lambda tx: tx.now()) == clock.time
    clock.go(5)
    assert store.write(lambda tx: tx.now()) == clock.time
    store.close()


def test_the_databases_own_clock_runs_forward_in_microseconds(store: Store) -> None:
    first, second = store.read(lambda tx: tx.now()), store.write(lambda tx: tx.now())
    assert 0 < second - first < 60_000_000
    assert 1_700_000_000_000_000 < first < 4_000_000_000_000_000
