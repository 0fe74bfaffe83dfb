"""A Sayso put together for a test, on both databases.

`store` is a fresh database of each kind, `system` a whole installation on it, `world` the same with words for what
people do. `lone_world` is SQLite only, for what cannot depend on the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from sayso.core.understanding import keeps_its_meaning
from sayso.core.workspace import Workspace
from sayso.flows import setup
from sayso.flows.kit import Kit
from sayso.flows.setup import Directory
from sayso.ports import Ports
from sayso.settings.config import parse
from sayso.store.base import Store
from sayso.store.postgres import PostgresStore
from sayso.store.sqlite import SqliteStore
from sayso.vault import Vault
from sayso.wiring import System, _replies, _words
from tests.postgres import fresh_database
from tests.world import (
    CODE,
    NOTICE,
    OTHER_NUMBER_ID,
    START,
    HandClock,
    Letter,
    Wire,
    World,
    declaration,
)

# -- building it -------------------------------------------------------------------------------------------------------


def open_kind(kind: str, where: str, clock: HandClock | None) -> Store:
    """A store of this kind at a path or URL, with a test's clock or the database's own."""
    return SqliteStore(where, clock=clock) if kind == "sqlite" else PostgresStore(where, clock=clock)


def build(store: Store, clock: HandClock, declared: dict[str, Any] | None = None, vault: Vault | None = None) -> World:
    """A whole installation on this store, with one business applied."""
    kit = Kit(Ports(clock), vault or Vault.generate(), _words, _replies)
    environ = {"ACME_APP_SECRET": "s3cret", "ACME_VERIFY_TOKEN": "v3rify", "ACME_ACCESS_TOKEN": "t0ken"}
    system = System(store, kit, Directory(store, clock), environ)
    return World(system, clock, Wire(), settle_in(system, declared or declaration()))


def settle_in(system: System, declared: dict[str, Any]) -> Workspace:
    """Apply one business's declaration."""
    whole = parse(declared, Path(), lambda word: keeps_its_meaning(_words(), word))
    applied = system.store.write(lambda tx: setup.apply(tx, system.kit, whole))
    system.directory.refresh()
    return applied.workspace


def neighbour(world: World) -> World:
    """Another business in the same database."""
    workspace = settle_in(world.system, declaration("other", OTHER_NUMBER_ID))
    return World(world.system, world.clock, Wire(), workspace)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """(kind, path or URL) of a database without even a schema."""
    if request.param == "sqlite":
        yield "sqlite", str(tmp_path / "sayso.db")
        return
    with fresh_database(request.getfixturevalue("postgres_url")) as url:
        yield "postgres", url


@pytest.fixture(scope="session")
def shared_postgres(postgres_url: str) -> Iterator[str]:
    """One PostgreSQL database for many tests: making one takes longer than most of them."""
    with fresh_database(postgres_url) as url:
        PostgresStore(url).close()
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """(kind, path or URL) of a database that holds nothing."""
    if request.param == "sqlite":
        return "sqlite", str(tmp_path / "sayso.db")
    url: str = request.getfixturevalue("shared_postgres")
    sweep(url)
    return "postgres", url


def sweep(url: str) -> None:
    """Delete every row but the schema's version."""
    with psycopg.connect(url) as server:
        for (table,) in server.execute("select tablename from pg_tables where schemaname = 'public'").fetchall():
            keep = SQL(" where name not in ('schema_version', 'probe')") if table == "meta" else SQL("")
            server.execute(SQL("delete from {}").format(Identifier(table)) + keep)


@pytest.fixture
def store(database: tuple[str, str]) -> Iterator[Store]:
    """A fresh database of each kind, with its own clock."""
    opened = open_kind(*database, None)
    yield opened
    opened.close()


@pytest.fixture
def world(database: tuple[str, str], clock: HandClock) -> Iterator[World]:
    """A business on each kind of database, with a clock the test moves."""
    built = build(open_kind(*database, clock), clock)
    yield built
    built.system.close()


@pytest.fixture
def system(world: World) -> System:
    """The installation under `world`."""
    return world.system


@pytest.fixture
def lone_world(tmp_path: Path, clock: HandClock) -> Iterator[World]:
    """A business on SQLite alone."""
    built = build(SqliteStore(str(tmp_path / "sayso.db"), clock=clock), clock)
    yield built
    built.system.close()


def rows_of(store: Store, table: str) -> list[tuple[Any, ...]]:
    """Every row of a table, by a connection of its own that sees only what is committed."""
    if isinstance(store, SqliteStore):
        connection = apsw.Connection(store._path)
        try:
            return list(connection.execute(f"select * from {table}"))
        finally:
            connection.close()
    assert isinstance(store, PostgresStore)
    with psycopg.connect(store._url, autocommit=True) as server:
        return server.execute(f"select * from {table}".encode()).fetchall()


def run_sql(store: Store, sql: str, *values: Any) -> None:
    """Change the database behind Sayso's back."""
    if isinstance(store, SqliteStore):
        connection = apsw.Connection(store._path)
        connection.set_busy_timeout(5_000)
        try:
            connection.execute(sql, values)
        finally:
            connection.close()
        return
    assert isinstance(store, PostgresStore)
    with psycopg.connect(store._url, autocommit=True) as server:
        server.execute(sql.replace("?", "%s").encode(), values)


__all__ = [
    "CODE", "NOTICE", "START", "HandClock", "Letter", "Wire", "World", "build", "declaration", "neighbour", "open_kind",
    "rows_of", "run_sql", "settle_in",
]  # fmt: skip
