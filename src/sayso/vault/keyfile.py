"""The key file: what it holds, how it is made, read, checked and replaced.

Rules of the room: mode 0600 or it is not read; never half a file on disk, whatever crashes; no key and no
piece of the content in an error or a repr. The content may also come from the environment, equally checked.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from sayso.errors import KeyProblem

FORMAT = "sayso-keys/1"
KEY_BYTES = 32

# The newest MAC key writes, older ones only find. Each one more is one more look-up for every address.
MAX_MAC_KEYS = 3

# The key id is one byte in every sealed value.
MAX_KEY_ID = 255

# A key file with as many keys as it can hold is below 40 kB.
MAX_FILE = 65_536

# What every error about a wrong or missing key ends with.
PUT_BACK = "Put back the key file that belongs to this database, from wherever its copy is kept."

# Crockford's base 32: 26 letters hold 128 bits, like a ULID.
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

Random = Callable[[int], bytes]


class Key(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One master key: its id (1 to 255), its 32 bytes, when it was made (microseconds UTC)."""

    id: int
    key: bytes
    created_at: int

    def __repr__(self) -> str:
        return f"Key({self.id})"


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in the file; in JSON the keys are base64."""

    format: str
    installation: str
    mac: tuple[Key, ...]
    seal: tuple[Key, ...]
    sign: Key


def new_key(key_id: int, random: Random, created_at: int | None) -> Key:
    """A fresh master key, made now unless `created_at` (microseconds UTC) says otherwise."""
    if key_id > MAX_KEY_ID:
        raise KeyProblem(f"Key ids end at {MAX_KEY_ID}.")
    return Key(key_id, random(KEY_BYTES), time.time_ns() // 1000 if created_at is None else created_at)


def new_file(random: Random, installation_id: str | None, created_at: int | None) -> KeyFile:
    """Keys for a new installation; its id is made from random bytes unless one is given."""
    mac, seal, sign = (new_key(1, random, created_at) for _ in range(3))
    bits = int.from_bytes(random(16), "big")
    letters = "".join(_LETTERS[bits >> shift & 31] for shift in range(125, -1, -5))
    return KeyFile(FORMAT, installation_id or f"ins_{letters}", (mac,), (seal,), sign)


def from_text(json_text: str | bytes) -> KeyFile:
    """Read and check the content. Raises KeyProblem, which names the field but never quotes it."""
    try:
        keys = msgspec.json.decode(json_text, type=KeyFile)
    except msgspec.ValidationError as problem:
        raise KeyProblem(f"The key file cannot be used: {problem}. {PUT_BACK}") from None
    except (msgspec.DecodeError, ValueError):
        raise KeyProblem(f"The key file is not JSON. {PUT_BACK}") from None
    _check(keys)
    return keys


def to_text(keys: KeyFile) -> str:
    """The content, one field a line."""
    return msgspec.json.format(msgspec.json.encode(keys)).decode() + "\n"


def _check(keys: KeyFile) -> None:
    if keys.format != FORMAT or len(keys.mac) > MAX_MAC_KEYS or not keys.installation.startswith("ins_"):
        raise KeyProblem(f"This is not a key file of the form {FORMAT}. {PUT_BACK}")
    for use, group in (("MAC", keys.mac), ("seal", keys.seal), ("signing", (keys.sign,))):
        ids = [key.id for key in group]
        if not ids or len(set(ids)) < len(ids) or not all(1 <= each <= MAX_KEY_ID for each in ids):
            raise KeyProblem(f"The {use} keys are not at least one, each with its own id from 1 to 255.")
        if any(len(key.key) != KEY_BYTES for key in group):
            raise KeyProblem(f"A {use} key is not {KEY_BYTES} bytes long. {PUT_BACK}")


def read(path: Path) -> bytes:
    """The content of a key file that nobody but its owner can open. Raises KeyProblem."""
    try:
        with path.open("rb") as file:
            # The mode of what was opened, not of what the name may point to a moment later.
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise KeyProblem(f"Other users can open the key file. Run: chmod 600 {path}")
            return file.read(MAX_FILE)
    except FileNotFoundError:
        raise KeyProblem(f"There is no key file at {path}. {PUT_BACK}") from None
    except OSError as problem:
        raise KeyProblem(f"The key file {path} cannot be read: {problem.strerror}.") from None


def make(path: Path, text: str) -> None:
    """Write the file unless it is there: of two processes starting at once, one makes it. KeyProblem."""
    try:
        beside = _write_beside(path, text)
        try:
            os.link(beside, path)  # unlike a rename, this never replaces a file
        except FileExistsError:
            return
        finally:
            beside.unlink()
        _sync_folder(path)
    except OSError as problem:
        raise KeyProblem(f"The key file {path} cannot be made: {problem.strerror}.") from None


def replace(path: Path, text: str) -> None:
    """Put the text in place of the file, all at once. Raises KeyProblem; the old file then still stands."""
    try:
        _write_beside(path, text).replace(path)
        _sync_folder(path)
    except OSError as problem:
        raise KeyProblem(f"The key file {path} cannot be written: {problem.strerror}.") from None


def _write_beside(path: Path, text: str) -> Path:
    """The text on disk, mode 0600, under a name of its own in the same folder."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    beside.unlink(missing_ok=True)  # left by a crash of a process with our number
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return beside


def _sync_folder(path: Path) -> None:
    """Without this a crash may lose the new name."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
