"""The list of commands: help, version, and what every command shares."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from sayso.cli.app import app
from tests.cli.shell import ROOT, run

COMMANDS = {"demo", "init", "key", "serve", "worker", "phone", "check", "optin", "optout", "show", "verify", "receipt",
            "doctor", "erase", "import", "entry", "qr", "pending", "notice", "lint",
            "webhook", "incidents", "audience", "snapshot", "scrub", "link", "data",
            "intent", "simulate", "held", "breaker", "reasons"}


def group() -> TyperGroup:
    found = get_command(app)
    assert isinstance(found, TyperGroup)
    return found


def test_every_command_is_there_and_says_what_it_does_in_one_line() -> None:
    assert set(group().commands) == COMMANDS
    for name, command in group().commands.items():
        first = (command.help or "").partition("\n")[0]
        assert 10 < len(first) <= 60, name
        assert run(name, "--help").code == 0


def test_every_command_but_the_demo_prints_json_when_asked() -> None:
    without = {name for name, command in group().commands.items()
               if "--json" not in [option for parameter in command.params for option in parameter.opts]}
    assert without == {"demo", "notice", "webhook"}  # groups; their commands have it


def test_the_help_lists_the_exit_codes() -> None:
    told = " ".join(run("--help").out.split())
    for part in ("0 good", "2 wrong usage", "3 configuration", "10 check says deny", "11 check says wait", "20 verify"):
        assert part in told


def test_the_help_says_how_to_keep_a_number_out_of_the_history() -> None:
    assert "write - to read it from standard input" in " ".join(run("check", "--help").out.split())


def test_the_version_is_printed() -> None:
    told = run("--version")
    assert (told.code, told.out.split()[0]) == (0, "sayso")


def test_a_mistyped_command_is_exit_2_with_a_suggestion() -> None:
    told = run("chekc")
    assert told.code == 2
    assert "'check'" in told.err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["check", "--help"]])
def test_help_loads_no_server_no_database_and_no_cryptography(words: list[str]) -> None:
    heavy = ("apsw", "psycopg", "starlette", "uvicorn", "httpx", "cryptography", "phonenumbers", "rich.table",
             "sayso.library", "sayso.wiring")
    program = ("import sys\nfrom sayso.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
               f"print('LOADED', [name for name in {heavy!r} if name in sys.modules])")
    told = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
    assert told.stdout.rstrip().endswith("LOADED []"), told.stdout + told.stderr


def test_a_setting_that_is_none_of_ours_is_told_with_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAYSO_DATABAS", "x.db")
    told = run("verify")
    assert told.code == 3
    assert "did you mean SAYSO_DATABASE?" in told.err
