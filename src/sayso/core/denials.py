"""Sentences that speak of a stop and are none: "I don't want to unsubscribe", "why did you stop writing to me?"

Before a stop is certain its clauses are looked at, in the words of `training/denials` (see training/README.md):
- one with a `not` before a word of `leave` and only words of `between` among them, or with a phrase of `denied`, denies
  a stop; one that begins with a `why` asks about one; a phrase of `told` tells of one;
- one with a `complaint` means leaving all the same, and so does a `why` with a denied stop ("why don't you stop?");
- a `demand` begins a clause without a sign before it ("why do you text me please remove me"), unless what stands
  before it governs it ("why remove me").
A clause without a wish to leave is left out; what remains must be a stop by itself: this only takes certainty away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sayso.core.features import WORD, plain
from sayso.core.phrases import UNSPACED

#: Words among which a `why` asks about what follows; later in a clause it belongs to something else.
EARLY: Final = 2
#: Clauses looked at; a text of dots is no thousand clauses. What stands behind them is one clause more.
MAX_CLAUSES: Final = 24
#: Words of the longest phrase, and characters of one without spaces; the maker of the lists refuses longer ones.
MAX_WORDS: Final = 16
#: The lists of phrases a language may have besides its frames.
LISTS: Final = ("denied", "why", "told", "complaint", "stay", "demand", "bare", "ends", "before", "elsewhere")
#: Those that are something a clause says; the others are about demands and set off nothing by themselves.
SAYS: Final = ("denied", "why", "told", "complaint", "stay", "elsewhere")
#: What a demand directly behind it belongs to: "why remove me", "by mistake I said remove me", "if I want to leave".
GOVERNS: Final = frozenset({"why", "denied", "told", "before"})
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
    return [(token.word, token.place) for token in _tokens(plain(text))]


@dataclass(frozen=True, slots=True)
class _Token:
    """A word or a character, which word it belongs to, and at which character of the folded text it begins."""

    word: str
    place: int
    at: int


def _tokens(folded: str) -> list[_Token]:
    found: list[_Token] = []
    for place, match in enumerate(WORD.finditer(folded.replace("'", " "))):
        word, at = match[0], match.start()
        if word.isascii() or not UNSPACED.search(word):
            found.append(_Token(word, place, at))
            continue
        if found and UNSPACED.match(word) and not _HANGUL.match(word):
            found.append(_Token(" ", place, at))
        found.extend(_Token(char, place, at + nth) for nth, char in enumerate(word))
    return found


@dataclass(slots=True)
class _Clause:
    """A clause: what it says, which lists its phrases stand in; a filled frame is `denied`."""

    text: str
    begin: int = 0
    said: set[str] = field(default_factory=set)

    @property
    def is_none(self) -> bool:
        """Whether it is no wish to leave."""
        if "complaint" in self.said:
            return False
        return "told" in self.said or ("why" in self.said) != ("denied" in self.said)

    @property
    def demands(self) -> bool:
        """Whether it demands to leave so far, which a second demand only goes on with: "please do remove me"."""
        return "demand" in self.said and not self.is_none


@dataclass(slots=True)
class _Reach:
    """Until which tokens the phrases before them reach."""

    frames: dict[int, set[int]] = field(default_factory=dict)  # token -> frames whose "not" reaches until there
    governed: set[int] = field(default_factory=set)
    ended: set[int] = field(default_factory=set)  # tokens before which a sentence may have ended

    def frees(self, start: int, roles: list[tuple[int, Role]], begin: int) -> bool:
        """Whether a demand begins at this token that nothing before it governs."""
        names = {role for _, (role, _) in roles}
        bare = "bare" in names and (start == begin or start in self.ended)
        if start in self.governed or not (bare or "demand" in names):
            return False
        open_frames = self.frames.get(start, set())
        return not any(role in ("between", "leave") and frame in open_frames for _, (role, frame) in roles)


def _is_welcome(clauses: list[_Clause]) -> bool:
    """Whether a clause welcomes messages here and nobody demands to leave after it, unless it is another channel."""
    welcome = False
    for clause in clauses:
        if clause.demands and "elsewhere" not in clause.said:
            welcome = False
        if "stay" in clause.said and clause.said.isdisjoint({"complaint", "why"}):
            welcome = True
    return welcome


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
        that messages here are welcome, and no demand follows it. The rest is the very text where all clauses are left.
        """
        parts = [part for part in _CLAUSE.split(text, MAX_CLAUSES) if part.strip()]
        clauses = [clause for part in parts for clause in self._clauses(part)]
        kept = [clause for clause in clauses if not clause.is_none]
        rest = text if len(kept) == len(clauses) else ". ".join(clause.text for clause in kept)
        return rest, _is_welcome(clauses)

    def _clauses(self, text: str) -> list[_Clause]:
        """A part between two signs, cut where a demand begins; the very part where none does."""
        folded = plain(text)
        words = _tokens(folded)
        found = self._said(words)
        if len(found) == 1:
            found[0].text = text
            return found
        ends = [words[clause.begin].at for clause in found[1:]] + [len(folded)]
        start = 0
        for clause, end in zip(found, ends, strict=True):
            clause.text, start = folded[start:end], end
        return found

    def _said(self, words: list[_Token]) -> list[_Clause]:
        """The clauses of these words, still without their text, and what each does."""
        clauses, reach = [_Clause("")], _Reach()
        for start in range(len(words)):
            roles = list(self._phrases(words, start))
            if reach.frees(start, roles, clauses[-1].begin):
                if start and not clauses[-1].demands:
                    clauses.append(_Clause("", start))
                clauses[-1].said.add("demand")
                reach.frames.pop(start, None)
            self._take(words, start, roles, clauses[-1], reach)
        return clauses

    def _take(self, words: list[_Token], start: int, roles: list[tuple[int, Role]], clause: _Clause,
              reach: _Reach) -> None:  # fmt: skip
        """What the phrases that begin at this token say in their clause, and how far they reach."""
        open_frames = reach.frames.pop(start, set())
        early = words[start].place - words[clause.begin].place < EARLY
        for end, (role, frame) in roles:
            if role == "not" or (role == "between" and frame in open_frames):
                reach.frames.setdefault(end, set()).add(frame)
            elif role == "leave" and frame in open_frames:
                clause.said.add("denied")
            elif role in SAYS and (role != "why" or early) and not (role == "stay" and open_frames):
                clause.said.add(role)
            if role in GOVERNS:
                reach.governed.add(end)
            elif role == "ends":
                reach.ended.add(end)

    def _phrases(self, words: list[_Token], start: int) -> Iterator[tuple[int, Role]]:
        """(end, role) of every phrase that begins at this token."""
        nodes = [self._root]
        for end in range(start, min(start + MAX_WORDS, len(words))):
            nodes = [after for node in nodes for after in node.after(words[end].word)]
            if not nodes:
                return
            for node in nodes:
                for role in node.roles:
                    yield end + 1, role
