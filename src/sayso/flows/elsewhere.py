"""A yes given elsewhere: on paper, at the counter, in the system before this one. It is recorded with its proof.

Rules of the room: it grants only where the workspace's policy lets its source grant, with a reason that goes into the
fact; never over a stop, however old (core/lifecycle.py, `beats`); and only with proof: where from, when, and the
wording or a document that shows it. Without that the fact is recorded, and grants nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from sayso.core import lifecycle
from sayso.core.events import OWN_CLOCK, Event, Fact
from sayso.core.identity import Address
from sayso.core.purposes import Cell
from sayso.core.workspace import Entry, Workspace
from sayso.errors import EvidenceMissing, InvalidRequest
from sayso.flows.kit import Kit
from sayso.flows.people import find, identify, suppressed
from sayso.flows.record import Person, tell
from sayso.ports import DAY
from sayso.store.base import Tx

Source = Literal["import", "clerk", "api"]
State = Literal["granted", "unknown", "pending", "withdrawn", "expired"]

#: The clock of a time that a file or a clerk states.
FILE_CLOCK: Final = "stated"
#: Largest document kept, bytes: a scan of a few pages.
MAX_DOCUMENT: Final = 10 * 1024 * 1024
#: Longest name of a document that is kept.
MAX_NAME: Final = 200


class Proof(msgspec.Struct, frozen=True):
    """What proves a yes: where it was given, when (microseconds UTC), the wording shown or its SHA-256, the SHA-256 of
    a document kept in `documents`, and who wrote it down.
    """

    source: str
    at: int
    wording: str = ""
    wording_hash: str = ""
    document: str = ""
    clerk: str = ""

    @property
    def missing(self) -> str:
        """What a yes would need beyond this, in words; empty for a whole proof."""
        source, shown = self.source.strip(), self.wording or self.wording_hash or self.document
        if source and self.at and shown:
            return ""
        parts = (("source", source), ("date", self.at), ("wording or document", shown))
        return ", ".join(name for name, there in parts if not there)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A yes from elsewhere as recorded. `state` is where the person stands after it, the least of its cells;
    `missing` is what the proof lacks, `event` is empty where nothing was recorded.
    """

    state: State
    person: str
    event: str
    grants: bool
    missing: str


def why(workspace: Workspace, source: Source) -> str:
    """The reason for which this workspace lets a source grant without a reply; empty where it does not."""
    return workspace.policy.elsewhere.get(source, "").strip()


def facts_of(workspace: Workspace, source: Source, cells: Sequence[Cell], proof: Proof | None,
             more: Mapping[str, Fact] | None = None) -> dict[str, Fact]:
    """The facts of such an event: does it grant, for which reason, until when, under which wording."""
    reason = why(workspace, source)
    grants = bool(reason) and proof is not None and not proof.missing
    facts: dict[str, Fact] = {"source": source, "grants": grants, **(more or {})}
    if grants:
        facts["why"] = reason
    if proof is not None:
        digest = proof.wording_hash or (hashlib.sha256(proof.wording.encode()).hexdigest() if proof.wording else "")
        if digest:
            facts.setdefault("notice_hash", digest)
        if expires := expiry(workspace, cells, proof.at):
            facts["expires_at"] = expires
    return facts


def expiry(workspace: Workspace, cells: Sequence[Cell], at: int) -> int:
    """When such a yes runs out, counted from when it was given: the shortest life among its purposes, 0 for none."""
    lives = [life for cell in cells if (life := workspace.purposes[cell.purpose].expires_days)]
    return at + min(lives) * DAY if at and lives else 0


def evidence_of(proof: Proof | None) -> dict[str, str]:
    """What is sealed beside the event."""
    if proof is None:
        return {}
    parts = {"source": proof.source, "given_at": str(proof.at) if proof.at else "", "wording": proof.wording,
             "document": proof.document, "clerk": proof.clerk}
    return {name: text for name, text in parts.items() if text}


def tell_of(tx: Tx, kit: Kit, workspace: Workspace, person: Person, cells: tuple[Cell, ...], proof: Proof | None, *,
            source: Source, more: Mapping[str, Fact] | None = None) -> tuple[Event, Person]:
    """Record it of a person who is known. The fact stands at the time it was given, where that is known."""
    at = proof.at if proof else 0
    return tell(tx, kit, workspace.id, person, "consent_recorded", cells=cells, occurred_at=at,
                clock=FILE_CLOCK if at else OWN_CLOCK, facts=facts_of(workspace, source, cells, proof, more),
                evidence=evidence_of(proof))


