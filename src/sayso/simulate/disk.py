"""One database in memory, and the store each process opens on it: SQLite's batches, or single ones as PostgreSQL's.

SQLite's writer is the product's own `_commit`: a hopeful batch, and at the first failure the batch again with
savepoints. As PostgreSQL: one transaction each, in any order, conflicts undone and tried again behind the others,
the server's clock instead of the machine's, a commit whose answer never arrives. Both: the disk is full for a while.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

import apsw

from sayso.errors import SaysoError, Unavailable
from sayso.ports import Clock
from sayso.simulate.loop import Actor, Loop, Write
from sayso.store.base import Transient, Tx
from sayso.store.dialect import migrations
from sayso.store.sqlite import DISK, STATEMENT_CACHE, SqliteStore, SqliteTx, _Job

T = TypeVar("T")
#: Statements after which a disk may turn out to be full.
STATEMENTS: Final = 40


class BadItem(Exception):
    """Stands for whatever may be wrong with one item only."""


def fresh() -> apsw.Connection:
    """An empty database with the schema, settings as the product's own."""
    connection = apsw.Connection(":memory:")
    for version, sql in migrations("sqlite"):
        connection.execute(f"{sql} pragma user_version={version}")
    return connection


def opened(image: bytes) -> apsw.Connection:
    """A database as it was when the image was taken, with the product's settings of how statements are prepared."""
    connection = apsw.Connection(":memory:", statementcachesize=STATEMENT_CACHE)
    connection.deserialize("main", image)
    connection.pragma("foreign_keys", True)
    connection.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    return connection


class SimulatedStore(SqliteStore):
    """A process's handle on the database. `kind` is what it behaves as; the SQL is always SQLite's."""

    def __init__(self, connection: apsw.Connection, clock: Clock, kind: str = "sqlite") -> None:
        self.connection = connection
        self._clock = clock
        self.kind = kind
        self._reads = SqliteTx(connection, clock)

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run and commit, with no fault."""
        return self.submit(work).result()

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        """Run and commit at once."""
        job = _Job(work, Future())
        self._commit(self.connection, [job])
        return job.answer

    def read(self, work: Callable[[Tx], T]) -> T:
        """Between transactions everything there is, is committed."""
        return work(self._reads)

    def snapshot(self, work: Callable[[Tx], T]) -> T:
        """The same."""
        return self.read(work)

    def purge(self) -> None:
        """Memory keeps no log."""

    def close(self) -> None:
        """The database stays for the other processes."""

    def commit(self, loop: Loop, waiting: list[tuple[Actor, Write]]) -> list[tuple[Any, BaseException | None]]:
        """Commit what waits; for each what came of it, as its caller hears it."""
        writes, before = [write for _, write in waiting], self.connection.total_changes()
        order = list(range(len(writes)))
        results = self._batch(loop, writes) if self.kind == "sqlite" else self._singly(loop, writes, order)
        for place in order:
            write, (value, error) = writes[place], results[place]
            if error is None and write.then is not None:
                write.then(value)
        checks, loop.checks = loop.checks, []
        for check in checks:
            check()
        if self.connection.total_changes() != before:
            loop.committed()
        if self.kind == "postgres" and loop.faults and loop.chance.random() < loop.crashes:
            loop.count("unknown commits")
            return [(None, Unavailable("The connection was lost; nobody knows."))] * len(results)
        return results

    def _full(self, loop: Loop) -> int:
        """At which statement the disk is full; 0 for not."""
        if not loop.faults or loop.chance.random() >= loop.crashes:
            return 0
        loop.count("disk full")
        return 1 + loop.chance.randrange(STATEMENTS)

    def _batch(self, loop: Loop, writes: list[Write]) -> list[tuple[Any, BaseException | None]]:
        full = self._full(loop)
        jobs = [_Job(self._spoiled(write), Future()) for write in writes]
        if full:
            self.connection.exec_trace = failing_at(full, lambda: apsw.FullError("the disk is full"))
        try:
            self._commit(self.connection, jobs)
        except (*DISK, Transient):
            error = Unavailable("The database cannot record this now; nothing was recorded.")
            return [(None, error)] * len(jobs)
        finally:
            self.connection.exec_trace = None
        return [_heard(job.answer) for job in jobs]

    def _spoiled(self, write: Write) -> Callable[[Tx], Any]:
        if not write.spoil:
            return write.work

        def work(tx: Tx) -> Any:
            self.connection.exec_trace = failing_at(write.spoil, lambda: BadItem("no good"), once=True)
            try:
                return write.work(tx)
            finally:
                self.connection.exec_trace = None

        return work

    def _singly(self, loop: Loop, writes: list[Write], order: list[int]) -> list[tuple[Any, BaseException | None]]:
        """In any order. A conflict undoes the whole transaction, others go first, and it is run again. `order` becomes
        the order of the commits, in which the judge is told.
        """
        results: list[tuple[Any, BaseException | None]] = [(None, None)] * len(writes)
        loop.chance.shuffle(order)
        conflicts = [place for place in order if loop.faults and loop.chance.random() < loop.pauses]
        for place in order:
            results[place] = self._one(loop, self._spoiled(writes[place]), undo=place in conflicts)
        for place in conflicts:
            loop.count("conflicts")
            results[place] = self._one(loop, self._spoiled(writes[place]), undo=False)
        order[:] = [place for place in order if place not in conflicts] + conflicts
        return results

    def _one(self, loop: Loop, work: Callable[[Tx], Any], *, undo: bool) -> tuple[Any, BaseException | None]:
        full = 0 if undo else self._full(loop)
        self.connection.execute("begin immediate")
        if full:
            self.connection.exec_trace = failing_at(full, lambda: apsw.FullError("the disk is full"))
        try:
            value = work(SqliteTx(self.connection, self._clock))
            self.connection.execute("rollback" if undo else "commit")
        except Exception as error:  # noqa: BLE001  (handed to whoever gave the work)
            self.connection.exec_trace = None
            if not self.connection.get_autocommit():
                self.connection.execute("rollback")
            ours = error if isinstance(error, SaysoError | LookupError | ValueError) else \
                Unavailable("PostgreSQL cannot do this now.")
            return None, ours
        finally:
            self.connection.exec_trace = None
        return value, None


def failing_at(statement: int, error: Callable[[], Exception], *, once: bool = False) -> Callable[..., bool]:
    """An execution tracer that fails the nth statement and, unless `once`, all after it but a rollback."""
    left = statement

    def trace(_: object, sql: str, __: object) -> bool:
        nonlocal left
        left -= 1
        if (left == 0 or (left < 0 and not once)) and not sql.lower().startswith(("rollback", "release")):
            raise error()
        return True

    return trace


def _heard(answer: Future[Any]) -> tuple[Any, BaseException | None]:
    error = answer.exception()
    return (None, error) if error is not None else (answer.result(), None)
