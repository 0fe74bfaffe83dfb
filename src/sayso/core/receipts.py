"""Receipts: the proof of one consent, to be checked by a stranger, offline.

A receipt holds a *record* for people (field names of ISO/IEC TS 27560:2023; the Kantara Consent Receipt 1.1
has them in camel case), the events behind it, verbatim, their inclusion proofs, and one signed checkpoint. It
proves that the ledger was not changed since; it does not prove that the person meant it.

Rules of the room: what the record says about the events is derived from them, and whoever reads it checks it
again, so a retouched record is as bad as a retouched event. The controller's name, how to leave and the day of issue
are the business's own statement. `tools/verify_receipt.py` makes the same checks without Sayso.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec

from sayso.core import checkpoints, events, merkle
from sayso.core.checkpoints import Checkpoint
from sayso.core.events import Event, Opening
from sayso.errors import IntegrityError

FORMAT = "sayso-receipt/1"
SCHEMA = "ISO/IEC TS 27560:2023"

# One consent is a handful of events: asked, prompted, yes, perhaps a later stop.
MAX_EVENTS = 100

# A tree of 2**63 leaves has paths of 63 hashes.
MAX_PROOF = 63

# Salts of commitments: 16 random bytes.
SALT_BYTES = 16

# W3C DPV 2.3 consent statuses, the vocabulary for event_state (TS 27560 clause 6.3.7.6).
STATES: Mapping[str, str] = {
    "opt_in_requested": "ConsentRequested",
    "said_yes": "ConsentGiven",
    "consent_recorded": "ConsentGiven",
    "said_no": "ConsentRefused",
    "said_stop": "ConsentWithdrawn",
    "expired": "ConsentExpired",
}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Verify = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class ReceiptEvent:
    """One event to prove: its verbatim body, its place in the tree, its audit path, its openings by name."""

    body: bytes
    leaf_index: int
    inclusion: Sequence[bytes]
    openings: Mapping[str, Opening] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """What the person was shown. `wording` is the exact text whose SHA-256 is the notice's hash, if kept."""

    language: str
    wording: str = ""
    how_to_leave: str = "Reply STOP in the chat at any time."


def build(
    *,
    events: Sequence[ReceiptEvent],
    checkpoint_note: str,
    vkey: str,
    issued_at: int,
    record: Mapping[str, Any],
) -> dict[str, Any]:
    """The receipt as plain JSON values. `issued_at` is in microseconds UTC; nothing is checked here."""
    return {
        "format": FORMAT,
        "issued_at": issued_at,
        "record": dict(record),
        "events": [_event_json(event) for event in events],
        "checkpoint": checkpoint_note,
        "key": vkey,
    }


def record_for(
    request: Event | None,
    yes: Event,
    openings: Mapping[str, Mapping[str, Opening]],
    controller_name: str,
    notice: NoticeShown,
) -> dict[str, Any]:
    """The record for people. `openings` are by event id, then by name.

    Raises IntegrityError when `yes` is not a yes, or the wording is not the one the yes was given to.
    """
    wording = {"wording": notice.wording} if notice.wording else {}
    record = {
        "schema_version": SCHEMA,
        "record_id": yes.id,
        "language": notice.language,
        "pii_principal_id": yes.person,
        "pii_controllers": [{"id": yes.ws, "name": controller_name}],
        "lawful_basis": "consent",
        "purposes": _purposes(yes),
        "privacy_notice": _notice(yes) | wording,
        "collection_method": collected(yes),
        "withdrawal_method": notice.how_to_leave,
        "events": [moment(each, openings.get(each.id, {})) for each in (request, yes) if each is not None],
    }
    if not is_yes(yes) or _wording_differs(record):
        raise IntegrityError("A receipt needs the yes and the very wording it was given to.")
    return record


def is_yes(event: Event) -> bool:
    """True for what a receipt can be about: the person's own yes, or one recorded from elsewhere that grants."""
    return event.type == "said_yes" or (event.type == "consent_recorded" and event.facts.get("grants") is True)


