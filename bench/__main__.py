"""`python -m bench [names...]`: measure, print a table, and with `--json FILE` keep it.

BENCH_QUICK=1 is a look that takes under 40 seconds and misses what only size shows; BENCH_LARGE=1 adds ten million
people. Everything happens in temporary folders and on 127.0.0.1.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bench import bulk, campaign, checks, gateway, http, imports, memory, scrubs, webhooks
from bench.report import Figure, Report, machine
from bench.sizes import FULL, LARGE, QUICK, Sizes
from bench.world import World, make_world

NO_POSTGRES: Final = "PostgreSQL was skipped: SAYSO_TEST_POSTGRES names no server, and no wheel with one is installed."


@dataclass(slots=True)
class Stage:
    """What measurements share: the sizes, the one large database, the PostgreSQL server; made when first wanted."""

    sizes: Sizes
    stack: contextlib.ExitStack
    _world: World | None = None
    _postgres: str | None = None
    spent: dict[str, float] = field(default_factory=dict)

    @property
    def world(self) -> World:
        """An installation on SQLite with as many people as are asked about."""
        if self._world is None:
            began = time.perf_counter()
            self._world = self.stack.enter_context(make_world(self.sizes.people))
            self.spent["making the people"] = time.perf_counter() - began
        return self._world

    @property
    def postgres(self) -> str:
        """The URL of a server where databases may be made, or empty."""
        if self._postgres is None:
            self._postgres = self._find_postgres()
        return self._postgres

    def _find_postgres(self) -> str:
        named = os.environ.get("SAYSO_TEST_POSTGRES", "")
        if named:
            return named
        try:
            from tests.postgres import embedded_programs, throwaway_server  # noqa: PLC0415  needs pytest
        except ImportError:  # pytest is not installed: this is no developer's environment
            return ""
        programs = embedded_programs()
        return self.stack.enter_context(throwaway_server(programs)) if programs else ""


NAMES: Final[dict[str, Callable[[Stage], Iterator[Figure]]]] = {
    "memory": lambda stage: memory.measure(stage.sizes),
    "webhooks": lambda stage: webhooks.measure(stage.sizes, stage.postgres),
    "checks": lambda stage: checks.measure(stage.sizes, stage.world),
    "http": lambda stage: http.measure(stage.sizes, stage.world, stage.postgres),
    "gateway": lambda stage: gateway.measure(stage.sizes, stage.postgres),
    "bulk": lambda stage: bulk.measure(stage.sizes, stage.world),
    "scrubs": lambda stage: scrubs.measure(stage.sizes),
    "imports": lambda stage: imports.measure(stage.sizes),
    "campaign": lambda stage: campaign.measure(stage.sizes),
}


def run(names: list[str], sizes: Sizes, tell: Callable[[str], None]) -> Report:
    """Carry out the named measurements, all if none is named."""
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sayso-bench-")))
        report, stage = Report(machine(folder)), Stage(sizes, stack)
        for name in names or list(NAMES):
            tell(f"{name} ...")
            for figure in NAMES[name](stage):
                report.add(figure)
        if stage.postgres == "":
            report.say(NO_POSTGRES)
    report.say(f"All of it took {time.perf_counter() - began:.0f} s.")
    return report


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Sayso against this machine's limits.")
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="name", help=", ".join(NAMES))
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the report as JSON")
    given = parser.parse_args(arguments)
    sizes = LARGE if os.environ.get("BENCH_LARGE") == "1" else QUICK if os.environ.get("BENCH_QUICK") == "1" else FULL
    report = run(given.names, sizes, functools.partial(print, file=sys.stderr, flush=True))
    print(report.text())
    if given.json is not None:
        given.json.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
