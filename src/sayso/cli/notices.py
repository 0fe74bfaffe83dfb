"""`sayso notice ...`: the list of its commands, each with its arguments; `cli/wordings.py` carries them out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sayso.cli.options import Database, Json, Workspace

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Write, look at and publish the words you ask with.\n\nA notice that sayso.toml declares is changed there.",
)  # fmt: skip

Name = Annotated[str, typer.Argument(metavar="NAME", help="A notice.")]
Lang = Annotated[str, typer.Option("--lang", help="The language, such as es or pt-BR.")]


@app.command(name="list")
def list_(database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Every notice in force and every draft."""
    from sayso.cli import wordings

    wordings.show_all(database, workspace, as_json=as_json)


@app.command()
def show(name: Name, lang: Lang = "", database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """A notice in force, word for word, and its drafts."""
    from sayso.cli import wordings

    wordings.show(database, workspace, name, lang, as_json=as_json)


@app.command()
def draft(
    name: Name, lang: Lang = "",
    text: Annotated[str, typer.Option("--text", help="The wording itself.")] = "",
    file: Annotated[Path | None, typer.Option("--file", help="A file with the wording, - for standard input.")] = None,
    starter: Annotated[str, typer.Option("--starter", help="Begin with a wording of ours: offers, orders or "
                                                           "support.")] = "",
    privacy: Annotated[str, typer.Option("--privacy", metavar="URL", help="With --starter: your privacy policy, if "
                                         "sayso.toml does not name it.")] = "",
    purposes: Annotated[str, typer.Option("--purposes", help="What a yes to it grants, with commas between.")] = "",
    senders: Annotated[str, typer.Option("--senders", help="For which of your numbers, with commas between.")] = "",
    discard: Annotated[bool, typer.Option("--discard", help="Throw the draft away (with --lang: only that "
                                                            "language).")] = False,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Write a wording, or throw one away; nobody sees it yet.

    Lint looks at it at once. Purposes and senders are those of the whole notice; left out, they stay.
    """
    from sayso.cli import wordings

    if discard:
        wordings.discard(database, workspace, name, lang, as_json=as_json)
    else:
        wordings.draft(database, workspace, name, lang, wordings.Source(text, file, starter, privacy), purposes, senders,
                       as_json=as_json)


@app.command()
def diff(
    name: Name, lang: Lang = "",
    before: Annotated[str, typer.Option("--from", help="A version, instead of the one before.")] = "",
    after: Annotated[str, typer.Option("--to", help="A version or draft, instead of the newest.")] = "",
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Two versions side by side."""
    from sayso.cli import wordings

    wordings.diff(database, workspace, name, lang, before, after, as_json=as_json)


@app.command()
def publish(
    name: Name,
    reason: Annotated[str, typer.Option("--reason", help="Why it is published although something is missing; it stands "
                                        "in the ledger for ever, so no names in it.")] = "",
    template: Annotated[list[str] | None, typer.Option("--template", metavar="LANG=NAME:LANGUAGE", help="The approved "
                        "template of a language, es=sayso_optin:es_MX; may be repeated.")] = None,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Put the drafts of a notice in force, for ever.

    It is refused while something must be mended. A reason lets it pass if something is missing; nothing lets a
    deceptive wording pass.
    """
    from sayso.cli import wordings

    wordings.publish(database, workspace, name, reason, tuple(template or ()), as_json=as_json)


@app.command()
def history(name: Name, lang: Lang = "", database: Database = "", workspace: Workspace = "",
            as_json: Json = False) -> None:
    """Every version there ever was, newest first."""
    from sayso.cli import wordings

    wordings.history(database, workspace, name, lang, as_json=as_json)


@app.command()
def retire(name: Name, database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Take a notice out of force that no entry point shows; its versions stay on record."""
    from sayso.cli import wordings

    wordings.retire(database, workspace, name, as_json=as_json)
