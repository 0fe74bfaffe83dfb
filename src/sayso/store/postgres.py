"""PostgreSQL through psycopg 3 and its pool: one transaction per piece of work, several at a time.

Rules of the room: nothing outlives a transaction on a connection that a pooler may hand to others (PgBouncer in
transaction mode works; a direct connection prepares its statements), consent is read from the writer only, and a
conflict (serialization, deadlock, a row somebody else just added) is tried again. Plain inserts are sent ahead, without
waiting for their answer. Concurrent commits share the server's WAL flush, which is PostgreSQL's own group commit.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from typing import Any, Final, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg_pool import ConnectionPool, PoolTimeout

from sayso.errors import ConfigError, Unavailable
from sayso.ports import Clock
from sayso.store.base import Row, Transient, Tx, Value
from sayso.store.dialect import queries
from sayso.store.migrate import migrate

T = TypeVar("T")

#: Connections and worker threads of one process.
POOL_SIZE: Final = 8
#: Longest wait for a free connection before the answer is 503, seconds.
POOL_WAIT_S: Final = 5.0
#: Tries of one transaction when others are in its way.
TRIES: Final = 8
#: Runs of a statement after which a direct connection prepares it.
PREPARE_AFTER: Final = 2
#: Key of the advisory lock under which one process migrates ("sayso" as a number).
MIGRATION_LOCK: Final = 0x736179736F
#: Somebody else was in the way: the same transaction will do when tried again.
CONFLICTS: Final = (errors.SerializationFailure, errors.DeadlockDetected, errors.UniqueViolation)
#: The server or the way to it failed (a standby that takes no writes is an InternalError), not a piece of work.
BROKEN: Final = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
#: Server settings on which a commit may be lost, and their bad value; Sayso does not start on them.
UNSAFE: Final = (("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "off"))


@cache
def plain_inserts() -> frozenset[str]:
    """Names of queries that insert exactly one row."""
    return frozenset(name for name, text in queries("postgres").items()
                     if text.startswith("insert into") and " values (" in text.replace("\n", " ")
                     and "on conflict" not in text and "select" not in text)


class PostgresTx:
    """One connection inside its transaction."""

    def __init__(self, connection: psycopg.Connection[Row], clock: Clock | None) -> None:
        self._connection = connection
        self._sql = queries("postgres")
        self._clock = clock
        self._pipeline: AbstractContextManager[psycopg.Pipeline] | None = None
        self._piped: psycopg.Pipeline | None = None

    def rows(self, name: str, /, **values: Value) -> list[Row]:
        """All rows of a query."""
        return self._connection.execute(self._sql[name], values).fetchall()

    def rows_among(self, name: str, /, keys: Sequence[bytes], **values: Value) -> list[Row]:
        """All rows of a query that looks up many keys at once."""
        return self._connection.execute(self._sql[name], {**values, "keys": list(keys)}).fetchall()

    def row(self, name: str, /, **values: Value) -> Row | None:
        """The first row, or None."""
        return self._connection.execute(self._sql[name], values).fetchone()

    def run(self, name: str, /, **values: Value) -> int:
        """Change rows; how many were changed. A plain insert adds one row or fails, so nobody waits for its answer: it
        goes out with what comes next, and its failure is raised there or at the end.
        """
        if name in plain_inserts():
            self._send_ahead()
            self._connection.execute(self._sql[name], values)
            return 1
        changed = self._connection.execute(self._sql[name], values)
        if self._piped is not None:
            self._piped.sync()
        return changed.rowcount

    def _send_ahead(self) -> None:
        """From now on statements are sent without waiting for the answer of the one before (pipeline mode)."""
        if self._pipeline is None:
            self._pipeline = self._connection.pipeline()
            self._piped = self._pipeline.__enter__()

    @contextmanager
    def settled(self) -> Iterator[None]:
        """Nothing done inside is left without its answer at the end. Raises what failed."""
        try:
            yield
            self._settle()
        except BaseException:
            with suppress(psycopg.Error):  # the first failure is the one to tell of
                self._settle()
            raise

    def _settle(self) -> None:
        if self._pipeline is not None:
            pipeline, self._pipeline, self._piped = self._pipeline, None, None
            pipeline.__exit__(None, None, None)

    def run_many(self, name: str, /, values: Iterable[Mapping[str, Value]]) -> None:
        """The same change for each set of values."""
        with self._connection.cursor() as cursor:
            cursor.executemany(self._sql[name], list(values))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that can fail alone."""
        try:
            self._settle()
            with self._connection.transaction(), self.settled():
                yield
        except (*CONFLICTS, *BROKEN) as error:
            raise Transient(type(error).__name__) from error

    def now(self) -> int:
        """The server's clock: all machines share it. A clock given by a test stands in for it."""
        if self._clock is not None:
            return self._clock.now()
        found = self._connection.execute(
            "select (extract(epoch from clock_timestamp()) * 1000000)::bigint"
        ).fetchone()
        return int(found[0]) if found else 0


