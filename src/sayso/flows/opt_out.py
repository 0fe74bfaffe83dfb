"""Opting out: recorded at once, everything queued for it called off, confirmed once and only after the drain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from sayso.core import events, lifecycle
from sayso.core.events import OWN_CLOCK, Event, Fact
from sayso.core.gate import SERVICE_WINDOW
from sayso.core.identity import Address
from sayso.core.lifecycle import NOBODY, Standing
from sayso.core.purposes import ALL_MARKETING, ANY, CLASSES, EVERYTHING, Cell
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest
from sayso.flows import breaker
from sayso.flows.kit import Kit
from sayso.flows.owe import owe
from sayso.flows.people import former_holders, identify
from sayso.flows.record import Person, person_by_id, tell
from sayso.store.base import Tx

#: A permit's call must begin within its lease; the drain waits this much more for the write itself (design section 5).
DRAIN_MARGIN: Final = 500_000


#: Will the person be told? Not if it was no news, if the policy says so, or if nothing may be written: the person has
#: not written within 24 hours, and no template is declared or no number known to use.
Confirmation = Literal["owed", "said_before", "switched_off", "no_template", "no_sender"]


@dataclass(frozen=True, slots=True)
class OptedOut:
    """A recorded opt-out. `silent_by` is when nothing already under way can leave any more, microseconds UTC by the
    database's clock; 0 if nothing is under way, and then it is acknowledged already. `changed`: was it news. `others`
    once had the address it came from, and it counts for them too. `confirmation` says whether the person will be told.
    """

    event: str
    person: str
    silent_by: int
    changed: bool
    others: tuple[str, ...] = ()
    confirmation: Confirmation = "said_before"

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody it counts for: what is under way to any of them has to drain."""
        return (self.person, *self.others)


def scope(workspace: Workspace, purpose: str = ANY, sender: str = ANY, cls: str = ANY) -> Cell:
    """The rectangle an opt-out covers. Raises UnknownPurpose, UnknownSender, InvalidRequest: a stop with a typo in it
    must not silently stop nothing.
    """
    if purpose != ANY:
        workspace.purpose(purpose)
    if sender != ANY:
        sender = workspace.sender(sender).name
    if cls != ANY and cls not in CLASSES:
        raise InvalidRequest(f"A message class is one of {', '.join(CLASSES)}.", param="class")
    return Cell(purpose, sender, cls)


def opt_out(tx: Tx, kit: Kit, workspace: Workspace, address: Address, cell: Cell, *, how: str,
            evidence: Mapping[str, str]) -> OptedOut:
    """An opt-out by API, CLI or library. Somebody never heard of gets a record, so that the no is known."""
    person = identify(tx, kit, workspace.id, [address], how="opt_out")
    return leave(tx, kit, workspace, person, cell, how=how, evidence=evidence)


def leave(tx: Tx, kit: Kit, workspace: Workspace, person: Person, cell: Cell, *, how: str,
          evidence: Mapping[str, str]) -> OptedOut:
    """An opt-out that came in no message: confirmed in WhatsApp where the window is open."""
    said = stop(tx, kit, workspace, person, cell, how=how, evidence=evidence)
    return acknowledged(tx, kit, workspace, said)


def acknowledged(tx: Tx, kit: Kit, workspace: Workspace, said: Said) -> OptedOut:
    """What is answered to whoever recorded a stop from outside the chat; the confirmation is owed where it can be."""
    told = confirm_anywhere(tx, kit, workspace, said)
    until = silent_by(tx, workspace.id, (said.person.id, *said.others))
    return OptedOut(said.event.id, said.person.id, until, said.changed, said.others, told)


@dataclass(frozen=True, slots=True)
class Said:
    """A stop as recorded, and the person after it."""

    event: Event
    person: Person
    changed: bool
    others: tuple[str, ...] = ()


