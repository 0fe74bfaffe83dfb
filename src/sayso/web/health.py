"""Health: is the process there, can it record, and its numbers for Prometheus.

Rules of the room: a probe changes nothing that anybody reads. Readiness writes one word over itself and waits for the
disk, at most once a second however often it is asked: a full disk answers 503 here as it does to a webhook.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

from prometheus_client import generate_latest

from sayso.errors import Unavailable
from sayso.flows import incidents, receivers
from sayso.ports import SECOND
from sayso.store.base import Tx
from sayso.telemetry import (
    INCIDENTS,
    OUTBOX,
    REGISTRY,
    UNREDEEMED,
    WAITING,
    WEBHOOK_LAG,
    WEBHOOKS_DISABLED,
)
from sayso.web.call import JSON, Answer, Call, answer
from sayso.web.desk import Desk
from sayso.web.schemas import Alive, Ready

#: Longest readiness waits for the store, seconds: what orchestrators give a probe.
PROBE_SECONDS: Final = 2.0
#: How long an answer of the store is good for.
PROBE_LIFE: Final = SECOND
#: The text format Prometheus reads.
EXPOSITION: Final = b"text/plain; version=0.0.4; charset=utf-8"
#: States a row of the outbox can be in, shown even at zero.
STATES: Final = ("queued", "claimed", "sent", "done", "parked", "cancelled")

_ALIVE: Final = answer(200, Alive(status="ok"))


async def live(_call: Call) -> Answer:
    """The process answers."""
    return _ALIVE


async def ready(call: Call) -> Answer:
    """The process can record: the store takes a transaction, its schema and its keys are the ones we have."""
    desk = call.desk
    now = desk.kit.ports.clock.steady()
    if desk.probed is None or now - desk.probed > PROBE_LIFE:
        await _probe(desk)
        desk.probed = now
    unreadable = await desk.away(desk.system.directory.broken)
    return answer(200, Ready(status="ready", store=desk.system.store.kind, unreadable_workspaces=len(unreadable)))


async def _probe(desk: Desk) -> None:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            stored = await desk.write(_keys)
    except TimeoutError:
        raise Unavailable(f"The store did not answer within {PROBE_SECONDS:g} seconds.") from None
    desk.kit.vault.check(json.loads(stored))


def _keys(tx: Tx) -> str:
    """Write to the disk; then the check values of the keys this database was made with."""
    tx.run("set_meta", name="probe", value="ok")
    row = tx.row("meta", name="key_check")
    return str(row[0]) if row else "{}"


async def metrics(call: Call) -> Answer:
    """The numbers, with what is waiting counted now."""
    return Answer(200, await call.desk.away(_scrape, call.desk), EXPOSITION)


def _scrape(desk: Desk) -> bytes:
    totals = dict.fromkeys(STATES, 0)
    waiting = 0
    for workspace in desk.system.directory.all():
        rows, count = desk.system.store.read(lambda tx, ws=workspace.id: (  # type: ignore[misc]
            tx.rows("outbox_counts", ws=ws), tx.row("unintegrated_count", ws=ws)))
        for state, number in rows:
            totals[state] = totals.get(state, 0) + number
        waiting += int(count[0]) if count else 0
    for state, number in totals.items():
        OUTBOX.labels(state).set(number)
    WAITING.set(waiting)
    _scrape_trouble(desk)
    return generate_latest(REGISTRY)


def _scrape_trouble(desk: Desk) -> None:
    """Incidents, unused permits, webhooks out: what an operator is to be woken for."""
    open_now, unredeemed, disabled = dict.fromkeys(incidents.KINDS, 0), 0, 0
    for workspace in desk.system.directory.all():
        counts, permits, webhooks = desk.system.store.read(lambda tx, workspace=workspace: (  # type: ignore[misc]
            incidents.counts(tx, workspace.id), incidents.permit_counts(tx, desk.kit, workspace.id, days=2),
            receivers.shown(tx, workspace)))
        for kind, number in counts.items():
            open_now[kind] += number
        unredeemed += sum(count.unredeemed for count in permits)
        disabled += sum(webhook.disabled_at > 0 for webhook in webhooks)
        for webhook in webhooks:
            WEBHOOK_LAG.labels(workspace.slug, webhook.name).set(webhook.lag + webhook.waiting)
    for kind, number in open_now.items():
        INCIDENTS.labels(kind).set(number)
    UNREDEEMED.set(unredeemed)
    WEBHOOKS_DISABLED.set(disabled)


async def openapi(call: Call) -> Answer:
    """The API described (OpenAPI 3.1)."""
    return Answer(200, call.desk.openapi, JSON)
