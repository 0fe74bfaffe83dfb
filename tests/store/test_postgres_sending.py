"""PostgreSQL's own ways of sending: ahead of the answer, and prepared where no pooler stands between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from sayso.errors import Unavailable
from sayso.store import postgres
from sayso.store.base import Tx
from sayso.store.postgres import PostgresStore, plain_inserts
from tests.postgres import fresh_database

WS = "wrk_1"


@pytest.fixture
def store(postgres_url: str) -> Iterator[PostgresStore]:
    with fresh_database(postgres_url) as url:
        store = PostgresStore(url)
        yield store
        store.close()


def person(tx: Tx, name: str) -> None:
    tx.run("add_person", ws=WS, person=name, lang="en", wrapped=b"w", standing=b"s", now=1)


def people(store: PostgresStore) -> list[str]:
    return [row[0] for row in store.read(lambda tx: tx.rows("all_people", ws=WS, after="", limit=100))]


def test_only_inserts_of_exactly_one_row_are_sent_ahead() -> None:
    assert {"add_event", "add_person", "add_unintegrated", "add_opening"} <= plain_inserts()
    assert not {"see_message", "add_address", "enqueue", "set_standing", "person"} & plain_inserts()


def test_an_insert_that_fails_fails_all_of_its_work_although_nobody_waited_for_it(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "TRIES", 2)

    def twice(tx: Tx) -> None:
        person(tx, "per_1")
        person(tx, "per_2")
        person(tx, "per_2")

    with pytest.raises(Unavailable):
        store.write(twice)
    assert people(store) == []
    store.write(lambda tx: person(tx, "per_3"))
    assert people(store) == ["per_3"]


def test_an_insert_that_fails_is_noticed_by_what_is_asked_next(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(postgres, "TRIES", 1)
    seen: list[Any] = []

    def twice(tx: Tx) -> None:
        person(tx, "per_1")
        person(tx, "per_1")
        seen.append(tx.rows("all_people", ws=WS, after="", limit=9))

    with pytest.raises(Unavailable):
        store.write(twice)
    assert seen == []


def test_what_was_sent_ahead_is_seen_by_the_same_work_and_counted_right(store: PostgresStore) -> None:
    def work(tx: Tx) -> tuple[int, int]:
        person(tx, "per_1")
        found = len(tx.rows("all_people", ws=WS, after="", limit=9))
        person(tx, "per_2")
        return found, tx.run("set_lang", ws=WS, person="per_2", lang="es")

    assert store.write(work) == (1, 1)


def test_a_part_that_fails_takes_only_its_own_inserts_along(store: PostgresStore) -> None:
    def work(tx: Tx) -> None:
        person(tx, "per_1")
        with suppress(ZeroDivisionError), tx.savepoint():
            person(tx, "per_2")
            raise ZeroDivisionError
        person(tx, "per_3")

    store.write(work)
    assert people(store) == ["per_1", "per_3"]


def test_work_that_fails_leaves_a_connection_that_works(store: PostgresStore) -> None:
    def work(tx: Tx) -> None:
        person(tx, "per_1")
        raise ZeroDivisionError

    for _ in range(20):  # more than there are connections
        with pytest.raises(ZeroDivisionError):
            store.write(work)
    store.write(lambda tx: person(tx, "per_2"))
    assert people(store) == ["per_2"]


@pytest.mark.parametrize(("shown", "prepares"), [(4711, True), (815, False)])
def test_statements_are_prepared_only_where_no_pooler_stands_between(
    monkeypatch: pytest.MonkeyPatch, shown: int, prepares: bool,
) -> None:
    answer = SimpleNamespace(fetchone=lambda: (4711,))
    connection: Any = SimpleNamespace(execute=lambda *_: answer, info=SimpleNamespace(backend_pid=shown),
                                      prepare_threshold="as it came")
    monkeypatch.setattr(postgres, "_check_settings", lambda _: None)
    postgres._configure(connection)
    assert connection.prepare_threshold == (postgres.PREPARE_AFTER if prepares else None)


def test_a_direct_connection_prepares(store: PostgresStore) -> None:
    for place in range(4):
        store.write(lambda tx, place=place: person(tx, f"per_{place}"))  # type: ignore[misc]
    with store._connection() as connection:
        assert connection.prepare_threshold == postgres.PREPARE_AFTER
        assert connection.execute("select count(*) from pg_prepared_statements").fetchone()[0] >= 1  # type: ignore[index]
