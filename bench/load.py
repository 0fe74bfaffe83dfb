"""The load generator: `python -m bench.load FILE` sends prepared requests over kept connections and times each answer.

It is a process of its own, because a generator inside the server's process would slow what it measures, and it does as
little as it can between two requests: it shares the machine's cores with the server. Closed loop: each connection
sends its next request when the last is answered. All connections are opened, and have had one answer, before the clock
starts: how a server takes 64 strangers at once is another question. It talks to 127.0.0.1 and nowhere else, and stops
at its deadline.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

import msgspec
import uvloop

HOST: Final = "127.0.0.1"
#: Longest a run may take before the generator gives up, seconds.
DEADLINE: Final = 60.0
#: What each connection asks before the clock starts.
HELLO: Final = b"GET /livez HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Plan(msgspec.Struct, frozen=True):
    """What to send: whole HTTP requests, each `repeat` times over, `connections` at a time."""

    port: int
    connections: int
    requests: list[bytes]
    repeat: int = 1


class Outcome(msgspec.Struct, frozen=True):
    """What came back. Times in seconds; `cpu` is what the generator itself used."""

    answered: int
    seconds: float
    statuses: dict[str, int]
    latencies: list[float]
    cpu: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    def at(self, share: float) -> float:
        """The latency below which this share lies, milliseconds."""
        ranked = sorted(self.latencies)
        return 1000 * ranked[min(len(ranked) - 1, int(share * len(ranked)))]


class Client(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, sends again."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent = 0.0

        self._greeted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        transport.write(HELLO)  # type: ignore[attr-defined]

    def go(self) -> None:
        """Send the next request, or leave if there is none."""
        request = self._shared.take()
        if self._transport is None or request is None:
            if self._transport is not None:
                self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer = data = self._buffer + data if self._buffer else data
        head = data.find(b"\r\n\r\n")
        if head < 0:
            return
        found = _LENGTH.search(data, 0, head + 2)
        if len(data) < head + 4 + (int(found[1]) if found else 0):
            return
        self._buffer = b""
        if self._greeted:
            self._shared.answered(data[9:12], time.perf_counter() - self._sent)
            self.go()
        else:
            self._greeted = True
            self._shared.greeted(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._shared.left()


class Shared:
    """What all connections draw from and report to."""

    def __init__(self, plan: Plan, over: asyncio.Future[None]) -> None:
        self._requests = iter(plan.requests * plan.repeat)
        self._open = self._connections = plan.connections
        self._ready: list[Client] = []
        self.began = 0.0
        self._over = over
        self.statuses: Counter[bytes] = Counter()
        self.latencies: list[float] = []

    def greeted(self, client: Client) -> None:
        self._ready.append(client)
        if len(self._ready) == self._connections:
            self.began = time.perf_counter()
            for ready in self._ready:
                ready.go()

    def take(self) -> bytes | None:
        return next(self._requests, None)

    def answered(self, status: bytes, seconds: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(seconds)

    def left(self) -> None:
        self._open -= 1
        if not self._open and not self._over.done():
            self._over.set_result(None)


async def carry_out(plan: Plan) -> Outcome:
    """Send everything."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    shared = Shared(plan, over)
    cpu = time.process_time()
    for _ in range(plan.connections):
        await loop.create_connection(lambda: Client(shared), HOST, plan.port)
    await asyncio.wait_for(over, DEADLINE)
    statuses = {status.decode(): count for status, count in shared.statuses.items()}
    return Outcome(len(shared.latencies), time.perf_counter() - shared.began, statuses, shared.latencies,
                   time.process_time() - cpu)


def send(folder: Path, plan: Plan) -> Outcome:
    """Carry out a plan in a process of its own."""
    file = folder / "plan"
    file.write_bytes(msgspec.msgpack.encode(plan))
    done = subprocess.run([sys.executable, "-m", "bench.load", str(file)], stdout=subprocess.PIPE, check=True,
                          cwd=Path(__file__).resolve().parent.parent, timeout=DEADLINE + 30)
    file.unlink()
    return msgspec.msgpack.decode(done.stdout, type=Outcome)


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A whole HTTP/1.1 request. Header names are written with underscores."""
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def main() -> None:
    plan = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=Plan)
    sys.stdout.buffer.write(msgspec.msgpack.encode(uvloop.run(carry_out(plan))))


if __name__ == "__main__":
    main()
