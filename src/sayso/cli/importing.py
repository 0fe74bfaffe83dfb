"""`sayso import`: a list of people with its proof, shown first, then taken in, gone on with, taken back, mended.

Rules of the room: nothing is written before somebody saw how the file is read and said yes; numbers are shown masked;
a command that is killed can simply be given again.
"""

from __future__ import annotations

import mimetypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from sayso.cli.import_options import Given, plan_of
from sayso.cli.opening import open_sayso
from sayso.cli.say import counted, note, table, tell, when
from sayso.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from sayso.channels.files import Table
    from sayso.flows.import_outlook import Outlook
    from sayso.flows.import_plan import Plan
    from sayso.flows.imports import Counts, Import
    from sayso.library import Sayso
    from sayso.store.base import Tx

#: Imports listed, newest first.
LISTED: Final = 100
#: How often the progress moves, seconds.
MOVE_S: Final = 0.2
#: Columns put before those of a report of refused rows; they are ignored when it is fed again.
REPORT: Final = ("sayso_row", "sayso_problem")
KINDS: Final = (("granted", "stand as a yes"), ("unknown", "stay unknown"), ("kept_no", "say or keep a no"),
                ("refused", "refused"))


# -- commands ----------------------------------------------------------------------------------------------------------


def dispatch(database: str, workspace: str, file: Path | None, given: Given, *, undo: str, show_one: str,
             show_list: bool, dry_run: bool, yes: bool, again: bool, refused: Path | None, as_json: bool) -> None:
    """One of the four things the command does. Raises InvalidRequest unless exactly one is asked for."""
    if sum((file is not None, bool(undo), bool(show_one), show_list)) != 1:
        raise InvalidRequest("Name a file, or one of --undo, --show, --list.", param="file")
    if file is not None:
        take_in(database, workspace, file, given, dry_run=dry_run, yes=yes, again=again, refused=refused,
                as_json=as_json)
    elif undo:
        take_back(database, workspace, undo, yes=yes, as_json=as_json)
    elif show_one:
        report(database, workspace, show_one, refused, as_json=as_json)
    else:
        show_list_of(database, workspace, as_json=as_json)


def take_in(database: str, workspace: str, file: Path, given: Given, *, dry_run: bool, yes: bool, again: bool,
            refused: Path | None, as_json: bool) -> None:
    """Import a file, or say what that would do."""
    from sayso.channels.files import open_table
    from sayso.flows import imports

    with open_sayso(database, workspace) as sayso:
        opened = open_table(file, format=given.format, encoding=given.encoding, sheet=given.sheet)
        try:
            known = sayso.system.store.read(lambda tx: imports.find(tx, sayso.workspace.id, opened.survey.hash))
            if known is not None and known.state == "done" and not again and not dry_run:
                _done_before(sayso, known, refused, as_json=as_json)
                return
            going_on = known is not None and known.state == "running" and given.plain
            plan, papers = (known.plan, {}) if known and going_on else plan_of(sayso, opened, file, given)
            if dry_run:
                _dry_run(sayso, opened, plan, as_json=as_json)
                return
            _confirm(opened, plan, sure=yes or going_on)
            _carry_out(sayso, opened, plan, papers, again=again, refused=refused, as_json=as_json)
        finally:
            opened.close()


def _done_before(sayso: Sayso, known: Import, refused: Path | None, *, as_json: bool) -> None:
    note(f"This very file was imported on {when(known.ended_at)} UTC; nothing was changed. --again does it once more.")
    _report(sayso, known, refused)
    tell(_as_json(known), _summary(known), as_json=as_json)


def take_back(database: str, workspace: str, import_id: str, *, yes: bool, as_json: bool) -> None:
    """Undo an import as a whole, after asking."""
    from sayso.flows import import_undo, imports

    with open_sayso(database, workspace) as sayso:
        known = sayso.system.store.read(lambda tx: imports.get(tx, sayso.workspace.id, import_id))
        if not yes:
            stand = counted(known.counts.granted, "row stands", "rows stand")
            _ask(f"{known.plan.name}: {stand} as a yes. Take the import back?",
                 first=f"See what it did with --show {import_id}")
        with _progress(f"undoing {import_id}") as move:
            total = max(1, known.position)
            undone = import_undo.undo(sayso.system.store, sayso.system.kit, sayso.workspace, import_id,
                                  lambda left, count: move(1 - left / total, count))
    note("Every no that came with it stays, and so does every yes that people gave themselves.")
    tell({"import": import_id, "state": "undone", "undone": undone},
         f"{import_id} is undone: {counted(undone, 'recorded yes', 'recorded yeses')} taken back.", as_json=as_json)


