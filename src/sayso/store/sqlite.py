"""SQLite: one writer thread per process that commits whatever is waiting in one go, and readers of their own.

Rules of the room: WAL and `synchronous=FULL`; correctness rests on BEGIN IMMEDIATE, never on being the only process.
In a batch each piece of work can fail alone; no result leaves before COMMIT; a failed COMMIT fails them all.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeVar

import apsw

from sayso.errors import ConfigError, SaysoError, Unavailable
from sayso.ports import Clock, SystemClock
from sayso.store.base import Row, Transient, Tx, Value
from sayso.store.dialect import queries
from sayso.store.migrate import migrate

T = TypeVar("T")

#: Most pieces of work in one commit: bounds how long the first of them waits.
MAX_BATCH: Final = 256
#: How long to wait for another process that holds the write lock, milliseconds.
BUSY_MS: Final = 5_000
#: How often to look whether another process is done with switching a new file to WAL, seconds.
WAL_LOOK_S: Final = 0.01
#: SQLite before this can corrupt a WAL reset while another connection writes (sqlite.org/wal.html, "walresetbug").
OLDEST_SAFE: Final = 3_051_003
#: Prepared statements a connection keeps: more than there are queries, and the most that apsw takes. One that is not
#: among the last so many *uses* is prepared again; with apsw's own 100 that was about one use in five of a busy store.
STATEMENT_CACHE: Final = 512
#: Failures of the disk or the file, not of a piece of work: the whole batch fails.
DISK: Final = (apsw.FullError, apsw.IOError, apsw.CorruptError, apsw.BusyError, apsw.ReadOnlyError, apsw.NotADBError,
               apsw.CantOpenError, apsw.LockedError, apsw.NoMemError, apsw.ProtocolError, apsw.InterruptError)


class _OnceMore(BaseException):
    """Something in a hopeful batch failed. Not an Exception: no flow may take it for a failure of its own part."""


class SqliteTx:
    """One connection inside its transaction."""

    def __init__(self, connection: apsw.Connection, clock: Clock, *, hopeful: bool = False) -> None:
        self._hopeful = hopeful
        self._execute = connection.execute
        self._connection = connection
        self._sql = queries("sqlite")
        self._clock = clock

    def rows(self, name: str, /, **values: Value) -> list[Row]:
        """All rows of a query."""
        return self._execute(self._sql[name], values).fetchall()

    def rows_among(self, name: str, /, keys: Sequence[bytes], **values: Value) -> list[Row]:
        """All rows of a query that looks up many keys at once."""
        return self._execute(self._sql[name], {**values, "keys": apsw.carray(tuple(keys))}).fetchall()

    def row(self, name: str, /, **values: Value) -> Row | None:
        """The first row, or None."""
        return self._execute(self._sql[name], values).fetchone()

    def run(self, name: str, /, **values: Value) -> int:
        """Change rows; how many were changed."""
        self._execute(self._sql[name], values)
        return self._connection.changes()

    def run_many(self, name: str, /, values: Iterable[Mapping[str, Value]]) -> None:
        """The same change for each set of values."""
        self._connection.executemany(self._sql[name], values)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that can fail alone."""
        if self._hopeful:
            try:
                yield
            except BaseException as error:
                raise _OnceMore from error
            return
        try:
            with self._connection:  # apsw: a savepoint, released or rolled back
                yield
        except DISK as error:
            raise Transient(type(error).__name__) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def now(self) -> int:
        """SQLite has no clock but the machine's."""
        return self._clock.now()


@dataclass(frozen=True, slots=True)
class _Job:
    work: Callable[[Tx], Any]
    answer: Future[Any]


