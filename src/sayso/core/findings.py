"""The words of lint: what it is given, what it finds, and the list of its checks.

`docs/lint.md` has a heading for each check. A check is of one kind: `missing` (something a notice must say), `form`
(how it is written or where it is shown), `design` (a deceptive design, EDPB guidelines 03/2022). Only what is missing
can be overridden, with a reason that is recorded; nobody can publish a deceptive notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from sayso.core.intents import languages_of
from sayso.core.prose import Pattern, Phrases, Token

Severity = Literal["must", "should"]
Kind = Literal["missing", "form", "design"]
#: Where a wording is shown. `interactive`: a WhatsApp message with buttons; `template`: the body of a template.
Place = Literal["interactive", "template", "footer", "button", "page"]

#: Cloud API, interactive messages and templates: characters of body, footer and reply button. A page has no limit.
LIMITS: Final[Mapping[str, int]] = {"interactive": 1024, "template": 1024, "footer": 60, "button": 20}
#: Places that hold a whole notice; the others hold a few words.
WHOLE: Final = frozenset({"interactive", "template", "page"})


@dataclass(frozen=True, slots=True)
class Check:
    """One check: how bad it is at its worst, and what it asks in a sentence."""

    severity: Severity
    kind: Kind
    asks: str


CHECKS: Final[Mapping[str, Check]] = {
    "who": Check("must", "missing", "The business that asks is named."),
    "what": Check("must", "missing", "Every kind of message that a yes covers is named."),
    "often": Check("must", "missing", "It says how often messages come."),
    "free": Check("must", "missing", "It says that it costs nothing."),
    "voluntary": Check("must", "missing", "It says that a no has no disadvantage."),
    "leave": Check("must", "missing", "It names the word that ends it, in the person's language."),
    "channel": Check("must", "missing", "WhatsApp is named."),
    "privacy_link": Check("should", "missing", "It links to what the law wants said at length."),
    "country": Check("must", "missing", "It says what the rules of a country ask for besides."),
    "country_language": Check("must", "missing", "It is written in the languages a country asks for."),
    "too_long": Check("must", "form", "It fits the place where it is shown."),
    "placeholder": Check("must", "form", "Nothing is left to be filled in."),
    "hidden_characters": Check("must", "form", "Every character can be seen, in the order it is read."),
    "wrong_script": Check("must", "form", "It is written in the script of its language."),
    "unknown_language": Check("should", "form", "Lint has words for its language."),
    "hard_to_read": Check("should", "form", "Most people can read it easily."),
    "shouting": Check("should", "form", "It does not shout."),
    "emoji": Check("should", "form", "It has few pictures."),
    "bundled_consent": Check("must", "design", "The yes is no condition of something else."),
    "hidden_consent": Check("must", "design", "The yes does not hide in terms and conditions."),
    "preticked": Check("must", "design", "Nothing is chosen beforehand, and silence is no yes."),
    "shaming": Check("must", "design", "Nobody is made to feel bad about saying no."),
    "pressure": Check("must", "design", "Nobody is hurried."),
    "double_negative": Check("must", "design", "No is said once, so that it is clear what a yes means."),
    "vague_partners": Check("must", "design", "Whoever else gets the data is named."),
    "no_way_to_decline": Check("must", "design", "There is a button for no wherever there is one for yes."),
    "reward": Check("should", "design", "The yes is not bought."),
    "several_purposes": Check("should", "design", "Marketing has a question of its own."),
}

#: Checks that look for phrases, each a list in `rules/lint/<language>.toml`.
PHRASED: Final = ("bundled_consent", "hidden_consent", "preticked", "shaming", "pressure", "double_negative", "reward",
                  "vague_partners")
#: What a text can say and lint can see, each a list of patterns. The last five are words for a class of messages.
SIGNS: Final = ("often", "free", "voluntary", "advertising", "automated", "channel",
                "marketing", "utility", "authentication", "service", "sharing")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to mend. `start` and `end` are characters of the text, `words` what stands there; all empty where the
    fault is that something is not there. `where`: "text", "button 1", or "notice" for the languages together.
    """

    code: str
    severity: Severity
    kind: Kind
    lang: str
    sentence: str
    where: str = "text"
    start: int = 0
    end: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True)
class Topic:
    """A purpose as people are told of it: its title in the language at hand, and its message class."""

    title: str
    cls: str


@dataclass(frozen=True, slots=True)
class Element:
    """What a country wants said. `key` is one of the checks above or of SIGNS, or the name of something only a privacy
    policy has room for (`where` is "policy"). `firm`: known well enough, of a law that reaches WhatsApp, to insist on.
    """

    country: str
    key: str
    where: Literal["text", "policy"]
    says: str
    cite: str
    firm: bool


@dataclass(frozen=True, slots=True)
class Wording:
    """What is to be looked at: one text in one language, and where it is shown. What is left empty is not checked."""

    text: str
    lang: str
    place: Place = "interactive"
    business: str = ""
    topics: tuple[Topic, ...] = ()
    buttons: tuple[str, ...] = ()
    elements: tuple[Element, ...] = ()
    #: A link to the privacy policy stands beside it, as on a landing page.
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Tongue:
    """What lint knows of one language: what texts say by SIGNS, its stop words (each as folded words in a row), and the
    words (patterns of one word) that turn a phrase into its opposite. A language without vocabulary has only its stop
    words.
    """

    lang: str
    says: Mapping[str, tuple[Pattern, ...]] = field(default_factory=dict)
    stops: tuple[tuple[str, ...], ...] = ()
    negators: tuple[Pattern, ...] = ()
    negation_after: bool = False


class Vocabulary:
    """Every language lint knows, and the deceptive phrases of all of them in one book: a text is looked through for
    all, so that it hides nothing by naming a wrong language. Names in the book are "<language> <check>".
    """

    def __init__(self, tongues: Mapping[str, Tongue], book: Phrases) -> None:
        self.tongues = tongues
        self.book = book

    def tongue(self, lang: str) -> Tongue:
        """What is known of this language tag; of a language nobody knows, the word STOP."""
        found = languages_of(lang, self.tongues)
        return self.tongues[found[0]] if found else Tongue(lang, stops=(("stop",),))


@dataclass(frozen=True, slots=True)
class Looked:
    """A text with its words, as every check gets it."""

    wording: Wording
    vocabulary: Vocabulary
    tongue: Tongue
    text: str
    words: tuple[Token, ...]
    where: str = "text"

    def finding(self, code: str, sentence: str, start: int = 0, end: int = 0, *,
                severity: Severity | None = None) -> Finding:
        """A finding of this text."""
        check = CHECKS[code]
        return Finding(code=code, severity=severity or check.severity, kind=check.kind, lang=self.wording.lang,
                       sentence=sentence, where=self.where, start=start, end=end, words=self.text[start:end])
