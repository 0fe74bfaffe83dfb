"""Opting in, the first half: an entry point asks, or the person begins. Nothing here grants anything.

A request that the person did not begin themselves (the API) is refused over a stop: who said no is not asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote

from sayso.core import lifecycle
from sayso.core.events import OWN_CLOCK, Event, Fact
from sayso.core.gate import SERVICE_WINDOW
from sayso.core.identity import Address
from sayso.core.lifecycle import Pending, Standing
from sayso.core.purposes import Cell
from sayso.core.workspace import Entry, Notice, Sender, Workspace
from sayso.errors import EvidenceMissing, InvalidRequest, TemplateMissing
from sayso.flows.kit import Kit
from sayso.flows.owe import owe
from sayso.flows.people import find, identify, suppressed
from sayso.flows.record import Person, believed, tell
from sayso.ports import HOUR, MINUTE
from sayso.store.base import Tx

#: Stops in a record, each known to other requests than the rest, beyond which no more of them are told apart.
MOST_STOPS: Final = 24
#: A person who asks again this soon after the question went out gets no second one.
ASK_AGAIN: Final = MINUTE
#: Ways to begin that are not asked about again while a question is open.
ASKED_ONCE: Final = frozenset({"sms", "ad"})
#: Evidence an API client may hand over, and the longest value of each.
EVIDENCE_FIELDS: Final = ("page", "ip", "user_agent", "form", "clerk", "note")
MAX_EVIDENCE_VALUE: Final = 1024
#: Ways to ask that anybody may use with anybody's number.
BY_FORM: Final = frozenset({"page", "widget"})
#: Kinds of entry point through which somebody else hands over a number.
ASKED_FOR: Final = frozenset({"api", "page"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Where a request stands. `state`: pending, granted (nothing was asked), or withdrawn (nothing may be asked)."""

    state: Literal["pending", "granted", "withdrawn"]
    person: str
    request: str
    chat_link: str


def chat_link(workspace: Workspace, entry: Entry, *, chosen: tuple[str, ...] = (), hello: str = "",
              lang: str = "") -> str:
    """A wa.me link by which the person begins the chat themselves, the better proof (Meta: click to chat).

    `chosen` are the purposes they ticked, if not all of the notice's; `hello` stands in for a phrase not declared;
    `lang` is the language they read the wording in.
    """
    sender = workspace.sender(entry.sender)
    if entry.code:
        words = " ".join((coded(workspace, entry, lang), *chosen))
        text = f"{entry.phrase or hello or f'Hi {workspace.name}'} [{words}]".strip()
    else:
        text = entry.keywords[0] if entry.keywords else "START"
    return f"https://wa.me/{sender.phone.lstrip('+')}?text={quote(text, safe='')}"


def coded(workspace: Workspace, entry: Entry, lang: str) -> str:
    """The code of an entry point, with the language to ask in behind it where that is not the one it asks in anyway."""
    notice = workspace.notices[entry.notice]
    usual = notice.language(entry.lang, workspace.language)
    named = lang in notice.text and lang != usual and lang.lower() not in notice.purposes
    return f"{entry.code} {lang.lower()}" if named else entry.code


