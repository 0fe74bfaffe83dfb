"""What flows and worker may expect of a store. The contract suite in `tests/store` follows these docstrings.

A *transaction* is all or nothing. A result of `write` is handed out only after the commit reached stable storage;
a failed commit fails everything that was in it. Work given to `write` may run more than once (a conflict is tried
again), so it must take what it needs from the transaction and its arguments and keep no state between tries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Value = str | int | bytes | None
Row = tuple[Any, ...]

#: Version of the schema this code knows; a newer database is refused.
SCHEMA_VERSION = 3


class Transient(Exception):
    """The database failed, not the work: raised out of a savepoint so that nobody mistakes it for a bad item. The
    store tries the whole transaction again, or answers Unavailable.
    """


class Tx(Protocol):
    """One transaction. Queries are named; their text lives in the `.sql` files of this folder."""

    def rows(self, name: str, /, **values: Value) -> list[Row]:
        """All rows of a query."""

    def rows_among(self, name: str, /, keys: Sequence[bytes], **values: Value) -> list[Row]:
        """All rows of a query that looks up many keys at once; it names them `:keys`. `keys` is not empty."""

    def row(self, name: str, /, **values: Value) -> Row | None:
        """The first row, or None."""

    def run(self, name: str, /, **values: Value) -> int:
        """Change rows; how many were changed."""

    def run_many(self, name: str, /, values: Iterable[Mapping[str, Value]]) -> None:
        """The same change for each set of values."""

    def savepoint(self) -> AbstractContextManager[None]:
        """A part that can fail alone: an exception inside undoes the part and goes on to the caller. A failure of the
        database itself goes on as Transient and must not be swallowed.
        """

    def now(self) -> int:
        """The database's clock, microseconds UTC: leases and permits of several machines agree on it."""


class Store(Protocol):
    """One database."""

    #: "sqlite" or "postgres".
    kind: str

    def write(self, work: Callable[[Tx], T]) -> T:
        """Run in a transaction and wait until it is on stable storage. Raises Unavailable if it cannot be."""

    def submit(self, work: Callable[[Tx], T]) -> Future[T]:
        """The same without waiting."""

    def read(self, work: Callable[[Tx], T]) -> T:
        """Run reads. Each statement sees everything committed before it began."""

    def snapshot(self, work: Callable[[Tx], T]) -> T:
        """Run reads that all see the same moment."""

    def purge(self) -> None:
        """Make deleted rows unrecoverable from the database's own files: truncate SQLite's log, vacuum PostgreSQL."""

    def close(self) -> None:
        """Finish what is waiting and let go of the database."""
