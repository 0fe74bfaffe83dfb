"""A receiver of webhooks out: a real HTTP server on this machine that remembers what it got and answers as told."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from sayso.core.workspace import Webhook
from sayso.worker.run import Worker
from tests.stores import World, declaration, settle_in

#: Secrets as Standard Webhooks writes them.
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD_SECRET = "whsec_" + base64.b64encode(bytes(range(32, 64))).decode()
#: What lets a delivery reach this machine.
HERE = ["127.0.0.0/8", "::1/128"]

Answer = int | tuple[int, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Got:
    """One delivery as it arrived."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)
        return told

    @property
    def kind(self) -> str:
        return str(self.event["type"]).removeprefix("sayso.")

    @property
    def data(self) -> dict[str, Any]:
        told: dict[str, Any] = self.event["data"]
        return told


@dataclass(slots=True)
class Receiver:
    """`answer` decides by what arrived; `got` is everything that did, `taken` what was answered 2xx."""

    port: int
    answer: Callable[[Got], Answer] = lambda _: 204
    got: list[Got] = field(default_factory=list)
    taken: list[Got] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def take(self, got: Got) -> Answer:
        answer = self.answer(got)
        with self._lock:
            self.got.append(got)
            if 200 <= (answer if isinstance(answer, int) else answer[0]) < 300:
                self.taken.append(got)
        return answer

    @property
    def kinds(self) -> list[str]:
        """The types it took, in their order."""
        return [got.kind for got in self.taken]


@contextmanager
def listening() -> Iterator[Receiver]:
    """A receiver that answers until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = receiver.take(Got({name.lower(): value for name, value in self.headers.items()}, body))
            status, headers = (answer, {}) if isinstance(answer, int) else answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def declared(url: str, **more: Any) -> dict[str, Any]:
    """One webhook as sayso.toml declares it."""
    return {"url": url, "secret": {"env": "ACME_HOOK"}, "allow_private": HERE, **more}


def subscribe(world: World, url: str, **more: Any) -> Webhook:
    """Declare the webhook `crm`; it hears of what is recorded from now on."""
    world.work()
    world.system.environ["ACME_HOOK"] = SECRET
    world.workspace = settle_in(world.system, declaration(webhooks={"crm": declared(url, **more)}))
    return world.workspace.webhooks["crm"]


def teller(world: World, senders: int = 1) -> Worker:
    """A worker that calls receivers."""
    return Worker(world.store, world.kit, world.system.directory.all, world.system.directory.by_id, world.wire.send,
                  senders=senders, courier=world.system)
