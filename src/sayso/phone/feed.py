"""The live line to browsers: Server-Sent Events. Everybody who listens hears everything from the moment they
join.

A listener that falls too far behind is let go; its browser reconnects and starts from a fresh state.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

# A listener may be this many events behind before it is let go.
MAX_BEHIND = 2_000
# A comment line this often keeps proxies and browsers from hanging up.
KEEP_ALIVE_SECONDS = 15.0
# Browsers on one simulator.
MAX_LISTENERS = 50


class Feed:
    """Publish from the event loop; each listener has a queue of ready-made bytes. None ends a stream."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    @property
    def listeners(self) -> int:
        return len(self._queues)

    def publish(self, kind: str, data: Any) -> None:
        """Tell every listener. Without listeners nothing is encoded."""
        if not self._queues:
            return
        line = frame(kind, data)
        for queue in list(self._queues):
            try:
                queue.put_nowait(line)
            except asyncio.QueueFull:
                self._queues.discard(queue)
                _end(queue)

    async def stream(self, first: Callable[[], Any], joined: Callable[[], None]) -> AsyncIterator[bytes]:
        """Bytes of one event stream: the whole state, then events as they come."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_BEHIND)
        self._queues.add(queue)
        try:
            joined()
            yield frame("state", first())
            while True:
                try:
                    line = await asyncio.wait_for(queue.get(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    line = b": still here\n\n"
                if line is None:
                    return
                yield line
        finally:
            self._queues.discard(queue)

    def close(self) -> None:
        """End every stream, so that a server can stop."""
        for queue in list(self._queues):
            _end(queue)


def frame(kind: str, data: Any) -> bytes:
    """One event in the text/event-stream format. JSON has no raw line breaks, so one data line is enough."""
    return b"event: " + kind.encode("ascii") + b"\ndata: " + msgspec.json.encode(data) + b"\n\n"


def _end(queue: asyncio.Queue[bytes | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)
