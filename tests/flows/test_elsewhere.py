"""A yes given elsewhere grants only where the policy lets it, never over a no, and never without its proof."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sayso.core import events, receipts
from sayso.core.purposes import Cell
from sayso.errors import EvidenceMissing, InvalidRequest, NotFound
from sayso.flows import elsewhere, people, proof, record
from sayso.flows.elsewhere import Proof, Recorded, Source
from sayso.ports import DAY, SECOND
from sayso.store.base import Store, Tx
from sayso.vault import verify_ed25519
from tests.cast import AMIRA, BRUNO, CHEN, Player
from tests.stores import HandClock, World, build, declaration, rows_of

TOOL = Path(__file__).resolve().parents[2] / "tools" / "verify_receipt.py"
GIVEN = 1_780_000_000 * SECOND
PROOF = Proof(source="counter of the Leeds shop", at=GIVEN, wording="May we send you offers?", clerk="Olu")
REASON = "Signed at the counter, forms kept in the safe"


@pytest.fixture
def trusting(store: Store, clock: HandClock) -> World:
    """A business whose policy lets every source grant."""
    policy = {"elsewhere": {"import": REASON, "clerk": REASON, "api": REASON}}
    return build(store, clock, declaration(policy=policy))


def tell(world: World, who: Player, proof: Proof = PROOF, source: Source = "clerk",
         purposes: tuple[str, ...] = ("offers",)) -> Recorded:
    cells = tuple(world.cell(purpose) for purpose in purposes)
    return world.store.write(lambda tx: elsewhere.record(tx, world.kit, world.workspace, who.address, cells, proof,
                                                         source=source))


def test_it_grants_where_the_policy_says_so_and_the_reason_is_in_the_fact(trusting: World) -> None:
    told = tell(trusting, CHEN)
    assert (told.state, told.grants) == ("granted", True)
    assert trusting.check(CHEN).verdict == "allow"
    fact = next(line for line in trusting.history(CHEN) if line["type"] == "consent_recorded")
    assert fact["type"] == "consent_recorded"
    assert (fact["facts"]["why"], fact["facts"]["source"], fact["occurred_at"]) == (REASON, "clerk", GIVEN)
    assert fact["evidence"] == {"source": PROOF.source, "given_at": str(GIVEN), "wording": PROOF.wording,
                                "clerk": "Olu"}
    assert trusting.sound()


def test_without_the_policy_it_is_recorded_and_grants_nothing(world: World) -> None:
    told = tell(world, CHEN)
    assert (told.state, told.grants) == ("unknown", False)
    assert world.check(CHEN).verdict == "deny"
    assert [line["facts"]["grants"] for line in world.history(CHEN) if line["type"] == "consent_recorded"] == [False]
    assert world.sound()


def test_a_blank_reason_is_no_policy(world: World) -> None:
    policy = msgspec.structs.replace(world.workspace.policy, elsewhere={"clerk": "  "})
    world.workspace = msgspec.structs.replace(world.workspace, policy=policy)
    assert tell(world, CHEN).grants is False


def test_one_source_does_not_speak_for_another(world: World) -> None:
    policy = msgspec.structs.replace(world.workspace.policy, elsewhere={"clerk": REASON})
    world.workspace = msgspec.structs.replace(world.workspace, policy=policy)
    assert tell(world, CHEN, source="api").grants is False
    assert tell(world, CHEN, source="clerk").grants is True


@pytest.mark.parametrize("later", [False, True])
def test_it_never_stands_over_a_stop_however_old(trusting: World, later: bool) -> None:
    trusting.say(BRUNO, "STOP")
    trusting.clock.go(400 * 24 * 3600)
    told = tell(trusting, BRUNO, msgspec.structs.replace(PROOF, at=trusting.kit.now() if later else GIVEN))
    assert told.state == "withdrawn"
    assert trusting.check(BRUNO).reason == "stopped_all"
    assert trusting.sound()


def test_a_stop_takes_it_back_and_it_cannot_be_told_again(trusting: World) -> None:
    tell(trusting, CHEN)
    trusting.say(CHEN, "STOP")
    assert trusting.check(CHEN).verdict == "deny"
    assert tell(trusting, CHEN).state == "withdrawn"
    assert trusting.check(CHEN).verdict == "deny"


def test_somebody_erased_with_a_no_is_not_recorded_again(trusting: World) -> None:
    trusting.join(AMIRA)
    trusting.system.erase(trusting.workspace, AMIRA.address, how="test")
    before = len(rows_of(trusting.store, "people")), len(rows_of(trusting.store, "events"))
    told = tell(trusting, AMIRA)
    assert (told.state, told.event) == ("withdrawn", "")
    assert (len(rows_of(trusting.store, "people")), len(rows_of(trusting.store, "events"))) == before
    assert trusting.check(AMIRA).reason == "suppressed"


@pytest.mark.parametrize(("change", "missing"), [
    ({"source": " "}, "source"), ({"at": 0}, "date"), ({"wording": ""}, "wording or document"),
    ({"clerk": ""}, "wrote"),
])  # fmt: skip
def test_a_proof_that_is_not_whole_is_refused(trusting: World, change: dict[str, Any], missing: str) -> None:
    with pytest.raises(EvidenceMissing, match=missing):
        tell(trusting, CHEN, msgspec.structs.replace(PROOF, **change))
    assert rows_of(trusting.store, "people") == []


def test_a_yes_from_the_future_is_refused(trusting: World) -> None:
    with pytest.raises(InvalidRequest, match="future"):
        tell(trusting, CHEN, msgspec.structs.replace(PROOF, at=trusting.kit.now() + 1))


def test_it_runs_out_counted_from_when_it_was_given(trusting: World) -> None:
    recent = msgspec.structs.replace(PROOF, at=trusting.kit.now() - 29 * DAY)
    assert tell(trusting, CHEN, recent, purposes=("trial",)).state == "granted"
    trusting.clock.go(2 * 24 * 3600)
    assert trusting.check(CHEN, "trial").reason == "expired"
    assert tell(trusting, AMIRA, purposes=("trial",)).state == "expired"


def test_it_covers_what_was_named_and_nothing_else(trusting: World) -> None:
    tell(trusting, CHEN)
    assert trusting.check(CHEN, "orders").verdict == "deny"
    assert trusting.check(CHEN, "offers", "desk").verdict == "deny"


def test_an_undo_takes_it_back_and_nothing_of_the_persons_own(trusting: World) -> None:
    told = tell(trusting, CHEN)
    trusting.join(AMIRA)
    own = tell(trusting, AMIRA)
    for recorded in (told, own):
        _undo(trusting, recorded)
    assert trusting.check(CHEN).verdict == "deny"
    assert trusting.check(AMIRA).verdict == "allow"
    assert trusting.sound()


def test_only_a_yes_from_elsewhere_can_be_undone(trusting: World) -> None:
    trusting.say(BRUNO, "STOP")
    stop = next(line["id"] for line in trusting.history(BRUNO) if line["type"] == "said_stop")
    with pytest.raises(InvalidRequest, match="Only a yes"):
        _undo(trusting, Recorded("withdrawn", trusting.person(BRUNO), stop, grants=False, missing=""))


def _undo(world: World, recorded: Recorded) -> None:
    def work(tx: Tx) -> None:
        row = tx.row("event", ws=world.workspace.id, event=recorded.event)
        person = record.person_by_id(tx, world.workspace.id, recorded.person)
        assert row is not None
        assert person is not None
        elsewhere.undo(tx, world.kit, world.workspace.id, person, events.decode(bytes(row[0])))

    world.store.write(work)


def test_whatsapps_own_stop_is_a_no_too(trusting: World) -> None:
    def stop(tx: Tx) -> None:
        person = people.identify(tx, trusting.kit, trusting.workspace.id, [CHEN.address])
        record.tell(tx, trusting.kit, trusting.workspace.id, person, "native_stop", occurred_at=GIVEN, clock="meta",
                    cells=(Cell("*", "*", "marketing"),))

    trusting.store.write(stop)
    assert tell(trusting, CHEN).state == "withdrawn"
    assert trusting.check(CHEN).verdict == "deny"


def test_a_document_is_kept_once_and_sealed(world: World) -> None:
    scan = b"%PDF-1.7 signed by Chen"

    def keep(tx: Tx) -> str:
        return elsewhere.keep_document(tx, world.kit, world.workspace.id, "scan.pdf", "application/pdf", scan)

    digest = world.store.write(keep)
    assert world.store.write(keep) == digest
    rows = rows_of(world.store, "documents")
    assert len(rows) == 1
    assert scan not in b"".join(bytes(value) for value in rows[0] if isinstance(value, bytes | memoryview))
    found = world.store.read(lambda tx: elsewhere.document(tx, world.kit, world.workspace.id, digest))
    assert found == ("scan.pdf", "application/pdf", scan)
    assert world.store.read(lambda tx: elsewhere.document(tx, world.kit, world.workspace.id, "00")) is None


def test_an_empty_or_endless_document_is_refused(world: World) -> None:
    for content in (b"", b"x" * (elsewhere.MAX_DOCUMENT + 1)):
        with pytest.raises(InvalidRequest, match="document"):
            world.store.write(lambda tx, content=content: elsewhere.keep_document(  # type: ignore[misc]
                tx, world.kit, world.workspace.id, "a", "b", content))


def receipt(world: World, who: Player) -> dict[str, Any]:
    world.work()
    ws = world.workspace.id
    yes = world.store.read(lambda tx: proof.newest_yes(tx, world.kit, ws, who.address, "offers"))
    return world.store.snapshot(lambda tx: proof.receipt(tx, world.kit, world.workspace, yes))


def test_a_yes_from_elsewhere_has_a_receipt_that_a_stranger_can_check(trusting: World, tmp_path: Path) -> None:
    tell(trusting, CHEN)
    made = receipt(trusting, CHEN)
    assert receipts.verify_receipt(made, verify_ed25519) == []
    assert made["record"]["privacy_notice"]["wording"] == PROOF.wording
    assert made["record"]["collection_method"] == "clerk"
    assert made["record"]["events"][0]["event_state"] == "ConsentGiven"
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(made))
    alone = [sys.executable, "-I", str(TOOL), str(path)]
    assert subprocess.run(alone, check=False, capture_output=True).returncode == 0
    made["record"]["collection_method"] = "button"
    path.write_text(json.dumps(made))
    assert receipts.verify_receipt(made, verify_ed25519) != []
    assert subprocess.run(alone, check=False, capture_output=True).returncode == 1


@pytest.mark.parametrize("edit", ["field", "twice", "missing"])
def test_a_receipt_with_a_line_more_or_less_is_refused(trusting: World, tmp_path: Path, edit: str) -> None:
    tell(trusting, CHEN)
    made = receipt(trusting, CHEN)
    if edit == "field":
        made["record"]["third_parties"] = "everybody, for ever"
    elif edit == "twice":
        made["record"]["events"] *= 2
    else:
        del made["record"]["withdrawal_method"]
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(made))
    assert receipts.verify_receipt(made, verify_ed25519) != []
    told = subprocess.run([sys.executable, "-I", str(TOOL), str(path)], check=False, capture_output=True, text=True)
    assert told.returncode == 1
    assert "GOOD" not in told.stdout


def test_a_wording_too_long_to_keep_whole_is_left_out_of_the_receipt(trusting: World) -> None:
    tell(trusting, CHEN, msgspec.structs.replace(PROOF, wording="May we? " * 1000))
    made = receipt(trusting, CHEN)
    assert "wording" not in made["record"]["privacy_notice"]
    assert receipts.verify_receipt(made, verify_ed25519) == []


def test_what_grants_nothing_has_no_receipt(world: World) -> None:
    tell(world, CHEN)
    with pytest.raises(NotFound):
        receipt(world, CHEN)


def test_a_yes_taken_back_has_no_receipt(trusting: World) -> None:
    told = tell(trusting, CHEN)

    def undo(tx: Tx) -> None:
        person, row = record.person_by_id(tx, trusting.workspace.id, told.person), tx.row(
            "event", ws=trusting.workspace.id, event=told.event)
        assert person is not None
        assert row is not None
        elsewhere.undo(tx, trusting.kit, trusting.workspace.id, person, events.decode(bytes(row[0])))

    trusting.store.write(undo)
    with pytest.raises(NotFound):
        receipt(trusting, CHEN)
