"""A provider that a test holds in its hand: it writes down every request and answers as it is told."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

#: Longest a held request waits for its release, seconds.
PATIENCE = 15


@dataclass(frozen=True, slots=True)
class Got:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Upstream:
    """What it was sent, and how it answers. `answers` are used up one by one: (status, value), a value that is bytes
    goes out as it is; None breaks the connection without an answer. While `hold` is set, messages wait. `kind` is the
    type of answers under /files/, whose last `cut` bytes are missing.
    """

    url: str = ""
    got: list[Got] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)
    answers: list[tuple[int, Any] | None] = field(default_factory=list)
    templates: dict[str, str] = field(default_factory=dict)
    templates_down: bool = False
    arrived: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event | None = None
    extra: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json; charset=UTF-8"
    cut: int = 0

    @property
    def sent(self) -> list[Got]:
        """The messages it was handed: everything but look-ups of templates."""
        return [one for one in self.got if "/message_templates" not in one.path]

    def answer(self, got: Got) -> tuple[int, Any] | None:
        if "/message_templates" in got.path:
            if self.templates_down:
                return 500, {"error": {"code": 2}}
            return 200, {"data": [{"name": name, "language": "en", "category": category, "status": "APPROVED"}
                                  for name, category in self.templates.items()]}
        self.arrived.set()
        if self.hold is not None:
            self.hold.wait(PATIENCE)
        if self.answers:
            return self.answers.pop(0)
        if got.path.endswith("/Messages.json"):
            return 201, {"sid": f"SM{len(self.got):032d}", "status": "queued", "error_code": None}
        if got.method == "GET":
            return 200, {"id": got.path.rpartition("/")[2], "mime_type": "image/png", "url": "https://media.example/1"}
        return 200, json.dumps({
            "messaging_product": "whatsapp", "contacts": [{"input": "+447700900123", "wa_id": "447700900123"}],
            "messages": [{"id": f"wamid.gateway.{len(self.got)}"}]}, indent=1).encode()


def handler_of(upstream: Upstream) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

        def _take(self) -> None:
            got = Got(self.command, self.path, {name.lower(): value for name, value in self.headers.items()},
                      self._body())
            upstream.got.append(got)
            told = upstream.answer(got)
            if told is None:
                self.close_connection = True
                return
            status, value = told
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            upstream.told.append(body)
            self.send_response(status)
            file = self.path.startswith("/files/")
            self.send_header("Content-Type", upstream.kind if file else "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(body)))
            for name, more in upstream.extra.items():
                self.send_header(name, more)
            self.end_headers()
            self.wfile.write(body[:len(body) - upstream.cut] if file else body)
            self.close_connection = self.close_connection or bool(file and upstream.cut)

        def _body(self) -> bytes:
            if self.headers.get("transfer-encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            parts = b""
            while size := int(self.rfile.readline(), 16):
                parts += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return parts

        do_GET = do_POST = do_DELETE = _take  # noqa: N815  (the names http.server looks for)

    return Handler


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what the tests are about."""


@contextmanager
def running(upstream: Upstream | None = None) -> Iterator[Upstream]:
    """An upstream that answers until the end of the block."""
    upstream = upstream or Upstream()
    server = _Server(("127.0.0.1", 0), handler_of(upstream))
    upstream.url = f"http://127.0.0.1:{server.server_address[1]}"
    loop: Callable[[], None] = server.serve_forever
    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield upstream
    finally:
        if upstream.hold is not None:
            upstream.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)
