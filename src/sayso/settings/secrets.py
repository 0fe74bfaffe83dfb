"""Secrets: where sayso.toml says one is, and the one function that fetches it. A value is never logged or
stored.

sayso.toml goes into version control and into the database; therefore it names a file or a variable and never
the secret itself, and an error here never repeats what stood in the place of one.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sayso.core.workspace import Secret
from sayso.settings.environment import PREFIX
from sayso.settings.tables import table_of, unknown_key, wrong

#: Longest secret, in bytes; a Meta token has a few hundred.
MAX_SECRET: Final = 16_384
#: Names a shell can set (POSIX, Base Definitions 8.1).
VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}\Z")
NEVER_HERE: Final = (
    'must be { file = "..." } or { env = "..." }: secrets never stand in this file. Put the value into a '
    "file that only Sayso can read, or into an environment variable, and name that here."
)


def read_secret(raw: object, where: str, folder: Path) -> Secret:
    """Where a secret is, from `{ file = ... }` or `{ env = ... }`. A relative file is looked for in `folder`.

    Raises ConfigError that does not repeat the value.
    """
    if not isinstance(raw, dict):
        raise wrong(where, NEVER_HERE)
    table = table_of(raw, where)
    for key in table:
        if key not in ("file", "env"):
            raise unknown_key(key, where, ("file", "env"))
    if len(table) != 1:
        raise wrong(where, "must say either file or env, exactly one of them.")
    [(key, value)] = table.items()
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise wrong(f"{where}.{key}", "must be a text in quotes.")
    if key == "file":
        return Secret(file=str((folder / value).absolute()))
    if not VARIABLE.match(value):
        raise wrong(f"{where}.env", "must be the name of an environment variable, such as META_APP_SECRET.")
    if value.startswith(PREFIX):
        raise wrong(
            f"{where}.env",
            f"must not begin with {PREFIX}: such names are Sayso's own settings, and every command refuses one it does "
            f"not know. Call it something else, such as META_APP_SECRET.",
        )
    return Secret(env=value)


def resolve(secret: Secret, environ: Mapping[str, str]) -> str | None:
    """The secret itself, spaces and line ends around it taken off; None if it is not declared, missing,
    unreadable, too long or empty. Callers hold it in memory and nowhere else.
    """
    if secret.file:
        return _from_file(Path(secret.file))
    return environ.get(secret.env, "").strip() or None if secret.env else None


def exposed(secret: Secret) -> bool:
    """True if the secret's file can be read by every user of the machine: worth a warning, not a refusal."""
    try:
        return bool(secret.file) and bool(Path(secret.file).stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _from_file(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SECRET + 1)
        return content.decode("utf-8-sig").strip() or None if len(content) <= MAX_SECRET else None
    except (OSError, UnicodeDecodeError):
        return None
