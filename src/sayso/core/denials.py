"""Sentences that speak of a stop and are none: "I don't want to unsubscribe", "why did you stop writing to me?"

Not + want + messages is a stop, not + want + unsubscribe is the opposite. So before a stop is certain its clauses are
looked at, in the words of `training/denials` (training/README.md has the lists):
- one with a `not` before a word of `leave` and only words of `between` among them, or with a phrase of `denied`, denies
  a stop; one that begins with a `why` asks about one; a phrase of `told` tells of one;
- one with a `complaint` means leaving all the same, and so does a `why` with a denied stop ("why don't you stop?").
A clause without a wish to leave is left out; what remains must be a stop by itself. This makes a stop of nothing: it
only takes away certainty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sayso.core.features import plain, words_of
from sayso.core.phrases import UNSPACED

#: Words among which a `why` asks about what follows; later in a clause it belongs to something else.
EARLY: Final = 2
#: Clauses looked at; a text of dots is no thousand clauses. What stands behind them is one clause more.
MAX_CLAUSES: Final = 24
#: Words of the longest phrase, and characters of one without spaces; the maker of the lists refuses longer ones.
MAX_WORDS: Final = 16
#: The lists of phrases a language may have besides its frames.
LISTS: Final = ("denied", "why", "told", "complaint", "stay")
#: The lists of a frame.
FRAME: Final = ("not", "between", "leave")
_HANGUL: Final = re.compile("[\uac00-\ud7af]")
_CLAUSE: Final = re.compile(r"[.!?;,:\n…،؛؟。！？、，；।—]+")

#: What a phrase does: its list, or ("not" | "between" | "leave", number of the frame).
Role = tuple[str, int]


@dataclass(slots=True)
class _Node:
    """One place in the tree of phrases: the words and beginnings of words that go on, and what ends here."""

    words: dict[str, _Node] = field(default_factory=dict)
    begins: dict[str, _Node] = field(default_factory=dict)
    roles: tuple[Role, ...] = ()
    longest: int = 0  # characters of the longest beginning

    def grow(self, word: str) -> _Node:
        """The node behind this word, made where it is missing."""
        if not word.endswith("*"):
            return self.words.setdefault(word, _Node())
        self.longest = max(self.longest, len(word) - 1)
        return self.begins.setdefault(word[:-1], _Node())

    def after(self, word: str) -> Iterator[_Node]:
        """The nodes this word leads to."""
        if (node := self.words.get(word)) is not None:
            yield node
        for length in range(1, min(len(word), self.longest) + 1):
            if (node := self.begins.get(word[:length])) is not None:
                yield node


def tokens(text: str) -> list[tuple[str, int]]:
    """Words with their places; a word of a script without spaces is as many tokens as it has characters.

    Between two such words a space is what a comma is elsewhere, so it is a token of its own; not in Korean.
    """
    found: list[tuple[str, int]] = []
    for place, word in enumerate(words_of(plain(text).replace("'", " "))):
        if word.isascii() or not UNSPACED.search(word):
            found.append((word, place))
            continue
        if found and UNSPACED.match(word) and not _HANGUL.match(word):
            found.append((" ", place))
        found.extend((char, place) for char in word)
    return found


def _is_none(said: set[str]) -> bool:
    """Whether a clause that says this is no wish to leave."""
    if "complaint" in said:
        return False
    return "told" in said or ("why" in said) != ("denied" in said)


class Denials:
    """The lists of all languages in one tree. Immutable once built; a few look-ups per word.

    The lists of a frame are used with each other only, so no "not" meets the verb of another language.
    """

    def __init__(self, languages: Mapping[str, Mapping[str, Any]]) -> None:
        self._root = _Node()
        frames = 0
        for lists in languages.values():
            for name in LISTS:
                self._add(lists.get(name, ()), (name, 0))
            for frame in lists.get("frames", ()):
                frames += 1
                for part in FRAME:
                    self._add(frame.get(part, ()), (part, frames))

    def _add(self, phrases: Iterable[Sequence[str]], role: Role) -> None:
        for phrase in phrases:
            node = self._root
            for word in phrase:
                node = node.grow(word)
            node.roles += (role,)

    def read(self, text: str) -> tuple[str, bool]:
        """(rest, welcome): the text without its clauses in which nobody wishes to leave, and whether a clause says
        that messages here are welcome. The rest is the very text where all clauses are left.
        """
        clauses = [clause for clause in _CLAUSE.split(text, MAX_CLAUSES) if clause.strip()]
        said = [self._said(tokens(clause)) for clause in clauses]
        kept = [clause for clause, roles in zip(clauses, said, strict=True) if not _is_none(roles)]
        rest = text if len(kept) == len(clauses) else ". ".join(kept)
        return rest, any("stay" in roles and roles.isdisjoint({"complaint", "why"}) for roles in said)

    def _said(self, words: list[tuple[str, int]]) -> set[str]:
        """What a clause does: the lists its phrases stand in; a filled frame is `denied`."""
        said: set[str] = set()
        reach: dict[int, set[int]] = {}  # place of a token -> frames whose "not" reaches until there
        for start, (_, place) in enumerate(words):
            open_frames = reach.pop(start, set())
            for end, (role, frame) in self._phrases(words, start):
                if role == "not" or (role == "between" and frame in open_frames):
                    reach.setdefault(end, set()).add(frame)
                elif role == "leave" and frame in open_frames:
                    said.add("denied")
                elif role in LISTS and not (role == "why" and place >= EARLY) and not (role == "stay" and open_frames):
                    said.add(role)
        return said

    def _phrases(self, words: list[tuple[str, int]], start: int) -> Iterator[tuple[int, Role]]:
        """(end, role) of every phrase that begins at this token."""
        nodes = [self._root]
        for end in range(start, min(start + MAX_WORDS, len(words))):
            nodes = [after for node in nodes for after in node.after(words[end][0])]
            if not nodes:
                return
            for node in nodes:
                for role in node.roles:
                    yield end + 1, role
