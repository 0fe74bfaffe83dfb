"""`sayso snapshot`, `sayso scrub`, `sayso audience`: lists by the million, answered at Filter grade.

Rules of the room: the list that comes in is never changed; the one that goes out is whole or not there; what it was
true at is said beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from sayso.cli.opening import open_sayso
from sayso.cli.say import counted, note, table, tell
from sayso.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from sayso.core.purposes import Cell
    from sayso.library import Sayso
    from sayso.snapshot.scrub import Only, Scrubbed

#: How often the progress moves, seconds.
MOVE_S: Final = 0.2


def snapshot(database: str, workspace: str, *, as_json: bool) -> None:
    """Make the snapshot, or bring it up to date."""
    with open_sayso(database, workspace) as sayso:
        keeper = sayso.system.keeper(sayso.workspace)
        began = time.monotonic()
        with _progress("snapshot") as move:
            state = keeper.refresh(sayso.workspace, move)
        keeper.keep()
        took = time.monotonic() - began
        tell({"addresses": len(state), "position": state.position, "seconds": round(took, 3)},
             f"{counted(len(state), 'address', 'addresses')}, true at leaf {state.position:,} of the ledger; "
             f"{took:.1f} s.", as_json=as_json)


def scrub(database: str, workspace: str, file: Path, purpose: str, sender: str, output: Path | None, column: str,
          only: Only, *, as_json: bool) -> None:
    """Answer a list row by row."""
    from sayso.snapshot.scrub import open_list
    from sayso.snapshot.scrub import scrub as answer

    target = output or file.with_name(f"{file.stem}.scrubbed{file.suffix}")
    if target.resolve() == file.resolve():
        raise InvalidRequest("The list is not written over itself; name another file with -o.", param="output")
    with open_sayso(database, workspace) as sayso:
        cell = sayso.workspace.cell(purpose, sender)
        source = open_list(file, sayso.workspace, column)
        keeper = sayso.system.keeper(sayso.workspace)
        with _progress("snapshot") as move:
            state = keeper.refresh(sayso.workspace, move)
        keeper.keep()
        note(f"{file.name}: numbers are read from the column '{source.column}'.")
        began = time.monotonic()
        try:
            with _progress("scrub") as move:
                told = answer(keeper, state, sayso.workspace, source, cell, target, only=only, progress=move)
        except OSError as error:
            raise ConfigError(f"{target} cannot be written: {error.strerror}.", param="output") from error
        _report(target, told, time.monotonic() - began, as_json=as_json)


def _report(target: Path, told: Scrubbed, took: float, *, as_json: bool) -> None:
    from sayso.flows.snapshots import verdict_of

    if as_json:
        tell({"file": str(target), "rows": told.rows, "written": told.written, "position": told.position,
              "grade": "filter", "seconds": round(took, 3), "reasons": told.reasons}, "", as_json=True)
        return
    rows = sorted(told.reasons.items(), key=lambda one: -one[1])
    table(("verdict", "reason", "rows"), [(verdict_of(reason), reason, f"{count:,}") for reason, count in rows],
          empty="The list has no rows.")
    tell({}, f"{target}: {told.written:,} of {counted(told.rows, 'row')}, true at leaf {told.position:,} of the "
             f"ledger; {took:.1f} s.", as_json=False)
    note("Grade Filter: a stop that comes now is not in this file. Send by permits, or scrub again right before.")


def audience(database: str, workspace: str, purpose: str, sender: str, output: Path | None, recipient: str, *,
             as_json: bool) -> None:
    """Write the addresses that may be messaged, one to a line."""
    from sayso.flows import audience as flow

    with open_sayso(database, workspace) as sayso:
        business, store, kit = sayso.workspace, sayso.system.store, sayso.system.kit
        cell = business.cell(purpose, sender)
        event = store.write(lambda tx: flow.handed_out(tx, kit, business, cell, how="cli", recipient=recipient))
        with _opened(output) as out:
            count, at = _write_audience(sayso, cell, out)
        told = {"addresses": count, "position": at, "grade": "filter", "event": event}
        found = counted(count, "address", "addresses")
        if output is not None:
            tell(told, f"{output}: {found}, true at leaf {at:,} of the ledger.", as_json=as_json)
        else:
            note(f"{found}, true at leaf {at:,} of the ledger; recorded as {event}.")


def _write_audience(sayso: Sayso, cell: Cell, out: IO[str]) -> tuple[int, int]:
    from sayso.flows import audience as flow

    store, kit, count, at, after = sayso.system.store, sayso.system.kit, 0, 0, ""
    while True:
        def look(tx: Any, after: str = after) -> flow.Page:
            return flow.page(tx, kit, sayso.workspace, cell, after=after, limit=flow.MAX_PAGE)

        page = store.snapshot(look)
        at, count = at or page.position, count + len(page.addresses)
        out.writelines(f"{address.dial}\n" for address in page.addresses)
        if not page.after:
            return count, at
        after = page.after


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    import os
    import sys

    if output is None:
        yield sys.stdout
        return
    try:
        handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # numbers: the owner's alone
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}.", param="output") from error
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        yield file


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int], None]]:
    """How many rows are done, moving on standard error where somebody watches."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    began = moved = time.monotonic()

    def move(done: int) -> None:
        nonlocal moved
        now = time.monotonic()
        if now - moved > MOVE_S:
            moved = now
            rate = done / max(MOVE_S, now - began)
            sys.stderr.write(f"\r{title}  {done:,}  {rate:,.0f}/s ")
            sys.stderr.flush()

    yield move
    sys.stderr.write("\r\033[K")
