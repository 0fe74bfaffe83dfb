"""Entry points as they are used: the links that lead to them, codes for the places they are printed at, statistics.

Rules of the room: a statistic is counted from the recorded facts whenever it is asked for, so a replay gives the same;
there is no counter to drift. A code is random, belongs to one place for ever and is never used twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import msgspec

from sayso.core import events, lifecycle
from sayso.core.events import Event
from sayso.core.purposes import check_name
from sayso.core.workspace import Entry, Workspace
from sayso.errors import InvalidRequest, NotConfigured, NotFound
from sayso.flows.entrances import PLACED
from sayso.flows.kit import Kit
from sayso.flows.record import facts_of, person_by_id
from sayso.flows.setup import fresh_code
from sayso.ports import DAY
from sayso.store.base import Tx

#: Places one entry point may be printed at; more of them are entry points of their own.
MAX_PLACEMENTS: Final = 1_000
#: Days counted at most, and when nobody says.
MAX_DAYS: Final = 366
DAYS: Final = 30
#: Days whose facts are read in one go: bounds the memory a busy year takes.
AT_ONCE: Final = 7
#: Kinds that people reach by a text or page of their own; the others have nothing to print.
PRINTABLE: Final = ("phrase", "keyword", "page")


# -- links and codes ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Link:
    """Where an entry point is reached: the address to open, the short form of it that people can read and compare, what
    to type instead of opening it, the number in E.164, and the code.
    """

    url: str
    short: str
    word: str
    number: str
    code: str


def link(workspace: Workspace, entry: Entry, public_url: str, code: str = "", *, chat: bool = False) -> Link:
    """The link of an entry point, by its own code or that of a placement.

    A page's own code opens the page, under `public_url`; `chat` leads into WhatsApp at once, and so does the code of a
    placement, because what was printed there shows the wording already. A keyword printed in one place needs no code.
    Raises InvalidRequest for an entry point people cannot reach by themselves, NotConfigured for a page without
    SAYSO_PUBLIC_URL.
    """
    _check_printable(workspace, entry)
    code = code or entry.code
    number = workspace.sender(entry.sender).phone
    digits = number.lstrip("+")
    if entry.kind == "page" and code == entry.code and not chat:
        if not public_url:
            raise NotConfigured("Set SAYSO_PUBLIC_URL: the https address under which people reach this Sayso.")
        url = f"{public_url.rstrip('/')}/o/{code}"
        return Link(url, url.partition("://")[2], f"[{code}]", number, code)
    words = entry.keywords[0] if entry.keywords else entry.phrase or workspace.name
    text, word = (f"{words} [{code}]", f"[{code}]") if code else (words, words)
    return Link(f"https://wa.me/{digits}?text={quote(text, safe='')}", f"wa.me/{digits}", word, number, code)


def _check_printable(workspace: Workspace, entry: Entry) -> None:
    if entry.kind not in PRINTABLE or workspace.sender(entry.sender).channel == "sms":
        raise InvalidRequest(f"'{entry.name}' cannot be printed: an entry point of kind '{entry.kind}' by "
                             f"{workspace.sender(entry.sender).channel} has no link that opens WhatsApp or a page.",
                             param="entry")


def code_of(tx: Tx, workspace: Workspace, entry: Entry, placement: str = "") -> str:
    """The code of a place that has one; without a placement the entry point's own, empty for a keyword.

    Raises NotFound for a placement that was never made.
    """
    if not placement:
        return entry.code
    found = placements(tx, workspace, entry).get(check_name(placement, "placement"))
    if found is None:
        raise NotFound(f"'{entry.name}' has no placement '{placement}'; make it with `sayso qr {entry.name} "
                       f"--placement {placement}`.", param="placement")
    return found


def make_placement(tx: Tx, kit: Kit, workspace: Workspace, entry: Entry, placement: str) -> str:
    """The code of this placement, made if there is none. Raises InvalidRequest for a bad name or the thousandth and
    first.
    """
    _check_printable(workspace, entry)
    known = placements(tx, workspace, entry)
    name = check_name(placement, "placement")
    if name in known:
        return known[name]
    if len(known) >= MAX_PLACEMENTS:
        raise InvalidRequest(f"An entry point has at most {MAX_PLACEMENTS} placements.", param="placement")
    code = fresh_code(kit, dict(tx.rows("entry_codes", ws=workspace.id)))
    tx.run("add_entry_code", ws=workspace.id, code=code, entry=f"{entry.name}{PLACED}{name}")
    return code


def placements(tx: Tx, workspace: Workspace, entry: Entry) -> dict[str, str]:
    """Every placement of an entry point with its code."""
    found: dict[str, str] = {}
    for code, owner in tx.rows("entry_codes", ws=workspace.id):
        name, mark, placement = str(owner).partition(PLACED)
        if mark and name == entry.name:
            found.setdefault(placement, code)
    return found


# -- statistics --------------------------------------------------------------------------------------------------------


class Counts(msgspec.Struct, frozen=True):
    """What became of the requests that were begun in one day or place. A request can be in several of them: one that
    was confirmed was also asked. Those in none are still open, or were called off by a stop.
    """

    begun: int = 0
    asked: int = 0
    confirmed: int = 0
    declined: int = 0
    expired: int = 0
    undeliverable: int = 0


class DayCounts(Counts, frozen=True):
    """The counts of one day, UTC, written 2026-11-23."""

    day: str = ""


class PlaceCounts(Counts, frozen=True):
    """The counts of one placement and way in; `placement` is empty for the entry point's own code."""

    placement: str = ""
    how: str = ""