def show_list_of(database: str, workspace: str, *, as_json: bool) -> None:
    """The imports there are."""
    from sayso.flows import imports

    with open_sayso(database, workspace) as sayso:
        found = sayso.system.store.read(lambda tx: imports.newest(tx, sayso.workspace.id, LISTED))
    if as_json:
        tell([_as_json(one) for one in found], "", as_json=True)
        return
    table(("import", "file", "state", "row", "yes", "unknown", "no", "refused", "begun (UTC)"),
          [(one.id, one.plan.name, one.state, f"{one.position:,}", f"{one.counts.granted:,}",
            f"{one.counts.unknown:,}", f"{one.counts.kept_no:,}", f"{one.counts.refused:,}", when(one.started_at))
           for one in found], empty="Nothing was imported yet.")


def report(database: str, workspace: str, import_id: str, refused: Path | None, *, as_json: bool) -> None:
    """One import, and its refused rows into a file."""
    from sayso.flows import imports

    with open_sayso(database, workspace) as sayso:
        known = sayso.system.store.read(lambda tx: imports.get(tx, sayso.workspace.id, import_id))
        _report(sayso, known, refused)
    tell(_as_json(known), _summary(known), as_json=as_json)


# -- showing and asking ------------------------------------------------------------------------------------------------


def _mapping(opened: Table, plan: Plan) -> list[str]:
    """How the file is read, in lines."""
    days = {"dmy": "day before month", "mdy": "month before day"}[plan.order]
    lines = [f"{plan.name}: {opened.format}, {opened.survey.size:,} bytes"]
    for name, columns in plan.columns.items():
        lines.append(f"  {name:<10}{', '.join(plan.header[column] for column in columns)}"
                     + (f"  ({days})" if name == "date" else ""))
    used = {column for columns in plan.columns.values() for column in columns}
    unread = [title for column, title in enumerate(plan.header) if column not in used]
    lines += [f"  not read  {', '.join(unread)[:200]}"] if unread else []
    return [*lines, *_says(plan), *(f"  note: {text}" for text in opened.notes)]


def _says(plan: Plan) -> list[str]:
    """What the rows say, and the proof of those that say yes."""
    told = [plan.header[column] for name in ("status", "stopped") for column in plan.columns.get(name, ())]
    if plan.stop_list:
        which = f"rows that say no in {', '.join(told)} are stops" if told else "every row is a stop"
        return [f"  {which}, of {plan.stops}"]
    proof = {"source": plan.source, "date": when(plan.date)[:10] if plan.date else "",
             "wording": f"sha256 {plan.wording[:12]}" if plan.wording else "",
             "document": f"sha256 {plan.document[:12]}" if plan.document else ""}
    said = ", ".join(f"{name} {value}" for name, value in proof.items() if value)
    return [f"  proof of rows without their own: {said or 'none'}",
            f"  a yes covers {', '.join(plan.purposes)} from {plan.sender}; a no covers {plan.stops}"]


def _dry_run(sayso: Sayso, opened: Table, plan: Plan, *, as_json: bool) -> None:
    """The readable difference; nothing is changed."""
    from dataclasses import asdict

    from sayso.flows.import_outlook import outlook

    with _progress("reading") as move:
        found = outlook(sayso.system.store, sayso.system.kit, sayso.workspace, plan, opened.lines(),
                        lambda place: move(opened.rows.share(), place))
    opened.check_unchanged()
    shown = {"file": plan.name, "columns": {name: [plan.header[column] for column in columns]
                                            for name, columns in plan.columns.items()}}
    difference = _difference(sayso, found, grants=not plan.stop_list)
    tell(shown | asdict(found), "\n".join([*_mapping(opened, plan), *difference]), as_json=as_json)


def _difference(sayso: Sayso, found: Outlook, *, grants: bool) -> list[str]:
    counts = found.counts
    new = counted(found.new_people, "person", "people")
    lines = ["", f"{counted(found.rows, 'row')}, {new} not known so far. This would be:"]
    for kind, title in KINDS:
        more = f", {found.already:,} of them already do" if kind == "granted" and found.already else ""
        lines.append(f"{getattr(counts, kind):>12,}  {title}{more}")
        lines += [f"{'':14}row {example.place}  {example.shown}  {example.why}"
                  for example in found.examples.get(kind, [])]
    if counts.repeated:
        lines.append(f"{counts.repeated:>12,}  stand in the file a second time")
    lines += [f"{count:>12,}  rows without {what}" for what, count in found.missing.items() if what != "status"]
    if grants and not sayso.workspace.policy.elsewhere.get("import", "").strip():
        lines.append("No list grants here: set policy.elsewhere.import in sayso.toml, with the reason, if one may.")
    if not found.exact:
        lines.append("The file is so long that numbers in it twice may have been counted twice.")
    return [*lines, "Nothing was changed."]


