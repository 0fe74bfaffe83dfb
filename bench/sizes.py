"""How much is measured: enough for figures that repeat, little enough to wait for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts for each measurement."""

    #: People in the largest database of the run, and those of the smaller ones it is compared with.
    people: int
    fewer: tuple[int, ...]
    #: People in PostgreSQL.
    people_postgres: int
    #: Webhooks, and requests of other routes.
    stops: int
    requests: int
    #: Look-ups in each round, and rounds, of which the median counts.
    checks: int
    rounds: int
    #: Numbers in one bulk check, and calls.
    bulk: int
    bulk_calls: int
    #: Starts of the command line.
    starts: int
    #: Rows of an imported list.
    rows: int
    #: Rows of a list to scrub, and people it is scrubbed against.
    scrub: int


FULL = Sizes(people=1_000_000, fewer=(10_000, 100_000), people_postgres=100_000, stops=6_000, requests=12_000,
             checks=20_000, rounds=5, bulk=10_000, bulk_calls=16, starts=5, rows=200_000, scrub=10_000_000)
LARGE = Sizes(people=10_000_000, fewer=(10_000, 100_000, 1_000_000), people_postgres=100_000, stops=6_000,
              requests=12_000, checks=20_000, rounds=5, bulk=10_000, bulk_calls=16, starts=5, rows=1_000_000,
              scrub=10_000_000)
QUICK = Sizes(people=30_000, fewer=(10_000,), people_postgres=3_000, stops=700, requests=1_500, checks=3_000,
              rounds=3, bulk=10_000, bulk_calls=3, starts=1, rows=20_000,
              scrub=300_000)
TINY = Sizes(people=300, fewer=(100,), people_postgres=100, stops=40, requests=40, checks=50, rounds=1, bulk=100,
             bulk_calls=2, starts=1, rows=300, scrub=500)
