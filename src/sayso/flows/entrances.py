"""Which entry point a message reaches: by a code or a keyword in its words, by START, or by the ad it came from.

Rules of the room: only entry points of the very number that was written to; what is unknown reaches none and is an
ordinary message. Reaching one begins a request, or asks; it never grants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sayso.core.intents import fold
from sayso.core.workspace import Entry, Sender, Workspace, codes_in
from sayso.store.base import Tx

#: Between the entry point and the placement in the owner of a code; no name can hold it.
PLACED: Final = "#"


def _of(workspace: Workspace, sender: Sender) -> list[Entry]:
    return [entry for entry in workspace.entries.values() if entry.sender == sender.name]


def by_words(workspace: Workspace, sender: Sender, text: str) -> Entry | None:
    """The entry point whose code stands anywhere in the text, or whose keyword is the whole of it."""
    mine = _of(workspace, sender)
    for code in codes_in(text):
        for entry in mine:
            if entry.code == code:
                return entry
    folded = fold(text)
    return next((entry for entry in mine if any(fold(word) == folded for word in entry.keywords)), None)


@dataclass(frozen=True, slots=True)
class Printed:
    """An entry point reached by a code that is not the one it has now: of a placement, or an older one of its own."""

    entry: Entry
    code: str
    placement: str


def by_printed(tx: Tx, workspace: Workspace, sender: Sender, text: str) -> Printed | None:
    """The entry point whose code in the text was printed somewhere: codes are for ever (flows/entries.py)."""
    for code in codes_in(text):
        row = tx.row("entry_code", ws=workspace.id, code=code)
        name, _, placement = str(row[0]).partition(PLACED) if row else ("", "", "")
        entry = workspace.entries.get(name)
        if entry is not None and entry.sender == sender.name:
            return Printed(entry, code, placement)
    return None


def by_start(workspace: Workspace, sender: Sender) -> Entry | None:
    """What START begins: the sender's own choice, else its first entry point that people reach by themselves."""
    if sender.start:
        return workspace.entry(sender.start)
    return next((entry for entry in _of(workspace, sender) if entry.kind not in ("api", "ad", "clerk")), None)


def by_ad(workspace: Workspace, sender: Sender, referral: Mapping[str, str] | None) -> Entry | None:
    """The entry point that names the ad or post that was tapped, else one that takes any. `referral` is what the
    provider says of it, None for a message that came from none.
    """
    if referral is None:
        return None
    ad = referral.get("source_id", "")
    mine = [entry for entry in _of(workspace, sender) if entry.kind == "ad" and (not entry.ads or ad in entry.ads)]
    return min(mine, key=lambda entry: not entry.ads, default=None)