def stop(tx: Tx, kit: Kit, workspace: Workspace, person: Person, cell: Cell, *, how: str,
         evidence: Mapping[str, str], occurred_at: int = 0, clock: str = OWN_CLOCK, inbound: str = "",
         reported: bool = False) -> Said:
    """Record a stop for the person, and for whoever once had an address it came from. `reported`: a provider says so;
    the person said it to the provider, if at all.
    """
    facts: dict[str, Fact] = {"how": how}
    if inbound:
        facts["inbound"] = inbound
    if reported:
        facts["reported"] = True
    before = person.standing
    event, person = tell(tx, kit, workspace.id, person, "said_stop", cells=(cell,), occurred_at=occurred_at,
                         clock=clock, facts=facts, evidence=evidence)
    others = former_holders(tx, workspace.id, person)
    for other in others:
        tell(tx, kit, workspace.id, other, "said_stop", cells=(cell,), occurred_at=occurred_at, clock=clock,
             facts={"how": "former_address"})
    if cell.covers(ALL_MARKETING) and before.holds:
        tx.run("settle_held", ws=workspace.id, person=person.id)
    if cell == EVERYTHING and before != NOBODY:
        tx.run("cancel_replies", ws=workspace.id, person=person.id)  # the confirmation is the last thing said
    news = not already_stopped(before, cell) and already_stopped(person.standing, cell)  # a late stop may be overtaken
    return Said(event, person, news, tuple(other.id for other in others))


def confirm_stop(tx: Tx, kit: Kit, workspace: Workspace, person: Person, sender: str, event: Event) -> None:
    """Owe the confirmation. The worker sends it only after the drain."""
    if workspace.policy.confirm_stops:
        owe(tx, kit, workspace.id, person.id, "stop_confirmation", sender=sender, answers=event.id)


def confirm_anywhere(tx: Tx, kit: Kit, workspace: Workspace, said: Said) -> Confirmation:
    """Owe the confirmation of a stop that came from outside the chat: in the window if one is open, else by the
    template of the policy, from the number the person knows.
    """
    if not said.changed:
        return "said_before"
    if not workspace.policy.confirm_stops:
        return "switched_off"
    standing = said.person.standing
    sender, opened = max(standing.windows, key=lambda item: item[1], default=("", 0))
    outside = opened <= kit.now() - SERVICE_WINDOW
    if outside:
        if workspace.stop_template(said.person.lang) is None:
            return "no_template"
        newest = max(standing.grants, key=lambda mark: mark.at, default=None)
        sender = sender or (newest.cell.sender if newest else "")
    known = workspace.senders.get(sender)
    if known is None or (outside and known.channel != "whatsapp"):
        return "no_sender"
    confirm_stop(tx, kit, workspace, said.person, sender, said.event)
    return "owed"


def native(tx: Tx, kit: Kit, workspace: Workspace, person: Person, value: str, sender: str, *, occurred_at: int,
           clock: str, how: str) -> Person:
    """WhatsApp's own switch: `stop` covers marketing, `resume` lifts only that.

    Meta: user_preferences webhook, error 131050. By default it covers every sender of the workspace. A stop counts for
    whoever once had the address it came from, too.
    """
    where = ANY if workspace.policy.native_scope == "workspace" else sender
    kind = "native_stop" if value == "stop" else "native_resume"
    cells = (Cell(ANY, where, "marketing"),)
    event, person = tell(tx, kit, workspace.id, person, kind, cells=cells, occurred_at=occurred_at, clock=clock,
                         facts={"how": how})
    if value == "stop":
        breaker.count(tx, kit, workspace, sender, event)
        for other in former_holders(tx, workspace.id, person):
            tell(tx, kit, workspace.id, other, kind, cells=cells, occurred_at=occurred_at, clock=clock,
                 facts={"how": "former_address"})
    return person


def refused(tx: Tx, kit: Kit, workspace: Workspace, person: Person, will: str, sender: str, *, code: int,
            occurred_at: int = 0, clock: str = OWN_CLOCK) -> Person:
    """A provider would not deliver, because the person left. `will` is in the words of `ProviderError.outcome`; any
    other of them says nothing about consent.
    """
    if will == "opted_out":
        return native(tx, kit, workspace, person, "stop", sender, occurred_at=occurred_at, clock=clock,
                      how=str(code or 131050))
    cell = {"stopped_marketing": ALL_MARKETING, "stopped_all": EVERYTHING}.get(will)
    if cell is None or already_stopped(person.standing, cell):
        return person
    said = stop(tx, kit, workspace, person, cell, how=str(code), evidence={}, occurred_at=occurred_at, clock=clock,
                reported=True)
    breaker.count(tx, kit, workspace, sender, said.event)
    return said.person


