"""Events: facts that happened, never conclusions. Their verbatim bytes are the ledger.

Rules of the room: a body holds nothing personal. What was said, by which provider message, from which page, lives in
the *openings*; the body holds a salted commitment to each. The fold reads bodies only, so a ledger whose openings
were erased still folds. Old versions are upcast on reading and never rewritten; an unknown version or type is
refused, and refused means deny.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

import msgspec

from sayso.core.purposes import Cell
from sayso.errors import IntegrityError

VERSION: Final = 1
#: The name of Sayso's own clock; a provider's timestamps carry the provider's name.
OWN_CLOCK: Final = "sayso"
#: Longest text kept as evidence, in characters; WhatsApp's own limit for a text body.
MAX_EVIDENCE: Final = 4096

#: Every event type and what it says, in the words of the docs (`docs/events.md` has a heading for each).
TYPES: Final[Mapping[str, str]] = {
    "opt_in_requested": "An entry point asked, or the person began: a request for the cells its notice names.",
    "prompted": "Sayso handed the question, or its one reminder, to the provider.",
    "prompt_failed": "The provider did not deliver the question; the request stays pending, shown as undeliverable.",
    "said_yes": "The person said yes to a request.",
    "consent_recorded": "A yes given elsewhere, with its proof. It grants only where the workspace's policy says so "
                        "with a reason, and never over a stop, however old.",
    "record_undone": "A yes recorded from elsewhere was taken back as a mistake, with the import that brought it.",
    "said_no": "The person said no to a request.",
    "said_stop": "The person withdrew: for the cells named, `*` covering everything, later purposes included.",
    "native_stop": "WhatsApp reported that the person stopped marketing from this business.",
    "native_resume": "WhatsApp reported that the person lifted that stop; nothing else is lifted by it.",
    "breaker_tripped": "Providers reported implausibly many stops at once: each holds, and an operator is asked.",
    "provider_stop_released": "An operator found that a provider reported a stop by mistake: that one is lifted, and "
                              "nothing else.",
    "stop_suspected": "Words that may mean stop: marketing is held until the person or an operator settles it.",
    "hold_released": "A hold was settled: the person wants to stay, or an operator looked at it.",
    "paused": "The person asked for silence until a time.",
    "pause_ended": "The person ended a pause.",
    "reason_given": "The person said why they left. Not a consent fact.",
    "spoke": "The person wrote something else. Its text is not kept; it opens the service window.",
    "expired": "A note that a request or a grant ran out. The gate compares with now and does not wait for it.",
    "delivery_failed": "A provider could not deliver a message. Not a consent fact.",
    "address_linked": "An address became known as this person's, by a signed payload or a send response.",
    "address_left": "The person moved away from an address: its stop still counts, its yes never does.",
    "people_merged": "Two records turned out to be one person; the stricter state is kept.",
    "suppression_restored": "An address came back that had said no before it was erased: the no is put in place again.",
    "erased": "The person's data was destroyed; the no is kept as a keyed hash.",
    "erasure_requested": "The person asked on their preference page to be erased; the erasure follows.",
    "data_given": "What is recorded of the person was handed out, to them or to somebody who may ask for it.",
    "evidence_purged": "The evidence of a request that ran out long ago, unanswered, was destroyed.",
    "breach_suspected": "A write began after its permit's deadline: an incident.",
    "incident_acknowledged": "Somebody looked at an incident; it is no longer counted as open.",
    "list_given": "Addresses of people who may be messaged were handed out as a list; the facts say for which purpose.",
    "configured": "What sayso.toml declares was put in force; the facts hold its hash.",
    "notice_published": "A version of a wording was put in force; its hash is in the facts.",
}

Fact = str | int | bool


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One fact. Times in microseconds UTC; `clock` names the clock `occurred_at` came from."""

    id: str
    ws: str
    type: str
    occurred_at: int
    received_at: int
    clock: str
    person: str = ""
    cells: tuple[Cell, ...] = ()
    cause: str = ""
    facts: dict[str, Fact] = {}
    commit: dict[str, str] = {}
    v: int = VERSION


class Opening(msgspec.Struct, frozen=True):
    """What a commitment hides: 16 random bytes as hex, and the value."""

    salt: str
    value: str


Openings = dict[str, Opening]

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(Event)
_openings = msgspec.json.Decoder(Openings)


def encode(event: Event) -> bytes:
    """The canonical bytes: sorted keys, no floats, ASCII keys. They are stored verbatim and hashed into the ledger."""
    if event.type not in TYPES:
        raise IntegrityError(f"'{event.type}' is not an event type.")
    return _encoder.encode(event)


def decode(body: bytes) -> Event:
    """Read stored bytes. Raises IntegrityError on anything this version cannot read: unknown means deny."""
    try:
        event = _decoder.decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise IntegrityError("An event's bytes cannot be read.") from error
    if event.v != VERSION or event.type not in TYPES:
        raise IntegrityError("An event is of a version or type this Sayso does not know.")
    return event


def commitment(name: str, value: str, salt: bytes) -> str:
    """HMAC-SHA256 over name, a zero byte and the value, keyed by the salt; hex. Without the salt it says nothing."""
    return hmac.digest(salt, name.encode() + b"\0" + value.encode(), hashlib.sha256).hex()


def commit(evidence: Mapping[str, str], salts: bytes) -> tuple[dict[str, str], Openings]:
    """Commitments and openings of the evidence. `salts` holds 16 random bytes for each field."""
    commitments: dict[str, str] = {}
    openings: Openings = {}
    for place, (name, text) in enumerate(sorted(evidence.items())):
        salt = salts[place * 16:place * 16 + 16]
        value = text[:MAX_EVIDENCE]
        commitments[name] = commitment(name, value, salt)
        openings[name] = Opening(salt.hex(), value)
    return commitments, openings


def encode_openings(openings: Openings) -> bytes:
    """The bytes that are sealed beside the event."""
    return _encoder.encode(openings)


def decode_openings(data: bytes) -> Openings:
    """Read unsealed openings."""
    return _openings.decode(data)


def openings_match(event: Event, openings: Openings) -> bool:
    """True if every opening fits its commitment and none is missing."""
    if set(event.commit) != set(openings):
        return False
    return all(
        hmac.compare_digest(commitment(name, opening.value, bytes.fromhex(opening.salt)), event.commit[name])
        for name, opening in openings.items()
    )
