"""The few operations the vault is made of: derive, MAC, seal, and a short memory of people's keys.

Rules of the room: standard algorithms by their standard names, from the cryptography package; keys come in as
arguments and stay nowhere but in the objects that use them. What does not open raises IntegrityError.
"""

from __future__ import annotations

import struct
import sys
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sayso.errors import IntegrityError, InvalidAddress, InvalidRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONCE_BYTES = 12
SEAL_VERSION = 1

# Sealed values are events' openings, message payloads and webhook bodies (4 MB at most).
MAX_PLAINTEXT = 16 * 1024 * 1024

# First byte of every address's MAC input, so that a phone's block is never a user id's input.
KINDS = {"phone": 1, "bsuid": 2, "parent_bsuid": 3}

_HEADER_BYTES = 2 + NONCE_BYTES
_TAG_BYTES = 16
_HALF = 2**64 - 1


def derive(master: bytes, info: str) -> bytes:
    """32 bytes for one use: HKDF-SHA256 without salt (RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info.encode()).derive(master)


def cmac(key: bytes, data: bytes) -> bytes:
    """The 16-byte AES-256-CMAC of data of any length (RFC 4493, NIST SP 800-38B)."""
    mac = CMAC(AES(key))
    mac.update(data)
    return mac.finalize()


def user_id_block(kind: str, value: str) -> bytes:
    """The MAC input of a BSUID: kind, two bytes of length, UTF-8. Raises InvalidAddress over 64 kB."""
    text = value.encode()
    if len(text) > 0xFFFF:
        raise InvalidAddress
    return struct.pack(">BH", KINDS[kind], len(text)) + text


def encrypt(cipher: AESGCM, key_id: int, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Version, key id, nonce, ciphertext with its tag. Raises InvalidRequest over 16 MiB.

    Nonces are random, which SP 800-38D (section 8.3) allows for 2**32 values under one key.
    """
    if len(plaintext) > MAX_PLAINTEXT:
        raise InvalidRequest("This is too large to be kept.")
    return bytes((SEAL_VERSION, key_id)) + nonce + cipher.encrypt(nonce, plaintext, aad)


def decrypt(sealed: bytes, cipher_of: Callable[[int], AESGCM], aad: bytes) -> bytes:
    """Open what `encrypt` made; `cipher_of` finds the cipher of a key id. Raises IntegrityError."""
    if len(sealed) < _HEADER_BYTES + _TAG_BYTES or sealed[0] != SEAL_VERSION:
        raise IntegrityError("A sealed value is damaged, or was written by a newer Sayso.")
    cipher = cipher_of(sealed[1])
    try:
        return cipher.decrypt(sealed[2:_HEADER_BYTES], sealed[_HEADER_BYTES:], aad)
    except InvalidTag:
        raise IntegrityError("A sealed value was changed, or belongs elsewhere.") from None


class PhoneMacs:
    """AES-CMAC of phones: each is one whole block, so its MAC is AES(block XOR K1) (RFC 4493 section 2.4).

    The block is the kind's byte, seven zero bytes, and the number as 64 bits, big endian.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._encryptor = self._fresh()
        self._lock = threading.Lock()  # the encryptor is one object with a state
        # RFC 4493 section 2.3: K1 is the encrypted zero block, doubled in GF(2**128).
        zero = int.from_bytes(self._encryptor.update(bytes(16)), "big")
        k1 = ((zero << 1) & (2**128 - 1)) ^ (0x87 if zero >> 127 else 0)
        # The first half of the block is the same for every phone, so is its XOR with K1.
        self._first, self._mask = (KINDS["phone"] << 56) ^ (k1 >> 64), k1 & _HALF

    def _fresh(self) -> CipherContext:
        return Cipher(AES(self._key), ECB()).encryptor()  # noqa: S305 - CMAC's own single blocks, not a mode

    def one(self, number: int) -> bytes:
        """The 16-byte MAC of one number."""
        block = ((self._first << 64) | (number ^ self._mask)).to_bytes(16, "big")
        with self._lock:
            return self._encryptor.update(block)

    def many(self, numbers: Sequence[int]) -> list[bytes]:
        """The MACs of many numbers, by one call of AES. Raises InvalidAddress beyond 64 bits."""
        words = array("Q", (self._first,)) * (2 * len(numbers))
        try:
            words[1::2] = array("Q", [number ^ self._mask for number in numbers])
        except OverflowError:
            raise InvalidAddress from None
        if sys.byteorder == "little":
            words.byteswap()
        return [mac for (mac,) in struct.iter_unpack("16s", self._fresh().update(words.tobytes()))]

    def packed(self, numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """The MACs of millions: a row of two 64-bit halves, the first before the second, for each number."""
        import numpy as np  # noqa: PLC0415  only lists by the million pay for loading it

        blocks = np.empty((len(numbers), 2), dtype=">u8")
        blocks[:, 0] = self._first
        blocks[:, 1] = numbers ^ np.uint64(self._mask)
        return np.frombuffer(self._fresh().update(blocks.tobytes()), dtype=">u8").reshape(-1, 2).astype(np.uint64)


class PeopleReady:
    """The ciphers of the people met last, at most `limit` of them."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._ready: OrderedDict[str, tuple[tuple[str, bytes], AESGCM]] = OrderedDict()
        self._forgotten = 0

    def get(self, person_id: str, source: tuple[str, bytes], make: Callable[[], AESGCM]) -> AESGCM:
        """The cipher made from this very source (workspace, wrapped key), else `make()` and remember it."""
        with self._lock:
            found = self._ready.get(person_id)
            if found is not None and found[0] == source:
                self._ready.move_to_end(person_id)
                return found[1]
            before = self._forgotten
        cipher = make()
        with self._lock:
            # Somebody erased in between may be this person: then the key must not come back.
            if before == self._forgotten:
                self._ready[person_id] = (source, cipher)
                if len(self._ready) > self._limit:
                    self._ready.popitem(last=False)
        return cipher

    def forget(self, person_id: str) -> None:
        """Drop one person's cipher."""
        with self._lock:
            self._forgotten += 1
            self._ready.pop(person_id, None)
