"""Webhooks in: Meta's handshake and its deliveries.

Rules of the room: without an app secret nothing is read (503); nothing is believed before its signature, over the
raw bytes, is right (401); a 2xx goes out only after the commit, and a failing store is a 503, so that the provider
sends it all again. An item nobody can use is kept, shown, and answered 200.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Final
from urllib.parse import parse_qsl

from sayso.channels import meta
from sayso.channels.base import Inbound
from sayso.core.workspace import Connection, Workspace
from sayso.errors import NotConfigured, NotFound, SaysoError
from sayso.flows import inbound
from sayso.flows.inbound import Received
from sayso.flows.kit import Kit
from sayso.store.base import Tx
from sayso.telemetry import DURABLE, WEBHOOK_ITEMS, WEBHOOKS_REFUSED
from sayso.web.call import TEXT, Answer, Call, read_body

#: Bodies up to this many bytes are read on the event loop: a usual one has 1 kB and takes 50 microseconds, while a
#: full one would hold up everybody else.
INLINE: Final = 32 * 1024
#: Most parameters in a handshake's query.
MAX_PARAMS: Final = 16

_OK: Final = Answer(200, b"{}")
_DONE, _REPEATED, _UNHANDLED = (WEBHOOK_ITEMS.labels(outcome) for outcome in ("done", "repeated", "unhandled"))


async def meta_handshake(call: Call) -> Answer:
    """Answer the challenge of Meta's subscription, as plain text."""
    _, connection = await _metas(call)
    token = call.desk.system.secret(connection.verify_token) or ""
    query = bytes(call.scope["query_string"]).decode("ascii", "replace")
    try:
        params = dict(parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMS))
    except ValueError:
        params = {}
    return Answer(200, meta.verify_subscription(params, token).encode(), TEXT)


async def meta_delivery(call: Call) -> Answer:
    """Take one envelope: verified, understood, recorded; then 200."""
    try:
        return await _deliver(call)
    except SaysoError as error:
        WEBHOOKS_REFUSED.labels(error.code).inc()
        raise


async def _deliver(call: Call) -> Answer:
    desk = call.desk
    workspace, connection = await _metas(call)
    secrets = desk.system.app_secrets(connection)
    if not secrets:
        raise NotConfigured("Set the app secret of this connection; nothing is accepted without one.")
    raw = await read_body(call, meta.MAX_BODY)
    began = perf_counter()
    meta.verify(raw, call.header(b"x-hub-signature-256").decode("latin-1"), secrets)
    items = meta.parse(raw) if len(raw) <= INLINE else await desk.away(meta.parse, raw)
    await record(call, workspace, connection, items, raw)
    DURABLE.observe(perf_counter() - began)
    return _OK


async def _metas(call: Call) -> tuple[Workspace, Connection]:
    workspace, connection = await call.desk.connection(call.params["hook"])
    if connection.provider != "meta":
        raise NotFound("There is no webhook at this address.")
    return workspace, connection


async def record(call: Call, workspace: Workspace, connection: Connection, items: Sequence[Inbound],
                 raw: bytes) -> None:
    """Act on verified items in one transaction; comes back after the commit. `raw` is kept, sealed, for items that
    cannot be used.
    """
    if not items:
        return
    desk = call.desk
    _count(await desk.write(partial(_receive, desk.kit, workspace, connection, items, raw)))
    desk.wake()


def _receive(kit: Kit, workspace: Workspace, connection: Connection, items: Sequence[Inbound], raw: bytes,
             tx: Tx) -> Received:
    return inbound.receive(tx, kit, workspace, connection, items, raw)


def _count(received: Received) -> None:
    for counter, number in ((_DONE, received.done), (_REPEATED, received.repeated), (_UNHANDLED, received.unhandled)):
        if number:
            counter.inc(number)