def hold(tx: Tx, kit: Kit, workspace: Workspace, person: Person, sender: str, *, why: str, occurred_at: int,
         clock: str, evidence: Mapping[str, str]) -> Person:
    """Words that may mean stop: marketing waits, and one question with buttons settles it."""
    asked = _asked_already(person.standing)
    event, person = tell(tx, kit, workspace.id, person, "stop_suspected", cells=(ALL_MARKETING,),
                         occurred_at=occurred_at, clock=clock, facts={"why": why, "inbound": sender},
                         evidence=evidence)
    if not asked and not already_stopped(person.standing, ALL_MARKETING):
        owe(tx, kit, workspace.id, person.id, "clarify", sender=sender, answers=event.id)
    if not told_already(tx, workspace.id, person.standing, ALL_MARKETING):
        tx.run("add_held", ws=workspace.id, event=event.id, person=person.id, at=kit.now())
    return person


def _asked_already(standing: Standing) -> bool:
    """True while a hold stands that no later yes has settled: its question is out."""
    return any(not lifecycle.settled(standing, mark) for mark in standing.holds)


def release_hold(tx: Tx, kit: Kit, workspace: Workspace, person: Person, *, how: str, sender: str = "",
                 occurred_at: int = 0, clock: str = OWN_CLOCK, cause: str = "",
                 evidence: Mapping[str, str] | None = None) -> Person:
    """The person wants to stay, or an operator looked at the message `cause`. Lifts holds and nothing else."""
    facts: dict[str, Fact] = {"how": how}
    if sender:
        facts["inbound"] = sender
    held = lifecycle.held_marketing(person.standing)
    event, person = tell(tx, kit, workspace.id, person, "hold_released", cells=(EVERYTHING,), cause=cause,
                         occurred_at=occurred_at, clock=clock, facts=facts, evidence=evidence)
    tx.run("settle_held", ws=workspace.id, person=person.id)
    if held and sender:
        owe(tx, kit, workspace.id, person.id, "kept", sender=sender, answers=event.id)
    return person


def already_stopped(standing: Standing, cell: Cell) -> bool:
    """True if a stop covers all of this already and nothing was asked or granted since."""
    for mark in standing.stops:
        if not mark.cell.covers(cell):
            continue
        since = [lifecycle.follows(grant, mark) for grant in standing.grants if grant.cell.touches(cell)]
        asked = [lifecycle.follows(item, mark) for item in standing.pending
                 if any(c.touches(cell) for c in item.cells)]
        if not any(since) and not any(asked):
            return True
    return False


def told_already(tx: Tx, ws: str, standing: Standing, cell: Cell) -> bool:
    """True if the person or the business said so already. What a provider reported may turn out to be its mistake and
    be released (the breaker): a no of the person's own has to be there then.
    """
    own = tuple(mark for mark in standing.stops if not _reported(tx, ws, mark.event))
    return already_stopped(msgspec.structs.replace(standing, stops=own), cell)


def _reported(tx: Tx, ws: str, event_id: str) -> bool:
    row = tx.row("event", ws=ws, event=event_id)
    return row is not None and events.decode(bytes(row[0])).facts.get("reported") is True


def in_flight(tx: Tx, ws: str, person: Person) -> int:
    """Until when a message redeemed before the person's newest stop may still leave, by the database's clock; 0 if none
    can. Permits carry the epoch they were issued in, so no clock decides which came before the stop.
    """
    row = tx.row("in_flight", ws=ws, person=person.id, epoch=person.epoch, since=tx.now() - DRAIN_MARGIN)
    latest = int(row[0]) if row else 0
    return latest + DRAIN_MARGIN if latest else 0


def silent_by(tx: Tx, ws: str, people: Sequence[str]) -> int:
    """When the last of these people is surely silent; 0 if they are already."""
    found = [person_by_id(tx, ws, who, lock=False) for who in people]
    return max((in_flight(tx, ws, person) for person in found if person is not None), default=0)


def drained(tx: Tx, ws: str, people: Sequence[str]) -> bool:
    """True once nothing that was under way to these people when their no was recorded can still leave."""
    return silent_by(tx, ws, people) == 0
