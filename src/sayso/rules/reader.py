"""Reads the rules that are data, and refuses what is not right: words by language, and Sayso's own replies.

The only reader of `rules/`; it hands frozen values to core, which reads no file. A wrong file is a
ConfigError that names the file and the key: Sayso does not start on a guess. Nothing is read at import.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import resources
from importlib.resources.abc import Traversable
from string import Formatter
from typing import Any, Final

from sayso.core.classifier import BrokenModel, Classifier
from sayso.core.intents import ALWAYS_STOP, INTENTS, MAX_KEYWORD, Intent, Lexicon, Words, fold, languages_of
from sayso.core.understanding import Understanding
from sayso.errors import ConfigError

MAX_BUTTON: Final = 20
"""Characters of a reply button's title (Cloud API, interactive reply buttons)."""

MAX_FOOTER: Final = 60
"""Characters of an interactive message's footer (Cloud API, interactive messages)."""

MAX_BODY: Final = 1024
"""Characters of an interactive message's body (Cloud API), counted before names are filled in."""

MAX_DESCRIPTION: Final = 72
"""Characters of the line under a row of a list (Cloud API, interactive list messages)."""

DEFAULT_LANG: Final = "en"
"""The replies of anybody whose language has none."""

_WORD_KEYS: Final = frozenset({"lang", "name", "doubtful", *INTENTS})
#: Most characters of what is not a body.
_SHORT: Final[Mapping[str, int]] = {
    **dict.fromkeys(("yes_button", "no_button", "clarify_stop_button", "clarify_offers_button", "clarify_keep_button",
                     "topics_button", "pause_button", "reason_often", "reason_relevant", "reason_never"), MAX_BUTTON),
    **dict.fromkeys(("topic_on", "topic_off"), MAX_DESCRIPTION),
    "prompt_footer": MAX_FOOTER,
}
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "welcome": frozenset({"business", "purposes"}),
    "stopped_all": frozenset({"business"}),
    "stopped_some": frozenset({"business", "purposes"}),
    "declined": frozenset({"business"}),
    "help": frozenset({"business"}),
    "clarify": frozenset({"business"}),
    "stopped_only": frozenset({"business", "purposes"}),
    "still_get": frozenset({"purposes"}),
    **dict.fromkeys(("status", "topics", "data", "data_ask"), frozenset({"business"})),
    **dict.fromkeys(("status_yes", "status_elsewhere", "status_stopped"), frozenset({"purposes", "date"})),
    **dict.fromkeys(("status_stopped_all", "status_paused", "pause"), frozenset({"date"})),
}
_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "stop_word": ("prompt_footer", "welcome", "stopped_some", "help", "clarify_plain", "pause"),
    "start_word": ("stopped_all", "stopped_some", "stopped_only", "declined", "help", "clarify_plain", "pause"),
    **dict.fromkeys(("topics_word", "status_word", "pause_word", "data_word"), ("commands",)),
    "yes_word": ("prompt_plain",),
    "no_word": ("prompt_plain",),
}


@dataclass(frozen=True, slots=True)
class Replies:
    """The texts Sayso itself sends in one language; `str.format` fills in `{business}` and `{purposes}`.

    `stop_word`, `start_word`, `yes_word` and `no_word` are the keywords the texts tell people to send; `Lexicon` reads
    them as such, and the other `_word`s as commands. Each `_plain` stands in for buttons where none can be shown.
    `status_…` are the lines of an answer to STATUS; a `topic_…` stands under the name of a purpose in a list.
    Buttons have at most MAX_BUTTON characters, the footer MAX_FOOTER.
    """

    lang: str
    stop_word: str
    start_word: str
    yes_button: str
    no_button: str
    yes_word: str
    no_word: str
    prompt_plain: str
    prompt_footer: str
    reminder_lead: str
    welcome: str
    stopped_all: str
    stopped_some: str
    declined: str
    help: str
    clarify: str
    clarify_stop_button: str
    clarify_keep_button: str
    clarify_plain: str
    kept: str
    topics_word: str
    status_word: str
    pause_word: str
    data_word: str
    clarify_offers_button: str
    stopped_only: str
    still_get: str
    commands: str
    status: str
    status_yes: str
    status_elsewhere: str
    status_stopped: str
    status_stopped_all: str
    status_native: str
    status_paused: str
    status_nothing: str
    topics: str
    topics_button: str
    topic_on: str
    topic_off: str
    topics_plain: str
    pause: str
    pause_button: str
    pause_over: str
    data: str
    data_link: str
    data_ask: str
    reason_ask: str
    reason_often: str
    reason_relevant: str
    reason_never: str


def load_words(languages: Sequence[str] | None = None) -> tuple[Words, ...]:
    """The keywords of the named languages (file names, "pt-BR"), or of all. Raises ConfigError."""
    found = {path.name.removesuffix(".toml"): path for path in _toml_files("words")}
    missing = set(languages or ()) - found.keys()
    if missing:
        raise ConfigError(f"there are no words for {', '.join(sorted(missing))}", param="languages")
    wanted = sorted(found) if languages is None else languages
    return tuple(parse_words(f"words/{lang}.toml", found[lang].read_text("utf-8")) for lang in wanted)


def load_understanding() -> Understanding:
    """Everything that reads messages: the keywords of all languages and the model of free text. Raises ConfigError."""
    return Understanding(Lexicon(load_words()), load_classifier())


