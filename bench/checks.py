"""The gate in this process, on SQLite: look-ups a second, how many reads each makes, and what more people cost.

The peer is what any answer must at least do: one indexed read of the same file through the same driver, its key
computed beforehand. Rounds of both alternate, so that a busy minute of the machine hits both, and the median counts.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import apsw

from bench.report import Figure, Ratio, percentile
from bench.sizes import Sizes
from bench.world import World, address_of, make_world, text_of
from sayso.core import identity
from sayso.flows import permits
from sayso.store.base import Row, Tx, Value
from sayso.store.dialect import queries

AIM: Final = 20_000
#: An address leads to a person, the person to where they stand.
MOST_READS: Final = 2
#: How much slower the largest database may be than the smallest.
FLAT: Final = 1.5
#: Which people are asked about: the same ones in each run.
SEED: Final = 7
BARE: Final = "select person_id from addresses where workspace_id = ? and mac = ? and state = 'current'"


def measure(sizes: Sizes, world: World) -> Iterator[Figure]:
    """Checks a second with all the people, and the latency there against smaller databases."""
    places = _places(sizes, world.people)
    ours, text, bare, both = (_rounds(way, sizes.rounds) for way in _ways(world, places))
    yield Figure(f"check in process, {world.people:,} people", ours, "/s", AIM, ratios=(
        Ratio(ours / bare, f"one bare indexed read through apsw ({bare:,.0f}/s)"),
        Ratio(ours / both, f"both reads in one bare statement ({both:,.0f}/s)")))
    yield Figure("check in process, address as text", text, "/s",
                 ratios=(Ratio(text / ours, "the same with the address read beforehand"),))
    yield Figure("indexed reads in a check", reads_of_a_check(world), "reads", MOST_READS, least=False,
                 ratios=(Ratio(reads_of_a_check(world) / MOST_READS, "the two the design allows"),),
                 notes=tuple(plan(world)))
    yield from _flat(sizes, world)


def _places(sizes: Sizes, people: int) -> list[int]:
    chosen = random.Random(SEED)
    return [chosen.randrange(people) for _ in range(sizes.checks)]


def _ways(world: World, places: list[int]) -> tuple[Callable[[], float], ...]:
    """Each way of asking, as a function that runs once over all places and returns how many a second it did."""
    store, kit, workspace, cell = world.system.store, world.system.kit, world.workspace, world.cell
    addresses, texts = [address_of(place) for place in places], [text_of(place) for place in places]
    keys = [(workspace.id, kit.vault.address_mac(workspace.id, address)) for address in addresses]
    named = [{"ws": ws, "mac": mac} for ws, mac in keys]
    execute, sql = apsw.Connection(world.file).execute, queries("sqlite")["person_by_mac"]

    def of_address(address: identity.Address) -> object:
        return store.read(lambda tx: permits.check(tx, kit, workspace, address, cell))

    def of_text(text: str) -> object:
        return of_address(identity.parse(text, fast=True))

    def timed(one: Callable[[Any], object], items: list[Any]) -> Callable[[], float]:
        def run() -> float:
            began = time.perf_counter()
            for item in items:
                one(item)
            return len(items) / (time.perf_counter() - began)
        return run

    return (timed(of_address, addresses), timed(of_text, texts),
            timed(lambda key: execute(BARE, key).fetchone(), keys),
            timed(lambda key: execute(sql, key).fetchone(), named))


def _rounds(way: Callable[[], float], rounds: int) -> float:
    way()  # fills the caches, as any server's are
    return statistics.median(way() for _ in range(rounds))


# -- how many reads ----------------------------------------------------------------------------------------------------


class Counting:
    """A transaction that counts its statements."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.names: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def row(self, name: str, /, **values: Value) -> Row | None:
        self.names.append(name)
        return self._tx.row(name, **values)

    def rows(self, name: str, /, **values: Value) -> list[Row]:
        self.names.append(name)
        return self._tx.rows(name, **values)


def statements_of_a_check(world: World) -> list[str]:
    """The names of the queries that one check of a known person runs."""
    def work(tx: Tx) -> list[str]:
        counting = Counting(tx)
        permits.check(counting, world.system.kit, world.workspace, address_of(0), world.cell)
        return counting.names
    return world.system.store.read(work)


def plan(world: World) -> list[str]:
    """What SQLite says it does for each of them (EXPLAIN QUERY PLAN)."""
    connection = apsw.Connection(world.file)
    lines = []
    for name in statements_of_a_check(world):
        rows = connection.execute(f"explain query plan {queries('sqlite')[name]}", {"ws": "", "mac": b""})
        lines += [f"{name}: {detail}" for *_, detail in rows]
    connection.close()
    return lines


def reads_of_a_check(world: World) -> float:
    """Indexed reads of one check. Infinite where SQLite would walk through a table instead."""
    lines = [line.partition(": ")[2] for line in plan(world)]
    reads = [line for line in lines if line.startswith("SEARCH ") and ("INDEX" in line or "PRIMARY KEY" in line)]
    return float("inf") if any("SCAN" in line for line in lines) else float(len(reads))


# -- more people -------------------------------------------------------------------------------------------------------


def _flat(sizes: Sizes, world: World) -> Iterator[Figure]:
    figures: dict[int, Figure] = {}
    for people in sizes.fewer:
        with make_world(people) as smaller:
            figures[people] = _latency(sizes, smaller)
    figures[world.people] = _latency(sizes, world)
    yield from figures.values()
    medians = {people: figure.number for people, figure in figures.items()}
    worst = max(medians.values()) / min(medians.values())
    least, most = min(medians), max(medians)
    yield Figure("check latency, growth", worst, "times", FLAT, least=False,
                 ratios=(Ratio(worst, f"the fastest median, {least:,} to {most:,} people"),))


def _latency(sizes: Sizes, world: World) -> Figure:
    store, kit, workspace, cell = world.system.store, world.system.kit, world.workspace, world.cell
    medians, tails = [], []

    def check(address: identity.Address) -> object:
        return store.read(lambda tx: permits.check(tx, kit, workspace, address, cell))

    addresses = [address_of(place) for place in _places(sizes, world.people)]
    for _ in range(sizes.rounds + 1):
        taken = []
        for address in addresses:
            began = time.perf_counter_ns()
            check(address)
            taken.append((time.perf_counter_ns() - began) / 1000)
        medians.append(percentile(taken, 0.5))
        tails.append(percentile(taken, 0.99))
    median = statistics.median(medians[1:])
    return Figure(f"check latency, {world.people:,} people", median, "us at p50",
                  notes=(f"p99 {statistics.median(tails[1:]):.0f} us",))
