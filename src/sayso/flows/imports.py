"""Imports: a file of people becomes facts, batch by batch, and can be taken back as a whole.

Rules of the room: a batch's facts, refused rows and position commit in one transaction, so an import killed anywhere
goes on where it was; whoever is known is told through `record`, one by one, over no stop; an undo takes back what was
granted and lifts no stop. Two that run the same import do no row twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal

import msgspec

from sayso.core import events
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest, NotFound
from sayso.flows import elsewhere, opt_out
from sayso.flows.import_bulk import (
    Job,
    Maker,
    Newcomer,
    Someone,
    gathered,
    insert,
    record_facts,
    stop_evidence,
)
from sayso.flows.import_plan import Plan, Row, read_row
from sayso.flows.import_values import Unreadable
from sayso.flows.kit import Kit
from sayso.flows.people import identify
from sayso.flows.record import Person, person_by_id
from sayso.store.base import Row as Record
from sayso.store.base import Store, Tx

ImportState = Literal["running", "done", "undoing", "undone"]

#: Rows in one transaction: enough that the disk does not matter, few enough that a webhook hardly waits.
BATCH: Final = 2_000
#: Most characters of a refused row that are kept.
MAX_REFUSED: Final = 64 * 1024

MOVED_AWAY: Final = "the person moved away from this number; a yes from there counts no more"
#: A row of a file as its reader gives it: place, cells, problem.
Line = tuple[int, Sequence[str], str]
#: A row that cannot be used: place, why, cells.
Refused = tuple[int, str, Sequence[str]]


@dataclass(slots=True)
class Counts:
    """What rows became. `granted` stand as a yes, `kept_no` say or keep a no, `repeated` said nothing new."""

    granted: int = 0
    unknown: int = 0
    kept_no: int = 0
    refused: int = 0
    repeated: int = 0

    def add(self, other: Counts) -> None:
        """Sum up."""
        self.granted += other.granted
        self.unknown += other.unknown
        self.kept_no += other.kept_no
        self.refused += other.refused
        self.repeated += other.repeated

    def count(self, state: elsewhere.State) -> None:
        """One more row after which the person stands so."""
        if state == "granted":
            self.granted += 1
        elif state == "withdrawn":
            self.kept_no += 1
        else:
            self.unknown += 1


@dataclass(frozen=True, slots=True)
class Import:
    """An import as it is recorded. `position` is the last row that is done; while it is undone, the next to undo."""

    id: str
    file_hash: str
    plan: Plan
    state: ImportState
    position: int
    counts: Counts
    started_at: int
    ended_at: int


@dataclass(slots=True)
class Batch:
    """Rows made ready outside the transaction: who they are about, by which MAC, and by place in `people` the records
    of those who may be new. `cells` are the rows as they stood in the file.
    """

    before: int
    after: int
    people: list[Someone] = field(default_factory=list)
    macs: list[bytes] = field(default_factory=list)
    newcomers: dict[int, Newcomer] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    cells: dict[int, Sequence[str]] = field(default_factory=dict)


# -- beginning and finding ---------------------------------------------------------------------------------------------


def _of(row: Record) -> Import:
    plan = msgspec.json.decode(bytes(row[2]), type=Plan)
    return Import(row[0], row[1], plan, row[3], row[4], Counts(*row[5:9]), row[9], row[10])


def find(tx: Tx, ws: str, file_hash: str) -> Import | None:
    """The newest import of this very file that still stands."""
    row = tx.row("import_of_file", ws=ws, hash=file_hash)
    return _of(row) if row else None


def get(tx: Tx, ws: str, import_id: str) -> Import:
    """One import. Raises NotFound."""
    row = tx.row("import", ws=ws, id=import_id)
    if row is None:
        raise NotFound("There is no such import; see `sayso import --list`.", param="import")
    return _of(row)


def newest(tx: Tx, ws: str, limit: int = 100) -> list[Import]:
    """The newest imports."""
    return [_of(row) for row in tx.rows("imports", ws=ws, limit=limit)]


def begin(tx: Tx, kit: Kit, workspace: Workspace, plan: Plan, file_hash: str, *, again: bool = False) -> Import:
    """Begin an import, or find the one of this file: running, to be gone on with, or done. `again` begins a new one
    after one that is done. Raises InvalidRequest if one was begun with another plan.
    """
    tx.row("lock_imports", ws=workspace.id)
    known = find(tx, workspace.id, file_hash)
    if known is not None and known.state == "running" and known.plan != plan:
        raise InvalidRequest(f"{known.id} of this file was begun in another way and stopped at row {known.position}. "
                             f"Go on with it by `sayso import FILE`, or take it back by `sayso import --undo "
                             f"{known.id}`.", param="file")
    if known is not None and (known.state == "running" or not again):
        return known
    plan.cells(workspace)  # every name is declared
    new = kit.ports.new_id("imp")
    tx.run("add_import", ws=workspace.id, id=new, hash=file_hash, now=kit.now(), plan=msgspec.json.encode(plan))
    return get(tx, workspace.id, new)


def job_of(workspace: Workspace, plan: Plan, import_id: str = "") -> Job:
    """What is the same for every row. Raises UnknownPurpose, UnknownSender."""
    return Job(import_id, plan, plan.cells(workspace), plan.stop_cells(workspace))


# -- making ready ------------------------------------------------------------------------------------------------------


def batches(lines: Iterable[Line], before: int, size: int = BATCH) -> Iterator[tuple[int, list[Line]]]:
    """(place before, lines), as many lines as go into one transaction."""
    part: list[Line] = []
    for line in lines:
        part.append(line)
        if len(part) >= size:
            yield before, part
            before, part = part[-1][0], []
    if part:
        yield before, part


def read_batch(kit: Kit, workspace: Workspace, job: Job, before: int, lines: Sequence[Line]) -> Batch:
    """Understand the rows and compute the MACs; nothing is made ready yet."""
    batch, rows, now = Batch(before, lines[-1][0]), [], kit.now()
    for place, cells, problem in lines:
        try:
            if problem:
                raise Unreadable(problem)
            rows.append(read_row(job.plan, place, cells, now))
        except Unreadable as error:
            batch.refused.append((place, str(error), cells))
    batch.cells = {place: cells for place, cells, _ in lines}
    batch.people = gathered(rows)
    batch.macs = kit.vault.macs_of(workspace.id, [one.address for one in batch.people], kit.vault.mac_key_id)
    return batch


def prepare(kit: Kit, workspace: Workspace, job: Job, before: int, lines: Sequence[Line],
            found: Callable[[Batch], Found] | None = None) -> Batch:
    """A batch with the records of everybody who may be new. `found` tells who is not, where that is worth a look: a
    record made in vain costs more than looking, a look in vain costs too.
    """
    batch = read_batch(kit, workspace, job, before, lines)
    known = found(batch).known if found else {}
    maker = Maker(kit, workspace, job, batch.people)
    batch.newcomers = {place: maker.make(one, batch.macs[place]) for place, one in enumerate(batch.people)
                       if place not in known}
    return batch


# -- carrying out ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """Which of a batch's people are known (place -> person and standing), erased with a no, or moved away."""

    known: dict[int, Record]
    suppressed: frozenset[int]
    moved: frozenset[int]


