"""New people by the thousand: rows of a file gathered by number, and the records of those nobody heard of made
ready before the transaction, so that it only inserts.

Rules of the room: what is made here equals, value for value, what `people.identify`, `elsewhere.tell_of` and
`opt_out.stop` would record one by one; a test compares. Whether somebody is new is decided in the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sayso.core import events, lifecycle
from sayso.core.events import OWN_CLOCK, Event, Fact
from sayso.core.identity import Address
from sayso.core.lifecycle import NOBODY
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.flows.elsewhere import FILE_CLOCK, State, evidence_of, facts_of, standing_after
from sayso.flows.import_plan import Plan, Row
from sayso.flows.kit import Kit
from sayso.flows.record import Person
from sayso.store.base import Tx, Value


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for every row of an import: its id and plan, and the cells of a yes and of a no."""

    id: str
    plan: Plan
    cells: tuple[Cell, ...]
    stop_cells: tuple[Cell, ...]


@dataclass(slots=True)
class Someone:
    """All rows of a batch about one number: at most one record and one stop; `repeated` rows say nothing new."""

    address: Address
    record: Row | None = None
    stop: Row | None = None
    repeated: int = 0

    def add(self, row: Row) -> None:
        """Take up a row: the first no counts, and the first row with proof before those without."""
        if row.says == "no":
            self.repeated += self.stop is not None
            self.stop = self.stop or row
        elif self.record is None:
            self.record = row
        else:
            self.repeated += 1
            if row.says == "yes" and self.record.says != "yes":
                self.record = row

    @property
    def lang(self) -> str:
        """The language that the rows name."""
        return next((row.lang for row in (self.record, self.stop) if row and row.lang), "")


@dataclass(slots=True)
class Newcomer:
    """Somebody new, ready to be inserted: values of the queries, and where they will stand."""

    person: Mapping[str, Value]
    address: Mapping[str, Value]
    events: Sequence[Mapping[str, Value]]
    openings: Sequence[Mapping[str, Value]]
    facts: Sequence[Mapping[str, Value]]
    state: State


def gathered(rows: Iterable[Row]) -> list[Someone]:
    """Rows by number, in the order of the first row of each."""
    found: dict[Address, Someone] = {}
    for row in rows:
        found.setdefault(row.address, Someone(row.address)).add(row)
    return list(found.values())


def record_facts(job: Job, row: Row) -> dict[str, Fact]:
    """What a fact of an import says besides what all facts from elsewhere say."""
    return {"import": job.id, "missing": row.missing} if row.missing else {"import": job.id}


def stop_evidence(job: Job, row: Row) -> dict[str, str]:
    """What is sealed beside a no that came in a file."""
    return {"import": job.id, "row": str(row.place)}


# -- making one --------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Told:
    """An event on its way: its row of the file, and what is to be sealed beside it."""

    event: Event
    row: Row | None
    opening: bytes


