"""The settings: one list of name, default and help, read once from a mapping such as `os.environ`.

A wrong value is a ConfigError that names the variable and what it takes; so is a `SAYSO_` variable that is
not in the list, because a misspelt setting would otherwise be a default nobody chose. Values are never
echoed: some of them may hold a password or keys.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

from sayso.errors import ConfigError

Kind = Literal["text", "database", "path", "paths", "port", "switch", "level", "url", "networks"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PREFIX: Final = "SAYSO_"
#: Settings of the test suite; a server started by a test inherits them and passes them over.
TEST_PREFIX: Final = "SAYSO_TEST_"
#: What a switch may say, in small letters.
SWITCH: Final = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False,
                 "0": False}  # fmt: skip
LEVELS: Final = ("debug", "info", "warning", "error", "critical")
#: The highest port TCP has (RFC 9293 section 3.1: 16 bits).
MAX_PORT: Final = 65_535
#: Longest value of a setting, and longest file a `_FILE` setting names, in characters; keys are under 10,000.
MAX_VALUE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of the list. `default` is written as it would be in the environment."""

    name: str
    default: str
    help: str
    kind: Kind


SETTINGS: Final = (
    Setting("SAYSO_DATABASE", "sayso.db", "A path for SQLite, or a postgresql:// URL.", "database"),
    Setting("SAYSO_DATABASE_FILE", "", "A file that holds the database URL, if it has a password.", "path"),
    Setting("SAYSO_CONFIG", "sayso.toml",
            "The sayso.toml to apply; several workspaces are several files, separated as in PATH.", "paths"),
    Setting("SAYSO_KEYS_FILE", "",
            "The key file, made on first start. Default: beside a SQLite database with .keys added to its "
            "name, otherwise sayso.keys. Back it up apart from the database.", "path"),
    Setting("SAYSO_KEYS", "",
            "What would stand in the key file, for secret managers that only set variables. Prefer the file: "
            "other programs of the same user can read a process's environment.", "text"),
    Setting("SAYSO_HOST", "127.0.0.1", "The address `sayso serve` listens on.", "text"),
    Setting("SAYSO_PORT", "8080", "The port it listens on; 0 takes a free one.", "port"),
    Setting("SAYSO_PUBLIC_URL", "",
            "Where people reach this server, such as https://consent.shop.example; stands in links and QR codes.",
            "url"),
    Setting("SAYSO_PROXIES", "",
            "Addresses or networks of your own proxies, with commas between them; only they may say who a visitor is.",
            "networks"),
    Setting("SAYSO_SNAPSHOTS", "",
            "The folder of the snapshots that large lists are answered by; without it `DATABASE.snapshots` for "
            "SQLite, and `sayso.snapshots` beside the keys for PostgreSQL.", "path"),
    Setting("SAYSO_WORKER", "true", "Run the worker inside `sayso serve`.", "switch"),
    Setting("SAYSO_LOG_LEVEL", "info", "What is logged: debug, info, warning, error or critical.", "level"),
    Setting("SAYSO_METRICS", "true", "Serve Prometheus metrics.", "switch"),
    Setting("SAYSO_WORKSPACE", "",
            "Slug of the workspace that commands and the library use where there are several.", "text"),
    Setting("SAYSO_PHONE_KEY", "",
            "For `sayso phone`: an API key with the scopes check,read, so that its page shows what Sayso did.", "text"),
    Setting("SAYSO_PHONE_TOKEN", "",
            "For `sayso phone`: the access token its Graph API takes. Default: the one sayso.toml names, otherwise the "
            "word token.", "text"),
    Setting("SAYSO_PHONE_APP_SECRET", "",
            "For `sayso phone`: what its webhooks are signed with. Default: the one sayso.toml names, otherwise the "
            "word secret.", "text"),
)  # fmt: skip
#: What a program's arguments do not cover and the library takes from the environment.
FROM_ENVIRONMENT: Final = (
    "SAYSO_DATABASE", "SAYSO_DATABASE_FILE", "SAYSO_KEYS", "SAYSO_KEYS_FILE", "SAYSO_WORKSPACE", "SAYSO_PUBLIC_URL",
)
_DEFAULTS: Final = {setting.name: setting.default for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its value. `keys_file` is None exactly when `keys` came in the environment."""

    database: str = field(repr=False)  # may hold a password
    configs: tuple[Path, ...]
    keys_file: Path | None
    keys: str = field(repr=False)
    host: str
    port: int
    worker: bool
    log_level: str
    metrics: bool
    workspace: str
    phone_key: str = field(repr=False)
    phone_token: str = field(repr=False)
    phone_app_secret: str = field(repr=False)
    public_url: str = ""
    proxies: tuple[Network, ...] = ()
    snapshots: Path | None = None

    @property
    def on_postgres(self) -> bool:
        """True for a URL, False for a SQLite path."""
        return is_url(self.database)


def is_url(database: str) -> bool:
    """True if the database is named by a URL and not by a path."""
    return "://" in database


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Read every setting from a mapping such as `os.environ`. Raises ConfigError naming the variable."""
    _refuse_unknown(environ)
    given = {name: _given(name, environ[name]) for name in _DEFAULTS if name in environ}
    values = _DEFAULTS | given
    database = _database(given)
    return Settings(
        database=database,
        configs=_paths("SAYSO_CONFIG", values["SAYSO_CONFIG"]),
        keys_file=_keys_file(given, database),
        keys=values["SAYSO_KEYS"],
        host=values["SAYSO_HOST"],
        port=_port("SAYSO_PORT", values["SAYSO_PORT"]),
        worker=_switch("SAYSO_WORKER", values["SAYSO_WORKER"]),
        log_level=_level("SAYSO_LOG_LEVEL", values["SAYSO_LOG_LEVEL"]),
        metrics=_switch("SAYSO_METRICS", values["SAYSO_METRICS"]),
        workspace=values["SAYSO_WORKSPACE"],
        public_url=_public_url("SAYSO_PUBLIC_URL", values["SAYSO_PUBLIC_URL"]),
        proxies=_networks("SAYSO_PROXIES", values["SAYSO_PROXIES"]),
        snapshots=_snapshots(given, database),
        phone_key=values["SAYSO_PHONE_KEY"],
        phone_token=values["SAYSO_PHONE_TOKEN"],
        phone_app_secret=values["SAYSO_PHONE_APP_SECRET"],
    )


def environment_of(database: str, keys: str, workspace: str) -> dict[str, str]:
    """The settings as if all of them stood in the environment; an argument replaces
    what stands there.
    """
    environ = {name: os.environ[name] for name in FROM_ENVIRONMENT if name in os.environ}
    if database:
        environ.pop("SAYSO_DATABASE_FILE", None)
        environ["SAYSO_DATABASE"] = database
    if keys:
        environ.pop("SAYSO_KEYS", None)
        environ["SAYSO_KEYS_FILE"] = keys
    if workspace:
        environ["SAYSO_WORKSPACE"] = workspace
    return environ


def _refuse_unknown(environ: Mapping[str, str]) -> None:
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name.startswith(TEST_PREFIX) or name in _DEFAULTS:
            continue
        near = difflib.get_close_matches(name, _DEFAULTS, n=1)
        hint = f"did you mean {near[0]}?" if near else "`docs/settings.md` lists them."
        raise ConfigError(
            f"{name} is not a setting; {hint} Names that begin with {PREFIX} are Sayso's own, so call a "
            "secret of yours something else.",
            param=name,
        )


def _given(name: str, raw: str) -> str:
    value = raw.strip()
    if not value:
        raise ConfigError(f"{name} is set and empty; give it a value or unset it.", param=name)
    if len(value) > MAX_VALUE or "\0" in value:
        raise ConfigError(f"{name} is longer than any value of it.", param=name)
    return value


def _database(given: Mapping[str, str]) -> str:
    name = "SAYSO_DATABASE_FILE" if "SAYSO_DATABASE_FILE" in given else "SAYSO_DATABASE"
    if name == "SAYSO_DATABASE_FILE":
        _only_one(given, "SAYSO_DATABASE", name)
        value = _content(name, Path(given[name]))
    else:
        value = given.get(name, _DEFAULTS[name])
    known = value.startswith(("postgresql://", "postgres://"))
    if (is_url(value) and not known) or value.startswith((":", "file:")):
        raise ConfigError(
            f"{name} takes a path for SQLite, such as sayso.db, or a URL that begins with postgresql://.",
            param=name,
        )
    return value


def _keys_file(given: Mapping[str, str], database: str) -> Path | None:
    if "SAYSO_KEYS" in given:
        _only_one(given, "SAYSO_KEYS", "SAYSO_KEYS_FILE")
        return None
    if "SAYSO_KEYS_FILE" in given:
        return Path(given["SAYSO_KEYS_FILE"])
    return Path("sayso.keys" if is_url(database) else f"{database}.keys")


def _snapshots(given: Mapping[str, str], database: str) -> Path:
    if "SAYSO_SNAPSHOTS" in given:
        return Path(given["SAYSO_SNAPSHOTS"])
    keys = _keys_file(given, database)
    return (keys or Path()).parent / "sayso.snapshots" if is_url(database) else Path(f"{database}.snapshots")


def _only_one(given: Mapping[str, str], plain: str, file: str) -> None:
    """Two answers to one question is a mistake somebody should look at."""
    if plain in given and file in given:
        raise ConfigError(f"{plain} and {file} are both set; keep {file} and unset {plain}.", param=plain)


def _content(name: str, path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            value = file.read(MAX_VALUE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{name} names {path}, which cannot be read as text: {type(error).__name__}.", param=name
        ) from error
    if not value.strip() or len(value) > MAX_VALUE:
        raise ConfigError(f"{name} names {path}, which is empty or too long.", param=name)
    return value.strip()


def _paths(name: str, value: str) -> tuple[Path, ...]:
    paths = tuple(Path(part.strip()) for part in value.split(os.pathsep) if part.strip())
    if not paths or len(set(paths)) != len(paths):
        raise ConfigError(
            f"{name} takes one path, or several different ones with '{os.pathsep}' between them.", param=name
        )
    return paths


def _port(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()) or len(value) > 5 or int(value) > MAX_PORT:
        raise ConfigError(f"{name} takes a whole number from 0 to {MAX_PORT}.", param=name)
    return int(value)


def _public_url(name: str, value: str) -> str:
    """Without a slash at the end. Plain http is taken too: a proxy or a tunnel on a developer's machine has no more."""
    try:
        parts = urlsplit(value)
        plain = parts.hostname and parts.port != 0 and not (parts.query or parts.fragment or parts.username)
    except ValueError:
        plain = False
    if value and (not plain or parts.scheme not in ("http", "https") or any(char.isspace() for char in value)):
        raise ConfigError(
            f"{name} takes a web address without a query, such as https://consent.shop.example.", param=name
        )
    return value.rstrip("/")


def _networks(name: str, value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())
    except ValueError:
        raise ConfigError(
            f"{name} takes addresses or networks with commas between them, such as 10.0.0.2, 172.18.0.0/16.", param=name
        ) from None


def _switch(name: str, value: str) -> bool:
    if value.lower() not in SWITCH:
        raise ConfigError(f"{name} takes true or false (also yes, no, on, off, 1, 0).", param=name)
    return SWITCH[value.lower()]


def _level(name: str, value: str) -> str:
    if value.lower() not in LEVELS:
        raise ConfigError(f"{name} takes one of {', '.join(LEVELS)}.", param=name)
    return value.lower()
