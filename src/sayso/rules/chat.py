"""What can be read off a message in the chat beside its intent: how long a pause shall last, and that no answer is
wanted. The words are data, `chat.toml`, read at first use.
"""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib import resources
from typing import Final

from sayso.core.intents import fold
from sayso.errors import ConfigError

#: Days of each unit in `chat.toml`.
UNITS: Final = {"days": 1, "weeks": 7, "months": 30, "years": 365}
#: A number and the word behind it, in the digits of any script.
_NUMBER: Final = re.compile(r"(?<!\d)(\d{1,40})(?!\d)\s?(\w*)")
#: Longest message looked at.
MAX_TEXT: Final = 4096


@cache
def _units() -> dict[str, int]:
    found = _read()["periods"]
    return {fold(word): days for unit, days in UNITS.items() for word in found[unit]}


@cache
def _silence() -> tuple[str, ...]:
    return tuple(fold(phrase) for phrase in _read()["silence"]["phrases"])


def _read() -> dict[str, dict[str, list[str]]]:
    found = tomllib.loads(resources.files("sayso.rules").joinpath("chat.toml").read_text("utf-8"))
    if found.keys() != {"periods", "silence"} or found["periods"].keys() != UNITS.keys():
        raise ConfigError("rules/chat.toml: the tables are periods (days, weeks, months, years) and silence (phrases).")
    return found


def period(text: str) -> tuple[int, str]:
    """(days, the text without them): the first number with the unit behind it; days where it has none. (0, text) where
    there is no number.
    """
    folded = fold(text[:MAX_TEXT])
    number = _NUMBER.search(folded)
    if number is None:
        return 0, text
    unit = _unit(number[2])
    end = number.end() if unit or not number[2] else number.end(1)
    rest = f"{folded[:number.start()]} {folded[end:]}".strip()
    return int(number[1]) * (unit or 1), rest


def _unit(word: str) -> int:
    """Days of a unit; where no spaces are written, the word goes on behind it."""
    units = _units()
    if word in units or word.isascii():
        return units.get(word, 0)
    return next((units[word[:end]] for end in range(len(word) - 1, 0, -1) if word[:end] in units), 0)


def wants_silence(text: str) -> bool:
    """True if the words ask that nobody answers them."""
    folded = fold(text[:MAX_TEXT])
    return any(phrase in folded for phrase in _silence())
