"""Checkpoints: the size and root of a ledger as text, and the signed note that carries it.

The text follows C2SP tlog-checkpoint, the envelope C2SP signed-note, the keys its Ed25519 type (0x01), so
that public tools of the transparency world read ours. Signing is the vault's work; no secret is held here.

Rules of the room: parsing is strict, so that one checkpoint has exactly one spelling; a wrong form raises
IntegrityError, because a checkpoint is only ever ours or a forgery.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from sayso.core.merkle import HASH_BYTES, MAX_SIZE
from sayso.errors import IntegrityError

# C2SP signed-note, signature types: plain Ed25519 over the note's text.
ED25519 = b"\x01"
KEY_ID_BYTES = 4
PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64

# A key name goes into every note; ours are about 70 characters long.
MAX_NAME = 200

# C2SP signed-note asks verifiers to accept at least 16 signatures and to have a limit.
MAX_SIGNATURES = 16

# One note with 16 signature lines of ours is below 6 kB; anything beyond this is not read.
MAX_NOTE = 16_384

_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A ledger at one moment: whose it is, how many leaves it has, the 32-byte root over them."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key as published: the name it signs under, its 4-byte id, its 32 bytes."""

    name: str
    key_id: bytes
    public: bytes


def origin_for(installation_id: str, workspace_id: str) -> str:
    """The origin, and so the key name, of one workspace's ledger in one installation of Sayso."""
    return _checked_name(f"sayso/{installation_id}/{workspace_id}")


def encode(checkpoint: Checkpoint) -> str:
    """The text to sign: origin, size, base64 root, each on its line. Raises IntegrityError."""
    _checked_name(checkpoint.origin)
    if not 0 <= checkpoint.size <= MAX_SIZE or len(checkpoint.root) != HASH_BYTES:
        raise IntegrityError("A checkpoint has a size of at least 0 and a root of 32 bytes.")
    return f"{checkpoint.origin}\n{checkpoint.size}\n{_b64(checkpoint.root)}\n"


def parse(text: str) -> Checkpoint:
    """The checkpoint in a note's text. Raises IntegrityError unless it is spelled as `encode` spells it."""
    lines = text.split("\n")
    # isdecimal alone would let Arabic-Indic digits through, and int() reads them.
    if len(lines) != 4 or not (lines[1].isascii() and lines[1].isdecimal()) or len(lines[1]) > 19:
        raise IntegrityError("The checkpoint does not have the lines origin, size and root.")
    checkpoint = Checkpoint(lines[0], int(lines[1]), _unb64(lines[2]))
    if encode(checkpoint) != text:
        raise IntegrityError("The checkpoint is not spelled in its one right way.")
    return checkpoint


def key_id(name: str, public: bytes) -> bytes:
    """The 4 bytes that say which key signed: the start of SHA-256(name || 0x0A || 0x01 || public)."""
    if len(public) != PUBLIC_BYTES:
        raise IntegrityError("An Ed25519 public key is 32 bytes long.")
    return hashlib.sha256(name.encode() + b"\n" + ED25519 + public).digest()[:KEY_ID_BYTES]


def vkey(name: str, public: bytes) -> str:
    """The public key as one line to publish: `name+hex key id+base64 key`. Raises IntegrityError."""
    _checked_name(name)
    return f"{name}+{key_id(name, public).hex()}+{_b64(ED25519 + public)}"


def parse_vkey(text: str) -> VerifierKey:
    """Read a published key line. Raises IntegrityError when malformed or its id does not fit the key."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise IntegrityError("A verifier key has the form name+id+key.")
    raw = _unb64(parts[2])
    if len(raw) != 1 + PUBLIC_BYTES or raw[:1] != ED25519:
        raise IntegrityError("The verifier key is not an Ed25519 key.")
    if vkey(parts[0], raw[1:]) != text:
        raise IntegrityError("The verifier key does not fit the id it carries.")
    return VerifierKey(parts[0], key_id(parts[0], raw[1:]), raw[1:])


def note(text: str, name: str, public: bytes, signature: bytes) -> str:
    """Put text and its 64-byte signature into a signed note. Raises IntegrityError on a wrong form."""
    if not text.endswith("\n") or len(signature) != SIGNATURE_BYTES:
        raise IntegrityError("A note is text ending in a newline, signed by 64 bytes.")
    _checked_name(name)
    return f"{text}\n{_DASH}{name} {_b64(key_id(name, public) + signature)}\n"


def text_of(note: str) -> str:
    """The signed text of a note, with the newline before the blank line. Raises IntegrityError."""
    return _split(note)[0]


def signature_of(note: str, name: str, key_id: bytes) -> bytes:
    """The 64-byte signature that key `name` with 4-byte `key_id` put on the note.

    Signatures of other keys are skipped. Raises IntegrityError when the note is malformed or lacks this key.
    """
    for line in _split(note)[1]:
        signer, _, blob = line.removeprefix(_DASH).partition(" ")
        raw = _unb64(blob)
        if signer == name and raw[:KEY_ID_BYTES] == key_id and len(raw) == KEY_ID_BYTES + SIGNATURE_BYTES:
            return raw[KEY_ID_BYTES:]
    raise IntegrityError("The note carries no signature of this key.")


def _split(note: str) -> tuple[str, list[str]]:
    """A note's text and its signature lines; the last blank line stands between them."""
    text, blank, tail = note[:MAX_NOTE].rpartition("\n\n")
    lines = tail.split("\n")
    if not blank or len(note) > MAX_NOTE or lines.pop() != "" or not 1 <= len(lines) <= MAX_SIGNATURES:
        raise IntegrityError("This is not a signed note.")
    if not all(line.startswith(_DASH) for line in lines):
        raise IntegrityError("A signature line of the note does not have the right form.")
    return text + "\n", lines


def _checked_name(name: str) -> str:
    """Names have no spaces, no plus, no control characters (C2SP signed-note, format)."""
    if not 0 < len(name) <= MAX_NAME or "+" in name or not name.isprintable() or name.split() != [name]:
        raise IntegrityError("A key name is 1 to 200 characters without spaces and without a plus.")
    return name


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _unb64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise IntegrityError("A base64 value is malformed.") from None
    # Loose trailing bits would give one value several spellings.
    if _b64(raw) != text:
        raise IntegrityError("A base64 value is malformed.")
    return raw
