"""Runs the app: one process, one socket, and a way out that finishes what it began.

Rules of the room: it prints nothing and keeps no access log (a path could hold what a caller put there). The order
out is: no new requests, those at work are answered, the worker finishes, then the database is closed.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import socket
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final

import uvicorn

from sayso.errors import ConfigError, Unavailable
from sayso.settings.environment import Network
from sayso.web.app import build
from sayso.wiring import System

#: Longest that requests at work may take once the end was asked for, seconds: a drain takes 2.6.
GRACE_S: Final = 10
#: A request leaves no cycles behind, so collections can be rare: one in a thousand requests instead of one in ten.
GC_THRESHOLD: Final = (20_000, 50, 100)
#: Connections the kernel keeps waiting.
BACKLOG: Final = 2_048
#: How long an idle connection is kept, seconds.
KEEP_ALIVE_S: Final = 30
#: What ends the server from outside: Ctrl-C, and what process managers send.
ENDINGS: Final = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers. `stop` may be called from any thread."""

    url: str
    stop: Callable[[], None]


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, begun: Callable[[], None]) -> None:
        super().__init__(config)
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            gc.set_threshold(*GC_THRESHOLD)
            gc.freeze()  # what is loaded by now stays: no collection need walk it again (a tenth of a check's time)
            self._begun()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Without sending ourselves the signal once more, as uvicorn does: it would end us before the database."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {ending: signal.signal(ending, self.handle_exit) for ending in ENDINGS}
        try:
            yield
        finally:
            for ending, handler in before.items():
                signal.signal(ending, handler)

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """A second Ctrl-C does not wait any longer."""
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def serve(system: System, host: str, port: int, worker: bool, ready: Callable[[Serving], None] | None = None, *,
          metrics: bool = True, public_url: str = "", proxies: Sequence[Network] = ()) -> None:
    """Serve until told to stop, then close the system. `ready` is called once requests are answered; port 0 takes a
    free one. Raises Unavailable for a port that cannot be had, ConfigError for a host that is not of this machine.
    """
    try:
        listening = _listen(host, port)
        with contextlib.closing(listening):
            app = build(system, worker=system.worker() if worker else None, metrics=metrics, public_url=public_url,
                        proxies=proxies)
            config = uvicorn.Config(
                app, access_log=False, log_config=None, server_header=False, proxy_headers=False, lifespan="on",
                backlog=BACKLOG, timeout_keep_alive=KEEP_ALIVE_S, timeout_graceful_shutdown=GRACE_S, ws="none",
            )
            server = _Server(config, lambda: ready(Serving(url_of(listening), stop)) if ready else None)

            def stop() -> None:
                server.should_exit = True

            server.run(sockets=[listening])
    finally:
        system.close()


def url_of(listening: socket.socket) -> str:
    """Where a socket can be reached, without a slash at the end."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:  # UnicodeError: no name can be spelt like this (RFC 1035 section 2.3.4)
        why = str(getattr(error, "strerror", None) or "no such host").partition(" (while")[0]
        what = f"Cannot listen on {host}, port {port}: {why}."
        if not _is_ours(host, family):
            raise ConfigError(f"{what} Name an address of this machine with --host or SAYSO_HOST.",
                              param="SAYSO_HOST") from error
        raise Unavailable(f"{what} Choose another port with --port or SAYSO_PORT; 0 takes a free one.",
                          param="SAYSO_PORT") from error


def _is_ours(host: str, family: socket.AddressFamily) -> bool:
    """True if a free port of this host can be had, so that it is the port that is at fault."""
    try:
        socket.create_server((host, 0), family=family).close()
    except (OSError, UnicodeError):
        return False
    return True
