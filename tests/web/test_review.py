"""What waits for a decision, over HTTP: words only on request, decisions with a name, stops in bulk, reasons."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sayso.store.base import Store
from tests.cast import AMIRA, BRUNO
from tests.stores import HandClock, World, build, declaration
from tests.web.desk import Api, api_of, problem


@pytest.fixture
def world(store: Store, clock: HandClock) -> World:
    return build(store, clock, declaration(policy={"breaker_least": 1, "ask_reason": True}))


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    with api_of(world) as opened:
        yield opened


def held(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/v1/held{query}").json()["data"]
    return found


def test_a_held_message_is_shown_without_its_words_and_settled_by_a_named_decision(api: Api, world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP", forwarded=True)
    (one,) = held(api)
    assert (one["text"], one["why"]) == ("", "forwarded")
    assert held(api, "?reveal=true")[0]["text"] == "STOP"
    body = {"event": one["event"], "decision": "release", "clerk": "Olga"}
    problem(api.post("/v1/held", {**body, "clerk": ""}), 422, "invalid_request")
    assert api.post("/v1/held", body).json()["state"] == "released"
    assert world.check(AMIRA).reason == "granted"
    problem(api.post("/v1/held", body), 404, "not_found")
    world.say(AMIRA, "STOP", forwarded=True)
    done = api.post("/v1/held", {"event": held(api)[0]["event"], "decision": "stop", "clerk": "Olga"}).json()
    assert (done["state"], done["confirmation"]) == ("stopped", "owed")
    assert world.check(AMIRA).reason == "stopped_all"


def test_the_breaker_is_shown_and_judged(api: Api, world: World) -> None:
    for who in (AMIRA, BRUNO):
        world.join(who)
        world.native(who, "stop")
    (tripped,) = api.get("/v1/breaker").json()["data"]
    assert (tripped["sender"], tripped["stops"]) == ("shop", 2)
    problem(api.post("/v1/breaker", {"sender": "", "decision": "release", "clerk": "Olga"}), 422, "invalid_request")
    body = {"sender": "shop", "decision": "release", "clerk": "Olga"}
    assert api.post("/v1/breaker", body).json() == {"sender": "shop", "stops": 2, "more": False}
    assert world.check(AMIRA).reason == "granted"
    assert api.post("/v1/breaker", {**body, "decision": "confirm"}).json()["stops"] == 0


def test_reasons_are_counted_and_a_stop_says_whether_the_person_is_told(api: Api, world: World) -> None:
    world.join(AMIRA)
    answer = api.post("/v1/opt-outs", {"address": AMIRA.phone, "evidence": {"clerk": "Olga"}}).json()
    assert answer["confirmation"] == "owed"
    stop = next(fact for fact in world.history(AMIRA) if fact["type"] == "said_stop")
    assert stop["facts"]["how"] == "clerk"
    (told,) = world.work()
    world.tap(AMIRA, told.button(1), "Not relevant")
    assert api.get("/v1/reasons").json() == {"too_many": 0, "not_relevant": 1, "never_asked": 0, "other": 0}
    world.clock.go(40 * 24 * 3600)
    assert api.get("/v1/reasons?days=30").json()["not_relevant"] == 0