def record(tx: Tx, kit: Kit, workspace: Workspace, address: Address, cells: tuple[Cell, ...], proof: Proof, *,
           source: Source, more: Mapping[str, Fact] | None = None, lang: str = "") -> Recorded:
    """Record a yes that a clerk or a program brings. An address that said no before its data was erased is not
    recorded again: what is kept of it is the no.

    Raises EvidenceMissing when the proof is not whole, InvalidRequest for a day in the future.
    """
    if proof.missing:
        raise EvidenceMissing(f"A yes from elsewhere needs its {proof.missing}.", param="evidence")
    if proof.at > kit.now():
        raise InvalidRequest("A yes cannot have been given in the future.", param="evidence.given_at")
    if source == "clerk" and not proof.clerk.strip():
        raise EvidenceMissing("Say who wrote it down.", param="evidence.clerk")
    known = find(tx, kit, workspace.id, address)
    if known is None and suppressed(tx, kit, workspace.id, [address]):
        return Recorded("withdrawn", "", "", grants=False, missing="")
    person = known or identify(tx, kit, workspace.id, [address], lang=lang, how=source)
    event, person = tell_of(tx, kit, workspace, person, cells, proof, source=source, more=more)
    return Recorded(standing_after(person, cells, kit.now()), person.id, event.id,
                    grants=event.facts["grants"] is True, missing=proof.missing)


def of_entry(workspace: Workspace, entry: Entry, lang: str) -> tuple[tuple[Cell, ...], str, dict[str, Fact]]:
    """What a clerk's entry point stands for: the cells of its notice, the hash of the wording read out, and the facts
    that name both.
    """
    notice = workspace.notices[entry.notice]
    lang = notice.language(lang or entry.lang, workspace.language)
    more: dict[str, Fact] = {"entry": entry.name, "notice": notice.name, "notice_version": notice.version, "lang": lang}
    return workspace.cells_of(notice), notice.hash(lang), more


#: Which of several states says least good about all of them.
_LEAST: Final[tuple[State, ...]] = ("withdrawn", "unknown", "expired", "pending", "granted")


def standing_after(person: Person, cells: Sequence[Cell], now: int) -> State:
    """Where the person stands for these cells; of several states the least. A stop of WhatsApp's own is a no too."""
    states = {lifecycle.state_of(person.standing, cell, now) for cell in cells}
    if any(mark.cell.covers(cell) for mark in person.standing.native for cell in cells):
        return "withdrawn"
    return next(state for state in _LEAST if state in states)


def undo(tx: Tx, kit: Kit, ws: str, person: Person, event: Event, *, more: Mapping[str, Fact] | None = None) -> Person:
    """Take back a yes from elsewhere as a mistake. It lifts no stop and touches no yes of the person's own."""
    if event.type != "consent_recorded":
        raise InvalidRequest("Only a yes recorded from elsewhere can be taken back.", param="event")
    _, person = tell(tx, kit, ws, person, "record_undone", cells=event.cells, cause=event.id, facts=more)
    return person


# -- documents ---------------------------------------------------------------------------------------------------------


def keep_document(tx: Tx, kit: Kit, ws: str, name: str, media_type: str, content: bytes) -> str:
    """Keep a document sealed under the workspace's key, once; returns the SHA-256 by which events name it.

    Raises InvalidRequest for an empty or too large one.
    """
    if not content or len(content) > MAX_DOCUMENT:
        raise InvalidRequest(f"A document has 1 byte to {MAX_DOCUMENT // 1024**2} MB.", param="document")
    digest = hashlib.sha256(content).hexdigest()
    if tx.row("document_by_hash", ws=ws, hash=digest) is None:
        document = kit.ports.new_id("doc")
        tx.run("add_document", ws=ws, document=document, name=name[:MAX_NAME], media=media_type[:100], hash=digest,
               sealed=kit.vault.seal_workspace(ws, content, document.encode()), now=kit.now())
    return digest


def document(tx: Tx, kit: Kit, ws: str, digest: str) -> tuple[str, str, bytes] | None:
    """(name, media type, bytes) of a kept document, or None."""
    row = tx.row("document_by_hash", ws=ws, hash=digest)
    if row is None:
        return None
    return row[1], row[2], kit.vault.unseal_workspace(ws, bytes(row[3]), str(row[0]).encode())
