"""The commands about lists by the million: `sayso scrub`, `sayso snapshot`, `sayso audience`. As in app.py, each has
its arguments, its help, and the function that carries it out, loaded when called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from sayso.cli.options import Database, Json, Purpose, Sender, Workspace


def add_to(app: typer.Typer) -> None:
    """Put these commands beside the others."""
    for command in (scrub, snapshot, audience):
        app.command()(command)


def scrub(
    file: Annotated[Path, typer.Argument(help="A list: CSV in UTF-8, or Parquet, of any length.")],
    purpose: Purpose,
    sender: Sender = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The new list: CSV, or Parquet if it ends in "
                                                ".parquet. Without it, beside the old one.")] = None,
    column: Annotated[str, typer.Option(help="The column that holds the numbers, if the guess is wrong.")] = "",
    only: Annotated[Literal["allow", "deny"] | None, typer.Option(help="Keep only these rows.")] = None,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Say whether each row of a list may be messaged, and why.

    Adds the columns sayso_verdict and sayso_reason; nothing else is changed. The answers are true at the moment of
    asking: send by permits, or scrub right before.
    """
    from sayso.cli import lists

    lists.scrub(database, workspace, file, purpose, sender, output, column, only or "", as_json=as_json)


def snapshot(database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Make or update the snapshot that answers large lists.

    It holds keyed MACs and answers, no numbers. `sayso scrub` does this by itself; the service uses a snapshot for
    large bulk checks once there is one.
    """
    from sayso.cli import lists

    lists.snapshot(database, workspace, as_json=as_json)


def audience(
    purpose: Purpose,
    sender: Sender = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file, instead of standard output.")] = None,
    recipient: Annotated[str, typer.Option(help="Whom the list is for, if it is not you: the purpose must be of class "
                                                "sharing.")] = "",
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """List everybody who may be messaged for a purpose now.

    That a list was handed out, for what and to whom, is recorded.
    """
    from sayso.cli import lists

    lists.audience(database, workspace, purpose, sender, output, recipient, as_json=as_json)
