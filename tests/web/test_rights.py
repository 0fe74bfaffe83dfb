"""Links and exports over HTTP: what a business may hand to its people, and what it may not."""

from __future__ import annotations

from dataclasses import replace

from sayso.flows import links
from sayso.ports import DAY
from tests.cast import AMIRA, CHEN
from tests.stores import World, neighbour
from tests.web.desk import Api, contents, problem

PUBLIC_URL = "https://consent.shop.example"


def with_url(api: Api) -> Api:
    api.app.desk.kit = replace(api.app.desk.kit, public_url=PUBLIC_URL)
    return api


def test_a_business_gets_a_link_to_put_into_its_messages(api: Api, world: World) -> None:
    world.join(AMIRA)
    before = contents(world.store)
    told = with_url(api).post("/v1/people/link", {"address": AMIRA.phone}, key=api.make_key("consent")).json()
    assert told["url"].startswith(f"{PUBLIC_URL}/p/")
    assert told["shown_until"] == world.clock.time + 30 * DAY
    found = links.read(world.kit, told["url"].rpartition("/")[2], world.clock.time)
    assert (found.person, found.use) == (told["person"], "preferences")
    assert api.get(told["url"].removeprefix(PUBLIC_URL), key="").status_code == 200
    now = contents(world.store)
    assert {table for table in now if now[table] != before[table]} <= {"api_keys"}


def test_there_is_no_link_for_a_stranger_nor_without_a_public_address(api: Api, world: World) -> None:
    world.join(AMIRA)
    told = problem(api.post("/v1/people/link", {"address": AMIRA.phone}), 503, "not_configured")
    assert "SAYSO_PUBLIC_URL" in told["detail"]
    with_url(api)
    problem(api.post("/v1/people/link", {"address": CHEN.phone}), 404, "not_found")
    problem(api.beside(neighbour(world).workspace).post("/v1/people/link", {"address": AMIRA.phone}), 404, "not_found")
    problem(api.post("/v1/people/link", {"address": AMIRA.phone, "use": "data"}), 422, "invalid_request")


def test_everything_is_given_to_an_admin_only_and_noted(api: Api, world: World) -> None:
    world.join(AMIRA)
    for scope in ("read", "consent", "check", "send"):
        problem(api.post("/v1/people/export", {"address": AMIRA.phone}, key=api.make_key(scope)), 403, "forbidden")
    assert "data_given" not in world.types(AMIRA)
    told = api.post("/v1/people/export", {"address": AMIRA.phone}).json()
    assert AMIRA.phone in {one["address"] for one in told["addresses"]}
    assert world.types(AMIRA)[-1] == "data_given"
    problem(api.post("/v1/people/export", {"address": CHEN.phone}), 404, "not_found")
