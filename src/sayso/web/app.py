"""The app: finds the route, checks the key, reads the body, calls the handler, answers. One path for every request.

Rules of the room: whatever happens, the answer has a request id, is not to be stored by caches, and an error looks
like every other. Nothing is looked at before it is known who asks: first the key, then the scope, then the body.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.routing import Router

from sayso.errors import Forbidden, SaysoError
from sayso.settings.environment import Network
from sayso.telemetry import REQUESTS, log
from sayso.web import openapi, trouble
from sayso.web.auth import basic, bearer
from sayso.web.call import (
    Answer,
    Call,
    Disconnected,
    Header,
    Message,
    Receive,
    Scope,
    Send,
    Stream,
    decode,
    read_body,
    read_query,
)
from sayso.web.desk import Desk
from sayso.web.gateway import said_once
from sayso.web.gateway_errors import graph_problem, twilio_problem
from sayso.web.gateway_routes import GATEWAY
from sayso.web.problems import answer_for
from sayso.web.routes import HTML, METRICS, PUBLIC, TABLE, Finder, Route

if TYPE_CHECKING:
    from sayso.wiring import System
    from sayso.worker.run import Worker

#: The label of requests that met no route: paths of strangers must not become labels.
NOWHERE: Final = "none"
#: How a route tells of an error: in Sayso's words, or in those of the provider whose API it speaks.
SHAPES: Final[dict[str, Callable[[BaseException, str, str], Answer]]] = {
    "sayso": answer_for, "graph": graph_problem, "twilio": twilio_problem,
}
#: Longest that a body in parts may take, seconds: 100 MB at 3 megabits a second.
STREAM_S: Final = 300
#: What every answer carries.
ALWAYS: Final[tuple[Header, ...]] = ((b"x-content-type-options", b"nosniff"),)


class Web:
    """The ASGI app."""

    def __init__(self, desk: Desk, table: tuple[Route, ...]) -> None:
        self.desk = desk
        self.table = table
        self._finder = Finder(table)
        self._lifespan = Router(lifespan=self._living)
        self._counters: dict[tuple[str, int], Any] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    @asynccontextmanager
    async def _living(self, _app: object) -> AsyncIterator[None]:
        """Starts the worker with the app, and ends it after the last request was answered."""
        worker = self.desk.worker
        if worker is not None:
            worker.start()
        looking = asyncio.create_task(self.desk.patience.run())
        try:
            yield
        finally:
            looking.cancel()
            await self.desk.hang_up()
            if worker is not None:
                await asyncio.to_thread(worker.stop)
            self.desk.close()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = self.desk.kit.ports.new_id("req")
        name, told_in, call = NOWHERE, SHAPES["sayso"], None
        try:
            methods, parts = self._finder.find(scope["path"])
            told_in = SHAPES[methods.speaks]
            route = methods.route(scope["method"])
            name = route.name
            call = Call(self.desk, scope, receive, request_id, parts, name)
            told = await _handle(route, call)
        except Disconnected:
            return
        except Exception as error:  # noqa: BLE001  (the last resort: whatever it is, it becomes a problem)
            told = told_in(error, request_id, name)
            if call is not None and route.media == HTML and trouble.wants_a_page(call):
                told = trouble.page(call, told)
        self._count(name, told.status)
        await _send(send, told, request_id.encode(), whole=scope["method"] != "HEAD")

    def _count(self, name: str, status: int) -> None:
        counter = self._counters.get((name, status))
        if counter is None:
            counter = self._counters[(name, status)] = REQUESTS.labels(name, str(status))
        counter.inc()


async def _handle(route: Route, call: Call) -> Answer:
    if route.speaks != "sayso":
        said_once(call)
    if route.permission != PUBLIC:
        key_in = basic if route.speaks == "twilio" else bearer
        call.caller = await call.desk.caller(key_in(call.header(b"authorization")))
        if not call.caller.key.may(route.permission):
            raise Forbidden(f"This needs a key with the scope '{route.permission}'.")
    if route.query is not None:
        call.query = read_query(call, route.query)
    if route.decoder is not None:
        call.raw = await read_body(call, route.limit)
        call.body = decode(route.decoder, call.raw)
    return await route.handler(call)


async def _send(send: Send, told: Answer, request_id: bytes, *, whole: bool) -> None:
    size = len(told.body) if told.stream is None else told.stream.length
    length = () if size is None else ((b"content-length", str(size).encode()),)
    start = {"type": "http.response.start", "status": told.status, "headers": [
        (b"content-type", told.media), *length,
        (b"request-id", request_id), (b"x-request-id", request_id), (b"cache-control", told.cache), *ALWAYS,
        *told.headers]}
    if told.stream is not None:
        await _stream(send, start, told.stream, request_id, whole=whole)
        return
    await send(start)
    await send({"type": "http.response.body", "body": told.body if whole else b""})


async def _stream(send: Send, start: Message, stream: Stream, request_id: bytes, *, whole: bool) -> None:
    """A body in parts. One that breaks is left without its end, so that the server cuts the connection and nobody takes
    it for whole.
    """
    try:
        async with asyncio.timeout(STREAM_S):
            await send(start)
            if whole:
                async for part in stream.parts():
                    await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
    except (SaysoError, TimeoutError) as error:
        log("failed", code=getattr(error, "code", "too_slow"), error=type(error).__name__,
            request_id=request_id.decode())
    finally:
        await stream.close()


def build(system: System, *, worker: Worker | None = None, metrics: bool = True, public_url: str = "",
          proxies: Sequence[Network] = ()) -> Web:
    """The app over a system. A worker that is given starts and stops with it; the system stays open. `public_url` is
    where people reach it, `proxies` are the networks that may say who a visitor is.
    """
    table = (*TABLE, METRICS) if metrics else TABLE
    desk = Desk(system, worker, public_url, tuple(proxies))
    desk.openapi = msgspec.json.encode(openapi.document(table, GATEWAY))
    return Web(desk, (*table, *GATEWAY))
