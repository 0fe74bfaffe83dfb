"""The commands about webhooks out and incidents: `sayso webhook ...` and `sayso incidents`. As in app.py, each has its
arguments, its help, and the function that carries it out, loaded when called.
"""

from __future__ import annotations

from typing import Annotated

import typer

from sayso.cli.options import Database, Json, Workspace

group = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Look at, test and replay webhooks out.\n\nThey are declared in sayso.toml, in [webhooks.NAME].",
)  # fmt: skip

Name = Annotated[str, typer.Argument(metavar="NAME", help="A webhook.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands beside the others."""
    app.add_typer(group, name="webhook")
    app.command()(incidents)


@group.command(name="list")
def list_(database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Every webhook, how far it is, and what is wrong with it."""
    from sayso.cli import webhooks

    webhooks.show(database, workspace, as_json=as_json)


@group.command(name="test")
def try_(name: Name, database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Send a test delivery now, and say what was answered.

    Exit 0 if the receiver took it, 1 if it did not.
    """
    from sayso.cli import webhooks

    webhooks.test(database, workspace, name, as_json=as_json)


@group.command()
def secret(as_json: Json = False) -> None:
    """Print a fresh secret, as Standard Webhooks writes it.

    It is kept nowhere: put it into a file of yours that sayso.toml names, and into the receiver.
    """
    from sayso.cli import webhooks

    webhooks.secret(as_json=as_json)


@group.command()
def replay(
    name: Name,
    first: Annotated[int | None, typer.Option("--from", metavar="LEAF", help="The first place in the ledger.")] = None,
    last: Annotated[int | None, typer.Option("--to", metavar="LEAF", help="The last one, itself included.")] = None,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="Instead: everything recorded since, such as "
                                       "2026-05-01 or 2026-05-01T12:00:00Z.")] = "",
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Tell a webhook a range once more, under the same ids."""
    from sayso.cli import webhooks

    webhooks.replay(database, workspace, name, first, last, since, as_json=as_json)


@group.command()
def enable(name: Name, database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Call a disabled webhook again; it hears of all it missed."""
    from sayso.cli import webhooks

    webhooks.enable(database, workspace, name, as_json=as_json)


def incidents(
    every: Annotated[bool, typer.Option("--all", help="Those that somebody looked at as well.")] = False,
    acknowledge: Annotated[str, typer.Option("--acknowledge", metavar="ID", help="Say that you looked at one.")] = "",
    note: Annotated[str, typer.Option("--note", help="With --acknowledge: what you found.")] = "",
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """What went wrong quietly, and who looked at it.

    Suspected breaches, messages that were not sent or may have been, items nobody could use, permits nobody redeemed.
    """
    from sayso.cli import trouble

    trouble.incidents(database, workspace, acknowledge, note, every=every, as_json=as_json)
