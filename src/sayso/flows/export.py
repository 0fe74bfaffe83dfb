"""Everything recorded of a person, handed out to them: GDPR article 15 (access) and 20 (portability) in one JSON value.

Rules of the room: it is whole, and nothing in it is masked, so it is given only where it is surely the person's own
request (a data link, for which the phone itself asked) or to somebody of the business who may. That it was given is a
fact of its own. `docs/data-export.md` describes every field.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sayso.core import lifecycle
from sayso.core.identity import Address
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.errors import NotFound
from sayso.flows import preferences, proof
from sayso.flows.kit import Kit
from sayso.flows.people import find
from sayso.flows.proof import NotYetInLedger
from sayso.flows.record import Person, append
from sayso.ports import SECOND
from sayso.store.base import Tx

FORMAT: Final = "sayso-export/1"
#: Receipts in one export, the newest; the history names every yes, and each has its receipt at /v1/receipts.
MAX_RECEIPTS: Final = 50


def export(tx: Tx, kit: Kit, workspace: Workspace, address: Address, *, how: str) -> dict[str, Any]:
    """Everything about whoever holds this address, and the fact that it was given. Raises NotFound."""
    person = find(tx, kit, workspace.id, address)
    if person is None:
        raise NotFound("Nobody with this address is known.", param="address")
    return give(tx, kit, workspace, person, how=how)


def give(tx: Tx, kit: Kit, workspace: Workspace, person: Person, *, how: str) -> dict[str, Any]:
    """The same of somebody whose record is at hand."""
    whole = collect(tx, kit, workspace, person)
    append(tx, kit, workspace.id, "data_given", person=person.id, facts={"how": how})
    return whole


def collect(tx: Tx, kit: Kit, workspace: Workspace, person: Person) -> dict[str, Any]:
    """Everything. It changes nothing."""
    now, ws = kit.now(), workspace.id
    history = proof.history_of(tx, kit, ws, person.id, texts=True)
    for line in history:
        wording, lang = preferences.wording_of(tx, kit, ws, line)
        line |= {"when": iso(line["occurred_at"]), "wording": wording, "wording_language": lang}
    receipts, waiting = _receipts(tx, kit, workspace, history)
    return {
        "format": FORMAT, "given_at": iso(now), "business": {"name": workspace.name, "privacy": workspace.privacy},
        "person": person.id, "language": person.lang, "addresses": _addresses(tx, kit, ws, person),
        "consents": _consents(workspace, person, now),
        "paused_until": max((iso(mark.until) for mark in person.standing.pauses if mark.until > now), default=""),
        "history": history, "receipts": receipts, "receipts_in_the_making": waiting,
    }


def iso(at: int) -> str:
    """A time as people and programs of any kind read it (RFC 3339)."""
    return datetime.fromtimestamp(at / SECOND, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _addresses(tx: Tx, kit: Kit, ws: str, person: Person) -> list[dict[str, str]]:
    if person.wrapped is None:
        return []
    return [
        {"kind": kind, "state": state,
         "address": kit.vault.unseal(ws, person.id, person.wrapped, bytes(sealed), bytes(mac)).decode()}
        for mac, kind, state, _, sealed, _ in tx.rows("addresses_of", ws=ws, person=person.id)
    ]


def _consents(workspace: Workspace, person: Person, now: int) -> list[dict[str, Any]]:
    """Where the person stands, for each purpose and sender about which anything was ever decided."""
    found = []
    for purpose in workspace.purposes.values():
        for sender in workspace.senders.values():
            cell = Cell(purpose.name, sender.name, purpose.cls)
            state = lifecycle.state_of(person.standing, cell, now)
            if state == "unknown":
                continue
            grant, stop = lifecycle.grant_of(person.standing, cell), lifecycle.blocking(person.standing, cell)
            mark = grant if state == "granted" else stop
            found.append({
                "purpose": purpose.name, "title": purpose.title, "class": purpose.cls, "sender": sender.name,
                "sender_phone": sender.phone, "state": state, "since": iso(mark.at) if mark else "",
                "expires": iso(grant.until) if grant and grant.until else "", "because": mark.event if mark else "",
            })
    return found


def _receipts(tx: Tx, kit: Kit, workspace: Workspace, history: list[dict[str, Any]]) -> tuple[list[Any], list[str]]:
    """The receipts of every yes, and the yeses whose place in the ledger is still being made."""
    receipts, waiting = [], []
    yeses = [line["id"] for line in history if line["type"] in ("said_yes", "consent_recorded")]
    for event in yeses[-MAX_RECEIPTS:]:
        try:
            receipts.append(proof.receipt(tx, kit, workspace, event))
        except NotYetInLedger:
            waiting.append(event)
        except NotFound:
            continue  # recorded from elsewhere without granting anything
    return receipts, waiting
