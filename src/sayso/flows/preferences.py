"""What somebody may see and do with a private link: where they stand, leave, switch, pause, be forgotten.

Rules of the room: a link is no proof of the phone. It stops and silences, it never grants, and it shows no number, no
name and nothing anybody wrote. What was stopped already is not recorded again, so that a link in the wrong hands fills
no ledger. Whoever was erased, or is not there any more, gets the same answers as somebody of whom nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from sayso.core import events, lifecycle
from sayso.core.lifecycle import Standing
from sayso.core.purposes import ANY, EVERYTHING, Cell
from sayso.core.workspace import Entry, Workspace
from sayso.errors import InvalidRequest
from sayso.flows import opt_out, proof, rights
from sayso.flows.forms import SHARING
from sayso.flows.kit import Kit
from sayso.flows.links import Link
from sayso.flows.opt_in import chat_link
from sayso.flows.opt_out import OptedOut
from sayso.flows.record import Person, append, person_by_id, tell
from sayso.flows.rights import Erased
from sayso.ports import DAY
from sayso.store.base import Tx

#: How long somebody may ask for silence, in days.
PAUSES: Final = (7, 30, 90)
#: Facts of one person's history that are shown, the newest.
MAX_TOLD: Final = 200
#: Kinds of entry points by which somebody can begin in WhatsApp by themselves.
BEGUN_IN_CHAT: Final = ("phrase", "page", "keyword")
#: Facts that people are told of, and by which words (`told_...` in the page's texts).
TOLD: Final[Mapping[str, str]] = {
    "opt_in_requested": "asked", "said_yes": "yes", "consent_recorded": "recorded", "said_no": "no",
    "said_stop": "stop", "native_stop": "native_stop", "native_resume": "native_resume", "paused": "paused",
    "pause_ended": "pause_ended", "data_given": "data", "suppression_restored": "stop",
}
#: Where a fact came from, as people know it; everything else came in the chat.
PLACES: Final[Mapping[str, str]] = {
    "page": "page", "widget": "page", "preferences": "page", "one_click": "page", "gpc": "page", "sms": "sms",
    "api": "business", "library": "business", "cli": "business", "import": "business", "clerk": "business",
}

#: What people may tap when they are asked why they left.
REASONS: Final = ("too_many", "not_relevant", "never_asked", "other")

State = Literal["on", "off", "asked"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A purpose and where the person stands with it. `joinable`: an entry point leads there by the chat."""

    purpose: str
    state: State
    joinable: bool


@dataclass(frozen=True, slots=True)
class Told:
    """A fact of the person, fit to be read by them: what, when, where, about which purposes, in which wording."""

    what: str
    at: int
    place: str
    purposes: tuple[str, ...] = ()
    wording: str = ""
    lang: str = ""
    until: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """What the page shows. `known` is False for somebody of whom nothing is kept."""

    known: bool
    lang: str = ""
    choices: tuple[Choice, ...] = ()
    stopped_all: bool = True
    paused_until: int = 0
    silent_by: int = 0
    history: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of a form: the stops it made, and the purposes that now need a message from the phone itself."""

    stops: tuple[OptedOut, ...] = ()
    to_join: tuple[str, ...] = ()


def look(tx: Tx, kit: Kit, workspace: Workspace, link: Link, *, history: bool = True) -> View:
    """Where the person behind a link stands. It changes nothing."""
    person = holder(tx, link, lock=False)
    if person is None:
        return View(known=False)
    now, standing = kit.now(), person.standing
    live = [mark.until for mark in standing.pauses if mark.until > now]
    return View(
        known=True, lang=person.lang, choices=choices(workspace, standing, now),
        stopped_all=opt_out.already_stopped(standing, EVERYTHING), paused_until=max(live, default=0),
        silent_by=opt_out.silent_by(tx, workspace.id, [person.id]),
        history=told(tx, kit, workspace, person) if history else (),
    )


def holder(tx: Tx, link: Link, *, lock: bool = True) -> Person | None:
    """The person this link now stands for, or None for somebody erased or forgotten."""
    person = person_by_id(tx, link.workspace, link.person, lock=lock)
    return None if person is None or person.erased else person


def choices(workspace: Workspace, standing: Standing, now: int) -> tuple[Choice, ...]:
    """Every purpose the person ever decided about or could join, in the order the business declares them."""
    found = []
    for name, purpose in workspace.purposes.items():
        if purpose.cls == "service":  # an answer to what somebody writes needs no switch
            continue
        states = {_state(standing, Cell(name, sender, purpose.cls), now) for sender in workspace.senders}
        joinable = way_in(workspace, name) is not None
        if states - {"unknown"} or joinable:
            found.append(Choice(name, "on" if "on" in states else "asked" if "asked" in states else "off", joinable))
    return tuple(found)


def _state(standing: Standing, cell: Cell, now: int) -> str:
    """As the gate will read it: what WhatsApp's own switch stops is off, whatever was granted."""
    if not standing.readable or any(mark.cell.covers(cell) for mark in standing.native):
        return "off"
    return {"granted": "on", "pending": "asked", "unknown": "unknown"}.get(
        lifecycle.state_of(standing, cell, now), "off")


