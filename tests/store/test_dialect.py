"""The named queries and the schema: every query is understood by both databases, used by somebody, and explained."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import apsw
import psycopg
import pytest
from psycopg.pq import ExecStatus

import sayso.store
from sayso.errors import ConfigError, SchemaTooNew, Unavailable
from sayso.store.base import SCHEMA_VERSION, Store
from sayso.store.dialect import migrations, queries
from sayso.store.migrate import migrate
from sayso.store.postgres import PostgresStore
from sayso.store.sqlite import STATEMENT_CACHE, SqliteStore
from tests.postgres import embedded_programs, fresh_database, throwaway_server
from tests.stores import open_kind, run_sql

SRC = Path(sayso.store.__file__).parent.parent
VERBS = ("tx.rows", "tx.row", "tx.run", "tx.run_many", "tx.rows_among")
NAMES = sorted(queries("sqlite"))


def used_queries() -> set[str]:
    """Every name that stands as the first argument of a transaction's four verbs, anywhere in the product."""
    found = set()
    for path in SRC.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            # `_among(tx, name, ...)` of the bulk check hands its name on.
            given = node.args[:1] if name.endswith(VERBS) else node.args[1:2] if name == "_among" else []
            found |= {part.value for first in given for part in ast.walk(first)
                      if isinstance(part, ast.Constant) and isinstance(part.value, str)}
    return found


def test_every_query_that_is_used_exists() -> None:
    assert used_queries() - set(NAMES) == set()


def test_every_query_that_exists_is_used() -> None:
    assert set(NAMES) - used_queries() == set()


def test_both_databases_have_the_same_queries() -> None:
    assert sorted(queries("postgres")) == NAMES
    assert len(NAMES) > 50


def test_sqlite_understands_every_query(tmp_path: Path) -> None:
    path = str(tmp_path / "sayso.db")
    SqliteStore(path).close()
    connection = apsw.Connection(path)
    for name, sql in queries("sqlite").items():
        wanted = dict.fromkeys(re.findall(r":([a-z_]+)", sql))
        assert connection.execute(f"explain {sql}", wanted).fetchall(), name
    connection.close()


