"""Check a Sayso receipt offline, with Python 3.9 or newer and nothing else.

Usage: python verify_receipt.py receipt.json [--key VKEY]. Exit status: 0 good, 1 bad, 2 unreadable.
Formats: RFC 6962 (tree), C2SP signed-note and tlog-checkpoint, Ed25519 (by the cryptography package where
it is installed, else by the code below). Good means: the events, what is opened of them and what the record
says of them are what the ledger held when its key signed. It does not prove that anybody meant it.
"""
from __future__ import annotations

import argparse
import base64
import contextlib
import functools
import hashlib
import hmac
import json
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

MAX_FILE = 5_000_000  # bytes; no honest receipt comes near
STATES = {"opt_in_requested": "ConsentRequested", "said_yes": "ConsentGiven", "said_no": "ConsentRefused",
          "consent_recorded": "ConsentGiven", "said_stop": "ConsentWithdrawn", "expired": "ConsentExpired"}
P = 2**255 - 19  # the field, the order of the group and the constant of the curve, RFC 8032 section 5.1
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
Point = tuple[int, int]
unbase64 = functools.partial(base64.b64decode, validate=True)


class Bad(Exception):
    """Something in the receipt does not hold."""


def add(a: Point, b: Point) -> Point:
    """Sum of two points of the curve -x^2 + y^2 = 1 + D x^2 y^2."""
    k = D * a[0] * b[0] * a[1] * b[1]
    x, y = (a[0] * b[1] + a[1] * b[0]) * pow(1 + k, -1, P), (a[1] * b[1] + a[0] * b[0]) * pow(1 - k, -1, P)
    return x % P, y % P


def times(scalar: int, point: Point) -> Point:
    """The point added to itself `scalar` times."""
    total = (0, 1)
    while scalar:
        total, point, scalar = (add(total, point) if scalar & 1 else total), add(point, point), scalar >> 1
    return total


def decode_point(data: bytes) -> Point:
    """RFC 8032 section 5.1.3."""
    sign, y = data[31] >> 7, int.from_bytes(data, "little") & (2**255 - 1)
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    need(y < P and (x * x - square) % P == 0 and (x != 0 or sign == 0), "The key or signature is no point.")
    return (P - x if x & 1 != sign else x), y


def ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """RFC 8032 section 5.1.7: [S]B = R + [k]A."""
    with contextlib.suppress(Exception):  # not installed, broken, or not signed: then the code below decides
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        return True
    base = decode_point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))
    s, r = int.from_bytes(signature[32:], "little"), decode_point(signature[:32])
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return s < ORDER and times(s, base) == add(r, times(k, decode_point(public)))


def need(holds: bool, sentence: str) -> None:
    """Raise Bad with the sentence unless it holds."""
    if not holds:
        raise Bad(sentence)


def checkpoint(note: str, vkey: str) -> tuple[str, int, bytes]:
    """Origin, size and root of a note that the key signed."""
    name, key_id, key = vkey.split("+", 2)
    typed = unbase64(key)  # one byte for the kind of key, 1 being Ed25519, then the key
    digest = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()
    need(len(typed) == 33 and typed[0] == 1 and digest[:8] == key_id, "Key: it is malformed.")
    text, _, tail = note.rpartition("\n\n")
    origin, size, root = text.split("\n")
    need(origin == name, "Checkpoint: it belongs to another ledger than the key.")
    lines = [unbase64(line.split(" ")[2]) for line in tail.splitlines() if line.startswith(f"\u2014 {name} ")]
    ours = [raw[4:] for raw in lines if raw[:4].hex() == key_id and len(raw) == 68]
    signed = any(ed25519(typed[1:], f"{text}\n".encode(), signature) for signature in ours)
    need(signed, "Checkpoint: the key did not sign it.")
    return origin, int(size), unbase64(root)


