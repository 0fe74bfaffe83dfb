"""Bring a database to this code's schema, or refuse a newer one. Fresh and migrated schemas are the same by test."""

from __future__ import annotations

from collections.abc import Callable

from sayso.errors import SchemaTooNew
from sayso.store.base import SCHEMA_VERSION
from sayso.store.dialect import Kind, migrations


def migrate(kind: Kind, current: int, apply: Callable[[int, str], None]) -> None:
    """Apply every step above `current` (0 = empty). `apply(version, sql)` runs one step and stores its version in
    the same transaction. Raises SchemaTooNew when the database is ahead of this code.
    """
    if current > SCHEMA_VERSION:
        raise SchemaTooNew(
            f"The database has schema {current}, this Sayso knows {SCHEMA_VERSION}. Start the newer Sayso, or restore "
            "the backup taken before the upgrade."
        )
    for version, sql in migrations(kind):
        if version > current:
            apply(version, sql)
