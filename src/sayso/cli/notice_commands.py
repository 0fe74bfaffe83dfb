"""The commands about notices: `sayso notice ...` and `sayso lint`. As in app.py, each has its arguments, its help, and
the function that carries it out (in `cli/notices.py`), loaded when called.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sayso.cli.options import Database, Json, Workspace

group = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Write, look at and publish the words you ask with.\n\nA notice that sayso.toml declares is changed there.",
)  # fmt: skip

Name = Annotated[str, typer.Argument(metavar="NAME", help="A notice.")]
Lang = Annotated[str, typer.Option("--lang", help="The language, such as es or pt-BR.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands beside the others."""
    app.add_typer(group, name="notice")
    app.command()(lint)


@group.command(name="list")
def list_(database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Every notice in force and every draft."""
    from sayso.cli import notices

    notices.show_all(database, workspace, as_json=as_json)


@group.command()
def show(name: Name, lang: Lang = "", database: Database = "", workspace: Workspace = "",
         as_json: Json = False) -> None:
    """A notice in force, word for word, and its drafts."""
    from sayso.cli import notices

    notices.show(database, workspace, name, lang, as_json=as_json)


@group.command()
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
    from sayso.cli import notices

    if discard:
        notices.discard(database, workspace, name, lang, as_json=as_json)
    else:
        notices.draft(database, workspace, name, lang, notices.Source(text, file, starter, privacy), purposes, senders,
                       as_json=as_json)


@group.command()
def diff(
    name: Name, lang: Lang = "",
    before: Annotated[str, typer.Option("--from", help="A version, instead of the one before.")] = "",
    after: Annotated[str, typer.Option("--to", help="A version or draft, instead of the newest.")] = "",
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Two versions side by side."""
    from sayso.cli import notices

    notices.diff(database, workspace, name, lang, before, after, as_json=as_json)


@group.command()
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
    from sayso.cli import notices

    notices.publish(database, workspace, name, reason, tuple(template or ()), as_json=as_json)


@group.command()
def history(name: Name, lang: Lang = "", database: Database = "", workspace: Workspace = "",
            as_json: Json = False) -> None:
    """Every version there ever was, newest first."""
    from sayso.cli import notices

    notices.history(database, workspace, name, lang, as_json=as_json)


@group.command()
def retire(name: Name, database: Database = "", workspace: Workspace = "", as_json: Json = False) -> None:
    """Take a notice out of force that no entry point shows; its versions stay on record."""
    from sayso.cli import notices

    notices.retire(database, workspace, name, as_json=as_json)


def lint(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A text, or - for standard input.")] = None,
    notice: Annotated[str, typer.Option("--notice", help="A notice of the workspace, instead of a file: its draft, "
                                                         "else the one in force.")] = "",
    lang: Annotated[str, typer.Option("--lang", help="Language of the file; of a notice, only this one.")] = "",
    place: Annotated[str, typer.Option("--place", help="Where it is shown: interactive, template, footer, button, "
                                                       "page.")] = "interactive",
    purposes: Annotated[str, typer.Option("--purposes", help="What the file asks for, with commas between.")] = "",
    button: Annotated[list[str] | None, typer.Option("--button", help="A button under the file's text; may be "
                                                                      "repeated.")] = None,
    country: Annotated[list[str] | None, typer.Option("--country", help="Whose rules, instead of the workspace's own: "
                                                      "DE, US-CA; may be repeated.")] = None,
    database: Database = "", workspace: Workspace = "", as_json: Json = False,
) -> None:
    """Say what to mend in a wording, before anybody reads it.

    Without FILE and --notice it looks at every notice. Exit 1 if something must be mended.
    """
    from sayso.cli import notices

    notices.lint(database, workspace, file, notice, lang, place, purposes, tuple(button or ()), tuple(country or ()),
                 as_json=as_json)
