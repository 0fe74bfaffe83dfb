"""What a snapshot holds of the database: for each address MAC the answers of the gate to every question there is.

Rules of the room: the answers are the gate's own, reached through the same look-ups as a single check; a property test
holds them equal. Answers are kept until the moment time alone may change them; after it whoever reads them asks the
database. The place in the ledger is read before anything else, so that a snapshot is at least as new as it says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sayso.core import gate, lifecycle
from sayso.core.gate import REASONS, Question
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.flows.kit import Kit
from sayso.flows.rights import nothing_kept
from sayso.store.base import Row, Store, Tx

#: Addresses read at a time.
PAGE: Final = 20_000
#: Facts since the snapshot beyond which making it anew is quicker than following them.
MANY: Final = 200_000
NO_LIMIT: Final = 2**31
#: A reason by its place here is what a snapshot keeps of an answer.
CODES: Final[tuple[str, ...]] = tuple(sorted(REASONS))
#: `wait` says until when, which a code cannot: such rows are always asked of the database.
_CODE: Final = {reason: code for code, reason in enumerate(CODES)}
#: Which reasons allow, and which say later.
ALLOWING: Final = frozenset({"granted", "in_window", "answers_event"})
WAITING: Final = frozenset({"paused"})
#: An answer that may not be kept at all.
NEVER: Final = 1

#: For one address: a code for each cell, and the moment the codes hold until (0: for ever).
Answers = tuple[tuple[int, ...], int]


@dataclass(frozen=True, slots=True)
class Changes:
    """What to put into a snapshot to bring it up to `position`, the place after the fact `last`. None of `answers`
    where it must be made anew.
    """

    position: int
    last: str
    answers: dict[bytes, Answers | None] | None


def verdict_of(reason: str) -> Literal["allow", "deny", "wait"]:
    """The verdict that goes with a reason; one that nobody placed is a deny."""
    return "allow" if reason in ALLOWING else "wait" if reason in WAITING else "deny"


def cells_of(workspace: Workspace) -> tuple[Cell, ...]:
    """Every question there is: each purpose from each sender."""
    return tuple(Cell(purpose.name, sender, purpose.cls) for purpose in workspace.purposes.values()
                 for sender in workspace.senders)


def position(tx: Tx, ws: str) -> int:
    """How many facts are in the ledger."""
    row = tx.row("tree_size", ws=ws)
    return int(row[0]) if row else 0


def everything(store: Store, kit: Kit, workspace: Workspace) -> Iterator[list[tuple[bytes, Answers]]]:
    """Every address with its answers, in pages in the order of the MACs of those held, then the suppressed ones of
    whom nothing else is known. A MAC that comes again later stands as it comes last.
    """
    cells, now = cells_of(workspace), kit.now()
    gone = (_same("suppressed", cells), 0)
    after, person = b"", ""
    while rows := store.read(lambda tx, a=after, p=person: tx.rows(  # type: ignore[misc]
            "standings_from", ws=workspace.id, after=a, person=p, limit=PAGE)):
        after, person = bytes(rows[-1][0]), rows[-1][1]
        yield [(bytes(row[0]), _answers(row[2], row[3], row[4], cells, now)) for row in rows]
    after = b""
    while rows := store.read(lambda tx, a=after: tx.rows(  # type: ignore[misc]
            "suppressions_from", ws=workspace.id, after=a, limit=PAGE)):
        after = bytes(rows[-1][0])
        held = store.read(lambda tx, found=rows: _held(tx, workspace.id, found))  # type: ignore[misc]
        yield [(mac, gone) for row in rows if (mac := bytes(row[0])) not in held]


def _held(tx: Tx, ws: str, rows: Sequence[Row]) -> set[bytes]:
    macs = [bytes(row[0]) for row in rows]
    return {bytes(row[0]) for row in tx.rows_among("people_among", macs, ws=ws)}


def _answers(state: str, standing: bytes, erased_at: int, cells: tuple[Cell, ...], now: int) -> Answers:
    if state != "current":
        return _same("moved_away", cells), 0
    if erased_at:
        return _same("erased", cells), 0
    known = lifecycle.decode(bytes(standing))
    codes = tuple(_CODE[gate.decide(known, Question(cell, now)).reason] for cell in cells)
    if known.readable and any(pause.until > now for pause in known.pauses):
        return codes, NEVER
    return codes, gate.changes_at(known, now)


def _same(reason: str, cells: tuple[Cell, ...]) -> tuple[int, ...]:
    return (_CODE[reason],) * len(cells)


def last_before(tx: Tx, ws: str, place: int) -> str:
    """The fact right before a place in the ledger; empty where there is none."""
    row = tx.row("leaf_event", ws=ws, leaf=place - 1) if place else None
    return str(row[0]) if row else ""


def changes(tx: Tx, kit: Kit, workspace: Workspace, since: int, last: str,
            known: frozenset[str] = frozenset()) -> Changes:
    """What changed since a place in the ledger, committed facts that have no leaf yet included, `known` ones left out.
    Where another fact than `last` is before that place, an older database was put back, and nothing kept of the newer
    one holds.
    """
    at = position(tx, workspace.id)
    now_last = last_before(tx, workspace.id, at)
    same = last_before(tx, workspace.id, since) == last
    touched = _touched(tx, workspace.id, since, known) if same else None
    if touched is None:
        return Changes(at, now_last, None)
    macs: set[bytes] = set()
    for person in {person for _, person, _ in touched if person}:
        macs.update(bytes(row[0]) for row in tx.rows("macs_of_person", ws=workspace.id, person=person))
    for event, _, kind in touched:
        if kind == "erased":
            kept = [bytes(row[0]) for row in tx.rows("suppressions_of_event", ws=workspace.id, event=event)]
            if not kept and nothing_kept(tx, workspace.id, event):
                return Changes(at, now_last, None)  # a record of whom nothing may be kept: here, too
            macs.update(kept)
    return Changes(at, now_last, answers_of(tx, kit, workspace, macs))


def waiting(tx: Tx, ws: str) -> frozenset[str]:
    """The committed facts that have no leaf yet."""
    return frozenset(row[0] for row in tx.rows("changed_and_waiting", ws=ws, limit=NO_LIMIT))


def _touched(tx: Tx, ws: str, since: int, known: frozenset[str]) -> list[tuple[str, str, str]] | None:
    """(event, person, type) of every fact since; None if there are too many."""
    limit = MANY + len(known) + 1
    rows = [(row[1], row[2], row[3]) for row in tx.rows("changed_since", ws=ws, place=since, limit=limit)]
    rows += [(row[0], row[1], row[2]) for row in tx.rows("changed_and_waiting", ws=ws, limit=limit)]
    fresh = [row for row in rows if row[0] not in known]
    return fresh if len(fresh) <= MANY else None


def answers_of(tx: Tx, kit: Kit, workspace: Workspace, macs: Iterable[bytes]) -> dict[bytes, Answers | None]:
    """The answers for these MACs as they stand now; None for one that nobody holds, held or took a no along."""
    cells, now, keys = cells_of(workspace), kit.now(), sorted(set(macs))
    found: dict[bytes, Answers | None] = dict.fromkeys(keys)
    for begin in range(0, len(keys), PAGE):
        part = keys[begin:begin + PAGE]
        for reason, query in (("moved_away", "left_among"), ("suppressed", "suppressed_among")):
            for row in tx.rows_among(query, part, ws=workspace.id):
                found[bytes(row[0])] = (_same(reason, cells), 0)
        for mac, _, _, standing, erased in tx.rows_among("people_among", part, ws=workspace.id):
            found[bytes(mac)] = _answers("current", standing, erased, cells, now)
    return found
