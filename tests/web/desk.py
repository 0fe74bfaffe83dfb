"""The API under test: the ASGI app over httpx without a socket, with keys of both businesses and signed webhooks."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx

from sayso.core.workspace import Workspace
from sayso.store.base import Store
from sayso.web.app import Web, build
from sayso.web.auth import make_key
from sayso.web.routes import Route
from sayso.wiring import System
from tests.stores import World, rows_of

T = TypeVar("T")
JSON = dict[str, Any]

SECRET = "s3cret"
HOOK = "/hooks/meta/acme-main"
TABLES = (
    "meta", "workspaces", "notices", "entry_codes", "people", "addresses", "suppressions", "events", "openings",
    "unintegrated", "leaves", "nodes", "checkpoints", "provider_messages", "handed_over", "unhandled", "outbox",
    "webhook_cursors", "webhook_waits", "webhook_replays", "permit_counts", "acknowledged",
    "permits", "api_keys", "idempotency", "hits", "spent", "entry_counts", "notice_drafts",
    "held", "provider_stops", "reasons",
)
#: A well-formed body for every route that takes one, about Amira.
BODIES: Mapping[str, JSON] = {
    "/v1/held": {"event": "evt_" + "0" * 26, "decision": "release", "clerk": "Olga"},
    "/v1/breaker": {"sender": "shop", "decision": "confirm", "clerk": "Olga"},
    "/v1/check": {"address": "+447700900123", "purpose": "offers", "sender": "shop"},
    "/v1/check/bulk": {"addresses": ["+447700900123"], "purpose": "offers", "sender": "shop"},
    "/v1/audience": {"purpose": "offers", "sender": "shop"},
    "/v1/permits": {"address": "+447700900123", "purpose": "offers", "sender": "shop"},
    "/v1/permits/{permit}/done": {"outcome": "sent"},
    "/v1/opt-ins": {"address": "+447700900123", "entry": "website", "evidence": {"page": "https://acme.example"}},
    "/v1/opt-outs": {"address": "+447700900123", "wait": False},
    "/v1/consents": {"address": "+447700900123", "purposes": ["offers"], "sender": "shop", "evidence": {
        "source": "counter", "given_at": 1_789_000_000_000_000, "wording": "May we send you offers?"}},
    "/w/entry/{workspace}/{entry}": {"purposes": ["offers"], "phone": "+447700900123", "lang": "en",
                                     "notice_hash": "0" * 64, "proof": "eA=="},
    "/v1/entries/{entry}/placements": {"placement": "counter"},
    "/v1/people/lookup": {"address": "+447700900123"}, "/v1/people/link": {"address": "+447700900123"},
    "/v1/people/export": {"address": "+447700900123"},
    "/v1/webhooks/{webhook}/replay": {}, "/v1/incidents/{incident}/acknowledge": {},
    "/v1/receipts": {"address": "+447700900123"},
    "/v1/notices/{notice}/draft": {"lang": "en", "starter": "offers", "purposes": ["offers"], "senders": ["shop"]},
    "/v1/notices/{notice}/discard": {}, "/v1/notices/{notice}/publish": {}, "/v1/lint": {"text": "May we write to you?"},  # noqa: E501
}
NOBODYS = {"permit": "prm_01M83RJFEY3MDYV1KKQN6FVB3C", "hook": "nobody-main", "workspace": "nobody",
           "entry": "nothing", "request": "evt_01M83RJFEY3MDYV1KKQN6FVB3C", "code": "AAAAAAAA",
           "notice": "unwritten", "token": "nobodys", "webhook": "nobody",
           "incident": "evt_01M83RJFEY3MDYV1KKQN6FVB3C"}


def path_of(route: Route, **parts: str) -> str:
    """A path of this route; parts that nobody gives are nobody's."""
    return route.path.format(**(NOBODYS | parts))


class Api:
    """A client with a key. Each call runs on one event loop that lives as long as the test."""

    def __init__(self, system: System, workspace: Workspace, runner: asyncio.Runner, app: Web | None = None) -> None:
        self.system = system
        self.workspace = workspace
        self.runner = runner
        self.app = app or build(system)
        self.key = self.make_key("admin")
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://sayso.test")

    def make_key(self, *scopes: str, mode: Any = "live") -> str:
        ports, ws = self.system.kit.ports, self.workspace.id
        return self.system.store.write(lambda tx: make_key(tx, ports, ws, scopes, mode=mode))[1]

    def beside(self, workspace: Workspace) -> Api:
        """The same server for another business."""
        return Api(self.system, workspace, self.runner, self.app)

    async def send(self, method: str, path: str, body: Any = None, *, key: str | None = None,
                   headers: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        token = self.key if key is None else key
        sent = {"authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            more["content"] = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.request(method, path, headers=sent | dict(headers or {}), **more)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def post(self, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return self.run(self.send("POST", path, body, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.run(self.send("GET", path, **more))

    def hook(self, raw: bytes, *, signature: str | None = None, path: str = HOOK) -> httpx.Response:
        """A delivery by Meta, signed unless a signature is given."""
        signature = sign(raw) if signature is None else signature
        return self.post(path, raw, key="", headers={"x-hub-signature-256": signature} if signature else {})


@contextmanager
def api_of(world: World) -> Iterator[Api]:
    """An API over this world, let go of at the end."""
    with asyncio.Runner() as runner:
        api = Api(world.system, world.workspace, runner)
        yield api
        runner.run(api.client.aclose())
        api.app.desk.close()


def sign(raw: bytes, secret: str = SECRET) -> str:
    return f"sha256={hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()}"


def counts(store: Store) -> dict[str, int]:
    """How many rows every table has, in what is committed."""
    return {table: len(rows_of(store, table)) for table in TABLES}


def contents(store: Store) -> dict[str, list[str]]:
    """Every row of every table."""
    return {table: sorted(map(repr, rows_of(store, table))) for table in TABLES}


def problem(answer: httpx.Response, status: int, code: str) -> JSON:
    """The error an answer is, which must have the one shape every error has."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    told: JSON = answer.json()
    assert set(told) == {"type", "title", "status", "detail", "code", "param", "request_id", "retry"}
    assert (told["code"], told["type"], told["status"]) == (code, f"urn:sayso:error:{code}", status)
    assert told["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return told
