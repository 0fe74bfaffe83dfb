"""The gateway: messages a second and what it adds to each, against the same server handing them on without a gate.

The provider answers at once, on this machine, so that nothing hides what the gate costs.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Final

from bench.checks import SEED
from bench.load import Outcome, Plan, request, send
from bench.report import Figure, Ratio
from bench.servers import graph, serving
from bench.sizes import Sizes
from bench.world import PHONE_NUMBER_ID, World, make_world, text_of
from sayso.web.auth import make_key

CLIENTS: Final = 64
#: Of the throughput without a gate, so much must be left.
AIM: Final = 2 / 3
#: What the gate may add to one message, milliseconds.
ADDED_MS: Final = 5.0
PATH: Final = f"/v23.0/{PHONE_NUMBER_ID}/messages"
#: People the messages are for, and of ten of them those who said yes.
PEOPLE: Final = 2_000
YES: Final = 6


def measure(sizes: Sizes, postgres: str) -> Iterator[Figure]:
    """On SQLite, then on PostgreSQL."""
    people = min(PEOPLE, sizes.people)
    with graph(0) as meta:
        with make_world(people, graph=meta) as world:
            yield from _messages(sizes, world, "sqlite", AIM)
        if postgres:
            from tests.postgres import fresh_database  # noqa: PLC0415  needs pytest

            with fresh_database(postgres) as url, make_world(people, url, graph=meta) as other:
                yield from _messages(sizes, other, "postgres", None)


def _messages(sizes: Sizes, world: World, kind: str, aim: float | None) -> Iterator[Figure]:
    _declare_template(world)
    asks = _asks(sizes, world)
    with serving(world.folder, world.environ, module="bench.ungated") as bare:
        before, alone = _run(world, bare.port, asks), _run(world, bare.port, asks[:len(asks) // 4], clients=1)
    with serving(world.folder, world.environ) as server:
        found, one = _run(world, server.port, asks), _run(world, server.port, asks[:len(asks) // 4], clients=1)
    with serving(world.folder, world.environ | {"BENCH_CLIENT": "httpx"}, module="bench.ungated") as general:
        usual = _run(world, general.port, asks)
    with serving(world.folder, world.environ, module="bench.ungated") as bare:
        after = _run(world, bare.port, asks)
    peer = (before.rate + after.rate) / 2
    yield Figure(f"messages through the gateway, {kind}", found.rate, "/s", None if aim is None else aim * peer,
                 ratios=(Ratio(found.rate / peer, f"the same server without a gate ({peer:,.0f}/s)"),
                         Ratio(found.rate / usual.rate, f"that handing on by httpx ({usual.rate:,.0f}/s)")),
                 notes=(f"p50 {found.at(.5):.1f} ms, p99 {found.at(.99):.1f} ms with {CLIENTS} connections",))
    added = one.at(.5) - alone.at(.5)
    yield Figure(f"latency added to one message, p50, {kind}", added, "ms", None if aim is None else ADDED_MS,
                 least=False, ratios=(Ratio(one.at(.5) / alone.at(.5), f"without a gate ({alone.at(.5):.1f} ms)"),),
                 notes=(f"p99 {one.at(.99):.1f} ms against {alone.at(.99):.1f} ms, one connection",))


def _declare_template(world: World) -> None:
    file = world.folder / "sayso.toml"
    text, head = file.read_text(encoding="utf-8"), "[purposes.offers]\n"
    file.write_text(text.replace(head, f'{head}templates = ["june_offer"]\n'), encoding="utf-8")
    world.system.apply(file)


def _asks(sizes: Sizes, world: World) -> list[bytes]:
    ports, ws, chosen = world.system.kit.ports, world.workspace.id, random.Random(SEED)
    _, key = world.system.store.write(lambda tx: make_key(tx, ports, ws, ["send"]))
    asks = []
    for _ in range(sizes.requests // 2):
        place = chosen.randrange(world.people // 10) * 10 + chosen.randrange(YES)
        body = {"messaging_product": "whatsapp", "to": text_of(place), "type": "template", "template": {
            "name": "june_offer", "language": {"code": "en"}, "components": [
                {"type": "body", "parameters": [{"type": "text", "text": "Amira"}]}]}}
        asks.append(request("POST", PATH, json.dumps(body).encode(), authorization=f"Bearer {key}",
                            content_type="application/json"))
    return asks


def _run(world: World, port: int, asks: list[bytes], clients: int = CLIENTS) -> Outcome:
    send(world.folder, Plan(port, clients, asks[:200]))
    found = send(world.folder, Plan(port, clients, asks))
    if set(found.statuses) != {"200"}:
        raise RuntimeError(f"The server answered {found.statuses}.")
    return found
