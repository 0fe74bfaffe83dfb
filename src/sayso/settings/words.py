"""The [words] table of sayso.toml: what a workspace's people write that no language lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from sayso.core.features import words_of
from sayso.core.intents import ALWAYS_STOP, MAX_KEYWORD, fold
from sayso.core.own_words import OPEN
from sayso.core.workspace import Entry
from sayso.settings.tables import table_of, unknown_key, wrong

#: Words and phrases under one intent; more is a language, and belongs into one.
MAX_WORDS: Final = 200
_STOPS: Final = ("stop", "stop_promotional")


def own_words(raw: object, entries: Mapping[str, Entry], reserved: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
    """The words by intent. Raises ConfigError for one that is taken, cannot be read, or would unmake a stop."""
    table = table_of(raw, "words")
    taken = {fold(keyword): f"a keyword of [entry_points.{name}]"
             for name, entry in entries.items() for keyword in entry.keywords}
    found: dict[str, tuple[str, ...]] = {}
    for intent, listed in table.items():
        if intent not in OPEN:
            raise unknown_key(intent, "words", OPEN)
        where = f"words.{intent}"
        if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
            raise wrong(where, 'must be a list of texts, such as ["no more acme"].')
        if len(listed) > MAX_WORDS:
            raise wrong(where, f"has more than {MAX_WORDS} words.")
        for word in listed:
            _check(where, word, intent, taken, reserved)
            taken[fold(word)] = f"in {where}"
        found[intent] = tuple(listed)
    return found


def _check(where: str, word: str, intent: str, taken: Mapping[str, str], reserved: Callable[[str], bool]) -> None:
    folded = fold(word)
    if not words_of(folded) or len(word) > MAX_KEYWORD:
        raise wrong(where, f"holds a word that is empty, only signs, or over {MAX_KEYWORD} characters.")
    if folded in taken:
        raise wrong(where, f"holds '{word}', which is already {taken[folded]}.")
    if intent not in _STOPS and (folded in ALWAYS_STOP or reserved(word)):
        raise wrong(where, f"holds '{word}', which people already send to stop, to get help or to answer; it keeps "
                           "that meaning.")
    if intent == "stop_promotional" and folded in ALWAYS_STOP:
        raise wrong(where, f"holds '{word}', which stops everything.")
