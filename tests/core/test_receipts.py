"""Receipts: good ones pass, every tampered one is caught, here and by the script that imports no Sayso."""

from __future__ import annotations

import base64
import copy
import hashlib
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from sayso.core import checkpoints, events, merkle, receipts
from sayso.core.events import Event
from sayso.core.purposes import Cell
from sayso.core.receipts import NoticeShown, ReceiptEvent
from sayso.errors import IntegrityError

SCRIPT = Path(__file__).parent.parent.parent / "tools" / "verify_receipt.py"
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key().public_bytes_raw()
WORKSPACE = "wrk_01JA0000000000000000000000"
AMIRA, BRUNO = "per_01JA0000000000000000000001", "per_01JA0000000000000000000002"
ORIGIN = checkpoints.origin_for("ins_01JA0000000000000000000000", WORKSPACE)
VKEY = checkpoints.vkey(ORIGIN, PUBLIC)
WORDING = "Blüten GmbH: offers by WhatsApp, at most 4 a month. Free, voluntary. Reply STOP to leave."
NOON = 1_793_620_800_000_000
CELLS = (Cell("offers", "*", "marketing"), Cell("orders", "snd_1", "utility"))
FACTS: dict[str, events.Fact] = {
    "how": "button", "notice": "ntc_1", "notice_hash": hashlib.sha256(WORDING.encode()).hexdigest(),
}


def event(number: int, type: str, person: str = AMIRA, at: int = NOON, text: str = "") -> ReceiptEvent:
    """An event at leaf `number`, with the person's words as a commitment when there are any."""
    commit, openings = events.commit({"text": text} if text else {}, bytes([number]) * 16)
    body = events.encode(
        Event(
            id=f"evt_{number}", ws=WORKSPACE, type=type, occurred_at=at, received_at=at, clock="meta",
            person=person, cells=CELLS, facts=FACTS, commit=commit,
        )
    )
    return ReceiptEvent(body, number, (), openings)


REQUEST = event(1, "opt_in_requested", at=NOON - 60_000_000, text="OFFERS 🌷")
YES = event(3, "said_yes", at=NOON + 1, text="Ja, gern!")
LEDGER = [
    event(0, "spoke"), REQUEST, event(2, "said_stop", BRUNO), YES,
    event(4, "said_stop", at=NOON + 2, text="STOP"), event(5, "said_yes", BRUNO), event(6, "spoke"),
]


def ledger_nodes() -> dict[tuple[int, int], bytes]:
    leaves = [merkle.leaf_hash(each.body) for each in LEDGER]
    return {(level, index): digest for level, index, digest in merkle.extend(0, leaves, lambda *_: b"")}


NODES = ledger_nodes()


def node(level: int, index: int) -> bytes:
    return NODES[level, index]


def proven(*indexes: int) -> list[ReceiptEvent]:
    return [
        ReceiptEvent(LEDGER[i].body, i, merkle.inclusion(i, len(LEDGER), node), LEDGER[i].openings)
        for i in indexes
    ]


def signed(text: str) -> str:
    return checkpoints.note(text, ORIGIN, PUBLIC, SIGNER.sign(text.encode()))


def decoded(each: ReceiptEvent) -> Event:
    return events.decode(each.body)


def make_record(request: ReceiptEvent | None = REQUEST, yes: ReceiptEvent = YES) -> dict[str, Any]:
    return receipts.record_for(
        decoded(request) if request else None,
        decoded(yes),
        {decoded(each).id: each.openings for each in (REQUEST, YES)},
        "Blüten GmbH",
        NoticeShown("de", WORDING, "Antworten Sie STOP."),
    )


def make_receipt(*indexes: int, record: dict[str, Any] | None = None) -> dict[str, Any]:
    root = merkle.root(len(LEDGER), node)
    built = receipts.build(
        events=proven(*(indexes or (1, 3))),
        checkpoint_note=signed(checkpoints.encode(checkpoints.Checkpoint(ORIGIN, len(LEDGER), root))),
        vkey=VKEY,
        issued_at=NOON + 5,
        record=make_record() if record is None else record,
    )
    received: dict[str, Any] = json.loads(json.dumps(built))
    return received


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


