"""The demo: the story holds and says so, fails when the product is broken, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sayso.cli.demo import _myself
from sayso.cli.expecting import Expected, expect
from sayso.cli.story import check_alone
from tests.cli.shell import ROOT, start

#: Breaks the product, then plays the story; it must notice. Patience is short: what never comes is waited for.
BROKEN = """
import sys
from sayso.cli import expecting, main
expecting.PATIENCE_S = 0.7
{breakage}
sys.argv = ["sayso", "demo", "--once"]
main()
"""
EVERYBODY_MAY = """
from sayso.core import gate
gate.TABLE = (lambda *_: gate.speak("allow", "granted"),)
"""
STOPS_ARE_LOST = """
from sayso.flows import inbound
inbound.stopped = lambda *_, **__: None
"""
SIGNATURES_ARE_NOT_CHECKED = """
from sayso.channels import meta
meta.verify = lambda *_: None
"""
VERIFY_FINDS_NOTHING = """
from sayso.flows import verify
verify.verify = lambda *_: verify.Report(events=99, people=9)
"""


def test_the_story_is_played_and_every_step_holds(tmp_path: Path) -> None:
    with start("demo", "--once", folder=tmp_path, TMPDIR=str(tmp_path)) as demo:
        told, _ = demo.process.communicate(timeout=60)
    assert demo.process.returncode == 0, told
    last = told.rstrip().splitlines()[-1]
    assert (steps := re.fullmatch(r"story: (\d+) steps, 0 failed", last)), told
    assert int(steps[1]) >= 12
    assert "NOT" not in told
    assert "█" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("breakage", [EVERYBODY_MAY, STOPS_ARE_LOST, SIGNATURES_ARE_NOT_CHECKED, VERIFY_FINDS_NOTHING],
                         ids=["everybody_may", "stops_are_lost", "signatures_unchecked", "verify_finds_nothing"])
def test_the_story_fails_when_the_product_is_broken(tmp_path: Path, breakage: str) -> None:
    told = subprocess.run(
        [sys.executable, "-c", BROKEN.format(breakage=breakage)], cwd=tmp_path, capture_output=True, text=True,
        timeout=120, check=False, env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(tmp_path)})
    assert told.returncode == 1, told.stdout + told.stderr
    assert re.search(r"story: \d+ steps, [1-9]\d* failed\n\Z", told.stdout)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_demo_stays_up_to_try_and_leaves_nothing_behind(tmp_path: Path, ending: int) -> None:
    with start("demo", "--no-browser", folder=tmp_path, TMPDIR=str(tmp_path)) as demo:
        told = demo.read_until("Leave ")
        assert f"{shlex.quote(sys.executable)} -m sayso.cli show " in told  # it was not started from the PATH
        page = next(line.split()[1] for line in told.splitlines() if line.startswith("Open"))
        assert "<html" in httpx.get(page).text.lower()
        preferences = next(line.split()[1] for line in told.splitlines() if line.startswith("Prefs"))
        assert httpx.get(preferences).status_code == 200
        assert told.index("█") > told.index("Race it")  # the code is drawn beside the story, not in it
        assert len(list(tmp_path.iterdir())) == 1
        code, last = demo.end(ending)
    assert code == 0
    assert last.rstrip().endswith("0 failed")
    assert list(tmp_path.iterdir()) == []


def test_the_commands_it_shows_work_for_somebody_who_only_ran_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / ".venv" / "bin" / "sayso"), "demo"])
    assert _myself() == ".venv/bin/sayso"
    monkeypatch.setattr(sys, "argv", ["/opt/a place/sayso", "demo"])
    assert _myself() == "'/opt/a place/sayso'"


def test_a_step_that_does_not_hold_says_what_was_expected() -> None:
    expect([1], "there is one")
    with pytest.raises(Expected, match="there is one"):
        expect([], "there is one")


def test_a_receipt_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "receipt.json"
    file.write_text('{"format": "sayso-receipt/1"}')
    with pytest.raises(Expected):
        check_alone(file)