class Maker:
    """Makes newcomers for one batch: one time for all, salts drawn in one go."""

    def __init__(self, kit: Kit, workspace: Workspace, job: Job, people: Sequence[Someone]) -> None:
        self._kit, self._workspace, self._job = kit, workspace, job
        self._now = kit.now()
        stops = sum(one.stop is not None for one in people) * len(job.stop_cells)
        self._salts = _Chance(kit.ports.random(16 * (6 * len(people) + 2 * stops)))
        self._alike: dict[tuple[object, ...], tuple[lifecycle.Standing, int, State]] = {}

    def make(self, someone: Someone, mac: bytes) -> Newcomer:
        """The records of somebody new."""
        ws, address, person = self._workspace.id, someone.address, self._kit.ports.new_id("per")
        link = self._event(person, None, "address_linked", {"how": "import"},
                           {"address0": f"{address.kind}:{mac.hex()}"})
        told = self._told(person, someone)
        standing, epoch, state = self._stand(person, [one.event for one in told])
        sealing = [(one.opening, one.event.id.encode()) for one in (link, *told) if one.opening]
        wrapped, sealed = self._kit.vault.seal_new(ws, person, [*sealing, (address.dial.encode(), mac)])
        openings = [one.event.id for one in (link, *told) if one.opening]
        return Newcomer(
            person={"ws": ws, "person": person, "epoch": epoch, "lang": someone.lang, "wrapped": wrapped,
                    "standing": lifecycle.encode(standing), "now": self._now},
            address={"ws": ws, "mac": mac, "person": person, "kind": address.kind, "event": link.event.id,
                     "key": self._kit.vault.mac_key_id, "sealed": sealed[-1]},
            events=[{"ws": ws, "event": one.event.id, "person": person, "type": one.event.type,
                     "at": one.event.occurred_at, "body": events.encode(one.event)} for one in (link, *told)],
            openings=[{"ws": ws, "event": event, "person": person, "sealed": secret}
                      for event, secret in zip(openings, sealed, strict=False)],
            facts=[{"ws": ws, "id": self._job.id, "place": one.row.place, "event": one.event.id, "person": person}
                   for one in told if one.row is not None],
            state=state,
        )

    def _told(self, person: str, someone: Someone) -> list[_Told]:
        """What the rows say: the record first, then the no, as they are told of somebody known."""
        job, told = self._job, []
        if row := someone.record:
            facts = facts_of(self._workspace, "import", job.cells, row.proof, record_facts(job, row))
            told.append(self._event(person, row, "consent_recorded", facts, evidence_of(row.proof), job.cells,
                                    row.proof.at if row.proof else 0))
        if row := someone.stop:
            told += [self._event(person, row, "said_stop", {"how": "import"}, stop_evidence(job, row), (cell,),
                                 row.stopped_at) for cell in job.stop_cells]
        return told

    def _event(self, person: str, row: Row | None, kind: str, facts: dict[str, Fact], evidence: dict[str, str],
               cells: tuple[Cell, ...] = (), at: int = 0) -> _Told:
        """As `record.append` makes it, without a database."""
        commitments, openings = events.commit(evidence, self._salts.take(16 * len(evidence)))
        event = Event(id=self._kit.ports.new_id("evt"), ws=self._workspace.id, type=kind, person=person, cells=cells,
                      clock=FILE_CLOCK if at else OWN_CLOCK, occurred_at=min(at, self._now) if at > 0 else self._now,
                      received_at=self._now, facts=facts, commit=commitments)
        return _Told(event, row, events.encode_openings(openings) if openings else b"")

    def _stand(self, person: str, told: Sequence[Event]) -> tuple[lifecycle.Standing, int, State]:
        """Standing, epoch and state after these facts. Those of whom one thing is told at one time stand alike, but for
        the names of person and fact, and are folded once.
        """
        only = told[0] if len(told) == 1 else None
        if only is None:
            return self._folded(person, told)
        key = (only.type, only.occurred_at, only.facts.get("grants"), only.facts.get("expires_at"))
        if key not in self._alike:
            self._alike[key] = self._folded(person, told)
        standing, epoch, state = self._alike[key]
        return _named(standing, only.id, person), epoch, state

    def _folded(self, person: str, told: Sequence[Event]) -> tuple[lifecycle.Standing, int, State]:
        standing, epoch = NOBODY, 0
        for count, event in enumerate(told, 1):
            after = lifecycle.fold(told[:count])
            epoch += event.type in lifecycle.STOPPING or after != standing
            standing = after
        who = Person(person, epoch, standing, "", None, erased=False)
        return standing, epoch, standing_after(who, self._job.cells, self._now)


def _named(standing: lifecycle.Standing, event: str, person: str) -> lifecycle.Standing:
    """The standing of somebody of whom the same was told by another fact."""
    def named(marks: tuple[lifecycle.Mark, ...]) -> tuple[lifecycle.Mark, ...]:
        return tuple(msgspec.structs.replace(mark, event=event, lineage=person) for mark in marks)

    return msgspec.structs.replace(standing, grants=named(standing.grants), stops=named(standing.stops))


class _Chance:
    """Random bytes drawn in one go and handed out once."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes. Raises LookupError when there are no more: nothing is handed out twice."""
        begin, self._at = self._at, self._at + count
        if self._at > len(self._data):
            raise LookupError("more chance was wanted than drawn")
        return self._data[begin:self._at]


def insert(tx: Tx, newcomers: Sequence[Newcomer]) -> None:
    """Insert them all: one statement a table, addresses in the order of their index."""
    told = [event for one in newcomers for event in one.events]
    tx.run_many("add_import_person", [one.person for one in newcomers])
    tx.run_many("add_event", told)
    tx.run_many("add_unintegrated", [{"ws": event["ws"], "event": event["event"]} for event in told])
    tx.run_many("add_opening", [opening for one in newcomers for opening in one.openings])
    tx.run_many("add_address", sorted((one.address for one in newcomers), key=_by_mac))
    tx.run_many("add_import_fact", [fact for one in newcomers for fact in one.facts])


def _by_mac(address: Mapping[str, Value]) -> bytes:
    mac = address["mac"]
    return mac if isinstance(mac, bytes) else b""
