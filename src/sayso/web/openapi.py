"""The API described, OpenAPI 3.1, drawn from the route table: what the description says is what is served."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import msgspec

from sayso.web.auth import SCOPES
from sayso.web.problems import Problem
from sayso.web.routes import PUBLIC, SEGMENT, Route

_REF: Final = "#/components/schemas/{name}"
#: What any route can answer besides its own statuses, and what it means.
_PROBLEMS: Final = {
    "400": "The body is not JSON, or nested too deep.", "401": "No valid API key, or no valid signature.",
    "403": "The key's scopes do not cover this.", "404": "There is no such thing.",
    "409": "The permit is spent, stale or past its time; or the question is not asked again.",
    "413": "The body is too large.",
    "422": "A field is wrong; `param` names it.", "429": "Too many questions were asked for now.",
    "503": "Nothing can be recorded now; nothing was.",
}
_DESCRIPTION: Final = (
    "The consent layer for WhatsApp. Every answer carries a `Request-Id`. Errors are RFC 9457 problems with a stable "
    "`code`, and `retry` says whether the same request can succeed later. Times are microseconds UTC."
)


def document(table: Sequence[Route], gateway: Sequence[Route] = ()) -> dict[str, Any]:
    """The whole description, ready to be encoded. The gateway's routes are other people's APIs, described by them: they
    are listed by name alone.
    """
    named = [shape for route in table for shape in (route.request, *route.answers.values()) if shape is not None]
    types = dict.fromkeys([*(shape for shape in named if shape is not dict), Problem])
    _, schemas = msgspec.json.schema_components(tuple(types), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sayso", "version": _version(), "description": _DESCRIPTION,
                 "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "x-sayso-gateway": [
            {"method": route.method, "path": route.path, "speaks": route.speaks, "scope": route.permission,
             "summary": route.summary} for route in gateway],
        "components": {
            "schemas": schemas,
            "securitySchemes": {"apiKey": {
                "type": "http", "scheme": "bearer", "bearerFormat": "sayso_live_<id>_<secret>",
                "description": f"Made by `sayso key`. Scopes: {', '.join(SCOPES)}; `admin` covers all."}},
            "responses": {"Problem": {"description": "What went wrong.", "content": {
                "application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', route.path.lower()).strip('_')}",
        "summary": route.summary, "responses": _responses(route),
        # OpenAPI 3.1: for a scheme that is not OAuth the list names the roles that are needed.
        "security": [] if route.permission == PUBLIC else [{"apiKey": [route.permission]}],
    }
    if route.handler.__doc__:
        operation["description"] = " ".join(route.handler.__doc__.split())
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.takes:
        operation["requestBody"] = {"content": {route.takes: {"schema": {"type": "object"}}}}
    if route.request is not None:
        schema = {"$ref": _REF.format(name=route.request.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": f"^{SEGMENT}$"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query is not None:
        _, components = msgspec.json.schema_components((route.query,))
        for name, schema in components[route.query.__name__]["properties"].items():
            found.append({"name": name, "in": "query", "required": False, "schema": schema})
    if route.idempotent:
        found.append({
            "name": "Idempotency-Key", "in": "header", "required": False,
            "description": "The same request sent again within 24 hours gets the first answer.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}})
    return found


def _responses(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status, shape in route.answers.items():
        if shape is Problem:
            found[str(status)] = {"$ref": "#/components/responses/Problem"}
        else:
            found[str(status)] = {"description": route.summary, "content": _content(shape, route.media)}
    for status_text, meaning in _PROBLEMS.items():
        if status_text not in found and _can(route, status_text):
            found[status_text] = {"description": meaning, "content": {
                "application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}}
    found["default"] = {"$ref": "#/components/responses/Problem"}
    return found


def _content(shape: Any, media: str) -> dict[str, Any]:
    if shape is None:
        return {media: {"schema": {"type": "string"}}}
    schema = {"type": "object"} if shape is dict else {"$ref": _REF.format(name=shape.__name__)}
    return {"application/json": {"schema": schema}}


def _can(route: Route, status: str) -> bool:
    """Whether this problem is worth naming at this route."""
    reads = route.request is not None or bool(route.takes)
    public, hook = route.permission == PUBLIC, "{hook}" in route.path
    if status in ("400", "413"):
        return reads or (hook and route.method == "POST")
    if status == "401":
        return not public or (hook and route.method == "POST")
    if status == "403":
        return not public or (hook and route.method == "GET") or reads or route.method == "OPTIONS"
    if status == "429":
        return route.path == "/v1/opt-ins"
    if status == "404":
        may_miss = ("lookup", "receipts", "pending", "held")
        return route.path == "/w/challenge" or "{" in route.path or any(word in route.path for word in may_miss)
    if status == "409":
        return route.path.endswith(("/redeem", "/resend"))
    if status == "422":
        return reads or route.query is not None
    return not public or hook or "/w/" in route.path or "/o/" in route.path or route.path == "/readyz"


def _version() -> str:
    try:
        return version("sayso")
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "0"
