"""A snapshot on disk: arrays in files that are never changed, and one small file that says which of them count.

Rules of the room: a new state is written beside the old one and put in force by replacing the small file, so that a
reader finds the one or the other and a kill leaves nothing half; files are their owner's alone. What cannot be read,
or was made for other keys, another workspace or another sayso.toml, is as good as nothing: it is made anew.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from sayso.errors import Unavailable
from sayso.snapshot.index import Index

FORMAT: Final = "sayso-snapshot/2"
MANIFEST: Final = "snapshot.json"
LOCK: Final = "lock"
ARRAYS: Final = {"first": np.uint64, "second": np.uint64, "pattern": np.uint32, "until": np.int64}


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What the files are of. `made_for` names keys, cells and rules; `base` and `newer` are folders of arrays."""

    format: str
    made_for: str
    position: int
    last: str
    reasons: tuple[str, ...]
    patterns: list[tuple[int, ...]]
    base: str
    newer: str


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """One process at a time writes here; others wait. Raises Unavailable where the folder cannot be made."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise Unavailable(f"The snapshot's folder cannot be used: {error.strerror}. SAYSO_SNAPSHOTS names another.",
                          param="SAYSO_SNAPSHOTS") from error
    try:
        import fcntl  # noqa: PLC0415  not on every system

        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_manifest(folder: Path) -> Manifest | None:
    """What is in force, None where nothing is or it cannot be read."""
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError):
        return None
    return found if found.format == FORMAT else None


def load(folder: Path, name: str) -> Index | None:
    """An index whose arrays stay on disk until they are touched; None if one of them is missing or damaged."""
    try:
        arrays = {kind: np.load(folder / name / f"{kind}.npy", mmap_mode="r", allow_pickle=False) for kind in ARRAYS}
    except (OSError, ValueError, EOFError):
        return None
    index = Index(**arrays)
    whole = all(array.dtype == ARRAYS[kind] and array.shape == (len(index),) for kind, array in arrays.items())
    return index if whole else None


def save(folder: Path, prefix: str, index: Index) -> str:
    """Write the arrays of an index into a new folder; its name."""
    place = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=folder))
    for kind in ARRAYS:
        with (place / f"{kind}.npy").open("wb") as file:
            np.save(file, getattr(index, kind), allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    return place.name


def put_in_force(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest, and remove the folders it does not name."""
    handle, name = tempfile.mkstemp(prefix=f"{MANIFEST}-", dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(manifest))
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(folder / MANIFEST)
    for one in folder.iterdir():
        if one.is_dir() and one.name not in (manifest.base, manifest.newer):
            shutil.rmtree(one, ignore_errors=True)
