"""Proof of work: a small sum that a browser solves before a form may cause a message, in the protocol of ALTCHA.

A challenge is SHA-256(salt + number) of a number nobody is told; the salt carries when it runs out and which form it
is for, and ends in `&`, so that no digit can move between the salt and the number. The signature is an HMAC over the
challenge, so nothing needs to be kept until a solution comes; that each counts once is for the caller to see to.
No sum stops somebody with many computers; it makes asking ten thousand numbers cost something, and is no puzzle for
people (WCAG 2.2, 3.3.8).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

import msgspec

from sayso.errors import InvalidRequest

ALGORITHM: Final = "SHA-256"
#: The number is below this: a middling phone tries half of them in under a second.
MAX_NUMBER: Final = 50_000
#: How long a challenge is good for, seconds.
LIFE_S: Final = 600
#: Random bytes of a salt.
SALT_BYTES: Final = 12
#: Longest solution looked at; a real one has some 400 characters.
MAX_SOLUTION: Final = 1_024
#: The whole salt, and nothing else: random part, seconds since 1970, the form.
_SALT: Final = re.compile(r"([0-9a-f]{24})\?expires=([0-9]{1,12})&form=([a-z0-9_-]{1,48}/[a-z0-9_-]{1,48})&\Z")


class Challenge(msgspec.Struct, frozen=True, rename="camel"):
    """What a browser is given, in ALTCHA's own fields."""

    algorithm: str
    challenge: str
    max_number: int
    salt: str
    signature: str


class Solution(msgspec.Struct, frozen=True):
    """What comes back, base64 of its JSON. ALTCHA's own widget also says how long it `took`, in milliseconds."""

    algorithm: str
    challenge: str
    number: int
    salt: str
    signature: str
    took: float | None = None


_decode: Final = msgspec.json.Decoder(Solution).decode


def make(key: bytes, form: str, now_s: int, entropy: bytes) -> Challenge:
    """A challenge for one form (`workspace/entry`). `entropy` is SALT_BYTES + 4 random bytes."""
    number = int.from_bytes(entropy[SALT_BYTES:], "big") % MAX_NUMBER
    salt = f"{entropy[:SALT_BYTES].hex()}?expires={now_s + LIFE_S}&form={form}&"
    challenge = _sum(salt, number)
    return Challenge(ALGORITHM, challenge, MAX_NUMBER, salt, _sign(key, challenge))


def check(key: bytes, form: str, now_s: int, text: str) -> tuple[str, int]:
    """The challenge a solution answers, which must count once, and when it runs out in seconds since 1970.

    Raises InvalidRequest for anything but a right, timely solution made for this form.
    """
    solution = _read(text)
    parts = _SALT.match(solution.salt)
    if parts is None or solution.algorithm != ALGORITHM or not 0 <= solution.number <= MAX_NUMBER:
        raise InvalidRequest("This is not a solution to a challenge of ours.", param="proof")
    expected = _sum(solution.salt, solution.number)
    right = hmac.compare_digest(expected.encode(), solution.challenge.encode())
    if not right or not hmac.compare_digest(_sign(key, expected).encode(), solution.signature.encode()):
        raise InvalidRequest("The solution is wrong.", param="proof")
    if parts[3] != form:
        raise InvalidRequest("The solution was made for another form.", param="proof")
    expires = int(parts[2])
    if not now_s < expires <= now_s + LIFE_S:
        raise InvalidRequest("The solution came too late.", param="proof")
    return expected, expires


def _read(text: str) -> Solution:
    if len(text) > MAX_SOLUTION:
        raise InvalidRequest("A solution is shorter than this.", param="proof")
    try:
        return _decode(base64.b64decode(text.encode("ascii"), validate=True))
    except (binascii.Error, UnicodeError, msgspec.DecodeError, msgspec.ValidationError):
        raise InvalidRequest("The solution cannot be read.", param="proof") from None


def _sum(salt: str, number: int) -> str:
    return hashlib.sha256(f"{salt}{number}".encode()).hexdigest()


def _sign(key: bytes, challenge: str) -> str:
    return hmac.digest(key, challenge.encode(), hashlib.sha256).hex()