GOOD = make_receipt()
Tamper = Callable[[dict[str, Any]], object]


def reworded(receipt: dict[str, Any], number: int, **changes: Any) -> None:
    """Rewrite an event's body in its own canonical form, as a forger would."""
    given = receipt["events"][number]
    changed = msgspec.structs.replace(events.decode(base64.b64decode(given["body"])), **changes)
    given["body"] = base64.b64encode(events.encode(changed)).decode()


def resigned(receipt: dict[str, Any]) -> None:
    """Another key signs the same checkpoint under the same name, and is passed off as the ledger's."""
    forger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    public = forger.public_key().public_bytes_raw()
    text = checkpoints.text_of(receipt["checkpoint"])
    receipt["checkpoint"] = checkpoints.note(text, ORIGIN, public, forger.sign(text.encode()))


def other_ledger(receipt: dict[str, Any]) -> None:
    """A checkpoint of another workspace, rightly signed by the same key under this one's name."""
    other = checkpoints.Checkpoint(ORIGIN + "x", len(LEDGER), merkle.root(len(LEDGER), node))
    receipt["checkpoint"] = signed(checkpoints.encode(other))


def shifted(text: str) -> str:
    """The same base64 with one letter changed."""
    return ("B" if text[0] == "A" else "A") + text[1:]


def spaced(receipt: dict[str, Any]) -> None:
    """The same JSON in another spelling."""
    given = receipt["events"][1]
    given["body"] = base64.b64encode(base64.b64decode(given["body"]) + b" ").decode()


def forged_line(receipt: dict[str, Any]) -> None:
    receipt["record"]["events"].append({**receipt["record"]["events"][0], "event_id": "evt_9"})


