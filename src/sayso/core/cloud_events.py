"""What webhooks out tell, in CloudEvents 1.0: the types, and which fact becomes which of them.

Rules of the room: a type never changes its meaning and never goes away. A fact this table does not name is told only
if it changed where somebody stands: away from granted is always told. What is told rests on two folds, before and
after the fact, so that a yes that granted nothing is never called a grant.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from sayso.core import lifecycle
from sayso.core.events import Event
from sayso.core.lifecycle import Standing
from sayso.core.purposes import Cell

SPEC: Final = "1.0"
#: CloudEvents, JSON event format 1.0, section 3: structured mode.
MEDIA: Final = "application/cloudevents+json; charset=utf-8"
PREFIX: Final = "sayso."
#: Most cells in one delivery; a business with more declared hears of the first, and `more_cells` says so.
MAX_CELLS: Final = 200

#: Every type without its prefix, and what it says; `docs/webhooks-out.md` has a heading for each.
TYPES: Final[Mapping[str, str]] = {
    "consent.requested": "Somebody was asked, or began by themselves; nothing is granted by it.",
    "consent.undeliverable": "The question could not be delivered; the request stays open until it runs out.",
    "consent.granted": "A yes with its evidence: the cells say what may be sent now.",
    "consent.recorded": "A yes from elsewhere was written down and grants nothing by itself.",
    "consent.undone": "A yes from elsewhere was taken back as a mistake.",
    "consent.declined": "The person said no to a request.",
    "consent.withdrawn": "The person stopped: by word, button, page, your program, or WhatsApp's own switch.",
    "consent.held": "Words that may mean stop: marketing waits until it is settled.",
    "consent.paused": "The person asked for silence until a time.",
    "consent.resumed": "A hold, a pause or WhatsApp's own stop ended. It grants nothing: the cells say what holds.",
    "consent.expired": "A request or a yes ran out.",
    "person.merged": "Two records turned out to be one person; the stricter state holds.",
    "person.changed": "The addresses of a person changed.",
    "person.erasure_requested": "The person asked to be erased.",
    "person.erased": "The person's data was destroyed; the no is kept.",
    "incident.suspected": "A message may have left when it should not have.",
    "incident.acknowledged": "Somebody of yours looked at an incident.",
    "notice.published": "A version of a wording was put in force.",
    "workspace.configured": "What sayso.toml declares was put in force.",
    "webhook.tested": "A test that you asked for; it tells of nothing.",
}
#: What `types` in sayso.toml may name; a test goes to whom it is sent.
CHOICES: Final = tuple(name for name in TYPES if name != "webhook.tested")

#: Facts that are always told, whatever they changed.
_ALWAYS: Final[Mapping[str, str]] = {
    "opt_in_requested": "consent.requested", "prompt_failed": "consent.undeliverable", "said_no": "consent.declined",
    "record_undone": "consent.undone", "said_stop": "consent.withdrawn", "native_stop": "consent.withdrawn",
    "suppression_restored": "consent.withdrawn", "stop_suspected": "consent.held", "paused": "consent.paused",
    "hold_released": "consent.resumed", "pause_ended": "consent.resumed", "native_resume": "consent.resumed",
    "expired": "consent.expired", "people_merged": "person.merged", "address_linked": "person.changed",
    "address_left": "person.changed", "erased": "person.erased", "erasure_requested": "person.erasure_requested",
    "breach_suspected": "incident.suspected",
    "incident_acknowledged": "incident.acknowledged", "notice_published": "notice.published",
    "configured": "workspace.configured",
}
#: Facts that need no fold to know that nothing is told of them.
QUIET: Final = frozenset({"prompted", "delivery_failed", "evidence_purged", "list_given", "data_given", "reason_given",
                          "breaker_tripped"})


class Change(msgspec.Struct, frozen=True):
    """A cell before and after a fact: of `states.STATES`."""

    cell: Cell
    was: str
    state: str


def changes(before: Standing, after: Standing, declared: Collection[Cell], event: Event) -> list[Change]:
    """The cells that a fact is about or that it moved. `declared` are those the business has now."""
    granted = {mark.cell for standing in (before, after) for mark in standing.grants}
    found = []
    for cell in sorted({*declared, *granted}):
        now = event.received_at
        change = Change(cell, lifecycle.state_of(before, cell, now), lifecycle.state_of(after, cell, now))
        if change.was != change.state or any(cell.touches(named) for named in event.cells):
            found.append(change)
    return found


def type_of(event: Event, grants: bool, changed: Collection[Change]) -> str:
    """The type of what is told, without its prefix; empty if nothing is. `grants`: does this fact grant by the fold."""
    if event.type in _ALWAYS:
        return _ALWAYS[event.type]
    if grants:
        return "consent.granted"
    if event.type == "consent_recorded":
        return "consent.recorded"
    if any(change.was == "granted" != change.state for change in changed):
        return "consent.withdrawn"
    return "consent.granted" if any(change.was != "granted" == change.state for change in changed) else ""


def envelope(*, id: str, source: str, type: str, time: str, subject: str, data: Mapping[str, Any]) -> bytes:
    """The event in structured mode. `subject` is left out where no person is concerned."""
    whole = {"specversion": SPEC, "id": id, "source": source, "type": PREFIX + type, "time": time,
             "datacontenttype": "application/json", "data": data}
    return msgspec.json.encode(whole | ({"subject": subject} if subject else {}))
