"""The fold: where a person stands, as a set predicate over facts.

Rule 1: everything that decides whether a cell is granted lives in this file.
Rule 2: facts are sorted by nothing. Whatever the order or repetition of the same facts, the standing is the same.
Rule 3: a cell is granted if some grant covering it is later than every stop covering it. Later means a greater time
on the same clock, or more than SKEW greater when the clocks differ. A tie goes to the stop. An answer to a question
that was asked when a stop was on record is later than that stop, whatever the clocks say (ADR 36).
Rule 4: the standing holds no verdict about now. Expiry and windows are times; the gate compares them with its clock.
`states.NEXT` is the same machine drawn as a table for one cell; a test walks it against the fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from sayso.core.events import TYPES, Event
from sayso.core.purposes import ALL_MARKETING, EVERYTHING, Cell

#: How far two clocks may disagree before "later" across them means anything.
SKEW: Final = 300 * 1_000_000
#: A yes in plain words counts only as the first thing said within this time of the prompt.
WORD_WINDOW: Final = 24 * 3600 * 1_000_000
#: Our clock stamps the prompt, the provider's stamps the reply in whole seconds: this much may they be apart.
REPLY_SLACK: Final = 5 * 1_000_000

#: Facts that are an inbound message of the person and open the service window (a stop never does).
OPENERS: Final = frozenset({"opt_in_requested", "said_yes", "said_no", "spoke", "hold_released", "pause_ended"})
#: Facts that must never be missed by a permit already issued: each raises the person's epoch.
STOPPING: Final = frozenset({
    "said_stop", "said_no", "native_stop", "stop_suspected", "paused", "suppression_restored", "erased",
    "people_merged", "address_left",
})


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """A fact's hold on a rectangle: when, by which clock, which event says so. `until` is an expiry or 0. `after` are
    the stops it surely followed.
    """

    cell: Cell
    at: int
    clock: str
    event: str
    until: int = 0
    lineage: str = ""
    elsewhere: bool = False
    after: tuple[str, ...] = ()


class Pending(msgspec.Struct, frozen=True, array_like=True):
    """A request nobody answered yet. `prompted_at` is 0 until the question went out."""

    request: str
    cells: tuple[Cell, ...]
    at: int
    clock: str
    until: int
    prompted_at: int = 0
    failed: bool = False
    after: tuple[str, ...] = ()


#: Merges as (gone, kept, when): which record became part of which.
Merges = tuple[tuple[str, str, int], ...]


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """Everything the gate needs to know of one person, free of time."""

    grants: tuple[Mark, ...] = ()
    stops: tuple[Mark, ...] = ()
    native: tuple[Mark, ...] = ()
    holds: tuple[Mark, ...] = ()
    pauses: tuple[Mark, ...] = ()
    pending: tuple[Pending, ...] = ()
    windows: tuple[tuple[str, int], ...] = ()
    readable: bool = True
    merges: Merges = ()


NOBODY: Final = Standing()
#: What stands for a record that cannot be read: the gate denies it.
UNREADABLE: Final = Standing(readable=False)
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Standing)


def encode(standing: Standing) -> bytes:
    """Bytes of the row the gate reads."""
    return _encoder.encode(standing)


def decode(data: bytes) -> Standing:
    """Read the row; anything unreadable denies."""
    try:
        return _decoder.decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return UNREADABLE


def later(at: int, clock: str, than_at: int, than_clock: str) -> bool:
    """True if the first time is surely after the second."""
    return at > than_at if clock == than_clock else at > than_at + SKEW


def follows(mark: Mark | Pending, stop: Mark) -> bool:
    """True if a grant or a request is surely later than the stop: by the clocks, or because it knew of it."""
    return stop.event in mark.after or later(mark.at, mark.clock, stop.at, stop.clock)


def beats(grant: Mark, stop: Mark, merges: Merges) -> bool:
    """True if the grant is later than the stop.

    A yes recorded from elsewhere is later than no stop: only the person's own yes reopens.
    Merging keeps the stricter state: a grant of one record beats a stop of the other only if it was given after
    the two were known to be one person.
    """
    if grant.elsewhere or not follows(grant, stop):
        return False
    if grant.lineage == stop.lineage or stop.event in grant.after:
        return True
    joined = _joined(grant.lineage, stop.lineage, merges)
    return joined is not None and grant.at > joined


def _joined(one: str, other: str, merges: Merges) -> int | None:
    """When two records were first known to be one person; None if they never were."""
    into = {gone: (kept, at) for gone, kept, at in merges}

    def way(who: str) -> dict[str, int]:
        reached, at = {who: 0}, 0
        while who in into and into[who][0] not in reached:
            who, at = into[who][0], max(at, into[who][1])
            reached[who] = at
        return reached

    mine, theirs = way(one), way(other)
    return min((max(mine[who], theirs[who]) for who in mine.keys() & theirs.keys()), default=None)


def fold(facts: Iterable[Event]) -> Standing:
    """Where the person stands by these facts. Total: facts it cannot read make the standing deny."""
    unique = {fact.id: fact for fact in facts}
    if any(fact.type not in TYPES for fact in unique.values()):
        return UNREADABLE
    try:
        return _folded(unique)
    except (KeyError, TypeError, ValueError):  # a value inside a fact is missing or of the wrong kind
        return UNREADABLE


def _folded(unique: dict[str, Event]) -> Standing:
    by_type: dict[str, list[Event]] = {}
    for fact in unique.values():
        by_type.setdefault(fact.type, []).append(fact)
    requests = {fact.id: fact for fact in by_type.get("opt_in_requested", [])}
    merges = tuple(sorted(
        (str(fact.facts["from"]), fact.person, fact.occurred_at) for fact in by_type.get("people_merged", [])))
    grants = _grants(by_type, requests, list(unique.values()))
    mistaken = {fact.cause for fact in by_type.get("provider_stop_released", [])}
    stops = _latest(_stops(by_type, requests, mistaken), _knowing(requests))
    native = [mark for mark in _marks(by_type, "native_stop") if mark.event not in mistaken]
    settled = {fact.cause for fact in by_type.get("hold_released", [])}  # by an operator, who names what they read
    holds = [mark for mark in _marks(by_type, "stop_suspected") if mark.event not in settled]
    return Standing(
        grants=_latest(grants),
        stops=stops,
        native=_unlifted(native, _marks(by_type, "native_resume"), merges),
        holds=_unlifted(holds, _marks(by_type, "hold_released"), merges),
        pauses=_unlifted(_marks(by_type, "paused"), _marks(by_type, "pause_ended"), merges),
        pending=_pending(by_type, requests, grants, stops, merges),
        windows=_windows(unique.values()),
        merges=merges,
    )


def opened(standing: Standing, fact: Event) -> Standing:
    """The standing after a `spoke` fact, which touches nothing but the service windows."""
    return with_windows(standing, ((str(fact.facts.get("inbound", "")), fact.occurred_at),))


def with_windows(standing: Standing, windows: Iterable[tuple[str, int]]) -> Standing:
    """The standing with these service windows too; the later time of each sender counts."""
    known = dict(standing.windows)
    for sender, at in windows:
        known[sender] = max(known.get(sender, 0), at)
    return msgspec.structs.replace(standing, windows=tuple(sorted(known.items())))


def _mark(fact: Event, cell: Cell, until: int = 0, after: tuple[str, ...] = ()) -> Mark:
    return Mark(cell, fact.occurred_at, fact.clock, fact.id, until, fact.person, after=after)


def _knowing(requests: dict[str, Event]) -> dict[str, tuple[str, ...]]:
    """For each stop, the requests that were made when it was on record."""
    known: dict[str, list[str]] = {}
    for request in sorted(requests):
        for stop in _after(requests[request]):
            known.setdefault(stop, []).append(request)
    return {stop: tuple(ids) for stop, ids in known.items()}


def _after(request: Event) -> tuple[str, ...]:
    """The stops on record when this was asked for."""
    return tuple(str(request.facts.get("after", "")).split())


def _marks(by_type: dict[str, list[Event]], kind: str) -> list[Mark]:
    return [_mark(fact, cell, int(fact.facts.get("until", 0))) for fact in by_type.get(kind, []) for cell in fact.cells]


def _grants(by_type: dict[str, list[Event]], requests: dict[str, Event], facts: list[Event]) -> list[Mark]:
    """Grants: each yes that answers a request, of exactly the cells that request named."""
    marks = []
    for yes in by_type.get("said_yes", []):
        request = requests.get(yes.cause)
        if request is None or yes.occurred_at > int(request.facts.get("valid_until", 0)):
            continue
        if yes.facts.get("how") == "word" and not _first_reply(yes, by_type.get("prompted", []), facts):
            continue
        # A button or a quote comes after its question, which came after the stops; a bare word may be an older one.
        after = () if yes.facts.get("how") == "word" else _after(request)
        marks += [_mark(yes, cell, int(yes.facts.get("expires_at", 0)), after) for cell in request.cells]
    undone = {fact.cause for fact in by_type.get("record_undone", [])}
    for record in by_type.get("consent_recorded", []):
        if record.facts.get("grants") is True and record.id not in undone:
            expires = int(record.facts.get("expires_at", 0))
            marks += [msgspec.structs.replace(_mark(record, cell, expires), elsewhere=True) for cell in record.cells]
    return marks


def granting(facts: Iterable[Event]) -> frozenset[str]:
    """The ids of the yeses that grant what their request named, stops and expiry not considered."""
    by_type: dict[str, list[Event]] = {}
    unique = {fact.id: fact for fact in facts}
    for fact in unique.values():
        by_type.setdefault(fact.type, []).append(fact)
    requests = {fact.id: fact for fact in by_type.get("opt_in_requested", [])}
    return frozenset(mark.event for mark in _grants(by_type, requests, list(unique.values())))


def _first_reply(yes: Event, prompts: list[Event], facts: list[Event]) -> bool:
    """A bare word counts only as the first inbound within 24 h of its prompt (design section 3, step 5)."""
    for prompt in prompts:
        earlier = str(prompt.facts.get("again", "")).split()  # said before it was shown once more: no answers to it
        begin = prompt.occurred_at - (0 if earlier else REPLY_SLACK)
        if prompt.cause != yes.cause or not begin <= yes.occurred_at <= prompt.occurred_at + WORD_WINDOW:
            continue
        if yes.id in earlier:
            continue
        others = (
            fact for fact in facts
            if "inbound" in fact.facts and fact.clock == yes.clock and fact.id != yes.cause
            and not (fact.type == "said_yes" and fact.cause == yes.cause)
        )
        if not any(prompt.occurred_at < fact.occurred_at < yes.occurred_at for fact in others):
            return True
    return False


def _stops(by_type: dict[str, list[Event]], requests: dict[str, Event], mistaken: set[str]) -> list[Mark]:
    """Stops: withdrawals, refusals of a request's cells, restored suppressions, and erasure. Of these only what a
    provider reported can have been a mistake: what a person said cannot be released.
    """
    reported = {fact.id for fact in by_type.get("said_stop", []) if fact.facts.get("reported") is True}
    marks = [mark for mark in _marks(by_type, "said_stop") if mark.event not in reported & mistaken]
    marks += _marks(by_type, "suppression_restored")
    for refusal in by_type.get("said_no", []):
        request = requests.get(refusal.cause)
        marks += [_mark(refusal, cell) for cell in (request.cells if request else refusal.cells)]
    marks += [_mark(fact, EVERYTHING) for fact in by_type.get("erased", [])]
    return marks


def _unlifted(marks: list[Mark], lifts: list[Mark], merges: Merges) -> tuple[Mark, ...]:
    """Marks that no later lift covers. A tie keeps the mark."""
    return _latest([
        mark for mark in marks
        if not any(lift.cell.covers(mark.cell) and beats(lift, mark, merges) for lift in lifts)
    ])


def _latest(marks: list[Mark], knowing: Mapping[str, tuple[str, ...]] = {}) -> tuple[Mark, ...]:
    """Drop marks that another on the same rectangle, clock and lineage outdoes in both time and expiry. Stops only
    where the same requests know both: what follows the one, by its `after`, need not follow the other.
    """
    kept: dict[tuple[object, ...], list[Mark]] = {}
    for mark in sorted(marks, key=lambda mark: (mark.at, mark.event), reverse=True):
        same = (mark.cell, mark.clock, mark.lineage, mark.elsewhere, mark.after, knowing.get(mark.event, ()))
        newer = kept.setdefault(same, [])
        if not any(_lasts(other, mark) for other in newer):
            newer.append(mark)
    return tuple(sorted((m for group in kept.values() for m in group), key=lambda m: (m.cell, m.at, m.event)))


def _lasts(mark: Mark, other: Mark) -> bool:
    """True if the first mark runs at least as long as the second (0 = for ever)."""
    return not mark.until or bool(other.until and mark.until >= other.until)


def _pending(by_type: dict[str, list[Event]], requests: dict[str, Event], grants: list[Mark], stops: tuple[Mark, ...],
             merges: Merges) -> tuple[Pending, ...]:
    """Requests still open: not answered by a no or by a yes that holds, and not wholly stopped since."""
    answered = {fact.cause for fact in by_type.get("said_no", [])}
    granted_by = {mark.event for mark in grants
                  if all(beats(mark, stop, merges) for stop in stops if stop.cell.covers(mark.cell))}
    answered |= {fact.cause for fact in by_type.get("said_yes", []) if fact.id in granted_by}
    prompts: dict[str, int] = {}
    for fact in by_type.get("prompted", []):
        prompts[fact.cause] = max(prompts.get(fact.cause, 0), fact.occurred_at)
    failed = {fact.cause for fact in by_type.get("prompt_failed", [])}
    still = []
    for request in requests.values():
        cells = tuple(cell for cell in request.cells if _asked_after(request, cell, stops, merges))
        if request.id not in answered and cells:
            still.append(Pending(request.id, cells, request.occurred_at, request.clock,
                                 int(request.facts.get("valid_until", 0)), prompts.get(request.id, 0),
                                 request.id in failed, _after(request)))
    return tuple(sorted(still, key=lambda item: (item.at, item.request)))


def _asked_after(request: Event, cell: Cell, stops: tuple[Mark, ...], merges: Merges) -> bool:
    asked = _mark(request, cell, after=_after(request))
    return all(beats(asked, stop, merges) for stop in stops if stop.cell.covers(cell))


def _windows(facts: Iterable[Event]) -> tuple[tuple[str, int], ...]:
    """Per sender, when the person last wrote something that was not a stop."""
    windows: dict[str, int] = {}
    for fact in facts:
        if fact.type in OPENERS and "inbound" in fact.facts:
            sender = str(fact.facts["inbound"])
            windows[sender] = max(windows.get(sender, 0), fact.occurred_at)
    return tuple(sorted(windows.items()))


def blocking(standing: Standing, cell: Cell) -> Mark | None:
    """The latest stop covering this cell that no grant covering it is later than, or None."""
    return _unbeaten(standing, cell, standing.stops)


def holding(standing: Standing, cell: Cell) -> Mark | None:
    """The latest hold covering this cell that no grant is later than, or None."""
    return _unbeaten(standing, cell, standing.holds)


def _unbeaten(standing: Standing, cell: Cell, marks: tuple[Mark, ...]) -> Mark | None:
    against = [mark for mark in marks if mark.cell.covers(cell)]
    grants = [grant for grant in standing.grants if grant.cell.covers(cell)]
    if not against or any(all(beats(grant, mark, standing.merges) for mark in against) for grant in grants):
        return None
    return max(against, key=lambda mark: mark.at)


def grant_of(standing: Standing, cell: Cell) -> Mark | None:
    """The grant that holds for this cell (the one that lasts longest), stops considered, expiry not."""
    stops = [stop for stop in standing.stops if stop.cell.covers(cell)]
    good = [
        grant for grant in standing.grants
        if grant.cell.covers(cell) and all(beats(grant, stop, standing.merges) for stop in stops)
    ]
    return max(good, key=lambda grant: (grant.until == 0, grant.until, grant.at), default=None)


def pending_for(standing: Standing, cell: Cell, now: int) -> Pending | None:
    """The newest open request that names this cell and has not run out."""
    open_now = [item for item in standing.pending if item.until >= now and any(c.covers(cell) for c in item.cells)]
    return max(open_now, key=lambda item: item.at, default=None)


def state_of(standing: Standing, cell: Cell, now: int) -> str:
    """One of `states.STATES` for this cell at this time."""
    grant = grant_of(standing, cell)
    if grant is not None and (not grant.until or grant.until > now):
        return "granted"
    if pending_for(standing, cell, now):
        return "pending"
    if blocking(standing, cell):
        return "withdrawn"
    ran_out = any(c.covers(cell) for item in standing.pending for c in item.cells)
    return "expired" if grant is not None or ran_out else "unknown"


def stands_under(standing: Standing, cell: Cell) -> bool:
    """True if some grant inside this rectangle stands, expiry left aside."""
    return any(grant_of(standing, grant.cell) for grant in standing.grants if cell.covers(grant.cell))


def settled(standing: Standing, hold: Mark) -> bool:
    """True if a later yes to something it covers has settled a hold."""
    return any(beats(grant, hold, standing.merges) for grant in standing.grants if hold.cell.touches(grant.cell))


def held_marketing(standing: Standing) -> bool:
    """True while marketing to this person is held for an unclear message."""
    return any(mark.cell.touches(ALL_MARKETING) for mark in standing.holds)
