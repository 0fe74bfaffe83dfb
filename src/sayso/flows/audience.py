"""The audience: who may be messaged for a purpose now, as addresses, for a sender that wants its list from here.

Rules of the room: the gate decides about each person; handing addresses out is a fact of the ledger, before the first
of them is read; a list for somebody else needs a purpose of class `sharing`, which people agreed to by that name. The
answers are true at the moment of asking (Filter grade).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sayso.core import gate, lifecycle
from sayso.core.events import Fact
from sayso.core.gate import Question
from sayso.core.identity import Address
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest
from sayso.flows.kit import Kit
from sayso.flows.people import reachable
from sayso.flows.record import Person, append
from sayso.flows.snapshots import position
from sayso.store.base import Tx

#: People looked at for one page, and the most that may be asked for.
PAGE: Final = 1_000
MAX_PAGE: Final = 10_000
#: Longest name of whom a list is for.
MAX_RECIPIENT: Final = 200


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the audience. `after` is where the next one begins, empty at the end; `position` is the place in the
    ledger it is true at.
    """

    addresses: tuple[Address, ...]
    after: str
    position: int


def handed_out(tx: Tx, kit: Kit, workspace: Workspace, cell: Cell, *, how: str, recipient: str = "") -> str:
    """Record that a list is handed out, before it is; returns the event. `recipient` names a third party.

    Raises InvalidRequest for a third party where the purpose is not one of sharing, and the other way round.
    """
    sharing = cell.cls == "sharing"
    if bool(recipient.strip()) != sharing:
        raise InvalidRequest("Name the recipient: people agreed to be known to somebody by name." if sharing else
                             f"'{cell.purpose}' is not a purpose of class sharing: by it nobody agreed to be named to "
                             "a third party.", param="recipient")
    facts: dict[str, Fact] = {"purpose": cell.purpose, "sender": cell.sender, "how": how}
    evidence = {"recipient": recipient.strip()[:MAX_RECIPIENT]} if sharing else {}
    return append(tx, kit, workspace.id, "list_given", cells=(cell,), facts=facts, evidence=evidence).id


def page(tx: Tx, kit: Kit, workspace: Workspace, cell: Cell, *, after: str = "", limit: int = PAGE) -> Page:
    """Who may be messaged among the next `limit` people; it may be none of them, and not yet the end."""
    question = Question(cell, kit.now())
    rows = tx.rows("people_from", ws=workspace.id, after=after, limit=min(limit, MAX_PAGE))
    at, found = position(tx, workspace.id), []
    for person_id, standing, epoch, wrapped in rows:
        known = lifecycle.decode(bytes(standing))
        if not gate.decide(known, question).allowed:
            continue
        person = Person(person_id, epoch, known, "", wrapped, erased=False)
        if (address := reachable(tx, kit, workspace.id, person)) is not None:
            found.append(address)
    return Page(tuple(found), rows[-1][0] if len(rows) >= min(limit, MAX_PAGE) else "", at)
