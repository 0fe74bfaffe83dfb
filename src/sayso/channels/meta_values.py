"""The small change of Meta's JSON: strings, times, and the three places where a person is named.

Rules of the room: nothing here raises for odd input. Numbers where strings belong, empty strings and
missing keys are all met in the wild; each reads as absent, and the caller decides whether it can do
without.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from sayso.core.identity import BSUID, PARENT_BSUID, Address, bsuid, parent_bsuid, parse, phone_from_wa_id
from sayso.errors import InvalidAddress

#: Most digits of a time in seconds (the year 5138). Longer is garbage, or milliseconds.
MAX_TIME_DIGITS = 11
MAX_TIME = 10**MAX_TIME_DIGITS
#: Whole numbers from here on are no id of anybody's, and Python would take long to write them out.
MAX_NUMBER = 10**20

decode = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Slots:
    """The three places where Meta names a person: phone, BSUID, parent BSUID. Empty = absent."""

    phone: str
    user: str
    parent: str

    def fill(self, other: Slots, alone: bool) -> Slots:
        """Complete these from another naming of the same person.

        The same person = they agree on one place, or there is only one person it could be (`alone`), and
        they differ in none.
        """
        pairs = ((self.phone, other.phone), (self.user, other.user), (self.parent, other.parent))
        if any(mine and theirs and mine != theirs for mine, theirs in pairs):
            return self
        if not alone and not any(mine and mine == theirs for mine, theirs in pairs):
            return self
        return Slots(*(mine or theirs for mine, theirs in pairs))

    def addresses(self) -> tuple[Address, ...]:
        """What of it is an address; a place holding anything else is passed over."""
        found: list[Address] = []
        for text, read in ((self.phone, _phone_slot), (self.user, bsuid), (self.parent, parent_bsuid)):
            if not text:
                continue
            try:
                address = read(text)
            except InvalidAddress:
                continue
            if address not in found:
                found.append(address)
        return tuple(found)


NOBODY = Slots("", "", "")


def slots_of(holder: dict[str, Any], phone: str, user: str, parent: str) -> Slots:
    """Read the three places; a user id in the place of the phone (some senders do that) is moved."""
    named = Slots(text_of(holder, phone), text_of(holder, user), text_of(holder, parent))
    if BSUID.match(named.phone):
        return Slots("", named.user or named.phone, named.parent)
    if PARENT_BSUID.match(named.phone):
        return Slots("", named.user, named.parent or named.phone)
    if named.phone.startswith("+"):  # so that "+1650..." and "1650..." in one payload agree
        return Slots(named.phone[1:], named.user, named.parent) if named.phone[1:].isdigit() else named
    return named


def _phone_slot(text: str) -> Address:
    return phone_from_wa_id(text) if text.isdigit() else parse(text)


def read_contacts(raw: msgspec.Raw | None) -> list[Slots]:
    """The `contacts` of a change. Unreadable contacts are no contacts: the messages stand without them."""
    try:
        contacts = decode(raw) if raw is not None else []
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []
    return [slots_of(each, "wa_id", "user_id", "parent_user_id") for each in dicts_of(contacts)]


def index_contacts(contacts: list[Slots]) -> dict[str, Slots]:
    """By phone and by user id, so that a batch of a thousand is matched in one pass."""
    return {key: each for each in contacts for key in (each.phone, each.user) if key}


def microseconds(seconds: object) -> int:
    """Meta's unix seconds, a string or a number, as microseconds UTC; 0 for anything else."""
    if isinstance(seconds, str):
        return int(seconds) * 1_000_000 if _is_digits(seconds) else 0
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < MAX_TIME:
        return int(seconds) * 1_000_000
    return 0


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_TIME_DIGITS


def text_of(holder: dict[str, Any], name: str) -> str:
    """A string, or a whole number written as one; empty for anything else."""
    value = holder.get(name)
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_NUMBER:
        return str(value)
    return ""


def dict_of(holder: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a name; empty for anything else."""
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def dicts_of(value: object) -> list[dict[str, Any]]:
    """The objects of a list; empty for anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def code_of(error: dict[str, Any]) -> int:
    """Meta's error number; 0 where there is none."""
    code = text_of(error, "code")
    return int(code) if _is_digits(code) else 0


def digest(*parts: bytes | str) -> str:
    """SHA-256 over parts that cannot run into each other. JSON counts by its content."""
    sha = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else _canonical(part)
        sha.update(len(data).to_bytes(8, "big") + data)
    return sha.hexdigest()


def _canonical(raw: bytes) -> bytes:
    try:
        return msgspec.json.encode(decode(raw), order="sorted")
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return bytes(raw)
