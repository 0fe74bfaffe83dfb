"""Permits: the right to send one message once, soon. check -> permit -> redeem -> the call -> done.

Redeem is the last look before the wire: in one transaction the person's row is locked, the permit is unspent and the
verdict is still allow. It sets `not_after`, two seconds on by the database's clock; a write that begins later is an
incident. An opt-out waits for what was redeemed before it, and nothing is redeemed after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from sayso.core import gate, lifecycle
from sayso.core.gate import Question, Verdict
from sayso.core.identity import Address
from sayso.core.purposes import CONSENT, Cell
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest, NotFound, PermitExpired, PermitSpent, PermitStale
from sayso.flows.kit import Kit
from sayso.flows.people import learn, look_up
from sayso.flows.record import Person, append, person_by_id
from sayso.ports import MINUTE, SECOND
from sayso.store.base import Row, Tx

#: How long a permit may wait to be redeemed.
PERMIT_LIFE: Final = 15 * MINUTE
#: How long after redeem the write may begin, by the sender's own steady clock (design section 5).
LEASE: Final = 2 * SECOND

Outcome = Literal["sent", "failed", "possibly_sent", "aborted"]


class Permit(msgspec.Struct, frozen=True):
    """A permit as the caller sees it. Times in microseconds UTC."""

    id: str
    purpose: str
    sender: str
    expires_at: int
    epoch: int


class Redeemed(msgspec.Struct, frozen=True):
    """The write must begin within `budget_us` of the moment the caller *asked* for the redeem, by a clock that only
    moves forward. `not_after` is the same deadline by the database's clock.
    """

    id: str
    not_after: int
    budget_us: int


def check(tx: Tx, kit: Kit, workspace: Workspace, address: Address, cell: Cell, *, free_form: bool = False) -> Verdict:
    """May I? Advisory: never enough to send by. Two indexed reads."""
    return verdict_of(look_up(tx, kit, workspace.id, address), tx, kit, workspace.id, address, cell, free_form)


def verdict_of(row: Row | None, tx: Tx, kit: Kit, ws: str, address: Address, cell: Cell, free_form: bool) -> Verdict:
    """The gate's answer for the holder of an address; nobody holding it is a deny that says why."""
    if row is None:
        return _nobody(tx, kit, ws, address)
    if row[3]:
        return gate.speak("deny", "erased")
    verdict = gate.decide(lifecycle.decode(row[2]), Question(cell, kit.now(), free_form))
    return msgspec.structs.replace(verdict, epoch=row[1], person=row[0])


def _nobody(tx: Tx, kit: Kit, ws: str, address: Address) -> Verdict:
    for mac in kit.vault.address_macs(ws, address):
        if tx.row("suppressions", ws=ws, mac=mac):
            return gate.speak("deny", "suppressed")
        if tx.row("holders_of_mac", ws=ws, mac=mac):
            return gate.speak("deny", "moved_away")
    return gate.speak("deny", "unknown_person")


def issue(tx: Tx, kit: Kit, workspace: Workspace, address: Address, cell: Cell, *,
          free_form: bool = False) -> tuple[Verdict, Permit | None]:
    """A permit if the verdict is allow; else the verdict alone."""
    row = look_up(tx, kit, workspace.id, address)
    verdict = verdict_of(row, tx, kit, workspace.id, address, cell, free_form)
    if row is None or not verdict.allowed:
        return verdict, None
    permit, now = kit.ports.new_id("prm"), tx.now()
    tx.run("add_permit", ws=workspace.id, permit=permit, person=row[0], purpose=cell.purpose, sender=cell.sender,
           cls=cell.cls, free_form=int(free_form), epoch=row[1], state="open", now=now, expires=now + PERMIT_LIFE,
           redeemed=0, not_after=0)
    return verdict, Permit(permit, cell.purpose, cell.sender, now + PERMIT_LIFE, row[1])


def take(tx: Tx, kit: Kit, workspace: Workspace, address: Address, cell: Cell, *,
         free_form: bool = False) -> tuple[Verdict, Redeemed | None]:
    """A permit issued and redeemed in one, for whoever is about to write: the person is locked, then the gate asked."""
    row = look_up(tx, kit, workspace.id, address)
    person = person_by_id(tx, workspace.id, row[0]) if row else None
    if person is None or person.erased:
        return verdict_of(row, tx, kit, workspace.id, address, cell, free_form), None
    verdict = gate.decide(person.standing, Question(cell, kit.now(), free_form))
    verdict = msgspec.structs.replace(verdict, epoch=person.epoch, person=person.id)
    if not verdict.allowed:
        return verdict, None
    permit, now = kit.ports.new_id("prm"), tx.now()
    tx.run("add_permit", ws=workspace.id, permit=permit, person=person.id, purpose=cell.purpose, sender=cell.sender,
           cls=cell.cls, free_form=int(free_form), epoch=person.epoch, state="redeemed", now=now, expires=now + LEASE,
           redeemed=now, not_after=now + LEASE)
    return verdict, Redeemed(permit, now + LEASE, LEASE)


@dataclass(frozen=True, slots=True)
class _Spent:
    """A permit row by its columns."""

    person: str
    cell: Cell
    free_form: bool
    epoch: int
    state: str
    expires_at: int
    redeemed_at: int
    not_after: int
    outcome: str