def collected(event: Event) -> str:
    """How a yes came: the person's own act, or who recorded it (`import`, `clerk`, `api`)."""
    return str(event.facts.get("how") or event.facts.get("source", ""))


def moment(event: Event, openings: Mapping[str, Opening]) -> dict[str, Any]:
    """One line of the record's timeline. Raises OverflowError for a time outside the years 1 to 9999."""
    line: dict[str, Any] = {
        "event_id": event.id,
        "event_type": event.type,
        "event_time": (_EPOCH + timedelta(microseconds=event.occurred_at)).isoformat(),
    }
    if event.type in STATES:
        line["event_state"] = STATES[event.type]
    if "text" in openings:
        line["said"] = openings["text"].value
    return line


def verify_receipt(receipt: object, verify_ed25519: Verify) -> list[str]:
    """Everything wrong with a decoded receipt, as sentences; an empty list means good. Never raises.

    `verify_ed25519(public, message, signature)` answers whether the signature is right. Whether the key is
    the business's own is for the caller to compare: the receipt only says which key it claims.
    """
    try:
        given = msgspec.convert(receipt, _Receipt)
    except msgspec.ValidationError as error:
        return [f"The receipt does not have the right form: {error}."]
    except ValueError:  # text that UTF-8 cannot carry
        return ["The receipt does not have the right form."]
    if given.format != FORMAT:
        return [f"The receipt is not of the format {FORMAT}."]
    problems: list[str] = []
    checkpoint = _open_checkpoint(given, verify_ed25519, problems)
    read = {number: _read(each, number, problems) for number, each in enumerate(given.events, 1)}
    for number, each in enumerate(given.events, 1):
        problems += _event_problems(each, read[number], number, checkpoint)
    known = [(event, given.events[number - 1]) for number, event in read.items() if event is not None]
    return problems + _record_problems(given.record, known)


class _Given(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event of a receipt that somebody handed in."""

    body: bytes
    leaf_index: int
    inclusion: Annotated[list[bytes], msgspec.Meta(max_length=MAX_PROOF)]
    openings: dict[str, Opening]


class _Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A receipt that somebody handed in."""

    format: str
    issued_at: int
    record: dict[str, Any]
    events: Annotated[list[_Given], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)]
    checkpoint: str
    key: str


def _open_checkpoint(given: _Receipt, verify: Verify, problems: list[str]) -> Checkpoint | None:
    """The checkpoint if it is well formed, of the key's name, and rightly signed."""
    try:
        key = checkpoints.parse_vkey(given.key)
        text = checkpoints.text_of(given.checkpoint)
        checkpoint = checkpoints.parse(text)
        signature = checkpoints.signature_of(given.checkpoint, key.name, key.key_id)
    except IntegrityError as error:
        problems.append(f"Checkpoint: {error.detail}")
        return None
    if checkpoint.origin != key.name:
        problems.append("Checkpoint: it belongs to another ledger than the key.")
        return None
    if not verify(key.public, text.encode(), signature):
        problems.append("Checkpoint: the signature does not fit.")
        return None
    return checkpoint


def _read(given: _Given, number: int, problems: list[str]) -> Event | None:
    """The event in a body, which has one right spelling only."""
    try:
        event = events.decode(given.body)
        if events.encode(event) == given.body:
            return event
        problems.append(f"Event {number}: its bytes are not in the canonical form.")
    except (IntegrityError, ValueError):  # not of this version, or not even UTF-8
        problems.append(f"Event {number}: its bytes cannot be read.")
    return None


def _event_problems(
    given: _Given, event: Event | None, number: int, checkpoint: Checkpoint | None
) -> list[str]:
    """What is wrong with one event's proof and openings."""
    problems = []
    leaf = merkle.leaf_hash(given.body)
    if checkpoint is not None and not merkle.verify_inclusion(
        leaf, given.leaf_index, checkpoint.size, given.inclusion, checkpoint.root
    ):
        problems.append(f"Event {number}: it is not in the ledger that was signed.")
    recorded = event.commit if event is not None else {}
    for name, opening in given.openings.items():
        if not _fits(recorded.get(name, ""), name, opening):
            problems.append(f"Event {number}: the opened value {name!a} is not what was recorded.")
    return problems