TAMPERED: dict[str, Tamper] = {
    "another format": lambda r: r.update(format="sayso-receipt/2"),
    "a time moved in an event": lambda r: reworded(r, 1, occurred_at=NOON),
    "a purpose added to an event": lambda r: reworded(r, 1, cells=(*CELLS, Cell("partners", "*", "sharing"))),
    "a body in another spelling": spaced,
    "a body that is no JSON": lambda r: r["events"][0].update(body="AAAA"),
    "another leaf index": lambda r: r["events"][0].update(leaf_index=2),
    "a negative leaf index": lambda r: r["events"][0].update(leaf_index=-1),
    "a leaf index that is text": lambda r: r["events"][0].update(leaf_index="1"),
    "a changed proof": lambda r: r["events"][0].update(
        inclusion=[shifted(r["events"][0]["inclusion"][0]), *r["events"][0]["inclusion"][1:]]
    ),
    "a shortened proof": lambda r: r["events"][0]["inclusion"].pop(),
    "a lengthened proof": lambda r: r["events"][0]["inclusion"].append(r["events"][0]["inclusion"][0]),
    "another value opened": lambda r: r["events"][1]["openings"]["text"].update(value="Nein"),
    "another salt": lambda r: r["events"][1]["openings"]["text"].update(salt="00" * 16),
    "a short salt": lambda r: r["events"][1]["openings"]["text"].update(salt="00"),
    "a salt that is no hexadecimal": lambda r: r["events"][1]["openings"]["text"].update(salt="x" * 32),
    "a value that was never recorded": lambda r: r["events"][1]["openings"].update(
        page={"salt": "00" * 16, "value": "x"}
    ),
    "a larger ledger": lambda r: r.update(checkpoint=r["checkpoint"].replace("\n7\n", "\n8\n")),
    "another signature": lambda r: r.update(checkpoint=GOOD["checkpoint"][:-10] + "AAAAAAA==\n"),
    "another signer": resigned,
    "another ledger": other_ledger,
    "no signature": lambda r: r.update(checkpoint=r["checkpoint"].partition("\u2014")[0]),
    "a key whose id does not fit": lambda r: r.update(key=VKEY[:-6] + "AAAAA="),
    "another key": lambda r: r.update(key=checkpoints.vkey(ORIGIN, bytes(32))),
    "a key that is none": lambda r: r.update(key="key"),
    "no events": lambda r: r.update(events=[]),
    "no yes": lambda r: r["events"].pop(),
    "a record of another event": lambda r: r["record"].update(record_id="evt_1"),
    "a record of nobody's": lambda r: r["record"].pop("record_id"),
    "a record of another person": lambda r: r["record"].update(pii_principal_id=BRUNO),
    "a record with another purpose": lambda r: r["record"]["purposes"][0].update(purpose="partners"),
    "a record with fewer purposes": lambda r: r["record"]["purposes"].pop(),
    "a record of another workspace": lambda r: r["record"]["pii_controllers"][0].update(id="wrk_2"),
    "a record with two controllers": lambda r: r["record"]["pii_controllers"].append({"id": "wrk_2"}),
    "a record with another notice": lambda r: r["record"]["privacy_notice"].update(id="ntc_2"),
    "a record with another wording": lambda r: r["record"]["privacy_notice"].update(wording="Anything."),
    "a record with no wording but a number": lambda r: r["record"]["privacy_notice"].update(wording=1),
    "a record by another method": lambda r: r["record"].update(collection_method="paper"),
    "a record on another basis": lambda r: r["record"].update(lawful_basis="contract"),
    "a record of another schema": lambda r: r["record"].update(schema_version="my own"),
    "a record with another time": lambda r: r["record"]["events"][1].update(event_time="2026-01-01T00:00:00"),
    "a record with other words": lambda r: r["record"]["events"][1].update(said="Ja!"),
    "a record with one event more": forged_line,
    "a record without its yes": lambda r: r["record"]["events"].pop(),
    "a record that is a list": lambda r: r.update(record=[]),
    "events that are a number": lambda r: r.update(events=7),
}


def tampered(name: str) -> dict[str, Any]:
    receipt = copy.deepcopy(GOOD)
    TAMPERED[name](receipt)
    assert receipt != GOOD
    return receipt


def test_a_good_receipt_has_no_problems() -> None:
    assert receipts.verify_receipt(GOOD, verify) == []


def test_a_later_stop_and_a_request_less_yes_are_provable_too() -> None:
    assert receipts.verify_receipt(make_receipt(1, 3, 4), verify) == []
    assert receipts.verify_receipt(make_receipt(3, record=make_record(None)), verify) == []


def test_a_receipt_without_openings_is_good_as_long_as_the_record_says_no_words() -> None:
    receipt = copy.deepcopy(GOOD)
    for given_event in receipt["events"]:
        given_event["openings"] = {}
    assert receipts.verify_receipt(receipt, verify) == ["Record: 'events' is not what the events say."]
    for line in receipt["record"]["events"]:
        del line["said"]
    assert receipts.verify_receipt(receipt, verify) == []


@pytest.mark.parametrize("name", TAMPERED)
def test_every_tampered_receipt_is_caught(name: str) -> None:
    problems = receipts.verify_receipt(tampered(name), verify)
    assert problems
    assert all(problem.endswith(".") for problem in problems)


def test_events_of_two_people_are_not_one_receipt() -> None:
    problems = receipts.verify_receipt(make_receipt(1, 3, 2), verify)
    assert problems == ["Record: the events are not all about one person and one workspace."]


