"""What a message means: keywords first, then free text.

The keyword reader (`intents`) comes first and is final. Where it finds nothing the text is read as language: a
classifier says how likely it is that somebody wants to leave, and before it is `certain` the phrase book must agree
and nothing may deny it (`denials`).
- A certain stop acts, a likely one holds marketing and asks, anything less does nothing.
- Free text is never `strict`: nothing somebody wrote in their own words grants anything by itself.
- In a long text a stop is at most likely: it is one sentence among many, and may be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final, get_args

from sayso.core.classifier import Classifier, Guess
from sayso.core.intents import MAX_TEXT, Grade, Intent, Lexicon, Reading, languages_of
from sayso.core.phrases import LEAVING

#: Characters up to which a text is read as one; a longer one is read part by part.
WHOLE: Final = 300
#: Characters of a part at least, so that a text of dots is not a thousand parts.
SENTENCE: Final = 25
STOPS: Final[tuple[Intent, ...]] = ("stop", "stop_promotional")
_ENDS: Final = re.compile(r"(?<=[.!?\n。！？।؟])")
_READ: Final = frozenset(get_args(Intent)) - {"status", "preferences"}
_NOTHING: Final = Reading(None, "none", None, strict=False, why="nothing in it asks us for anything")


def keeps_its_meaning(words: Understanding, text: str) -> bool:
    """True for what people already say to leave, to get help or to answer: no keyword and no word of a business may
    take that away. Free text counts where it stops for certain.
    """
    keyword = words.keywords.read(text, None, ("en",))
    if keyword.grade != "none":
        return keyword.intent in ("stop", "help", "yes", "no")
    free = words.read(text)
    return free.intent in STOPS and free.grade == "certain"


class Understanding:
    """Reads messages. Immutable once built; never raises on any text."""

    def __init__(self, keywords: Lexicon, classifier: Classifier) -> None:
        self.keywords = keywords
        self.classifier = classifier

    def read(self, text: str, person_lang: str | None = None, workspace_langs: Sequence[str] = ()) -> Reading:
        """The intent of a message. The languages are BCP 47 tags, and may be unknown."""
        reading = self.keywords.read(text, person_lang, workspace_langs)
        if reading.grade != "none":
            return reading
        text = text[:MAX_TEXT]
        if not any(char.isalnum() for char in text):
            return reading
        free = self._whole(text) if len(text) <= WHOLE else self._parts(text)
        return replace(free, lang=next(iter(languages_of(person_lang, self.keywords.languages)), None))

    def _whole(self, text: str) -> Reading:
        guess = self.classifier.guess(text)
        stop = self._stop(guess)
        if stop is not None and stop.grade == "certain" and not self._meant(text, stop):
            return _free(stop.intent, "likely", "free text: it speaks of a stop, and may deny it or only ask about it")
        return stop or self._other(guess)

    def _meant(self, text: str, stop: Reading) -> bool:
        """Whether a stop is left without the clauses that deny one or ask about one (see `denials`)."""
        rest, welcome = self.classifier.denials.read(text)
        if rest == text:
            return not (welcome and stop.intent == "stop")
        again = self.keywords.read(rest)
        if again.grade == "none":
            again = self._stop(self.classifier.guess(rest)) or _NOTHING
        return again.intent in STOPS and again.grade == "certain" and not (welcome and again.intent == "stop")

    def _stop(self, guess: Guess) -> Reading | None:
        chances, model = guess.chances, self.classifier
        leaving = chances["stop"] + chances["stop_promotional"]
        if leaving < model.likely:
            return None
        intent = max(STOPS, key=lambda label: chances[label])
        agreed = not LEAVING.isdisjoint(guess.ideas)
        if leaving >= model.certain and agreed:
            return _free(intent, "certain", "free text: it reads as a wish to leave, in words of refusal or complaint")
        return _free(intent, "likely", "free text: it may ask to leave")

    def _other(self, guess: Guess) -> Reading:
        label = max(guess.chances, key=lambda each: guess.chances[each])
        intent = next((known for known in _READ if known == label), None)
        if intent is None or intent in STOPS or guess.chances[label] < self.classifier.leaning:
            return _NOTHING
        grade: Grade = "certain" if guess.chances[label] >= self.classifier.sure else "likely"
        return _free(intent, grade, f"free text: it reads as {intent}")

    def _parts(self, text: str) -> Reading:
        """A long text: the strongest stop of its parts, as a question to ask."""
        read = [self._whole(part) for part in _split(text)]
        stops = [reading for reading in read if reading.intent in STOPS]
        if not stops:
            return _NOTHING
        first = next((stop for stop in stops if stop.grade == "certain"), stops[0])
        return _free(first.intent, "likely", "free text: one part of a long text asks to leave")


def _free(intent: Intent | None, grade: Grade, why: str) -> Reading:
    return Reading(intent, grade, None, strict=False, why=why, free=True)


def _split(text: str) -> list[str]:
    """Sentences; what is shorter than SENTENCE goes with the next, what is longer than WHOLE is cut."""
    parts = [""]
    for sentence in _ENDS.split(text):
        for start in range(0, len(sentence), WHOLE):
            piece = sentence[start:start + WHOLE]
            if len(parts[-1]) >= SENTENCE:
                parts.append("")
            parts[-1] += piece
    return [part for part in parts if any(char.isalnum() for char in part)]
