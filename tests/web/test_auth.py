"""API keys: hashed, scoped, revoked, and a test key reaches nobody."""

from __future__ import annotations

import pytest

from sayso.errors import InvalidRequest, Unauthorized
from sayso.web import auth
from tests.cast import AMIRA, CHEN, DANA
from tests.stores import World, rows_of
from tests.web.desk import BODIES, Api, problem


def test_a_key_is_kept_as_a_hash_alone(world: World) -> None:
    ports, ws = world.kit.ports, world.workspace.id
    key_id, text = world.store.write(lambda tx: auth.make_key(tx, ports, ws, ["check", "send"], label="shop"))
    assert text.startswith("sayso_live_")
    assert key_id.removeprefix("key_") in text
    rows = rows_of(world.store, "api_keys")
    assert text[-64:] not in str(rows)
    assert bytes.fromhex(text[-64:]) not in [column for row in rows for column in row]
    found = world.store.read(lambda tx: auth.verify(tx, text))
    assert (found.ws, found.id, found.mode, set(found.scopes)) == (ws, key_id, "live", {"check", "send"})
    assert (found.may("check"), found.may("read")) == (True, False)


def test_anything_else_is_no_key(world: World) -> None:
    ports, ws = world.kit.ports, world.workspace.id
    _, text = world.store.write(lambda tx: auth.make_key(tx, ports, ws, ["admin"]))
    other = "0" if text[-1] != "0" else "1"
    for wrong in ("", text[:-1], text + "0", text[:-1] + other, text.replace("live", "test"), text.upper(),
                  "sayso_live__", text.replace(text[11:37], "0" * 26)):
        with pytest.raises(Unauthorized) as caught:
            world.store.read(lambda tx, key=wrong: auth.verify(tx, key))  # type: ignore[misc]
        assert text[-64:] not in str(caught.value)


def test_a_key_needs_scopes_that_exist(world: World) -> None:
    for scopes in ([], ["all"], ["check", "write"]):
        with pytest.raises(InvalidRequest):
            world.store.write(lambda tx, wanted=scopes: auth.make_key(  # type: ignore[misc]
                tx, world.kit.ports, world.workspace.id, wanted))


def test_a_revoked_key_is_refused_within_a_second(api: Api, world: World) -> None:
    key = api.make_key("read")
    key_id = "key_" + key.split("_")[2]
    assert api.get("/v1/outbox", key=key).status_code == 200
    world.store.write(lambda tx: tx.run("revoke_api_key", ws=world.workspace.id, key=key_id, now=world.clock.time))
    world.clock.go(1)
    problem(api.get("/v1/outbox", key=key), 401, "unauthorized")


def test_a_test_key_takes_only_numbers_of_fiction(lone_api: Api) -> None:
    key = lone_api.make_key("admin", mode="test")
    assert key.startswith("sayso_test_")
    for address in (AMIRA.phone, CHEN.phone, "+447700900000", "+12125550199", "+44 7700 900123"):
        assert lone_api.post("/v1/check", BODIES["/v1/check"] | {"address": address}, key=key).status_code == 200
    for address in ("+447700901123", "+447911123456", "+12125550200", DANA.user_id, "+491701234567"):
        for path in ("/v1/check", "/v1/permits", "/v1/opt-ins", "/v1/opt-outs", "/v1/people/lookup", "/v1/receipts"):
            answer = lone_api.post(path, BODIES[path] | {"address": address}, key=key)
            assert problem(answer, 403, "forbidden")["param"] == "address"
    bulk = {"addresses": [AMIRA.phone, "nonsense", "+447911123456"], "purpose": "offers", "sender": "shop"}
    assert problem(lone_api.post("/v1/check/bulk", bulk, key=key), 403, "forbidden")["param"] == "addresses.2"
    event = {"event": "evt_" + "0" * 26}
    assert problem(lone_api.post("/v1/receipts", event, key=key), 403, "forbidden")["param"] == "event"


def test_the_scheme_is_read_in_any_case(lone_api: Api) -> None:
    assert lone_api.get("/v1/outbox", key="", headers={"authorization": f"bearer {lone_api.key}"}).status_code == 200
    problem(lone_api.get("/v1/outbox", key="", headers={"authorization": lone_api.key}), 401, "unauthorized")