def test_the_record_speaks_the_words_of_the_standard() -> None:
    record = GOOD["record"]
    assert record["schema_version"] == "ISO/IEC TS 27560:2023"
    assert record["record_id"] == "evt_3"
    assert record["pii_principal_id"] == AMIRA
    assert record["pii_controllers"] == [{"id": WORKSPACE, "name": "Blüten GmbH"}]
    assert record["purposes"][0] == {"purpose": "offers", "sender": "*", "message_class": "marketing"}
    assert record["privacy_notice"]["wording"] == WORDING
    assert record["language"] == "de"
    assert record["collection_method"] == "button"
    assert record["withdrawal_method"] == "Antworten Sie STOP."
    assert [line["event_state"] for line in record["events"]] == ["ConsentRequested", "ConsentGiven"]
    assert record["events"][1]["said"] == "Ja, gern!"
    assert record["events"][1]["event_time"] == "2026-11-02T12:00:00.000001+00:00"


def test_no_record_is_made_for_a_stop_or_for_another_wording() -> None:
    with pytest.raises(IntegrityError):
        make_record(yes=LEDGER[4])
    with pytest.raises(IntegrityError):
        receipts.record_for(None, decoded(YES), {}, "Blüten GmbH", NoticeShown("de", "Other words."))
    without = receipts.record_for(None, decoded(YES), {}, "Blüten GmbH", NoticeShown("de"))
    assert "wording" not in without["privacy_notice"]


def test_a_time_beyond_the_calendar_is_a_problem_and_no_crash() -> None:
    receipt = copy.deepcopy(GOOD)
    reworded(receipt, 1, occurred_at=2**62)
    assert "Record: 'events' is not what the events say." in receipts.verify_receipt(receipt, verify)


@given(st.data())
def test_no_input_makes_the_verifier_raise(data: st.DataObject) -> None:
    receipt = copy.deepcopy(GOOD)
    junk: Any = data.draw(st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    ))
    spots = list(walk(receipt))
    where, key = data.draw(st.sampled_from(spots))
    where[key] = junk
    if receipt != GOOD and key not in {"issued_at", "name", "language", "withdrawal_method"}:
        assert receipts.verify_receipt(receipt, verify)
    else:
        assert isinstance(receipts.verify_receipt(receipt, verify), list)


