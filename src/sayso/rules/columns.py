"""What columns of lists are called and what stands in them: read from columns.toml, once.

Rules of the room: a word is in one list only; a broken file is found when it is read, not by a wrong guess.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache
from importlib import resources

import msgspec

from sayso.errors import ConfigError

_LETTERS = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    """A name or word as it is compared: small letters of one form, nothing between them."""
    return _LETTERS.sub("", unicodedata.normalize("NFKC", text).casefold())


class Columns(msgspec.Struct, frozen=True):
    """Names of columns by field, best first; words that stand in columns about consent; parts of titles. All folded."""

    names: dict[str, tuple[str, ...]]
    yes: frozenset[str]
    no: frozenset[str]
    neither: frozenset[str]
    stayed: frozenset[str]
    left: frozenset[str]
    silence: tuple[str, ...]
    leaving: tuple[str, ...]
    harmless: tuple[str, ...]
    consent: tuple[str, ...]


@cache
def load_columns() -> Columns:
    """Raises ConfigError where a word is in two lists that contradict each other."""
    text = resources.files("sayso.rules").joinpath("columns.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    names = {field: [folded(word) for word in words] for field, words in raw["names"].items()}
    words = {name: [folded(word) for word in words] for name, words in raw["words"].items()}
    titles = {name: [folded(word) for word in words] for name, words in raw["titles"].items()}
    found = msgspec.convert({"names": names, **words, **titles}, Columns)
    if found.yes & found.no or found.neither & (found.yes | found.no):
        raise ConfigError("columns.toml: a word is both a yes and a no.")
    if not found.left <= found.no:
        raise ConfigError("columns.toml: a word for having left is not among those for no.")
    return found
