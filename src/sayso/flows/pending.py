"""The life of a question nobody has answered: listed, asked once more at somebody's wish, in the end forgotten.

Rules of the room: only an operator or a program with a key can have a question asked again; a form that is sent again
cannot. Never over a stop, a hold or WhatsApp's own stop, and never more than once. What ran out unanswered is forgotten
after PURGE_AFTER: of somebody who said neither yes nor no there is nothing to prove and no no to keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Final

import msgspec

from sayso.core import events, identity
from sayso.core.events import Event
from sayso.core.identity import Address
from sayso.core.lifecycle import Pending, decode
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest, NotAskedAgain, NotFound, TemplateMissing
from sayso.flows import messages
from sayso.flows.kit import Kit
from sayso.flows.opt_in import in_window
from sayso.flows.owe import owe
from sayso.flows.people import reachable
from sayso.flows.record import Person, append, facts_of, person_by_id
from sayso.flows.rights import destroy
from sayso.ports import DAY
from sayso.store.base import Row, Store, Tx

#: A question is asked again at the earliest this long after it, or its reminder, went out.
RESEND_AFTER: Final = DAY
#: A question can be open no longer than this (settings/checks.py, PROMPT_HOURS).
LONGEST_OPEN: Final = 7 * DAY
#: Requests listed at most, and when nobody says; and looked at for one list, most of them answered long since.
MAX_LISTED: Final = 500
LISTED: Final = 100
MAX_LOOKED: Final = 5_000
#: How long the evidence of a request that ran out unanswered is kept: long enough for a person who complains about a
#: question to be told where it came from, and for a dispute with a provider over its cost.
PURGE_AFTER_DAYS: Final = 90
#: Days that may be chosen instead, ten years at most.
MAX_DAYS: Final = 3_650
#: Requests decided about in one transaction.
BATCH: Final = 200
#: All that is known of somebody who was only ever asked, and never spoke but to begin it.
ONLY_ASKED: Final = frozenset({
    "opt_in_requested", "prompted", "prompt_failed", "expired", "address_linked", "evidence_purged",
})


# -- the list ----------------------------------------------------------------------------------------------------------


class Waiting(msgspec.Struct, frozen=True):
    """An open request. `address` is masked. `undeliverable`: the provider did not deliver the newest question, and
    `code` is the number it gave (131049: WhatsApp itself limits what a person gets). `resend_from` is when it may be
    asked again, 0 for never. Times in microseconds UTC.
    """

    request: str
    person: str
    address: str
    entry: str
    placement: str
    how: str
    since: int
    until: int
    prompted_at: int
    undeliverable: bool
    code: int
    resend_from: int


@dataclass(frozen=True, slots=True)
class Page:
    """Open requests, newest first. `after` is where the next page begins, empty at the end."""

    items: tuple[Waiting, ...]
    after: str


def waiting(tx: Tx, kit: Kit, workspace: Workspace, *, after: str = "", limit: int = LISTED) -> Page:
    """Who was asked and has not answered. Raises NotFound for a cursor that is none, InvalidRequest for a bad limit."""
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidRequest(f"A list has 1 to {MAX_LISTED} lines.", param="limit")
    now, found = kit.now(), list[Waiting]()
    at, event_id = (_request(tx, workspace.id, after).occurred_at, after) if after else (now + 1, "")
    for _ in range(MAX_LOOKED // BATCH):
        rows = tx.rows("newest_requests", ws=workspace.id, since=now - LONGEST_OPEN, at=at, event=event_id, limit=BATCH)
        for row in rows:
            request = events.decode(bytes(row[1]))
            at, event_id = request.occurred_at, request.id
            item = _open_item(row, request, now)
            if item is not None:
                found.append(_described(tx, kit, workspace, row[2], request, item))
            if len(found) == limit:
                return Page(tuple(found), event_id)
        if len(rows) < BATCH:
            return Page(tuple(found), "")
    return Page(tuple(found), event_id)


def _open_item(row: Row, request: Event, now: int) -> Pending | None:
    pending = decode(bytes(row[3])).pending
    return next((item for item in pending if item.request == request.id and item.until >= now), None)


def _described(tx: Tx, kit: Kit, workspace: Workspace, person_id: str, request: Event, item: Pending) -> Waiting:
    person = person_by_id(tx, workspace.id, person_id, lock=False)
    address = reachable(tx, kit, workspace.id, person) if person else None
    failure = _failure(facts_of(tx, workspace.id, person_id), request.id)
    again = not tx.row("outbox_by_dedupe", ws=workspace.id, dedupe=_dedupe(request.id))
    resend_from = _cooled(item) if again and _cooled(item) <= item.until else 0
    return Waiting(
        request.id, person_id, identity.mask(address) if address else "", str(request.facts.get("entry", "")),
        str(request.facts.get("placement", "")), str(request.facts.get("how", "")), item.at, item.until,
        item.prompted_at, failure is not None, int(failure.facts.get("code", 0)) if failure else 0, resend_from)


def _failure(facts: list[Event], request: str) -> Event | None:
    """The failure of the newest question about this request; a later question that went out settles it."""
    mine = [fact for fact in facts if fact.cause == request and fact.type in ("prompted", "prompt_failed")]
    newest = max(mine, key=lambda fact: (fact.received_at, fact.id), default=None)
    return newest if newest is not None and newest.type == "prompt_failed" else None


def _cooled(item: Pending) -> int:
    return max(item.prompted_at, item.at) + RESEND_AFTER


def _dedupe(request: str) -> str:
    return f"resend:{request}"


def _request(tx: Tx, ws: str, request_id: str) -> Event:
    row = tx.row("event", ws=ws, event=request_id)
    event = events.decode(bytes(row[0])) if row else None
    if event is None or event.type != "opt_in_requested":
        raise NotFound("There is no request with this id.", param="request")
    return event


# -- asking again ------------------------------------------------------------------------------------------------------


def recipient(tx: Tx, kit: Kit, ws: str, request_id: str) -> Address:
    """Whom a request would ask again. Raises NotFound."""
    person = person_by_id(tx, ws, _request(tx, ws, request_id).person, lock=False)
    address = reachable(tx, kit, ws, person) if person else None
    if address is None:
        raise NotFound("There is no request with this id.", param="request")
    return address


def resend(tx: Tx, kit: Kit, workspace: Workspace, request_id: str) -> None:
    """Owe the question once more: as a reminder, or as the question itself if it never arrived.

    Raises NotFound, NotAskedAgain saying why not, TemplateMissing where only a template could reach the person.
    """
    request = _request(tx, workspace.id, request_id)
    person = person_by_id(tx, workspace.id, request.person)
    if person is None or person.erased:
        raise NotFound("There is no request with this id.", param="request")
    item = _may_ask(tx, kit, workspace, person, request)
    lang, sender = str(request.facts["lang"]), str(request.facts["sender"])
    if lang not in workspace.notices[str(request.facts["notice"])].templates and not in_window(
            person, sender, kit.now()):
        raise TemplateMissing(f"The 24 hour window is closed and notice '{request.facts['notice']}' has no template in "
                              f"'{lang}'.", param="request")
    arrived = item.prompted_at and _failure(facts_of(tx, workspace.id, person.id), request.id) is None
    tx.run("call_off_reminder", ws=workspace.id, person=person.id, request=request.id)
    owe(tx, kit, workspace.id, person.id, "reminder" if arrived else "prompt", sender=sender, answers=request.id,
        dedupe=_dedupe(request.id))


def _may_ask(tx: Tx, kit: Kit, workspace: Workspace, person: Person, request: Event) -> Pending:
    """The open request, if nothing speaks against asking. A stop closes every request older than itself."""
    item = next((item for item in person.standing.pending if item.request == request.id), None)
    if item is None:
        raise NotAskedAgain("The question was answered, or a stop has closed it.")
    if item.until < kit.now():
        raise NotAskedAgain("The question has run out; the person can begin anew.")
    standing = person.standing
    if any(mark.cell.touches(cell) for mark in (*standing.native, *standing.holds) for cell in item.cells):
        raise NotAskedAgain("The person stopped this in WhatsApp itself, or wrote something that may mean stop.")
    if messages.replaced(workspace, "prompt", request):
        raise NotAskedAgain("The wording this request was to show has been replaced.")
    if tx.row("outbox_by_dedupe", ws=workspace.id, dedupe=_dedupe(request.id)):
        raise NotAskedAgain("The question was asked again once already; more would be pressing.")
    if kit.now() < _cooled(item):
        hours = -((kit.now() - _cooled(item)) // (DAY // 24))
        raise NotAskedAgain(f"The question was asked within the last 24 hours; it may be repeated in {hours} h.")
    return item


# -- forgetting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Purged:
    """One round: requests looked at, those whose evidence was destroyed, people erased whole, and the records whose
    keys the vault must forget once this is committed.
    """

    looked: int = 0
    requests: int = 0
    people: int = 0
    records: tuple[str, ...] = ()


def sweep(store: Store, kit: Kit, ws: str, *, days: int = PURGE_AFTER_DAYS) -> Purged:
    """Forget all requests that ran out unanswered at least this many days ago, and make it unrecoverable."""
    total = Purged()
    while (done := store.write(lambda tx: purge(tx, kit, ws, days=days))).looked:
        for record in done.records:
            kit.vault.forget(record)  # after the commit: nobody can load the key again
        total = Purged(total.looked + done.looked, total.requests + done.requests, total.people + done.people,
                       total.records + done.records)
    if total.requests or total.people:
        store.purge()
    return total


def purge(tx: Tx, kit: Kit, ws: str, *, days: int = PURGE_AFTER_DAYS) -> Purged:
    """One round over the oldest requests not looked at before. `looked` 0 means there are no more."""
    before, mark = _before(kit, days), _mark(tx, ws)
    requests = people = 0
    records: list[str] = []
    ripe = _ripe(tx, ws, mark, before)
    for request in ripe:
        gone = _forget(tx, kit, ws, request, before)
        requests, people = requests + (gone is not None), people + bool(gone)
        records += gone or ()
    if ripe:
        tx.run("set_meta", name=f"purged/{ws}", value=f"{ripe[-1].occurred_at} {ripe[-1].id}")
    return Purged(len(ripe), requests, people, tuple(records))


def outlook(tx: Tx, kit: Kit, ws: str, *, days: int = PURGE_AFTER_DAYS) -> Purged:
    """What `sweep` would do now. Nothing changes."""
    before, mark = _before(kit, days), _mark(tx, ws)
    looked = requests = 0
    people: set[str] = set()
    while ripe := _ripe(tx, ws, mark, before):
        for request in ripe:
            person = person_by_id(tx, ws, request.person, lock=False)
            facts = _history(tx, ws, person)
            if person is None or person.erased or _answered(facts, request):
                continue
            requests += 1
            if _only_asked(facts, before):
                people.add(person.id)
        looked, mark = looked + len(ripe), (ripe[-1].occurred_at, ripe[-1].id)
    return Purged(looked, requests, len(people), tuple(sorted(people)))


def _before(kit: Kit, days: int) -> int:
    if not 1 <= days <= MAX_DAYS:
        raise InvalidRequest(f"Requests are forgotten after 1 to {MAX_DAYS} days.", param="days")
    return kit.now() - days * DAY


def _ripe(tx: Tx, ws: str, mark: tuple[int, str], before: int) -> list[Event]:
    """The next requests after the mark that ran out before that time."""
    rows = tx.rows("oldest_requests", ws=ws, before=before, at=mark[0], event=mark[1], limit=BATCH)
    requests = [events.decode(bytes(body)) for _, body in rows]
    # Up to the first that ran out later: it is looked at again, and so is what began after it.
    return list(takewhile(lambda request: int(request.facts.get("valid_until", 0)) <= before, requests))


def _mark(tx: Tx, ws: str) -> tuple[int, str]:
    """How far earlier rounds came: what they decided about is decided for good."""
    row = tx.row("meta", name=f"purged/{ws}")
    at, _, event_id = str(row[0]).partition(" ") if row else ("0", "", "")
    return int(at), event_id


def _forget(tx: Tx, kit: Kit, ws: str, request: Event, before: int) -> tuple[str, ...] | None:
    """Destroy the evidence of a request nobody answered, or the whole record if there is nothing else in it. Returns
    the records erased, none for evidence alone, None if it was kept.
    """
    person = person_by_id(tx, ws, request.person)
    facts = _history(tx, ws, person)
    if person is None or person.erased or _answered(facts, request):
        return None
    if _only_asked(facts, before):
        return destroy(tx, kit, ws, person, how="never_answered", keep_no=False).records
    if not tx.run("purge_opening", ws=ws, event=request.id):
        return None
    append(tx, kit, ws, "evidence_purged", person=person.id, cause=request.id, facts={"why": "never_answered"})
    return ()


def _history(tx: Tx, ws: str, person: Person | None) -> list[Event]:
    """Everything recorded of a person, small talk included."""
    rows = tx.rows("history_of", ws=ws, person=person.id) if person else []
    return [events.decode(bytes(body)) for body, _ in rows]


def _answered(facts: list[Event], request: Event) -> bool:
    """An answer is proof, whatever it was, and so is what it answered."""
    return any(fact.cause == request.id and fact.type in ("said_yes", "said_no") for fact in facts)


def _only_asked(facts: list[Event], before: int) -> bool:
    """True for somebody who was only ever asked, and whose every request ran out before that time."""
    ran_out = all(int(fact.facts.get("valid_until", 0)) <= before for fact in facts if fact.type == "opt_in_requested")
    return ran_out and ONLY_ASKED.issuperset(fact.type for fact in facts)
