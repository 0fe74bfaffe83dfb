"""A disk that forgets: an apsw VFS that logs every write and sync, and images of the files after a power loss.

What was synced is there. Of what was not, a power loss keeps anything: nothing, all, some writes and not others, or
some sectors of a write. One run gives as many crash points as the log has lines.
"""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field
from pathlib import Path

import apsw

#: A disk writes whole sectors; a torn write keeps some of them.
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Write:
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    file: str


@dataclass(frozen=True, slots=True)
class Delete:
    file: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """From here on the caller has been told that this is recorded."""

    what: str


Line = Write | Truncate | Sync | Delete | Acknowledged


@dataclass(slots=True)
class Log:
    """What happened to the disk, in order."""

    lines: list[Line] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, line: Line) -> None:
        with self._lock:
            self.lines.append(line)

    def acknowledged(self, crash: int) -> list[str]:
        """What had been promised when the power went."""
        return [line.what for line in self.lines[:crash] if isinstance(line, Acknowledged)]


class LosingVFS(apsw.VFS):
    """The machine's own file system, with a log of what is written."""

    def __init__(self, name: str, log: Log) -> None:
        self.log, self.name = log, name
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        return LosingFile(self.log, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.log.add(Delete(Path(filename).name))


class LosingFile(apsw.VFSFile):
    """One file of it."""

    def __init__(self, log: Log, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.log, self.name = log, Path(path or "temporary").name
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self.log.add(Write(self.name, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self.log.add(Truncate(self.name, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self.log.add(Sync(self.name))


def image(log: Log, crash: int, chance: random.Random | None) -> dict[str, bytes]:
    """The files after the power went at this line. Without `chance` everything unsynced is lost."""
    durable: dict[str, bytearray] = {}
    waiting: dict[str, list[Write | Truncate]] = {}
    for line in log.lines[:crash]:
        if isinstance(line, Write | Truncate):
            waiting.setdefault(line.file, []).append(line)
        elif isinstance(line, Sync):
            content = durable.setdefault(line.file, bytearray())
            for change in waiting.pop(line.file, []):
                apply(content, change)
        elif isinstance(line, Delete):
            durable.pop(line.file, None)
            waiting.pop(line.file, None)
    for name, changes in waiting.items() if chance is not None else ():
        content = durable.setdefault(name, bytearray())
        for change in kept(changes, chance):  # type: ignore[arg-type]
            apply(content, change)
    return {name: bytes(content) for name, content in durable.items() if not name.endswith("-shm")}


def apply(content: bytearray, change: Write | Truncate) -> None:
    if isinstance(change, Truncate):
        del content[change.size :]
        return
    if len(content) < change.offset:
        content.extend(bytes(change.offset - len(content)))
    content[change.offset : change.offset + len(change.data)] = change.data


def kept(changes: list[Write | Truncate], chance: random.Random) -> list[Write | Truncate]:
    """Some of what was not synced: everything, any subset, with some writes torn."""
    share = chance.choice((0.0, 0.3, 0.7, 1.0))
    found: list[Write | Truncate] = []
    for change in changes:
        if chance.random() >= share:
            continue
        if isinstance(change, Write) and chance.random() < 0.2:
            found += [sector for sector in sectors(change) if chance.random() < 0.5]
        else:
            found.append(change)
    return found


def sectors(write: Write) -> list[Write]:
    """A write in pieces that end where sectors do."""
    pieces, place = [], 0
    while place < len(write.data):
        size = SECTOR - (write.offset + place) % SECTOR
        pieces.append(Write(write.file, write.offset + place, write.data[place : place + size]))
        place += size
    return pieces


def put_back(files: dict[str, bytes], folder: Path) -> Path:
    """The image as files; the path of the database."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / "sayso.db"
