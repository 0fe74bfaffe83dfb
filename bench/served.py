"""`python -m bench.served FILE serve`: `sayso serve` as it is, with a count of the writer's commits left in FILE.

How many pieces of work share one commit cannot be seen from outside, and it decides what a fair peer is. Counting costs
one addition and two looks at the clock per commit.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from sayso.cli import main
from sayso.store.sqlite import SqliteStore


class Commits(msgspec.Struct):
    """The writer's life: batch size -> how many commits had it, and the seconds spent in them."""

    sizes: dict[int, int]
    seconds: float = 0.0

    @property
    def mean(self) -> float:
        """Pieces of work per commit."""
        work = sum(size * count for size, count in self.sizes.items())
        return work / self.commits if work else 0.0

    @property
    def commits(self) -> int:
        """How many commits there were."""
        return sum(self.sizes.values())


def count_commits() -> Commits:
    """Count from now on, in this process."""
    seen = Commits(Counter())
    commit = SqliteStore._commit  # noqa: SLF001  what is counted has no name outside

    def counted(self: SqliteStore, connection: Any, batch: list[Any]) -> None:
        began = time.perf_counter()
        try:
            commit(self, connection, batch)
        finally:
            seen.seconds += time.perf_counter() - began
            seen.sizes[len(batch)] = seen.sizes.get(len(batch), 0) + 1

    SqliteStore._commit = counted  # type: ignore[method-assign]  # noqa: SLF001
    return seen


if __name__ == "__main__":
    target = Path(sys.argv.pop(1))
    counted = count_commits()
    try:
        main()
    finally:
        target.write_bytes(msgspec.msgpack.encode(counted))
