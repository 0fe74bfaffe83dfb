"""Webhooks out and incidents over HTTP."""

from __future__ import annotations

from sayso.worker import chores
from tests.cast import AMIRA
from tests.receiver import listening, subscribe, teller
from tests.stores import World, neighbour
from tests.web.desk import Api, problem


def test_a_webhook_is_shown_replayed_and_enabled(world: World, api: Api) -> None:
    with listening() as receiver:
        subscribe(world, receiver.url, types=["consent.withdrawn"])
        api = api.beside(world.workspace)
        receiver.answer = lambda _: 410
        world.say(AMIRA, "STOP")
        teller(world).settle()
        [shown] = api.get("/v1/webhooks").json()["data"]
        assert (shown["name"], shown["host"], shown["waiting"]) == ("crm", "127.0.0.1", 1)
        assert shown["disabled_why"] == "gone"
        assert shown["last_error"] == "http_410"
        assert "hook" not in str(shown.values())
        receiver.answer = lambda _: 200
        assert api.post("/v1/webhooks/crm/enable").json() == {"name": "crm", "state": "enabled"}
        teller(world).settle()
        assert receiver.kinds == ["consent.withdrawn"]
        asked = api.post("/v1/webhooks/crm/replay", {"from": 0})
        assert (asked.status_code, asked.json()["first"]) == (202, 0)
        teller(world).settle()
        assert receiver.kinds == ["consent.withdrawn"] * 2
        assert api.get("/v1/webhooks").json()["data"][0]["lag"] == 0


def test_ranges_that_make_no_sense_are_refused(world: World, api: Api) -> None:
    with listening() as receiver:
        subscribe(world, receiver.url)
        api = api.beside(world.workspace)
        for body in ({"from": -1}, {"from": 5, "to": 2}, {"from": 10_000}, {"since": 1, "to": 3},
                     {"since": 2**53}, {"from": "a"}, {"upto": 3}):
            problem(api.post("/v1/webhooks/crm/replay", body), 422, "invalid_request")
        for _ in range(10):
            assert api.post("/v1/webhooks/crm/replay", {}).status_code == 202
        problem(api.post("/v1/webhooks/crm/replay", {}), 422, "invalid_request")
    problem(api.post("/v1/webhooks/nobody/replay", {}), 404, "not_found")
    problem(api.post("/v1/webhooks/nobody/enable"), 404, "not_found")


def test_incidents_are_listed_acknowledged_and_counted_in_metrics(world: World, api: Api) -> None:
    world.join(AMIRA)
    world.redeem(world.permit(AMIRA).id)
    world.permit(AMIRA)
    world.clock.go(1_000)
    world.store.write(lambda tx: chores.tidy(tx, world.kit, [world.workspace.id]))
    found = api.get("/v1/incidents").json()
    assert found["open"] == {"breach": 1, "possibly_sent": 0, "parked": 0, "unhandled": 0}
    assert [(count["unredeemed"], count["unreported"]) for count in found["permits"]] == [(1, 1)]
    numbers = api.get("/metrics", key="").text
    assert 'sayso_incidents_open{kind="breach"} 1.0' in numbers
    assert "sayso_permits_unredeemed 1.0" in numbers
    incident = found["data"][0]["id"]
    problem(neighbour_api(world, api).post(f"/v1/incidents/{incident}/acknowledge", {}), 404, "not_found")
    event = api.post(f"/v1/incidents/{incident}/acknowledge", {"note": "seen"}).json()["event"]
    assert api.get("/v1/incidents").json()["data"] == []
    assert api.get("/v1/incidents?all=true").json()["data"][0]["acknowledged"] == event
    assert 'sayso_incidents_open{kind="breach"} 0.0' in api.get("/metrics", key="").text
    problem(api.post("/v1/incidents/evt_1/acknowledge", {}), 404, "not_found")
    problem(api.post(f"/v1/incidents/{incident}/acknowledge", {"note": "x" * 501}), 422, "invalid_request")


def neighbour_api(world: World, api: Api) -> Api:
    return api.beside(neighbour(world).workspace)


def test_a_key_that_reads_may_look_and_change_nothing(world: World, api: Api) -> None:
    reader = api.make_key("read")
    assert api.get("/v1/webhooks", key=reader).status_code == 200
    assert api.get("/v1/incidents", key=reader).status_code == 200
    for path in ("/v1/webhooks/crm/replay", "/v1/webhooks/crm/enable", "/v1/incidents/evt_1/acknowledge"):
        problem(api.post(path, {}, key=reader), 403, "forbidden")
