"""The page that connects a Meta number, followed command by command, with the phone standing in for Meta."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "how-to" / "connect-a-meta-number.md").read_text(encoding="utf-8")
LINES: list[str] = re.findall(r"^ {4,}(\S.*)$", PAGE.replace("\\\n", " "), re.MULTILINE)
#: Longest wait for a server or a message, seconds.
PATIENCE_S = 20.0


def shown(beginning: str) -> str:
    """The first command on the page that begins so."""
    return next(line for line in LINES if line.startswith(beginning)).partition("   #")[0].strip()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Rehearsal:
    """A folder, two ports, and the page's commands with those ports in place of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8080": str(free_port()), "8378": str(free_port())}
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")} | {
            "PYTHONPATH": str(ROOT / "src"), "SAYSO_PORT": self.ports["8080"],
        }  # fmt: skip

    def here(self, text: str) -> str:
        for theirs, ours in self.ports.items():
            text = text.replace(theirs, ours)
        return text

    def sayso(self, line: str) -> list[str]:
        return [sys.executable, "-m", "sayso.cli", *shlex.split(self.here(line).removeprefix("sayso "))]

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.sayso(line), cwd=self.folder, env=self.environ, capture_output=True, text=True,
                              check=False, timeout=60)

    @contextmanager
    def staying(self, line: str, **environ: str) -> Iterator[None]:
        """A command that stays, from its first line to Ctrl-C."""
        process = subprocess.Popen(self.sayso(line), cwd=self.folder, env=self.environ | environ, text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert process.stdout is not None
            assert "http://127.0.0.1:" in process.stdout.readline()
            yield
        finally:
            process.terminate()
            process.communicate(timeout=30)

    def curl(self, line: str) -> Any:
        """What the page does with curl."""
        words = shlex.split(self.here(line))
        url = next(word for word in words if word.startswith("http"))
        answer = httpx.post(url, json=json.loads(words[words.index("-d") + 1]))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def say(self, text: str) -> None:
        phone = f"http://127.0.0.1:{self.ports['8378']}"
        assert httpx.post(f"{phone}/_phone/say", json={"person": "amira", "text": text}).status_code == 200

    def received(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"http://127.0.0.1:{self.ports['8378']}/_phone/outbox").json()["data"]
        return found

    def until_received(self, number: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while len(self.received()) < number:
            assert time.monotonic() < end, f"message {number} did not come"
            time.sleep(0.05)


def set_up(rehearsal: Rehearsal) -> None:
    """Steps 1 to 3: sayso.toml, secrets, the phone's URL, the template."""
    assert rehearsal.run(shown("sayso init --name")).returncode == 0
    (rehearsal.folder / "secrets").mkdir()
    for word, file in re.findall(r"^    echo (\S+) > (secrets/\S+)$", PAGE, re.MULTILINE):
        (rehearsal.folder / file).write_text(word)
    declared = rehearsal.folder / "sayso.toml"
    text = declared.read_text().replace("[senders.shop]", rehearsal.here(shown("base_url")) + "\n\n[senders.shop]")
    for line in ("[notices.join.templates.en]", 'name = "sayso_optin"', 'language = "en"', "params = []"):
        assert f"# {line}" in text
        assert line in PAGE
        text = text.replace(f"# {line}", line)
    declared.write_text(text)
    told = rehearsal.run("sayso init")
    assert told.returncode == 0, told.stderr
    assert "Still missing" not in told.stderr
    assert rehearsal.run("sayso doctor").returncode == 0


@pytest.mark.slow
def test_the_page_that_connects_a_number_can_be_followed_to_its_end(tmp_path: Path) -> None:
    rehearsal = Rehearsal(tmp_path)
    set_up(rehearsal)
    with rehearsal.staying(shown("sayso serve")):
        key = rehearsal.run(shown("sayso key --scopes check,read")).stdout.strip()
        assert key.startswith("sayso_live_")
        phone = shown("SAYSO_PHONE_KEY=").partition(" ")[2] + " --port 8378"
        with rehearsal.staying(phone, SAYSO_PHONE_KEY=key):
            assert rehearsal.curl(shown("curl -s http://127.0.0.1:8378/_phone/verify"))["ok"] is True
            _say_yes_say_stop(rehearsal)


def _say_yes_say_stop(rehearsal: Rehearsal) -> None:
    """Step 7, with the exit statuses the page names."""
    check = shown("sayso check")
    rehearsal.say("JOIN")
    rehearsal.until_received(1)
    rehearsal.say("yes")
    rehearsal.until_received(2)
    assert rehearsal.run(check).returncode == 0
    rehearsal.say("STOP")
    rehearsal.until_received(3)
    denied = rehearsal.run(check)
    assert denied.returncode == 10
    assert "stopped_all" in denied.stdout
    assert "said stop" in rehearsal.run(shown("sayso show")).stdout
    assert rehearsal.run(shown("sayso receipt")).returncode == 0
    script = ROOT / "tools" / "verify_receipt.py"
    assert subprocess.run([sys.executable, str(script), str(rehearsal.folder / "receipt.json")], check=False,
                          capture_output=True).returncode == 0
    assert rehearsal.run("sayso verify").returncode == 0
    assert len(rehearsal.received()) == 3
