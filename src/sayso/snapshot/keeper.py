"""The keeper of a workspace's snapshot: makes it, brings it up to date, and answers lists by it.

Rules of the room: an answer says the place in the ledger it is true at, and that is never older than the moment the
list was asked about; rows whose answer ran out by the clock are asked of the database. Grade: Filter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from sayso.core.identity import Address
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.errors import Unavailable
from sayso.flows import snapshots
from sayso.flows.bulk import check_many
from sayso.flows.kit import Kit
from sayso.flows.snapshots import CODES, Changes
from sayso.snapshot import files, index
from sayso.snapshot.files import Manifest
from sayso.snapshot.index import ABSENT, MOVED, NOWHERE, SUPPRESSED, U64, Index, Patterns
from sayso.store.base import Store, Tx

#: Rows of changes kept beside the base before both are made one, at least; beyond it a twentieth of the base.
NEWER: Final = 50_000
#: How often it is made anew at once, where what happened meanwhile cannot be put on top of it.
ATTEMPTS: Final = 3

Progress = Callable[[int], None]


@dataclass(slots=True)
class State:
    """What is known now. `base` may lie on disk; `newer` goes before it."""

    made_for: str
    position: int
    last: str
    patterns: Patterns
    base: Index
    newer: Index
    base_name: str = ""

    def __len__(self) -> int:
        """How many addresses it knows."""
        mine = self.base.where(np.stack((self.newer.first, self.newer.second), axis=1))
        return len(self.base) + int(((mine == NOWHERE) & (self.newer.pattern != ABSENT)).sum())


@dataclass(frozen=True, slots=True)
class Answered:
    """For each number the code of its answer (a place in CODES), and by place until when those wait who wait."""

    codes: NDArray[np.uint8]
    waits: dict[int, int]


class Keeper:
    """One workspace's snapshot in one folder. May be shared between threads; other processes may keep the same."""

    def __init__(self, store: Store, kit: Kit, folder: Path) -> None:
        self._store, self._kit, self._folder = store, kit, folder
        self._lock = threading.Lock()
        self._state: State | None = None

    def follow(self, workspace: Workspace) -> State | None:
        """The snapshot at hand as of now; None where there is none that could be brought up to date quickly."""
        with self._lock:
            self._state = self._latest(workspace)
            return self._state

    def refresh(self, workspace: Workspace, progress: Progress | None = None) -> State:
        """The snapshot as of now: the one at hand with what changed since, or a new one, which takes a while (some 20
        seconds for a million people). Raises Unavailable.
        """
        with self._lock:
            state = self._latest(workspace)
            if state is None:
                with files.held(self._folder):
                    state = self._made(workspace, self._made_for(workspace), progress)
            self._state = state
            return state

    def _latest(self, workspace: Workspace) -> State | None:
        wanted = self._made_for(workspace)
        state = self._state if self._state is not None and self._state.made_for == wanted else \
            self._loaded(workspace, wanted)
        return self._followed(workspace, state) if state is not None else None

    def keep(self) -> None:
        """Write what changed since the base was made, so that another process need not follow it again."""
        with self._lock:
            if self._state is not None:
                with files.held(self._folder):
                    self._saved(self._state)

    def _followed(self, workspace: Workspace, state: State, known: frozenset[str] = frozenset()) -> State | None:
        """The state and what changed since; None where it must be made anew."""
        changes = self._store.snapshot(lambda tx: snapshots.changes(
            tx, self._kit, workspace, state.position, state.last, known))
        if changes.answers is None:
            return None
        if not changes.answers and changes.position == state.position:
            return state
        return self._with(state, changes, changes.answers)

    # -- making ------------------------------------------------------------------------------------------------------

    def _made_for(self, workspace: Workspace) -> str:
        """What answers depend on besides the facts: keys, questions, and the rules as they stand in the code."""
        cells = [list(cell) for cell in snapshots.cells_of(workspace)]
        vault = self._kit.vault
        told = (version("sayso"), vault.installation_id, workspace.id, vault.mac_key_ids, cells, CODES)
        return msgspec.json.encode(told).decode()

    def _made(self, workspace: Workspace, wanted: str, progress: Progress | None) -> State:
        """A new one, and what happened meanwhile; anew where that cannot be put on top. Raises Unavailable."""
        for _ in range(ATTEMPTS):
            known = self._store.read(lambda tx: snapshots.waiting(tx, workspace.id))
            state = self._scanned(workspace, wanted, progress)
            followed = self._followed(workspace, state, known)
            if followed is not None:
                return followed
        raise Unavailable("Too much changes at once for a snapshot to be made. Try again when it is quieter.")

    def _scanned(self, workspace: Workspace, wanted: str, progress: Progress | None) -> State:
        at, last = self._store.snapshot(lambda tx: _end(tx, workspace.id))
        patterns = Patterns(len(snapshots.cells_of(workspace)))
        parts, done = [], 0
        for page in snapshots.everything(self._store, self._kit, workspace):
            parts.append(index.rows_of(page, patterns))
            done += len(page)
            if progress is not None:
                progress(done)
        base = index.ordered(*(np.concatenate(column) for column in zip(*parts, strict=True))) if parts else \
            index.empty()
        state = State(wanted, at, last, patterns, base, index.empty())
        self._saved(state)
        return state

    def _loaded(self, workspace: Workspace, wanted: str) -> State | None:
        manifest = files.read_manifest(self._folder)
        if manifest is None or manifest.made_for != wanted or manifest.reasons != CODES:
            return None
        base = files.load(self._folder, manifest.base)
        newer = files.load(self._folder, manifest.newer) if manifest.newer else index.empty()
        if base is None or newer is None:
            return None
        patterns = Patterns(len(snapshots.cells_of(workspace)), manifest.patterns)
        return State(wanted, manifest.position, manifest.last, patterns, base, newer, manifest.base)

    def _with(self, state: State, changes: Changes,
              answers: dict[bytes, snapshots.Answers | None]) -> State:
        newer = state.newer
        if answers:
            fresh = index.ordered(*index.rows_of(sorted(answers.items()), state.patterns))
            newer = index.over(newer, fresh, keep_absent=True)
        return State(state.made_for, changes.position, changes.last, state.patterns, state.base, newer, state.base_name)

    def _saved(self, state: State) -> None:
        base, newer = state.base, state.newer
        if not state.base_name or len(newer) > max(NEWER, len(base) // 20):
            state.base = base if not len(newer) else index.over(base, newer)
            state.newer = index.empty()
            state.base_name = files.save(self._folder, "base", state.base)
        name = files.save(self._folder, "newer", state.newer) if len(state.newer) else ""
        files.put_in_force(self._folder, Manifest(
            format=files.FORMAT, made_for=state.made_for, position=state.position, last=state.last, reasons=CODES,
            patterns=state.patterns.all(), base=state.base_name, newer=name))

    # -- answering ---------------------------------------------------------------------------------------------------

    def answers(self, state: State, workspace: Workspace, numbers: U64, cell: Cell) -> Answered:
        """The gate's answer for each number. Numbers are canonical, without their plus."""
        now = self._kit.now()
        pattern = np.full(len(numbers), ABSENT, dtype=np.uint32)
        stale = np.zeros(len(numbers), dtype=bool)
        left = np.arange(len(numbers))
        for key_id in self._kit.vault.mac_key_ids:
            macs = self._kit.vault.phone_macs_packed(workspace.id, numbers[left], key_id)
            found, until = _looked_up(state, macs)
            weak = (found == ABSENT) | (found == MOVED) | (found == SUPPRESSED)
            first = pattern[left] == ABSENT  # the newest key speaks first of those nobody holds
            pattern[left[first | ~weak]] = found[first | ~weak]
            stale[left] |= (until != 0) & (until <= now)
            left = left[weak]
        answered = Answered(state.patterns.column(snapshots.cells_of(workspace).index(cell))[pattern], {})
        self._ask_about(workspace, numbers, cell, answered, np.flatnonzero(stale))
        return answered

    def _ask_about(self, workspace: Workspace, numbers: U64, cell: Cell, answered: Answered,
                   places: NDArray[np.int64]) -> None:
        """Ask the database about those whose answer ran out."""
        for begin in range(0, len(places), snapshots.PAGE):
            part: Sequence[int] = places[begin:begin + snapshots.PAGE].tolist()
            asked = [Address("phone", f"+{numbers[place]}") for place in part]
            verdicts = self._store.read(lambda tx, asked=asked: check_many(  # type: ignore[misc]
                tx, self._kit, workspace, asked, cell))
            answered.codes[part] = [CODES.index(verdict.reason) for verdict in verdicts]
            answered.waits.update({place: verdict.until for place, verdict in zip(part, verdicts, strict=True)
                                   if verdict.until})


def _end(tx: Tx, ws: str) -> tuple[int, str]:
    """Where the ledger ends, and with which fact."""
    at = snapshots.position(tx, ws)
    return at, snapshots.last_before(tx, ws, at)


def _looked_up(state: State, macs: U64) -> tuple[index.U32, index.I64]:
    """Pattern and end of each MAC's row; what changed since the base was made goes before it."""
    pattern = np.full(len(macs), ABSENT, dtype=np.uint32)
    until = np.zeros(len(macs), dtype=np.int64)
    for part in (state.base, state.newer):
        if len(part):
            rows = part.where(macs)
            there = rows != NOWHERE
            pattern[there], until[there] = part.pattern[rows[there]], part.until[rows[there]]
    return pattern, until
