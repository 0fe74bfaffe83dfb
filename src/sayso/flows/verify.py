"""`sayso verify`: recompute everything from the stored events, and name the first thing that does not fit.

In this order: leaves from the events' own bytes, the copies beside them, the openings against the commitments, the
tree, every stored checkpoint with its signature, then the rows the gate reads, rebuilt from the facts. A missing
opening is accepted only where a later `erased` fact covers it, or, of a request nobody answered, an
`evidence_purged` fact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sayso.core import checkpoints, events, lifecycle, merkle
from sayso.core.events import Event
from sayso.core.lifecycle import STOPPING
from sayso.errors import IntegrityError, KeyProblem
from sayso.flows.kit import Kit
from sayso.flows.ledger import nodes_of, origin
from sayso.flows.proof import openings_of
from sayso.store.base import Row, Tx

#: A yes exists only with evidence (promise 7).
NEED_EVIDENCE: Final = frozenset({"said_yes"})
#: Rows read at a time.
PAGE: Final = 1_000


@dataclass(slots=True)
class Report:
    """What verification looked at, and what it found. No problems = everything fits."""

    events: int = 0
    openings: int = 0
    erased_openings: int = 0
    checkpoints: int = 0
    people: int = 0
    addresses: int = 0
    waiting: int = 0
    root: str = ""
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """What is gathered on the way through the ledger."""

    facts: dict[str, list[Event]] = field(default_factory=dict)
    links: list[tuple[Event, list[str]]] = field(default_factory=list)
    merged: dict[str, list[str]] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    wordings: set[object] = field(default_factory=set)
    configured: list[Event] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    unopened: list[Event] = field(default_factory=list)
    purged: dict[str, Event] = field(default_factory=dict)
    answered: dict[str, int] = field(default_factory=dict)


def verify(tx: Tx, kit: Kit, ws: str) -> Report:
    """Verify one workspace inside a snapshot. Problems are sentences that name the event or row."""
    report, walk = Report(), _Walk()
    steps: list[Callable[[], None]] = [
        lambda: _ledger(tx, kit, ws, report, walk), lambda: _waiting(tx, kit, ws, report, walk),
        lambda: _erasures(report, walk), lambda: _wordings(walk), lambda: _configuration(tx, ws, walk),
        lambda: _checkpoints(tx, kit, ws, report, walk),
        lambda: _people(tx, ws, report, walk), lambda: _addresses(tx, ws, report, walk),
        lambda: _suppressions(tx, ws),
    ]
    for step in steps:
        try:
            step()
        except IntegrityError as error:
            report.problems.append(error.detail)
        except UnicodeError:
            report.problems.append("A stored text is not readable text.")
        if report.problems:
            break
    return report


def _pages(tx: Tx, ws: str) -> Iterator[Row]:
    place = 0
    while rows := tx.rows("leaves_from", ws=ws, place=place, limit=PAGE):
        yield from rows
        place = rows[-1][0] + 1


def _ledger(tx: Tx, kit: Kit, ws: str, report: Report, walk: _Walk) -> None:
    """Every leaf from its event's bytes, the tree grown anew beside the stored one."""
    wanted = {row[0] for row in tx.rows("checkpoints", ws=ws)}
    fresh: dict[tuple[int, int], bytes] = {}
    for place, event_id, person, kind, at, body in _pages(tx, ws):
        if place != report.events:
            raise IntegrityError(f"The ledger has no leaf {report.events}.")
        if body is None:
            raise IntegrityError(f"Leaf {place} names event {event_id}, which is not there.")
        _event(tx, kit, ws, (event_id, person, kind, at), bytes(body), f"Leaf {place}", report, walk)
        for level, index, digest in merkle.append(place, merkle.leaf_hash(bytes(body)),
                                                  lambda level, index: fresh[level, index]):
            fresh[level, index] = digest
            stored = tx.row("node", ws=ws, level=level, place=index)
            if stored is None or bytes(stored[0]) != digest:
                raise IntegrityError(f"Leaf {place} (event {event_id}) is not what the tree was made of.")
        report.events = place + 1
        if report.events in wanted:
            walk.roots[report.events] = merkle.root(report.events, lambda level, index: fresh[level, index])


