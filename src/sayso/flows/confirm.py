"""Opting in, the second half: what counts as a yes, and what a no does.

A yes is our own button (its id looked up), a reply that quotes the prompt, or a strict yes word as the first thing
said within 24 h of it. The fact is recorded; whether it grants is the fold's decision (design section 3, step 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from sayso.core import events, lifecycle
from sayso.core.events import Event, Fact
from sayso.core.lifecycle import Standing
from sayso.core.workspace import Sender, Workspace
from sayso.flows import forms
from sayso.flows.kit import Kit
from sayso.flows.opt_out import confirm_stop
from sayso.flows.owe import owe
from sayso.flows.record import Person, believed, facts_of, tell
from sayso.ports import DAY
from sayso.store.base import Tx

How = Literal["button", "context", "word"]
#: Prefixes of the button ids Sayso puts into its own messages; the event id behind them is looked up.
YES_ID: Final = "sayso:yes:"
NO_ID: Final = "sayso:no:"
STOP_ID: Final = "sayso:stop:"
OFFERS_ID: Final = "sayso:stop-offers:"
KEEP_ID: Final = "sayso:keep:"
RESUME_ID: Final = "sayso:unpause:"
#: Followed by the reason, a colon and the stop.
REASON_ID: Final = "sayso:why:"
#: Rows of the list of topics, followed by the purpose.
ON_ID: Final = "sayso:on:"
OFF_ID: Final = "sayso:off:"


def own_event(tx: Tx, ws: str, person: Person, event_id: str, kind: str) -> Event | None:
    """The event a button or a quoted prompt names, if it is of this kind and of this very person."""
    row = tx.row("event", ws=ws, event=event_id)
    if row is None:
        return None
    event = events.decode(row[0])
    records = {record[0] for record in tx.rows("merged_records", ws=ws, person=person.id)}
    return event if event.type == kind and event.person in records else None


def newest_prompted(person: Person, occurred_at: int) -> str:
    """The request whose prompt a bare word at this time could answer, or empty."""
    fitting = [
        item for item in person.standing.pending
        if item.prompted_at and occurred_at >= item.prompted_at - lifecycle.REPLY_SLACK
        and occurred_at <= item.prompted_at + lifecycle.WORD_WINDOW
    ]
    newest = max(fitting, key=lambda item: item.prompted_at, default=None)
    return newest.request if newest else ""


def yes(tx: Tx, kit: Kit, workspace: Workspace, person: Person, request: Event, how: How, sender: Sender, *,
        occurred_at: int, clock: str, evidence: Mapping[str, str]) -> Person:
    """Record a yes to this request; if it grants anything new, owe the welcome."""
    before = person.standing
    occurred_at = believed(occurred_at or _untimed(before, request, kit.now()), clock, kit.now())
    facts: dict[str, Fact] = {
        "how": how, "inbound": sender.name, "notice": request.facts["notice"],
        "notice_hash": request.facts["notice_hash"],
    }
    expires = _expires(workspace, request, occurred_at)
    if expires:
        facts["expires_at"] = expires
    event, person = tell(tx, kit, workspace.id, person, "said_yes", cells=request.cells, cause=request.id,
                         occurred_at=occurred_at, clock=clock, facts=facts, evidence=evidence)
    person = forms.answered(tx, kit, workspace, person, request, yes=True)
    if how == "word" and not any(lifecycle.grant_of(person.standing, cell) for cell in request.cells):
        _ask_again(tx, kit, workspace, person, request, event)
    mine = [mark.cell for mark in person.standing.grants if mark.event == event.id]
    new = [cell for cell in mine if lifecycle.grant_of(before, cell) is None]
    if any(lifecycle.grant_of(person.standing, cell) for cell in new):
        owe(tx, kit, workspace.id, person.id, "welcome", sender=sender.name, answers=event.id)
        if expires:
            owe(tx, kit, workspace.id, person.id, "expiry", sender=sender.name, answers=event.id, run_at=expires)
    return person


def _ask_again(tx: Tx, kit: Kit, workspace: Workspace, person: Person, request: Event, said: Event) -> None:
    """A bare yes that could be an answer to something else, or older than a stop: ask once more. Once for each request,
    so that two machines do not go on for ever.
    """
    before = any(fact.type == "said_yes" and fact.cause == request.id and fact.id != said.id
                 for fact in facts_of(tx, workspace.id, person.id))
    if not before and any(item.request == request.id for item in person.standing.pending):
        owe(tx, kit, workspace.id, person.id, "prompt", sender=str(request.facts["sender"]), answers=request.id,
            dedupe=f"again:{said.id}")


def no(tx: Tx, kit: Kit, workspace: Workspace, person: Person, request: Event, how: How, sender: Sender, *,
       occurred_at: int, clock: str, evidence: Mapping[str, str]) -> Person:
    """Record a no to this request. It closes the question and withdraws what was granted for the same cells."""
    before = person.standing
    had = any(lifecycle.grant_of(before, cell) for cell in request.cells)
    event, person = tell(tx, kit, workspace.id, person, "said_no", cells=request.cells, cause=request.id,
                         occurred_at=occurred_at, clock=clock, facts={"how": how, "inbound": sender.name},
                         evidence=evidence)
    person = forms.answered(tx, kit, workspace, person, request, yes=False)
    if had:
        confirm_stop(tx, kit, workspace, person, sender.name, event)
    elif any(item.request == request.id for item in before.pending):
        owe(tx, kit, workspace.id, person.id, "declined", sender=sender.name, answers=event.id)
    return person


def _untimed(standing: Standing, request: Event, now: int) -> int:
    """When a yes was given whose provider stamps no time: on receipt. One that arrives just after a stop, to a question
    older than that stop, may have been overtaken by it on the way: it counts as said together, and a tie is a stop.
    """
    stops = [mark.at for mark in standing.stops if request.occurred_at < mark.at and now - mark.at <= lifecycle.SKEW
             and any(mark.cell.touches(cell) for cell in request.cells)]
    return min(stops, default=now)


def _expires(workspace: Workspace, request: Event, occurred_at: int) -> int:
    """When the yes runs out: the shortest life among its purposes, 0 if none has one."""
    days = [workspace.purposes[cell.purpose].expires_days for cell in request.cells
            if cell.purpose in workspace.purposes]
    lives = [life for life in days if life]
    return occurred_at + min(lives) * DAY if lives else 0