class Statistics(msgspec.Struct, frozen=True):
    """An entry point over some days: all of it, day by day (oldest first), and by placement."""

    entry: str
    totals: Counts
    days: tuple[DayCounts, ...]
    placements: tuple[PlaceCounts, ...]


@dataclass(slots=True)
class _Request:
    day: int
    placement: str
    how: str
    valid_until: int
    outcomes: set[str]


def statistics(tx: Tx, kit: Kit, workspace: Workspace, entry: str, days: int = DAYS) -> Statistics:
    """Count what became of the requests begun in the last `days` days, today included (UTC).

    Each request counts on the day it was begun, whenever it was answered, so that a day's figures can be compared.
    Raises InvalidRequest for a number of days out of bounds.
    """
    if not 1 <= days <= MAX_DAYS:
        raise InvalidRequest(f"Statistics cover 1 to {MAX_DAYS} days.", param="days")
    last = kit.now() // DAY
    first = last - days + 1
    requests = _begun(tx, workspace.id, entry, first, last)
    _answers(tx, workspace.id, requests, first - 1, last)  # a day more, for clocks that disagree
    by_day: dict[int, list[_Request]] = {day: [] for day in range(first, last + 1)}
    by_place: dict[tuple[str, str], list[_Request]] = {}
    for request in requests.values():
        by_day[request.day].append(request)
        by_place.setdefault((request.placement, request.how), []).append(request)
    return Statistics(
        entry, Counts(**_tally(requests.values())),
        tuple(DayCounts(**_tally(group), day=_written(day)) for day, group in by_day.items()),
        tuple(PlaceCounts(**_tally(group), placement=placement, how=how)
              for (placement, how), group in sorted(by_place.items())),
    )


def _begun(tx: Tx, ws: str, entry: str, first: int, last: int) -> dict[str, _Request]:
    return {
        event.id: _Request(event.occurred_at // DAY, str(event.facts.get("placement", "")),
                           str(event.facts.get("how", "")), int(event.facts.get("valid_until", 0)), set())
        for event in _facts(tx, ws, "opt_in_requested", first, last) if event.facts.get("entry") == entry
    }


def _answers(tx: Tx, ws: str, requests: dict[str, _Request], first: int, last: int) -> None:
    """Note what the facts of these days say about these requests."""
    for kind, outcome in (("prompted", "asked"), ("prompt_failed", "undeliverable"), ("said_no", "declined"),
                          ("expired", "expired"), ("said_yes", "confirmed")):
        for event in _facts(tx, ws, kind, first, last):
            request = requests.get(event.cause)
            if request is not None and (kind != "said_yes" or _counts(tx, ws, event, request)):
                request.outcomes.add(outcome)


def _counts(tx: Tx, ws: str, yes: Event, request: _Request) -> bool:
    """Whether a yes granted, by the fold's own rule. A bare word may have come too late in the conversation; anything
    else only has to be in time.
    """
    if yes.occurred_at > request.valid_until:
        return False
    if yes.facts.get("how") != "word":
        return True
    person = person_by_id(tx, ws, yes.person, lock=False)
    return person is not None and yes.id in lifecycle.granting(facts_of(tx, ws, person.id))


def _facts(tx: Tx, ws: str, kind: str, first: int, last: int) -> Iterator[Event]:
    """The facts of one kind that occurred on these days, both included."""
    for day in range(first, last + 1, AT_ONCE):
        until = min(day + AT_ONCE, last + 1)
        for _, body in tx.rows("request_facts_between", ws=ws, type=kind, since=day * DAY, until=until * DAY):
            yield events.decode(bytes(body))


def _tally(requests: Iterable[_Request]) -> dict[str, int]:
    """The fields of Counts."""
    counts = dict.fromkeys(Counts.__struct_fields__, 0)
    for request in requests:
        counts["begun"] += 1
        outcomes = request.outcomes
        if "confirmed" in outcomes:  # a failed first try, or a later no, does not undo that it was confirmed
            outcomes = outcomes - {"undeliverable", "expired"}
        for outcome in outcomes:
            counts[outcome] += 1
    return counts


def _written(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