def load_classifier() -> Classifier:
    """The model of free text, made by `make intents`. Raises ConfigError."""
    try:
        return Classifier((resources.files("sayso.rules") / "intents.bin").read_bytes())
    except (OSError, BrokenModel) as problem:
        raise ConfigError(f"rules/intents.bin cannot be used: {problem}", param="intents.bin") from problem


def load_replies() -> dict[str, Replies]:
    """Sayso's own texts by language. Raises ConfigError."""
    files = _toml_files("replies")
    texts = [parse_replies(f"replies/{path.name}", path.read_text("utf-8")) for path in files]
    return {reply.lang: reply for reply in texts}


def reply_for(lang: str | None, replies: Mapping[str, Replies]) -> Replies:
    """The texts of a language tag: itself, its base, another region of the base, else English."""
    return replies[next(iter(languages_of(lang, replies)), DEFAULT_LANG)]


def parse_words(name: str, text: str) -> Words:
    """One language's keywords from the text of the file `name`. Raises ConfigError naming file and key."""
    table = _table(name, text)
    _only(name, table, _WORD_KEYS)
    lang = _text(name, table, "lang")
    if name != f"words/{lang}.toml":
        raise _wrong(name, "lang", "the language is not the one the file is named after")
    intents: dict[Intent, tuple[str, ...]] = {}
    weak: tuple[str, ...] = ()
    for intent in INTENTS:
        section = table.get(intent, {})
        if not isinstance(section, dict):
            raise _wrong(name, intent, "must be a table with words")
        _only(name, section, {"words", "weak"} if intent == "yes" else {"words"}, inside=f"{intent}.")
        intents[intent] = _keywords(name, section, "words", f"{intent}.")
        if intent == "yes":
            weak = _keywords(name, section, "weak", "yes.")
            intents[intent] += weak
    _check_stops(name, intents)
    doubtful = _keywords(name, table, "doubtful", "")
    stray = set(doubtful) - {word for words in intents.values() for word in words}
    if stray:
        raise _wrong(name, "doubtful", f"{min(stray)!r} is not listed under any intent")
    return Words(lang, _text(name, table, "name"), intents, frozenset(weak), frozenset(doubtful))


def parse_replies(name: str, text: str) -> Replies:
    """One language's reply texts from the text of the file `name`. Raises ConfigError naming file and key."""
    table = _table(name, text)
    keys = [field.name for field in fields(Replies)]
    _only(name, table, keys)
    values = {key: _text(name, table, key) for key in keys}
    if name != f"replies/{values['lang']}.toml":
        raise _wrong(name, "lang", "the language is not the one the file is named after")
    for key, value in values.items():
        _check_fields(name, key, value)
        limit = _SHORT.get(key, MAX_BODY)
        if len(value) > limit:
            raise _wrong(name, key, f"{len(value)} characters, at most {limit} are shown")
    for word, places in _NAMES.items():
        for key in places:
            if values[word] not in values[key]:
                raise _wrong(name, key, f"must name the {word} {values[word]!r}")
    return Replies(**values)


def _toml_files(folder: str) -> Iterator[Traversable]:
    for path in (resources.files("sayso.rules") / folder).iterdir():
        if path.name.endswith(".toml"):
            yield path


def _table(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(f"rules/{name} is not TOML: {problem}", param=name) from problem


def _only(name: str, table: Mapping[str, Any], allowed: Iterable[str], inside: str = "") -> None:
    unknown = sorted(table.keys() - set(allowed))
    if unknown:
        raise _wrong(name, inside + unknown[0], "is not a key of this file")


def _text(name: str, table: Mapping[str, Any], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _wrong(name, key, "must be a text that is not empty")
    return value


def _keywords(name: str, table: Mapping[str, Any], key: str, inside: str) -> tuple[str, ...]:
    """A list of keywords, each of which still says something when folded."""
    words = table.get(key, [])
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise _wrong(name, inside + key, "must be a list of texts")
    for word in words:
        if not 0 < len(word) <= MAX_KEYWORD or not fold(word):
            what = f"{word!r} is empty when folded, or over {MAX_KEYWORD} characters"
            raise _wrong(name, inside + key, what)
    if len(set(words)) != len(words):
        raise _wrong(name, inside + key, "lists a word twice")
    return tuple(words)


def _check_stops(name: str, intents: Mapping[Intent, tuple[str, ...]]) -> None:
    """No language may give the words that always stop another meaning."""
    for intent, words in intents.items():
        taken = ALWAYS_STOP.intersection(words)
        if taken and intent != "stop":
            raise _wrong(name, f"{intent}.words", f"{min(taken)!r} is a stop in every language")


def _check_fields(name: str, key: str, value: str) -> None:
    """The placeholders of a text are exactly those the flows fill in."""
    try:
        found = [field for _, field, _, _ in Formatter().parse(value) if field is not None]
    except ValueError as problem:
        raise _wrong(name, key, f"has a brace that is no placeholder: {problem}") from problem
    wanted = _FIELDS.get(key, frozenset())
    if set(found) != wanted:
        raise _wrong(name, key, f"must use exactly {sorted(wanted)}, uses {sorted(set(found))}")


def _wrong(name: str, key: str, what: str) -> ConfigError:
    return ConfigError(f"rules/{name}: {key} {what}", param=f"{name}:{key}")
