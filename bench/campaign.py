"""STOP while a campaign runs: from the first byte of the webhook to every permit of the person dead and the drain done.

A campaign of 200 messages a second goes through permits over HTTP, three calls each, and a provider that takes 100 ms.
Now and then somebody of it says STOP: they hold three permits that nobody redeemed yet, and one message of theirs is on
its way. The clock starts when the webhook is sent and stops when all three redeems were refused and the opt-out is
acknowledged. So much of it is the provider's: a message on its way is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from bench.load import HOST, request
from bench.report import Figure, Ratio, percentile
from bench.servers import GRAPH_SECONDS, graph, serving
from bench.sizes import Sizes
from bench.webhooks import body, signed
from bench.world import PHONE_NUMBER_ID, World, address_of, make_world
from sayso.channels.base import InboundButton, InboundText
from sayso.core import identity
from sayso.flows import inbound
from sayso.flows.people import find
from sayso.web.auth import make_key

#: Messages a second, and the limit for a stop (the project's own aim).
RATE: Final = 200
AIM_MS: Final = 250.0
#: Connections the campaign keeps, permits a victim holds, seconds between two stops.
CONNECTIONS: Final = 48
HELD: Final = 3
EVERY_S: Final = 0.1
#: One stop for so many webhooks of the other measurements.
SHARE: Final = 40
SEED: Final = 20_260_101


@dataclass(slots=True)
class Line:
    """Kept connections to the server, one request at a time on each."""

    port: int
    authorization: str
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=asyncio.Queue)

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            self.free.put_nowait(await asyncio.open_connection(HOST, self.port))

    async def close(self) -> None:
        while not self.free.empty():
            _, writer = self.free.get_nowait()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def send(self, whole: bytes) -> tuple[int, Any]:
        reader, writer = await self.free.get()
        try:
            writer.write(whole)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            raw = await reader.readexactly(length)
        finally:
            self.free.put_nowait((reader, writer))
        return int(head[9:12]), json.loads(raw) if raw else None

    async def post(self, path: str, value: dict[str, Any] | None = None) -> tuple[int, Any]:
        raw = b"" if value is None else json.dumps(value).encode()
        return await self.send(request("POST", path, raw, authorization=self.authorization,
                                       content_type="application/json"))

    async def permit(self, address: str) -> str:
        status, told = await self.post("/v1/permits", {"address": address, "purpose": "offers", "sender": "shop"})
        if status != 201:
            raise RuntimeError(f"A permit was answered {status}: {told.get('detail') or told['verdict']['reason']}.")
        return str(told["permit"]["id"])


@dataclass(slots=True)
class Found:
    """What the run saw."""

    took: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)
    sent: int = 0
    seconds: float = 0.0


def measure(sizes: Sizes) -> Iterator[Figure]:
    """On SQLite, everything on this machine."""
    victims = max(5, sizes.stops // SHARE)
    audience = max(20, sizes.stops // 10)
    with graph() as meta, make_world(graph=meta) as world:
        _join(world, audience + victims)
        ports, ws = world.system.kit.ports, world.workspace.id
        _, key = world.system.store.write(lambda tx: make_key(tx, ports, ws, ["send", "consent"]))
        with serving(world.folder, world.environ, worker=True) as server:
            found = asyncio.run(_run(Line(server.port, f"Bearer {key}"), audience, victims))
    p99, empty = 1000 * percentile(found.took, .99), 1000 * percentile(found.empty, .99)

    def refused(share: float) -> float:
        return 1000 * percentile(found.refused, share)

    yield Figure(
        "STOP to all permits dead and drained, p99", p99, "ms", AIM_MS, least=False,
        ratios=(Ratio(p99 / AIM_MS, f"the limit of {AIM_MS:.0f} ms"),
                Ratio(p99 / empty, f"the p99 of GET /livez while the campaign runs ({empty:.0f} ms)"),
                Ratio(p99 / (1000 * GRAPH_SECONDS), "what the provider takes for a message on its way")),
        notes=(
            (f"p50 {1000 * percentile(found.took, .5):.0f} ms; {victims} stops; the redeems alone: "
             f"p50 {refused(.5):.0f} ms, p99 {refused(.99):.0f} ms"),
            f"the campaign kept {found.sent / found.seconds:.0f} messages/s of {RATE}",
        ))


def name_of(place: int) -> str:
    """What the campaign calls the person in this place: their numbers are nobody's, and permits ask for real ones."""
    return f"GB.{place:015}"


