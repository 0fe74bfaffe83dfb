"""Incidents: everything that went wrong without anybody being told, listed, counted, and looked at by somebody.

Rules of the room: an incident is a row that is there anyway (a suspected breach in the ledger, a parked message, an
item nobody could use); here it is only found and counted. That somebody looked at it is a fact of its own, and it takes
nothing away but the counting. Permits nobody used are no incident each: they are counted by purpose and day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from sayso.core import events
from sayso.core.events import Fact
from sayso.errors import NotFound
from sayso.flows.kit import Kit
from sayso.flows.record import append, person_by_id
from sayso.ports import DAY, SECOND
from sayso.store.base import Tx

#: breach: a message may have left when it should not have. possibly_sent: the provider never said. parked: one of
#: Sayso's own could not be sent. unhandled: something came in that nobody could use.
Kind = Literal["breach", "possibly_sent", "parked", "unhandled"]
KINDS: Final = ("breach", "possibly_sent", "parked", "unhandled")
#: Incidents of each kind that are listed.
LISTED: Final = 100
#: Days of permits that are counted.
DAYS: Final = 30
#: Characters of a note about an incident.
MAX_NOTE: Final = 500


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. `why` is a code, `facts` what is known of it, never personal; `person` may be empty. `acknowledged`
    is the event that says somebody looked, empty while nobody did.
    """

    id: str
    kind: Kind
    why: str
    at: int
    person: str
    facts: dict[str, Fact]
    acknowledged: str


class PermitCount(msgspec.Struct, frozen=True, kw_only=True):
    """Permits of a day (UTC) that came to nothing: `unredeemed` were never used, `unreported` used without `done`."""

    day: str
    purpose: str
    unredeemed: int
    unreported: int


class Incidents(msgspec.Struct, frozen=True, kw_only=True):
    """What is open, by kind; the newest of each; and the permits of the last thirty days."""

    open: dict[str, int]
    data: list[Incident]
    permits: list[PermitCount]


def counts(tx: Tx, ws: str) -> dict[str, int]:
    """How many of each kind nobody looked at."""
    parked = tx.row("count_parked", ws=ws) or (0, 0)
    breaches, unused = tx.row("count_breaches", ws=ws), tx.row("count_unused", ws=ws)
    return {"breach": int(breaches[0]) if breaches else 0, "possibly_sent": int(parked[1]),
            "parked": int(parked[0]) - int(parked[1]), "unhandled": int(unused[0]) if unused else 0}


def overview(tx: Tx, kit: Kit, ws: str, *, every: bool = False) -> Incidents:
    """Everything that is open; with `every` also what somebody looked at."""
    asked: dict[str, str | int] = {"ws": ws, "every": int(every), "limit": LISTED}
    found = [_breach(row[0], bytes(row[1]), row[2]) for row in tx.rows("breaches", **asked)]
    found += [
        Incident(id=row[0], kind="possibly_sent" if row[5] == "possibly_sent" else "parked", why=row[5], at=row[6],
                 person=row[1], facts={"message": row[2], "sender": row[3], "answers": row[4]}, acknowledged=row[7])
        for row in tx.rows("parked", **asked)
    ]
    found += [
        Incident(id=row[0], kind="unhandled", why=row[2], at=row[4], person="",
                 facts={"connection": row[1], "field": row[3]}, acknowledged=row[5])
        for row in tx.rows("unused", **asked)
    ]
    found.sort(key=lambda incident: (incident.at, incident.id), reverse=True)
    return Incidents(open=counts(tx, ws), data=found, permits=permit_counts(tx, kit, ws))


def _breach(event_id: str, body: bytes, seen: str) -> Incident:
    event = events.decode(body)
    why = str(event.facts.get("kind", "suspected"))
    return Incident(id=event_id, kind="breach", why=why, at=event.received_at, person=event.person,
                    facts={name: value for name, value in event.facts.items() if name != "kind"}, acknowledged=seen)


def permit_counts(tx: Tx, kit: Kit, ws: str, *, days: int = DAYS) -> list[PermitCount]:
    """Permits that came to nothing, by day and purpose, newest first."""
    found: dict[tuple[int, str], dict[str, int]] = {}
    for day, purpose, what, number in tx.rows("permit_counts", ws=ws, since=kit.now() // DAY - days + 1):
        found.setdefault((day, purpose), {})[what] = number
    return [PermitCount(day=_day(day), purpose=purpose, unredeemed=told.get("unredeemed", 0),
                        unreported=told.get("unreported", 0)) for (day, purpose), told in found.items()]


def _day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY // SECOND, UTC).strftime("%Y-%m-%d")


def acknowledge(tx: Tx, kit: Kit, ws: str, incident: str, *, how: str, note: str = "") -> str:
    """Record that somebody looked at an incident; the event's id. Again is the same. Raises NotFound."""
    seen = tx.row("acknowledged", ws=ws, incident=incident)
    if seen is not None:
        return str(seen[0])
    kind, holder = _find(tx, ws, incident)
    person = person_by_id(tx, ws, holder) if holder else None
    # A note about somebody whose data was destroyed would be data about them.
    evidence: Mapping[str, str] = {"note": note} if note and not (person and person.erased) else {}
    event = append(tx, kit, ws, "incident_acknowledged", person=person.id if person else "",
                   wrapped=person.wrapped if person else None, evidence=evidence,
                   cause=incident if incident.startswith("evt_") else "",
                   facts={"incident": incident, "kind": kind, "how": how})
    tx.run("acknowledge", ws=ws, incident=incident, event=event.id)
    return event.id


def _find(tx: Tx, ws: str, incident: str) -> tuple[Kind, str]:
    """(kind, person). Raises NotFound."""
    row = tx.row("event", ws=ws, event=incident)
    if row is not None and events.decode(bytes(row[0])).type == "breach_suspected":
        return "breach", str(row[1])
    row = tx.row("parked_row", ws=ws, outbox=incident)
    if row is not None:
        return ("possibly_sent" if row[1] == "possibly_sent" else "parked"), str(row[0])
    if tx.row("unused_item", ws=ws, unhandled=incident) is not None:
        return "unhandled", ""
    raise NotFound("There is no such incident.", param="incident")