def _event(tx: Tx, kit: Kit, ws: str, columns: tuple[str, str, str, int], body: bytes, where: str, report: Report,
           walk: _Walk) -> None:
    event = _readable(body, f"{where} (event {columns[0]})")
    if columns != (event.id, event.person, event.type, event.occurred_at) or event.ws != ws:
        raise IntegrityError(f"{where}: the columns beside event {columns[0]} differ from its bytes.")
    walk.facts.setdefault(event.person, []).append(event)
    if event.type == "evidence_purged":
        walk.purged[event.cause] = event
    elif event.type in ("said_yes", "said_no"):
        first = walk.answered.get(event.cause, event.received_at)
        walk.answered[event.cause] = min(first, event.received_at)
    if event.type == "notice_published":
        walk.wordings.add(event.facts.get("hash"))
    if event.type == "configured":
        walk.configured.append(event)
    if not event.commit:
        if event.type in NEED_EVIDENCE:
            raise IntegrityError(f"{where}: event {event.id} is a yes without evidence.")
        return
    openings = _opened(tx, kit, ws, event, where)
    if not openings:
        walk.unopened.append(event)
        return
    if not events.openings_match(event, openings):
        raise IntegrityError(f"{where}: the evidence of event {event.id} is not what was committed to.")
    report.openings += 1
    if event.type in ("address_linked", "address_left"):
        walk.links.append((event, [opening.value for opening in openings.values()]))


def _readable(body: bytes, where: str) -> Event:
    try:
        return events.decode(body)
    except IntegrityError as error:
        raise IntegrityError(f"{where} cannot be read.") from error


def _opened(tx: Tx, kit: Kit, ws: str, event: Event, where: str) -> events.Openings:
    try:
        return openings_of(tx, kit, ws, event.id)
    except (IntegrityError, KeyProblem, ValueError) as error:
        raise IntegrityError(f"{where}: the evidence of event {event.id} was changed.") from error


def _waiting(tx: Tx, kit: Kit, ws: str, report: Report, walk: _Walk) -> None:
    """Recorded events that have no leaf yet count too; one that is in neither place was tampered with."""
    lost = tx.row("events_without_leaf", ws=ws)
    if lost:
        raise IntegrityError(f"Event {lost[0]} is neither in the ledger nor waiting for it.")
    for row in tx.rows("waiting_events_whole", ws=ws):
        event_id, person, kind, at, body = row
        _event(tx, kit, ws, (event_id, person, kind, at), bytes(body), "A waiting event", report, walk)
        report.waiting += 1


def _erasures(report: Report, walk: _Walk) -> None:
    walk.merged = _merged(walk)
    for records in walk.merged.values():
        if any(fact.type == "erased" for record in records for fact in walk.facts[record]):
            walk.erased.update(records)
    for event in walk.unopened:
        if event.person not in walk.erased and not _rightly_purged(event, walk):
            raise IntegrityError(f"The evidence of event {event.id} is gone, and no erasure explains it.")
        report.erased_openings += 1


def _rightly_purged(event: Event, walk: _Walk) -> bool:
    """Only the evidence of a request that had run out, and that nobody had answered, is destroyed by itself: the proof
    of a yes, or of a no, never is. An answer after that counts for nothing, and changes nothing here.
    """
    purge = walk.purged.get(event.id)
    if purge is None or event.type != "opt_in_requested":
        return False
    answered = walk.answered.get(event.id, purge.received_at)
    return answered >= purge.received_at > int(event.facts.get("valid_until", 0))


def _wordings(walk: _Walk) -> None:
    """Every yes names a wording that was in force."""
    for facts in walk.facts.values():
        for fact in facts:
            if fact.type == "said_yes" and fact.facts.get("notice_hash") not in walk.wordings:
                raise IntegrityError(f"Event {fact.id} is a yes to a wording that was never published.")


def _configuration(tx: Tx, ws: str, walk: _Walk) -> None:
    """The gate reads purposes and senders from the configuration: it is the one that was last applied."""
    row = tx.row("workspace_config", ws=ws)
    newest = max(walk.configured, key=lambda event: event.id, default=None)
    if row is not None and newest is not None \
            and hashlib.sha256(bytes(row[0])).hexdigest() != newest.facts.get("hash"):
        raise IntegrityError(f"The configuration is not the one that event {newest.id} put in force.")


def _checkpoints(tx: Tx, kit: Kit, ws: str, report: Report, walk: _Walk) -> None:
    name, public = origin(kit, ws), kit.vault.public_key
    key_id = checkpoints.key_id(name, public)
    for size, root, note in tx.rows("checkpoints", ws=ws):
        try:
            signed = checkpoints.parse(checkpoints.text_of(note))
            Ed25519PublicKey.from_public_bytes(public).verify(checkpoints.signature_of(note, name, key_id),
                                                              checkpoints.text_of(note).encode())
        except (InvalidSignature, IntegrityError) as error:
            raise IntegrityError(f"The signature of the checkpoint of size {size} is wrong.") from error
        if (signed.size, signed.root) != (size, bytes(root)) or walk.roots.get(size) != bytes(root):
            raise IntegrityError(f"The checkpoint of size {size} does not fit the events under it.")
        report.checkpoints, report.root = report.checkpoints + 1, bytes(root).hex()
    if report.events and merkle.root(report.events, nodes_of(tx, ws)).hex() != report.root:
        raise IntegrityError("The newest leaves are under no checkpoint.")