def test_postgres_understands_every_query(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        PostgresStore(url).close()
        with psycopg.connect(url) as server:
            for name, sql in queries("postgres").items():
                wanted = list(dict.fromkeys(re.findall(r"%\(([a-z_]+)\)s", sql)))
                for place, parameter in enumerate(wanted, 1):
                    sql = sql.replace(f"%({parameter})s", f"${place}")  # noqa: PLW2901
                result = server.pgconn.prepare(b"", sql.replace("%%", "%").encode())
                assert result.status == ExecStatus.COMMAND_OK, (name, result.error_message)


def test_every_query_that_changes_or_reads_a_persons_data_stays_in_one_workspace() -> None:
    everywhere = {  # the installation's own, and the worker's look at what is due in every workspace
        "meta", "set_meta", "workspaces", "workspace_by_slug", "config_revisions", "api_key", "purge_idempotency",
        "due_outbox", "next_outbox", "unfinished_permits", "unused_permits", "purge_hits", "purge_spent",
        "workspace_to_change",
    }  # fmt: skip
    loose = {name for name, sql in queries("sqlite").items() if ":ws" not in sql}
    assert loose <= everywhere


def test_a_key_of_every_table_begins_with_the_workspace() -> None:
    _, schema = migrations("sqlite")[0]
    keys = re.findall(r"create table (\w+) \(.*?primary key \((\w+)", schema, re.DOTALL)
    assert {first for table, first in keys} == {"workspace_id"}
    assert len(keys) > 12


# -- the loader --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("sayso.store.dialect.resources.files", lambda package: tmp_path)
    queries.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    queries.cache_clear()


def test_a_query_is_fitted_to_each_database(folder: Path) -> None:
    (folder / "a.sql").write_text("-- name: one\n-- A sentence.\nselect :ws, '5%' from t /*pg for update */;\n")
    assert queries("sqlite")["one"] == "select :ws, '5%' from t"
    assert queries("postgres")["one"] == "select %(ws)s, '5%%' from t for update"


def test_two_queries_of_one_name_are_refused(folder: Path) -> None:
    for file in ("a.sql", "b.sql"):
        (folder / file).write_text("-- name: one\n-- A sentence.\nselect 1;\n")
    with pytest.raises(ConfigError):
        queries("sqlite")


# -- the schema --------------------------------------------------------------------------------------------------------


def shape(store: Store) -> list[tuple[object, ...]]:
    """Tables, columns and indexes as the database itself describes them."""
    if isinstance(store, SqliteStore):
        connection = apsw.Connection(store._path)
        found = list(connection.execute("select type, name, sql from sqlite_master order by type, name"))
        connection.close()
        return found
    assert isinstance(store, PostgresStore)
    with psycopg.connect(store._url) as server:
        columns = server.execute("select table_name, column_name, data_type, is_nullable "
                                 "from information_schema.columns where table_schema = 'public' "
                                 "order by 1, ordinal_position").fetchall()
        indexes = server.execute("select indexname, indexdef, '', '' from pg_indexes where schemaname = 'public' "
                                 "order by 1").fetchall()
    return [*columns, *indexes]


def test_a_schema_built_fresh_is_the_schema_migrated_step_by_step(empty_database: tuple[str, str]) -> None:
    fresh = open_kind(*empty_database, None)
    expected = shape(fresh)
    fresh.close()
    assert [version for version, _ in migrations(fresh.kind)] == list(range(1, SCHEMA_VERSION + 1))
    again = open_kind(*empty_database, None)
    assert shape(again) == expected
    again.close()


def test_migrating_applies_only_the_steps_that_are_missing() -> None:
    applied: list[int] = []
    migrate("sqlite", 0, lambda version, sql: applied.append(version))
    migrate("sqlite", SCHEMA_VERSION, lambda version, sql: applied.append(version))
    assert applied == list(range(1, SCHEMA_VERSION + 1))


def test_a_newer_database_is_refused(empty_database: tuple[str, str]) -> None:
    store = open_kind(*empty_database, None)
    if empty_database[0] == "sqlite":
        run_sql(store, f"pragma user_version = {SCHEMA_VERSION + 1}")
    else:
        run_sql(store, "update meta set value = ? where name = 'schema_version'", str(SCHEMA_VERSION + 1))
    store.close()
    with pytest.raises(SchemaTooNew):
        open_kind(*empty_database, None)


def test_a_statement_is_not_prepared_again_after_a_hundred_uses_of_others(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "sayso.db"))
    connection = store._connect()
    for statement in ("select 1", *["select 2"] * 200, "select 1"):
        connection.execute(statement).fetchall()
    prepared = connection.cache_stats()
    connection.close()
    store.close()
    assert prepared["evictions"] == 0
    assert prepared["size"] == STATEMENT_CACHE > len(NAMES)


# -- a database that could lose a stop ---------------------------------------------------------------------------------


def test_sqlite_runs_as_durable_as_it_can(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "sayso.db"))
    connection = store._connect()
    assert connection.pragma("journal_mode") == "wal"
    assert connection.pragma("synchronous") == 2
    assert connection.pragma("secure_delete") == 1
    connection.close()
    store.close()


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database at all" * 100)
    with pytest.raises(Unavailable):
        SqliteStore(str(path))
    with pytest.raises(Unavailable):
        SqliteStore(str(tmp_path / "missing" / "sayso.db"))


def test_a_postgres_that_may_forget_a_commit_is_refused(postgres_url: str) -> None:
    with fresh_database(postgres_url) as url:
        run_sql_on(url, "alter database {} set synchronous_commit = off")
        with pytest.raises(ConfigError, match="synchronous_commit"):
            PostgresStore(url)


def run_sql_on(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(sql.format(server.info.dbname).encode())


def test_a_postgres_without_fsync_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    programs = embedded_programs()
    if programs is None:
        pytest.skip("No wheel with a PostgreSQL for this platform.")
    monkeypatch.setattr("tests.postgres.SERVER_OPTIONS", ("fsync=off", "listen_addresses="))
    with throwaway_server(programs) as url, pytest.raises(ConfigError, match="fsync"):
        PostgresStore(url)


def test_a_postgres_that_cannot_be_reached_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        PostgresStore("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1")
