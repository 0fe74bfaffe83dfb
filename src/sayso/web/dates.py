"""Days as people of a language write them: `dates.toml`. Times of day are UTC, and say so where they stand."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from sayso.ports import SECOND

DATA: Final = Path(__file__).parent / "dates.toml"
MONTHS: Final = 12


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One language: the form with `{day}`, `{month}` and `{year}`, and the months as they stand in it."""

    form: str
    months: tuple[str, ...]


@cache
def all_written() -> dict[str, Written]:
    """Every language there is, by its tag."""
    return msgspec.convert(tomllib.loads(DATA.read_text("utf-8")), dict[str, Written])


def day(at: int, lang: str) -> str:
    """The day of a moment (microseconds, UTC) in a language of the page, held together whatever direction the text
    around it has (Unicode isolates). A language without a line here gets ISO 8601, which every country reads alike.
    """
    moment, written = datetime.fromtimestamp(at / SECOND, UTC), all_written().get(lang)
    if written is None:
        return iso_day(at)
    text = written.form.format(day=moment.day, month=written.months[moment.month - 1], year=moment.year)
    return f"\u2068{text}\u2069"


def iso_day(at: int) -> str:
    """The same for machines."""
    return f"{datetime.fromtimestamp(at / SECOND, UTC):%Y-%m-%d}"


def clock(at: int) -> str:
    """A time of day, UTC."""
    return f"{datetime.fromtimestamp(at / SECOND, UTC):%H:%M:%S}"