def _join(world: World, count: int) -> None:
    """Real people, with real keys, who said yes."""
    kit, workspace, store = world.system.kit, world.workspace, world.system.store
    connection, now = workspace.connections["main"], world.system.kit.now()
    for place in range(count):
        who = (address_of(place), identity.bsuid(name_of(place)))
        join = InboundText(sender_ref=PHONE_NUMBER_ID, key=("message", f"j{place}"), at=now - 20_000_000, addresses=who,
                           message_id=f"j{place}", text="JOIN")
        store.write(lambda tx, item=join: inbound.receive(  # type: ignore[misc]
            tx, kit, workspace, connection, [item], b"{}"))
        person = store.read(lambda tx, who=who: find(  # type: ignore[misc]
            tx, kit, workspace.id, who[0], lock=False))
        if person is None:
            raise LookupError("nobody joined")
        asked = person.standing.pending[0].request
        yes = InboundButton(sender_ref=PHONE_NUMBER_ID, key=("message", f"y{place}"), at=now - 10_000_000,
                            addresses=who, message_id=f"y{place}", kind="button", payload=f"sayso:yes:{asked}",
                            label="Yes")
        store.write(lambda tx, item=yes: inbound.receive(  # type: ignore[misc]
            tx, kit, workspace, connection, [item], b"{}"))


async def _run(line: Line, audience: int, victims: int) -> Found:
    found, tasks = Found(), set[asyncio.Task[None]]()
    await line.open()
    over = asyncio.Event()
    campaign = asyncio.create_task(_campaign(line, audience, over, found))
    await asyncio.sleep(1)  # the campaign is under way
    chosen = random.Random(SEED)
    try:
        for place in range(audience, audience + victims):
            tasks.add(asyncio.create_task(_stop(line, place, chosen.random(), found)))
            await asyncio.sleep(EVERY_S)
        await asyncio.gather(*tasks)
    finally:
        over.set()
        await campaign
        await line.close()
    return found


async def _campaign(line: Line, audience: int, over: asyncio.Event, found: Found) -> None:
    """Open loop: a message begins every five milliseconds, whatever became of those before."""
    everybody = itertools.cycle(range(audience))
    tasks, began = set[asyncio.Task[None]](), time.perf_counter()
    for number in itertools.count():
        if over.is_set():
            break
        task = asyncio.create_task(_message(line, name_of(next(everybody)), found))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await asyncio.sleep(max(0.0, began + number / RATE - time.perf_counter()))
    await asyncio.gather(*tasks)
    found.seconds = time.perf_counter() - began


async def _message(line: Line, address: str, found: Found) -> None:
    permit = await line.permit(address)
    await line.post(f"/v1/permits/{permit}/redeem")
    await asyncio.sleep(GRAPH_SECONDS)
    await line.post(f"/v1/permits/{permit}/done", {"outcome": "sent"})
    found.sent += 1


async def _stop(line: Line, place: int, share: float, found: Found) -> None:
    """One person's stop. `share` of the provider's time has passed for the message that is on its way."""
    began = time.perf_counter()
    await line.send(request("GET", "/livez"))
    found.empty.append(time.perf_counter() - began)
    held = [await line.permit(name_of(place)) for _ in range(HELD)]
    async with _on_its_way(line, name_of(place), share):
        began = time.perf_counter()
        status, _ = await line.send(signed(body(place)))
        if status != 200:
            raise RuntimeError(f"The webhook was answered {status}.")
        answers = asyncio.gather(*(line.post(f"/v1/permits/{permit}/redeem") for permit in held))
        drained = asyncio.create_task(line.post("/v1/opt-outs", {"address": name_of(place), "wait": True}))
        if any(told.get("redeemed") for _, told in await answers):
            raise RuntimeError("A permit was redeemed after the stop was recorded.")
        found.refused.append(time.perf_counter() - began)
        status, told = await drained
        if told.get("state") != "acknowledged":
            raise RuntimeError(f"The stop was answered {status}, {told.get('state')}.")
        found.took.append(time.perf_counter() - began)


@contextlib.asynccontextmanager
async def _on_its_way(line: Line, address: str, share: float) -> AsyncIterator[None]:
    permit = await line.permit(address)
    await line.post(f"/v1/permits/{permit}/redeem")

    async def finish() -> None:
        await asyncio.sleep(GRAPH_SECONDS * (1 - share))
        await line.post(f"/v1/permits/{permit}/done", {"outcome": "sent"})

    await asyncio.sleep(GRAPH_SECONDS * share)
    task = asyncio.create_task(finish())
    yield
    await task
