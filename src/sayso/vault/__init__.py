"""Keys and what is done with them: address MACs, sealing, signing.

Rules of the room: the keys live in one file (or the environment), never in the database or beside its
backups. Whoever holds the MAC keys can recover a phone number from its MAC; whoever lacks the seal keys reads
nothing. What does not open raises; nothing here ever returns garbage. Every key in use is derived from a
master key, with its use and workspace as HKDF info.
"""

from __future__ import annotations

import functools
import os
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sayso.core.identity import Address
from sayso.errors import InvalidAddress, KeyProblem
from sayso.vault import ciphers, keyfile
from sayso.vault.keyfile import MAX_MAC_KEYS, PUT_BACK, KeyFile, Random

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How many people's data keys, and how many workspaces' derived keys, are kept ready in memory.
PEOPLE_READY = 4_096
WORKSPACES_READY = 1_024
# One flow asks for the MACs of the same addresses several times over.
ADDRESSES_READY = 1_024

# A person's data key has no id of its own.
_OWN_KEY = 0


class Vault:
    """Everything that needs a key. May be shared between threads."""

    def __init__(self, keys: KeyFile, random: Random = os.urandom) -> None:
        self._file = keys
        self._random = random
        self._mac = {key.id: key.key for key in sorted(keys.mac, key=lambda key: -key.id)}
        self._seal = {key.id: key.key for key in keys.seal}
        self._signer = Ed25519PrivateKey.from_private_bytes(keys.sign.key)
        self.installation_id = keys.installation
        self.mac_key_id = max(self._mac)
        self.mac_key_ids = tuple(self._mac)
        self.seal_key_id = max(self._seal)
        self.public_key = self._signer.public_key().public_bytes_raw()
        self._people = ciphers.PeopleReady(PEOPLE_READY)
        self._mac_key = functools.lru_cache(WORKSPACES_READY)(self._derive_mac_key)
        self._address_macs = functools.lru_cache(ADDRESSES_READY)(self._make_address_macs)
        self._phone_macs = functools.lru_cache(WORKSPACES_READY)(self._prepare_phone_macs)
        self._cipher = functools.lru_cache(WORKSPACES_READY)(self._derive_cipher)

    def __repr__(self) -> str:
        return f"Vault({self.installation_id}, MAC key {self.mac_key_id}, seal key {self.seal_key_id})"

    @classmethod
    def generate(
        cls,
        random: Random = os.urandom,
        installation_id: str | None = None,
        created_at: int | None = None,
    ) -> Vault:
        """New keys for a new installation (`ins_` and a ULID). `created_at` in microseconds UTC, or now."""
        return cls(keyfile.new_file(random, installation_id, created_at), random)

    @classmethod
    def from_text(cls, json_text: str | bytes, random: Random = os.urandom) -> Vault:
        """Read the content of a key file. Raises KeyProblem, which never quotes the content."""
        return cls(keyfile.from_text(json_text), random)

    @classmethod
    def open(cls, path: Path, create: bool, random: Random = os.urandom) -> Vault:
        """Read the key file; with `create`, make it first where there is none.

        Raises KeyProblem when it is missing, unreadable, malformed, or open to other users of the machine.
        """
        if create and not path.exists():
            keyfile.make(path, cls.generate(random).to_text())
        return cls.from_text(keyfile.read(path), random)

    def to_text(self) -> str:
        """The key file's content: secret, and all that is needed to come back."""
        return keyfile.to_text(self._file)

    def save(self, path: Path) -> None:
        """Put these keys in place of the file at `path`, all at once. Raises KeyProblem."""
        keyfile.replace(path, self.to_text())

    def rotate_mac(self, created_at: int | None = None) -> Vault:
        """These keys and a new MAC key, which writes from now on. Raises KeyProblem when there are three."""
        if len(self._mac) >= MAX_MAC_KEYS:
            raise KeyProblem(f"There are {MAX_MAC_KEYS} MAC keys already; one more would slow every look-up.")
        fresh = keyfile.new_key(self.mac_key_id + 1, self._random, created_at)
        return Vault(msgspec.structs.replace(self._file, mac=(*self._file.mac, fresh)), self._random)

    def rotate_seal(self, created_at: int | None = None) -> Vault:
        """These keys and a new seal key; `rewrap` moves each person to it. Raises KeyProblem after 255."""
        fresh = keyfile.new_key(self.seal_key_id + 1, self._random, created_at)
        return Vault(msgspec.structs.replace(self._file, seal=(*self._file.seal, fresh)), self._random)

    def check_value(self) -> dict[str, str]:
        """What a database stores to notice another key file: a name and a value per key, none secret."""
        values = {"installation": self.installation_id, "public": self.public_key.hex()}
        for use, keys in (("mac", self._mac), ("seal", self._seal)):
            for key_id, key in keys.items():
                values[f"{use}/{key_id}"] = ciphers.derive(key, f"sayso/check/v1/{use}")[:16].hex()
        return values

    def check(self, stored: Mapping[str, str]) -> None:
        """Compare with what `check_value` gave when the database was made. Raises KeyProblem naming the keys.

        Keys that the database has not seen are fine: after a rotation, store `check_value()` again.
        """
        mine = self.check_value()
        missing = [_title(name) for name in stored if name not in mine]
        wrong = [_title(name) for name, value in stored.items() if mine.get(name, value) != value]
        if wrong:
            raise KeyProblem(f"Not what this database was made with: {', '.join(wrong)}. {PUT_BACK}")
        if missing:
            raise KeyProblem(f"This database needs what the key file lacks: {', '.join(missing)}. {PUT_BACK}")

    def address_mac(self, workspace_id: str, address: Address, key_id: int | None = None) -> bytes:
        """The 16-byte look-up key of an address, by the newest MAC key or the one named.

        Raises KeyProblem for a key that is not there, InvalidAddress for an address that is not canonical.
        """
        wanted = self.mac_key_id if key_id is None else key_id
        if address.kind == "phone":
            return self._phone_macs(workspace_id, wanted).one(_number(address))
        block = ciphers.user_id_block(address.kind, address.value)
        return ciphers.cmac(self._mac_key("mac", workspace_id, wanted), block)

    def address_macs(self, workspace_id: str, address: Address) -> tuple[bytes, ...]:
        """The look-up keys of an address under every live MAC key, newest first: any may be stored."""
        return self._address_macs(workspace_id, address)

    def phone_macs(self, workspace_id: str, numbers: Sequence[int], key_id: int | None = None) -> list[bytes]:
        """`address_mac` of many phones at once; +44 7700 900123 is given as 447700900123."""
        return self._phone_macs(workspace_id, self.mac_key_id if key_id is None else key_id).many(numbers)

    def phone_macs_packed(self, workspace_id: str, numbers: NDArray[np.uint64], key_id: int) -> NDArray[np.uint64]:
        """The same for millions, in and out as arrays: each MAC is a row of its two 64-bit halves."""
        return self._phone_macs(workspace_id, key_id).packed(numbers)

    def macs_of(self, workspace_id: str, addresses: Sequence[Address], key_id: int) -> list[bytes]:
        """`address_mac` of many addresses under one key, in their order; the phones among them in one go."""
        numbers = [_number(address) for address in addresses if address.kind == "phone"]
        phones = iter(self.phone_macs(workspace_id, numbers, key_id))
        return [
            next(phones) if address.kind == "phone" else self.address_mac(workspace_id, address, key_id)
            for address in addresses
        ]

    def message_mac(self, workspace_id: str, *parts: str) -> bytes:
        """The 16-byte name under which a provider message counts once, for ever.

        For that it is made with the oldest MAC key: a rotation must not let a message count again.
        """
        texts = [part.encode() for part in parts]
        framed = b"".join(struct.pack(">I", len(text)) + text for text in texts)
        return ciphers.cmac(self._mac_key("msg", workspace_id, min(self._mac)), framed)

    def body_mac(self, workspace_id: str, data: bytes) -> bytes:
        """The 16-byte MAC by which an idempotent request knows its own body; by the oldest key too."""
        return ciphers.cmac(self._mac_key("body", workspace_id, min(self._mac)), data)

    def new_person_key(self, workspace_id: str, person_id: str) -> bytes:
        """A new data key for one person, wrapped: 62 bytes. Destroying every copy erases the person."""
        return self._wrap(workspace_id, person_id, self._random(keyfile.KEY_BYTES))

    def seal_new(self, workspace_id: str, person_id: str, values: Sequence[tuple[bytes, bytes]]
                 ) -> tuple[bytes, list[bytes]]:
        """A new data key, wrapped, and what `seal` would make of each (plaintext, aad) under it; chance is drawn once
        and the key is not kept ready. For those who come by the thousand.
        """
        width = ciphers.NONCE_BYTES
        chance = self._random(keyfile.KEY_BYTES + width * (1 + len(values)))
        key, nonces = chance[:keyfile.KEY_BYTES], chance[keyfile.KEY_BYTES:]
        outer, inner = self._cipher("seal", workspace_id, self.seal_key_id), AESGCM(key)
        sealed = [ciphers.encrypt(inner, _OWN_KEY, nonces[width * place:width * (place + 1)], plaintext, aad)
                  for place, (plaintext, aad) in enumerate(values, 1)]
        return ciphers.encrypt(outer, self.seal_key_id, nonces[:width], key, person_id.encode()), sealed

    def rewrap(self, workspace_id: str, person_id: str, wrapped: bytes) -> bytes:
        """The same data key under the newest seal key. Raises KeyProblem or IntegrityError."""
        return self._wrap(workspace_id, person_id, self._unwrap(workspace_id, person_id, wrapped))

    def seal(self, workspace_id: str, person_id: str, wrapped: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt under a person's data key. `aad` says what it is, and must be the same to unseal.

        Raises KeyProblem or IntegrityError when the wrapped key does not open, InvalidRequest over 16 MiB.
        """
        cipher = self._person_cipher(workspace_id, person_id, wrapped)
        return ciphers.encrypt(cipher, _OWN_KEY, self._random(ciphers.NONCE_BYTES), plaintext, aad)

    def unseal(self, workspace_id: str, person_id: str, wrapped: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Decrypt what `seal` made. Raises IntegrityError when anything differs, KeyProblem without key."""
        return ciphers.decrypt(sealed, lambda _: self._person_cipher(workspace_id, person_id, wrapped), aad)

    def seal_workspace(self, workspace_id: str, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt under the workspace's key what belongs to no known person. InvalidRequest over 16 MiB."""
        cipher = self._cipher("data", workspace_id, self.seal_key_id)
        return ciphers.encrypt(cipher, self.seal_key_id, self._random(ciphers.NONCE_BYTES), plaintext, aad)

    def unseal_workspace(self, workspace_id: str, sealed: bytes, aad: bytes) -> bytes:
        """Decrypt what `seal_workspace` made. Raises IntegrityError or KeyProblem."""
        return ciphers.decrypt(sealed, functools.partial(self._cipher, "data", workspace_id), aad)

    def seal_link(self, workspace_id: str, plaintext: bytes, aad: bytes) -> bytes:
        """Encrypt what a private link says, under a key of the workspace that is used for nothing else."""
        cipher = self._cipher("link", workspace_id, self.seal_key_id)
        return ciphers.encrypt(cipher, self.seal_key_id, self._random(ciphers.NONCE_BYTES), plaintext, aad)

    def unseal_link(self, workspace_id: str, sealed: bytes, aad: bytes) -> bytes:
        """Decrypt what `seal_link` made. Raises IntegrityError or KeyProblem."""
        return ciphers.decrypt(sealed, functools.partial(self._cipher, "link", workspace_id), aad)

    def forget(self, person_id: str) -> None:
        """Drop a person's data key and addresses from this process's memory, at erasure."""
        self._people.forget(person_id)
        self._address_macs.cache_clear()

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature (RFC 8032)."""
        return self._signer.sign(message)

    def _make_address_macs(self, workspace_id: str, address: Address) -> tuple[bytes, ...]:
        return tuple(self.address_mac(workspace_id, address, key_id) for key_id in self._mac)

    def _derive_mac_key(self, use: str, workspace_id: str, key_id: int) -> bytes:
        return ciphers.derive(_one_of(self._mac, key_id, "MAC"), f"sayso/{use}/v1/{workspace_id}")

    def _prepare_phone_macs(self, workspace_id: str, key_id: int) -> ciphers.PhoneMacs:
        return ciphers.PhoneMacs(self._mac_key("mac", workspace_id, key_id))

    def _derive_cipher(self, use: str, workspace_id: str, key_id: int) -> AESGCM:
        return AESGCM(ciphers.derive(_one_of(self._seal, key_id, "seal"), f"sayso/{use}/v1/{workspace_id}"))

    def _person_cipher(self, workspace_id: str, person_id: str, wrapped: bytes) -> AESGCM:
        def make() -> AESGCM:
            return AESGCM(self._unwrap(workspace_id, person_id, wrapped))

        return self._people.get(person_id, (workspace_id, wrapped), make)

    def _wrap(self, workspace_id: str, person_id: str, data_key: bytes) -> bytes:
        cipher, aad = self._cipher("seal", workspace_id, self.seal_key_id), person_id.encode()
        return ciphers.encrypt(cipher, self.seal_key_id, self._random(ciphers.NONCE_BYTES), data_key, aad)

    def _unwrap(self, workspace_id: str, person_id: str, wrapped: bytes) -> bytes:
        cipher_of = functools.partial(self._cipher, "seal", workspace_id)
        return ciphers.decrypt(wrapped, cipher_of, person_id.encode())


def verify_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is right (RFC 8032); False for anything malformed."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _number(address: Address) -> int:
    digits = address.value[1:]
    if address.value[:1] != "+" or not (digits.isascii() and digits.isdecimal()) or len(digits) > 15:
        raise InvalidAddress
    return int(digits)


def _one_of(keys: Mapping[int, bytes], key_id: int, use: str) -> bytes:
    if key_id not in keys:
        raise KeyProblem(f"The key file has no {use} key {key_id}. {PUT_BACK}")
    return keys[key_id]


def _title(name: str) -> str:
    """A name out of `check_value`, in words."""
    use, _, key_id = name.partition("/")
    words = {
        "mac": f"MAC key {key_id}",
        "seal": f"seal key {key_id}",
        "public": "the signing key",
        "installation": "the installation id",
    }
    return words.get(use, f"'{name}'")
