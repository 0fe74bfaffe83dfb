"""Imports taken back as a whole, and the rows that could not be used.

Rules of the room: an undo takes back what was granted and lifts no stop; it can be killed anywhere and goes on; it goes
from the last row to the first, so that an import killed half-way is undone from where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from sayso.core import events
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest
from sayso.flows import elsewhere, imports
from sayso.flows.imports import Import
from sayso.flows.kit import Kit
from sayso.flows.record import person_by_id
from sayso.store.base import Store, Tx

#: Places undone in one transaction.
UNDO_BATCH: Final = 1_000
#: Refused rows read at a time for the report.
PAGE: Final = 1_000


def undo(store: Store, kit: Kit, workspace: Workspace, import_id: str, tell: Callable[[int, int], None]) -> int:
    """Take an import back as a whole: every yes it recorded is undone, every no it brought stays. Can be killed and
    called again. `tell` hears (rows left, yeses taken back). Returns how many facts were undone by this call.

    Raises NotFound, and InvalidRequest for one that is undone already.
    """
    ws = workspace.id
    begun = store.write(lambda tx: _begin_undo(tx, kit, ws, import_id))
    left, count = begun.position, 0
    while left > 0:
        upto = left
        left, undone = store.write(lambda tx: _undo_some(tx, kit, ws, import_id, upto))  # noqa: B023  it runs now
        count += undone
        tell(left, count)
    store.write(lambda tx: _end_undo(tx, kit, ws, import_id))
    return count


def _begin_undo(tx: Tx, kit: Kit, ws: str, import_id: str) -> Import:
    known = imports.get(tx, ws, import_id)
    if known.state == "undone":
        raise InvalidRequest("This import is undone already.", param="undo")
    tx.run("set_import_state", ws=ws, id=import_id, state="undoing", before=known.state, now=kit.now())
    return imports.get(tx, ws, import_id)


def _undo_some(tx: Tx, kit: Kit, ws: str, import_id: str, upto: int) -> tuple[int, int]:
    """The rows up to this place, from the last one down; (places left, facts undone)."""
    after, count = max(0, upto - UNDO_BATCH), 0
    if not tx.run("advance_import", ws=ws, id=import_id, position=after, before=upto, state="undoing"):
        raise InvalidRequest("This import is being undone elsewhere.", param="undo")
    for _, event_id, person_id in tx.rows("import_facts_between", ws=ws, id=import_id, after=after, upto=upto):
        row, person = tx.row("event", ws=ws, event=event_id), person_by_id(tx, ws, person_id)
        event = events.decode(bytes(row[0])) if row else None
        if event is None or person is None or person.erased or event.type != "consent_recorded":
            continue
        elsewhere.undo(tx, kit, ws, person, event, more={"import": import_id})
        count += 1
    return after, count


def _end_undo(tx: Tx, kit: Kit, ws: str, import_id: str) -> None:
    tx.run("set_import_state", ws=ws, id=import_id, state="undone", before="undoing", now=kit.now())
    tx.run("drop_import_refused", ws=ws, id=import_id)


def refused_rows(store: Store, kit: Kit, ws: str, import_id: str) -> Iterator[tuple[int, str, list[str]]]:
    """(row, why, cells) of everything that could not be used, in the order of the file."""
    after = 0
    while rows := store.read(lambda tx: tx.rows("import_refused", ws=ws, id=import_id, after=after, limit=PAGE)):  # noqa: B023
        for place, problem, sealed in rows:
            data = kit.vault.unseal_workspace(ws, bytes(sealed), f"{import_id}:{place}".encode())
            yield place, problem, msgspec.json.decode(data, type=list[str])
        after = rows[-1][0]
