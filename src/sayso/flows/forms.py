"""A form was sent: by the landing page or by the widget. What is wrong with it is told field by field; everything
else is one and the same for whoever sent it, known number or not.

Rules of the room: nothing here grants. What the form's own words decide (a choice, a number, a country, the proof of
work) may be told, for it says nothing of anybody; what the records decide is never told. Global Privacy Control is
an objection to sharing; it is recorded at once unless that would take a yes away from somebody who has not yet
shown that the number is theirs, and then with their answer.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

from sayso.core import identity, lifecycle, proof_of_work
from sayso.core.events import Event
from sayso.core.identity import Address
from sayso.core.proof_of_work import Challenge
from sayso.core.purposes import ANY, Cell
from sayso.core.workspace import Entry, Notice, Workspace
from sayso.errors import InvalidAddress, InvalidRequest, Limited, NotFound
from sayso.flows import abuse, opt_in, opt_out
from sayso.flows.kit import Kit
from sayso.flows.record import Person
from sayso.ports import DAY, SECOND
from sayso.store.base import Tx

#: Kinds of entry points that have a page of their own; only `page` asks for a number.
WITH_PAGE: Final = ("page", "phrase")
#: What a privacy signal objects to: any purpose that hands data to others.
SHARING: Final = Cell(ANY, ANY, "sharing")
#: Characters of a number as somebody may write it, with every space and bracket.
MAX_TYPED: Final = 40

Mistake = Literal["choice", "phone", "country", "proof", "notice"]
#: What is wrong, for clients that show no text of ours.
SENTENCES: Final[dict[Mistake, str]] = {
    "choice": "Choose at least one of the purposes this entry point names.",
    "phone": "Write the phone number with its country code, such as +44 7700 900123.",
    "country": "Numbers of this country are not asked through a form; the person can begin the chat.",
    "proof": "The proof of work is missing, wrong, too old or was used before; take a new challenge.",
    "notice": "The wording has changed since it was shown; show the new one.",
}
#: The field each of them is about.
FIELDS: Final[dict[Mistake, str]] = {
    "choice": "purposes", "phone": "phone", "country": "phone", "proof": "proof", "notice": "notice_hash",
}


class Mistaken(InvalidRequest):
    """What somebody must mend before the form can be taken; all of it at once."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__(SENTENCES[mistakes[0]], param=FIELDS[mistakes[0]])
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it came in. `how` is the place it was shown, `page` its address without a query, `gpc` whether the
    browser sent `Sec-GPC: 1`, `trap` a field that people do not see.
    """

    how: Literal["page", "widget"]
    lang: str
    notice_hash: str
    purposes: tuple[str, ...] = ()
    phone: str = ""
    proof: str = ""
    trap: str = ""
    page: str = ""
    ip: str = ""
    user_agent: str = ""
    gpc: bool = False


def place(workspace: Workspace | None, name: str) -> tuple[Workspace, Entry, Notice]:
    """The entry point behind a page's address. Raises NotFound, the same for a business that is not there."""
    entry = workspace.entries.get(name) if workspace else None
    if workspace is None or entry is None or entry.kind not in WITH_PAGE:
        raise NotFound("There is no page at this address.")
    return workspace, entry, workspace.notices[entry.notice]


def asks_for_number(entry: Entry, notice: Notice, lang: str) -> bool:
    """Whether a number may be left here: only if a template can ask it (design section 3, step 4)."""
    return entry.kind == "page" and lang in notice.templates


