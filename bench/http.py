"""The gate over HTTP: checks a second against an empty route of the same server, on both databases."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Final

from bench.checks import SEED
from bench.load import Plan, request, send
from bench.report import Figure, Ratio
from bench.servers import serving
from bench.sizes import Sizes
from bench.world import World, make_world, text_of
from sayso.web.auth import make_key

CLIENTS: Final = 64
#: A check may cost half as much again as answering nothing.
AIM: Final = 2 / 3
#: The empty route: no key, no body, no database.
EMPTY: Final = request("GET", "/livez")


def bearer(world: World) -> str:
    """An Authorization header that may ask the gate."""
    ports, ws = world.system.kit.ports, world.workspace.id
    _, key = world.system.store.write(lambda tx: make_key(tx, ports, ws, ["check"]))
    return f"Bearer {key}"


def measure(sizes: Sizes, world: World, postgres: str) -> Iterator[Figure]:
    """On SQLite with everybody, then on PostgreSQL with as many as fit the time."""
    yield from _checks(sizes, world, "sqlite", AIM)
    if not postgres:
        return
    from tests.postgres import fresh_database  # noqa: PLC0415  needs pytest

    with fresh_database(postgres) as url, make_world(sizes.people_postgres, url) as other:
        yield from _checks(sizes, other, "postgres", None)


def _checks(sizes: Sizes, world: World, kind: str, aim: float | None) -> Iterator[Figure]:
    authorization, chosen = bearer(world), random.Random(SEED)
    asks = []
    for _ in range(sizes.requests):
        question = {"address": text_of(chosen.randrange(world.people)), "purpose": "offers", "sender": "shop"}
        asks.append(request("POST", "/v1/check", json.dumps(question).encode(), authorization=authorization,
                            content_type="application/json"))
    with serving(world.folder, world.environ) as server:
        send(world.folder, Plan(server.port, CLIENTS, asks[:200]))
        before = send(world.folder, Plan(server.port, CLIENTS, [EMPTY], sizes.requests))
        found = send(world.folder, Plan(server.port, CLIENTS, asks))
        after = send(world.folder, Plan(server.port, CLIENTS, [EMPTY], sizes.requests))
        strangers = [ask.replace(b"sayso_live", b"sayso_none") for ask in asks]
        nobody = send(world.folder, Plan(server.port, CLIENTS, strangers))
    if set(found.statuses) != {"200"}:
        raise RuntimeError(f"The server answered {found.statuses}.")
    empty = (before.rate + after.rate) / 2
    name = f"check over HTTP, {kind}, {world.people:,} people"
    yield Figure(name, found.rate, "/s", None if aim is None else aim * empty,
                 ratios=(Ratio(found.rate / empty, f"an empty route (GET /livez, {empty:,.0f}/s) of the same server"),
                         Ratio(found.rate / nobody.rate, f"the same POST refused at its key ({nobody.rate:,.0f}/s)")),
                 notes=(f"p50 {found.at(.5):.1f} ms, p99 {found.at(.99):.1f} ms with {CLIENTS} connections",
                        f"generator {found.cpu / found.seconds:.0%} of a core"))
