"""The commands about entry points: `sayso entry`, `sayso qr`, `sayso pending`. As in app.py, each has its arguments,
its help, and the function that carries it out, loaded when called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sayso.cli.options import Database, Json, Workspace

Entry = Annotated[str, typer.Argument(metavar="ENTRY", help="An entry point declared in sayso.toml.")]
Placement = Annotated[str, typer.Option("--placement", metavar="NAME", help="A place it is printed at, with a code of "
                                        "its own that statistics tell apart; made if there is none.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands beside the others."""
    for command in (entry, qr, pending):
        app.command()(command)


def entry(
    action: Annotated[Literal["list", "show", "stats"], typer.Argument(help="What to look at.")] = "list",
    name: Annotated[str, typer.Argument(metavar="[ENTRY]", help="Which entry point, for show and stats.")] = "",
    days: Annotated[int, typer.Option(help="How many days stats count, today included.")] = 30,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Show entry points, and how each of them does.

    Statistics are counted from the recorded facts: begun, asked, confirmed, declined, expired, undeliverable.
    """
    from sayso.cli import entries

    entries.look(database, workspace, action, name, days, as_json=as_json)


def qr(
    name: Entry,
    svg: Annotated[bool, typer.Option("--svg", help="An SVG image; this is what you get without an option.")] = False,
    png: Annotated[bool, typer.Option("--png", help="A PNG image.")] = False,
    pdf: Annotated[Literal["A4", "A6"] | None, typer.Option("--pdf", case_sensitive=False,
                   help="A poster to print, as PDF.")] = None,
    page: Annotated[Literal["A4", "A6"] | None, typer.Option("--html", case_sensitive=False,
                    help="The poster as a page that a browser prints, in any language.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file, instead of standard output.")] = None,
    placement: Placement = "",
    language: Annotated[str, typer.Option(help="Which language of the notice a poster shows.")] = "",
    chat: Annotated[bool, typer.Option("--chat", help="Lead into WhatsApp at once, where the entry point is a "
                                                      "page.")] = False,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Make the QR code of an entry point, or a poster.

    It leads to SAYSO_PUBLIC_URL or to a chat with your own number, and nowhere else.
    """
    from sayso.cli import entries

    wanted = [kind for kind, asked in (("svg", svg), ("png", png), ("pdf", pdf), ("html", page)) if asked]
    entries.print_code(database, workspace, name, wanted, pdf or page or "A4", output, placement, language, chat=chat,
                       as_json=as_json)


def pending(
    action: Annotated[Literal["list", "resend", "purge"], typer.Argument(help="What to do.")] = "list",
    request: Annotated[str, typer.Argument(metavar="[REQUEST]", help="Which question to ask again.")] = "",
    days: Annotated[int, typer.Option(help="Purge what ran out unanswered this many days ago.")] = 90,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what purge would destroy.")] = False,
    limit: Annotated[int, typer.Option(help="Lines listed.")] = 100,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Who was asked and has not answered; ask again.

    A question is asked again once, a day later at the earliest, and never over a stop. Purge destroys the evidence of
    questions that ran out long ago; the worker does it by itself.
    """
    from sayso.cli import entries

    entries.open_questions(database, workspace, action, request, days, limit, dry_run=dry_run, as_json=as_json)