def way_in(workspace: Workspace, *purposes: str) -> Entry | None:
    """The entry point by which somebody joins all of these from the chat: the one that asks least besides them, and by
    a code where there is one, for only that can name a choice.
    """
    fit = [entry for entry in workspace.entries.values()
           if entry.kind in BEGUN_IN_CHAT and set(purposes) <= set(workspace.notices[entry.notice].purposes)
           and workspace.sender(entry.sender).channel == "whatsapp"]
    coded = [entry for entry in fit if entry.code] or fit
    return min(coded, key=lambda entry: len(workspace.notices[entry.notice].purposes), default=None)


def ways_in(workspace: Workspace, purposes: Sequence[str], hello: str) -> list[tuple[tuple[str, ...], str]]:
    """(purposes, link) that lead into the chat, where the person's own message is the proof; one for each entry point
    it takes.
    """
    wanted = [name for name in workspace.purposes if name in purposes]
    together: dict[str, list[str]] = {}
    common = way_in(workspace, *wanted) if wanted else None
    for name in wanted:
        entry = common or way_in(workspace, name)
        if entry is not None:
            together.setdefault(entry.name, []).append(name)
    found = []
    for entry_name, names in together.items():
        entry = workspace.entries[entry_name]
        notice = workspace.notices[entry.notice]
        chosen = tuple(names) if len(names) < len(notice.purposes) else ()
        covered = tuple(names) if entry.code else notice.purposes  # a keyword asks for the whole notice
        found.append((covered, chat_link(workspace, entry, chosen=chosen, hello=hello)))
    return found


# -- acts --------------------------------------------------------------------------------------------------------------


def stop(tx: Tx, kit: Kit, workspace: Workspace, link: Link, *, how: str = "preferences",
         cell: Cell = EVERYTHING) -> OptedOut:
    """Leave. However old the link is; the second time nothing is recorded."""
    person = holder(tx, link) or _come_back(tx, link)
    if person is None or opt_out.told_already(tx, workspace.id, person.standing, cell):
        who = person.id if person else link.person
        return OptedOut("", who, opt_out.silent_by(tx, workspace.id, [who]), changed=False)
    return opt_out.leave(tx, kit, workspace, person, cell, how=how, evidence=_evidence(link))


def _come_back(tx: Tx, link: Link) -> Person | None:
    """Somebody erased who has a new record by now. What is kept of them is their no, and by it a no finds them."""
    kept = [event.id for (body,) in tx.rows("facts_of", ws=link.workspace, person=link.person)
            if (event := events.decode(bytes(body))).type == "erased"]
    for event_id in kept:
        for mac, *_ in tx.rows("suppressions_of_event", ws=link.workspace, event=event_id):
            row = tx.row("person_by_mac", ws=link.workspace, mac=bytes(mac))
            if row is not None:
                return person_by_id(tx, link.workspace, row[0])
    return None


def save(tx: Tx, kit: Kit, workspace: Workspace, link: Link, was: Mapping[str, str],
         wanted: Mapping[str, str]) -> Saved:
    """Take the switches of a form: `was` is how they stood when it was shown, `wanted` how it came back.

    What the form does not name stays as it is, and so does what it did not change. Off is done at once; on is only
    noted, for it takes a message from the phone.
    """
    person = holder(tx, link)
    if person is None:
        return Saved()
    now, stops, to_join = kit.now(), [], []
    for choice in choices(workspace, person.standing, now):
        wish = wanted.get(choice.purpose, "")
        if wish not in ("on", "off") or wish == was.get(choice.purpose):
            continue
        if wish == "off":
            stops.append(stop(tx, kit, workspace, link, cell=Cell(choice.purpose, ANY, ANY)))
        elif choice.state != "on" and choice.joinable:
            to_join.append(choice.purpose)
    return Saved(tuple(one for one in stops if one.changed), tuple(to_join))


def pause(tx: Tx, kit: Kit, workspace: Workspace, link: Link, days: int) -> OptedOut | None:
    """Silence for some days: nothing but answers to what the person writes. None while a longer one runs already.

    Raises InvalidRequest for a time that is not offered.
    """
    if days not in PAUSES:
        raise InvalidRequest(f"A pause lasts {', '.join(map(str, PAUSES))} days.", param="days")
    person, until = holder(tx, link), kit.now() + days * DAY
    if person is None or any(mark.until >= until - DAY for mark in person.standing.pauses):
        return None
    event, person = tell(tx, kit, workspace.id, person, "paused", cells=(EVERYTHING,), evidence=_evidence(link),
                         facts={"how": "preferences", "until": until})
    return OptedOut(event.id, person.id, opt_out.silent_by(tx, workspace.id, [person.id]), changed=True)