def _confirm(opened: Table, plan: Plan, *, sure: bool) -> None:
    """Show how the file is read, and have it confirmed."""
    note("\n".join(_mapping(opened, plan)))
    if not sure:
        _ask("Import it like this?", first="Look at it with --dry-run")


def _ask(question: str, *, first: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidRequest(f"{first}, then say --yes: there is nobody here to ask.")
    typer.confirm(question, abort=True, err=True)


# -- doing -------------------------------------------------------------------------------------------------------------


def _carry_out(sayso: Sayso, opened: Table, plan: Plan, papers: dict[Path, bytes], *, again: bool,
               refused: Path | None, as_json: bool) -> None:
    from sayso.flows import imports

    workspace, kit, store = sayso.workspace, sayso.system.kit, sayso.system.store
    begun = store.write(lambda tx: _begin(tx, sayso, plan, papers, opened.survey.hash, again=again))
    if begun.position:
        note(f"{begun.id} goes on behind row {begun.position:,}.")
    place = begun.position
    with _progress(begun.id) as move:
        def done(upto: int, _: Counts) -> None:
            nonlocal place
            place = upto
            opened.check_unchanged()
            move(opened.rows.share(), upto)

        try:
            ended, counts = imports.run(store, kit, workspace, begun, opened.lines(begun.position), done)
        except BaseException:
            note(f"\nStopped. The rows up to {place:,} are on disk; the same command goes on behind them, "
                 f"`sayso import --undo {begun.id}` takes them back.")
            raise
    _report(sayso, ended, refused)
    tell(_as_json(ended), _summary(ended, counts.repeated), as_json=as_json)


def _begin(tx: Tx, sayso: Sayso, plan: Plan, papers: dict[Path, bytes], file_hash: str, *, again: bool) -> Import:
    from sayso.flows import elsewhere, imports

    for path, content in papers.items():
        media = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        elsewhere.keep_document(tx, sayso.system.kit, sayso.workspace.id, path.name, media, content)
    return imports.begin(tx, sayso.system.kit, sayso.workspace, plan, file_hash, again=again)


def _report(sayso: Sayso, known: Import, target: Path | None) -> None:
    """Write what was refused, to be mended and fed again; only its owner can read the file."""
    from sayso.channels.files import write_rows
    from sayso.flows import import_undo

    if target is None:
        if known.counts.refused:
            refused = counted(known.counts.refused, "row was", "rows were")
            note(f"{refused} refused. `sayso import --show {known.id} --refused mend.csv` "
                 "writes them to a file that can be mended and imported.")
        return

    def rows() -> Iterator[list[str]]:
        yield [*REPORT, *known.plan.header]
        for place, problem, cells in import_undo.refused_rows(sayso.system.store, sayso.system.kit,
                                                              sayso.workspace.id, known.id):
            yield [str(place), problem, *cells]

    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            written = write_rows(file, rows()) - 1
    except OSError as error:
        raise ConfigError(f"{target} cannot be written: {error.strerror}.", param="refused") from error
    note(f"{counted(written, 'refused row is', 'refused rows are')} in {target}. "
         "Mend the file and import it in the same way.")


@contextmanager
def _progress(title: str) -> Iterator[Callable[[float, int], None]]:
    """A bar on standard error with rate and time left, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
               TextColumn("{task.fields[done]}"), TimeRemainingColumn())
    began, first = time.monotonic(), -1
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0, done="")

        def move(share: float, place: int) -> None:
            nonlocal first
            first = place if first < 0 else first
            rate = (place - first) / max(MOVE_S, time.monotonic() - began)
            bar.update(task, completed=share, done=f"{place:,}  {rate:,.0f}/s")

        yield move


def _as_json(known: Import) -> dict[str, Any]:
    counts = known.counts
    return {"import": known.id, "file": known.plan.name, "file_hash": known.file_hash, "state": known.state,
            "position": known.position, "granted": counts.granted, "unknown": counts.unknown,
            "kept_no": counts.kept_no, "refused": counts.refused, "started_at": known.started_at,
            "ended_at": known.ended_at or None}


def _summary(known: Import, repeated: int = 0) -> str:
    lines = [f"{known.id} ({known.plan.name}): {known.state}, up to row {known.position:,}"]
    lines += [f"{getattr(known.counts, kind):>12,}  {title}" for kind, title in KINDS]
    if repeated:
        lines.append(f"{repeated:>12,}  stood in the file a second time")
    return "\n".join(lines)
