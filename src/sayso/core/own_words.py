"""The words a workspace adds to the languages': plain words and phrases, never a regular expression.

They come before everything else the reader knows. A word counts as the whole message, folded like any keyword; a stop
of two words or more also counts inside a longer message, as whole words in its order. None of them is `strict`: a
business cannot invent its own yes.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Final

from sayso.core.features import words_of
from sayso.core.intents import MAX_TEXT, Intent, Reading, fold

#: The intents a workspace may add words to.
OPEN: Final[tuple[Intent, ...]] = (
    "stop", "stop_promotional", "start", "yes", "no", "help", "snooze", "privacy",
)
#: A stop of so many words also counts inside a message; a single word would be a word search.
WORDS_INSIDE: Final = 2

_Items = tuple[tuple[str, tuple[str, ...]], ...]
_Index = tuple[dict[str, Intent], tuple[tuple[str, Intent], ...]]


def own_reading(own: Mapping[str, tuple[str, ...]], text: str) -> Reading | None:
    """What a message means by the workspace's own words; None where they do not say."""
    if not own:
        return None
    whole, inside = _index(tuple(own.items()))
    folded = fold(text[:MAX_TEXT])
    intent = whole.get(folded)
    if intent is None and inside:
        line = f" {' '.join(words_of(folded))} "
        intent = next((found for phrase, found in inside if f" {phrase} " in line), None)
    if intent is None:
        return None
    return Reading(intent, "certain", None, strict=False, why=f"the workspace lists it as {intent}")


@functools.lru_cache(256)  # the same few workspaces come with every message
def _index(own: _Items) -> _Index:
    whole: dict[str, Intent] = {}
    inside: list[tuple[str, Intent]] = []
    for intent in OPEN:
        for word in dict(own).get(intent, ()):
            folded = fold(word)
            whole.setdefault(folded, intent)
            words = words_of(folded)
            if intent in ("stop", "stop_promotional") and len(words) >= WORDS_INSIDE:
                inside.append((" ".join(words), intent))
    return whole, tuple(inside)
