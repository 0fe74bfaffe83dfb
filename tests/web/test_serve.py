"""The server: it says when it answers, finishes what it began, and closes what it opened."""

from __future__ import annotations

import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from sayso.errors import Unavailable
from sayso.web.auth import make_key
from sayso.web.serve import Serving, serve
from tests.cast import AMIRA
from tests.stores import World
from tests.web.desk import HOOK, sign
from tests.web.test_hooks import stop as stop_envelope

ROOT = Path(__file__).resolve().parents[2]
#: Longest a server may take to come up or go down in a test, seconds.
PATIENCE = 15

PROGRAM = """
import sys
from sayso.settings import read_settings
from sayso.web.serve import serve
from sayso.wiring import open_system
folder = sys.argv[1]
system = open_system(read_settings({"SAYSO_DATABASE": f"{folder}/a.db", "SAYSO_KEYS_FILE": f"{folder}/keys"}))
serve(system, "127.0.0.1", 0, True, lambda serving: print(serving.url, flush=True))
print("closed", flush=True)
"""


@contextmanager
def served(world: World, *, worker: bool = False) -> Iterator[tuple[Serving, threading.Thread]]:
    ready: queue.Queue[Serving] = queue.Queue()
    thread = threading.Thread(target=serve, args=(world.system, "127.0.0.1", 0, worker, ready.put), daemon=True)
    thread.start()
    serving = ready.get(timeout=PATIENCE)
    try:
        yield serving, thread
    finally:
        serving.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_it_answers_once_it_is_ready_and_closes_the_store_at_the_end(lone_world: World) -> None:
    with served(lone_world, worker=True) as (serving, _):
        assert httpx.get(f"{serving.url}/readyz").json()["status"] == "ready"
        raw = stop_envelope()
        taken = httpx.post(serving.url + HOOK, content=raw, headers={"x-hub-signature-256": sign(raw)})
        assert taken.status_code == 200
        assert "server" not in taken.headers
    with pytest.raises(Unavailable):
        lone_world.store.submit(lambda tx: None)


def test_a_request_at_work_is_answered_before_the_end(lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.web.api.DRAIN_SECONDS", 0.6)
    lone_world.join(AMIRA)
    lone_world.redeem(lone_world.permit(AMIRA).id)
    ports, ws = lone_world.kit.ports, lone_world.workspace.id
    _, key = lone_world.store.write(lambda tx: make_key(tx, ports, ws, ["consent"]))
    answers: queue.Queue[httpx.Response] = queue.Queue()
    with served(lone_world) as (serving, _):
        asking = threading.Thread(target=lambda: answers.put(httpx.post(
            f"{serving.url}/v1/opt-outs", json={"address": AMIRA.phone}, headers={"authorization": f"Bearer {key}"})))
        asking.start()
        asking.join(0.3)
        assert asking.is_alive()
        serving.stop()
        told = answers.get(timeout=PATIENCE)
    assert (told.status_code, told.json()["state"]) == (202, "recorded")


def test_an_address_that_is_taken_is_a_sentence_and_closes_the_store(lone_world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unavailable, match="SAYSO_PORT"):
        serve(lone_world.system, "127.0.0.1", taken.getsockname()[1], worker=False)
    with pytest.raises(Unavailable):
        lone_world.store.submit(lambda tx: None)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, ending: signal.Signals) -> None:
    child = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True,
                             env={"PYTHONPATH": str(ROOT / "src")})
    with child:
        assert child.stdout is not None
        url = child.stdout.readline().strip()
        assert httpx.get(f"{url}/livez").status_code == 200
        child.send_signal(ending)
        assert child.stdout.read() == "closed\n"
        assert child.wait(PATIENCE) == 0
    assert not (tmp_path / "a.db-wal").exists()  # closed in order: the log was folded in