def walk(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value, as (container, key)."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    return [spot for key in keys for spot in ((value, key), *walk(value[key]))]


def test_what_is_no_receipt_at_all_is_a_problem() -> None:
    things: list[Any] = [None, 7, "receipt", [], {}, {"format": "sayso-receipt/1"}]
    assert all(receipts.verify_receipt(thing, verify) for thing in things)
    extended = {**GOOD, "verdict": "good"}
    assert receipts.verify_receipt(extended, verify)


# --- the stand-alone script ---------------------------------------------------------------------------------

WITH_CRYPTOGRAPHY = [sys.executable]
# No site-packages: nothing but the standard library can be imported.
BARE = [sys.executable, "-I", "-S"]
PYTHONS = pytest.mark.parametrize("python", [WITH_CRYPTOGRAPHY, BARE], ids=["with cryptography", "bare"])


def script(python: list[str], path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [*python, str(SCRIPT), str(path), *arguments],
        capture_output=True, encoding="utf-8", timeout=60, check=False, env=environment,
    )


def saved(folder: Path, receipt: Any) -> Path:
    path = folder / "receipt.json"
    path.write_text(json.dumps(receipt))
    return path


def test_the_bare_python_has_no_cryptography() -> None:
    found = subprocess.run([*BARE, "-c", "import cryptography"], capture_output=True, check=False)
    assert found.returncode == 1


def test_the_script_is_under_two_hundred_lines_and_knows_no_sayso() -> None:
    text = SCRIPT.read_text()
    assert len(text.splitlines()) < 200
    assert "import sayso" not in text
    assert "from sayso" not in text


@PYTHONS
def test_the_script_finds_a_good_receipt_good(python: list[str], tmp_path: Path) -> None:
    result = script(python, saved(tmp_path, make_receipt(1, 3, 4)), "--key", VKEY)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "said_yes" in result.stdout
    assert "Ja, gern!" in result.stdout
    assert "2026-11-02T12:00:00.000001+00:00" in result.stdout
    assert "compare it with the one the business publishes" not in result.stdout
    assert result.stderr == ""


@PYTHONS
def test_the_script_says_when_the_key_is_the_receipt_s_own(python: list[str], tmp_path: Path) -> None:
    result = script(python, saved(tmp_path, GOOD))
    assert result.returncode == 0
    assert "taken from the receipt itself: compare it with the one the business publishes" in result.stdout


@PYTHONS
@pytest.mark.parametrize("name", TAMPERED)
def test_the_script_catches_every_tampered_receipt(python: list[str], name: str, tmp_path: Path) -> None:
    result = script(python, saved(tmp_path, tampered(name)))
    assert result.returncode == 1, result.stdout + result.stderr
    assert "BAD" in result.stdout
    assert "GOOD" not in result.stdout
    assert result.stderr == ""


@PYTHONS
def test_the_script_refuses_a_receipt_under_another_key_than_the_one_given(
    python: list[str], tmp_path: Path
) -> None:
    result = script(python, saved(tmp_path, GOOD), "--key", checkpoints.vkey(ORIGIN, bytes(32)))
    assert result.returncode == 1
    assert "another key than the one given" in result.stdout


def test_the_script_catches_events_of_two_people(tmp_path: Path) -> None:
    assert script(BARE, saved(tmp_path, make_receipt(1, 3, 2))).returncode == 1


def test_the_script_says_when_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("this is no JSON")
    (tmp_path / "deep").write_text("[" * 100_000)
    for name in ("missing", "text", "deep"):
        result = script(BARE, tmp_path / name)
        assert result.returncode == 2
        assert "UNREADABLE" in result.stdout
        assert result.stderr == ""
    for text in ("null", "7", "[]", "{}", '"receipt"'):
        (tmp_path / "thing").write_text(text)
        assert script(BARE, tmp_path / "thing").returncode == 1


def test_the_script_lets_no_control_character_reach_the_terminal(tmp_path: Path) -> None:
    receipt = copy.deepcopy(GOOD)
    receipt["events"][1]["openings"]["text\x1b[2J"] = {"salt": "00" * 16, "value": "x"}
    receipt["key"] = "\x1b[2J"
    assert "\x1b" not in script(BARE, saved(tmp_path, receipt)).stdout


# --- the script's own Ed25519 -------------------------------------------------------------------------------

# RFC 8032 section 7.1, test 1: the public key and the signature of the empty message.
RFC_PUBLIC = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
RFC_SIGNATURE = (
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
)


@pytest.fixture
def bare_script(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The script as a module that cannot import cryptography's Ed25519."""
    spec = importlib.util.spec_from_file_location("verify_receipt", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.ed25519", None)
    return module


def test_the_script_s_own_ed25519_passes_the_vector_of_the_rfc(bare_script: Any) -> None:
    assert bare_script.ed25519(bytes.fromhex(RFC_PUBLIC), b"", bytes.fromhex(RFC_SIGNATURE))
    assert not bare_script.ed25519(bytes.fromhex(RFC_PUBLIC), b"x", bytes.fromhex(RFC_SIGNATURE))


def test_the_script_s_own_ed25519_agrees_with_cryptography(bare_script: Any) -> None:
    for number in range(8):
        signer = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"%d" % number).digest())
        public, message = signer.public_key().public_bytes_raw(), b"message %d" % number
        signature = signer.sign(message)
        assert bare_script.ed25519(public, message, signature)
        assert not bare_script.ed25519(public, message + b"x", signature)
        for place in (0, 31, 32, 63):
            broken = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1:]
            assert not holds(bare_script, public, message, broken)
        stretched = int.from_bytes(signature[32:], "little") + bare_script.ORDER
        assert not holds(bare_script, public, message, signature[:32] + stretched.to_bytes(32, "little"))


def holds(module: Any, public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the script takes the signature; saying that it is no point of the curve is a no, too."""
    try:
        return bool(module.ed25519(public, message, signature))
    except module.Bad:
        return False
