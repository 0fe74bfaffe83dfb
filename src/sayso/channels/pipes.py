"""Kept connections to providers for what is sent often: one HTTP/1.1 request at a time on each, nothing in between.

A general client takes several times as long for one request as the gate does (measured: bench/gateway.py), and a crowd
of new connections in it can outlive a permit. Here the last look comes in the very step that writes the first byte.

Rules of the room: as in `relay`: no retry, no redirect, and what broke after the write is `possibly_sent`. Certificates
are checked as httpx checks them. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httptools
import httpx

from sayso.channels.meta_send import RECONNECT_S
from sayso.channels.relay import CONNECT_S, HANDED_BACK, IDLE_S, MAX_ANSWER, MAX_IDLE, Carried
from sayso.errors import ProviderError

#: What may stand in a header or a path: printable ASCII, so that no value ends its line.
_PLAIN: Final = re.compile(r"[\x20-\x7e]*\Z")
_BROKE: Final = "The connection to the provider broke or timed out; the message may have been sent."
#: Statuses after which another one follows for the same request (RFC 9110 section 15.2).
_INTERIM: Final = range(100, 200)


class Place(NamedTuple):
    """Where a connection leads."""

    tls: bool
    host: str
    port: int


class Pipe(asyncio.Protocol):
    """One connection, and the answer that is being read from it."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Carried] | None = None
        self._limit = 0
        self.idle_since = 0.0
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._size = 0
        self._complete_head = False

    @property
    def usable(self) -> bool:
        """True while another request can go by it."""
        return self._transport is not None and not self._transport.is_closing() and self._answer is None

    def write(self, request: bytes, limit: int) -> asyncio.Future[Carried]:
        """Write a request; its answer comes in the future, which fails with ConnectionError."""
        if self._transport is None:
            raise ConnectionError
        self._begin()
        self._limit = limit
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        """Let go of it, and of an answer still awaited."""
        if self._transport is not None:
            self._transport.abort()

    # -- what the transport tells --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # of a stream connection it is one that writes

    def data_received(self, data: bytes) -> None:
        if self._answer is None:
            self.close()  # something nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail()

    def connection_lost(self, error: Exception | None) -> None:
        ends_it = self._complete_head and not {"content-length", "transfer-encoding"} & self._headers.keys()
        if ends_it and error is None:  # RFC 9112 section 6.3: without a length the end of the connection is the end
            self.on_message_complete()
        self._fail()

    # -- what the parser tells -----------------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._size += len(name) + len(value)
        if self._size > self._limit:
            self._fail()
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._complete_head = True

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > self._limit:
            self._fail()
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status in _INTERIM:
            self._headers, self._parts, self._complete_head = {}, [], False
            return
        answer, self._answer = self._answer, None
        if not self._parser.should_keep_alive():
            self.close()
        if answer is not None and not answer.done():
            answer.set_result(Carried(
                status, self._headers.get("content-type", "application/json"), b"".join(self._parts),
                tuple((name, self._headers[name]) for name in HANDED_BACK if name in self._headers)))

    def _fail(self) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_exception(ConnectionError())
        self.close()


class Pipes:
    """Connections by place. `timeout_s` is how long an answer may take."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._idle: dict[Place, list[Pipe]] = {}
        self._all: set[Pipe] = set()
        self._tls: ssl.SSLContext | None = None

    async def carry(self, method: str, url: str, headers: Mapping[str, str], content: bytes, *,
                    before_write: Callable[[], None] | None = None, limit: int = MAX_ANSWER) -> Carried:
        """Hand one request on. `before_write` runs right before the first byte; what it raises passes through, and
        nothing was sent. Raises ProviderError when there is no answer.
        """
        place, target, host = _taken_apart(url)
        request = _head(method, target, host, headers, len(content)) + content
        pipe = await self._open(place)
        try:
            if before_write is not None:
                before_write()
        except BaseException:
            self._put_back(place, pipe)
            raise
        try:
            async with asyncio.timeout(self._timeout_s):
                carried = await pipe.write(request, limit)
        except (ConnectionError, TimeoutError) as error:
            self._drop(pipe)
            raise ProviderError(_BROKE, outcome="possibly_sent") from error
        except BaseException:
            self._drop(pipe)
            raise
        self._put_back(place, pipe)
        return carried

    async def _open(self, place: Place) -> Pipe:
        """A kept connection that is still good, or a new one. Raises ProviderError: nothing was sent."""
        loop = asyncio.get_running_loop()
        idle = self._idle.setdefault(place, [])
        while idle:
            pipe = idle.pop()
            if pipe.usable and loop.time() - pipe.idle_since < IDLE_S:
                return pipe
            self._drop(pipe)
        try:
            async with asyncio.timeout(CONNECT_S):
                _, pipe = await loop.create_connection(Pipe, place.host, place.port, ssl=self._context(place.tls))
        except (OSError, TimeoutError) as error:  # an SSLError is an OSError
            raise ProviderError("There is no connection to the provider; nothing was sent.", retry=True,
                                retry_after_s=RECONNECT_S) from error
        self._all.add(pipe)
        return pipe

    def _context(self, tls: bool) -> ssl.SSLContext | None:
        if tls and self._tls is None:
            self._tls = httpx.create_ssl_context()
        return self._tls if tls else None

    def _put_back(self, place: Place, pipe: Pipe) -> None:
        idle = self._idle[place]
        if pipe.usable and len(idle) < MAX_IDLE:
            pipe.idle_since = asyncio.get_running_loop().time()
            idle.append(pipe)
        else:
            self._drop(pipe)

    def _drop(self, pipe: Pipe) -> None:
        self._all.discard(pipe)
        pipe.close()

    async def close(self) -> None:
        """Let go of all connections."""
        for pipe in list(self._all):
            self._drop(pipe)
        await asyncio.sleep(0)


@lru_cache(maxsize=512)
def _taken_apart(url: str) -> tuple[Place, str, str]:
    """(where to, what is asked for there, the Host header). Raises ProviderError for what is no URL."""
    try:
        parts = urlsplit(url)
        tls = {"https": True, "http": False}[parts.scheme]
        host, port = parts.hostname or "", parts.port or (443 if tls else 80)
    except (ValueError, KeyError):
        raise _malformed() from None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not host or parts.username or not _PLAIN.match(target + parts.netloc) or " " in target + parts.netloc:
        raise _malformed()
    return Place(tls, host, port), target, parts.netloc


def _head(method: str, target: str, host: str, headers: Mapping[str, str], length: int) -> bytes:
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if not all(_PLAIN.match(value) for value in headers.values()):
        raise _malformed()  # a token with a line end in it
    return f"{method} {target} HTTP/1.1\r\nhost: {host}\r\n{text}content-length: {length}\r\n\r\n".encode("ascii")


def _malformed() -> ProviderError:
    return ProviderError("The connection's base URL or token is malformed; nothing was sent.")


def proxied(environ: Mapping[str, Any]) -> bool:
    """True if the environment names a proxy for what leaves this machine: then httpx, which knows them, must send."""
    return any(environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY",
                                              "http_proxy"))
