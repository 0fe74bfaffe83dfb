"""Many seeds: one after the other, or on all cores for hours, going on where the last soak ended."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from sayso.errors import InvalidRequest
from sayso.simulate.run import Outcome, simulate

#: Seeds handed to a process at a time.
BITE: Final = 50
#: Violations kept in full; of more only the seeds are.
SHOWN: Final = 20


@dataclass(slots=True)
class Tally:
    """How far it came. `next_seed` is the first that was not played; `found` are seeds with what they broke."""

    first_seed: int = 0
    next_seed: int = 0
    seeds: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    found: list[tuple[int, str]] = field(default_factory=list)
    traces: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """One more seed."""
        self.seeds += 1
        for what, number in outcome.counts.items():
            self.counts[what] = self.counts.get(what, 0) + number
        if outcome.violation:
            self.found.append((outcome.seed, outcome.violation))
            if len(self.traces) < SHOWN:
                self.traces.append(outcome.trace)

    def report(self) -> dict[str, Any]:
        """As JSON."""
        return {"first_seed": self.first_seed, "next_seed": self.next_seed, "seeds": self.seeds,
                "violations": [{"seed": seed, "what": what} for seed, what in sorted(self.found)],
                "counts": dict(sorted(self.counts.items()))}


def some(first: int, number: int, tell: Callable[[Tally], None] = lambda _: None) -> Tally:
    """These seeds, in this process."""
    tally = Tally(first_seed=first, next_seed=first)
    for seed in range(first, first + number):
        tally.add(simulate(seed))
        tally.next_seed = seed + 1
        tell(tally)
    return tally


def many(first: int, number: int, jobs: int, tell: Callable[[Tally], None], *, until: float = 0.0,
         tally: Tally | None = None) -> Tally:
    """These seeds on several cores; `until` is a monotonic time to end at instead. `tell` is called as bites come in;
    bites come in any order, and what is saved goes on after the last that is whole.
    """
    tally = tally or Tally(first_seed=first, next_seed=first)
    ahead = _bites(first, number)
    done: dict[int, int] = {}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running: set[Future[tuple[int, list[Outcome]]]] = set()
        while True:
            while len(running) < 2 * jobs and not (until and time.monotonic() > until):
                bite = next(ahead, None)
                if bite is None:
                    break
                running.add(pool.submit(play, *bite))
            if not running:
                return tally
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                began, outcomes = future.result()
                for outcome in outcomes:
                    tally.add(outcome)
                done[began] = len(outcomes)
                while tally.next_seed in done:
                    tally.next_seed += done.pop(tally.next_seed)
            tell(tally)


def play(first: int, number: int) -> tuple[int, list[Outcome]]:
    """One bite, in a process of its own. Only what went wrong brings its trace along."""
    found = []
    for seed in range(first, first + number):
        outcome = simulate(seed)
        trace = outcome.trace if outcome.violation else ()
        found.append(Outcome(seed, outcome.violation, outcome.promise, outcome.digest, trace, outcome.counts))
    return first, found


def _bites(first: int, number: int) -> Iterator[tuple[int, int]]:
    end = first + number if number else 2**62
    while first < end:
        size = min(BITE, end - first)
        yield first, size
        first += size


def resume(file: Path) -> Tally:
    """Go on where a soak ended; a new one where there is no file. Raises InvalidRequest for a file that is none."""
    if not file.exists():
        return Tally()
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        found = [(int(one["seed"]), str(one["what"])) for one in saved["violations"]]
        return Tally(int(saved["first_seed"]), int(saved["next_seed"]),
                     int(saved["next_seed"]) - int(saved["first_seed"]), dict(saved["counts"]), found)
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidRequest("This file is not one a soak has written.", param="--save") from error


def save(tally: Tally, file: Path) -> None:
    """Write how far it came, all at once."""
    beside = file.with_name(file.name + ".new")
    beside.write_text(json.dumps(tally.report(), indent=1) + "\n", encoding="utf-8")
    beside.replace(file)
