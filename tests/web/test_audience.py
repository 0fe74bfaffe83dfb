"""The audience: exactly those the gate allows, handed out on record, and to nobody else by another purpose."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World, build, declaration, neighbour
from tests.web.desk import Api, api_of, problem

ASKED = {"purpose": "offers", "sender": "shop"}


@pytest.fixture
def joined(world: World) -> World:
    """Amira and Dana said yes, Bruno yes and then stop; Chen only spoke."""
    for who in (AMIRA, DANA, BRUNO):
        world.join(who)
    world.say(BRUNO, "STOP")
    world.say(CHEN, "hello")
    return world


def everybody(api: Api, **asked: Any) -> list[str]:
    found, after = [], ""
    while True:
        page = api.post("/v1/audience", ASKED | asked | {"after": after}).json()
        found += page["data"]
        if not page["has_more"]:
            return found
        after = page["next_cursor"]


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_it_is_everybody_who_may_be_messaged_and_nobody_else(joined: World, api: Api, limit: int) -> None:
    assert sorted(everybody(api, limit=limit)) == sorted([AMIRA.phone, DANA.user_id])


def test_each_page_handed_out_is_a_fact(joined: World, api: Api) -> None:
    told = api.post("/v1/audience", ASKED).json()
    joined.work()
    events = api.get("/v1/events", params={"limit": 1000}).json()["data"]
    [fact] = [event for event in events if event["type"] == "list_given"]
    assert (fact["id"], fact["facts"]) == (told["event"], {"purpose": "offers", "sender": "shop", "how": "api"})
    assert told["grade"] == "filter"
    assert joined.sound()


def test_a_third_party_gets_only_those_who_agreed_to_be_named_to_it(lone_world: World) -> None:
    more = declaration()
    more["purposes"]["partners"] = {"class": "sharing", "title": "being named to Partner Ltd"}
    world = build(lone_world.store, lone_world.clock, more)
    world.join(AMIRA)
    with api_of(world) as api:
        problem(api.post("/v1/audience", ASKED | {"recipient": "Partner Ltd"}), 422, "invalid_request")
        problem(api.post("/v1/audience", ASKED | {"purpose": "partners"}), 422, "invalid_request")
        told = api.post("/v1/audience", ASKED | {"purpose": "partners", "recipient": "Partner Ltd"})
        assert told.json()["data"] == []


def test_it_needs_the_scope_to_send_and_a_key_that_is_no_test(joined: World, api: Api) -> None:
    for scopes in (("check",), ("read",), ("consent",)):
        problem(api.post("/v1/audience", ASKED, key=api.make_key(*scopes)), 403, "forbidden")
    problem(api.post("/v1/audience", ASKED, key=api.make_key("send", mode="test")), 403, "forbidden")


def test_nobody_of_another_workspace_is_in_it(joined: World) -> None:
    with api_of(neighbour(joined)) as theirs:
        assert theirs.post("/v1/audience", ASKED).json()["data"] == []
