"""`sayso init`: from nothing to a folder that `sayso serve` runs in, and from an edited sayso.toml to what is in force.

It asks only on a terminal, writes a file only after it is known to be right, and shows what became new.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from sayso.cli.opening import open_here, settings_of, verifier_key
from sayso.cli.say import note, tell
from sayso.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from sayso.flows.setup import Applied
    from sayso.settings import Declared, Settings
    from sayso.store.base import Tx
    from sayso.wiring import System

#: What is asked, the question, and the suggestion. The number is one of Ofcom's for drama: it rings nowhere.
QUESTIONS: Final = (
    ("name", "Your business, as people know it", "My Shop"),
    ("slug", "Its short name in URLs", ""),
    ("phone", "The number you send from, with its country code", "+447700900100"),
    ("phone_number_id", "Meta's id of that number (WhatsApp > API setup)", "106540352242922"),
    ("country", "Your country, two letters", "GB"),
    ("language", "Language of replies while a person's is not known", "en"),
)


def init(given: Mapping[str, str], database: str, *, yes: bool, as_json: bool) -> None:
    """Write what is missing, apply all, print what is new."""
    settings = settings_of(database)
    written = _write_first(settings, given, yes=yes)
    if written:
        note(f"Wrote {written}. Read it, edit it, and run `sayso init` again.")
    system = open_here(settings)
    try:
        beside = _beside(system, settings, yes=yes)
        results = [system.apply(path) for path in settings.configs]
        shown = [_shown(applied) | {"key": verifier_key(system, applied.workspace)} for applied in results]
        missing = [hint for applied in results for hint in (*_missing(system, applied), *_unsaid(applied))]
    finally:
        system.close()
    value = {"written": str(written) if written else None, "database": _place(settings),
             "keys": str(settings.keys_file) if settings.keys_file else None, "workspaces": shown}
    tell(value, "\n".join(line for one in shown for line in _lines(one)), as_json=as_json)
    for hint in [*beside, *missing]:
        note(hint)
    note("Next: `sayso doctor` says what is missing, `sayso key` makes an API key, `sayso serve` starts the service.\n"
         f"Back up {settings.keys_file or 'the keys'} apart from the database: one without the other is useless.")


def check(database: str, *, as_json: bool) -> None:
    """Read every sayso.toml and say what applying it would do, changing nothing."""
    settings = settings_of(database)
    shown = []
    for path in settings.configs:
        applied = would_apply(settings, path)
        shown.append(_shown(applied) if applied else {"workspace": read(path).slug, "state": "would be created"})
    tell({"workspaces": shown}, "\n".join(f"{one['workspace']}: right; {_changes(one)}" for one in shown),
         as_json=as_json)


def read(path: Path, system: System | None = None) -> Declared:
    """A sayso.toml, checked by itself, or with the notices this database has besides. Raises ConfigError."""
    from sayso.settings import read_config

    return read_config(path, _reserved, system.desk_notices if system else None)


def would_apply(settings: Settings, path: Path) -> Applied | None:
    """What applying it would do, tried and undone; None where there is no database yet. Raises ConfigError."""
    if not settings.on_postgres and not Path(settings.database).exists():
        read(path)
        return None
    system = open_here(settings)
    try:
        return attempt(system, path)
    finally:
        system.close()


def attempt(system: System, path: Path) -> Applied:
    """What applying it would do to this database, tried and undone. Raises ConfigError."""
    from sayso.flows import setup

    declared = read(path, system)

    def work(tx: Tx) -> None:
        raise _Undone(setup.apply(tx, system.kit, declared))

    try:
        system.store.write(work)
    except _Undone as tried:
        return tried.applied
    raise AssertionError("work always raises")


def is_news(applied: Applied) -> bool:
    """True if applying changes anything."""
    return applied.created or applied.changed or bool(applied.new_notices)


class _Undone(Exception):
    """Raised inside a transaction so that nothing of it stays."""

    def __init__(self, applied: Applied) -> None:
        self.applied = applied
        super().__init__()


def _reserved(word: str) -> bool:
    from sayso.core.understanding import keeps_its_meaning
    from sayso.rules.reader import load_understanding

    return keeps_its_meaning(load_understanding(), word)


# -- a second workspace ------------------------------------------------------------------------------------------------


def _beside(system: System, settings: Settings, *, yes: bool) -> list[str]:
    """What to say when a slug is new while another workspace is in no file any more: most often a slug was edited, and
    the people stay with the old one. Asks on a terminal. Raises InvalidRequest where nobody can be asked.
    """
    there = {workspace.slug for workspace in system.directory.all()} | set(system.directory.broken())
    declared = {read(path, system).slug for path in settings.configs}
    fresh, left = ", ".join(sorted(declared - there)), ", ".join(sorted(there - declared))
    if not fresh or not left:
        return []
    what = (f"'{fresh}' is a new workspace beside '{left}', which no sayso.toml declares any more. A slug cannot be "
            f"changed: '{fresh}' begins with nobody, and every yes and no stays with '{left}'.")
    undo = f"If that is a mistake, write the old slug ({left}) again"
    if not yes and not sys.stdin.isatty():
        raise InvalidRequest(f"{what} {undo}; if it is meant, say --yes.", param="workspace.slug")
    if not yes:
        note(what)
        typer.confirm(f"{undo}. Create '{fresh}'?", abort=True, err=True)
    return [(f"NOTE: {what}\n{undo}, run `sayso init`, and set SAYSO_WORKSPACE to it: a workspace cannot be deleted, "
             "so from now on commands have to be told which one is meant.")]


# -- the first file ----------------------------------------------------------------------------------------------------


def _write_first(settings: Settings, given: Mapping[str, str], *, yes: bool) -> Path | None:
    """Write the first sayso.toml where there is none. Raises InvalidRequest for a value that cannot stand in it."""
    path = settings.configs[0]
    if any(each.exists() for each in settings.configs):
        return None
    text = _starter(_answers(given, ask=sys.stdin.isatty() and not yes, guess=yes), path.absolute().parent)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}. Run this in a folder in which you may write, "
                          "or name another file with SAYSO_CONFIG.") from error
    return path


def _answers(given: Mapping[str, str], *, ask: bool, guess: bool) -> dict[str, str]:
    """What was given, what is asked, what is suggested. Raises InvalidRequest for what can be neither."""
    answers: dict[str, str] = {}
    for field, question, suggestion in QUESTIONS:
        offer = suggestion or _slug(answers["name"])
        if given[field]:
            answers[field] = given[field]
        elif ask:
            answers[field] = str(typer.prompt(question, default=offer, err=True)).strip()
        elif guess or field in ("slug", "language"):
            answers[field] = offer
        elif field == "country":
            answers[field] = ""
        else:
            option = "--" + field.replace("_", "-")
            raise InvalidRequest(f"There is no sayso.toml yet. Say {option}, or --yes for suggestions to edit later.",
                                 param=option)
    return answers


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-0123456789")[:32].strip("-") or "shop"


def _starter(answers: Mapping[str, str], folder: Path) -> str:
    from sayso.core.workspace import make_code
    from sayso.ports import Ports
    from sayso.settings import starter
    from sayso.settings.config import parse

    text = starter(**answers, code=make_code(Ports().random(7)))
    try:
        parse(tomllib.loads(text), folder)
    except ConfigError as error:
        raise InvalidRequest(error.detail, param=error.param) from error
    return text


# -- what came of it ---------------------------------------------------------------------------------------------------


def _shown(applied: Applied) -> dict[str, Any]:
    from sayso.flows.opt_in import chat_link
    from sayso.flows.setup import webhook_path

    workspace = applied.workspace
    state = "created" if applied.created else "changed" if applied.changed else "unchanged"
    return {
        "workspace": workspace.slug, "state": state,
        "new_notices": [{"notice": name, "version": version, "language": lang}
                        for name, version, lang in applied.new_notices],
        "new_codes": applied.codes,
        "webhooks": {name: webhook_path(workspace.slug, each) for name, each in workspace.connections.items()},
        "chat_links": {entry.name: chat_link(workspace, entry) for entry in workspace.entries.values()},
    }


def _changes(one: Mapping[str, Any]) -> str:
    notices = ", ".join(f"{new['notice']} {new['version']} ({new['language']})" for new in one.get("new_notices", []))
    return str(one["state"]) + (f", new wordings: {notices}" if notices else "")


def _lines(one: Mapping[str, Any]) -> list[str]:
    lines = [f"workspace {one['workspace']}: {_changes(one)}"]
    lines += [f"  webhook of {name}: https://<your host>{path}" for name, path in one["webhooks"].items()]
    lines += [f"  entry point {name}: {link}" for name, link in one["chat_links"].items()]
    lines.append(f"  key to check receipts with, to be published: {one['key']}")
    return lines


def _missing(system: System, applied: Applied) -> list[str]:
    from sayso.cli.doctor import secrets_of

    hints = []
    for connection in applied.workspace.connections.values():
        for field in secrets_of(connection):
            secret = getattr(connection, field)
            if system.secret(secret) is None:
                place = secret.file or f"${secret.env}" if secret.file or secret.env else "nowhere"
                hints.append(f"Still missing: {field} of connection '{connection.name}', looked for in {place}.")
    return hints


def _unsaid(applied: Applied) -> list[str]:
    """What the wordings published now should say and do not; they are in force all the same."""
    from sayso.core.lint import musts
    from sayso.flows import linting

    workspace = applied.workspace
    names = dict.fromkeys(name for name, _, _ in applied.new_notices)
    return [f"notice {name} ({finding.lang}): {finding.sentence} (`sayso lint` says more.)"
            for name in names for finding in musts(linting.look_whole(workspace, workspace.notices[name]))]


def _place(settings: Settings) -> str:
    """The database without its password."""
    return "postgresql" if settings.on_postgres else settings.database
