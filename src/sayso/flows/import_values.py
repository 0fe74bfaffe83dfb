"""What cells mean: numbers as people and spreadsheets write them, days, and words for yes and no.

Rules of the room: pure functions from a text to a value; what cannot be read raises Unreadable with a sentence that
names the trouble and never repeats the cell. In doubt a word is no yes.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, Literal

from sayso.core import identity
from sayso.core.identity import Address
from sayso.errors import InvalidAddress
from sayso.ports import DAY, SECOND
from sayso.rules.columns import folded, load_columns

Order = Literal["dmy", "mdy"]
Says = Literal["yes", "no", "unknown"]

#: A cell up to this length holds one number at most: two have twelve digits and something between.
LONGEST_ONE: Final = 12
#: Longest cell that can hold a number.
MAX_NUMBER: Final = 100
#: WhatsApp began in 2009; a consent to it is no older, and a mistyped year is noticed.
OLDEST: Final = int(datetime(2009, 1, 1, tzinfo=UTC).timestamp()) * SECOND
#: How far a day in the file may lie ahead: the business may be a day ahead of UTC.
AHEAD: Final = DAY
#: Days from Excel's beginning of time to 1970, and the day numbers that are taken for days.
EXCEL_EPOCH: Final = 25_569
EXCEL_DAYS: Final = range(39_814, 73_051)  # 2009 to 2099


class Unreadable(Exception):
    """A cell that means nothing. The message says why, without the cell."""


# -- numbers -----------------------------------------------------------------------------------------------------------

_SHORTENED: Final = re.compile(r"\d[.,]\d+\s*[eE]\s*\+?\d+\Z|\d+[eE]\+\d+\Z")
_SEVERAL: Final = re.compile(r"\d[\d\s().-]{5,}(?:[/;,|&]|\s(?:or|and|und|oder|et|ou|y|o)\s)\s*\+?[\d(][\d\s().-]{5,}")


def number_of(cell: str, region: str | None) -> Address:
    """The address in a cell. Raises Unreadable."""
    text = _spoken(cell)
    if not text:
        raise Unreadable("there is no number")
    if len(text) > MAX_NUMBER:
        raise Unreadable("the text is too long for a number")
    if "e" in text.lower() and _SHORTENED.search(text):
        raise Unreadable("a spreadsheet shortened the number (it has an E in it); export the column as text")
    if len(text) > LONGEST_ONE and _SEVERAL.search(text):
        raise Unreadable("there are several numbers; give each a row of its own")
    if text.startswith("00") and region is None:
        text = "+" + text[2:]
    try:
        return identity.parse(text, region)
    except InvalidAddress:
        raise Unreadable("this is no phone number, or its country is not known" if region is None else
                         f"this is no phone number, not even in {region}") from None


def _spoken(cell: str) -> str:
    """The number without what programs put around it: an apostrophe, ="...", tel:, invisible marks."""
    text = cell
    if not text.isascii():
        text = "".join(sign for sign in unicodedata.normalize("NFKC", text) if unicodedata.category(sign) != "Cf")
    text = text.strip().lstrip("'=").strip("\"' \t")
    text = text[4:].strip() if text[:4].lower() == "tel:" else text
    return text.removesuffix(".0")  # a number that went through a table of floating-point numbers


def masked(cell: str) -> str:
    """A cell that can be shown: all digits but the last two are hidden."""
    digits = sum(map(str.isdecimal, cell))
    seen, shown = 0, []
    for sign in cell[:40]:
        if sign.isdecimal():
            seen += 1
            shown.append(sign if seen > digits - 2 or digits < 5 else "·")  # a year is no number
        else:
            shown.append(sign if sign.isprintable() else " ")
    return "".join(shown)


# -- days --------------------------------------------------------------------------------------------------------------

_NUMERIC: Final = re.compile(r"(\d{1,4})[./\- ](\d{1,2})[./\- ](\d{1,4})(?:[T, ]+(\d.*))?\Z")
_MONTHS: Final = {name: place for place, name in enumerate(
    ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_NAMED_DAY: Final = re.compile(r"(?:(\d{1,2})[. -]+([A-Za-z]{3})[a-z]*|([A-Za-z]{3})[a-z]*[. ]+(\d{1,2}))[., -]+(\d{4})"
                               r"(?:[, ]+(\d.*))?\Z")
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp])?\.?[Mm]?\.?(?:\s*(?:UTC|GMT|Z))?\Z")


@lru_cache(4_096)
def moment_of(text: str, order: Order, now: int, *, end: bool = False) -> int:
    """A day or a moment, microseconds UTC; a time without a zone is UTC. `end`: a day counts to its end.

    Raises Unreadable for what is no day, lies before 2009, or lies ahead of `now` (rounded by the caller, so that
    answers can be remembered).
    """
    at, whole_day = _moment(text.strip().strip("'\""), order)
    if at < OLDEST:
        raise Unreadable("the day lies before 2009, when WhatsApp began")
    if at > now + AHEAD:
        raise Unreadable("the day lies in the future")
    return min(at + DAY - 1 if end and whole_day else at, now)


def _moment(text: str, order: Order) -> tuple[int, bool]:
    """(time, is it a whole day)."""
    if text.isdecimal() and text.isascii():
        return _counted(int(text), len(text))
    if text[:4].isdecimal() and text[4:5] == "-":
        try:
            found = datetime.fromisoformat(text.replace("Z", "+00:00") if text.endswith("Z") else text)
            return _micros(found), len(text) == 10  # 2024-05-01
        except ValueError:
            pass
    if match := _NUMERIC.match(text):
        year, month, day = _ordered(int(match[1]), int(match[2]), int(match[3]), order, len(match[1]))
        return _built(year, month, day, match[4])
    if match := _NAMED_DAY.match(text):
        month = _MONTHS.get((match[2] or match[3]).lower(), 0)
        return _built(int(match[5]), month, int(match[1] or match[4]), match[6])
    raise Unreadable("this is no day that can be read; write it 2024-05-31")


def _counted(value: int, digits: int) -> tuple[int, bool]:
    """20240531, Excel's day numbers, Unix seconds and milliseconds."""
    if digits == 8:
        return _built(value // 10_000, value // 100 % 100, value % 100, None)
    if value in EXCEL_DAYS:
        return (value - EXCEL_EPOCH) * DAY, True
    if digits in (10, 13):
        return value * (SECOND if digits == 10 else 1_000), False
    raise Unreadable("this number is no day that can be read; write it 2024-05-31")


def _ordered(one: int, two: int, three: int, order: Order, first_digits: int) -> tuple[int, int, int]:
    if first_digits == 4:  # the year stands first
        return one, two, three
    year = three if three > 99 else 2000 + three  # nobody consented in the last century
    return (year, two, one) if order == "dmy" else (year, one, two)


def _built(year: int, month: int, day: int, clock: str | None) -> tuple[int, bool]:
    hour = minute = second = 0
    if clock:
        match = _TIME.match(clock.strip())
        if not match:
            raise Unreadable("the time beside the day cannot be read; write it 2024-05-31 14:30")
        hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
        half = (match[4] or "").lower()
        hour = hour % 12 + (12 if half == "p" else 0) if half else hour
    try:
        return _micros(datetime(year, month, day, hour, minute, second, tzinfo=UTC)), not clock
    except ValueError:
        raise Unreadable("there is no such day") from None


def _micros(found: datetime) -> int:
    return int(found.replace(tzinfo=found.tzinfo or UTC).timestamp()) * SECOND


def day_orders(texts: list[str]) -> set[Order]:
    """The orders in which all of these could be read; both where nothing tells."""
    orders: set[Order] = {"dmy", "mdy"}
    for text in texts:
        match = _NUMERIC.match(text.strip())
        if match and len(match[1]) < 3:
            if int(match[1]) > 12:
                orders.discard("mdy")
            if int(match[2]) > 12:
                orders.discard("dmy")
    return orders


# -- words -------------------------------------------------------------------------------------------------------------

@lru_cache(4_096)
def status_of(text: str) -> Says | None:
    """What a status says; empty is unknown, a word that is in no list is None."""
    word, words = folded(text), load_columns()
    if word in words.no:
        return "no"
    if word in words.yes:
        return "yes"
    return "unknown" if not word or word in words.neither else None


def is_stop(text: str) -> bool:
    """Whether a cell of a column about leaving ("unsubscribed", "opt-out date") says that the person left: anything
    but nothing, a no, a zero or a dash does.
    """
    word = folded(text)
    return bool(word) and word not in load_columns().stayed

