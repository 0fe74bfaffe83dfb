"""A message somebody else's program wants to send through Sayso: what it is for, of which class, and may it go now.

Rules of the room: the purpose is said by the caller, or declared for the template or the sender; the class is the
strictest of what the purpose, the template's declaration and its current category say. Either unknown = deny. The
permit is issued and redeemed in one transaction, and what became of the message is recorded in another, with the
person's no if the provider's answer was one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sayso.core import gate
from sayso.core.gate import Verdict
from sayso.core.identity import Address
from sayso.core.message_class import stricter
from sayso.core.purposes import Cell
from sayso.core.workspace import Connection, Sender, Workspace
from sayso.errors import ProviderError
from sayso.flows import opt_out, people, permits, templates
from sayso.flows.kit import Kit
from sayso.flows.permits import Outcome
from sayso.flows.record import person_by_id
from sayso.store.base import Tx

#: Whether a template's category has to be asked for: before this send can be judged, beside it, or not at all.
Learn = Literal["first", "beside", ""]
WILLS: Final = frozenset({"opted_out", "stopped_marketing", "stopped_all"})


@dataclass(frozen=True, slots=True)
class Wish:
    """One message as its caller wants it sent. `purpose` is empty when the caller did not say; `template` is empty for
    a message that is none; `marketing` is an endpoint that takes nothing else.
    """

    connection: Connection
    sender: Sender
    to: Address = field(repr=False)
    purpose: str
    template: str
    marketing: bool = False

    @property
    def free_form(self) -> bool:
        """Whether WhatsApp's 24-hour window rules it; SMS has none."""
        return not self.template and self.sender.channel == "whatsapp"


@dataclass(frozen=True, slots=True)
class Judged:
    """The gate's answer; with `permit` the message must begin within the lease."""

    verdict: Verdict
    permit: str = ""
    learn: Learn = ""


def take(tx: Tx, kit: Kit, workspace: Workspace, wish: Wish) -> Judged:
    """May it go, and if so the permit for it, spent. Raises UnknownPurpose for a purpose that is not declared."""
    purpose = purpose_of(workspace, wish)
    if not purpose:
        return Judged(gate.speak("deny", "no_purpose"))
    cls, learn = _class_of(tx, kit, workspace, wish, purpose)
    if not cls:
        return Judged(gate.speak("deny", "no_class"), learn=learn)
    verdict, redeemed = permits.take(tx, kit, workspace, wish.to, Cell(purpose, wish.sender.name, cls),
                                     free_form=wish.free_form)
    return Judged(verdict, redeemed.id if redeemed else "", learn)


def purpose_of(workspace: Workspace, wish: Wish) -> str:
    """What the message is for; empty if nobody said. Raises UnknownPurpose."""
    if wish.purpose:
        return workspace.purpose(wish.purpose).name
    return workspace.purpose_of(wish.template) if wish.template else workspace.replies_for(wish.sender)


def _class_of(tx: Tx, kit: Kit, workspace: Workspace, wish: Wish, purpose: str) -> tuple[str, Learn]:
    """The strictest class of all that is known, empty if something is not."""
    classes = [workspace.purpose(purpose).cls, *(["marketing"] if wish.marketing else [])]
    if not wish.template:
        return stricter(classes), ""
    declared = workspace.purpose_of(wish.template)
    if declared:
        classes.append(workspace.purpose(declared).cls)
    if wish.connection.provider != "meta":
        return (stricter(classes) if declared else ""), ""  # Twilio files nothing: a template's class is declared
    filed = templates.filed(tx, workspace.id, wish.connection, wish.template, kit.now())
    if wish.connection.waba_id and not 0 <= filed.age <= templates.BELIEVED:
        return "", "first"
    if not filed.told:  # no account to ask, and no news: then the declaration is all there is
        return (stricter(classes) if declared else ""), ""
    late = bool(wish.connection.waba_id) and filed.age > templates.REFRESH_AFTER
    return stricter([*classes, filed.cls]), "beside" if late else ""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a message, as far as is known."""

    outcome: Outcome
    message_id: str = field(default="", repr=False)
    contacts: tuple[Address, ...] = ()
    will: str = ""
    code: int = 0


def failure(error: ProviderError) -> Result:
    """The result of a call that was refused or broke."""
    possibly = error.outcome == "possibly_sent"
    return Result("possibly_sent" if possibly else "failed", will=error.outcome if error.outcome in WILLS else "",
                  code=error.provider_code)


@dataclass(frozen=True, slots=True)
class Finished:
    """`late`: a breach is suspected. `moved`: the person's record changed meanwhile, so somebody may be waiting."""

    late: bool
    moved: bool


def finish(tx: Tx, kit: Kit, workspace: Workspace, wish: Wish, judged: Judged, result: Result,
           offset_us: int = 0) -> Finished:
    """Record what became of the message, and the person's no if the provider told of one."""
    ws, who = workspace.id, judged.verdict.person
    plain = result.outcome == "sent" and offset_us <= permits.LEASE and _held(tx, kit, ws, who, result.contacts)
    if plain and permits.sent(tx, kit, ws, judged.permit, who, result.message_id):
        row = tx.row("person", ws=ws, person=who)
        return Finished(late=False, moved=row is None or row[1] != judged.verdict.epoch or row[6] != who)
    late = permits.done(tx, kit, workspace, judged.permit, result.outcome, message_id=result.message_id,
                        contacts=result.contacts, offset_us=offset_us)
    person = person_by_id(tx, ws, who, lock=bool(result.will))
    if person is not None and result.will and not person.erased:
        opt_out.refused(tx, kit, workspace, person, result.will, wish.sender.name, code=result.code)
    return Finished(late, moved=True)


def _held(tx: Tx, kit: Kit, ws: str, person: str, contacts: Sequence[Address]) -> bool:
    """True if the answer names nothing of the person that was not known: nearly always, and then little is to do."""
    return all((row := people.look_up(tx, kit, ws, address)) is not None and row[0] == person for address in contacts)
