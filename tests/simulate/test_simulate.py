"""The simulation: every promise holds under faults, a seed plays again exactly, and every planted bug is caught."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from sayso.errors import InvalidRequest
from sayso.simulate import many
from sayso.simulate.race import race
from sayso.simulate.run import simulate
from tests.cli.shell import ROOT
from tests.simulate.bugs import BUGS, planted

#: Seeds are played for this long, and at least so many of them, however slow the machine.
FOR_S: Final = 60.0
AT_LEAST: Final = 300
SEEDS: Final[dict[str, dict[str, int]]] = tomllib.loads(
    (Path(__file__).with_name("seeds.toml")).read_text(encoding="utf-8"))


@pytest.mark.slow
def test_no_seed_breaks_a_promise(capsys: pytest.CaptureFixture[str]) -> None:
    end, tally = time.monotonic() + FOR_S, many.Tally()
    while tally.seeds < AT_LEAST or time.monotonic() < end:
        tally.add(simulate(tally.seeds))
    with capsys.disabled():
        sys.stdout.write(f"\nsimulation: {tally.seeds} seeds, {len(tally.found)} broke a promise; {tally.counts}\n")
    assert tally.found == []
    for fault in ("crashes", "pauses", "webhooks late", "webhooks twice", "webhooks lost", "clock jumps", "disk full",
                  "unknown commits", "conflicts", "bad items", "messages", "confirmations", "erasures"):
        assert tally.counts[fault] > 0, f"no {fault} at all: the simulation tries nothing"
    assert tally.counts["messages"] > tally.seeds


def test_the_same_seed_is_the_same_run_in_any_process() -> None:
    here = [simulate(seed).digest for seed in (5, 3, 5)]
    assert here[0] == here[2] != here[1]
    script = "from sayso.simulate.run import simulate; print(simulate(5).digest)"
    for order in ("0", "1", "77"):
        told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONHASHSEED": order, "PYTHONPATH": str(ROOT / "src")})
        assert told.stdout.strip() == here[0]


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_caught_by_its_seed(name: str) -> None:
    seed, promise = SEEDS[name]["seed"], SEEDS[name]["promise"]
    with planted(name):
        caught = simulate(seed)
    assert caught.violation, "the bug went unseen"
    assert caught.promise == promise, caught.violation


def test_every_seed_that_catches_a_bug_is_clean_without_it() -> None:
    assert [(seed, broke) for seed in sorted({one["seed"] for one in SEEDS.values()})
            if (broke := simulate(seed).violation)] == []


def test_at_least_thirty_bugs_are_planted_and_none_without_a_seed() -> None:
    assert set(BUGS) == set(SEEDS)
    assert len(BUGS) >= 30


def test_check_then_send_writes_to_people_who_left_and_the_gate_never() -> None:
    for seed in (1, 2, 3):
        checked, gated = race(seed)
        assert checked.stops == gated.stops > 0
        assert checked.after > 0
        assert gated.after == 0 < gated.sent
    assert race(1) == race(1)


def test_the_race_is_not_won_by_a_gate_without_its_drain_and_last_look() -> None:
    with planted("redeem_does_not_look_again"):
        _, gated = race(1)
    assert gated.after > 0


def test_a_soak_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    file = tmp_path / "soak.json"
    told: list[many.Tally] = []
    many.save(many.many(20, 4, 1, told.append), file)
    again = many.resume(file)
    assert (again.first_seed, again.next_seed, again.seeds, again.found) == (20, 24, 4, [])
    more = many.many(again.next_seed, 2, 1, told.append, tally=again)
    assert (more.next_seed, more.seeds) == (26, 6)
    file.write_text("no soak")
    with pytest.raises(InvalidRequest):
        many.resume(file)


def run(*words: str, before: str = "") -> tuple[int, str]:
    """The command in a process of its own, with the product changed before."""
    script = f"import sys\nfrom sayso.cli import main\n{before}\nsys.argv = {['sayso', 'simulate', *words]!r}\nmain()"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    return told.returncode, told.stdout


def test_the_command_says_how_many_held() -> None:
    code, told = run("--seeds", "2", "--json")
    report: dict[str, Any] = json.loads(told)
    assert (code, report["seeds"], report["violations"]) == (0, 2, [])
    assert run("--seed", "1", "--trace")[1].rstrip().splitlines()[-1].startswith("seed 1: every promise held; trace ")


def test_the_command_names_the_seed_that_broke_a_promise_and_exits_1() -> None:
    broken = "from sayso.core import gate\ngate.TABLE = (lambda *_: gate.speak('allow', 'granted'),)"
    code, told = run("--seeds", "1", before=broken)
    assert code == 1
    assert "again: sayso simulate --seed 0 --trace" in told
    assert "1 broke a promise" in told