def look_up(tx: Tx, kit: Kit, ws: str, batch: Batch) -> Found:
    """Everybody of the batch at once, under every live MAC key."""
    known: dict[int, Record] = {}
    suppressed: set[int] = set()
    moved: set[int] = set()
    addresses = [one.address for one in batch.people]
    for key_id in kit.vault.mac_key_ids if addresses else ():
        macs = batch.macs if key_id == kit.vault.mac_key_id else kit.vault.macs_of(ws, addresses, key_id)
        places = {mac: place for place, mac in enumerate(macs)}
        keys = sorted(places)
        for row in tx.rows_among("people_among", keys, ws=ws):
            known.setdefault(places[bytes(row[0])], row)
        suppressed.update(places[bytes(row[0])] for row in tx.rows_among("suppressed_among", keys, ws=ws))
        moved.update(places[bytes(row[0])] for row in tx.rows_among("left_among", keys, ws=ws))
    return Found(known, frozenset(suppressed - known.keys()), frozenset(moved - known.keys()))


def apply(tx: Tx, kit: Kit, workspace: Workspace, job: Job, batch: Batch) -> Counts:
    """Record one batch, with its position. Raises InvalidRequest if somebody else did it or undoes
    the import.
    """
    ws, counts = workspace.id, Counts()
    if not tx.run("advance_import", ws=ws, id=job.id, position=batch.after, before=batch.before, state="running"):
        raise InvalidRequest("This import is being carried on or undone elsewhere; nothing of this batch was recorded.",
                             param="import")
    found, fresh = look_up(tx, kit, ws, batch), []
    refused = list(batch.refused)
    for place, one in enumerate(batch.people):
        counts.repeated += one.repeated
        if place in found.known:
            person = person_by_id(tx, ws, found.known[place][1])
            if person is None:
                raise LookupError("an address points to a person who is not there")
            _tell_known(tx, kit, workspace, job, person, one, counts)
        elif place in found.suppressed:  # what is kept of the erased is the no, and nothing is added to it
            counts.kept_no += (one.record is not None) + (one.stop is not None)
        elif place in found.moved:
            refused += _tell_moved(tx, kit, workspace, job, one, batch, counts)
        else:
            ready = batch.newcomers.get(place)  # somebody seen before may have been erased since
            fresh.append(ready or Maker(kit, workspace, job, [one]).make(one, batch.macs[place]))
            _count_new(one, fresh[-1], counts)
    insert(tx, fresh)
    counts.refused = len(refused)
    _keep_refused(tx, kit, ws, job.id, refused)
    tx.run("count_import", ws=ws, id=job.id, granted=counts.granted, unknown=counts.unknown, kept_no=counts.kept_no,
           refused=counts.refused)
    return counts


