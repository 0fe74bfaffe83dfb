"""What the words of a message are about: stopping, messages, lists, me, promotions, orders, buses.

A phrase book has twenty-odd ideas and, for each, words of forty languages: "stop" and "basta" are `stop`, "list" and
"номер" are `list`, "bus" and "pain" are `thing`. A stop is a matter of the object: what is to stop. The classifier
learns which ideas beside which mean what; here they are only found. A word ending in "*" stands for every word that
begins so. Where a script has no spaces (Thai, Chinese, Japanese) or joins what belongs apart (Korean), a word counts
wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from sayso.core.intents import fold

#: Thai, Lao, Japanese, Chinese, Korean.
UNSPACED: Final = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
#: Words of the longest phrase.
MAX_PHRASE: Final = 4
#: Ideas without which nothing is a certain stop: somebody ends, removes, denies or complains.
LEAVING: Final = frozenset({"stop", "off", "not", "angry", "wrong"})
_NO_IDEAS: Final[frozenset[str]] = frozenset()

Ideas = tuple[str, ...]


def keyed(phrase: str) -> str:
    """A word or phrase as texts are compared with it, its "*" kept; "" when nothing is left."""
    key = " ".join(fold(phrase.rstrip("*")).replace("'", " ").split())
    return key + "*" if key and phrase.endswith("*") else key


class Phrasebook:
    """The words of all languages by idea, as `keyed` makes them. Immutable once built; a few look-ups per word."""

    def __init__(self, phrases: Mapping[str, Iterable[str]]) -> None:
        self._exact: dict[str, frozenset[str]] = {}
        self._begins: dict[str, frozenset[str]] = {}
        self._inside: dict[str, frozenset[str]] = {}
        for idea in sorted(phrases):
            for phrase in phrases[idea]:
                key = phrase.rstrip("*")
                index = self._index(key, phrase)
                index[key] = index.get(key, _NO_IDEAS) | {idea}
        self._leads = frozenset(key.split()[0] for key in self._exact if " " in key)
        self._longest_begin = max(map(len, self._begins), default=0)
        self._longest_inside = max(map(len, self._inside), default=0)

    def _index(self, key: str, phrase: str) -> dict[str, frozenset[str]]:
        if UNSPACED.search(key):
            return self._inside
        return self._begins if phrase.endswith("*") else self._exact

    def ideas(self, words: list[str]) -> list[Ideas]:
        """The ideas of each word that has any, in the order of the words."""
        found: list[Ideas] = []
        for place, word in enumerate(words):
            if not word.isascii() and UNSPACED.search(word):
                found.extend(self._within(word))
                continue
            ideas = self._of(word)
            if word in self._leads:
                for end in range(place + 2, min(place + MAX_PHRASE, len(words)) + 1):
                    ideas |= self._exact.get(" ".join(words[place:end]), _NO_IDEAS)
            if ideas:
                found.append(tuple(sorted(ideas)))
        return found

    def _of(self, word: str) -> frozenset[str]:
        ideas = self._exact.get(word, _NO_IDEAS)
        for length in range(min(len(word), self._longest_begin), 1, -1):
            if (begun := self._begins.get(word[:length])) is not None:
                return ideas | begun
        return ideas

    def _within(self, word: str) -> Iterable[Ideas]:
        """At each place the longest phrase that begins there."""
        for start in range(len(word)):
            for end in range(min(len(word), start + self._longest_inside), start, -1):
                if (ideas := self._inside.get(word[start:end])) is not None:
                    yield tuple(sorted(ideas))
                    break
