"""What handlers share: the system, the worker to wake, threads for reads that may wait, and who asked a moment ago.

Rules of the room: the event loop never waits for a write, nor for a server. SQLite point reads run on it (a thread
hop costs twenty times the read); everything else goes to a few threads. A write goes to the store's runner, and its
answer comes back only after the commit.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from sayso.core.workspace import Connection, Workspace
from sayso.errors import NotFound, Unauthorized
from sayso.flows.kit import Kit
from sayso.ports import SECOND
from sayso.settings.environment import Network
from sayso.store.base import Tx
from sayso.web import auth
from sayso.web.auth import Caller
from sayso.web.gateway_wire import Wire
from sayso.web.patience import Patience
from sayso.wiring import System
from sayso.worker.run import Worker

T = TypeVar("T")
K = TypeVar("K")

#: How long a verified key, or a connection, is believed without another look: a revoked key is refused after this
#: time at the latest, and a busy client costs one key look-up a second instead of one per request.
BELIEVED: Final = SECOND
#: Most keys or connections remembered at a time; the memory is emptied when it is full.
REMEMBERED: Final = 1_024
#: Threads for reads. Fewer than the store has connections, so that reads never starve the writes.
READERS: Final = 4


class Recent(Generic[K, T]):
    """A memory of a second. Used on the event loop only."""

    def __init__(self) -> None:
        self._known: dict[K, tuple[int, T]] = {}

    def get(self, key: K, now: int) -> T | None:
        """What is remembered and still believed."""
        known = self._known.get(key)
        return known[1] if known is not None and now - known[0] < BELIEVED else None

    def put(self, key: K, value: T, now: int) -> T:
        """Remember."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[key] = (now, value)
        return value


class Bridge:
    """Brings results of other threads to the event loop: one wake-up for all that one commit finished, where a
    future each would be one for each. Nobody leaving takes a write with them: what was given is done.
    """

    def __init__(self) -> None:
        self._done: deque[tuple[asyncio.Future[object], Future[object]]] = deque()
        self._awake = False

    def wait_for(self, future: Future[T]) -> asyncio.Future[T]:
        """A future of the running loop that ends as this one does."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[T] = loop.create_future()

        def finished(done: Future[T]) -> None:
            self._done.append((waiter, done))  # type: ignore[arg-type]
            if not self._awake:  # appended first, so that whoever is awake sees it
                self._awake = True
                loop.call_soon_threadsafe(self._hand_over)

        future.add_done_callback(finished)
        return waiter

    def _hand_over(self) -> None:
        self._awake = False  # before looking: what comes from now on wakes again
        while self._done:
            waiter, done = self._done.popleft()
            if waiter.cancelled():
                continue
            error = done.exception()
            if error is None:
                waiter.set_result(done.result())
            else:
                waiter.set_exception(error)


class Desk:
    """Made once by `app.build`, closed with the app."""

    def __init__(self, system: System, worker: Worker | None, public_url: str = "",
                 proxies: tuple[Network, ...] = ()) -> None:
        self.system = system
        self.public_url = public_url
        self.proxies = proxies
        self.kit: Kit = system.kit
        self.worker = worker
        self.openapi = b""
        self.probed: int | None = None
        self.patience = Patience()
        self._steady = system.kit.ports.clock.steady
        self._inline = system.store.kind == "sqlite"
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="sayso-web")
        self._bridge = Bridge()
        self._callers: Recent[bytes, Caller] = Recent()
        self._wire: Wire | None = None
        self._hooks: Recent[str, tuple[Workspace, Connection]] = Recent()

    async def write(self, work: Callable[[Tx], T]) -> T:
        """Run in a transaction; comes back after the commit. Raises what the work raises, and Unavailable."""
        return await self._bridge.wait_for(self.system.store.submit(work))

    async def peek(self, work: Callable[[Tx], T]) -> T:
        """A point read: on the event loop with SQLite, in a thread with a server."""
        return self.system.store.read(work) if self._inline else await self.away(self.system.store.read, work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Reads that may take their time, of one moment."""
        return await self.away(self.system.store.snapshot, work)

    async def away(self, function: Callable[..., T], *arguments: object) -> T:
        """Run in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    async def caller(self, token: str) -> Caller:
        """Whose API key this is. Raises Unauthorized, NotConfigured, Unavailable."""
        # Remembered under a digest: looking it up tells nothing of the key by its timing.
        digest, now = hashlib.sha256(token.encode()).digest(), self._steady()
        known = self._callers.get(digest, now)
        if known is not None:
            return known
        found = self._look_up(token) if self._inline else await self.away(self._look_up, token)
        return self._callers.put(digest, found, now)

    def _look_up(self, token: str) -> Caller:
        key = self.system.store.read(lambda tx: auth.verify(tx, token))
        workspace = self.system.directory.by_id(key.ws)
        if workspace is None:
            raise Unauthorized("The workspace of this API key is not there any more.")
        return Caller(key, workspace)

    async def connection(self, hook: str) -> tuple[Workspace, Connection]:
        """The connection behind a webhook address. Raises NotFound, NotConfigured, Unavailable."""
        now = self._steady()
        known = self._hooks.get(hook, now)
        if known is not None:
            return known
        find = self.system.directory.for_connection
        found = find(hook) if self._inline else await self.away(find, hook)
        if found is None:
            raise NotFound("There is no webhook at this address.")
        return self._hooks.put(hook, found, now)

    async def workspace(self, slug: str) -> Workspace | None:
        """The business of this slug, for pages that anybody may see. Raises NotConfigured, Unavailable."""
        find = self.system.directory.by_slug
        return find(slug) if self._inline else await self.away(find, slug)

    async def workspaces(self) -> tuple[Workspace, ...]:
        """Every business there is. Raises Unavailable."""
        return self.system.directory.all() if self._inline else await self.away(self.system.directory.all)

    def wake(self) -> None:
        """Something was committed that the worker may be waiting for."""
        if self.worker is not None:
            self.worker.wake()

    @property
    def wire(self) -> Wire:
        """What the gateway hands on by; made when it is first used."""
        if self._wire is None:
            self._wire = Wire(self)
        return self._wire

    async def hang_up(self) -> None:
        """Let go of the connections to providers."""
        if self._wire is not None:
            await self._wire.close()

    def close(self) -> None:
        """Let the threads finish."""
        self._threads.shutdown(wait=True)
