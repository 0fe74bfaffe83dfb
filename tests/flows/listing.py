"""Lists for the tests of imports: written to a file, planned as the command plans them, and carried out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sayso.channels.files import Table, open_table
from sayso.flows import import_outlook, import_undo, imports
from sayso.flows.import_outlook import Outlook
from sayso.flows.import_plan import Plan, guess
from sayso.flows.imports import Counts, Import
from sayso.store.base import Store
from tests.stores import HandClock, World, build, declaration

REASON = "The shop's old list, forms kept in the safe"
WORDING = "ab" * 32
HEADER = ("Name", "Mobile", "Signed up", "Source", "Unsubscribed")


def trusting_world(store: Store, clock: HandClock) -> World:
    """A business whose policy lets lists grant."""
    return build(store, clock, declaration(policy={"elsewhere": {"import": REASON}}))


def write(folder: Path, rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n", encoding="utf-8")
    return path


def plan_for(world: World, table: Table, **edits: Any) -> Plan:
    columns = guess(table.header, [line.cells for line in table.sample], "GB")
    plan = Plan(name="list.csv", header=table.header, columns=columns, purposes=("offers",), sender="shop", region="GB",
                wording=WORDING)
    return msgspec.structs.replace(plan, **edits)


def take_in(world: World, path: Path, *, again: bool = False, tell: Callable[[int, Counts], None] | None = None,
            **edits: Any) -> tuple[Import, Counts]:
    with open_table(path) as table:
        plan = plan_for(world, table, **edits)
        begun = world.store.write(lambda tx: imports.begin(tx, world.kit, world.workspace, plan, table.survey.hash,
                                                           again=again))
        return imports.run(world.store, world.kit, world.workspace, begun, table.lines(begun.position),
                           tell or (lambda *_: None))


def look(world: World, path: Path, **edits: Any) -> Outlook:
    with open_table(path) as table:
        return import_outlook.outlook(world.store, world.kit, world.workspace, plan_for(world, table, **edits),
                                      table.lines(), lambda _: None)


def undo(world: World, import_id: str) -> int:
    return import_undo.undo(world.store, world.kit, world.workspace, import_id, lambda *_: None)


def refused(world: World, import_id: str) -> list[tuple[int, str, list[str]]]:
    return list(import_undo.refused_rows(world.store, world.kit, world.workspace.id, import_id))
