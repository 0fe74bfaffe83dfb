"""Private links: the preference page of one person, without sign-in.

Rules of the room: a link says whose page it opens and what for, sealed under a key of the workspace that is used for
nothing else; no number, no name and no person's id can be read off it. Nothing is stored of a link. It shows the record
for a while and lets people stop for as long as the key lives (CAN-SPAM asks for 60 days after the message; see
docs/adr/0024).
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Final, Literal, get_args

from sayso.core.identity import Address
from sayso.core.workspace import Workspace
from sayso.errors import IntegrityError, KeyProblem, NotConfigured, NotFound, UnknownLink
from sayso.flows.kit import Kit
from sayso.flows.people import find
from sayso.ports import ALPHABET, DAY, HOUR
from sayso.store.base import Tx

Use = Literal["preferences", "data"]
USES: Final[tuple[Use, ...]] = get_args(Use)

#: How long a link shows what is recorded; who finds it later in an old chat may still stop, and sees nothing.
SHOWN_FOR: Final[dict[Use, int]] = {"preferences": 30 * DAY, "data": DAY}
#: A link from this far ahead of our clock is still read: another machine's clock made it.
AHEAD: Final = HOUR
#: What is sealed: person, use, and when the link was made, in microseconds.
_SEALED: Final = struct.Struct(">16sBq")
#: Bytes of a ULID.
_ULID_BYTES: Final = 16
#: Binds the sealed value to this format.
_ABOUT: Final = b"sayso/link/1"
#: Longest token looked at; ours have 95 characters.
MAX_TOKEN: Final = 160


@dataclass(frozen=True, slots=True)
class Link:
    """What a link says. `expired`: it shows nothing any more, and still stops."""

    workspace: str
    person: str
    use: Use
    made_at: int
    shown_until: int
    expired: bool


def link(kit: Kit, workspace: Workspace, person_id: str, use: Use) -> str:
    """The address of this person's page, or "" where nobody has said at which address people reach this server."""
    return f"{kit.public_url}/p/{token(kit, workspace.id, person_id, use)}" if kit.public_url else ""


def link_to(tx: Tx, kit: Kit, workspace: Workspace, address: Address) -> tuple[str, str]:
    """The preference page of whoever holds this address, and their id. Raises NotFound for somebody never heard of,
    NotConfigured where no link can be made. It is never a `data` link: only the phone itself asks for that.
    """
    if not kit.public_url:
        raise NotConfigured("Set SAYSO_PUBLIC_URL to the address at which people reach this server.")
    person = find(tx, kit, workspace.id, address, lock=False)
    if person is None:
        raise NotFound("Nobody with this address is known.", param="address")
    return link(kit, workspace, person.id, "preferences"), person.id


def token(kit: Kit, ws: str, person_id: str, use: Use) -> str:
    """The last part of the address: 95 characters that fit anywhere in a URL, different each time."""
    plain = _SEALED.pack(_bytes_of(person_id), USES.index(use), kit.now())
    packed = _bytes_of(ws) + kit.vault.seal_link(ws, plain, _ABOUT)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def read(kit: Kit, token: str, now: int) -> Link:
    """What a link says. Raises UnknownLink for anything that is not, letter by letter, one we made."""
    try:
        packed = _decoded(token)
        ws = _id_of("wrk", packed[:_ULID_BYTES])
        person, use, made_at = _SEALED.unpack(kit.vault.unseal_link(ws, packed[_ULID_BYTES:], _ABOUT))
        found = USES[use]
    except (ValueError, IndexError, struct.error, binascii.Error, IntegrityError, KeyProblem):
        raise UnknownLink from None
    until = made_at + SHOWN_FOR[found]
    return Link(ws, _id_of("per", person), found, made_at, until, expired=not made_at - AHEAD <= now < until)


def _decoded(token: str) -> bytes:
    """The bytes of a token. One spelling each: a second one for the same link would be a second link."""
    raw = token.encode("ascii")
    if not raw or len(raw) > MAX_TOKEN:
        raise ValueError
    packed = base64.b64decode(raw + b"=" * (-len(raw) % 4), altchars=b"-_", validate=True)
    if base64.urlsafe_b64encode(packed).rstrip(b"=") != raw:
        raise ValueError
    return packed


def _bytes_of(name: str) -> bytes:
    """The 16 bytes of an id's ULID (ULID specification: Crockford's base 32, the first character at most 7)."""
    value = 0
    for letter in name.partition("_")[2]:
        value = value << 5 | ALPHABET.index(letter)
    return value.to_bytes(_ULID_BYTES, "big")


def _id_of(prefix: str, packed: bytes) -> str:
    value = int.from_bytes(packed, "big")
    return f"{prefix}_{''.join(ALPHABET[value >> shift & 31] for shift in range(125, -1, -5))}"