def _permit(tx: Tx, ws: str, permit_id: str) -> _Spent:
    row = tx.row("permit", ws=ws, permit=permit_id)
    if row is None:
        raise NotFound("There is no such permit.", param="permit")
    return _Spent(row[1], Cell(row[2], row[3], row[4]), bool(row[5]), row[6], row[7], row[9], row[10], row[11], row[13])


def redeem(tx: Tx, kit: Kit, ws: str, permit_id: str) -> Redeemed | Verdict:
    """Spend a permit. Returns a verdict instead when the answer is no longer allow.

    Raises NotFound, PermitSpent, PermitExpired, and PermitStale when the record moved on but the verdict is still
    allow: ask for a new permit, which may then be given for the new state.
    """
    person, permit = _locked(tx, ws, permit_id)
    now = tx.now()
    if permit.state != "open":
        raise PermitSpent(f"This permit is {permit.state}; one permit is at most one call.")
    if now > permit.expires_at:
        raise PermitExpired("This permit was not redeemed within 15 minutes; ask for a new one.")
    verdict = gate.speak("deny", "erased") if person.erased else \
        gate.decide(person.standing, Question(permit.cell, kit.now(), permit.free_form))
    if not verdict.allowed:
        tx.run("close_permit", ws=ws, permit=permit_id, state="dead", now=now, outcome=verdict.reason)
        return msgspec.structs.replace(verdict, epoch=person.epoch)
    if person.epoch != permit.epoch:
        raise PermitStale("The person's record moved on since this permit was issued; ask for a new one.")
    tx.run("redeem_permit", ws=ws, permit=permit_id, now=now, not_after=now + LEASE)
    return Redeemed(permit_id, now + LEASE, LEASE)


def _locked(tx: Tx, ws: str, permit_id: str) -> tuple[Person, _Spent]:
    """Person before permit, the same order everywhere, so that two transactions cannot wait for each other."""
    row = tx.row("permit_person", ws=ws, permit=permit_id)
    person = person_by_id(tx, ws, row[0]) if row else None
    if person is None:
        raise NotFound("There is no such permit.", param="permit")
    return person, _permit(tx, ws, permit_id)


def done(tx: Tx, kit: Kit, workspace: Workspace, permit_id: str, outcome: Outcome, *, message_id: str = "",
         contacts: Sequence[Address] = (), offset_us: int = 0) -> bool:
    """Say what became of a redeemed permit. `offset_us` is how long after asking for the redeem the write began, by
    the sender's steady clock. Returns True if a breach is suspected: the write began after the deadline.

    The same `done` again changes nothing; another outcome for the same permit raises PermitSpent.
    """
    if outcome not in ("sent", "failed", "possibly_sent", "aborted"):
        raise InvalidRequest("An outcome is sent, failed, possibly_sent or aborted.", param="outcome")
    person, permit = _locked(tx, workspace.id, permit_id)
    if permit.state == "open":
        raise InvalidRequest("This permit was not redeemed, so nothing may have been sent by it.", param="permit")
    if not tx.run("finish_permit", ws=workspace.id, permit=permit_id, state="done", now=tx.now(), outcome=outcome):
        if permit.outcome not in (outcome, "unreported"):  # the chore closed it while the caller was away
            raise PermitSpent(f"This permit was reported as {permit.outcome} before; that stands.")
        return False
    if message_id:
        hand_over(tx, kit, workspace.id, person.id, message_id, permit_id=permit_id)
    if contacts and not person.erased:
        person = learn(tx, kit, workspace.id, person, contacts)
    late = offset_us > LEASE and outcome in ("sent", "possibly_sent")
    if late:
        append(tx, kit, workspace.id, "breach_suspected", person=person.id, wrapped=person.wrapped,
               facts={"permit": permit_id, "kind": "late_write", "offset_us": offset_us,
                      "stopped_since": stopped_since(kit, person, permit.cell),
                      "why": "the write began after the deadline"})
    return late


def sent(tx: Tx, kit: Kit, ws: str, permit_id: str, person: str, message_id: str) -> bool:
    """The short way of `done` for whoever took the permit a moment ago and knows whose it is: sent, in time, and
    nothing new about the person. False, and nothing changed, if the permit is not open to that any more.
    """
    if not tx.run("finish_permit", ws=ws, permit=permit_id, state="done", now=tx.now(), outcome="sent"):
        return False
    hand_over(tx, kit, ws, person, message_id, permit_id=permit_id)
    return True


def stopped_since(kit: Kit, person: Person, cell: Cell) -> bool:
    """True if what was allowed when a permit for this cell was redeemed is not any more: the person may have been
    written to after their no. Sayso's own messages answer something, so nothing follows from them.
    """
    if cell.cls == CONSENT or person.erased:
        return person.erased and cell.cls != CONSENT
    return not gate.decide(person.standing, Question(cell, kit.now())).allowed


def hand_over(tx: Tx, kit: Kit, ws: str, person: str, message_id: str, *, permit_id: str, request: str = "") -> None:
    """Remember a provider message id by its MAC, so that a quote, a tap or a status finds its way back."""
    tx.run("add_handed_over", ws=ws, mac=kit.vault.message_mac(ws, "sent", message_id), person=person,
           permit=permit_id, request=request, now=kit.now())