class SqliteStore:
    """A database file. Safe to share between threads; opens its handles anew after a fork."""

    kind = "sqlite"

    def __init__(self, path: str, *, clock: Clock | None = None, vfs: str | None = None,
                 synchronous: str = "FULL") -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._vfs = vfs
        self._synchronous = synchronous
        self._lock = threading.Lock()
        self._closed = False
        self._start()
        if vfs is None:
            _make_private(path)
        self._migrate()

    def _start(self) -> None:
        self._pid = os.getpid()
        self._local = threading.local()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def _connect(self) -> apsw.Connection:
        if apsw.SQLITE_VERSION_NUMBER < OLDEST_SAFE:
            raise ConfigError("This SQLite has a known WAL bug; install a current apsw wheel.")
        try:
            connection = apsw.Connection(self._path, vfs=self._vfs, statementcachesize=STATEMENT_CACHE)
            connection.set_busy_timeout(BUSY_MS)
            if _into_wal(connection) != "wal":
                raise ConfigError("This file system cannot hold a WAL database; use a local disk or PostgreSQL.")
            connection.pragma("synchronous", self._synchronous)
            connection.pragma("foreign_keys", True)
            connection.pragma("secure_delete", True)
            connection.pragma("mmap_size", 0)
            # One plan per query, whatever is bound: else every look-up through a partial index is prepared again.
            connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
            connection.pragma("temp_store", "memory")  # a savepoint's journal, and no page of the database in /tmp
        except apsw.Error as error:
            raise Unavailable(f"The database cannot be opened: {error}") from error
        return connection

    def _migrate(self) -> None:
        connection = self._connect()
        try:
            migrate("sqlite", connection.pragma("user_version"), partial(self._apply, connection))
        except apsw.Error as error:
            raise Unavailable(f"The database cannot be brought up to date: {error}") from error
        finally:
            connection.close()

    def _apply(self, connection: apsw.Connection, version: int, sql: str) -> None:
        connection.execute("begin immediate")
        try:
            if connection.pragma("user_version") < version:  # else another process did it while we waited
                connection.execute(f"{sql} pragma user_version={version}")
            connection.execute("commit")
        except BaseException:
            connection.execute("rollback")
            raise

    # -- reading ---------------------------------------------------------------------------------------------------

    def _reader(self) -> SqliteTx:
        if self._pid != os.getpid():
            self._start()
        tx: SqliteTx | None = getattr(self._local, "tx", None)
        if tx is None:
            tx = self._local.tx = SqliteTx(self._connect(), self._clock)
        return tx

    def read(self, work: Callable[[Tx], T]) -> T:
        """Run reads, each statement on what is committed when it begins."""
        try:
            return work(self._reader())
        except apsw.Error as error:
            raise Unavailable(f"The database cannot be read: {error}") from error

    def snapshot(self, work: Callable[[Tx], T]) -> T:
        """Run reads that all see the same moment."""
        tx = self._reader()
        try:
            with tx.savepoint():  # WAL: the first read fixes what the whole savepoint sees
                return work(tx)
        except apsw.Error as error:
            raise Unavailable(f"The database cannot be read: {error}") from error

    # -- writing ---------------------------------------------------------------------------------------------------

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run in a transaction and wait for its commit."""
        return self.submit(work).result()

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        """Queue for the writer's next batch."""
        if self._closed:
            raise Unavailable("The store is closed.")
        if self._pid != os.getpid() or self._writer is None:
            self._start_writer()
        job = _Job(work, Future())
        self._jobs.put(job)
        if self._has_ended():
            self._refuse_left()  # closed between the first line and the put: nobody else would answer
        return job.answer

    def _start_writer(self) -> None:
        with self._lock:
            if self._pid != os.getpid():
                self._start()
            if self._writer is None:
                self._writer = threading.Thread(target=self._write_loop, name="sayso-writer", daemon=True)
                self._writer.start()

    def _write_loop(self) -> None:
        connection: apsw.Connection | None = None
        while True:
            first = self._jobs.get()
            if first is None:
                break
            batch = self._waiting(first)
            try:
                connection = connection or self._connect()
                self._commit(connection, batch)
            except BaseException as error:  # noqa: BLE001  a writer that dies silently would hang every caller
                for job in batch:
                    if not job.answer.done():
                        job.answer.set_exception(_ours(error))
        if connection is not None:
            connection.close()

    def _waiting(self, first: _Job) -> list[_Job]:
        batch = [first]
        while len(batch) < MAX_BATCH:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:  # closing: finish this batch, then stop
                self._jobs.put(None)
                break
            batch.append(job)
        return batch

    def _commit(self, connection: apsw.Connection, batch: list[_Job]) -> None:
        """Almost every batch succeeds, and savepoints cost a fifth of it: try without, and at the first failure of
        any part undo all and run the batch again with a savepoint around each.
        """
        try:
            results = self._transaction(connection, batch, hopeful=True)
        except _OnceMore:
            results = self._transaction(connection, batch, hopeful=False)
        for job, (result, error) in zip(batch, results, strict=True):
            if job.answer.cancelled():  # whoever asked went away; what was recorded stays recorded
                continue
            if error is not None:
                job.answer.set_exception(_ours(error))
            else:
                job.answer.set_result(result)

    def _transaction(self, connection: apsw.Connection, batch: list[_Job], *,
                     hopeful: bool) -> list[tuple[Any, BaseException | None]]:
        tx = SqliteTx(connection, self._clock, hopeful=hopeful)
        connection.execute("begin immediate")
        try:
            results = [self._run(tx, job) for job in batch]
            connection.execute("commit")
        except BaseException:
            if not connection.get_autocommit():
                connection.execute("rollback")
            raise
        return results

    def _run(self, tx: SqliteTx, job: _Job) -> tuple[Any, BaseException | None]:
        try:
            with tx.savepoint():
                return job.work(tx), None
        except Transient:
            raise
        except Exception as error:  # noqa: BLE001  (handed to whoever gave the work)
            return None, error

    def purge(self) -> None:
        """`secure_delete` overwrote what was deleted; what the log still holds goes with its truncation."""
        connection = self._connect()
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as error:
            raise Unavailable("Readers are in the way of the purge; try it again.") from error
        finally:
            connection.close()

    def _has_ended(self) -> bool:
        return self._closed and self._writer is not None and not self._writer.is_alive()

    def _refuse_left(self) -> None:
        """Answer what was submitted while the writer ended."""
        with suppress(queue.Empty):
            while True:
                job = self._jobs.get_nowait()
                if job is not None:
                    job.answer.set_exception(Unavailable("The store is closed."))

    def close(self) -> None:
        """Finish what is waiting, then close."""
        self._closed = True
        if self._writer is not None and self._pid == os.getpid():
            self._jobs.put(None)
            self._writer.join(timeout=30)
            self._refuse_left()
        tx: SqliteTx | None = getattr(self._local, "tx", None)
        if tx is not None:
            tx.close()
            self._local.tx = None


def _make_private(path: str) -> None:
    """A new file is the owner's alone; SQLite gives its log the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise Unavailable(f"The database cannot be made at this place: {error.strerror}.") from error


def _into_wal(connection: apsw.Connection) -> str:
    """Switch to WAL; the mode it ends in. While another process does the same to a new file, SQLite says busy at once
    instead of waiting (sqlite.org/pragma.html, journal_mode), so the waiting is done here.
    """
    give_up_at = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            return str(connection.pragma("journal_mode", "wal"))
        except apsw.BusyError:
            if time.monotonic() > give_up_at:
                raise
            time.sleep(WAL_LOOK_S)


def _ours(error: BaseException) -> BaseException:
    """A database failure in our own words; everything else as it is."""
    if isinstance(error, SaysoError) or not isinstance(error, apsw.Error | Transient):
        return error
    ours = Unavailable(f"The database cannot record this now ({type(error).__name__}); nothing was recorded.")
    ours.__cause__ = error
    return ours
