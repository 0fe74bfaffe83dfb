"""What a notice must say: who asks, for what, how often, that it is free and voluntary, how to leave, and what the
rules of a country add.

Each check looks for a sign that a thing is said, never for a set sentence: any wording will do. Where lint has no
words for a language it looks for names, stop words, links and numbers only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from sayso.core.findings import CHECKS, WHOLE, Element, Finding, Looked, Severity, Topic
from sayso.core.intents import ALWAYS_STOP, fold
from sayso.core.prose import Token, find_words, has, is_cased, tokens

#: Classes whose messages nobody waits for: their notice must say more.
ADVERTISING: Final = frozenset({"marketing", "sharing"})
#: Letters of a word of a title that can stand for the title.
TITLE_WORD: Final = 4
#: Reasons of a country that one finding repeats.
MAX_SHOWN: Final = 6
#: A link: a scheme, `www.`, or a host with a path.
LINK: Final = re.compile(r"https?://\S+|\bwww\.\S+|\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}/\S+", re.IGNORECASE)
#: Somewhere to turn to: a link, an e-mail address, or a phone number of seven digits and more.
CONTACT: Final = re.compile(LINK.pattern + r"|\S+@\S+\.[a-z]{2,}|\+?\d(?:[ ()-]?\d){6,}", re.IGNORECASE)
_QUOTES: Final = frozenset("\"'“”„«»‹›‘’*")
_ADVICE: Final = {
    "often": 'Say how often you write, such as "at most four messages a month", and keep to it.',
    "free": "Say that it costs nothing.",
    "voluntary": 'Say that a no has no disadvantage, such as "you can buy from us without saying yes".',
    "channel": "Name WhatsApp, so that people know where the messages come.",
    "advertising": "Say that the messages are advertising.",
    "automated": "Say that the messages are sent automatically.",
    "contact": "Give an address where you can be reached: a link, an e-mail address or a phone number.",
}


def missing(looked: Looked) -> Iterator[Finding]:
    """Everything that a whole notice does not say."""
    wording = looked.wording
    if wording.place not in WHOLE:
        return
    strict = not wording.topics or any(topic.cls in ADVERTISING for topic in wording.topics)
    found = {finding.code: finding for finding in (
        *_who(looked), *_what(looked), *_signs(looked, strict=strict), *_leave(looked), *_link(looked))}
    for element in wording.elements:
        yield from _asked(looked, element, found, strict=strict)
    yield from found.values()


def _who(looked: Looked) -> Iterator[Finding]:
    name = looked.wording.business
    if name and find_words([token.word for token in tokens(name)], looked.words) < 0 \
            and fold(name) not in fold(looked.text):
        yield looked.finding("who", f'Say who asks: the name "{name}" is not in the text.')


def _what(looked: Looked) -> Iterator[Finding]:
    unnamed = [topic.title for topic in looked.wording.topics if not _is_named(looked, topic)]
    if unnamed:
        kinds = ", ".join(f'"{title}"' for title in unnamed)
        yield looked.finding("what", f"Name every kind of message a yes covers; {kinds} cannot be found. Use the "
                                     "purpose's title in this language, or a plain word for it.")


def _is_named(looked: Looked, topic: Topic) -> bool:
    if has(looked.tongue.says.get(topic.cls, ()), looked.words) or fold(topic.title) in fold(looked.text):
        return True
    stems = [token.word[:max(TITLE_WORD, len(token.word) - 2)] for token in tokens(topic.title)
             if len(token.word) >= TITLE_WORD]
    name = {token.word for token in tokens(looked.wording.business)}  # "Garden" of the business says nothing of tips
    return any(token.word.startswith(stem) for stem in stems for token in looked.words if token.word not in name)


def _signs(looked: Looked, *, strict: bool) -> Iterator[Finding]:
    says = looked.tongue.says
    for code in ("often", "free", "voluntary"):
        if code in says and not has(says[code], looked.words):
            yield looked.finding(code, _ADVICE[code], severity="must" if strict else "should")
    if not _names_channel(looked):
        yield looked.finding("channel", _ADVICE["channel"], severity="should")


def _names_channel(looked: Looked) -> bool:
    return "whatsapp" in fold(looked.text).replace(" ", "") or has(looked.tongue.says.get("channel", ()), looked.words)


def _leave(looked: Looked) -> Iterator[Finding]:
    stops = looked.tongue.stops
    for stop in (*stops, *((word,) for word in ALWAYS_STOP)):
        place = find_words(stop, looked.words)
        while place >= 0:
            if _stands_out(looked.text, looked.words[place:place + len(stop)]):
                return
            step = find_words(stop, looked.words[place + 1:])
            place = place + 1 + step if step >= 0 else -1
    example = " ".join(stops[0]).upper() if stops else "STOP"
    yield looked.finding("leave", f"Say which word ends it, written as people are to send it, such as {example}.")


def _stands_out(text: str, words: Sequence[Token]) -> bool:
    """A stop word counts where it is given as a word to send: in capitals or quotes, or in a script without them."""
    written = text[words[0].start:words[-1].end]
    around = text[words[0].start - 1:words[0].start] + text[words[-1].end:words[-1].end + 1]
    return not is_cased(written) or written.isupper() or (len(around) == 2 and _QUOTES.issuperset(around))


def _link(looked: Looked) -> Iterator[Finding]:
    if looked.wording.linked or LINK.search(looked.text):
        return
    wanted: dict[str, list[str]] = {}
    for element in looked.wording.elements:
        if element.where == "policy":
            wanted.setdefault(element.country, []).append(element.says)
    told = "; ".join(f"{country}: {', '.join(says[:MAX_SHOWN])}" for country, says in wanted.items())
    yield looked.finding("privacy_link", "Link to your privacy policy" + (
        f", which has room for what the law wants said ({told})." if told else "."))


def _asked(looked: Looked, element: Element, found: dict[str, Finding], *, strict: bool) -> Iterator[Finding]:
    """What one country asks for: a finding there is already becomes firmer and names its source."""
    severity: Severity = "must" if element.firm else "should"
    source = f" {element.country} asks for it: {element.says} ({element.cite})."
    if element.where == "policy":
        return
    if element.key in CHECKS:
        known = found.get(element.key)
        if known is not None and element.country not in known.sentence:
            firmer = severity if known.severity == "should" else known.severity
            found[element.key] = looked.finding(element.key, known.sentence + source, severity=firmer)
    elif not _is_said(looked, element.key, strict=strict):
        yield looked.finding("country", _ADVICE[element.key] + source, severity=severity)


def _is_said(looked: Looked, key: str, *, strict: bool) -> bool:
    """True also where lint cannot tell, or where it is no question: a service message need not say it advertises."""
    if key == "contact":
        return CONTACT.search(looked.text) is not None
    return not strict or key not in looked.tongue.says or has(looked.tongue.says[key], looked.words)
