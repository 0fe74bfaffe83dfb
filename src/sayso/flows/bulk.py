"""Many checks at once: the same answers as one by one, with the look-ups made for all of them together.

The answers are true at the moment they are given (Filter grade): a list is only as fresh as its asking.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from sayso.core import gate, lifecycle
from sayso.core.gate import Question, Verdict
from sayso.core.identity import Address
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.flows.kit import Kit
from sayso.store.base import Row, Tx


def check_many(tx: Tx, kit: Kit, workspace: Workspace, addresses: Sequence[Address], cell: Cell) -> list[Verdict]:
    """A verdict for each address, in their order. Equal to `permits.check` of each; a property test holds it."""
    question, nobody = Question(cell, kit.now()), gate.speak("deny", "unknown_person")
    verdicts = [nobody] * len(addresses)
    left = list(range(len(addresses)))
    for key_id in kit.vault.mac_key_ids:
        macs = kit.vault.macs_of(workspace.id, [addresses[place] for place in left], key_id)
        rows = {bytes(row[0]): row for row in _among(tx, "people_among", workspace.id, macs)}
        for place, mac in zip(left, macs, strict=True):
            if mac in rows:
                verdicts[place] = _answer(rows[mac], question)
        left = [place for place, mac in zip(left, macs, strict=True) if mac not in rows]
    _explain(tx, kit, workspace.id, addresses, left, verdicts)
    return verdicts


def _answer(row: Row, question: Question) -> Verdict:
    _, person, epoch, standing, erased = row
    if erased:
        return gate.speak("deny", "erased")
    verdict = gate.decide(lifecycle.decode(standing), question)
    return msgspec.structs.replace(verdict, epoch=epoch, person=person)


def _explain(tx: Tx, kit: Kit, ws: str, addresses: Sequence[Address], left: list[int],
             verdicts: list[Verdict]) -> None:
    """Of those nobody holds, say which said no before an erasure and which were moved away from."""
    suppressed, moved = gate.speak("deny", "suppressed"), gate.speak("deny", "moved_away")
    for key_id in reversed(kit.vault.mac_key_ids):  # the newest key speaks last, as it does for a single check
        macs = kit.vault.macs_of(ws, [addresses[place] for place in left], key_id)
        erased = {bytes(row[0]) for row in _among(tx, "suppressed_among", ws, macs)}
        held = {bytes(row[0]) for row in _among(tx, "left_among", ws, macs)}
        for place, mac in zip(left, macs, strict=True):
            if mac in erased or mac in held:
                verdicts[place] = suppressed if mac in erased else moved


def _among(tx: Tx, query: str, ws: str, macs: Iterable[bytes]) -> list[Row]:
    keys = sorted(set(macs))  # in order: the index is walked instead of jumped about in
    return tx.rows_among(query, keys, ws=ws) if keys else []
