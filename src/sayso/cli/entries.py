"""Commands about entry points: looking at them, printing their codes, and the questions nobody answered."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from sayso.cli.opening import open_sayso, settings_of
from sayso.cli.say import note, table, tell, when
from sayso.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from sayso.channels.poster import Size
    from sayso.core.workspace import Entry
    from sayso.flows.entries import Statistics
    from sayso.flows.pending import Waiting
    from sayso.flows.printed import Printed
    from sayso.library import Sayso

#: The counts, in the order of a person's way through them.
COUNTS: Final = ("begun", "asked", "confirmed", "declined", "expired", "undeliverable")


# -- looking -----------------------------------------------------------------------------------------------------------


def look(database: str, workspace: str, action: Literal["list", "show", "stats"], name: str, days: int, *,
         as_json: bool) -> None:
    """List entry points, show one, or count what became of those who began there."""
    if action != "list" and not name:
        raise InvalidRequest(f"Name the entry point: sayso entry {action} ENTRY.", param="entry")
    public_url = settings_of(database, workspace).public_url
    with open_sayso(database, workspace) as sayso:
        if action == "stats":
            _show_stats(sayso, name, days, as_json=as_json)
            return
        chosen = [sayso.workspace.entry(name)] if name else list(sayso.workspace.entries.values())
        found = [_described(sayso, entry, public_url) for entry in chosen]
    if as_json:
        tell(found[0] if name else found, "", as_json=True)
    elif name:
        _show_one(found[0])
    else:
        table(("entry point", "kind", "notice", "code or keywords", "link"),
              [(entry["name"], entry["kind"], entry["notice"], entry["code"] or ", ".join(entry["keywords"]),
                entry["link"] or "-") for entry in found], empty="No entry point is declared.")


def _described(sayso: Sayso, entry: Entry, public_url: str) -> dict[str, Any]:
    from sayso.errors import NotConfigured
    from sayso.flows import entries

    workspace = sayso.workspace
    try:
        link, why = entries.link(workspace, entry, public_url).url, ""
    except (InvalidRequest, NotConfigured) as error:
        link, why = "", error.detail
    placed = sayso.system.store.read(lambda tx: entries.placements(tx, workspace, entry))
    return {"name": entry.name, "kind": entry.kind, "notice": entry.notice, "sender": entry.sender,
            "language": entry.lang, "code": entry.code, "keywords": list(entry.keywords), "link": link,
            "placements": placed, **({"why_no_link": why} if why else {})}


def _show_one(found: dict[str, Any]) -> None:
    lines = [(name, (", ".join(value) if isinstance(value, list) else str(value)) or "-")
             for name, value in found.items() if name != "placements"]
    table(("", found["name"]), lines, empty="")
    if found["placements"]:
        table(("placement", "code"), list(found["placements"].items()), empty="")


def _show_stats(sayso: Sayso, name: str, days: int, *, as_json: bool) -> None:
    from sayso.flows import entries

    sayso.workspace.entry(name)
    workspace, kit = sayso.workspace, sayso.system.kit
    found = sayso.system.store.snapshot(lambda tx: entries.statistics(tx, kit, workspace, name, days))
    if as_json:
        tell(found, "", as_json=True)
    else:
        _draw_stats(found)


def _draw_stats(found: Statistics) -> None:
    rows = [(day.day, *(str(getattr(day, count)) for count in COUNTS)) for day in found.days if day.begun]
    rows.append(("in all", *(str(getattr(found.totals, count)) for count in COUNTS)))
    table(("day (UTC)", *COUNTS), rows, empty="")
    if len(found.placements) > 1:
        table(("placement", "how", *COUNTS), [(place.placement or "-", place.how, *(
            str(getattr(place, count)) for count in COUNTS)) for place in found.placements], empty="")
    note("Each request counts on the day it was begun, whenever it was answered.")


# -- printing ----------------------------------------------------------------------------------------------------------


def print_code(database: str, workspace: str, name: str, wanted: Sequence[str], size: Size, output: Path | None,
               placement: str, language: str, *, chat: bool, as_json: bool) -> None:
    """Make the image or poster and write it where it is wanted. A placement that has no code yet gets one."""
    from sayso.flows import entries, printed

    if len(wanted) > 1:
        raise InvalidRequest(f"Choose one of --{', --'.join(wanted)}.", param=wanted[1])
    kind = wanted[0] if wanted else "svg"
    public_url = settings_of(database, workspace).public_url
    with open_sayso(database, workspace) as sayso:
        business, kit, store = sayso.workspace, sayso.system.kit, sayso.system.store
        entry = business.entry(name)
        code = entry.code
        if placement:
            code = store.write(lambda tx: entries.make_placement(tx, kit, business, entry, placement))
        made = printed.code(business, entry, public_url, code, chat=chat)
        poster = printed.poster(business, entry, made, placement, language) if kind in ("pdf", "html") else None
    if poster is None:
        data = _image(made, kind)
    else:
        from sayso.channels import poster as drawing

        data = drawing.pdf(poster, size) if kind == "pdf" else drawing.page(poster, size).encode()
    _write(data, output, text=kind in ("svg", "html"))
    if output is not None or as_json:
        tell({"file": str(output) if output else None, "leads_to": made.link.url, "short": made.link.short,
              "code": made.link.code, "placement": placement}, f"{output}\nleads to {made.link.url}", as_json=as_json)
    if poster is not None:
        note("Hang it where you can see it, and look now and then that nobody pasted another code over it.")


def _image(made: Printed, kind: str) -> bytes:
    from sayso.channels import qr

    return qr.svg(made.code, made.label).encode() if kind == "svg" else qr.png(made.code, made.label)


def _write(data: bytes, output: Path | None, *, text: bool) -> None:
    """To the file, or to standard output; a picture is not thrown at a terminal."""
    if output is None:
        if sys.stdout.isatty() and not text:
            raise InvalidRequest("Name a file with -o; this is no text for a terminal.", param="output")
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        output.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"{output} cannot be written: {error.strerror}.", param="output") from error


# -- open questions ----------------------------------------------------------------------------------------------------


def open_questions(database: str, workspace: str, action: Literal["list", "resend", "purge"], request: str, days: int,
                   limit: int, *, dry_run: bool, as_json: bool) -> None:
    """List who has not answered, ask one of them again, or forget those of long ago."""
    from sayso.flows import pending

    if action == "resend" and not request:
        raise InvalidRequest("Name the request: sayso pending resend REQUEST, as in `sayso pending list`.",
                             param="request")
    with open_sayso(database, workspace) as sayso:
        ws, kit, store = sayso.workspace, sayso.system.kit, sayso.system.store
        if action == "list":
            page = store.read(lambda tx: pending.waiting(tx, kit, ws, limit=limit))
            _list(page.items, more=bool(page.after), as_json=as_json)
        elif action == "resend":
            store.write(lambda tx: pending.resend(tx, kit, ws, request))
            tell({"state": "asked_again", "request": request}, "asked again: the worker sends it, and it is the last "
                 "time for this request.", as_json=as_json)
        else:
            done = store.read(lambda tx: pending.outlook(tx, kit, ws.id, days=days)) if dry_run else \
                pending.sweep(store, kit, ws.id, days=days)
            would = "would be" if dry_run else "were"
            tell({"requests": done.requests, "people": done.people, "dry_run": dry_run},
                 f"{done.requests} request(s) {would} forgotten, and with them {done.people} record(s) of people who "
                 "never answered at all.", as_json=as_json)


def _list(items: Sequence[Waiting], *, more: bool, as_json: bool) -> None:
    if as_json:
        tell(items, "", as_json=True)
        return
    table(("request", "person", "entry point", "since (UTC)", "asked", "until", "resend from"), [
        (item.request, item.address, f"{item.entry}{' · ' + item.placement if item.placement else ''} ({item.how})",
         when(item.since), _asked(item), when(item.until), when(item.resend_from)) for item in items],
        empty="Nobody has an open question.")
    if more:
        note("There are more; --limit shows up to 500.")


def _asked(item: Waiting) -> str:
    if item.undeliverable:
        return f"undeliverable ({item.code})"
    return when(item.prompted_at)
