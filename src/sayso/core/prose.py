"""Text as words and sentences, and patterns over them: what lint and readability read.

Words are compared folded (case, accents, letter forms, hidden characters), so that a trick of spelling hides nothing;
every word keeps its place in the text, so that a finding can point at it. A pattern is a short line of data, not a
regular expression: `by continuing … you agree|accept`.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sayso.core.intents import fold
from sayso.errors import InvalidRequest

#: Characters of a text that are looked at: four times the longest notice, so that an overlong one is still read whole.
MAX_TEXT: Final = 4096
#: Words that "…" of a pattern may stand for, none included.
GAP: Final = 6
#: Words of the longest pattern; each is tried at every word of a text.
MAX_PATTERN: Final = 16
_GAP_SIGN: Final = "…"
#: Ends of sentences: a full stop counts where a space, a quote or nothing follows, the others wherever they stand.
_ENDS: Final = frozenset("!?…؟。！？।۔\n")
_JOINERS: Final = frozenset("\u200c\u200d\u00ad\u200b\u2060\ufeff\u034f\u180e")


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its place in the text (`start` to `end`, in characters), its folded form, the sentence it stands in."""

    start: int
    end: int
    word: str
    sentence: int


@dataclass(frozen=True, slots=True)
class Part:
    """One place of a pattern: any of the words. `gap`: up to GAP words may stand before it. A word may have `*` at
    either end.
    """

    words: tuple[str, ...]
    gap: bool = False

    def fits(self, word: str) -> bool:
        """True if this word can stand here."""
        return any(_like(wanted, word) for wanted in self.words)


Pattern = tuple[Part, ...]


def tokens(text: str) -> tuple[Token, ...]:
    """The words of the first MAX_TEXT characters. An apostrophe parts words: "don't" is two."""
    found: list[Token] = []
    start, sentence = -1, 0
    text = text[:MAX_TEXT]
    for place in range(len(text) + 1):
        char = text[place] if place < len(text) else " "
        if _is_letter(char):
            start = place if start < 0 else start
            continue
        if start >= 0:
            word = fold(text[start:place])
            if word:
                found.append(Token(start, place, word, sentence))
            start = -1
        if char in _ENDS or (char == "." and _ends_here(text, place)):
            sentence += 1
    return tuple(found)


def sentences(words: Sequence[Token]) -> int:
    """How many sentences have a word."""
    return len({token.sentence for token in words})


def pattern(line: str) -> Pattern:
    """Read a pattern: words apart by spaces, `a|b` for either, `*` at an end of a word for any letters, `…` for up
    to GAP words. Raises InvalidRequest.
    """
    parts: list[Part] = []
    gap = False
    for piece in line.split():
        if piece == _GAP_SIGN:
            gap = True
            continue
        for words in _alternatives(piece):
            parts.append(Part(words, gap))
            gap = False
    if not parts or gap or parts[0].gap or len(parts) > MAX_PATTERN:
        raise InvalidRequest(f"A pattern has 1 to {MAX_PATTERN} words and begins and ends with one: {line[:80]!r}.")
    return tuple(parts)


def _alternatives(piece: str) -> list[tuple[str, ...]]:
    """The words of one piece; "don't" alone is two places in a row, among alternatives it cannot stand."""
    choices = [[token.word for token in tokens(choice.strip("*"))] for choice in piece.split("|")]
    if len(choices) == 1 and len(choices[0]) > 1 and "*" not in piece:
        return [(word,) for word in choices[0]]
    if any(len(choice) != 1 for choice in choices):
        raise InvalidRequest(f"This is not one word, or not words apart by '|': {piece[:80]!r}.")
    marks = [("*" * choice.startswith("*"), "*" * choice.endswith("*")) for choice in piece.split("|")]
    return [tuple(f"{front}{choice[0]}{back}" for choice, (front, back) in zip(choices, marks, strict=True))]


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern was found: words from `first` to `last` (both among them), and the words it skipped."""

    name: str
    first: int
    last: int
    skipped: tuple[int, ...] = ()


class Phrases:
    """Named patterns, found quickly: by their first word where that is written out."""

    def __init__(self, patterns: Iterable[tuple[str, Pattern]]) -> None:
        self._by_first: dict[str, list[tuple[str, Pattern]]] = {}
        self._open: list[tuple[str, Pattern]] = []
        for name, parts in patterns:
            for word in parts[0].words:
                home = self._open if "*" in word else self._by_first.setdefault(word, [])
                home.append((name, parts))

    def find(self, words: Sequence[Token]) -> list[Match]:
        """Every place where a pattern is found, in the order of the text; the longest of a name at one place."""
        found: dict[tuple[str, int], Match] = {}
        for place, token in enumerate(words):
            for name, parts in (*self._by_first.get(token.word, ()), *self._open):
                match = _match(name, parts, words, place)
                if match and match.last >= getattr(found.get((name, place)), "last", -1):
                    found[name, place] = match
        return list(found.values())


def has(patterns: Iterable[Pattern], words: Sequence[Token]) -> bool:
    """True if any of the patterns is found anywhere."""
    return any(_match("", parts, words, place) for parts in patterns for place in range(len(words)))


def _match(name: str, parts: Pattern, words: Sequence[Token], place: int) -> Match | None:
    """The pattern beginning at exactly this word, within its sentence."""
    if not parts[0].fits(words[place].word):
        return None
    ended = _rest(parts, 1, words, place)
    return Match(name, place, ended[0], ended[1]) if ended else None


def _rest(parts: Pattern, number: int, words: Sequence[Token], at: int) -> tuple[int, tuple[int, ...]] | None:
    if number == len(parts):
        return at, ()
    part = parts[number]
    for skip in range(GAP + 1 if part.gap else 1):
        place = at + 1 + skip
        if place >= len(words) or words[place].sentence != words[at].sentence:
            return None
        if part.fits(words[place].word):
            ended = _rest(parts, number + 1, words, place)
            if ended:
                return ended[0], (*range(at + 1, place), *ended[1])
    return None


def find_words(wanted: Sequence[str], words: Sequence[Token]) -> int:
    """Where these folded words stand one after the other: the place of the first, or -1."""
    size = len(wanted)
    for place in range(len(words) - size + 1 if size else 0):
        if all(words[place + step].word == word for step, word in enumerate(wanted)):
            return place
    return -1


def is_cased(text: str) -> bool:
    """True for a script that has capitals."""
    return text.upper() != text.lower()


@functools.lru_cache(4096)
def script_of(char: str) -> str:
    """The script of a letter, by the first word of its name in Unicode: "LATIN", "ARABIC", "CJK"."""
    return unicodedata.name(char, "").partition(" ")[0]


def scripts(text: str) -> Mapping[str, int]:
    """How many letters of each script a text has."""
    counts: dict[str, int] = {}
    for char in text[:MAX_TEXT]:
        if unicodedata.category(char).startswith("L"):
            name = script_of(char)
            counts[name] = counts.get(name, 0) + 1
    return counts


def _like(wanted: str, word: str) -> bool:
    if "*" not in wanted:
        return wanted == word
    core = wanted.strip("*")
    if wanted.startswith("*"):
        return core in word if wanted.endswith("*") else word.endswith(core)
    return word.startswith(core)


def _is_letter(char: str) -> bool:
    return char.isalnum() or char in _JOINERS or unicodedata.category(char)[0] in "LM"


def _ends_here(text: str, place: int) -> bool:
    after = text[place + 1:place + 2]
    return not after or after.isspace() or after in "\"'”’»)"
