"""Permits, opt-ins and opt-outs over HTTP: an opt-out is acknowledged only when nothing can leave any more."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from sayso.core.events import TYPES
from sayso.ports import SECOND
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World
from tests.web.desk import BODIES, Api, problem

CHECK = BODIES["/v1/check"]
STOP = {"address": AMIRA.phone}


def permit_for(api: Api) -> str:
    answer = api.post("/v1/permits", CHECK)
    assert answer.status_code == 201
    return str(answer.json()["permit"]["id"])


# -- permits -----------------------------------------------------------------------------------------------------------


def test_a_permit_is_good_for_one_call(api: Api, world: World) -> None:
    world.join(AMIRA)
    issued = api.post("/v1/permits", CHECK).json()
    assert issued["verdict"]["verdict"] == "allow"
    assert set(issued["permit"]) == {"id", "purpose", "sender", "expires_at", "epoch"}
    permit = f"/v1/permits/{issued['permit']['id']}"
    redeemed = api.post(f"{permit}/redeem").json()
    assert redeemed == {"redeemed": True, "not_after": world.clock.time + 2 * SECOND, "budget_us": 2 * SECOND}
    assert problem(api.post(f"{permit}/redeem"), 409, "permit_spent")["retry"] is False
    done = {"outcome": "sent", "message_id": "wamid.out.1", "offset_us": 1_000, "contacts": [AMIRA.phone]}
    assert api.post(f"{permit}/done", done).json() == {"breach_suspected": False}
    assert api.post(f"{permit}/done", done).json() == {"breach_suspected": False}


def test_nobody_who_said_nothing_gets_a_permit(api: Api) -> None:
    answer = api.post("/v1/permits", CHECK | {"address": CHEN.phone})
    assert (answer.status_code, answer.json()["permit"]) == (200, None)
    assert answer.json()["verdict"]["reason"] == "unknown_person"


def test_a_permit_does_not_outlive_a_stop(api: Api, world: World) -> None:
    world.join(AMIRA)
    permit = permit_for(api)
    world.say(AMIRA, "STOP")
    answer = api.post(f"/v1/permits/{permit}/redeem")
    assert answer.status_code == 200
    assert (answer.json()["redeemed"], answer.json()["verdict"]["reason"]) == (False, "stopped_all")
    assert "budget_us" not in answer.json()


def test_a_permit_of_an_older_record_is_stale(api: Api, world: World) -> None:
    world.join(AMIRA)
    permit = permit_for(api)
    world.join(AMIRA, "TRIAL")
    assert problem(api.post(f"/v1/permits/{permit}/redeem"), 409, "permit_stale")["retry"] is True


def test_a_permit_runs_out(api: Api, world: World) -> None:
    world.join(AMIRA)
    permit = permit_for(api)
    world.clock.go(16 * 60)
    assert problem(api.post(f"/v1/permits/{permit}/redeem"), 409, "permit_expired")["retry"] is True


def test_a_redeem_is_never_replayed(api: Api, world: World) -> None:
    world.join(AMIRA)
    permit = permit_for(api)
    redeem = f"/v1/permits/{permit}/redeem"
    assert api.post(redeem, headers={"idempotency-key": "one"}).json()["redeemed"] is True
    problem(api.post(redeem, headers={"idempotency-key": "one"}), 409, "permit_spent")


def test_a_write_after_the_deadline_is_told(api: Api, world: World) -> None:
    world.join(AMIRA)
    permit = permit_for(api)
    api.post(f"/v1/permits/{permit}/redeem")
    answer = api.post(f"/v1/permits/{permit}/done", {"outcome": "sent", "offset_us": 2 * SECOND + 1})
    assert answer.json() == {"breach_suspected": True}
    assert "breach_suspected" in world.types(AMIRA)


def test_wrong_fields_are_named_by_their_path(lone_api: Api, lone_world: World) -> None:
    lone_world.join(AMIRA)
    permit = permit_for(lone_api)
    done = f"/v1/permits/{permit}/done"
    for path, body, code, param in (
        ("/v1/check", CHECK | {"address": 7}, "invalid_request", "address"),
        ("/v1/check", {"address": AMIRA.phone}, "invalid_request", "purpose"),
        ("/v1/check", CHECK | {"address": "hello"}, "invalid_address", "address"),
        ("/v1/check", CHECK | {"address": "x" * 161}, "invalid_request", "address"),
        ("/v1/check", CHECK | {"purpose": "offer"}, "unknown_purpose", "purpose"),
        ("/v1/check", CHECK | {"sender": "shoe"}, "unknown_sender", "sender"),
        ("/v1/check/bulk", {"addresses": ["a", 1], "purpose": "offers"}, "invalid_request", "addresses.1"),
        ("/v1/opt-ins", BODIES["/v1/opt-ins"] | {"entry": "web"}, "unknown_entry", "entry"),
        ("/v1/opt-ins", BODIES["/v1/opt-ins"] | {"evidence": {"pages": "x"}}, "invalid_request", "evidence.pages"),
        ("/v1/opt-ins", BODIES["/v1/opt-ins"] | {"evidence": {"page": "x" * 1025}}, "invalid_request", "evidence.page"),
        ("/v1/opt-ins", BODIES["/v1/opt-ins"] | {"evidence": {"page": " "}}, "evidence_missing", "evidence"),
        ("/v1/opt-outs", STOP | {"class": "marketin"}, "invalid_request", "class"),
        ("/v1/opt-outs", STOP | {"purpose": "offer"}, "unknown_purpose", "purpose"),
        ("/v1/opt-outs", STOP | {"sender": ""}, "invalid_request", "sender"),
        ("/v1/receipts", {}, "invalid_request", "address"),
        ("/v1/receipts", {"event": "evt_1"}, "invalid_request", "event"),
        (done, {"outcome": "lost"}, "invalid_request", "outcome"),
        (done, {"outcome": "sent", "offset_us": -1}, "invalid_request", "offset_us"),
        (done, {"outcome": "sent", "contacts": [AMIRA.phone, "x"]}, "invalid_address", "contacts.1"),
    ):
        told = problem(lone_api.post(path, body), 422, code)
        assert (told["param"], told["retry"]) == (param, False), path
        assert "lost" not in told["detail"]


# -- opting in ---------------------------------------------------------------------------------------------------------


def test_an_opt_in_asks_and_grants_nothing(api: Api, world: World) -> None:
    answer = api.post("/v1/opt-ins", BODIES["/v1/opt-ins"])
    told = answer.json()
    assert (answer.status_code, told["state"], told["person"]) == (202, "pending", world.person(AMIRA))
    assert told["chat_link"].startswith("https://wa.me/447700900100?text=")
    assert api.post("/v1/check", CHECK).json()["reason"] == "pending"
    assert [letter.to.value for letter in world.work()] == [AMIRA.phone]


def test_an_opt_in_over_a_stop_asks_nobody(api: Api, world: World) -> None:
    world.say(AMIRA, "STOP")
    world.work()
    assert api.post("/v1/opt-ins", BODIES["/v1/opt-ins"]).json()["state"] == "withdrawn"
    assert world.work() == []


# -- opting out --------------------------------------------------------------------------------------------------------


def test_an_opt_out_with_nothing_under_way_is_acknowledged_at_once(api: Api, world: World) -> None:
    world.join(AMIRA)
    answer = api.post("/v1/opt-outs", STOP | {"evidence": {"clerk": "Olga"}})
    told = answer.json()
    assert (answer.status_code, told["state"], told["silent_by"], told["changed"]) == (200, "acknowledged", 0, True)
    assert told["person"] == world.person(AMIRA)
    assert api.post("/v1/check", CHECK).json()["because"] == told["event"]
    assert api.post("/v1/opt-outs", STOP).json()["changed"] is False


def test_an_opt_out_is_acknowledged_only_after_what_was_under_way(api: Api, world: World) -> None:
    world.join(AMIRA)
    permit = permit_for(api)
    api.post(f"/v1/permits/{permit}/redeem")

    async def race() -> tuple[httpx.Response, bool]:
        stopping = asyncio.create_task(api.send("POST", "/v1/opt-outs", STOP))
        await asyncio.sleep(0.3)
        waited = not stopping.done()
        await api.send("POST", f"/v1/permits/{permit}/done", {"outcome": "sent"})
        return await stopping, waited

    answer, waited = api.run(race())
    assert waited
    assert (answer.status_code, answer.json()["state"]) == (200, "acknowledged")


def test_an_opt_out_says_until_when_if_the_drain_takes_too_long(api: Api, world: World,
                                                               monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.web.api.DRAIN_SECONDS", 0.1)
    world.join(AMIRA)
    permit = permit_for(api)
    api.post(f"/v1/permits/{permit}/redeem")
    for body in (STOP, STOP | {"wait": False}):
        answer = api.post("/v1/opt-outs", body)
        told = answer.json()
        assert (answer.status_code, told["state"]) == (202, "recorded")
        assert told["silent_by"] == world.clock.time + 2 * SECOND + 500_000
    world.clock.go(2.6)
    assert api.post("/v1/opt-outs", STOP).json()["state"] == "acknowledged"


def test_an_opt_out_of_somebody_never_heard_of_is_known(api: Api, world: World) -> None:
    for who in (CHEN.phone, DANA.user_id):
        assert api.post("/v1/opt-outs", {"address": who}).status_code == 200
        assert api.post("/v1/check", CHECK | {"address": who}).json()["reason"] == "stopped_all"


def test_an_opt_out_of_one_purpose_stops_that_one(api: Api, world: World) -> None:
    world.join(BRUNO, "JOIN ALL")
    api.post("/v1/opt-outs", {"address": BRUNO.phone, "purpose": "offers"})
    said = {purpose: api.post("/v1/check", {"address": BRUNO.phone, "purpose": purpose, "sender": "shop"}).json()
            for purpose in ("offers", "orders")}
    assert (said["offers"]["reason"], said["orders"]["reason"]) == ("stopped", "granted")


def test_the_words_of_an_answer_are_the_words_of_the_ledger(api: Api, world: World) -> None:
    event = api.post("/v1/opt-outs", STOP).json()["event"]
    assert [line["id"] for line in world.history(AMIRA) if line["sentence"] == TYPES["said_stop"]] == [event]