def ask(tx: Tx, kit: Kit, workspace: Workspace, address: Address, entry: Entry, *, evidence: Mapping[str, str],
        lang: str = "", chosen: tuple[str, ...] = (), how: str = "api",
        admit: Callable[[], Mapping[str, Fact]] | None = None) -> Asked:
    """Begin a double opt-in for somebody who left their number with an entry point of kind `api` or `page`.

    `chosen` are the purposes they ticked, all of the notice's if empty. `admit` is asked just before a question is
    owed and raises Limited if there were too many; what it returns goes into the request's facts.

    Raises EvidenceMissing without evidence, TemplateMissing if only a template could reach the person and none is
    set. Records nothing for somebody who is in already or said stop; who is in for some of it is asked about the rest
    alone, so that a "no" to a stranger's question takes nothing away. A form, which anybody may fill in, asks nobody
    who has a question open or said no to anything.
    """
    if entry.kind not in ASKED_FOR:
        raise InvalidRequest(f"'{entry.name}' is for people who begin in WhatsApp; ask through one of kind 'api'.",
                             param="entry")
    for name in evidence:
        if name not in EVIDENCE_FIELDS:
            raise InvalidRequest(f"Evidence has the fields {', '.join(EVIDENCE_FIELDS)}.",
                                 param=f"evidence.{name[:48]}")
    if not any(value.strip() for value in evidence.values()):
        raise EvidenceMissing(f"Say where the person asked for this: one of {', '.join(EVIDENCE_FIELDS)}.",
                              param="evidence")
    notice, sender = workspace.notices[entry.notice], workspace.sender(entry.sender)
    link, known = chat_link(workspace, entry), find(tx, kit, workspace.id, address)
    lang = notice.language(lang or entry.lang or (known.lang if known else ""), workspace.language)
    if known is None and suppressed(tx, kit, workspace.id, [address]):
        return Asked("withdrawn", "", "", link)
    cells = workspace.cells_of(notice, chosen)
    if known is not None:
        if any(_refused(known, cell) for cell in cells) or (how in BY_FORM and _said_no(known)):
            return Asked("withdrawn", known.id, "", link)
        chosen = _left_to_ask(notice, known, cells, kit.now())
        if not chosen:
            return Asked("granted", known.id, "", link)
        cells = workspace.cells_of(notice, chosen)
        waiting = _open(known, kit.now()) if how in BY_FORM else _waiting(known, cells, kit.now())
        if waiting is not None:
            return Asked("pending", known.id, waiting.request, link)
    if lang not in notice.templates and not (known and in_window(known, sender.name, kit.now())):
        raise TemplateMissing(f"Configure a template for notice '{notice.name}' in '{lang}', or send the person to "
                              "the chat link.", param="entry")
    more = admit() if admit else {}
    person = known or identify(tx, kit, workspace.id, [address], lang=lang, how="opt_in")
    kept = {name: value[:MAX_EVIDENCE_VALUE] for name, value in evidence.items() if value.strip()}
    request, person = request_opt_in(tx, kit, workspace, person, entry, sender, lang=lang, how=how, evidence=kept,
                                     chosen=chosen, more=more)
    return Asked("pending", person.id, request.id, link)


def begin(tx: Tx, kit: Kit, workspace: Workspace, person: Person, entry: Entry, sender: Sender, *, how: str,
          occurred_at: int, clock: str, evidence: Mapping[str, str], chosen: tuple[str, ...] = (),
          placement: str = "") -> Person:
    """The person began it by a message of their own, which is the evidence and opens the window of `sender`, the number
    they wrote to. `chosen` are the words beside its code: purposes, and a language to ask in; what the notice does not
    have is passed over. `placement` is where the code in it was printed.

    The entry point may let another number ask: a keyword by SMS is asked about in WhatsApp. An SMS can be forged and an
    ad only opens a chat, so neither is asked about twice; an ad not over a no, either.
    """
    notice, asks = workspace.notices[entry.notice], workspace.sender(entry.confirm) if entry.confirm else sender
    tags = {tag.lower(): tag for tag in notice.text if tag.lower() not in notice.purposes}
    read_in = next((tags[word] for word in chosen if word in tags), "")
    named = [word for word in chosen if word not in tags]
    chosen = tuple(name for name in notice.purposes if name in named)
    if named and not chosen:  # what was ticked is not in this notice any more: nothing else was asked for
        return tell(tx, kit, workspace.id, person, "spoke", occurred_at=occurred_at, clock=clock,
                    facts={"inbound": sender.name})[1]
    cells = workspace.cells_of(notice, chosen)
    lang = notice.language(read_in or entry.lang or person.lang, workspace.language)
    waiting, now = _waiting(person, cells, kit.now()), kit.now()
    just_asked = waiting is not None and (
        how in ASKED_ONCE or now - max(waiting.prompted_at, waiting.at) < ASK_AGAIN)
    declined = how == "ad" and any(_refused(person, cell) for cell in cells)
    if just_asked or declined or _all_granted(person, cells, now):
        _, person = tell(tx, kit, workspace.id, person, "spoke", occurred_at=occurred_at, clock=clock,
                         facts={"inbound": sender.name})
        return person
    _, person = request_opt_in(tx, kit, workspace, person, entry, asks, lang=lang, how=how, evidence=evidence,
                               occurred_at=occurred_at, clock=clock, inbound=sender.name, chosen=chosen,
                               more={"placement": placement} if placement else None)
    return person


