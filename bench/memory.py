"""What an idle Sayso weighs and how long starting takes, against an empty Python doing the same nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Final

from bench.report import Figure, Ratio
from bench.servers import ROOT, plain_environ, resident_mb, serving
from bench.sizes import Sizes
from bench.world import make_world

AIM_REST_MB: Final = 150
AIM_HELP_S: Final = 0.3
AIM_READY_S: Final = 2
#: How long a started server is left alone before it is weighed, seconds.
REST: Final = 1.0


def measure(sizes: Sizes) -> Iterator[Figure]:
    """Memory at rest with the worker on, `sayso --help`, and `sayso serve` until it is ready."""
    bare_s, bare_mb = _bare(sizes)
    with make_world() as world:
        world.system.close()
        ready = []
        for start in range(sizes.starts):
            with serving(world.folder, world.environ, worker=True) as server:
                ready.append(server.ready_s)
                if start == sizes.starts - 1:
                    time.sleep(REST)
                    weight = resident_mb(server.pid)
    if weight:
        yield Figure("memory at rest, worker on", weight, "MB", AIM_REST_MB, least=False,
                     ratios=(Ratio(weight / bare_mb, f"an empty Python ({bare_mb:.0f} MB)"),))
    shown = statistics.median(_seconds(["-m", "sayso.cli", "--help"]) for _ in range(sizes.starts))
    peer = f"starting Python for nothing ({1000 * bare_s:.0f} ms)"
    yield Figure("sayso --help", shown, "s", AIM_HELP_S, least=False, ratios=(Ratio(shown / bare_s, peer),))
    started = statistics.median(ready)
    yield Figure("sayso serve until ready", started, "s", AIM_READY_S, least=False,
                 ratios=(Ratio(started / bare_s, peer),))


def _seconds(arguments: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=plain_environ(), cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
                   timeout=60)
    return time.perf_counter() - began


def _bare(sizes: Sizes) -> tuple[float, float]:
    seconds = statistics.median(_seconds(["-c", ""]) for _ in range(sizes.starts))
    program = "import time; time.sleep(5)"
    with subprocess.Popen([sys.executable, "-c", program], env=plain_environ()) as idle:
        time.sleep(0.5)
        megabytes = resident_mb(idle.pid)
        idle.kill()
    return seconds, megabytes or 1.0