def _count_new(one: Someone, newcomer: Newcomer, counts: Counts) -> None:
    if one.record is not None:
        counts.count(newcomer.state)
    if one.stop is not None:
        counts.kept_no += 1


def _tell_known(tx: Tx, kit: Kit, workspace: Workspace, job: Job, person: Person, one: Someone,
                counts: Counts) -> None:
    """Rows about somebody who is known: what this import said of them before is not said again."""
    if one.record is not None:
        if _told_before(tx, workspace.id, person, job.id, one.record):
            counts.repeated += 1
        else:
            event, person = elsewhere.tell_of(tx, kit, workspace, person, job.cells, one.record.proof, source="import",
                                              more=record_facts(job, one.record))
            _belongs(tx, workspace.id, job.id, one.record, event.id, person.id)
            counts.count(elsewhere.standing_after(person, job.cells, kit.now()))
    if one.stop is not None:
        counts.kept_no += 1
        _tell_stop(tx, kit, workspace, job, person, one)


def _tell_stop(tx: Tx, kit: Kit, workspace: Workspace, job: Job, person: Person, one: Someone) -> None:
    if one.stop is None:
        return
    for cell in job.stop_cells:
        if not opt_out.told_already(tx, workspace.id, person.standing, cell):
            said = opt_out.stop(tx, kit, workspace, person, cell, how="import", occurred_at=one.stop.stopped_at,
                                clock=elsewhere.FILE_CLOCK if one.stop.stopped_at else events.OWN_CLOCK,
                                evidence=stop_evidence(job, one.stop))
            person = said.person
            _belongs(tx, workspace.id, job.id, one.stop, said.event.id, person.id)


def _told_before(tx: Tx, ws: str, person: Person, import_id: str, row: Row) -> bool:
    """True if this import recorded as much of this person: a number that stands in the file twice is one fact."""
    for (body,) in tx.rows("facts_of", ws=ws, person=person.id):
        event = events.decode(bytes(body))
        if event.type == "consent_recorded" and event.facts.get("import") == import_id and (
                row.says != "yes" or "missing" not in event.facts):
            return True
    return False


def _tell_moved(tx: Tx, kit: Kit, workspace: Workspace, job: Job, one: Someone, batch: Batch,
                counts: Counts) -> list[Refused]:
    """A number somebody moved away from: a no from there counts, for them too; a yes does not."""
    if one.stop is not None:
        counts.kept_no += 1
        person = identify(tx, kit, workspace.id, [one.address], lang=one.lang, how="import")
        _tell_stop(tx, kit, workspace, job, person, one)
    row = one.record
    return [(row.place, MOVED_AWAY, batch.cells[row.place])] if row is not None else []


def _belongs(tx: Tx, ws: str, import_id: str, row: Row, event: str, person: str) -> None:
    tx.run("add_import_fact", ws=ws, id=import_id, place=row.place, event=event, person=person)


def _keep_refused(tx: Tx, kit: Kit, ws: str, import_id: str, refused: Sequence[Refused]) -> None:
    def sealed(place: int, cells: Sequence[str]) -> bytes:
        data = msgspec.json.encode(_cut(cells))
        return kit.vault.seal_workspace(ws, data, f"{import_id}:{place}".encode())

    tx.run_many("add_import_refused", [
        {"ws": ws, "id": import_id, "place": place, "problem": problem[:300], "sealed": sealed(place, cells)}
        for place, problem, cells in refused])


def _cut(cells: Sequence[str]) -> list[str]:
    """The cells of a refused row, up to what is kept of one."""
    kept, left = [], MAX_REFUSED
    for cell in cells:
        kept.append(cell[:left])
        left -= len(kept[-1])
    return kept


def finish(tx: Tx, kit: Kit, ws: str, import_id: str) -> Import:
    """Every row is done."""
    tx.run("set_import_state", ws=ws, id=import_id, state="done", before="running", now=kit.now())
    return get(tx, ws, import_id)


def run(store: Store, kit: Kit, workspace: Workspace, begun: Import, lines: Iterable[Line],
        tell: Callable[[int, Counts], None]) -> tuple[Import, Counts]:
    """Carry an import out from where it is: while one batch is written, the next is made ready. `lines` begin behind
    its position; `tell` hears of each batch that is on disk. Returns the import and what this run counted.
    """
    job, total = job_of(workspace, begun.plan, begun.id), Counts()
    waiting: Future[Counts] | None = None
    place, many_known = begun.position, False

    def found(batch: Batch) -> Found:
        return store.read(lambda tx: look_up(tx, kit, workspace.id, batch))

    for before, part in batches(lines, begun.position):
        batch = prepare(kit, workspace, job, before, part, found if many_known else None)
        if waiting is not None:
            total.add(waiting.result())
            tell(place, total)
        many_known = 2 * len(found(batch).known) > len(batch.people) if before == begun.position else many_known
        waiting, place = store.submit(partial(apply, kit=kit, workspace=workspace, job=job, batch=batch)), batch.after
    if waiting is not None:
        total.add(waiting.result())
        tell(place, total)
    return store.write(lambda tx: finish(tx, kit, workspace.id, begun.id)), total