def _people(tx: Tx, ws: str, report: Report, walk: _Walk) -> None:
    """The standing and epoch of every person against a fold of that person's facts."""
    merged = walk.merged
    after = ""
    while rows := tx.rows("all_people", ws=ws, after=after, limit=PAGE):
        for person, standing, epoch, erased_at in rows:
            facts = [fact for record in merged.get(person, [person]) for fact in walk.facts.get(record, [])]
            rebuilt = lifecycle.fold(facts)
            if rebuilt != lifecycle.decode(bytes(standing)):
                raise IntegrityError(f"The standing of {person} is not what the recorded facts say.")
            if epoch < _least_epoch(facts, person):
                raise IntegrityError(f"The epoch of {person} is lower than the recorded stops require.")
            if bool(erased_at) != any(fact.type == "erased" for fact in facts):
                raise IntegrityError(f"The erasure of {person} does not fit the recorded facts.")
            walk.facts.pop(person, None)
            for record in merged.get(person, []):
                walk.facts.pop(record, None)
            report.people += 1
        after = rows[-1][0]
    left = [person for person in walk.facts if person]
    if left:
        raise IntegrityError(f"Facts were recorded of {left[0]}, who has no row.")


def _merged(walk: _Walk) -> dict[str, list[str]]:
    """Survivor -> all records that make up the person, itself included."""
    into = {
        str(fact.facts["from"]): person for person, facts in walk.facts.items() for fact in facts
        if fact.type == "people_merged"
    }
    groups: dict[str, list[str]] = {}
    for record in walk.facts:
        root, steps = record, 0
        while root in into and steps <= len(into):
            root, steps = into[root], steps + 1
        groups.setdefault(root, []).append(record)
    return groups


def _least_epoch(facts: list[Event], person: str) -> int:
    """Each stopping fact raised the epoch of its record by one, and other facts may have too: this is a floor. What a
    merged record counted before stays with that record.
    """
    return sum(fact.type in STOPPING and fact.person == person for fact in facts)


def _addresses(tx: Tx, ws: str, report: Report, walk: _Walk) -> None:
    """The address rows against the recorded links and leavings: none missing, none added, none in another state."""
    wanted = _linked(walk)
    after, holder = b"", ""
    while rows := tx.rows("all_addresses", ws=ws, after=after, person=holder, limit=PAGE):
        for mac, person, kind, state, _ in rows:
            if state != wanted.pop((person, f"{kind}:{bytes(mac).hex()}"), ""):
                raise IntegrityError(f"An address of {person} is not as the recorded links say.")
            report.addresses += 1
        after, holder = bytes(rows[-1][0]), rows[-1][1]
    if wanted:
        raise IntegrityError(f"An address of {next(iter(wanted))[0]} was recorded and has no row.")


def _linked(walk: _Walk) -> dict[tuple[str, str], str]:
    """(person, address) -> current or former. Only who does not have an address is linked to it, and only who has it
    leaves it: the two take turns, so their count says which came last. No order is asked for: both the receipt and the
    ledger's order follow clocks, and a clock that was set back puts a leaving before its link.
    """
    root_of = {record: root for root, records in walk.merged.items() for record in records}
    had: dict[tuple[str, str], int] = {}
    for event, addresses in walk.links:
        for address in dict.fromkeys(addresses):
            key = root_of.get(event.person, event.person), address
            had[key] = had.get(key, 0) + (1 if event.type == "address_linked" else -1)
    return {key: "current" if count > 0 else "former" for key, count in had.items() if key[0] not in walk.erased}


def _suppressions(tx: Tx, ws: str) -> None:
    """Suppressions are primary data, committed to in the `erased` fact: compared with that, not rebuilt."""
    for (body,) in tx.rows("erasures", ws=ws):
        event = events.decode(bytes(body))
        rows = tx.rows("suppressions_of_event", ws=ws, event=event.id)
        fits = digest_of([bytes(mac) for mac, _ in rows]) == event.facts.get("suppressions")
        if not fits or any(at != event.occurred_at for _, at in rows):
            raise IntegrityError(f"The suppressions kept by erasure {event.id} are not the ones it committed to.")
    stray = tx.row("stray_suppression", ws=ws)
    if stray:
        raise IntegrityError(f"A suppression rests on {stray[0]}, which is no recorded erasure.")


def digest_of(macs: list[bytes]) -> str:
    """What an `erased` fact says of the suppressions it made: SHA-256 over the sorted MACs, hex."""
    return hashlib.sha256(b"".join(sorted(macs))).hexdigest()
