"""`sayso simulate`: play seeds, say how many held, and show the end of what did not."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import typer

from sayso.cli.say import FAILED, note

if TYPE_CHECKING:
    from sayso.simulate.many import Tally

#: Lines of a trace that are shown of a seed that failed.
SHOWN: Final = 25
#: How often progress is told, seconds.
EVERY_S: Final = 2.0


def simulate(seeds: int, seed: int, jobs: int, hours: float, save: str, *, trace: bool, as_json: bool) -> None:
    """Exit 0 if every seed held, 1 if one broke a promise."""
    from sayso.simulate import many

    if trace:
        _replay(seed, as_json=as_json)
        return
    file = Path(save) if save else None
    tally = many.resume(file) if file else many.Tally(seed, seed)
    if not (file and tally.seeds):
        tally.first_seed = tally.next_seed = seed
    progress = _Progress(file, quiet=as_json or not sys.stderr.isatty())
    if jobs == 1 and not hours and not file:
        tally = many.some(seed, seeds, progress)
    else:
        until = time.monotonic() + hours * 3600 if hours else 0.0
        number = 0 if hours else seeds
        tally = many.many(tally.next_seed, number, jobs or os.cpu_count() or 1, progress, until=until, tally=tally)
    progress.last(tally)
    if as_json:
        print(json.dumps(tally.report()))
    else:
        _say(tally)
    if tally.found:
        raise typer.Exit(FAILED)


def _replay(seed: int, *, as_json: bool) -> None:
    from sayso.simulate.run import simulate as play

    outcome = play(seed)
    if as_json:
        print(json.dumps({"seed": seed, "violation": outcome.violation, "hash": outcome.digest,
                          "trace": outcome.trace, "counts": outcome.counts}))
    else:
        print("\n".join(outcome.trace))
        print(f"\nseed {seed}: {outcome.violation or 'every promise held'}; trace {outcome.digest}")
    if outcome.violation:
        raise typer.Exit(FAILED)


def _say(tally: Tally) -> None:
    for (seed, what), trace in zip(tally.found, tally.traces, strict=False):
        print(f"seed {seed}: {what}")
        print("\n".join(trace[-SHOWN:]))
        print(f"  again: sayso simulate --seed {seed} --trace\n")
    counts = ", ".join(f"{number} {what}" for what, number in sorted(tally.counts.items()))
    print(f"{tally.seeds} seeds ({tally.first_seed} to {tally.next_seed - 1}), {len(tally.found)} broke a promise")
    print(f"with {counts}")


class _Progress:
    """Tells how far it came, and saves it, every few seconds."""

    def __init__(self, file: Path | None, *, quiet: bool) -> None:
        self._file = file
        self._quiet = quiet
        self._told = time.monotonic()

    def __call__(self, tally: Tally) -> None:
        """One bite more."""
        if time.monotonic() - self._told < EVERY_S:
            return
        self._told = time.monotonic()
        self.last(tally)

    def last(self, tally: Tally) -> None:
        """Tell now."""
        from sayso.simulate.many import save

        if self._file:
            save(tally, self._file)
        if not self._quiet:
            note(f"{tally.seeds} seeds, {len(tally.found)} broke a promise")
