"""How easy a text is to read: Flesch's reading ease as fitted to eight languages, LIX, or the length of sentences.

The formulas count syllables and sentences and know nothing of meaning, so a bad figure is a hint and never more. On
fewer than MIN_WORDS words they say nothing. Sources stand beside their numbers; docs/lint.md repeats them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sayso.core.prose import Token, scripts, sentences

Formula = Literal["flesch", "lix", "sentence"]

#: Words below which no formula means anything; they were made for passages of a hundred.
MIN_WORDS: Final = 20
#: Reading ease under which a text is for students rather than for everybody (Flesch's "difficult", 30 to 50).
MIN_EASE: Final = 50.0
#: LIX over which a text reads like an official one (Björnsson 1968: 40 to 50 is a newspaper).
MAX_LIX: Final = 50.0
#: Letters from which LIX calls a word long.
LIX_LONG: Final = 7
#: Words in an average sentence where only that can be measured.
MAX_SENTENCE: Final = 22.0

_VOWELS: Final[Mapping[str, str]] = {
    "tr": "aeıioöuü", "ru": "аеёиоуыэюя", "de": "aeiouyäöü", "fr": "aeiouyàâæéèêëîïôœùûüÿ", "nl": "aeiouyéèëïöü",
}
#: Ends of words that are written and not spoken.
_MUTE: Final[Mapping[str, re.Pattern[str]]] = {
    "en": re.compile(r"[^aeiouyl]e$|[^aeiouytd]ed$"), "fr": re.compile(r"[^aeiouyé]es?$|[^aeiouy]ent$"),
}
_ANY_VOWEL: Final = "aeiouyàáâãäåæèéêëìíîïòóôõöøœùúûüýÿ"


@dataclass(frozen=True, slots=True)
class Fit:
    """Reading ease = base - per_sentence * words in a sentence - per_word * syllables in a word."""

    base: float
    per_sentence: float
    per_word: float


#: Flesch 1948 (en); Amstad 1978 (de); Fernández Huerta 1959 as corrected by Law 2011 (es); Kandel and Moles 1958 (fr);
#: Franchina and Vacca 1972 (it); Douma 1960 (nl); Martins and others 1996 (pt); Oborneva 2006 (ru); Ateşman 1997 (tr).
FITS: Final[Mapping[str, Fit]] = {
    "en": Fit(206.835, 1.015, 84.6), "de": Fit(180.0, 1.0, 58.5), "es": Fit(206.84, 1.02, 60.0),
    "fr": Fit(207.0, 1.015, 73.6), "it": Fit(217.0, 1.3, 60.0), "nl": Fit(206.84, 0.93, 77.0),
    "pt": Fit(248.835, 1.015, 84.6), "ru": Fit(206.835, 1.3, 60.1), "tr": Fit(198.825, 2.61, 40.175),
}
#: Where no formula was ever fitted, or syllables are not written: the length of sentences alone.
BY_SENTENCE: Final = frozenset({"ar", "hi", "id", "fa", "ur", "he", "bn", "ms", "sw"})
#: LIX counts letters, so it needs an alphabet whose words are of the usual length.
_ALPHABETS: Final = frozenset({"LATIN", "CYRILLIC", "GREEK"})


@dataclass(frozen=True, slots=True)
class Reading:
    """A measurement. For Flesch more is easier, for the others less; `hard` compares with the limit."""

    formula: Formula
    score: float
    hard: bool


def read(text: str, lang: str, words: Sequence[Token]) -> Reading | None:
    """Measure a text whose words these are. None: too short, or a language nothing here fits."""
    base = lang.partition("-")[0].lower()
    if len(words) < MIN_WORDS:
        return None
    per_sentence = len(words) / sentences(words)
    if base in FITS:
        fit = FITS[base]
        spoken = sum(syllables(text[token.start:token.end], base) for token in words) / len(words)
        ease = round(fit.base - fit.per_sentence * per_sentence - fit.per_word * spoken, 1)
        return Reading("flesch", ease, ease < MIN_EASE)
    if base in BY_SENTENCE:
        return Reading("sentence", round(per_sentence, 1), per_sentence > MAX_SENTENCE)
    if not _ALPHABETS.intersection(scripts(text)):
        return None
    long_words = sum(token.end - token.start >= LIX_LONG for token in words)
    lix = round(per_sentence + 100 * long_words / len(words), 1)
    return Reading("lix", lix, lix > MAX_LIX)


def syllables(word: str, lang: str) -> int:
    """Syllables of a word, near enough: groups of vowels; in Russian and Turkish every vowel is one; a silent e at
    the end counts in neither English nor French. A word without vowels, such as a number, is one.
    """
    word, vowels = word.lower(), _VOWELS.get(lang, _ANY_VOWEL)
    if lang in ("ru", "tr"):
        return max(1, sum(char in vowels for char in word))
    count = len(re.findall(f"[{vowels}]+", word))
    mute = _MUTE.get(lang)
    return max(1, count - 1 if mute and mute.search(word) else count)
