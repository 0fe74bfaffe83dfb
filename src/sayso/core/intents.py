"""What a short message means: exact keywords in any language, and the folding that makes them comparable.

The room receives its words (`Words`, from `rules/words/*.toml`) and reads no file. It knows whole messages
only: "STOP." is a keyword, "stop by the shop at 5" is not. Three rules shape every line:
- a stop is never ignored: undecided between a stop and anything else is a `likely` stop, which holds
  marketing and asks; `certain` is for what needs no question;
- the person's own language decides; then the workspace's languages; then all of them;
- a yes is `strict` only when the word is plain and nobody around reads it as a no.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

Intent = Literal[
    "stop", "stop_promotional", "start", "yes", "no", "help", "status", "preferences", "snooze", "privacy",
]
Grade = Literal["certain", "likely", "none"]
INTENTS: Final[tuple[Intent, ...]] = get_args(Intent)

MAX_TEXT: Final = 4096
"""Characters of a message that are looked at: the longest text body there is (Cloud API, text messages)."""

MAX_KEYWORD: Final = 64
"""Folded characters of the longest keyword; a longer message is a sentence and not this room's business."""

MAX_PASSES: Final = 6
"""Times folding is repeated until nothing changes; real text needs two."""

ALWAYS_STOP: Final = frozenset({"stop", "stopall", "stop all", "unsubscribe"})
"""A stop in every language whatever a word list says: it must not hang on a data file."""

MARKS_MATTER: Final = frozenset({"vi"})
"""Languages where the marks make another word: Vietnamese "dừng" is stop, "đúng" is correct."""

ANY: Final = "any"
"""The word list of signs that belong to no language."""

_ALIASES: Final = {"no": "nb", "nn": "nb", "tl": "fil", "iw": "he", "in": "id", "bs": "hr"}

# Characters nobody sees (Unicode "default ignorable": controls, soft hyphen, joiners, bidi marks, variation
# selectors, fillers, tags), skin tones, and the pointing that Arabic and Hebrew writers may leave out.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a"
    "\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff"
    "\u0640\u064b-\u0652\u0670\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]"
)
_MARKED: Final = re.compile(  # a Latin, Greek or Cyrillic letter and the marks on it
    "([A-Za-z\u00aa-\u024f\u0250-\u02af\u0370-\u052f\u1c80-\u1c8f\u1d00-\u1d7f\u1e00-\u1fff\u2c60-\u2c7f"
    "\ua640-\ua69f\ua720-\ua7ff\uab30-\uab6f])[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff"
    "\ufe20-\ufe2f]+"
)
# Letters whose stroke is no mark for Unicode, the dotless i among them: "İPTAL", "IPTAL", "ıptal" meet.
_BARE: Final = str.maketrans(
    {"ı": "i", "ł": "l", "đ": "d", "ø": "o", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t",
     "ə": "e", "ɓ": "b", "ɗ": "d", "ƙ": "k"}
)  # fmt: skip
# What keyboards swap: quotes, dashes, and letter forms among Arabic, Persian and Urdu ones.
_SWAPPED: Final = str.maketrans(
    {**dict.fromkeys("’‘‛ʼʻʹ´`＇", "'"), **dict.fromkeys("-‐‑‒–—―−_", " "),
     **dict.fromkeys("أإآٱ", "ا"), **dict.fromkeys("ىیۍې", "ي"), "ک": "ك", **dict.fromkeys("ةہھۃە", "ه")}
)  # fmt: skip
_INNER: Final = re.compile(r"[\s.,;:!*،؛、。]+")
_QUESTION: Final = frozenset("?¿؟ ")
_EDGE_SIGNS: Final = frozenset("~^|<>=+$")  # WhatsApp's ~strike~ and what people draw around a word


def fold(text: str, lang: str | None = None) -> str:
    """The comparable form of a message or keyword; "" when nothing readable is left.

    NFKC, case, spaces, invisible characters, skin tones, punctuation at the edges, and marks on Latin, Greek
    and Cyrillic letters; a lone "?" and the emoji itself stay. `lang` matters only where marks make another
    word (MARKS_MATTER): there they stay. Idempotent, linear, never raises; reads MAX_TEXT characters.
    """
    keep_marks = lang is not None and lang.lower().partition("-")[0] in MARKS_MATTER
    folded = text[:MAX_TEXT]
    for _ in range(MAX_PASSES):  # one step can open work for another: a mark goes, so two letters compose
        before, folded = folded, _fold_once(folded[:MAX_TEXT], keep_marks)
        if folded == before:
            break
    return folded


def _fold_once(text: str, keep_marks: bool) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = _HIDDEN.sub("", text.casefold())
    if not text.isascii():
        if not keep_marks:
            text = _MARKED.sub(r"\1", unicodedata.normalize("NFD", text)).translate(_BARE)
        text = unicodedata.normalize("NFKC", text)
    text = " ".join(text.translate(_SWAPPED).split())
    if text and _QUESTION.issuperset(text):
        return "?" if text.strip("¿ ") else ""
    return _strip_edges(text)