def request_opt_in(tx: Tx, kit: Kit, workspace: Workspace, person: Person, entry: Entry, sender: Sender, *, lang: str,
                   how: str, evidence: Mapping[str, str], occurred_at: int = 0, clock: str = OWN_CLOCK,
                   inbound: str = "", chosen: tuple[str, ...] = (),
                   more: Mapping[str, Fact] | None = None) -> tuple[Event, Person]:
    """Record the request with the wording it shows, and owe the question. `more` are further facts of it, `inbound` the
    number it was said to.
    """
    notice = workspace.notices[entry.notice]
    at = believed(occurred_at, clock, kit.now())
    facts: dict[str, Fact] = {
        "entry": entry.name, "how": how, "lang": lang, "notice": notice.name, "notice_version": notice.version,
        "notice_hash": notice.hash(lang), "sender": sender.name,
        "valid_until": at + workspace.policy.prompt_valid_hours * HOUR,
    }
    facts |= more or {}
    cells = workspace.cells_of(notice, chosen)
    if inbound:
        facts["inbound"] = inbound
        after = known_stops(person.standing, cells, at, clock)
        facts |= {"after": " ".join(after)} if after else {}
    if inbound and lang != person.lang:  # a stranger's form changes nobody's language
        tx.run("set_lang", ws=workspace.id, person=person.id, lang=lang)
    request, person = tell(tx, kit, workspace.id, person, "opt_in_requested", cells=cells,
                           occurred_at=at, clock=clock, facts=facts, evidence=evidence)
    if any(item.request == request.id for item in person.standing.pending):
        owe(tx, kit, workspace.id, person.id, "prompt", sender=sender.name, answers=request.id)
        owe(tx, kit, workspace.id, person.id, "expiry", sender=sender.name, answers=request.id,
            run_at=int(facts["valid_until"]))
    return request, person


def known_stops(standing: Standing, cells: Iterable[Cell], at: int, clock: str) -> tuple[str, ...]:
    """The stops on record that what a person asks for at this time follows, of those so near that the clocks could not
    tell for the answer to it: at most twice SKEW ago. A tie on one clock goes to the stop; another clock may be behind
    by REPLY_SLACK. Who left and came back so often that their record grows with it gets none: then the clocks decide.
    """
    if len(standing.stops) > MOST_STOPS:
        return ()
    wanted = tuple(cells)
    return tuple(sorted({
        stop.event for stop in standing.stops
        if any(stop.cell.covers(cell) for cell in wanted) and at <= stop.at + 2 * lifecycle.SKEW
        and (at > stop.at if stop.clock == clock else at >= stop.at - lifecycle.REPLY_SLACK)}))


def in_window(person: Person, sender: str, now: int) -> bool:
    """True while free-form messages reach this person from this sender."""
    opened = dict(person.standing.windows).get(sender, 0)
    return now - SERVICE_WINDOW < opened


def _refused(person: Person, cell: Cell) -> bool:
    """True if the person said no to this, here or in WhatsApp itself."""
    native = any(mark.cell.covers(cell) for mark in person.standing.native)
    return native or lifecycle.blocking(person.standing, cell) is not None


def _said_no(person: Person) -> bool:
    """True while a no of the person stands, to whatever it was."""
    standing = person.standing
    return bool(standing.native) or any(lifecycle.blocking(standing, mark.cell) for mark in standing.stops)


def _left_to_ask(notice: Notice, person: Person, cells: tuple[Cell, ...], now: int) -> tuple[str, ...]:
    """The purposes of these cells that somebody has not agreed to in full, in the notice's order."""
    missing = {cell.purpose for cell in cells if lifecycle.state_of(person.standing, cell, now) != "granted"}
    return tuple(name for name in notice.purposes if name in missing)


def _open(person: Person, now: int) -> Pending | None:
    """The newest question that waits for an answer, whatever it is about."""
    return max((item for item in person.standing.pending if item.until >= now), key=lambda item: item.at, default=None)


def _all_granted(person: Person, cells: tuple[Cell, ...], now: int) -> bool:
    return all(lifecycle.state_of(person.standing, cell, now) == "granted" for cell in cells)


def _waiting(person: Person, cells: tuple[Cell, ...], now: int) -> Pending | None:
    """The open request for exactly these cells."""
    same = [item for item in person.standing.pending if item.until >= now and set(item.cells) == set(cells)]
    return max(same, key=lambda item: item.at, default=None)
