"""Commands that show and hand over: show, verify, receipt, data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from sayso.cli.opening import address_of, open_sayso, verifier_key
from sayso.cli.say import PROBLEM, console, counted, mask, note, table, tell, when
from sayso.errors import ConfigError, InvalidRequest, NotFound

if TYPE_CHECKING:
    from sayso.library import Sayso

#: Rows of the outbox and of the unhandled that are shown, newest first.
SHOWN: Final = 100
#: Names of the columns of the two queries, in their order.
OUTBOX: Final = ("id", "kind", "sender", "answers", "state", "run_at", "attempts", "problem", "created_at")
UNHANDLED: Final = ("id", "connection", "reason", "field", "received_at")
ERASED: Final = "This person was erased. The no is kept as a keyed hash and holds: nothing may be sent to this address."
#: What is said beside the receipt of a yes that has ended, or that nothing may be sent on at the moment.
STOPPED: Final = "This person has stopped since"
NOT_NOW: Final = "Nothing may be sent on this yes now"
STOPS: Final = frozenset({"stopped", "stopped_all", "stopped_on_whatsapp"})
TIMES: Final = frozenset({"run_at", "created_at", "received_at"})


def show(database: str, workspace: str, address: str, *, texts: bool, outbox: bool, unhandled: bool, entries: bool,
         as_json: bool) -> None:
    """One of the four views. Raises InvalidRequest unless exactly one is asked for."""
    views: list[tuple[bool, Callable[[Sayso], None]]] = [
        (bool(address), lambda sayso: _person(sayso, address_of(address), texts=texts, as_json=as_json)),
        (outbox, lambda sayso: _rows(sayso, "outbox_list", OUTBOX, "The outbox is empty.", as_json=as_json)),
        (unhandled, lambda sayso: _rows(sayso, "unhandled_items", UNHANDLED, "Everything that came in was used.",
                                        as_json=as_json)),
        (entries, lambda sayso: _entries(sayso, as_json=as_json)),
    ]
    wanted = [view for asked, view in views if asked]
    if len(wanted) != 1:
        raise InvalidRequest("Name a person, or one of --outbox, --unhandled, --entries.", param="address")
    with open_sayso(database, workspace) as sayso:
        wanted[0](sayso)


def verify(database: str, workspace: str, *, as_json: bool) -> None:
    """Verify, print counts, root and the key to check receipts with, name the first problem."""
    with open_sayso(database, workspace) as sayso:
        report, key = sayso.verify(), verifier_key(sayso.system, sayso.workspace)
    evidence = counted(report.openings, "piece of evidence fits", "pieces of evidence fit")
    lines = [f"{counted(report.events, 'event')} in the ledger, {report.waiting} on the way to a place in it",
             f"{evidence} what was committed to, {report.erased_openings} erased",
             f"{counted(report.checkpoints, 'checkpoint')} rightly signed",
             f"{counted(report.people, 'person', 'people')} rebuilt from the facts",
             counted(report.addresses, "address", "addresses"), f"root {report.root or '-'}", f"key {key}"]
    lines += [f"PROBLEM: {problem}" for problem in report.problems]
    lines.append("Something does not fit." if report.problems else "Everything fits.")
    tell(asdict(report) | {"key": key}, "\n".join(lines), as_json=as_json)
    if report.problems:
        raise typer.Exit(PROBLEM)


def receipt(database: str, workspace: str, address: str, purpose: str, output: Path | None, *, as_json: bool) -> None:
    """Print the receipt, or write it to a new file that only its owner can read: it holds what the person said."""
    with open_sayso(database, workspace) as sayso:
        who = address_of(address)
        found = sayso.receipt(who, purpose)
        warnings = _since(sayso, who, found["record"]["purposes"])
    for warning in warnings:
        note(warning)
    _hand_over(found, output, f"Anybody can check it: python verify_receipt.py {output} --key KEY\n"
               "KEY is the line that `sayso verify` prints; publish it where they find it.", as_json=as_json)


def _since(sayso: Sayso, address: str, cells: Iterable[Mapping[str, str]]) -> list[str]:
    """What has become of the yes: a receipt proves that it was given, and looks the same once it is taken back."""
    verdicts = (sayso.check(address, cell["purpose"], cell["sender"]) for cell in cells)
    since = ((STOPPED if one.reason in STOPS else NOT_NOW, one) for one in verdicts if not one.allowed)
    return list(dict.fromkeys(f"{words}: {one.sentence} ({one.reason})" for words, one in since))


def data(database: str, workspace: str, address: str, output: Path | None, *, as_json: bool) -> None:
    """Everything recorded of a person, printed or in a new file that only its owner can read."""
    with open_sayso(database, workspace) as sayso:
        found = sayso.export(address_of(address), how="cli")
    _hand_over(found, output, "Give it to this person and nobody else: nothing in it is masked.", as_json=as_json)


def _hand_over(found: Any, output: Path | None, what_now: str, *, as_json: bool) -> None:
    if output is None:
        tell(found, "", as_json=True)
        return
    import msgspec

    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}.", param="output") from error
    tell({"file": str(output)}, f"{output}\n{what_now}", as_json=as_json)


# -- views -------------------------------------------------------------------------------------------------------------


def standing_of(sayso: Sayso, address: str) -> dict[str, Any]:
    """Where a person stands: for each purpose and sender the state, and what the gate says. Of somebody erased only
    that is left. Raises NotFound for somebody never heard of.
    """
    from sayso.core import identity, lifecycle
    from sayso.flows import people

    workspace, kit = sayso.workspace, sayso.system.kit
    who = identity.parse(address, workspace.country or None)
    person = sayso.system.store.read(lambda tx: people.find(tx, kit, workspace.id, who, lock=False))
    if person is None and sayso.system.store.read(lambda tx: people.suppressed(tx, kit, workspace.id, [who])):
        return {"address": mask(who), "person": None, "erased": True, "cells": [], "sentence": ERASED}
    if person is None:
        verdict = sayso.check(address, next(iter(workspace.purposes)), next(iter(workspace.senders)))
        raise NotFound(verdict.sentence, param="address")
    cells = []
    for sender in workspace.senders:
        for purpose in workspace.purposes:
            cell, verdict = workspace.cell(purpose, sender), sayso.check(address, purpose, sender)
            cells.append({
                "purpose": purpose, "sender": sender, "class": cell.cls, "verdict": verdict.verdict,
                "state": lifecycle.state_of(person.standing, cell, kit.now()), "reason": verdict.reason,
                "sentence": verdict.sentence,
            })
    return {"address": mask(who), "person": person.id, "erased": False, "language": person.lang or None,
            "epoch": person.epoch, "cells": cells}


def _person(sayso: Sayso, address: str, *, texts: bool, as_json: bool) -> None:
    found = standing_of(sayso, address)
    found["history"] = [] if found["erased"] else sayso.history(address, texts=texts)
    if as_json or found["erased"]:
        tell(found, f"{found['address']}  {found.get('sentence', '')}", as_json=as_json)
        return
    console().print(f"{found['address']}  {found['person']}  language {found['language'] or '-'}", markup=False)
    table(("purpose", "sender", "class", "state", "may I", "why"),
          [(cell["purpose"], cell["sender"], cell["class"], cell["state"], cell["verdict"], cell["sentence"])
           for cell in found["cells"]], empty="No purpose is declared.")
    table(("when (UTC)", "what happened", "about", "leaf", "event"),
          [(when(line["occurred_at"]), _what(line), _about(line), _leaf(line), line["id"])
           for line in found["history"]], empty="Nothing is recorded.")
    note("Times in UTC. A leaf is the place in the ledger; - means it is on its way there.")


def _what(line: dict[str, Any]) -> str:
    said = "".join(f"\n{name}: {value}" for name, value in line.get("evidence", {}).items())
    how = line["facts"].get("how")
    return str(line["type"]).replace("_", " ") + (f" ({how})" if how else "") + said


def _about(line: dict[str, Any]) -> str:
    return ", ".join("everything" if cell == ["*", "*", "*"] else "/".join(cell) for cell in line["cells"])


def _leaf(line: dict[str, Any]) -> str:
    return "-" if line["leaf_index"] is None else str(line["leaf_index"])


def _rows(sayso: Sayso, query: str, columns: tuple[str, ...], empty: str, *, as_json: bool) -> None:
    ws = sayso.workspace.id
    rows = [dict(zip(columns, row, strict=True))
            for row in sayso.system.store.read(lambda tx: tx.rows(query, ws=ws, limit=SHOWN))]
    if as_json:
        tell(rows, "", as_json=True)
    else:
        table(columns, [[when(value) if name in TIMES else str(value) for name, value in row.items()] for row in rows],
              empty=empty)


def entry_points(sayso: Sayso) -> list[dict[str, Any]]:
    """Every entry point with its code and the link by which people begin it."""
    from sayso.flows.opt_in import chat_link

    workspace = sayso.workspace
    return [{"name": entry.name, "kind": entry.kind, "sender": entry.sender, "notice": entry.notice,
             "code": entry.code, "keywords": list(entry.keywords), "chat_link": chat_link(workspace, entry)}
            for entry in workspace.entries.values()]


def _entries(sayso: Sayso, *, as_json: bool) -> None:
    found = entry_points(sayso)
    if as_json:
        tell(found, "", as_json=True)
    else:
        table(("entry point", "kind", "code or keywords", "chat link"),
              [(entry["name"], entry["kind"], entry["code"] or ", ".join(entry["keywords"]), entry["chat_link"])
               for entry in found], empty="No entry point is declared.")
