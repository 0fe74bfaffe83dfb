"""A shell for the tests of commands: run one in this process, or start one that stays and talk to it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from typer.testing import CliRunner

from sayso.cli.app import app
from tests.conftest import KEPT_PREFIX

ROOT = Path(__file__).resolve().parents[2]
INIT = ("init", "--yes", "--name", "Acme Garden", "--slug", "acme")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(*words: str, stdin: str = "") -> Ran:
    """One command, to its end, in this process and folder."""
    result = CliRunner().invoke(app, list(words), input=stdin, catch_exceptions=False)
    return Ran(result.exit_code, result.stdout, result.stderr)


def put_secrets(project: Path) -> None:
    """The three files that a first sayso.toml names."""
    (project / "secrets").mkdir()
    for name in ("meta_app_secret", "meta_verify_token", "meta_access_token"):
        (project / "secrets" / name).write_text("x" * 32)
        (project / "secrets" / name).chmod(0o600)


def taken_up(text: str, *heads: str) -> str:
    """A sayso.toml with the marks taken off the tables of these heads."""
    for head in heads:
        block = next(part for part in text.split("\n\n") if f"# {head}" in part)
        before, _, table = block.partition(f"# {head}")
        text = text.replace(block, before + head + table.replace("\n# ", "\n"))
    return text


@dataclass(slots=True)
class Staying:
    """A command that stays, in a process of its own."""

    process: subprocess.Popen[str]

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def read_json(self) -> Any:
        """The first JSON value it prints; messages may stand before it."""
        text = ""
        while True:
            line = self.out.readline()
            assert line, "it ended before it was ready"
            if text or line.startswith("{"):
                text += line
            try:
                return json.loads(text)
            except ValueError:
                continue

    def read_until(self, word: str) -> str:
        """What it prints, up to and with the line that holds this word."""
        text = ""
        while word not in text:
            line = self.out.readline()
            assert line, f"it ended without saying {word!r}: {text}"
            text += line
        return text

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send the signal; its exit code, and what it printed last."""
        self.process.send_signal(number)
        last, _ = self.process.communicate(timeout=30)
        return self.process.returncode, last


@contextmanager
def start(*words: str, folder: Path, **environ: str) -> Iterator[Staying]:
    """Start a command that stays, in a folder."""
    inherited = {name: value for name, value in os.environ.items()
                 if not name.startswith("SAYSO_") or name.startswith(KEPT_PREFIX)}
    process = subprocess.Popen(
        [sys.executable, "-m", "sayso.cli", *words], cwd=folder, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**inherited, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1", **environ})
    try:
        yield Staying(process)
    finally:
        process.kill()
        process.communicate()
