"""Walks over the whole route table: every error has one shape, reading changes nothing, nobody sees the neighbour."""

from __future__ import annotations

import pytest

from sayso.web.auth import SCOPES
from sayso.web.routes import METRICS, PUBLIC, TABLE, Route
from tests.cast import AMIRA
from tests.stores import World, neighbour
from tests.web.desk import BODIES, Api, contents, path_of, problem

GUARDED = [route for route in TABLE if route.permission != PUBLIC]
WITH_BODY = [route for route in TABLE if route.request is not None]
READING = [route for route in (*TABLE, METRICS) if route.method == "GET"]


def named(route: Route) -> str:
    return route.name


def body_of(route: Route) -> dict[str, object] | None:
    return BODIES[route.path] if route.request is not None else None


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_a_route_tells_nobody_anything_without_a_valid_key(lone_api: Api, route: Route) -> None:
    for key in ("", "nonsense", "sayso_live_x_y", lone_api.key[:-1], lone_api.key[:-64] + "0" * 64):
        answer = lone_api.run(lone_api.send(route.method, path_of(route), body_of(route), key=key))
        problem(answer, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == 'Bearer realm="sayso"'
    basic = lone_api.run(lone_api.send(route.method, path_of(route), key="", headers={"authorization": "Basic eDp5"}))
    problem(basic, 401, "unauthorized")


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_a_route_takes_no_key_of_other_scopes(lone_api: Api, route: Route) -> None:
    others = [scope for scope in SCOPES if scope not in (route.permission, "admin")]
    answer = lone_api.run(lone_api.send(route.method, path_of(route), body_of(route), key=lone_api.make_key(*others)))
    assert route.permission in problem(answer, 403, "forbidden")["detail"]


@pytest.mark.parametrize("route", GUARDED, ids=named)
def test_a_route_is_open_to_a_key_of_its_own_scope(lone_api: Api, route: Route) -> None:
    key = lone_api.make_key(route.permission)
    answer = lone_api.run(lone_api.send(route.method, path_of(route), body_of(route), key=key))
    assert answer.status_code not in (401, 403, 500)


@pytest.mark.parametrize("route", WITH_BODY, ids=named)
def test_an_unknown_field_is_refused_by_name(lone_api: Api, route: Route) -> None:
    body = BODIES[route.path] | {"adress": "+447700900123"}
    assert problem(lone_api.post(path_of(route), body), 422, "invalid_request")["param"] == "adress"


@pytest.mark.parametrize("route", WITH_BODY, ids=named)
def test_a_body_that_is_no_json_is_malformed(lone_api: Api, route: Route) -> None:
    deep = b'{"address":' + b"[" * 40 + b"]" * 40 + b"}"
    for raw in (b"", b"{", b"\xff", b'{"a":1}}', b'{"address":', b"[" * 20_000, deep):
        problem(lone_api.post(path_of(route), raw), 400, "malformed_body")


@pytest.mark.parametrize("route", WITH_BODY, ids=named)
def test_a_body_of_another_kind_is_invalid(lone_api: Api, route: Route) -> None:
    for raw in (b"[]", b"null", b'"text"', b"7"):
        problem(lone_api.post(path_of(route), raw), 422, "invalid_request")


@pytest.mark.parametrize("route", WITH_BODY, ids=named)
def test_a_body_over_the_limit_is_not_read(lone_api: Api, route: Route) -> None:
    problem(lone_api.post(path_of(route), b" " * (route.limit + 1)), 413, "body_too_large")


@pytest.mark.parametrize("route", [*TABLE, METRICS], ids=named)
def test_a_method_that_is_not_in_the_table_is_refused_with_those_that_are(lone_api: Api, route: Route) -> None:
    answer = lone_api.run(lone_api.send("PATCH", path_of(route)))
    problem(answer, 405, "method_not_allowed")
    assert route.method in answer.headers["allow"].split(", ")


def test_a_path_that_is_not_in_the_table_is_not_there(lone_api: Api) -> None:
    for path in ("/", "/v1", "/v1/check/", "/V1/check", "/v1/permits/a/b/redeem", "/v1/permits/%2F/redeem",
                 "/hooks/meta/", "/v1/permits/" + "x" * 300 + "/redeem", "/admin"):
        problem(lone_api.post(path), 404, "not_found")


def test_looking_changes_nothing(api: Api, world: World) -> None:
    world.join(AMIRA)
    before = contents(world.store)
    for route in READING:
        for method in ("GET", "HEAD"):
            for path in (path_of(route), path_of(route, hook="acme-main")):
                answer = api.run(api.send(method, path, params={"hub.mode": "subscribe"} if "hook" in path else None))
                assert answer.status_code < 500
                assert method == "GET" or answer.content == b""
    assert contents(world.store) == before


def test_the_neighbour_sees_and_moves_nothing(api: Api, world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA).id
    theirs = api.beside(neighbour(world).workspace)
    mine = [row for rows in (contents(world.store)[table] for table in ("people", "events", "permits", "outbox"))
            for row in rows if world.workspace.id in row]
    for route in GUARDED:
        answer = theirs.run(theirs.send(route.method, path_of(route, permit=permit), body_of(route)))
        assert world.workspace.id not in answer.text
        assert world.person(AMIRA) not in answer.text
        assert permit not in answer.text
    problem(theirs.post(f"/v1/permits/{permit}/redeem"), 404, "not_found")
    problem(theirs.post(f"/v1/permits/{permit}/done", {"outcome": "sent"}), 404, "not_found")
    assert theirs.post("/v1/check", BODIES["/v1/check"]).json()["verdict"] == "deny"
    assert api.post("/v1/check", BODIES["/v1/check"]).json()["verdict"] == "allow"
    after = [row for rows in (contents(world.store)[table] for table in ("people", "events", "permits", "outbox"))
             for row in rows if world.workspace.id in row]
    assert after == mine


def test_no_url_has_a_place_for_an_address() -> None:
    for route in (*TABLE, METRICS):
        assert not {"address", "phone", "number", "wa_id"} & set(path_of(route).split("/"))
        fields = getattr(route.query, "__struct_fields__", ())
        assert not {"address", "phone", "number"} & set(fields)
    assert {word for route in TABLE for word in route.path.split("/") if "{" in word} == {
        "{permit}", "{hook}", "{workspace}", "{entry}", "{entry}.json", "{code}", "{request}", "{notice}",
        "{webhook}", "{incident}", "{token}"}


def test_every_guarded_route_asks_for_a_scope_that_exists() -> None:
    assert {route.permission for route in GUARDED} <= set(SCOPES)
    assert all(route.path.startswith("/v1/") == (route.permission != PUBLIC) for route in TABLE)
