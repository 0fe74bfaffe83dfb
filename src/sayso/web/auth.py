"""API keys: made, read, verified. `sayso_live_<key id>_<secret>`; the database holds a hash of the secret alone.

Rules of the room: a secret is 256 random bits, so one SHA-256 over it is enough (there is nothing to guess, a slow
hash would only slow the gate); comparing takes the same time whatever differs. Scopes deny by default. A test key
may name only numbers that nobody has, so that an example pasted into a terminal reaches no person.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, cast

from sayso.core.identity import Address
from sayso.core.workspace import Workspace
from sayso.errors import Forbidden, InvalidRequest, Unauthorized
from sayso.ports import Ports
from sayso.store.base import Tx

Mode = Literal["live", "test"]

#: What a key may be allowed: ask the gate; permits; opt-ins and opt-outs; look at records; all of these.
SCOPES: Final = ("check", "send", "consent", "read", "admin")
ADMIN: Final = "admin"
#: Random bytes of a secret.
SECRET_BYTES: Final = 32
#: Longest label of a key, in characters.
MAX_LABEL: Final = 100

_KEY: Final = re.compile(r"sayso_(live|test)_([0-9A-Z]{26})_([0-9a-f]{64})\Z")
#: Numbers kept for fiction: +44 7700 900000 to 900999 (Ofcom), 555-0100 to 555-0199 of any American area, and what
#: begins with 01 in the area 555, which is nobody's (NANPA).
_FICTION: Final = re.compile(r"\+447700900[0-9]{3}\Z|\+1(?:[2-9][0-9]{2})?55501[0-9]{2}\Z|\+155501[0-9]{5}\Z")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that was verified."""

    ws: str
    id: str
    scopes: frozenset[str]
    mode: Mode

    def may(self, scope: str) -> bool:
        """True if this key covers the scope."""
        return scope in self.scopes or ADMIN in self.scopes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a verified key and its workspace."""

    key: ApiKey
    workspace: Workspace

    def check_address(self, address: Address, param: str) -> Address:
        """The address, if this key may name it. Raises Forbidden for a test key and a number somebody could have."""
        if self.key.mode == "test" and not (address.kind == "phone" and _FICTION.match(address.value)):
            raise Forbidden("A test key takes only the fiction numbers +44 7700 900xxx and +1 555 01xx.", param=param)
        return address

    def check_live(self) -> None:
        """Raises Forbidden for a test key, where a call changes something at the provider or tells of people."""
        if self.key.mode == "test":
            raise Forbidden("A test key sends to fiction numbers and reads what is the business's own; it changes "
                            "nothing else at the provider, and reads nothing about people. Use a live key.")


@dataclass(frozen=True, slots=True)
class ReadKey:
    """A key as text, taken apart: not verified yet."""

    id: str
    mode: Mode
    hash: bytes


def make_key(tx: Tx, ports: Ports, ws: str, scopes: Iterable[str], *, mode: Mode = "live",
             label: str = "") -> tuple[str, str]:
    """Make a key; returns its id and its text, which is shown once and cannot be had again. Raises InvalidRequest."""
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= set(SCOPES):
        raise InvalidRequest(f"A key has one or more of these scopes: {', '.join(SCOPES)}.", param="scopes")
    if mode not in ("live", "test") or len(label) > MAX_LABEL:
        raise InvalidRequest(f"A key is live or test, and its label has at most {MAX_LABEL} characters.", param="label")
    key_id, secret = ports.new_id("key"), ports.random(SECRET_BYTES).hex()
    tx.run("add_api_key", ws=ws, key=key_id, hash=_hash(secret), scopes=" ".join(wanted), mode=mode, label=label,
           now=ports.now())
    return key_id, f"sayso_{mode}_{key_id.removeprefix('key_')}_{secret}"


def parse(text: str) -> ReadKey:
    """Take a key apart. Raises Unauthorized, which never repeats it."""
    found = _KEY.match(text)
    if found is None:
        raise Unauthorized("Send the header 'Authorization: Bearer sayso_live_…' with a key made by `sayso key`.")
    return ReadKey(f"key_{found[2]}", cast("Mode", found[1]), _hash(found[3]))


def verify(tx: Tx, text: str) -> ApiKey:
    """The key this text is. Raises Unauthorized, with the same words whatever is wrong with it."""
    read = parse(text)
    row = tx.row("api_key", key=read.id)
    stored = bytes(row[1]) if row else bytes(32)
    same = hmac.compare_digest(stored, read.hash)
    if row is None or not same or row[3] != read.mode or row[4]:
        raise Unauthorized("This API key is not valid, or was revoked.")
    return ApiKey(row[0], read.id, frozenset(row[2].split()), read.mode)


def bearer(header: bytes) -> str:
    """The key out of an Authorization header (RFC 6750 section 2.1). Raises Unauthorized."""
    scheme, _, token = header.partition(b" ")
    if scheme.lower() != b"bearer":
        raise Unauthorized("Send the header 'Authorization: Bearer sayso_live_…' with a key made by `sayso key`.")
    return token.strip().decode("ascii", "replace")


def basic(header: bytes) -> str:
    """The key out of an Authorization header with user and password (RFC 7617), as Twilio's clients send it: the key is
    the password. Raises Unauthorized.
    """
    scheme, _, token = header.partition(b" ")
    try:
        plain = base64.b64decode(token.strip(), validate=True) if scheme.lower() == b"basic" else b""
    except binascii.Error:
        plain = b""
    user, found, password = plain.partition(b":")
    if not user or not found:
        raise Unauthorized("Send the account SID as user and a key made by `sayso key` as password.")
    return password.decode("ascii", "replace")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(bytes.fromhex(secret)).digest()