def included(body: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2, the check of an RFC 6962 inclusion proof."""
    place, last, digest = index, size - 1, hashlib.sha256(b"\x00" + body).digest()
    for sibling in proof:
        if last == 0 or len(sibling) != 32:
            return False
        if place & 1 or place == last:
            digest = hashlib.sha256(b"\x01" + sibling + digest).digest()
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            digest = hashlib.sha256(b"\x01" + digest + sibling).digest()
        place, last = place >> 1, last >> 1
    return 0 <= index < size and last == 0 and digest == root


def check_event(given: dict[str, Any], size: int, root: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """One event, proven, and the line it has in the record."""
    need(set(given) == {"body", "leaf_index", "inclusion", "openings"}, "Event: unknown or missing fields.")
    body, proof = unbase64(given["body"]), [unbase64(each) for each in given["inclusion"]]
    need(included(body, given["leaf_index"], size, proof, root), "Event: it is not in the signed ledger.")
    event = json.loads(body)
    canonical = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    need(canonical == body and event["v"] == 1, "Event: it is not in the canonical form of version 1.")
    when = datetime.fromtimestamp(0, timezone.utc) + timedelta(microseconds=event["occurred_at"])  # noqa: UP017
    line = {"event_id": event["id"], "event_type": event["type"], "event_time": when.isoformat()}
    line.update({"event_state": STATES[event["type"]]} if event["type"] in STATES else {})
    say("event", f"{when.isoformat()}  {event['type']}, leaf {given['leaf_index']}, in the ledger")
    for name, opened in given["openings"].items():
        salt, message = bytes.fromhex(opened["salt"]), f"{name}\0{opened['value']}".encode()
        fits = len(salt) == 16 and hmac.new(salt, message, "sha256").hexdigest() == event["commit"].get(name)
        need(fits, f"Event: the opened {name!r} is not what was recorded.")
        line.update({"said": opened["value"]} if name == "text" else {})
        say("", f"{name}: {opened['value']}")
    return event, line


def check_record(record: dict[str, Any], events: list[dict[str, Any]], lines: list[dict[str, Any]]) -> None:
    """The record must say what the events say."""
    yes = next((e for e in events if e["id"] == record["record_id"] and (  # one from elsewhere counts if it grants
        e["type"] == "said_yes" or (e["type"], e["facts"].get("grants")) == ("consent_recorded", True))), {})
    need(bool(yes), "Record: the yes it speaks of is not among the events.")
    facts, notice = yes["facts"], record["privacy_notice"]
    shown = {"wording": notice["wording"]} if "wording" in notice else {}  # its hash is compared below
    truth = {
        "schema_version": "ISO/IEC TS 27560:2023", "lawful_basis": "consent",
        "pii_controllers": [{**record["pii_controllers"][0], "id": yes["ws"]}],
        "purposes": [{"purpose": a, "sender": b, "message_class": c} for a, b, c in yes["cells"]],
        "privacy_notice": {"id": facts.get("notice", ""), "hash": facts.get("notice_hash", ""), **shown},
        "collection_method": facts.get("how") or facts.get("source", ""), "pii_principal_id": yes["person"],
        "language": next((e["facts"]["lang"] for e in events if "lang" in e["facts"]), record["language"]),
        "events": [line for line in lines if line in record["events"] or line["event_id"] == yes["id"]]}
    need(set(record) == {*truth, "record_id", "withdrawal_method"}, "Record: unknown or missing fields.")
    for name, value in truth.items():
        need(record.get(name) == value, f"Record: '{name}' is not what the events say.")
    need(all(hashlib.sha256(text.encode()).hexdigest() == notice["hash"] for text in shown.values()),
         "Record: the wording is not the one the yes was given to.")
    need(all((e["person"], e["ws"]) == (yes["person"], yes["ws"]) for e in events), "Record: two people.")


def check(receipt: dict[str, Any], key: str | None) -> None:
    """Every check, told line by line. Raises Bad at the first that fails."""
    need(receipt["format"] == "sayso-receipt/1", "This script reads the format sayso-receipt/1 only.")
    need(set(receipt) == {"format", "issued_at", "record", "events", "checkpoint", "key"}, "Unknown fields.")
    need(key in (None, receipt["key"]), "Key: the receipt carries another key than the one given.")
    origin, size, root = checkpoint(receipt["checkpoint"], receipt["key"])
    say("ledger", f"{origin}, {size} events, signature good")
    proven = [check_event(given, size, root) for given in receipt["events"]]
    check_record(receipt["record"], [event for event, _ in proven], [line for _, line in proven])
    say("record", "says what the events say; its name, how to leave and the day of issue are the business's own words")
    say("key", receipt["key"])
    say("", "" if key else "key taken from the receipt itself: compare it with the one the business publishes")


def say(label: str, text: str) -> None:
    """One line for people; control characters out of a receipt must not reach the terminal."""
    shown = "".join(one if one.isprintable() else "?" for one in text)
    encoding = sys.stdout.encoding or "ascii"
    print(f"{label:10}  " + shown.encode(encoding, "backslashreplace").decode(encoding))


def main() -> int:
    """Read the arguments, check, print; returns the exit status."""
    options = argparse.ArgumentParser(description="Check a Sayso receipt offline.")
    options.add_argument("receipt", type=Path, help="the receipt, a JSON file")
    options.add_argument("--key", help="the key line that the business publishes; the receipt must carry it")
    asked = options.parse_args()
    try:
        with asked.receipt.open("rb") as file:
            receipt = json.loads(file.read(MAX_FILE))
    except (OSError, ValueError, RecursionError) as error:
        say("UNREADABLE", f"{asked.receipt}: {error}")
        return 2
    try:
        check(receipt, asked.key)
        say("GOOD", "this is what the ledger held when it was signed; it does not say whether the yes still stands")
        return 0
    except (Bad, LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        say("BAD", str(error) if isinstance(error, Bad) else f"It is not formed like a receipt: {error!r}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
