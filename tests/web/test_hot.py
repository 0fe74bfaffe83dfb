"""Single and bulk check: one table, so one answer; what is no address hurts nobody beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sayso.flows import rights
from sayso.web import bulk
from tests.cast import AMIRA, BRUNO, CHEN, DANA, Player
from tests.stores import World
from tests.web.desk import Api, problem

MOVED, ERASED, HELD, TRIAL = "+447700900777", "+447700900778", "+447700900779", "+447700900780"
NONSENSE = ("", "hello", "+1", "+44 7700", "12345", "++447700900123", "💬", "x" * 500)


@pytest.fixture
def everybody(world: World) -> World:
    """A business that has met people of every kind."""
    world.join(AMIRA, "JOIN ALL")
    world.join(DANA)
    world.say(BRUNO, "STOP")
    world.join(Player("Theo", TRIAL), "TRIAL")
    mover = Player("Mo", MOVED)
    world.join(mover)
    world.moved(mover.addresses, Player("Mo", "+447700900999").addresses)
    gone = Player("Gil", ERASED)
    world.join(gone)
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, gone.address, how="test"))
    world.native(Player("Hana", HELD), "stop")
    return world


@pytest.fixture(params=["database", "snapshot"])
def asker(everybody: World, api: Api, request: pytest.FixtureRequest, tmp_path: Path,
          monkeypatch: pytest.MonkeyPatch) -> Api:
    """Asks the database, or the snapshot however short the list is."""
    if request.param == "snapshot":
        everybody.system.snapshots = tmp_path / "snapshots"
        everybody.system.keeper(everybody.workspace).refresh(everybody.workspace)
        monkeypatch.setattr(bulk, "LARGE", 0)
        monkeypatch.setattr(bulk, "_by_database", lambda *_: pytest.fail("the database was asked"))
    return api


def address_texts() -> st.SearchStrategy[str]:
    known = [AMIRA.phone, "+44 7700 900123", AMIRA.user_id, BRUNO.phone, CHEN.phone, DANA.user_id, MOVED, ERASED, HELD,
             TRIAL, "+447700900999", *NONSENSE]
    fiction = st.integers(0, 999).map(lambda n: f"+447700900{n:03d}")
    return st.one_of(st.sampled_from(known), fiction, st.text(max_size=12))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(address_texts(), max_size=12), purpose=st.sampled_from(["offers", "orders", "support", "trial"]))
def test_a_bulk_check_answers_as_single_checks_do(asker: Api, texts: list[str], purpose: str) -> None:
    question = {"purpose": purpose, "sender": "shop"}
    told = asker.post("/v1/check/bulk", question | {"addresses": texts}).json()
    assert [line["address"] for line in told["results"]] == texts
    for line in told["results"]:
        single = asker.post("/v1/check", question | {"address": line["address"]})
        if single.status_code == 422:
            assert (line["verdict"], line["reason"]) == ("deny", bulk.UNREADABLE)
        else:
            said = single.json()
            assert [line.get(name) for name in ("verdict", "reason", "until")] == [
                said.get(name) for name in ("verdict", "reason", "until")]
    assert told["counts"] == {verdict: sum(line["verdict"] == verdict for line in told["results"])
                              for verdict in ("allow", "deny", "wait")}


def test_a_check_says_why(asker: Api, everybody: World) -> None:
    said = asker.post("/v1/check", {"address": AMIRA.phone, "purpose": "offers", "sender": "shop"}).json()
    assert (said["verdict"], said["reason"], said["grade"]) == ("allow", "granted", "filter")
    assert said["because"] in [line["id"] for line in everybody.history(AMIRA) if line["type"] == "said_yes"]
    for address, reason in ((BRUNO.phone, "stopped_all"), (CHEN.phone, "unknown_person"), (MOVED, "moved_away"),
                            (ERASED, "suppressed"), (HELD, "stopped_on_whatsapp"), (TRIAL, "no_consent")):
        said = asker.post("/v1/check", {"address": address, "purpose": "offers", "sender": "shop"}).json()
        assert (said["verdict"], said["reason"], bool(said["sentence"])) == ("deny", reason, True)


def test_a_bulk_check_says_how_fresh_it_is(asker: Api, everybody: World) -> None:
    question = {"addresses": [], "purpose": "offers", "sender": "shop"}
    everybody.work()
    told = asker.post("/v1/check/bulk", question).json()
    events = asker.get("/v1/events", params={"limit": 1000}).json()["data"]
    assert (told["position"], told["results"], told["grade"]) == (len(events), [], "filter")


def test_a_bulk_check_takes_ten_thousand_and_not_one_more(lone_api: Api, lone_world: World) -> None:
    lone_world.join(AMIRA)
    crowd = [f"+44770090{n:04d}" for n in range(9_999)] + [AMIRA.phone]
    question = {"addresses": crowd, "purpose": "offers", "sender": "shop"}
    told = lone_api.post("/v1/check/bulk", question).json()
    assert [line["address"] for line in told["results"]] == crowd
    assert told["results"][-1]["verdict"] == "allow"
    assert told["counts"]["allow"] == sum(address == AMIRA.phone for address in crowd)
    over = question | {"addresses": [*crowd, AMIRA.phone]}
    assert problem(lone_api.post("/v1/check/bulk", over), 422, "invalid_request")["param"] == "addresses"


def test_a_stop_is_in_the_next_bulk_check_by_snapshot(asker: Api, everybody: World) -> None:
    question = {"addresses": [AMIRA.phone, "+447700900000"], "purpose": "offers", "sender": "shop"}
    assert [line["reason"] for line in asker.post("/v1/check/bulk", question).json()["results"]] == [
        "granted", "unknown_person"]
    everybody.say(AMIRA, "STOP")
    assert [line["reason"] for line in asker.post("/v1/check/bulk", question).json()["results"]] == [
        "stopped_all", "unknown_person"]


def test_a_large_list_needs_no_snapshot_and_makes_none(lone_api: Api, lone_world: World, tmp_path: Path) -> None:
    lone_world.system.snapshots = tmp_path / "snapshots"
    question = {"addresses": [AMIRA.phone] * bulk.LARGE, "purpose": "offers", "sender": "shop"}
    assert lone_api.post("/v1/check/bulk", question).json()["counts"]["deny"] == bulk.LARGE
    assert not (tmp_path / "snapshots").exists()
