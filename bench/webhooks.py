"""Stops by webhook: how many a second are on disk before Meta gets its 200.

Each stop is of somebody new, the dearest there is: a person, two addresses, two facts with their evidence, a stop, and
the confirmation that is owed. The peers are of the same run: an empty route of the same server, and the same rows
put straight into SQLite through the same driver with as many stops in each commit as the server itself had.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

import apsw

from bench.load import Outcome, Plan, request, send
from bench.report import Figure, Ratio, fdatasyncs
from bench.servers import Server, cpu_seconds, graph, serving
from bench.sizes import Sizes
from bench.world import APP_SECRET, FIRST, HOOK, NOWHERE, PHONE_NUMBER_ID, World, make_world
from sayso.channels import meta
from sayso.flows import inbound
from sayso.store.base import Tx, Value
from sayso.store.dialect import queries

#: Connections at a time; Meta opens many.
CLIENTS: Final = 64
AIM: Final = {"sqlite": 1_500, "postgres": 500}
AIM_P99_MS: Final = 100
#: Stops that warm server and generator up before anything is measured.
WARM_UP: Final = 200


def body(place: int, *, again: str = "") -> bytes:
    """What Meta posts when the person in this place sends STOP (webhooks reference, messages)."""
    wa_id, user_id = str(FIRST + place), f"GB.{place:015}"
    text = {"from": wa_id, "from_user_id": user_id, "id": f"wamid.{place}{again}", "timestamp": str(int(time.time())),
            "type": "text", "text": {"body": "STOP"}}
    value = {"messaging_product": "whatsapp",
             "metadata": {"display_phone_number": "447700900100", "phone_number_id": PHONE_NUMBER_ID},
             "contacts": [{"profile": {"name": "Bruno"}, "wa_id": wa_id, "user_id": user_id}], "messages": [text]}
    change = {"field": "messages", "value": value}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()


def nothing() -> bytes:
    """An envelope as long as a stop's, without an entry: Sayso reads it and has nothing to do."""
    envelope = {"object": "whatsapp_business_account", "entry": [], "rest": ""}
    return json.dumps(envelope | {"rest": "x" * (len(body(0)) - len(json.dumps(envelope)))}).encode()


def signed(raw: bytes) -> bytes:
    """The whole request, signed as Meta signs it."""
    signature = hmac.digest(APP_SECRET.encode(), raw, hashlib.sha256).hex()
    return request("POST", HOOK, raw, content_type="application/json", x_hub_signature_256=f"sha256={signature}")


def measure(sizes: Sizes, postgres: str) -> Iterator[Figure]:
    """Stops a second with the worker off and on, and their peers; then the same on PostgreSQL if there is one."""
    yield from _over_http(sizes, "")
    yield _in_process(sizes)
    if postgres:
        yield from _over_http(sizes, postgres)


# -- over HTTP ---------------------------------------------------------------------------------------------------------


