"""Commands in the chat: HELP, STATUS, TOPICS, PAUSE, MY DATA, and the taps that go with them.

Rules of the room: a command never grants; switching a topic on begins a double opt-in like any other, switching it off
is a stop for that topic. Each answer goes to the message that asked for it, and nobody gets more of them than the
limits below, so that two bots talking to each other end.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

import msgspec

from sayso.channels.base import InboundButton, InboundText
from sayso.core.intents import Intent, Reading, fold
from sayso.core.purposes import ANY, EVERYTHING, Cell
from sayso.flows import confirm, entrances, opt_in, opt_out, standing_words
from sayso.flows.heard import Heard, spoke, stop_here, way
from sayso.flows.messages import shows_buttons
from sayso.flows.owe import owe
from sayso.flows.record import Person, tell
from sayso.ports import DAY, HOUR, MINUTE
from sayso.rules.chat import period

#: One help reply per person in this time.
HELP_EVERY: Final = 10 * MINUTE
#: Answers to commands that one person gets within an hour.
MAX_REPLIES: Final = 10
#: Days of a pause when nobody says how many, and the most there can be.
PAUSE_DAYS: Final = 30
MAX_PAUSE_DAYS: Final = 365
#: How long a number alone answers a list of topics that could not be tapped.
NUMBERS_FOR: Final = DAY
#: What a reading asks for, and the answer that is owed. Whatever is not here gets none.
ANSWERS: Final[Mapping[Intent, str]] = {
    "help": "help", "start": "help", "status": "status", "preferences": "topics", "privacy": "data",
}


def read(heard: Heard, text: str, person: Person) -> Reading:
    """The intent of a message; "PAUSE 30" is a keyword and a number."""
    reading = heard.read(text, person)
    if reading.intent is None and any(sign.isdigit() for sign in text):
        days, rest = period(text)
        if days and rest and (inner := heard.read(rest, person)).intent == "snooze":
            return inner
    return reading


def asked(heard: Heard, person: Person, item: InboundText | InboundButton, reading: Reading) -> bool:
    """Answer a command. False if it is none, or read without certainty."""
    if reading.intent is None or reading.grade != "certain":
        return False
    if reading.intent == "snooze":
        days = period(item.text)[0] if isinstance(item, InboundText) else 0
        _pause(heard, person, item, days or PAUSE_DAYS)
        return True
    kind = ANSWERS.get(reading.intent)
    if kind is None:
        return False
    _answer(heard, person, item, kind)
    return True


def _answer(heard: Heard, person: Person, item: InboundText | InboundButton, kind: str) -> None:
    event, person = tell(heard.tx, heard.kit, heard.workspace.id, person, "spoke", occurred_at=item.at,
                         clock=heard.clock, facts={"inbound": heard.sender.name})
    once = f"help:{person.id}:{heard.kit.now() // HELP_EVERY}" if kind == "help" else ""
    _owe(heard, person, kind, event.id, once)


def _owe(heard: Heard, person: Person, kind: str, answers: str, dedupe: str = "") -> None:
    """Owe an answer, within the limit."""
    since = heard.tx.now() - HOUR
    row = heard.tx.row("replies_since", ws=heard.workspace.id, person=person.id, since=since)
    if row is None or row[0] < MAX_REPLIES:
        owe(heard.tx, heard.kit, heard.workspace.id, person.id, kind, sender=heard.sender.name, answers=answers,
            dedupe=dedupe)


# -- pauses ------------------------------------------------------------------------------------------------------------


def _pause(heard: Heard, person: Person, item: InboundText | InboundButton, days: int) -> None:
    """Silence for a while. A later yes does not end it, a shorter pause does not shorten it; START ends it."""
    days = min(days, MAX_PAUSE_DAYS)
    begun = min(item.at or heard.kit.now(), heard.kit.now())
    event, person = tell(
        heard.tx, heard.kit, heard.workspace.id, person, "paused", cells=(EVERYTHING,), occurred_at=item.at,
        clock=heard.clock, evidence={"message_id": item.message_id},
        facts={"until": begun + days * DAY, "days": days, "how": way(heard, item), "inbound": heard.sender.name})
    _owe(heard, person, "pause", event.id)


def paused(heard: Heard, person: Person) -> bool:
    """True while the person has asked for silence."""
    return any(mark.until > heard.kit.now() for mark in person.standing.pauses)


def resume(heard: Heard, person: Person, item: InboundText | InboundButton, *, how: str,
           quiet: bool = False) -> Person:
    """The person ends the pause. Nothing else begins again by it. `quiet`: where to say so would mislead."""
    event, person = tell(heard.tx, heard.kit, heard.workspace.id, person, "pause_ended", cells=(EVERYTHING,),
                         occurred_at=item.at, clock=heard.clock, facts={"how": how, "inbound": heard.sender.name})
    if not quiet:
        _owe(heard, person, "pause_over", event.id)
    return person


def tapped_resume(heard: Heard, person: Person, item: InboundButton, event_id: str, _: Mapping[str, str]) -> None:
    """The button under the answer to PAUSE."""
    if confirm.own_event(heard.tx, heard.workspace.id, person, event_id, "paused") is None or not paused(heard, person):
        spoke(heard, person, item)
        return
    resume(heard, person, item, how="button")


# -- topics ------------------------------------------------------------------------------------------------------------


def tapped_off(heard: Heard, person: Person, item: InboundButton, purpose: str, evidence: Mapping[str, str]) -> None:
    """A topic is switched off: a stop for it, from every number of the business."""
    if purpose not in heard.workspace.purposes:  # it said a no to something: never ignored
        opt_out.hold(heard.tx, heard.kit, heard.workspace, person, heard.sender.name, why="unknown topic",
                     occurred_at=item.at, clock=heard.clock, evidence=evidence)
        return
    stop_here(heard, person, item, Cell(purpose, ANY, ANY), evidence)


def tapped_on(heard: Heard, person: Person, item: InboundButton, purpose: str, evidence: Mapping[str, str]) -> None:
    """A topic is switched on: the question with its wording, to be answered like any other."""
    entry = entrances.for_purpose(heard.workspace, heard.sender, purpose)
    if entry is None:
        spoke(heard, person, item)
        return
    here = msgspec.structs.replace(entry, confirm="")  # it is asked where it was tapped
    opt_in.begin(heard.tx, heard.kit, heard.workspace, person, here, heard.sender, how="topics",
                 occurred_at=item.at, clock=heard.clock, evidence=evidence, chosen=(purpose,))


def numbered(heard: Heard, person: Person, item: InboundText) -> bool:
    """A number alone, where the list of topics had to be written out with numbers, and went out within a day."""
    place = _number(item.text)
    if not place or shows_buttons(heard.workspace, heard.sender.name):
        return False
    row = heard.tx.row("newest_topics", ws=heard.workspace.id, person=person.id, sender=heard.sender.name)
    rows = standing_words.topics(heard.kit, heard.workspace, heard.sender, person)
    if row is None or row[0] <= heard.tx.now() - NUMBERS_FOR or place > len(rows):
        return False
    chosen, title, _ = rows[place - 1]
    tap = InboundButton(sender_ref=item.sender_ref, key=item.key, at=item.at, addresses=item.addresses, kind="list",
                        message_id=item.message_id, payload=chosen, label=title, context_id=item.context_id)
    evidence = {"message_id": item.message_id, "text": item.text, "label": title}
    act, prefix = (tapped_off, confirm.OFF_ID) if chosen.startswith(confirm.OFF_ID) else (tapped_on, confirm.ON_ID)
    act(heard, person, tap, chosen[len(prefix):], evidence)
    return True


def _number(text: str) -> int:
    """One to ten in any script's digits, 0 for anything else."""
    digits = fold(text)
    if not 1 <= len(digits) <= 2 or not all(unicodedata.category(sign) == "Nd" for sign in digits):
        return 0
    return int(digits)