def _strip_edges(text: str) -> str:
    start, end = 0, len(text)
    while start < end and _is_edge(text[start]):
        start += 1
    while end > start and _is_edge(text[end - 1]):
        end -= 1
    return text[start:end]


def _is_edge(char: str) -> bool:
    return char == " " or char in _EDGE_SIGNS or unicodedata.category(char) in {
        "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sk"}  # fmt: skip


def languages_of(tag: str | None, known: Collection[str]) -> tuple[str, ...]:
    """Which of the `known` languages a tag names: itself, else its base, else every region of the base.

    "es-MX" is es, "PT" is pt-BR and pt-PT, "zh-CN" is zh-Hans, "no" is nb; an unknown tag names none.
    """
    if not tag:
        return ()
    wanted = tag.replace("_", "-").lower()
    exact = {lang.lower(): lang for lang in known if lang != ANY}
    if wanted in exact:
        return (exact[wanted],)
    base = wanted.partition("-")[0]
    base = _ALIASES.get(base, base)
    if base in exact:
        return (exact[base],)
    return tuple(sorted(lang for low, lang in exact.items() if low.startswith(base + "-")))


#: The same few tags come with every message.
_languages_of = functools.lru_cache(256)(languages_of)


@dataclass(frozen=True, slots=True)
class Words:
    """One language's keywords as its file has them. `weak` and `doubtful` are among its words."""

    lang: str
    name: str
    intents: Mapping[Intent, tuple[str, ...]]
    weak: frozenset[str]
    doubtful: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sense:
    """One meaning of one keyword. `doubtful`: outside its language it may be an ordinary word."""

    lang: str
    intent: Intent
    strict: bool
    doubtful: bool
    bare: bool  # only the form without marks fits, in a language where the marks matter


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message means. Grade `none` has no intent; `why` is one sentence without anything personal.

    `lang` is the language that decided, None where several could have: a hint for the reply, not a fact about
    the person. `strict` is true only for a plain yes, the kind that may count without quoting the prompt. `free` is
    true of free text, in the person's own words: it asks and refuses, and never undoes a refusal.
    """

    intent: Intent | None
    grade: Grade
    lang: str | None
    strict: bool
    why: str
    free: bool = False


_Building = dict[str, dict[tuple[str, Intent], Sense]]


class Lexicon:
    """All keywords, folded. Immutable once built; `read` is one or two dictionary look-ups."""

    def __init__(self, words: Iterable[Words]) -> None:
        plain: _Building = {}
        marked: _Building = {}
        known: dict[str, None] = {}
        for language in words:
            known[language.lang] = None
            _add(language, plain, marked)
        self.languages: tuple[str, ...] = tuple(known)
        self._plain = {key: tuple(senses.values()) for key, senses in plain.items()}
        self._marked = {key: tuple(senses.values()) for key, senses in marked.items()}

    def read(self, text: str, person_lang: str | None = None, workspace_langs: Sequence[str] = ()) -> Reading:
        """The intent of a whole message. `person_lang` and `workspace_langs` are BCP 47 tags, any case.

        First stage with a hit decides: the person's language (final); English stop words; the workspace's
        languages; all languages. Never raises.
        """
        if len(text) > MAX_TEXT:
            return _nothing("it is too long to be a keyword")
        key = fold(text)
        if not key:
            return _nothing("nothing readable is left of it")
        if len(key) > MAX_KEYWORD:
            return _nothing("it is too long to be a keyword")
        own = _languages_of(person_lang, self.languages)
        home = tuple(lang for tag in workspace_langs for lang in _languages_of(tag, self.languages))
        for spelling in dict.fromkeys((key, _respelled(key), _bare_words(key))):
            if spelling in ALWAYS_STOP:
                first = next(iter((*own, *home)), None)
                return Reading("stop", "certain", first, False, "it is a stop in every language")
            senses = self._look_up(spelling, text)
            if senses:
                return _decide(senses, own, home)
        return _nothing("no language lists it as a keyword")

    def _look_up(self, key: str, text: str) -> tuple[Sense, ...]:
        exact = tuple(
            sense
            for lang in MARKS_MATTER
            for sense in self._marked.get(fold(text, lang), ())
            if sense.lang == lang
        )
        # In a language where marks matter, a word that fits with its marks silences one that fits without.
        silenced = {sense.lang for sense in exact}
        return exact + tuple(sense for sense in self._plain.get(key, ()) if sense.lang not in silenced)


def _add(language: Words, plain: _Building, marked: _Building) -> None:
    """Every word of a language under its folded form; where marks matter, with them and again without."""
    tonal = language.lang in MARKS_MATTER
    for intent, listed in language.intents.items():
        for word in listed:
            strict = intent == "yes" and word not in language.weak
            sense = Sense(language.lang, intent, strict, word in language.doubtful, bare=False)
            if tonal:
                _put(marked, fold(word, language.lang), sense)
                sense = replace(sense, strict=False, bare=True)
            _put(plain, fold(word), sense)


def _put(index: _Building, key: str, sense: Sense) -> None:
    senses = index.setdefault(key, {})
    senses[sense.lang, sense.intent] = _merged(senses.get((sense.lang, sense.intent)), sense)


def _merged(old: Sense | None, new: Sense) -> Sense:
    """Two spellings that fold to one: strict only if both are, doubtful if either is."""
    if old is None:
        return new
    return replace(new, strict=old.strict and new.strict, doubtful=old.doubtful or new.doubtful)


def _bare_words(key: str) -> str:
    """The words without the signs around them: "stop 🙏" says stop. Signs alone are kept, for 🛑 is a word too."""
    begin, end = 0, len(key)
    while begin < end and not key[begin].isalnum():
        begin += 1
    while end > begin and not (key[end - 1].isalnum() or unicodedata.category(key[end - 1]).startswith("M")):
        end -= 1
    return key[begin:end] or key


def _respelled(key: str) -> str:
    """Another spelling to try: "s.t.o.p" as one word, a repeated sign once, "no, thanks" without comma."""
    parts = _INNER.sub(" ", key).split(" ")
    if len(parts) >= 3 and all(len(part) == 1 and part.isalpha() for part in parts):
        return "".join(parts)
    if ALWAYS_STOP.issuperset(filter(None, parts)):  # "STOP STOP, STOP"; not every word: "ha ha" is no yes
        return next(filter(None, parts), key)
    if len(set(key)) == 1 and not key[0].isalnum():
        return key[0]
    return " ".join(part for part in parts if part)


def _decide(senses: tuple[Sense, ...], own: tuple[str, ...], home: tuple[str, ...]) -> Reading:
    mine = [sense for sense in senses if sense.lang in own]
    if mine:
        return _settle(mine, own, "the person's language")
    english = [sense for sense in senses if sense.lang == "en" and sense.intent == "stop"]
    if english:
        return _settle(english, home, "English stop words, understood everywhere,")
    ours = [sense for sense in senses if sense.lang in home]
    stops = [sense for sense in senses if sense.intent == "stop"]
    if ours:
        # The workspace's language is a guess about the person: a stop elsewhere counts, a no weakens a yes.
        refused = any(sense.intent == "no" for sense in senses)
        ours += [stop for stop in stops if stop not in ours]
        return _settle(ours, home, "a workspace language", may_be_strict=not refused)
    rest = [sense for sense in senses if sense.intent == "stop" or not sense.doubtful]
    if not rest:
        return _nothing("only as a word of another language, where it may mean something else")
    firm = any(not sense.doubtful for sense in stops)
    whose = "another language" if own or home else "a language"  # other than which, where none is known?
    return _settle(rest, home, whose, may_be_strict=False, firm_stop=firm)


def _settle(senses: list[Sense], order: tuple[str, ...], whose: str, *,
            may_be_strict: bool = True, firm_stop: bool = True) -> Reading:  # fmt: skip
    """One stage's answer: agreed is certain; a stop among several is a likely stop, else see `_prefer`."""
    intents = {sense.intent for sense in senses}
    lang = _language(senses, order)
    if "stop" in intents:
        unmarked = all(sense.bare for sense in senses if sense.intent == "stop")
        certain = len(intents) == 1 and firm_stop and not unmarked
        why = f"{whose} lists it as stop"
        if certain:
            return Reading("stop", "certain", lang, False, why)
        return Reading("stop", "likely", lang, False, f"{why}, and it may mean something else")
    intent = _prefer(intents)
    if intent is None:
        return _nothing(f"{whose} lists it as " + " and ".join(sorted(intents)))
    strict = intent == "yes" and may_be_strict and all(sense.strict for sense in senses)
    return Reading(intent, "certain", lang, strict, f"{whose} lists it as {intent}")


def _prefer(intents: set[Intent]) -> Intent | None:
    """The harmless one of two: a start only asks (a yes would grant), help names the rest. Else None."""
    if len(intents) == 1:
        return next(iter(intents))
    if intents == {"yes", "start"}:
        return "start"
    return "help" if intents == {"help", "preferences"} else None


def _language(senses: list[Sense], order: tuple[str, ...]) -> str | None:
    langs = {sense.lang for sense in senses} - {ANY}
    preferred = [lang for lang in order if lang in langs]
    if preferred:
        return preferred[0]
    return langs.pop() if len(langs) == 1 else None


def _nothing(why: str) -> Reading:
    return Reading(None, "none", None, False, why)
