"""What a person is told of where they stand: the lines of STATUS, the rows of TOPICS, what a stop left standing.

Rules of the room: only what the gate would say too, read from the same standing; in the person's language, with the
names the business gave its purposes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from sayso.core import lifecycle
from sayso.core.lifecycle import Mark
from sayso.core.purposes import ANY, EVERYTHING, Cell
from sayso.core.workspace import Sender, Workspace
from sayso.flows import entrances
from sayso.flows.confirm import OFF_ID, ON_ID
from sayso.flows.kit import Kit
from sayso.flows.record import Person
from sayso.ports import SECOND
from sayso.rules.reader import Replies

#: Rows of a list, and characters of a row's title (Cloud API, interactive list messages).
MAX_ROWS: Final = 10
MAX_TITLE: Final = 24
#: Classes a person does not choose: answers to questions of their own, and codes.
UNCHOSEN: Final = frozenset({"service", "authentication"})


def day(at: int) -> str:
    """A day as everybody reads it, UTC."""
    return datetime.fromtimestamp(at // SECOND, UTC).date().isoformat()


def granted(workspace: Workspace, person: Person, now: int) -> dict[str, Mark]:
    """Purposes with a live yes, from whichever number, and the yes that lasts longest."""
    found = {}
    for name, purpose in workspace.purposes.items():
        marks = [lifecycle.grant_of(person.standing, Cell(name, sender, purpose.cls)) for sender in workspace.senders]
        live = [mark for mark in marks if mark is not None and (not mark.until or mark.until > now)]
        if live:
            found[name] = max(live, key=lambda mark: mark.at)
    return found


def titles(workspace: Workspace, names: Iterable[str], lang: str) -> str:
    """Purposes in the words people know them by."""
    return workspace.titles(tuple(Cell(name, ANY, ANY) for name in names), lang)


def stopped_by(workspace: Workspace, cells: tuple[Cell, ...]) -> list[str]:
    """The declared purposes that a stop touches."""
    return [name for name, purpose in workspace.purposes.items()
            if any(cell.touches(Cell(name, ANY, purpose.cls)) for cell in cells)]


def lines(kit: Kit, workspace: Workspace, person: Person, replies: Replies, lang: str) -> list[str]:
    """What they agreed to, when and how; what is stopped or paused."""
    now, told = kit.now(), []
    live = granted(workspace, person, now)
    for elsewhere, text in ((False, replies.status_yes), (True, replies.status_elsewhere)):
        told += [f"✓ {text.format(purposes=names, date=date)}" for date, names in _by_day(
            workspace, {name: mark for name, mark in live.items() if mark.elsewhere is elsewhere}, lang)]
    told += _stops(workspace, person, replies, lang, live)
    if person.standing.native:
        told.append(f"✗ {replies.status_native}")
    until = max((mark.until for mark in person.standing.pauses), default=0)
    if until > now:
        told.append(f"⏸ {replies.status_paused.format(date=day(until))}")
    return told or [replies.status_nothing]


def _stops(workspace: Workspace, person: Person, replies: Replies, lang: str, live: dict[str, Mark]) -> list[str]:
    if not live and (whole := lifecycle.blocking(person.standing, EVERYTHING)) is not None:
        return [f"✗ {replies.status_stopped_all.format(date=day(whole.at))}"]
    gone = {}
    for name, purpose in workspace.purposes.items():
        marks = [lifecycle.blocking(person.standing, Cell(name, sender, purpose.cls)) for sender in workspace.senders]
        stops = [mark for mark in marks if mark is not None]
        if name not in live and stops and purpose.cls not in UNCHOSEN:
            gone[name] = max(stops, key=lambda mark: mark.at)
    return [f"✗ {replies.status_stopped.format(purposes=names, date=date)}"
            for date, names in _by_day(workspace, gone, lang)]


def _by_day(workspace: Workspace, marks: dict[str, Mark], lang: str) -> list[tuple[str, str]]:
    days: dict[str, list[str]] = {}
    for name, mark in marks.items():
        days.setdefault(day(mark.at), []).append(name)
    return [(date, titles(workspace, names, lang)) for date, names in sorted(days.items())]


def topics(kit: Kit, workspace: Workspace, sender: Sender, person: Person) -> tuple[tuple[str, str, str], ...]:
    """The rows of the list: what can be switched off, and what can be asked for here."""
    lang = person.lang or workspace.language
    replies, live, rows = kit.replies(lang), granted(workspace, person, kit.now()), []
    for name, purpose in workspace.purposes.items():
        title = _short(purpose.titles.get(lang) or purpose.title)
        if name in live:
            rows.append((OFF_ID + name, title, replies.topic_on))
        elif purpose.cls not in UNCHOSEN and entrances.for_purpose(workspace, sender, name) is not None:
            rows.append((ON_ID + name, title, replies.topic_off))
    return tuple(rows[:MAX_ROWS])


def _short(title: str) -> str:
    return title if len(title) <= MAX_TITLE else title[:MAX_TITLE - 1].rstrip() + "…"