def end_pause(tx: Tx, kit: Kit, workspace: Workspace, link: Link) -> bool:
    """The pause is over; everything else stays as it is."""
    person = holder(tx, link)
    if person is None or not any(mark.until > kit.now() for mark in person.standing.pauses):
        return False
    tell(tx, kit, workspace.id, person, "pause_ended", cells=(EVERYTHING,), facts={"how": "preferences"},
         evidence=_evidence(link))
    return True


def object_to_sharing(tx: Tx, kit: Kit, workspace: Workspace, link: Link) -> None:
    """Global Privacy Control came along with a form: an objection to handing data to others (CCPA regulations, section
    7025(c)). Where nobody is shared with and nothing was asked, there is nothing to object to.
    """
    if any(purpose.cls == "sharing" for purpose in workspace.purposes.values()):
        person = holder(tx, link)
        if person is not None and not opt_out.told_already(tx, workspace.id, person.standing, SHARING):
            opt_out.stop(tx, kit, workspace, person, SHARING, how="gpc", evidence={"signal": "Sec-GPC: 1"})


def erase(tx: Tx, kit: Kit, workspace: Workspace, link: Link) -> Erased | None:
    """Be forgotten, at once: the no is kept, so nothing is left for anybody to decide. After the commit the caller
    purges. None if it is done already.
    """
    person = holder(tx, link)
    if person is None:
        return None
    asked = append(tx, kit, workspace.id, "erasure_requested", person=person.id, facts={"how": "preferences"})
    return rights.destroy(tx, kit, workspace.id, person, how="preferences", keep_no=True, cause=asked.id)


def give_reason(tx: Tx, kit: Kit, workspace: Workspace, link: Link, reason: str) -> bool:
    """Why somebody left, once for each time. True if it was taken."""
    person = holder(tx, link)
    if person is None or reason not in REASONS or not workspace.policy.ask_reason:
        return False
    left = max((mark for mark in person.standing.stops), key=lambda mark: (mark.at, mark.event), default=None)
    lines = proof.history_of(tx, kit, workspace.id, person.id) if left else []
    if left is None or any(line["type"] == "reason_given" and line["cause"] == left.event for line in lines):
        return False
    append(tx, kit, workspace.id, "reason_given", person=person.id, cause=left.event,
           facts={"reason": reason, "how": "preferences"})
    tx.run("add_reason", ws=workspace.id, stop=left.event, reason=reason, at=kit.now())
    return True


# -- history -----------------------------------------------------------------------------------------------------------


def told(tx: Tx, kit: Kit, workspace: Workspace, person: Person) -> tuple[Told, ...]:
    """What is recorded of the person in words fit for them, newest first, with the exact wording they were shown."""
    every = proof.history_of(tx, kit, workspace.id, person.id)
    about = {line["id"]: line["cells"] for line in every}
    lines = [line for line in every if line["type"] in TOLD]
    return tuple(_told(tx, kit, workspace, line | {"cells": line["cells"] or about.get(line["cause"], [])})
                 for line in reversed(lines[-MAX_TOLD:]))  # a yes is about what its request named


def _told(tx: Tx, kit: Kit, workspace: Workspace, line: Mapping[str, Any]) -> Told:
    facts = line["facts"]
    purposes = tuple(dict.fromkeys(name for cell in line["cells"] for name in _named(workspace, Cell(*cell))))
    wording, lang = wording_of(tx, kit, workspace.id, line)
    place = PLACES.get(str(facts.get("how", "")), "chat")
    return Told(TOLD[line["type"]], line["occurred_at"], place, purposes, wording, lang, int(facts.get("until", 0)))


def _named(workspace: Workspace, cell: Cell) -> Sequence[str]:
    """The purposes a cell is about; none for one that is about everything."""
    if cell.purpose != ANY:
        return (cell.purpose,)
    return [name for name, purpose in workspace.purposes.items() if purpose.cls == cell.cls]


def wording_of(tx: Tx, kit: Kit, ws: str, line: Mapping[str, Any]) -> tuple[str, str]:
    """The wording somebody was shown with this fact, and its language; empty for a fact that showed none."""
    facts = line["facts"]
    if line["type"] in ("opt_in_requested", "consent_recorded") and "notice_version" in facts:
        lang = str(facts.get("lang", ""))
        row = tx.row("notice", ws=ws, notice=str(facts["notice"]), version=int(facts["notice_version"]), lang=lang)
        return (row[0], lang) if row else ("", "")
    if line["type"] == "consent_recorded":
        kept = proof.openings_of(tx, kit, ws, line["id"]).get("wording")
        return (kept.value, "") if kept else ("", "")
    return "", ""


def _evidence(link: Link) -> dict[str, str]:
    """A link is all that shows who it was: which kind, and when it was made."""
    return {"link": f"{link.use} {link.made_at}"}
