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


@dataclass(frozen=True, slots=True)
class Reached:
    """An entry point, the code by which it was reached (empty for none), and the placement that code belongs to."""

    entry: Entry
    code: str = ""
    placement: str = ""


def by_words(tx: Tx, workspace: Workspace, sender: Sender, text: str) -> Reached | None:
    """The entry point whose code stands anywhere in the text, or whose keyword is the whole of it."""
    for code in codes_in(text):
        if reached := _by_code(tx, workspace, sender, code):
            return reached
    folded = fold(text)
    mine = (entry for entry in _of(workspace, sender) if any(fold(word) == folded for word in entry.keywords))
    return next((Reached(entry) for entry in mine), None)


def _by_code(tx: Tx, workspace: Workspace, sender: Sender, code: str) -> Reached | None:
    """By the code it has now; else by one that was printed: of a placement, or an older one. Codes are for ever."""
    for entry in _of(workspace, sender):
        if entry.code == code:
            return Reached(entry, code)
    row = tx.row("entry_code", ws=workspace.id, code=code)
    name, _, placement = str(row[0]).partition(PLACED) if row else ("", "", "")
    owner = workspace.entries.get(name)
    return Reached(owner, code, placement) if owner is not None and owner.sender == sender.name else None


def by_start(workspace: Workspace, sender: Sender) -> Entry | None:
    """What START begins: the sender's own choice, else its first entry point that people reach by themselves."""
    if sender.start:
        return workspace.entry(sender.start)
    return next((entry for entry in _of(workspace, sender) if entry.kind not in ("api", "ad", "clerk")), None)


def for_purpose(workspace: Workspace, sender: Sender, purpose: str) -> Entry | None:
    """An entry point through which the person can be asked about this purpose, here in the chat."""
    fitting = [entry for entry in workspace.entries.values()
               if (entry.confirm or entry.sender) == sender.name and entry.kind not in ("ad", "clerk")
               and purpose in workspace.notices[entry.notice].purposes]
    return min(fitting, key=lambda entry: len(workspace.notices[entry.notice].purposes), default=None)


def by_ad(workspace: Workspace, sender: Sender, referral: Mapping[str, str] | None) -> Entry | None:
    """The entry point that names the ad or post that was tapped, else one that takes any. `referral` is what the
    provider says of it, None for a message that came from none.
    """
    if referral is None:
        return None
    ad = referral.get("source_id", "")
    mine = [entry for entry in _of(workspace, sender) if entry.kind == "ad" and (not entry.ads or ad in entry.ads)]
    return min(mine, key=lambda entry: not entry.ads, default=None)