def challenge(kit: Kit, workspace: Workspace, entry: Entry) -> Challenge:
    """A fresh sum for the browser. Nothing is stored."""
    entropy = kit.ports.random(proof_of_work.SALT_BYTES + 4)
    return proof_of_work.make(_key(kit, workspace), _form(workspace, entry), kit.now() // SECOND, entropy)


def chosen(notice: Notice, form: Form) -> tuple[str, ...]:
    """What was ticked, in the notice's order, or nothing where something was ticked that is not there."""
    if set(form.purposes) - set(notice.purposes):
        return ()
    return tuple(name for name in notice.purposes if name in form.purposes)


def read(workspace: Workspace, entry: Entry, form: Form) -> Address:
    """The number, once everything that needs no record is right. Raises Mistaken naming all that is not."""
    notice = workspace.notices[entry.notice]
    mistakes: list[Mistake] = [] if chosen(notice, form) else ["choice"]
    if not asks_for_number(entry, notice, form.lang) or form.notice_hash != notice.hash(form.lang):
        mistakes.append("notice")
    address = None
    try:
        if len(form.phone) > MAX_TYPED:
            raise InvalidAddress
        address = identity.typed(form.phone, workspace.country or None)
    except InvalidAddress:
        mistakes.append("phone")
    if address is not None and identity.country_of(address) not in abuse.countries(workspace):
        mistakes.append("country")
    if mistakes or address is None:
        raise Mistaken(mistakes)
    return address


def submit(tx: Tx, kit: Kit, workspace: Workspace, entry: Entry, form: Form) -> None:
    """Take a form: at most one question is owed for it. Raises Mistaken; returns nothing, whatever became of it.

    Anybody can fill it in with anybody's number, so nothing is recorded of a person by it but the question. A browser's
    objection goes along with that, and becomes theirs when they answer.
    """
    address = read(workspace, entry, form)
    if form.trap:
        abuse.tell_refused(workspace, "trap")
        return
    _use_proof(tx, kit, workspace, entry, form)
    count(tx, kit, workspace, entry, "begun")
    if form.gpc:
        count(tx, kit, workspace, entry, "gpc")
    if not abuse.visited(tx, kit, workspace, form.ip):
        return
    notice = workspace.notices[entry.notice]
    with suppress(Limited):
        opt_in.ask(
            tx, kit, workspace, address, entry, lang=form.lang, chosen=chosen(notice, form), how=form.how,
            evidence={"page": form.page, "ip": form.ip, "user_agent": form.user_agent, "form": entry.name},
            admit=lambda: {**abuse.admit(tx, kit, workspace, address), **({"gpc": True} if form.gpc else {})},
        )


def answered(tx: Tx, kit: Kit, workspace: Workspace, person: Person, request: Event, *, yes: bool) -> Person:
    """Somebody answered a question that a form caused: the number is theirs, so their browser's objection is too."""
    if yes:
        abuse.confirmed(tx, kit, workspace.id, request)
    return _object(tx, kit, workspace, person, request.occurred_at) if request.facts.get("gpc") else person


def count(tx: Tx, kit: Kit, workspace: Workspace, entry: Entry, what: str) -> None:
    """One more of `what` at this entry point today, without saying who."""
    tx.run("count_at_entry", ws=workspace.id, entry=entry.name, day=kit.now() // DAY, what=what)


def _object(tx: Tx, kit: Kit, workspace: Workspace, person: Person, at: int) -> Person:
    """Global Privacy Control, as a stop for sharing. It is a moment older than the form it came with: a choice the
    person made in that very form, and confirms, says more than a general signal.
    """
    at -= lifecycle.SKEW + 1  # an answer, stamped by another clock, must surely be later (core/lifecycle.py, rule 3)
    known = any(mark.cell.covers(SHARING) and mark.at >= at for mark in person.standing.stops)
    if known or opt_out.told_already(tx, workspace.id, person.standing, SHARING):
        return person
    return opt_out.stop(tx, kit, workspace, person, SHARING, how="gpc", evidence={"signal": "Sec-GPC: 1"},
                        occurred_at=at).person


def _use_proof(tx: Tx, kit: Kit, workspace: Workspace, entry: Entry, form: Form) -> None:
    try:
        solved, expires = proof_of_work.check(_key(kit, workspace), _form(workspace, entry), kit.now() // SECOND,
                                              form.proof)
    except InvalidRequest:
        raise Mistaken(["proof"]) from None
    if not abuse.spend(tx, kit, workspace.id, solved, (expires + 1) * SECOND):
        raise Mistaken(["proof"])


def _key(kit: Kit, workspace: Workspace) -> bytes:
    """32 bytes that sign challenges and nothing else."""
    return b"".join(kit.vault.body_mac(workspace.id, b"proof of work\0" + part) for part in (b"1", b"2"))


def _form(workspace: Workspace, entry: Entry) -> str:
    return f"{workspace.slug}/{entry.name}"
