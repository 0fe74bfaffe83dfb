"""Bulk check over HTTP: numbers a second, by the database and by a snapshot, against bare reads one by one."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Final

import apsw

from bench.checks import BARE, SEED
from bench.http import bearer
from bench.load import Plan, request, send
from bench.report import Figure, Ratio
from bench.servers import serving
from bench.sizes import Sizes
from bench.world import World, address_of, text_of

AIM: Final = 100_000
AIM_SNAPSHOT: Final = 200_000
#: Two calls at a time: a caller that does not wait in between, and no more.
CLIENTS: Final = 2


def measure(sizes: Sizes, world: World) -> Iterator[Figure]:
    """Calls of 10,000 numbers, half of them of people nobody heard of."""
    chosen = random.Random(SEED)
    authorization = bearer(world)
    calls = []
    for _ in range(sizes.bulk_calls):
        numbers = [text_of(chosen.randrange(2 * world.people)) for _ in range(sizes.bulk)]
        question = {"addresses": numbers, "purpose": "offers", "sender": "shop"}
        calls.append(request("POST", "/v1/check/bulk", json.dumps(question).encode(), authorization=authorization,
                             content_type="application/json"))
    bare = _bare(world, sizes)
    yield _figure(world, sizes, calls, "sqlite", AIM, bare)
    began = time.perf_counter()
    world.system.keeper(world.workspace).refresh(world.workspace)
    rate = world.people / (time.perf_counter() - began)
    yield Figure(f"making the snapshot, {world.people:,} people", rate, "addresses/s",
                 ratios=(Ratio(rate / bare, f"one bare indexed read each ({bare:,.0f}/s)"),))
    yield _figure(world, sizes, calls, "by snapshot", AIM_SNAPSHOT, bare)


def _figure(world: World, sizes: Sizes, calls: list[bytes], how: str, aim: float, bare: float) -> Figure:
    with serving(world.folder, world.environ) as server:
        send(world.folder, Plan(server.port, CLIENTS, calls[:2]))
        found = send(world.folder, Plan(server.port, CLIENTS, calls))
    if set(found.statuses) != {"200"}:
        raise RuntimeError(f"The server answered {found.statuses}.")
    rate = found.rate * sizes.bulk
    return Figure(f"bulk check over HTTP, {how}, {world.people:,} people", rate, "numbers/s", aim,
                  ratios=(Ratio(rate / bare, f"one bare indexed read each ({bare:,.0f}/s)"),),
                  notes=(f"{sizes.bulk:,} a call, half unknown, {CLIENTS} at once: p50 {found.at(.5):.0f} ms",))


def _bare(world: World, sizes: Sizes) -> float:
    chosen, ws, vault = random.Random(SEED), world.workspace.id, world.system.kit.vault
    keys = [(ws, vault.address_mac(ws, address_of(chosen.randrange(2 * world.people)))) for _ in range(sizes.bulk)]
    connection = apsw.Connection(world.file)
    for _ in range(2):  # the second time counts: the pages are in memory then, as they are for the server
        began = time.perf_counter()
        for key in keys:
            connection.execute(BARE, key).fetchone()
        took = time.perf_counter() - began
    connection.close()
    return len(keys) / took
