"""The commands about what people said in the chat: `sayso held`, `sayso breaker`, `sayso reasons`. As in app.py, each
has its arguments, its help, and the function that carries it out, loaded when called.
"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sayso.cli.options import Database, Json, Workspace

Clerk = Annotated[str, typer.Option("--clerk", help="Who decides; it goes into the record.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands beside the others."""
    for command in (held, breaker, reasons):
        app.command()(command)


def held(
    action: Annotated[Literal["list", "release", "stop"], typer.Argument(help="What to do.")] = "list",
    event: Annotated[str, typer.Argument(metavar="[EVENT]", help="Which message, for release and stop.")] = "",
    reveal: Annotated[bool, typer.Option("--reveal", help="Show what was said; the log counts the look.")] = False,
    marketing: Annotated[bool, typer.Option("--marketing", help="Stop marketing only, not everything.")] = False,
    clerk: Clerk = "", database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Decide about messages that may mean stop.

    Marketing to these people waits. Release one that was no stop; stop where it was one.
    """
    from sayso.cli import chat

    chat.held(database, workspace, action, event, clerk, reveal=reveal, marketing=marketing, as_json=as_json)


def breaker(
    action: Annotated[Literal["list", "confirm", "release"], typer.Argument(help="What to do.")] = "list",
    sender: Annotated[str, typer.Argument(metavar="[SENDER]", help="Whose stops, for confirm and release.")] = "",
    clerk: Clerk = "", database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Decide about stops that a provider reported in bulk.

    They hold in any case. Confirm them, or release them where the provider was wrong: that lifts these and no other.
    """
    from sayso.cli import chat

    chat.breaker(database, workspace, action, sender, clerk, as_json=as_json)


def reasons(
    days: Annotated[int, typer.Option(min=1, help="How many days back.")] = 30,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Count why people left.

    Asked under the confirmation of a stop where policy.ask_reason is set.
    """
    from sayso.cli import chat

    chat.reasons(database, workspace, days, as_json=as_json)
