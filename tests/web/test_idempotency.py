"""Idempotency keys: the same request twice has one effect and one answer, also when both come at once."""

from __future__ import annotations

import asyncio

import httpx

from sayso.ports import DAY
from tests.cast import AMIRA, BRUNO
from tests.stores import World, neighbour, rows_of
from tests.web.desk import BODIES, Api, problem

CHECK = BODIES["/v1/permits"]
KEY = {"idempotency-key": "order-7"}


def test_the_same_request_gets_the_first_answer_and_has_one_effect(api: Api, world: World) -> None:
    world.join(AMIRA)
    first, second = (api.post("/v1/permits", CHECK, headers=KEY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.headers["request-id"] != second.headers["request-id"]
    permits = [row for row in rows_of(world.store, "permits") if first.json()["permit"]["id"] in row]
    assert len(permits) == 1


def test_another_request_with_the_same_key_is_refused(api: Api, world: World) -> None:
    api.post("/v1/opt-outs", {"address": AMIRA.phone}, headers=KEY)
    told = problem(api.post("/v1/opt-outs", {"address": BRUNO.phone}, headers=KEY), 422, "idempotency_mismatch")
    assert told["param"] == "Idempotency-Key"
    assert world.check(BRUNO).reason == "unknown_person"


def test_a_key_belongs_to_its_route_its_api_key_and_its_business(api: Api, world: World) -> None:
    body = {"address": AMIRA.phone}
    theirs = api.beside(neighbour(world).workspace)
    answers = [
        api.post("/v1/opt-outs", body, headers=KEY),
        api.post("/v1/opt-outs", body, headers=KEY, key=api.make_key("consent")),
        theirs.post("/v1/opt-outs", body, headers=KEY),
        api.post("/v1/permits", CHECK, headers=KEY),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert not any("idempotent-replayed" in answer.headers for answer in answers)


def test_a_key_does_not_pass_from_one_permit_to_another(api: Api, world: World) -> None:
    world.join(AMIRA)
    one, two = (world.permit(AMIRA).id for _ in range(2))
    for permit in (one, two):
        world.redeem(permit)
    assert api.post(f"/v1/permits/{one}/done", {"outcome": "sent"}, headers=KEY).status_code == 200
    problem(api.post(f"/v1/permits/{two}/done", {"outcome": "sent"}, headers=KEY), 422, "idempotency_mismatch")


def test_requests_at_the_same_time_have_one_effect(api: Api, world: World) -> None:
    world.join(AMIRA)
    before = len(rows_of(world.store, "permits"))

    async def at_once() -> list[httpx.Response]:
        return await asyncio.gather(*(api.send("POST", "/v1/permits", CHECK, headers=KEY) for _ in range(8)))

    answers = api.run(at_once())
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 7
    assert len(rows_of(world.store, "permits")) == before + 1


def test_an_opt_out_replayed_waits_for_nothing(api: Api, world: World) -> None:
    world.join(AMIRA)
    world.redeem(world.permit(AMIRA).id)
    body = {"address": AMIRA.phone, "wait": True}
    api.post("/v1/opt-outs", body | {"wait": False}, headers={"idempotency-key": "other"})

    async def twice() -> tuple[httpx.Response, float]:
        first = asyncio.create_task(api.send("POST", "/v1/opt-outs", body, headers=KEY))
        await asyncio.sleep(0.2)
        begun = asyncio.get_running_loop().time()
        second = await api.send("POST", "/v1/opt-outs", body, headers=KEY)
        took = asyncio.get_running_loop().time() - begun
        first.cancel()
        return second, took

    answer, took = api.run(twice())
    assert (answer.status_code, answer.json()["state"]) == (202, "recorded")
    assert answer.headers["idempotent-replayed"] == "true"
    assert took < 1


def test_an_error_is_not_remembered(api: Api, world: World) -> None:
    wrong = {"address": AMIRA.phone, "entry": "bare", "evidence": {"page": "https://acme.example"}}
    problem(api.post("/v1/opt-ins", wrong, headers=KEY), 422, "template_missing")
    assert rows_of(world.store, "idempotency") == []
    assert api.post("/v1/opt-ins", BODIES["/v1/opt-ins"], headers=KEY).status_code == 202


def test_an_answer_is_forgotten_after_a_day_whether_or_not_a_worker_runs(api: Api, world: World) -> None:
    body = {"address": AMIRA.phone}
    first = api.post("/v1/opt-outs", body, headers=KEY).json()["event"]
    world.clock.go(DAY / 1_000_000 + 1)
    second = api.post("/v1/opt-outs", body, headers=KEY)
    assert (second.status_code, "idempotent-replayed" in second.headers) == (200, False)
    assert second.json()["event"] != first
    assert api.post("/v1/opt-outs", body, headers=KEY).headers["idempotent-replayed"] == "true"


def test_an_answer_is_kept_sealed(api: Api, world: World) -> None:
    event = api.post("/v1/opt-outs", {"address": AMIRA.phone}, headers=KEY).json()["event"]
    rows = rows_of(world.store, "idempotency")
    assert len(rows) == 1
    assert event not in str(rows)


def test_a_key_that_is_no_key_is_refused(lone_api: Api) -> None:
    for key in ("two words", "x" * 256):
        told = problem(lone_api.post("/v1/opt-outs", {"address": AMIRA.phone}, headers={"idempotency-key": key}), 422,
                       "invalid_request")
        assert told["param"] == "Idempotency-Key"
