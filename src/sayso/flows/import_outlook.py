"""What an import would do, told before it does anything: the same reading and the same look-ups, and no write."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from sayso.core import lifecycle
from sayso.core.workspace import Workspace
from sayso.flows import elsewhere
from sayso.flows.import_bulk import Job, Someone
from sayso.flows.import_plan import Plan, Row
from sayso.flows.import_values import masked
from sayso.flows.imports import MOVED_AWAY, Batch, Counts, Found, Line, batches, job_of, look_up, read_batch
from sayso.flows.kit import Kit
from sayso.flows.record import Person
from sayso.store.base import Row as Record
from sayso.store.base import Store

#: Examples shown of each kind.
EXAMPLES: Final = 5
#: Numbers remembered to tell which stand in the file twice; a hundred bytes each.
REMEMBERED: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Example:
    """A row of one kind: its place, its number with all digits but two hidden, and why."""

    place: int
    shown: str
    why: str


@dataclass(slots=True)
class Outlook:
    """What would become of the rows. `already` of those counted as granted are so today; `missing` says what rows
    without a whole proof lack, `problems` why rows are refused.
    """

    rows: int = 0
    counts: Counts = field(default_factory=Counts)
    already: int = 0
    said_no: int = 0
    new_people: int = 0
    missing: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)
    #: False where a number that stands in the file twice may have been counted twice.
    exact: bool = True

    def show(self, kind: str, place: int, number: str, why: str) -> None:
        """Keep one of the first of its kind."""
        kept = self.examples.setdefault(kind, [])
        if len(kept) < EXAMPLES:
            kept.append(Example(place, masked(number), why))


def outlook(store: Store, kit: Kit, workspace: Workspace, plan: Plan, lines: Iterable[Line],
            tell: Callable[[int], None]) -> Outlook:
    """Read all rows and say what would become of them. Nothing is written."""
    job, found, seen = job_of(workspace, plan), Outlook(), set[int]()
    for before, part in batches(lines, 0):
        batch = read_batch(kit, workspace, job, before, part)
        known = store.read(lambda tx: look_up(tx, kit, workspace.id, batch))  # noqa: B023  it runs now
        found.rows += len(part)
        _weigh(kit, workspace, job, batch, known, found, seen)
        tell(batch.after)
    return found


def _weigh(kit: Kit, workspace: Workspace, job: Job, batch: Batch, known: Found, found: Outlook,
           seen: set[int]) -> None:
    def number(place: int) -> str:
        cells = batch.cells[place]
        return cells[column] if column < len(cells) else ""

    column = job.plan.columns["phone"][0]
    for place, problem, _ in batch.refused:
        _refuse(found, place, problem, number(place))
    for place, one in enumerate(batch.people):
        again = _seen_before(batch.macs[place], found, seen)
        found.counts.repeated += one.repeated + (again and one.record is not None)
        if one.stop is not None:
            found.said_no += 1
            found.counts.kept_no += 1
            found.show("kept_no", one.stop.place, number(one.stop.place), "the row says no")
        if one.record is not None and not again:
            if place in known.moved:
                _refuse(found, one.record.place, MOVED_AWAY, number(one.record.place))
            else:
                _count(kit, workspace, job, one, one.record, known.known.get(place),
                       erased=place in known.suppressed, number=number(one.record.place), found=found)
        found.new_people += not again and place not in known.known and place not in known.suppressed


def _seen_before(mac: bytes, found: Outlook, seen: set[int]) -> bool:
    short = int.from_bytes(mac[:8], "big")
    if short in seen:
        return True
    if len(seen) < REMEMBERED:
        seen.add(short)
    else:
        found.exact = False
    return False


def _refuse(found: Outlook, place: int, problem: str, number: str) -> None:
    found.counts.refused += 1
    found.problems[problem] = found.problems.get(problem, 0) + 1
    found.show("refused", place, number, problem)


def _count(kit: Kit, workspace: Workspace, job: Job, one: Someone, row: Row, known: Record | None, *, erased: bool,
           number: str, found: Outlook) -> None:
    """One row that says yes or nothing."""
    person = None if known is None else Person(known[1], known[2], lifecycle.decode(known[3]), "", None, erased=False)
    today = elsewhere.standing_after(person, job.cells, kit.now()) if person else "unknown"
    after = _after(kit, workspace, job, row, today)
    if erased or one.stop is not None:
        after = "withdrawn"
    found.counts.count(after)
    found.already += after == today == "granted"
    if row.missing:
        found.missing[row.missing] = found.missing.get(row.missing, 0) + 1
    kind = {"granted": "granted", "withdrawn": "kept_no"}.get(after, "unknown")
    found.show(kind, row.place, number, _why(workspace, after, row))


def _after(kit: Kit, workspace: Workspace, job: Job, row: Row, today: elsewhere.State) -> elsewhere.State:
    """Where somebody who stands so today would stand with this row."""
    if today in ("withdrawn", "granted") or row.missing or row.proof is None or not elsewhere.why(workspace, "import"):
        return today
    expires = elsewhere.expiry(workspace, job.cells, row.proof.at)
    return "expired" if expires and expires <= kit.now() else "granted"


def _why(workspace: Workspace, after: elsewhere.State, row: Row) -> str:
    if after == "granted":
        return "has its proof"
    if after == "withdrawn":
        return "said no before, and a list does not change that"
    if after == "expired":
        return "the yes is older than it lasts"
    if row.missing == "status":
        return "the row does not say yes"
    if row.missing:
        return f"no proof: {row.missing} missing"
    if not elsewhere.why(workspace, "import"):
        return "has its proof, but policy.elsewhere.import is not set"
    return "not all of it is granted"
