"""Proof: a receipt that a stranger can check, a history without anything personal, and a ledger that only grows."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sayso.core import checkpoints, merkle, receipts
from sayso.errors import NotFound
from sayso.flows import proof, rights
from sayso.flows.proof import NotYetInLedger
from sayso.vault import verify_ed25519
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World, rows_of

TOOL = Path(__file__).resolve().parents[2] / "tools" / "verify_receipt.py"


def receipt(world: World) -> dict[str, Any]:
    yes = world.store.read(lambda tx: proof.newest_yes(tx, world.kit, world.workspace.id, AMIRA.address))
    return world.store.snapshot(lambda tx: proof.receipt(tx, world.kit, world.workspace, yes))


def test_a_receipt_checks_and_shows_the_wording_and_both_steps(world: World) -> None:
    world.join(AMIRA)
    made = receipt(world)
    assert receipts.verify_receipt(made, verify_ed25519) == []
    assert [line["openings"].get("text", {}).get("value") for line in made["events"]] == ["JOIN", None]
    assert made["record"]["privacy_notice"]["wording"] == world.workspace.notices["join"].text["en"]


def test_a_receipt_survives_the_stop_and_what_was_recorded_later(world: World) -> None:
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    for _ in range(20):
        world.say(BRUNO, "hello")
    world.work()
    assert receipts.verify_receipt(receipt(world), verify_ed25519) == []


def test_a_stranger_can_check_it_with_the_script_alone(lone_world: World, tmp_path: Path) -> None:
    lone_world.join(AMIRA)
    path = tmp_path / "receipt.json"
    made = receipt(lone_world)
    path.write_text(json.dumps(made))
    run = [sys.executable, "-I", str(TOOL), str(path)]
    assert subprocess.run(run, capture_output=True, check=False).returncode == 0
    body = bytearray(base64.b64decode(made["events"][1]["body"]))
    body[-5] ^= 1
    made["events"][1]["body"] = base64.b64encode(bytes(body)).decode()
    path.write_text(json.dumps(made))
    assert subprocess.run(run, capture_output=True, check=False).returncode != 0


def test_the_language_of_a_receipt_is_the_one_it_was_asked_in(world: World) -> None:
    world.join(AMIRA)
    made = receipt(world)
    made["record"]["language"] = "ar"
    assert receipts.verify_receipt(made, verify_ed25519) == ["Record: 'language' is not what the events say."]


def test_a_receipt_asked_for_too_early_says_so_and_a_retry_helps(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.tap(AMIRA, world.question().button(0))
    with pytest.raises(NotYetInLedger) as early:
        receipt(world)
    assert early.value.retry
    world.work()
    assert receipt(world)["record"]["record_id"]


def test_there_is_no_receipt_for_what_is_no_yes(world: World) -> None:
    world.say(BRUNO, "STOP")
    world.work()
    for who in (BRUNO, CHEN):
        with pytest.raises(NotFound):
            world.store.read(lambda tx, who=who: proof.newest_yes(tx, world.kit, world.workspace.id, who.address))  # type: ignore[misc]
    stop = next(line["id"] for line in world.history(BRUNO) if line["type"] == "said_stop")
    with pytest.raises(NotFound):
        world.store.read(lambda tx: proof.receipt(tx, world.kit, world.workspace, stop))


def test_after_erasure_the_receipt_still_checks_and_opens_nothing(world: World) -> None:
    world.join(AMIRA)
    yes = world.store.read(lambda tx: proof.newest_yes(tx, world.kit, world.workspace.id, AMIRA.address))
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, AMIRA.address, how="api"))
    world.work()
    made = world.store.snapshot(lambda tx: proof.receipt(tx, world.kit, world.workspace, yes))
    assert receipts.verify_receipt(made, verify_ed25519) == []
    assert [line["openings"] for line in made["events"]] == [{}, {}]


def test_the_history_shows_evidence_only_when_asked(world: World) -> None:
    world.join(AMIRA)
    lines = world.store.read(lambda tx: proof.history(tx, world.kit, world.workspace.id, AMIRA.address))
    assert all("evidence" not in line for line in lines)
    assert "7700900123" not in json.dumps(lines)
    assert {line["leaf_index"] is None for line in lines} == {False}


def test_every_checkpoint_is_signed_and_each_holds_the_one_before(world: World) -> None:
    for words in ("JOIN", "STOP", "hello", "START"):
        world.say(AMIRA, words)
        world.work()
    stored = sorted(rows_of(world.store, "checkpoints"), key=lambda row: row[1])
    assert len(stored) >= 4
    nodes = {(row[1], row[2]): bytes(row[3]) for row in rows_of(world.store, "nodes")}
    before = (0, b"")
    for _, size, root, note, _ in stored:
        text = checkpoints.text_of(note)
        name = text.split("\n")[0]
        public = world.kit.vault.public_key
        signature = checkpoints.signature_of(note, name, checkpoints.key_id(name, public))
        assert verify_ed25519(public, text.encode(), signature)
        assert size > before[0]
        if before[0]:
            path = merkle.consistency(before[0], size, lambda level, index: nodes[level, index])
            assert merkle.verify_consistency(before[0], size, path, before[1], bytes(root))
        before = (size, bytes(root))
