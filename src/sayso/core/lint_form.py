"""How a wording is written: that it fits its place, is finished, can be seen, and can be read by most people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from sayso.core import readability
from sayso.core.findings import LIMITS, WHOLE, Finding, Looked
from sayso.core.prose import is_cased, script_of, scripts, tokens

#: Pictures in one text; more of them hide the words (EDPB 03/2022, "look over there").
MAX_EMOJI: Final = 3
#: Words in capitals, and exclamation marks, from which a text shouts.
SHOUTS: Final = 2
EXCLAMATIONS: Final = 3
#: Letters from which a word in capitals is no abbreviation.
LOUD: Final = 4
#: Share of letters in the script of the language; brand names and keywords are often written in another.
OWN_SCRIPT: Final = 0.5
#: Letters from which a script can be told.
MIN_LETTERS: Final = 20

_PLACEHOLDER: Final = re.compile(
    r"\{\{[^{}]*\}\}|\{[^{}\n]{0,40}\}|\[[^\[\]\d\n]{2,40}\]|<[^<>\n]{2,40}>|\blorem ipsum\b|\bx{3,}\b|_{3,}|\.{4,}"
    r"|%[sd]\b",
    re.IGNORECASE)
_VARIABLE: Final = re.compile(r"\{\{\d{1,2}\}\}\Z")
_URL: Final = re.compile(r"\S+://\S+|\bwww\.\S+|\S+@\S+")
# Left-to-right and right-to-left marks, joiners and isolates are how several scripts are rightly written.
_NEEDED: Final = frozenset("\u200c\u200d\u200e\u200f\u061c\u2066\u2067\u2068\u2069\n")
_SCRIPTS: Final[Mapping[str, frozenset[str]]] = {
    lang: frozenset(names.split()) for names, langs in {
        "ARABIC": "ar fa ur", "DEVANAGARI": "hi mr ne", "CYRILLIC": "ru uk bg kk", "HEBREW": "he", "GREEK": "el",
        "CJK HIRAGANA KATAKANA": "ja", "CJK": "zh", "HANGUL": "ko", "THAI": "th", "LAO": "lo", "KHMER": "km",
        "MYANMAR": "my", "BENGALI": "bn", "TAMIL": "ta", "TELUGU": "te", "GUJARATI": "gu", "KANNADA": "kn",
        "MALAYALAM": "ml", "GURMUKHI": "pa", "SINHALA": "si", "GEORGIAN": "ka", "ETHIOPIC": "am",
        "CYRILLIC LATIN": "sr uz az",
    }.items() for lang in langs.split()
}  # fmt: skip
_LATIN: Final = frozenset({"LATIN"})
_MADE_LATIN: Final = "-latn"


def faults(looked: Looked) -> Iterator[Finding]:
    """Everything wrong with how the text is written."""
    yield from _too_long(looked)
    yield from _placeholder(looked)
    yield from _hidden(looked)
    if looked.wording.place in WHOLE and looked.where == "text":
        yield from _script(looked)
        yield from _language(looked)
        yield from _reading(looked)
        yield from _shouting(looked)
        yield from _emoji(looked)


def _too_long(looked: Looked) -> Iterator[Finding]:
    place = "button" if looked.where.startswith("button") else looked.wording.place
    limit = LIMITS.get(place)
    if limit is not None and len(looked.text) > limit:
        yield looked.finding("too_long", f"It has {len(looked.text)} characters; WhatsApp shows {limit} here. Take out "
                                         f"{len(looked.text) - limit}.", limit, len(looked.text))


def _placeholder(looked: Looked) -> Iterator[Finding]:
    for match in _PLACEHOLDER.finditer(looked.text):
        if looked.wording.place == "template" and _VARIABLE.match(match[0]):
            continue  # a template's own variable: Meta fills it in
        if match[0] not in looked.wording.business:
            yield looked.finding("placeholder", f'"{match[0]}" was left to be filled in; write what belongs there.',
                                 *match.span())
            return


def _hidden(looked: Looked) -> Iterator[Finding]:
    for place, char in enumerate(looked.text):
        kind = unicodedata.category(char)
        if kind in ("Cf", "Cc", "Co", "Cs") and char not in _NEEDED and not "\U000e0020" <= char <= "\U000e007f":
            yield looked.finding("hidden_characters", f"Take out the character U+{ord(char):04X} at {place}: nobody "
                                 "sees it, and it can hide words or turn their order.", place, place + 1)
            return


def _script(looked: Looked) -> Iterator[Finding]:
    text = _URL.sub(" ", looked.text.replace(looked.wording.business, " ") if looked.wording.business else looked.text)
    counts, wanted = scripts(text), scripts_of(looked.wording.lang)
    total = sum(counts.values())
    if total >= MIN_LETTERS and sum(counts.get(name, 0) for name in wanted) < OWN_SCRIPT * total:
        most = max(counts, key=lambda name: counts[name])
        yield looked.finding("wrong_script", f"A text in '{looked.wording.lang}' is written in "
                             f"{' or '.join(sorted(wanted)).title()} letters; these are mostly {most.title()}. Is it "
                             "the right language?")
        return
    for token in looked.words:
        alphabets = {script_of(char) for char in looked.text[token.start:token.end] if char.isalpha()}
        if len(alphabets & {"LATIN", "CYRILLIC", "GREEK"}) > 1:
            yield looked.finding("wrong_script", "This word mixes letters of two alphabets that look alike; type it "
                                 "again in one.", token.start, token.end)
            return


def scripts_of(lang: str) -> frozenset[str]:
    """The scripts a language is written in; Latin for those not listed. "hi-Latn" says so itself."""
    tag = lang.lower()
    return _LATIN if _MADE_LATIN in tag else _SCRIPTS.get(tag.partition("-")[0], _LATIN)


def _language(looked: Looked) -> Iterator[Finding]:
    if not looked.tongue.says:
        yield looked.finding("unknown_language", f"Lint has no words for '{looked.wording.lang}': it looked for names, "
                             "stop words, length and script only. Read it against docs/lint.md yourself.")


def _reading(looked: Looked) -> Iterator[Finding]:
    reading = readability.read(looked.text, looked.wording.lang, looked.words)
    if reading is None or not reading.hard:
        return
    told = {
        "flesch": f"Its reading ease is {reading.score:g}; from {readability.MIN_EASE:g} most people read it easily.",
        "lix": f"Its LIX is {reading.score:g}; up to {readability.MAX_LIX:g} most people read it easily.",
        "sentence": f"Its sentences have {reading.score:g} words on average; up to {readability.MAX_SENTENCE:g} are "
                    "easy.",
    }[reading.formula]
    yield looked.finding("hard_to_read", f"{told} Use shorter sentences and shorter words.")


def _shouting(looked: Looked) -> Iterator[Finding]:
    quiet = {word for stop in looked.tongue.stops for word in stop}
    quiet |= {token.word for token in tokens(looked.wording.business)}
    loud = [token for token in looked.words if token.word not in quiet
            and _is_loud(looked.text[token.start:token.end])]
    marks = looked.text.count("!") + looked.text.count("¡")
    if len(loud) >= SHOUTS:
        yield looked.finding("shouting", "Write words in small letters; capitals are for the word that ends it.",
                             loud[0].start, loud[0].end)
    elif marks >= EXCLAMATIONS:
        place = looked.text.index("!") if "!" in looked.text else looked.text.index("¡")
        yield looked.finding("shouting", "Take out exclamation marks; one is plenty.", place, place + 1)


def _is_loud(word: str) -> bool:
    return len(word) >= LOUD and is_cased(word) and word.isupper() and word.isalpha()


def _emoji(looked: Looked) -> Iterator[Finding]:
    pictures = [place for place, char in enumerate(looked.text) if unicodedata.category(char) == "So"]
    if len(pictures) > MAX_EMOJI:
        first = pictures[MAX_EMOJI]
        yield looked.finding("emoji", f"It has {len(pictures)} pictures; {MAX_EMOJI} are enough, and some people's "
                             "phones read every one aloud.", first, first + 1)
