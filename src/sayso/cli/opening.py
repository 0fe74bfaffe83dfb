"""From options to an open Sayso: options go before the environment, the environment before the defaults."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sayso.errors import ConfigError, InvalidAddress
from sayso.settings import Settings, read_settings

if TYPE_CHECKING:
    from sayso.library import Sayso
    from sayso.wiring import System

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


def open_existing(settings: Settings) -> System:
    """The system of a database that was set up before. Raises ConfigError and whatever opening it does."""
    from sayso.wiring import open_system

    if not settings.on_postgres and not Path(settings.database).exists():
        raise ConfigError(f"There is no database at {settings.database}. Run `sayso init`, or name it with --database.")
    return open_system(settings)


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


def address_of(text: str) -> str:
    """An address as given, or the first line of standard input for `-`. Raises InvalidAddress."""
    if text != "-":
        return text
    line = sys.stdin.readline(MAX_LINE).strip()
    if not line:
        raise InvalidAddress("There is no address on standard input.", param="address")
    return line
