"""What Sayso did with it reaches the page: ledger entries and verdicts, live, and a Sayso that is down is
only shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sayso.errors import Unavailable
from sayso.phone.app import PhoneConfig, build, start
from tests.phone.desk import NUMBER, SECRET, TOKEN, desk

KEY = "a-key-of-sayso"


class FakeSayso(httpx.AsyncBaseTransport):
    """Two endpoints over a list of events; `down` makes it fail."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.down = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(self.down)
        assert request.headers["authorization"] == f"Bearer {KEY}"
        if request.url.path == "/v1/check":
            self.asked.append(json.loads(request.content))
            return httpx.Response(200, json={"verdict": "deny", "reason": "never_asked", "person": "per_1",
                                             "sentence": "Nobody asked this person."})
        after = int(request.url.params.get("after", "0"))
        page = self.events[after:after + 2]
        return httpx.Response(200, json={"data": page, "next_cursor": str(after + len(page)),
                                         "has_more": len(self.events) > after + 2})

    def add(self, type_: str, leaf: int | None, **facts: str) -> None:
        self.events.append({
            "id": f"evt_{len(self.events)}", "type": type_, "person": "per_1", "leaf_index": leaf,
            "leaf_hash": "ab" * 32, "cells": [["offers", "*", "marketing"]], "received_at": 1, "facts": facts})


def settings(fake: FakeSayso) -> dict[str, Any]:
    return {"sayso_url": "http://sayso.test/", "sayso_key": KEY, "sayso_transport": fake,
            "purposes": ("offers", "orders")}


@pytest.mark.anyio
async def test_it_asks_for_every_person_and_purpose_by_the_address_businesses_know() -> None:
    fake = FakeSayso()
    async with desk(**settings(fake)) as phone:
        told = await phone.act("look")
    assert len(fake.asked) == 8
    assert {"address": "+447700900101", "purpose": "orders"} in fake.asked
    assert {"address": "GB.1349120865530274104", "purpose": "offers"} in fake.asked
    assert told["verdicts"][0] == {
        "person": "amira", "purpose": "offers", "verdict": "deny", "person_id": "per_1",
        "reason": "never_asked", "sentence": "Nobody asked this person."}


@pytest.mark.anyio
async def test_it_reads_the_ledger_page_by_page_in_plain_words() -> None:
    fake = FakeSayso()
    for place in range(5):
        fake.add("said_yes" if place else "some_new_thing", place)
    async with desk(**settings(fake)) as phone:
        told = await phone.act("look")
    assert [(entry["plain"], entry["leaf_index"]) for entry in told["entries"]] == [
        ("Some new thing", 0), ("Said yes", 1), ("Said yes", 2), ("Said yes", 3), ("Said yes", 4)]


@pytest.mark.anyio
async def test_a_list_of_thousands_is_one_entry_and_buries_nothing() -> None:
    fake = FakeSayso()
    fake.add("said_yes", 0)
    for place in range(1, 31):
        fake.add("address_linked", place, how="import")
    fake.add("said_stop", 31)
    async with desk(**settings(fake)) as phone:
        for _ in range(2):
            told = await phone.act("look")
    assert [entry["plain"] for entry in told["entries"]] == ["Said yes", "30 facts of a list", "Said stop"]


@pytest.mark.anyio
async def test_an_entry_without_a_place_is_read_again_until_it_has_one() -> None:
    fake = FakeSayso()
    fake.add("said_yes", None)
    async with desk(**settings(fake)) as phone:
        assert (await phone.act("look"))["entries"][0]["leaf_index"] is None
        fake.events[0]["leaf_index"] = 0
        fake.add("said_stop", 1)
        told = await phone.act("look")
    assert [entry["leaf_index"] for entry in told["entries"]] == [0, 1]


@pytest.mark.anyio
@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_sayso_that_fails_is_shown_and_recovers(status: int) -> None:
    fake = FakeSayso()
    fake.down = status
    async with desk(**settings(fake)) as phone:
        assert str(status) in (await phone.act("look"))["problem"]
        fake.down = 0
        assert (await phone.act("look"))["problem"] is None


@pytest.mark.anyio
async def test_without_a_sayso_the_page_says_so() -> None:
    async with desk() as phone:
        state = (await phone.http.get("/_phone/state")).json()
        assert state["sayso"]["configured"] is False


@pytest.mark.anyio
async def test_it_asks_only_while_somebody_listens_and_tells_them_live() -> None:
    fake = FakeSayso()
    fake.add("said_yes", 0)
    config = PhoneConfig(token=TOKEN, app_secret=SECRET, sayso_url="http://sayso.test", sayso_key=KEY)
    world = build(config, sayso_transport=fake).state.world
    world.watcher.poke()
    await asyncio.sleep(0.05)
    assert fake.asked == []
    stream = world.feed.stream(world.snapshot, world.watcher.poke)
    heard = [(await anext(stream)).split(b"\n")[0] for _ in range(6)]
    assert heard == [b"event: state", b"event: entry", *[b"event: verdict"] * 4]
    fake.add("said_stop", 1)
    assert b"Said stop" in await asyncio.wait_for(anext(stream), 2)
    await stream.aclose()
    await world.close()


def frames(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Server-Sent Events as (kind, data)."""
    kind = ""
    for line in lines:
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield kind, json.loads(line.removeprefix("data: "))


def test_the_stream_begins_with_the_state_and_tells_what_happens() -> None:
    config = PhoneConfig(token=TOKEN, app_secret=SECRET, retry_seconds=())
    with (start(config) as running, httpx.Client(base_url=running.url, trust_env=False, timeout=5) as http,
          http.stream("GET", "/_phone/events") as stream):
        assert stream.headers["content-type"].startswith("text/event-stream")
        live = frames(stream.iter_lines())
        kind, state = next(live)
        assert kind == "state"
        assert [person["name"] for person in state["people"]] == ["Amira", "Bruno", "Chen", "Dana"]
        httpx.post(f"{running.url}/_phone/say", json={"person": "amira", "text": "JOIN"}, trust_env=False)
        kind, message = next(live)
        assert kind == "message"
        assert (message["person"], message["text"], message["number"]) == ("amira", "JOIN", NUMBER)
        kind, delivery = next(live)
        assert (kind, delivery["outcome"]) == ("delivery", "waiting")
        kind, delivery = next(live)
        assert (kind, delivery["outcome"]) == ("delivery", "failed")


def test_it_stops_although_a_browser_still_listens() -> None:
    running = start(PhoneConfig(token=TOKEN, app_secret=SECRET))
    with (httpx.Client(base_url=running.url, trust_env=False, timeout=5) as http,
          http.stream("GET", "/_phone/events") as stream):
        live = frames(stream.iter_lines())
        assert next(live)[0] == "state"
        running.stop()
        assert list(live) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(running.url, trust_env=False)


def test_a_taken_port_is_an_error_at_the_start() -> None:
    with start(PhoneConfig(token=TOKEN, app_secret=SECRET)) as running:
        port = int(running.url.rpartition(":")[2])
        with pytest.raises(Unavailable, match="--port"):
            start(PhoneConfig(token=TOKEN, app_secret=SECRET), port=port)
