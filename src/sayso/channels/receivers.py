"""Calling the receivers of webhooks out: one POST, once, to an address that was looked at after it was resolved.

Rules of the room: nothing here follows a redirect, reads a proxy from the environment, or connects to a name. A name
is resolved once, every address it has must be one we may call (`core/egress.py`), and the connection goes to that very
address, with TLS and the Host header for the name: a name that changes its mind in between (DNS rebinding) changes
nothing. All of it, name, handshake, answer, has one deadline. What a receiver answers is its status and nothing else.
"""

from __future__ import annotations

import email.utils
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpcore

from sayso.channels.base import Reply
from sayso.core import egress
from sayso.core.workspace import Webhook

#: How long one delivery may take from resolving the name to the end of the answer, seconds (specification: 15 to 30).
TIMEOUT_S: Final = 15.0
#: Bytes of an answer that are read; it is thrown away.
MAX_ANSWER: Final = 64 * 1024
#: Connections to one receiver, and how long an idle one is kept, seconds.
CONNECTIONS: Final = 8
KEEP_ALIVE_S: Final = 20.0
#: Receivers whose connections are kept; the one unused longest goes.
KEPT: Final = 100
#: Addresses of one name that are looked at.
MAX_ADDRESSES: Final = 16
#: Longest wait that a receiver can ask for, seconds.
MAX_RETRY_AFTER: Final = 24 * 3600

#: What a receiver, its name and the network between can make happen.
FAILURES: Final = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError,
                   httpcore.ConnectionNotAvailable, OSError)

#: (host, port) -> its addresses, as text. Raises OSError.
Resolve = Callable[[str, int], list[str]]


class Refused(httpcore.ConnectError):
    """The name leads to an address that nothing of ours may connect to."""


class Unresolved(httpcore.ConnectError):
    """The name has no address now."""


def resolve(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Deadline(threading.local):
    """When the delivery of this thread is over; a delivery is one thread's from its beginning to its end."""

    at: float = 0.0

    def left(self, error: type[httpcore.TimeoutException]) -> float:
        """Seconds that are left. Raises `error` when there are none."""
        rest = self.at - time.monotonic()
        if rest <= 0:
            raise error
        return rest


class _Timed(httpcore.NetworkStream):
    """A connection whose every wait ends at the deadline of the delivery, however slowly its bytes drip."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  the deadline is ours
        return self._stream.read(max_bytes, self._deadline.left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._deadline.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
                  timeout: float | None = None) -> httpcore.NetworkStream:  # noqa: ARG002
        left = self._deadline.left(httpcore.ConnectTimeout)
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Guarded(httpcore.NetworkBackend):
    """Connects to addresses, never to names."""

    def __init__(self, webhook: Webhook, resolve: Resolve, deadline: _Deadline) -> None:
        self._allowed = webhook.allow_private
        self._plain = webhook.url.startswith("http://")
        self._resolve = resolve
        self._deadline = deadline
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,  # noqa: ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port)
        problem: Exception = Unresolved()
        for address in addresses:
            try:
                left = self._deadline.left(httpcore.ConnectTimeout)
                stream = self._sockets.connect_tcp(address, port, left / 2 if len(addresses) > 1 else left)
                return _Timed(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem

    def _addresses(self, host: str, port: int) -> list[str]:
        """Every address of the name, all of them fine. Raises Refused, Unresolved."""
        found = _within(self._deadline.left(httpcore.ConnectTimeout), lambda: self._resolve(host, port))
        if not found:
            raise Unresolved
        # One bad address among good ones is no accident that we would want to connect around.
        if len(found) > MAX_ADDRESSES or any(egress.refused(address, self._allowed) for address in found):
            raise Refused
        if self._plain and not all(egress.loopback(address) for address in found):
            raise Refused
        return found


def _within(seconds: float, work: Callable[[], list[str]]) -> list[str]:
    """What a resolver says within this time; it has no timeout of its own. Raises Unresolved, ConnectTimeout."""
    found: list[list[str] | Exception] = []

    def run() -> None:
        try:
            found.append(work())
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=run, name="sayso-resolve", daemon=True)
    thread.start()
    thread.join(seconds)
    if not found:
        raise httpcore.ConnectTimeout
    if isinstance(found[0], Exception):
        raise Unresolved from found[0]
    return found[0]


@dataclass(slots=True)
class Receivers:
    """The connections to all receivers. Safe to share between threads; close it at the end."""

    resolve: Resolve = resolve
    timeout_s: float = TIMEOUT_S
    context: ssl.SSLContext | None = None
    _pools: dict[Webhook, httpcore.ConnectionPool] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _deadline: _Deadline = field(default_factory=_Deadline)

    def post(self, webhook: Webhook, headers: Mapping[str, str], body: bytes) -> Reply:
        """Deliver once. Raises nothing that a receiver can cause."""
        self._deadline.at = time.monotonic() + self.timeout_s
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        try:
            with self._pool(webhook).stream(
                "POST", webhook.url.encode(), headers=[(b"host", _host(webhook.url)), *named], content=body,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), self.timeout_s)},
            ) as response:
                _skim(response)
                return Reply(response.status, retry_after_s=_retry_after(response))
        except FAILURES as error:
            return Reply(0, _code(error))

    def _pool(self, webhook: Webhook) -> httpcore.ConnectionPool:
        """The connections of this very declaration: another one of the same host may allow other networks."""
        with self._lock:
            pool = self._pools.pop(webhook, None)
            if pool is None:
                if len(self._pools) >= KEPT:
                    self._pools.pop(next(iter(self._pools))).close()
                self.context = self.context or ssl.create_default_context()
                pool = httpcore.ConnectionPool(
                    ssl_context=self.context, max_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S,
                    network_backend=_Guarded(webhook, self.resolve, self._deadline), retries=0)
            self._pools[webhook] = pool
            return pool

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
            self._pools.clear()


def _host(url: str) -> bytes:
    """The Host header: the name, and the port where it is not the usual one."""
    parts = urlsplit(url)
    return parts.netloc.encode("ascii")


def _skim(response: httpcore.Response) -> None:
    """Read a short answer to its end, so that the connection can be used again; of a long one no more than that."""
    size = 0
    for part in response.iter_stream():
        size += len(part)
        if size > MAX_ANSWER:
            return


def _retry_after(response: httpcore.Response) -> int | None:
    """RFC 9110 section 10.2.3: seconds or a date."""
    for name, value in response.headers:
        if name.lower() == b"retry-after":
            text = value.decode("latin-1").strip()
            if text.isdigit() and len(text) < 10:
                return min(int(text), MAX_RETRY_AFTER)
            try:
                wait = email.utils.parsedate_to_datetime(text).timestamp() - time.time()
            except (TypeError, ValueError, OverflowError):
                return None
            return min(max(0, int(wait)), MAX_RETRY_AFTER)
    return None


def _code(error: Exception) -> str:
    """Why there was no answer, in a word; never what the error says, which may hold an address or a piece of it."""
    if isinstance(error, Refused):
        return "refused_address"
    if isinstance(error, Unresolved):
        return "unresolved"
    if isinstance(error, httpcore.TimeoutException):
        return "timeout"
    causes = (error, error.__cause__, error.__context__)
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return "tls_failed"
    return "connect_failed" if isinstance(error, httpcore.ConnectError) else "broken_connection"
