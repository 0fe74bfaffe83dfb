"""Recording: the one way a fact enters the ledger, and the refold that follows it in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from sayso.core import events, lifecycle
from sayso.core.events import OWN_CLOCK, Event, Fact
from sayso.core.lifecycle import Standing
from sayso.core.purposes import Cell
from sayso.errors import IntegrityError
from sayso.flows.kit import Kit
from sayso.ports import SECOND
from sayso.store.base import Row, Tx

#: Facts that leave the standing as it is: no refold.
NEUTRAL: Final = frozenset({"address_linked", "delivery_failed", "expired", "breach_suspected", "notice_published",
                             "configured", "evidence_purged", "list_given", "erasure_requested", "data_given",
                             "reason_given", "breaker_tripped", "incident_acknowledged"})


@dataclass(frozen=True, slots=True)
class Person:
    """A person's row, locked by this transaction where the database locks rows. `wrapped` is the data key.

    `formers` are those who once had an address this person was identified by. `facts` are all facts of somebody first
    met in this transaction, None for everybody else, whose facts are read when they are needed.
    """

    id: str
    epoch: int
    standing: Standing
    lang: str
    wrapped: bytes | None
    erased: bool
    formers: tuple[str, ...] = ()
    facts: tuple[Event, ...] | None = None

    @classmethod
    def of(cls, row: Row) -> Person:
        """From `person` or `person_locked`."""
        return cls(row[0], row[1], lifecycle.decode(row[2]), row[4], row[5], bool(row[3]))


def person_by_id(tx: Tx, ws: str, person_id: str, *, lock: bool = True) -> Person | None:
    """The person this id now stands for: a merged record leads to its survivor."""
    row = tx.row("person_locked" if lock else "person", ws=ws, person=person_id)
    while row is not None and row[6] != row[0]:
        row = tx.row("person_locked" if lock else "person", ws=ws, person=row[6])
    return Person.of(row) if row else None


def believed(at: int, clock: str, received: int) -> int:
    """The time a fact is stored under. A future time is clamped to the receipt; another's clock may be ahead of ours by
    SKEW, for what it put in order must stay in order: a stop clamped by a slow machine would lose to an older yes.
    """
    if clock == OWN_CLOCK:
        return min(at, received) if at > 0 else received
    if 0 < at <= received + lifecycle.SKEW:
        return at
    return received // SECOND * SECOND  # a provider counts whole seconds: a tie must stay a tie


def append(tx: Tx, kit: Kit, ws: str, kind: str, *, person: str = "", wrapped: bytes | None = None,
           cells: tuple[Cell, ...] = (), occurred_at: int = 0, clock: str = OWN_CLOCK, cause: str = "",
           facts: Mapping[str, Fact] | None = None, evidence: Mapping[str, str] | None = None,
           event_id: str = "") -> Event:
    """Record a fact. A time of 0 is now; a time that cannot be is stored as that of the receipt (`believed`).

    Evidence is sealed under the person's key, or the workspace's where no person is concerned.
    """
    received = kit.now()
    evidence = evidence or {}
    commitments, openings = events.commit(evidence, kit.ports.random(16 * len(evidence)))
    event = Event(
        id=event_id or kit.ports.new_id("evt"), ws=ws, type=kind, person=person, cells=cells, clock=clock,
        occurred_at=believed(occurred_at, clock, received), received_at=received, cause=cause,
        facts=dict(facts or {}), commit=commitments,
    )
    tx.run("add_event", ws=ws, event=event.id, person=person, type=kind, at=event.occurred_at,
           body=events.encode(event))
    tx.run("add_unintegrated", ws=ws, event=event.id)
    if openings:
        plain, aad = events.encode_openings(openings), event.id.encode()
        if person and wrapped is None:
            raise IntegrityError("Evidence about a person needs that person's key.")
        sealed = kit.vault.seal(ws, person, wrapped, plain, aad) if wrapped else \
            kit.vault.seal_workspace(ws, plain, aad)
        tx.run("add_opening", ws=ws, event=event.id, person=person, sealed=sealed)
    return event


def tell(tx: Tx, kit: Kit, ws: str, person: Person, kind: str, *, cells: tuple[Cell, ...] = (), occurred_at: int = 0,
         clock: str = OWN_CLOCK, cause: str = "", facts: Mapping[str, Fact] | None = None,
         evidence: Mapping[str, str] | None = None, event_id: str = "") -> tuple[Event, Person]:
    """Record a fact of this person and refold. Returns the person as they stand after it."""
    event = append(tx, kit, ws, kind, person=person.id, wrapped=person.wrapped, cells=cells, occurred_at=occurred_at,
                   clock=clock, cause=cause, facts=facts, evidence=evidence, event_id=event_id)
    return event, settle(tx, ws, person, event)


def settle(tx: Tx, ws: str, person: Person, event: Event) -> Person:
    """Bring the standing up to date with a fact just recorded, raise the epoch if a permit must not miss it, and
    call off questions that nobody waits for any more.
    """
    if event.type in NEUTRAL:
        return person
    before, rise = person.standing, 0
    facts = None if person.facts is None else (*person.facts, event)
    after = lifecycle.opened(before, event) if event.type == "spoke" else before
    if event.type != "spoke" or any(mark.at >= event.occurred_at for mark in before.grants):
        # Small talk that arrives late can take a bare yes back.
        after = _refolded(tx, ws, person.id, after, facts)
        rise = 1 if event.type in lifecycle.STOPPING or _differs(before, after) else 0
    tx.run("set_standing", ws=ws, person=person.id, standing=lifecycle.encode(after), rise=rise)
    if rise and person.standing.pending:
        _call_off(tx, ws, person.id, after)
    return replace(person, standing=after, epoch=person.epoch + rise, facts=facts)


def _refolded(tx: Tx, ws: str, person_id: str, known: Standing, facts: Sequence[Event] | None) -> Standing:
    """The standing by all facts, with the windows that are known. If a fact cannot be read the person is denied, and
    the new fact is kept.
    """
    try:
        return lifecycle.with_windows(lifecycle.fold(facts or facts_of(tx, ws, person_id)), known.windows)
    except IntegrityError:
        return lifecycle.UNREADABLE


def facts_of(tx: Tx, ws: str, person_id: str) -> list[Event]:
    """The facts the fold needs. Small talk is read only up to the last bare-word yes, the one place where it matters
    to consent; the service windows it opened are kept in the standing and carried over.
    """
    facts = [events.decode(row[0]) for row in tx.rows("facts_of", ws=ws, person=person_id)]
    words = [fact.occurred_at for fact in facts if fact.type == "said_yes" and fact.facts.get("how") == "word"]
    if words:
        since = min(fact.occurred_at for fact in facts)
        rows = tx.rows("spoken_by", ws=ws, person=person_id, since=since, until=max(words))
        facts += [events.decode(row[0]) for row in rows]
    return facts


def _differs(before: Standing, after: Standing) -> bool:
    """True if anything but the service windows changed."""
    return (before.grants, before.stops, before.native, before.holds, before.pauses, before.pending) != (
        after.grants, after.stops, after.native, after.holds, after.pauses, after.pending)


def _call_off(tx: Tx, ws: str, person_id: str, standing: Standing) -> None:
    open_requests = {item.request for item in standing.pending}
    for _, request in tx.rows("waiting_prompts", ws=ws, person=person_id):
        if request not in open_requests:
            tx.run("cancel_outbox", ws=ws, person=person_id, answers=request, why="overtaken")
