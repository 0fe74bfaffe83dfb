"""The description at /openapi.json: valid, complete, and what is really served."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema_rs
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.result import Ok

from sayso.web.gateway_routes import GATEWAY
from sayso.web.routes import METRICS, PUBLIC, TABLE
from tests.cast import AMIRA
from tests.stores import World
from tests.web.desk import Api

#: Examples per route: enough to meet every field once or twice.
EXAMPLES = 12


def described(api: Api) -> dict[str, Any]:
    answer = api.get("/openapi.json", key="")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from refs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from refs(inner)


def at(document: dict[str, Any], ref: str) -> Any:
    place: Any = document
    for part in ref.removeprefix("#/").split("/"):
        place = place[part]
    return place


def test_every_route_is_described_with_its_permission(lone_api: Api) -> None:
    document = described(lone_api)
    assert document["openapi"].startswith("3.1")
    shown = {(method.upper(), path): operation
             for path, methods in document["paths"].items() for method, operation in methods.items()}
    assert set(shown) == {(route.method, route.path) for route in (*TABLE, METRICS)}
    for route in (*TABLE, METRICS):
        operation = shown[route.method, route.path]
        parameters = operation.get("parameters", ())
        assert operation["security"] == ([] if route.permission == PUBLIC else [{"apiKey": [route.permission]}])
        assert {str(status) for status in route.answers} <= set(operation["responses"])
        named = {entry["name"] for entry in parameters if entry["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", route.path))
        assert any(entry["name"] == "Idempotency-Key" for entry in parameters) == route.idempotent
    ids = [operation["operationId"] for operation in shown.values()]
    assert len(set(ids)) == len(ids)


def test_the_gateways_routes_are_listed_as_what_they_are(lone_api: Api) -> None:
    document = described(lone_api)
    listed = document["x-sayso-gateway"]
    assert {(row["method"], row["path"], row["speaks"]) for row in listed} == {
        (route.method, route.path, route.speaks) for route in GATEWAY}
    assert not {row["path"] for row in listed} & document["paths"].keys()


def test_every_reference_leads_somewhere_and_every_schema_is_one(lone_api: Api) -> None:
    document = described(lone_api)
    assert all(at(document, ref) for ref in refs(document))
    for schema in document["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
    for route in TABLE:
        if route.request is not None:
            assert document["components"]["schemas"][route.request.__name__]["additionalProperties"] is False


def test_what_comes_back_fits_its_description(lone_api: Api, lone_world: World) -> None:
    """Requests made up by schemathesis from the description: each answer has a status and a shape it names, no 5xx."""
    lone_world.join(AMIRA)
    document = described(lone_api)
    walked = set()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        walk(lone_api, document, operation)
        walked.add((operation.method.upper(), operation.path))
    assert walked == {(route.method, route.path) for route in (*TABLE, METRICS)}


def walk(api: Api, document: dict[str, Any], operation: Any) -> None:
    @settings(max_examples=EXAMPLES, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        path = case.path
        for name, value in (case.path_parameters or {}).items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        body = case.body if isinstance(case.body, dict) else None
        if operation.path == "/v1/opt-outs" and body is not None:
            body["wait"] = False  # nothing is sent here, so there is no drain to see
        given_key = (case.headers or {}).get("Idempotency-Key")
        headers = {"idempotency-key": given_key} if given_key else {}
        fits(document, operation, api.run(api.send(case.method, path, body, params=case.query or {}, headers=headers)))

    ask()


def fits(document: dict[str, Any], operation: Any, answer: httpx.Response) -> None:
    responses = document["paths"][operation.path][operation.method.lower()]["responses"]
    unset = answer.status_code == 503 and "/hooks/" in operation.path
    assert answer.status_code < 500 or unset, answer.text
    assert str(answer.status_code) in responses, (operation.path, answer.status_code, answer.text)
    told = responses[str(answer.status_code)]
    content = (at(document, told["$ref"]) if "$ref" in told else told)["content"]
    kind = answer.headers["content-type"].split(";")[0]
    assert kind in content
    if kind.endswith("json"):
        whole = {"components": document["components"], **content[kind]["schema"]}
        jsonschema_rs.validate(whole, json.loads(answer.content))
