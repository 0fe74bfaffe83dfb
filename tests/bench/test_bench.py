"""The bench: it runs, every figure is held against something, and it proves what it says of reads.

Nothing here looks at a time: how fast this machine is today is no property of the code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import checks, webhooks
from bench.report import Figure, Ratio, Report
from bench.sizes import TINY
from bench.world import address_of, make_world
from sayso.flows import permits

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def sqlite_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store's own tests run on PostgreSQL; starting one for the bench proves nothing more."""
    monkeypatch.setattr(bench.Stage, "_find_postgres", lambda _: "")


@pytest.mark.parametrize("name", list(bench.NAMES))
def test_each_measurement_runs_and_holds_its_figures_against_something(name: str) -> None:
    report = bench.run([name], TINY, lambda _: None)
    assert report.figures
    assert all(figure.ratios or "latency" in figure.name for figure in report.figures)
    assert all(ratio.value > 0 for figure in report.figures for ratio in figure.ratios)


def test_a_skipped_database_is_said_in_a_sentence() -> None:
    assert bench.NO_POSTGRES in bench.run(["http"], TINY, lambda _: None).sentences


def test_the_report_is_a_table_and_can_be_kept_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "QUICK", TINY)
    monkeypatch.setenv("BENCH_QUICK", "1")
    assert bench.main(["checks", "--json", str(tmp_path / "kept.json")]) == 0
    assert "indexed reads in a check" in capsys.readouterr().out
    kept = json.loads((tmp_path / "kept.json").read_text())
    assert kept["machine"]["fdatasync/s"] > 0
    assert {"name", "number", "unit", "aim", "met", "ratios"} <= set(kept["figures"][0])


@pytest.fixture
def look_up_plan() -> Callable[[int], list[str]]:
    def planned(people: int) -> list[str]:
        with make_world(people) as world:
            return checks.plan(world)

    return planned


def test_a_check_makes_two_indexed_reads_and_walks_through_no_table(look_up_plan: Callable[[int], list[str]]) -> None:
    lines = look_up_plan(50)
    assert sum("SEARCH" in line and "INDEX" in line for line in lines) == checks.MOST_READS
    assert not any("SCAN" in line for line in lines)


def test_the_made_up_people_are_known_to_the_gate_by_their_real_macs() -> None:
    with make_world(50) as world:
        verdicts = [
            world.system.store.read(
                lambda tx, place=place: permits.check(  # type: ignore[misc]
                    tx, world.system.kit, world.workspace, address_of(place), world.cell))
            for place in range(51)
        ]
    reasons = {verdict.reason for verdict in verdicts[:50]}
    assert reasons == {"granted", "stopped_all", "pending", "no_consent"}
    assert verdicts[50].reason == "unknown_person"


def test_what_is_replayed_without_sayso_is_what_a_stop_writes() -> None:
    written = webhooks.record(2)
    assert len(written) == 2
    tables = [name for name, _ in written[0]]
    assert tables.count("add_event") >= 1
    assert {"see_message", "add_person", "add_address", "set_standing", "enqueue"} <= set(tables)


def test_an_aim_says_on_which_side_the_number_should_be() -> None:
    assert Figure("rate", 10, "/s", aim=5).met is True
    assert Figure("latency", 10, "ms", aim=5, least=False).met is False
    assert Figure("size", 10, "MB").met is None


def test_the_last_line_counts_the_aims_that_were_missed() -> None:
    report = Report({"cores": 2}, [Figure("rate", 1, "/s", aim=5, ratios=(Ratio(0.2, "a peer"),))])
    assert report.text().splitlines()[-1] == "bench: 1 figures, 1 with an aim, 1 below it"
