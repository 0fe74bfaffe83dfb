"""Handing one request on to a provider, once, as it is, from an event loop; and saying honestly what is known after.

Rules of the room: no retry, no redirect followed, no header of the caller's that is not named here. Whatever broke
after the request could have been written is `possibly_sent`. The answer is kept as the bytes it came in.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import msgspec

from sayso.channels.meta_send import NOT_WRITTEN, RECONNECT_S, WRITE_BEGINS
from sayso.errors import ProviderError

#: Longest that opening a connection, or waiting for a free one, may take: a permit lasts two seconds.
CONNECT_S: Final = 1.5
#: Connections to all providers together, and those kept open while idle.
MAX_CONNECTIONS: Final = 256
MAX_IDLE: Final = 64
#: How long an idle one is kept, seconds: less than any provider keeps it, or a request is written into the void.
IDLE_S: Final = 15.0
#: Longest answer to a message; Meta's has under 1 kB.
MAX_ANSWER: Final = 256 * 1024
#: Headers of an answer that are handed back besides its type: when to come back, and how much is left.
HANDED_BACK: Final = ("retry-after", "x-app-usage", "x-business-use-case-usage", "x-fb-trace-id", "www-authenticate")


@dataclass(frozen=True, slots=True)
class Carried:
    """What a provider answered."""

    status: int
    media: str
    body: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def retry_after(self) -> str | None:
        """The Retry-After header."""
        return dict(self.headers).get("retry-after")

    def json(self) -> dict[str, Any]:
        """The answer's JSON object; empty for anything else."""
        try:
            found = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class Opened:
    """An answer whose body is still to come, at most `limit` bytes of it. Close it, once."""

    def __init__(self, response: httpx.Response, limit: int) -> None:
        self._response, self._limit = response, limit
        self.status = response.status_code
        self.media: str = response.headers.get("content-type", "")
        length = response.headers.get("content-length", "")
        packed = "content-encoding" in response.headers  # then the length is that of other bytes
        self.length = int(length) if length.isdigit() and len(length) < 13 and not packed else None

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises ProviderError where it breaks or does not end."""
        size = 0
        try:
            async for part in self._response.aiter_bytes():
                size += len(part)
                if size > self._limit:
                    raise ProviderError("The provider's answer does not end.")
                yield part
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise ProviderError("The connection to the provider broke.", retry=True) from error

    async def close(self) -> None:
        """Let go of the connection."""
        await self._response.aclose()


class Relay:
    """A pool of connections. Belongs to one event loop; close it there."""

    def __init__(self, timeout_s: float) -> None:
        self._client = httpx.AsyncClient(
            follow_redirects=False, timeout=httpx.Timeout(timeout_s, connect=CONNECT_S, pool=CONNECT_S),
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_IDLE,
                                keepalive_expiry=IDLE_S))
        self._client.headers.clear()  # nothing is added to what the caller sent but what HTTP needs

    async def carry(self, method: str, url: str, headers: Mapping[str, str],
                    content: bytes | AsyncIterator[bytes] | None = None, *,
                    before_write: Callable[[], None] | None = None, limit: int = MAX_ANSWER) -> Carried:
        """Hand one request on. `before_write` runs when the connection is open and the first byte is about to go; what
        it raises passes through, and nothing was sent. Raises ProviderError when there is no answer.
        """
        try:
            request = self._client.build_request(method, url, headers=headers, content=content)
        except (httpx.InvalidURL, ValueError):  # the cause quotes what it dislikes: the token
            raise ProviderError("The connection's base URL or token is malformed; nothing was sent.") from None
        if before_write is not None:
            request.extensions["trace"] = _at_first_byte(before_write)
            before_write()
        try:
            response = await self._client.send(request, stream=True, auth=None, follow_redirects=False)
            try:
                body = await _whole(response, limit)
            finally:
                await response.aclose()
        except NOT_WRITTEN as error:
            raise ProviderError("There is no connection to the provider; nothing was sent.", retry=True,
                                retry_after_s=RECONNECT_S) from error
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise ProviderError("The connection's base URL or token is malformed; nothing was sent.") from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise ProviderError("The connection to the provider broke or timed out; the message may have been sent.",
                                outcome="possibly_sent") from error
        found = response.headers
        return Carried(response.status_code, found.get("content-type", "application/json"), body,
                       tuple((name, found[name]) for name in HANDED_BACK if name in found))

    async def open(self, url: str, headers: Mapping[str, str], *, limit: int) -> Opened:
        """Begin to read what is at an address. Raises ProviderError when there is no answer: nothing was changed."""
        try:
            request = self._client.build_request("GET", url, headers=headers)
            response = await self._client.send(request, stream=True, auth=None, follow_redirects=False)
        except (httpx.InvalidURL, ValueError):
            raise ProviderError("The address is malformed.") from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise ProviderError("The provider cannot be reached.", retry=True, retry_after_s=RECONNECT_S) from error
        return Opened(response, limit)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()


def _at_first_byte(before_write: Callable[[], None]) -> Any:
    async def trace(event: str, _info: dict[str, Any]) -> None:
        if event in WRITE_BEGINS:
            before_write()

    return trace


async def _whole(response: httpx.Response, limit: int) -> bytes:
    """The answer's bytes, which the caller's client will read as they are. Raises ProviderError for an endless one."""
    parts, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > limit:
            raise ProviderError("The provider's answer does not end; the message may have been sent.",
                                outcome="possibly_sent")
        parts.append(chunk)
    return b"".join(parts)