def _over_http(sizes: Sizes, url: str) -> Iterator[Figure]:
    kind, count = ("postgres", sizes.stops // 4) if url else ("sqlite", sizes.stops)
    with _run(url, worker=False) as (world, server):
        alone = _stops(world, server, count)
        known = _stops(world, server, count, again=".2")
        empty = send(world.folder, Plan(server.port, CLIENTS, [request("GET", "/livez")], sizes.requests))
        hollow = _good(send(world.folder, Plan(server.port, CLIENTS, [signed(nothing())], sizes.requests)))
        disk = fdatasyncs(world.folder)
    ratios = [Ratio(alone.rate / hollow.rate, "the same POST with nothing in it"),
              Ratio(alone.rate / empty.rate, "GET /livez")]
    notes = [f"p50 {alone.at(.5):.1f} ms; {_cores(alone)}",
             "the same POST with nothing in it is signed, as long, and read, and has no entries to store",
             f"POST with nothing in it {hollow.rate:,.0f}/s; GET /livez {empty.rate:,.0f}/s; {disk:,.0f} fdatasync/s"]
    if server.commits is not None and not url:
        batch = max(1, round(server.commits.mean))
        raw = raw_commits(record(sizes.stops // 2), batch)
        ratios.append(Ratio(alone.rate / raw, f"the same rows by apsw alone, {batch} stops a commit"))
        notes.append(f"apsw alone {raw:,.0f} stops/s; server: {_batches(server)}")
    yield Figure(f"webhook stops, {kind}", alone.rate, "/s durable", AIM[kind], ratios=tuple(ratios),
                 notes=tuple(notes))
    yield Figure(f"webhook stops, {kind}, p99", alone.at(.99), "ms", AIM_P99_MS, least=False,
                 ratios=(Ratio(alone.at(.99) / empty.at(.99), "the p99 of GET /livez"),))
    yield Figure(f"webhook stops, {kind}, people known", known.rate, "/s durable",
                 ratios=(Ratio(known.rate / alone.rate, "stops of new people"),),
                 notes=(f"p99 {known.at(.99):.1f} ms",))
    with graph() as meta_url, _run(url, worker=True, to=meta_url) as (world, server):
        busy = _stops(world, server, count)
    yield Figure(f"webhook stops, {kind}, worker on", busy.rate, "/s durable",
                 ratios=(Ratio(busy.rate / alone.rate, "the same with the worker off"),),
                 notes=(f"p50 {busy.at(.5):.1f} ms, p99 {busy.at(.99):.1f} ms; {_cores(busy)}",))


@contextlib.contextmanager
def _run(url: str, *, worker: bool, to: str = NOWHERE) -> Iterator[tuple[World, Server]]:
    """A fresh world and its server, each time: files that grew with the run before would be another measurement."""
    with _database(url) as database, make_world(url=database, graph=to) as world:
        world.system.close()
        with serving(world.folder, world.environ, worker=worker, counted=True) as server:
            yield world, server


@contextlib.contextmanager
def _database(url: str) -> Iterator[str]:
    if not url:
        yield ""
        return
    from tests.postgres import fresh_database  # noqa: PLC0415  needs pytest

    with fresh_database(url) as fresh:
        yield fresh


class Stops(Outcome, frozen=True):
    """An outcome, and the processor time the server spent on it."""

    server_cpu: float = 0.0


def _stops(world: World, server: Server, count: int, again: str = "") -> Stops:
    if not again:
        warm_up = [signed(body(place)) for place in range(count, count + WARM_UP)]
        _good(send(world.folder, Plan(server.port, CLIENTS, warm_up)))
    requests = [signed(body(place, again=again)) for place in range(count)]
    before = cpu_seconds(server.pid)
    found = _good(send(world.folder, Plan(server.port, CLIENTS, requests)))
    return Stops(found.answered, found.seconds, found.statuses, found.latencies, found.cpu,
                 cpu_seconds(server.pid) - before)


def _good(found: Outcome) -> Outcome:
    """A refused or failed request is no measurement."""
    if set(found.statuses) != {"200"}:
        raise RuntimeError(f"The server answered {found.statuses}.")
    return found


def _cores(stops: Stops) -> str:
    return (f"server {stops.server_cpu / stops.seconds:.0%} of a core, generator {stops.cpu / stops.seconds:.0%}, "
            f"{1e6 * stops.server_cpu / stops.answered:.0f} us of the server's per stop")


def _batches(server: Server) -> str:
    commits = server.commits
    if commits is None or not commits.commits:
        return "commits not counted"
    return (f"{commits.mean:.1f} stops a commit on average, {max(commits.sizes)} at most, "
            f"{1000 * commits.seconds / commits.commits:.1f} ms a commit")


# -- the peers ---------------------------------------------------------------------------------------------------------


class Recorder:
    """A transaction that remembers what was written, so that it can be written again without Sayso."""

    def __init__(self, tx: Tx, written: list[tuple[str, dict[str, Value]]]) -> None:
        self._tx = tx
        self._written = written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def run(self, name: str, /, **values: Value) -> int:
        self._written.append((name, values))
        return self._tx.run(name, **values)

    def run_many(self, name: str, /, values: Iterable[Mapping[str, Value]]) -> None:
        listed = [dict(one) for one in values]
        self._written += [(name, one) for one in listed]
        self._tx.run_many(name, listed)


Written = Sequence[Sequence[tuple[str, Mapping[str, Value]]]]


def record(count: int) -> Written:
    """What each of so many stops writes, as (query, values)."""
    stops: list[list[tuple[str, dict[str, Value]]]] = []
    with make_world() as world:
        kit, workspace = world.system.kit, world.workspace
        connection = next(iter(workspace.connections.values()))

        def receive(tx: Tx) -> None:
            for place in range(count):
                stops.append([])
                raw = body(place)
                inbound.receive(Recorder(tx, stops[-1]), kit, workspace, connection, meta.parse(raw), raw)

        world.system.store.write(receive)
    return stops


def raw_commits(stops: Written, batch: int) -> float:
    """Stops a second if nothing is done but writing their rows, durably, `batch` of them to a commit."""
    sql = queries("sqlite")
    texts = [[(sql[name], values) for name, values in stop] for stop in stops]
    with make_world() as world:
        connection = apsw.Connection(world.file)
        connection.pragma("synchronous", "full")
        began = time.perf_counter()
        for first in range(0, len(texts), batch):
            connection.execute("begin immediate")
            for stop in texts[first:first + batch]:
                for text, values in stop:
                    connection.execute(text, values)
            connection.execute("commit")
        took = time.perf_counter() - began
        connection.close()
    return len(texts) / took


def _in_process(sizes: Sizes) -> Figure:
    """The same work without HTTP: what the writer alone could do."""
    with make_world() as world:
        kit, workspace, store = world.system.kit, world.workspace, world.system.store
        connection = next(iter(workspace.connections.values()))
        kit.words()
        bodies = [body(place) for place in range(sizes.stops)]

        def take(raw: bytes) -> Future[inbound.Received]:
            items = meta.parse(raw)
            return store.submit(lambda tx: inbound.receive(tx, kit, workspace, connection, items, raw))

        began = time.perf_counter()
        answers = [take(raw) for raw in bodies]
        done = sum(answer.result().done for answer in answers)
        rate = done / (time.perf_counter() - began)
    raw = raw_commits(record(sizes.stops // 2), 64)
    return Figure("stops in process, sqlite", rate, "/s durable",
                  ratios=(Ratio(rate / raw, "the same rows by apsw alone, 64 stops a commit"),))
