"""Named queries and migrations, read from this folder's `.sql` files and fitted to a database.

A query opens with `-- name: word` and a sentence. Parameters are written `:name`. What only PostgreSQL understands
stands in `/*pg … */` and is a comment to SQLite, and the other way round with `/*lite … */`; that is the whole
difference between the two. SQLite joins in the
order written where the text says `cross join`, and keeps off an index where a column has `+ 0`; PostgreSQL plans by
itself.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Literal

from sayso.errors import ConfigError

Kind = Literal["sqlite", "postgres"]

_NAME = re.compile(r"^-- name: (\w+)\n((?:--[^\n]*\n)+)", re.MULTILINE)
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
_MIGRATION = re.compile(r"(\d{4})_\w+\.sql\Z")
_TYPES = {"INTEGER": "BIGINT", "BLOB": "BYTEA"}


@cache
def queries(kind: Kind) -> dict[str, str]:
    """Name -> SQL text for this database. Raises ConfigError if two queries share a name or one has no sentence."""
    found: dict[str, str] = {}
    for file in sorted(resources.files("sayso.store").iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".sql") or _MIGRATION.match(file.name):
            continue
        text = file.read_text(encoding="utf-8")
        heads = list(_NAME.finditer(text))
        for place, head in enumerate(heads):
            end = heads[place + 1].start() if place + 1 < len(heads) else len(text)
            if head[1] in found:
                raise ConfigError(f"Two queries are named {head[1]}.")
            found[head[1]] = _fit(text[head.end():end].strip().rstrip(";"), kind).rstrip()
    return found


def _fit(sql: str, kind: Kind) -> str:
    if kind == "sqlite":
        return _only(sql, keep="lite", drop="pg")
    sql = _only(sql, keep="pg", drop="lite")
    return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


def _only(sql: str, *, keep: str, drop: str) -> str:
    sql = re.sub(rf"\s*/\*{drop} .*?\*/", "", sql, flags=re.DOTALL)
    return re.sub(rf"/\*{keep} (.*?)\*/", r"\1", sql, flags=re.DOTALL)


@cache
def migrations(kind: Kind) -> tuple[tuple[int, str], ...]:
    """(version, SQL) of every migration, oldest first."""
    steps = []
    for file in resources.files("sayso.store").iterdir():
        number = _MIGRATION.match(file.name)
        if number:
            steps.append((int(number[1]), _schema(file.read_text(encoding="utf-8"), kind)))
    return tuple(sorted(steps))


def _schema(sql: str, kind: Kind) -> str:
    if kind == "sqlite":
        return sql
    for theirs, ours in _TYPES.items():
        sql = re.sub(rf"\b{theirs}\b", ours, sql)
    return sql.replace(") STRICT, WITHOUT ROWID;", ");").replace(") STRICT;", ");")
