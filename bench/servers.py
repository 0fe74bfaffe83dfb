"""Starting what is measured: `sayso serve` in a process of its own, and a stand-in for Meta that takes every message.

Everything listens on 127.0.0.1. A server is ended by SIGTERM and must go; what it wrote is shown if it does not start.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import msgspec

from bench.served import Commits

ROOT: Final = Path(__file__).resolve().parent.parent
#: How long a server may take to answer for the first time, seconds.
START_LIMIT: Final = 30.0
STOP_LIMIT: Final = 30.0
#: Whom a message is for: the answer names them, as Meta's does.
_TO: Final = re.compile(rb'"to": ?"\+?([0-9]+)"')
#: What a provider takes to answer one message, seconds (design: about 100 ms).
GRAPH_SECONDS: Final = 0.1


@dataclass(slots=True)
class Server:
    """A running `sayso serve`. `ready_s` is how long it took from the command to the first good /readyz."""

    port: int
    pid: int
    ready_s: float
    commits: Commits | None = None


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plain_environ() -> dict[str, str]:
    """This process's environment without anybody's real installation, with this checkout to import from."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")}
    return kept | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}


@contextlib.contextmanager
def serving(folder: Path, environ: dict[str, str], *, worker: bool = False,
            counted: bool = False, module: str = "sayso.cli") -> Iterator[Server]:
    """Run `sayso serve`; with `counted`, `commits` tells of the writer afterwards. `module` may stand in its place."""
    port, counts = free_port(), folder / "commits"
    how = ["-m", "bench.served", str(counts)] if counted else ["-m", module]
    env = plain_environ() | environ | {"SAYSO_HOST": "127.0.0.1", "SAYSO_PORT": str(port),
                                                "SAYSO_WORKER": "true" if worker else "false",
                                                "SAYSO_LOG_LEVEL": "warning"}
    with (folder / "serve.log").open("wb") as log:
        began = time.perf_counter()
        process = subprocess.Popen([sys.executable, *how, "serve"], env=env, stdout=log, stderr=log)
    server = Server(port, process.pid, 0.0)
    try:
        _wait(process, port, folder / "serve.log")
        server.ready_s = time.perf_counter() - began
        yield server
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if counted:
        server.commits = msgspec.msgpack.decode(counts.read_bytes(), type=Commits)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up_at = time.perf_counter() + START_LIMIT
    while time.perf_counter() < give_up_at and process.poll() is None:
        with contextlib.suppress(URLError, OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return
        time.sleep(0.01)
    raise RuntimeError(f"sayso serve did not start: {log.read_text(errors='replace')}")


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far; 0 where /proc does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Resident memory of a process in megabytes; 0 where /proc does not tell."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)


# -- the stand-in for Meta ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def graph(seconds: float = GRAPH_SECONDS) -> Iterator[str]:
    """Takes every message after so many seconds, in a thread of this process; yields its URL."""
    port, loop = free_port(), asyncio.new_event_loop()
    over, ready = asyncio.Event(), threading.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_take_messages(port, seconds, ready, over),),
                              daemon=True)
    thread.start()
    ready.wait(START_LIMIT)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(STOP_LIMIT)
        loop.close()


async def _take_messages(port: int, seconds: float, ready: threading.Event, over: asyncio.Event) -> None:
    numbers, open_ones = itertools.count(), set[asyncio.StreamWriter]()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                lines = head.lower().split(b"\r\n")
                length = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
                named = _TO.search(await reader.readexactly(length))
                if seconds:
                    await asyncio.sleep(seconds)
                contact = b'{"wa_id":"%s"}' % named[1] if named else b""
                body = b'{"messaging_product":"whatsapp","contacts":[%s],"messages":[{"id":"wamid.out%d"}]}' % (
                    contact, next(numbers))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        open_ones.discard(writer)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", port)
    ready.set()
    await over.wait()
    server.close()
    for writer in open_ones:
        writer.close()
    await asyncio.sleep(0.05)  # lets those that were waiting notice
