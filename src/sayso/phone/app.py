"""Puts the simulator together: `build` gives the ASGI app, `serve` runs it, `start` runs it in a thread of
its own.

with start(PhoneConfig(token="t", app_secret="s", webhook_url="http://127.0.0.1:8000/hook")) as phone:
    httpx.post(phone.url + "/_phone/say", json={"person": "amira", "text": "JOIN"})
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sayso.errors import ConfigError, SaysoError, Unavailable
from sayso.phone import control, graph
from sayso.phone.config import BusinessNumber, Cast, PhoneConfig, Template
from sayso.phone.errors import GraphError
from sayso.phone.world import World

__all__ = ["BusinessNumber", "Cast", "PhoneConfig", "Running", "Template", "build", "run", "serve", "start"]

STATIC = Path(__file__).parent / "static"
# Nothing but our own files, nothing inline, nobody may frame it.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                               "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache",
}
# How long `start` waits for the socket before it gives up.
START_SECONDS = 10.0


def build(config: PhoneConfig, *, now: Callable[[], float] = time.time,
          webhook_transport: httpx.AsyncBaseTransport | None = None,
          sayso_transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The app. `now` is the people's clock in seconds; the transports let tests stay inside one process."""
    world = World(config, now, webhook_transport, sayso_transport)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await world.close()

    files = Mount("/static", StaticFiles(directory=STATIC))
    routes = [Route("/", page), files, *control.routes(), *graph.routes()]
    app = Starlette(routes=routes, lifespan=lifespan,
                    exception_handlers={SaysoError: control.problem, 404: nowhere, 405: nowhere})
    app.state.world = world
    return app


async def page(_request: Request) -> Response:
    """The phones on screen."""
    return FileResponse(STATIC / "index.html", headers=PAGE_HEADERS)


async def nowhere(request: Request, error: Exception) -> Response:
    """A path or method that is not there: in the Graph API's words, except among the control routes."""
    status = getattr(error, "status_code", 404)
    if request.url.path.startswith(control.PREFIX):
        return control.nowhere(request, status)
    unknown = GraphError(2500, text=f"Unknown path components: {request.url.path}", status=status)
    return control.answer(unknown.body("A" + "0" * 30), status)


class _Server(uvicorn.Server):
    """uvicorn, which would wait for open event streams for ever: they are ended before it shuts down."""

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        super().__init__(uvicorn.Config(app, host=host, port=port, log_level="warning", access_log=False,
                                        timeout_graceful_shutdown=2))
        self._world: World = app.state.world

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._world.feed.close()
        await super().shutdown(sockets)


async def run(config: PhoneConfig, host: str = "127.0.0.1", port: int = 8378) -> None:
    """Serve inside the running event loop until it is cancelled or told to stop."""
    await _Server(build(config), host, port).serve()


def serve(config: PhoneConfig, host: str = "127.0.0.1", port: int = 8378) -> None:
    """Serve until Ctrl-C."""
    asyncio.run(run(config, host, port))


class Running:
    """A simulator in a thread of its own. `url` has no slash at the end; `stop` ends it and waits."""

    def __init__(self, server: _Server, thread: threading.Thread, url: str) -> None:
        self._server, self._thread, self.url = server, thread, url

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(START_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.stop()


def start(config: PhoneConfig, host: str = "127.0.0.1", port: int = 0) -> Running:
    """Serve in a thread; returns once it answers. Port 0 takes a free one. Raises Unavailable for a port that cannot be
    had, ConfigError for a host that is not of this machine.
    """
    listening = _listen(host, port)
    bound = listening.getsockname()[1]
    server = _Server(build(config), host, bound)
    thread = threading.Thread(target=server.run, args=([listening],), name="sayso-phone", daemon=True)
    thread.start()
    end = time.monotonic() + START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > end:
            raise Unavailable("The simulator did not start.")
        time.sleep(0.01)
    return Running(server, thread, f"http://{f'[{host}]' if ':' in host else host}:{bound}")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as problem:  # UnicodeError: no name can be spelt like this (RFC 1035 section 2.3.4)
        why = str(getattr(problem, "strerror", None) or "no such host").partition(" (while")[0]
        what = f"Cannot listen on {host}, port {port}: {why}."
        if not _is_ours(host, family):
            raise ConfigError(f"{what} Name an address of this machine with --host.", param="--host") from problem
        raise Unavailable(f"{what} Choose another port with --port; 0 takes a free one.", param="--port") from problem


def _is_ours(host: str, family: socket.AddressFamily) -> bool:
    """True if a free port of this host can be had, so that it is the port that is at fault."""
    try:
        socket.create_server((host, 0), family=family).close()
    except (OSError, UnicodeError):
        return False
    return True
