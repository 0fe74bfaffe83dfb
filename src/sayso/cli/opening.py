"""From options to an open Sayso: options go before the environment, the environment before the defaults."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sayso.errors import ConfigError, InvalidAddress, KeyProblem, SaysoError, Unavailable
from sayso.settings import Settings, read_settings

if TYPE_CHECKING:
    from sayso.core.workspace import Notice, Workspace
    from sayso.library import Sayso
    from sayso.wiring import System

#: What SQLite says of a file that was never its own, or is damaged.
NO_DATABASE: Final = frozenset({"NotADBError", "CorruptError"})
#: What it says of a place where nothing can be written; the operating system says it with an OSError.
NO_PLACE: Final = frozenset({"CantOpenError", "ReadOnlyError"})
#: Longest line read from standard input; no address is longer.
MAX_LINE: Final = 200


def settings_of(database: str = "", workspace: str = "") -> Settings:
    """The settings with these options in front. Raises ConfigError."""
    environ = dict(os.environ)
    if database:
        environ.pop("SAYSO_DATABASE_FILE", None)
        environ["SAYSO_DATABASE"] = database
    if workspace:
        environ["SAYSO_WORKSPACE"] = workspace
    return read_settings(environ)


def open_here(settings: Settings) -> System:
    """The system, with what mends it in the error where there is one. Raises as `wiring.open_system`."""
    from sayso.wiring import open_system

    try:
        return open_system(settings)
    except KeyProblem as error:
        if not settings.keys:
            raise
        raise KeyProblem(f"SAYSO_KEYS: {error.detail}", param="SAYSO_KEYS") from error
    except Unavailable as error:
        mended = None if settings.on_postgres else _with_mend(settings, error)
        if mended is None:
            raise
        raise mended from error


def _with_mend(settings: Settings, error: Unavailable) -> SaysoError | None:
    cause, path = error.__cause__, Path(settings.database).absolute()
    if type(cause).__name__ in NO_DATABASE:
        return ConfigError(f"{settings.database} is not a SQLite database, or a damaged one. Name the right file with "
                           "--database or SAYSO_DATABASE, or put back a backup together with its keys.",
                           param="SAYSO_DATABASE")
    if type(cause).__name__ in NO_PLACE or isinstance(cause, OSError):
        return Unavailable(f"{error.detail.rstrip('.')}. The folder {path.parent} has to be there, and you need the "
                           f"right to write in it, not only to {path.name}: SQLite keeps files beside it.",
                           param="SAYSO_DATABASE")
    return None


def open_existing(settings: Settings) -> System:
    """The system of a database that was set up before. Raises ConfigError and whatever opening it does."""
    if not settings.on_postgres and not Path(settings.database).exists():
        raise ConfigError(f"There is no database at {settings.database}. Run `sayso init`, or name it with --database.")
    return open_here(settings)


def published_here(settings: Settings) -> Callable[[str], Mapping[str, Notice]]:
    """The notices that were published by command or API in the workspace of a slug, none where no database can be
    opened: for reading a sayso.toml whose entry points may name them.
    """
    def known(slug: str) -> Mapping[str, Notice]:
        try:
            system = open_existing(settings)
        except SaysoError:
            return {}
        try:
            return system.desk_notices(slug)
        finally:
            system.close()

    return known


def open_sayso(database: str = "", workspace: str = "") -> Sayso:
    """The workspace that the options and settings name. Raises ConfigError and whatever opening it does."""
    from sayso.library import Sayso

    settings = settings_of(database, workspace)
    system = open_existing(settings)
    try:
        return Sayso.over(system, settings.workspace)
    except BaseException:
        system.close()
        raise


def verifier_key(system: System, workspace: Workspace) -> str:
    """The public key of a workspace's ledger as one line: who has it can check every receipt."""
    from sayso.core import checkpoints
    from sayso.flows import ledger

    return checkpoints.vkey(ledger.origin(system.kit, workspace.id), system.kit.vault.public_key)


def address_of(text: str) -> str:
    """An address as given, or the first line of standard input for `-`. Raises InvalidAddress."""
    if text != "-":
        return text
    line = sys.stdin.readline(MAX_LINE).strip()
    if not line:
        raise InvalidAddress("There is no address on standard input.", param="address")
    return line
