"""Parquet, a few thousand rows at a time through Polars; the whole column is never in memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

import polars as pl
from polars.exceptions import PanicException, PolarsError

from sayso.channels.files import MAX_COLUMNS, Line
from sayso.channels.files_text import text_of
from sayso.errors import InvalidRequest

#: Rows decoded at a time.
SLICE: Final = 20_000
DAMAGED: Final = "The Parquet file is damaged, or holds a kind of column that cannot be read."


class ParquetRows:
    """Rows of a Parquet file; the first row is made of its columns' names."""

    def __init__(self, path: Path) -> None:
        try:
            self._frame = pl.scan_parquet(path)
            self._names = tuple(self._frame.collect_schema())
            self._count = int(self._frame.select(pl.len()).collect().item())
        except (PolarsError, PanicException, OSError, ValueError) as error:
            raise InvalidRequest(DAMAGED, param="file") from error
        if len(self._names) > MAX_COLUMNS:
            raise InvalidRequest(f"A table has at most {MAX_COLUMNS:,} columns.", param="file")
        self._done = 0

    def lines(self) -> Iterator[Line]:
        """The names, then every row: place 2 is the first."""
        yield Line(1, self._names)
        place = 1
        for begin in range(0, self._count, SLICE):
            try:
                part = self._frame.slice(begin, SLICE).collect(engine="streaming")
            except (PolarsError, PanicException, OSError, ValueError) as error:
                raise InvalidRequest(f"{DAMAGED} It was read up to row {place}.", param="file") from error
            for row in part.iter_rows():
                place += 1
                yield Line(place, [_text(value) for value in row])
            self._done = place - 1

    def share(self) -> float:
        """How much of the file was read."""
        return self._done / self._count if self._count else 1.0

    def close(self) -> None:
        """Polars holds no file open between two slices."""


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() and value.tzinfo is None else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return text_of(value)
