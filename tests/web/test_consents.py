"""A yes given elsewhere over HTTP: with its proof or not at all, granting only where the policy lets it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sayso.flows import elsewhere
from sayso.ports import SECOND
from sayso.store.base import Store
from tests.cast import BRUNO, CHEN
from tests.flows.listing import take_in, write
from tests.stores import HandClock, World, build, declaration, neighbour, rows_of
from tests.web.desk import Api, api_of, problem

GIVEN: dict[str, Any] = {"source": "counter", "given_at": 1_780_000_000 * SECOND, "wording": "May we send you offers?"}
BODY: dict[str, Any] = {"address": CHEN.phone, "purposes": ["offers"], "sender": "shop", "evidence": GIVEN}
ROUTE = "/v1/consents"


@pytest.fixture
def world(store: Store, clock: HandClock) -> World:
    """A business whose policy lets programs grant, and no clerk; with an entry point for its clerks."""
    declared = declaration(policy={"elsewhere": {"api": "our own till asks"}})
    declared["entry_points"]["counter"] = {"kind": "clerk", "notice": "join", "sender": "shop"}
    return build(store, clock, declared)


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    with api_of(world) as opened:
        yield opened


def test_a_yes_with_its_proof_is_recorded_and_grants(api: Api, world: World) -> None:
    answer = api.post(ROUTE, BODY)
    assert (answer.status_code, answer.json()["state"], answer.json()["grants"]) == (201, "granted", True)
    assert world.check(CHEN).verdict == "allow"
    assert world.check(CHEN).because == answer.json()["event"]
    assert world.sound()


def test_what_a_clerk_writes_down_stays_unknown_without_the_policy(api: Api, world: World) -> None:
    answer = api.post(ROUTE, {**BODY, "via": "clerk", "evidence": {**GIVEN, "clerk": "Olu"}})
    assert (answer.status_code, answer.json()["state"], answer.json()["grants"]) == (201, "unknown", False)
    assert world.check(CHEN).verdict == "deny"


def test_a_clerks_entry_point_brings_its_wording(api: Api, world: World) -> None:
    body = {"address": CHEN.phone, "via": "clerk", "entry": "counter",
            "evidence": {"source": "counter", "given_at": GIVEN["given_at"], "clerk": "Olu"}}
    assert api.post(ROUTE, body).status_code == 201
    facts = next(line["facts"] for line in world.history(CHEN) if line["type"] == "consent_recorded")
    assert (facts["entry"], facts["notice"], facts["lang"]) == ("counter", "join", "en")
    assert facts["notice_hash"] == world.workspace.notices["join"].hash("en")


def test_a_scan_is_kept_sealed_and_named_by_the_evidence(api: Api, world: World) -> None:
    scan = b"%PDF-1.7 signed"
    paper = {"name": "form.pdf", "media_type": "application/pdf", "content": base64.b64encode(scan).decode()}
    body = {**BODY, "document": paper, "evidence": {**GIVEN, "wording": ""}}
    assert api.post(ROUTE, body).status_code == 201
    digest = next(line["evidence"]["document"] for line in world.history(CHEN) if line["type"] == "consent_recorded")
    kept = world.store.read(lambda tx: elsewhere.document(tx, world.kit, world.workspace.id, digest))
    assert kept == ("form.pdf", "application/pdf", scan)


def test_it_never_stands_over_a_stop(api: Api, world: World) -> None:
    world.say(BRUNO, "STOP")
    answer = api.post(ROUTE, {**BODY, "address": BRUNO.phone})
    assert answer.json()["state"] == "withdrawn"
    assert world.check(BRUNO).reason == "stopped_all"


@pytest.mark.parametrize(("change", "code"), [
    ({"evidence": {**GIVEN, "wording": ""}}, "evidence_missing"), ({"via": "clerk"}, "evidence_missing"),
    ({"evidence": {**GIVEN, "source": ""}}, "invalid_request"),
    ({"evidence": {**GIVEN, "given_at": 0}}, "invalid_request"),
    ({"evidence": {**GIVEN, "given_at": 2**61}}, "invalid_request"), ({"purposes": ["nothing"]}, "unknown_purpose"),
    ({"purposes": []}, "invalid_request"), ({"entry": "counter"}, "invalid_request"),
    ({"sender": "nobody"}, "unknown_sender"),
    ({"purposes": [], "sender": "", "entry": "website"}, "invalid_request"), ({"address": "12"}, "invalid_address"),
    ({"purposes": [], "sender": "", "entry": "nowhere"}, "unknown_entry"), ({"via": "import"}, "invalid_request"),
    ({"document": {"name": "a", "content": "not base64!"}}, "invalid_request"),
    ({"document": {"name": "a", "content": ""}}, "invalid_request"),
])  # fmt: skip
def test_what_is_not_whole_is_refused_and_nothing_is_recorded(api: Api, world: World, change: dict[str, Any],
                                                              code: str) -> None:
    problem(api.post(ROUTE, {**BODY, **change}), 422, code)
    assert rows_of(world.store, "people") == rows_of(world.store, "documents") == []


def test_the_same_request_twice_is_one_fact(api: Api, world: World) -> None:
    headers = {"idempotency-key": "till-17"}
    first, second = (api.post(ROUTE, BODY, headers=headers).json() for _ in range(2))
    assert first == second
    assert world.types(CHEN).count("consent_recorded") == 1


def test_the_imports_are_shown_to_their_own_business_only(api: Api, world: World, tmp_path: Path) -> None:
    done, _ = take_in(world, write(tmp_path, [("a", CHEN.phone, "2026-05-01", "x", ""), ("b", "n/a", "", "", "")]))
    shown = api.get("/v1/imports").json()["data"]
    assert [(one["id"], one["state"], one["unknown"], one["refused"]) for one in shown] == [(done.id, "done", 1, 1)]
    assert api.beside(neighbour(world).workspace).get("/v1/imports").json() == {"data": []}
