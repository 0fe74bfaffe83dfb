"""Reads what lint knows of languages (`rules/lint`, stop words from `rules/words`) and the starter notices.

A wrong file is a ConfigError that names the file and the key. Nothing is read at import; what was read is kept.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

from sayso.core.findings import PHRASED, SIGNS, Tongue, Vocabulary
from sayso.core.intents import ANY, fold, languages_of
from sayso.core.prose import Pattern, Phrases, pattern
from sayso.errors import ConfigError, InvalidRequest
from sayso.rules.reader import load_replies, load_words

#: The starter notices there are in every language.
STARTERS: Final = ("offers", "orders", "support")
BUSINESS: Final = "{business}"
URL: Final = "{url}"
_TOP: Final = frozenset({"lang", "negators", "negation_after", "says", "deceptive"})
#: Words for these are needed in every file; of the other signs a language may have none.
_NEEDED: Final = frozenset({"often", "free", "voluntary", "advertising", "marketing", "utility", "service"})


@dataclass(frozen=True, slots=True)
class Starter:
    """A first wording in one language, by name, and the sentence that leads to a privacy policy."""

    lang: str
    texts: Mapping[str, str]
    privacy: str

    def text(self, name: str, business: str, privacy_url: str = "") -> str:
        """The wording for this business. Raises InvalidRequest for a starter there is none of."""
        if name not in self.texts:
            raise InvalidRequest(f"There is no starter '{name[:40]}'; there is {', '.join(STARTERS)}.", param="starter")
        text = self.texts[name].replace(BUSINESS, business)
        return f"{text}\n\n{self.privacy.replace(URL, privacy_url)}" if privacy_url else text


@cache
def vocabulary() -> Vocabulary:
    """Every language lint knows. Raises ConfigError."""
    stops = {words.lang: tuple(dict.fromkeys(tuple(fold(word).split()) for word in words.intents["stop"]))
             for words in load_words() if words.lang != ANY}
    # The word Sayso itself tells people to send comes first: it is the one a finding suggests.
    for lang, reply in load_replies().items():
        mine = tuple(fold(reply.stop_word).split())
        stops[lang] = (mine, *(stop for stop in stops.get(lang, ()) if stop != mine))
    tongues = {lang: Tongue(lang, stops=words) for lang, words in stops.items()}
    book: list[tuple[str, Pattern]] = []
    for name, text in _files("lint"):
        tongue, phrases = parse_tongue(name, text, stops)
        tongues[tongue.lang] = tongue
        book += phrases
    return Vocabulary(tongues, Phrases(book))


@cache
def starters() -> Mapping[str, Starter]:
    """Starter notices by language. Raises ConfigError."""
    found = (parse_starter(name, text) for name, text in _files("notices"))
    return {starter.lang: starter for starter in found}


def starter_for(lang: str) -> Starter:
    """The starters of a language tag. Raises InvalidRequest where there are none."""
    known = starters()
    found = languages_of(lang, known)
    if not found:
        raise InvalidRequest(f"There are no starters in '{lang[:20]}'; there are in {', '.join(sorted(known))}.",
                             param="lang")
    return known[found[0]]


def parse_tongue(name: str, text: str, stops: Mapping[str, tuple[tuple[str, ...], ...]]) -> tuple[
        Tongue, list[tuple[str, Pattern]]]:
    """One language of lint, and its deceptive phrases under "<language> <check>". Raises ConfigError."""
    table = _table(name, text, _TOP)
    lang = _lang(name, table)
    says, deceptive = _section(name, table, "says", SIGNS), _section(name, table, "deceptive", PHRASED)
    for section, keys, needed in (("says", says, _NEEDED), ("deceptive", deceptive, frozenset(PHRASED))):
        if lacking := sorted(needed - keys.keys()):
            raise _wrong(name, f"{section}.{lacking[0]}", "is missing")
    negators = tuple(_pattern(name, "negators", word) for word in _texts(name, table.get("negators"), "negators"))
    if any(len(parts) != 1 for parts in negators):
        raise _wrong(name, "negators", "must be single words")
    tongue = Tongue(lang, says, stops.get(lang, ()), negators, table.get("negation_after") is True)
    return tongue, [(f"{lang} {code}", parts) for code, found in deceptive.items() for parts in found]


def parse_starter(name: str, text: str) -> Starter:
    """The starters of one language. Raises ConfigError."""
    table = _table(name, text, frozenset({"lang", "privacy", *STARTERS}))
    lang = _lang(name, table)
    for key, wanted in ((*((starter, BUSINESS) for starter in STARTERS), ("privacy", URL))):
        if not isinstance(table.get(key), str) or table[key].count(wanted) != 1:
            raise _wrong(name, key, f"must be a text with {wanted} in it once")
    return Starter(lang, {key: str(table[key]).strip() for key in STARTERS}, str(table["privacy"]).strip())


def _files(folder: str) -> Iterator[tuple[str, str]]:
    for path in sorted((resources.files("sayso.rules") / folder).iterdir(), key=lambda path: path.name):
        if path.name.endswith(".toml"):
            yield f"{folder}/{path.name}", path.read_text("utf-8")


def _table(name: str, text: str, allowed: frozenset[str]) -> dict[str, Any]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"rules/{name} is not TOML: {problem}", param=name) from problem
    if unknown := sorted(table.keys() - allowed):
        raise _wrong(name, unknown[0], "is not a key of this file")
    return table


def _lang(name: str, table: Mapping[str, Any]) -> str:
    lang = table.get("lang")
    if not isinstance(lang, str) or name.rpartition("/")[2] != f"{lang}.toml":
        raise _wrong(name, "lang", "the language is not the one the file is named after")
    return lang


def _section(name: str, table: Mapping[str, Any], key: str, allowed: tuple[str, ...]) -> dict[str, tuple[Pattern, ...]]:
    section = table.get(key)
    if not isinstance(section, dict):
        raise _wrong(name, key, "must be a table of lists")
    if unknown := sorted(section.keys() - set(allowed)):
        raise _wrong(name, f"{key}.{unknown[0]}", "is not a key of this table")
    return {word: tuple(_pattern(name, f"{key}.{word}", line) for line in _texts(name, lines, f"{key}.{word}"))
            for word, lines in section.items()}


def _texts(name: str, value: object, key: str) -> list[str]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) and text.strip() for text in value):
        raise _wrong(name, key, "must be a list of texts")
    return value


def _pattern(name: str, key: str, line: str) -> Pattern:
    try:
        return pattern(line)
    except InvalidRequest as problem:
        raise _wrong(name, key, problem.detail) from problem


def _wrong(name: str, key: str, what: str) -> ConfigError:
    return ConfigError(f"rules/{name}: {key} {what}", param=f"{name}:{key}")