def _fits(recorded: str, name: str, opening: Opening) -> bool:
    try:
        salt = bytes.fromhex(opening.salt)
        expected = events.commitment(name, opening.value, salt)
    except ValueError:  # not hexadecimal, or text that UTF-8 cannot carry
        return False
    return len(salt) == SALT_BYTES and hmac.compare_digest(expected.encode(), recorded.encode())


def _record_problems(record: Mapping[str, Any], known: Sequence[tuple[Event, _Given]]) -> list[str]:
    """Where the record says something else than the events."""
    yes = next((event for event, _ in known if event.id == record.get("record_id")), None)
    if yes is None or not is_yes(yes):
        return ["Record: the yes it speaks of is not among the events."]
    problems = [
        f"Record: '{name}' is not what the events say."
        for name, truth in _derived(yes).items()
        if _claimed(record, name) != truth
    ]
    if set(record) != {*_derived(yes), "record_id", "language", "withdrawal_method", "events"}:
        problems.append("Record: it has unknown fields, or lacks some.")
    spoken = next((event.facts["lang"] for event, _ in known if "lang" in event.facts), record.get("language"))
    if record.get("language") != spoken:
        problems.append("Record: 'language' is not what the events say.")
    if any((event.person, event.ws) != (yes.person, yes.ws) for event, _ in known):
        problems.append("Record: the events are not all about one person and one workspace.")
    if _wording_differs(record):
        problems.append("Record: the wording is not the one the yes was given to.")
    if not _timeline_fits(record.get("events"), yes, known):
        problems.append("Record: 'events' is not what the events say.")
    return problems


def _derived(yes: Event) -> dict[str, Any]:
    """What a record must say, given its yes."""
    return {
        "schema_version": SCHEMA,
        "pii_principal_id": yes.person,
        "pii_controllers": [yes.ws],
        "lawful_basis": "consent",
        "purposes": _purposes(yes),
        "privacy_notice": _notice(yes),
        "collection_method": collected(yes),
    }


def _claimed(record: Mapping[str, Any], name: str) -> Any:
    """What a record says, less the parts that are the business's own statement."""
    value = record.get(name)
    if name == "pii_controllers" and isinstance(value, list):
        return [each.get("id") if isinstance(each, dict) else None for each in value]
    if name == "privacy_notice" and isinstance(value, dict):
        return {key: part for key, part in value.items() if key != "wording"}
    return value


def _timeline_fits(timeline: Any, yes: Event, known: Sequence[tuple[Event, _Given]]) -> bool:
    """Whether the lines are of the events, each once and in their order, the yes among them."""
    if not isinstance(timeline, list):
        return False
    try:
        lines = [(event, moment(event, given.openings)) for event, given in known]
    except OverflowError:
        return False
    return timeline == [line for event, line in lines if event is yes or line in timeline]


def _wording_differs(record: Mapping[str, Any]) -> bool:
    notice = record.get("privacy_notice")
    if not isinstance(notice, dict) or "wording" not in notice:
        return False
    wording = notice["wording"]
    if not isinstance(wording, str):
        return True
    return hashlib.sha256(wording.encode("utf-8", "surrogatepass")).hexdigest() != notice.get("hash")


def _purposes(yes: Event) -> list[dict[str, str]]:
    return [{"purpose": cell.purpose, "sender": cell.sender, "message_class": cell.cls} for cell in yes.cells]


def _notice(yes: Event) -> dict[str, Any]:
    return {"id": yes.facts.get("notice", ""), "hash": yes.facts.get("notice_hash", "")}


def _event_json(event: ReceiptEvent) -> dict[str, Any]:
    return {
        "body": _b64(event.body),
        "leaf_index": event.leaf_index,
        "inclusion": [_b64(digest) for digest in event.inclusion],
        "openings": {
            name: {"salt": opening.salt, "value": opening.value} for name, opening in event.openings.items()
        },
    }


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")