class PostgresStore:
    """A PostgreSQL database, version 15 or newer."""

    kind = "postgres"

    def __init__(self, url: str, *, clock: Clock | None = None, size: int = POOL_SIZE) -> None:
        self._url = url
        self._clock = clock
        self._size = size
        self._start()
        self._migrate()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._pool: ConnectionPool[psycopg.Connection[Row]] = ConnectionPool(
            self._url, min_size=1, max_size=self._size, open=True, timeout=POOL_WAIT_S, configure=_configure,
            kwargs={"prepare_threshold": None, "autocommit": True},
        )
        self._threads = ThreadPoolExecutor(self._size, thread_name_prefix="sayso-writer")

    def _migrate(self) -> None:
        try:
            with psycopg.connect(self._url, autocommit=True) as connection:
                _check_settings(connection)
                with connection.transaction():
                    connection.execute("select pg_advisory_xact_lock(%s)", (MIGRATION_LOCK,))
                    migrate("postgres", _version(connection), lambda version, sql: _apply(connection, version, sql))
        except psycopg.OperationalError as error:
            self.close()
            raise Unavailable(f"PostgreSQL cannot be reached: {error}") from error
        except BaseException:
            self.close()
            raise

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Row]]:
        if self._pid != os.getpid():  # a fork shares sockets: leave the parent's alone, open our own
            self._start()
        try:
            with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, *BROKEN) as error:
            raise Unavailable(f"PostgreSQL cannot do this now ({type(error).__name__}).") from error

    def read(self, work: Callable[[Tx], T]) -> T:
        """Run reads, each statement on what is committed when it begins."""
        with self._connection() as connection:
            return work(PostgresTx(connection, self._clock))

    def snapshot(self, work: Callable[[Tx], T]) -> T:
        """Run reads that all see the same moment."""
        with self._connection() as connection, connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            return work(PostgresTx(connection, self._clock))

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run in a transaction; conflicts are tried again."""
        for attempt in range(1, TRIES + 1):
            try:
                with self._connection() as connection, connection.transaction():
                    tx = PostgresTx(connection, self._clock)
                    with tx.settled():
                        return work(tx)
            except (*CONFLICTS, Transient, Unavailable) as error:
                if not _conflict(error):
                    raise Unavailable(f"PostgreSQL cannot do this now ({type(error).__name__}).") from error
                if attempt == TRIES:
                    raise Unavailable("Too many others are changing the same record.") from error
            time.sleep(random.uniform(0, 0.005 * attempt))  # noqa: S311  (jitter, not a secret)
        raise Unavailable("Too many others are changing the same record.")

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        """Run on one of the writer threads."""
        if self._pid != os.getpid():
            self._start()
        try:
            return self._threads.submit(self.write, work)
        except RuntimeError as error:
            raise Unavailable("The store is closed.") from error

    def purge(self) -> None:
        """Vacuum the tables that held personal data. The server recycles its WAL by itself, at its next checkpoints."""
        with self._connection() as connection:
            for table in ("people", "addresses", "openings", "outbox"):
                connection.execute(sql.SQL("vacuum {}").format(sql.Identifier(table)))

    def close(self) -> None:
        """Finish what is waiting and close the pool."""
        if self._pid == os.getpid():
            self._threads.shutdown(wait=True)
            self._pool.close()


def _conflict(error: BaseException | None) -> bool:
    """True if a conflict is this error or its cause (psycopg counts a deadlock as an operational error)."""
    return isinstance(error, CONFLICTS) or (error is not None and _conflict(error.__cause__))


def _configure(connection: psycopg.Connection[Any]) -> None:
    """Check a new connection, and let it prepare statements if it is surely with one server for all its life.

    A pooler between (PgBouncer in transaction mode) hands out another server for each transaction, where a statement
    of this name may be somebody else's. It invents the process id it shows (protocol, BackendKeyData), so a
    connection whose server calls itself by that id is a direct one.
    """
    _check_settings(connection)
    row = connection.execute("select pg_backend_pid()").fetchone()
    direct = row is not None and row[0] == connection.info.backend_pid
    connection.prepare_threshold = PREPARE_AFTER if direct else None


def _check_settings(connection: psycopg.Connection[Any]) -> None:
    """Refuse a server or role on which a committed stop could be lost."""
    for name, unsafe in UNSAFE:
        row = connection.execute("select current_setting(%s)", (name,)).fetchone()
        if row and row[0] == unsafe:
            raise ConfigError(f"PostgreSQL runs with {name} = {unsafe}: a committed stop could be lost. Turn it on.")


def _version(connection: psycopg.Connection[Any]) -> int:
    found = connection.execute("select to_regclass('meta')").fetchone()
    if not found or found[0] is None:
        return 0
    row = connection.execute("select value from meta where name = 'schema_version'").fetchone()
    return int(row[0]) if row else 0


def _apply(connection: psycopg.Connection[Any], version: int, sql: str) -> None:
    connection.execute(sql.encode())
    connection.execute(
        "insert into meta (name, value) values ('schema_version', %s)"
        " on conflict (name) do update set value = excluded.value", (str(version),)
    )
