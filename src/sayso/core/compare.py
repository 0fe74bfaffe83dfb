"""Two wordings side by side: which sentences stayed, changed, came and went, and the words that differ."""

from __future__ import annotations

import difflib
import re
from typing import Final, Literal

import msgspec

Change = Literal["same", "changed", "added", "removed"]

#: Sentences of a text that are compared one by one; what comes after is one last piece.
MAX_SENTENCES: Final = 200
#: Share of words two sentences have in common from which one is the other, changed.
ALIKE: Final = 0.4
#: Sentences that are looked ahead for the like of one.
LOOK_AHEAD: Final = 20
_SENTENCE: Final = re.compile(r"[^\n]*?[.!?…؟。！？।۔]+[\"'”’»)]*(?=\s|\Z)|[^\n]+", re.DOTALL)
_WORD: Final = re.compile(r"\S+")


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the same sentence before (`left`) and after (`right`). `left_words` and `right_words` are the places of
    what differs, each [start, end) in characters of its side.
    """

    change: Change
    left: str
    right: str
    left_words: tuple[tuple[int, int], ...] = ()
    right_words: tuple[tuple[int, int], ...] = ()


def pieces(text: str) -> list[str]:
    """The sentences of a text, each without the space around it."""
    found = [match[0].strip() for match in _SENTENCE.finditer(text) if match[0].strip()]
    if len(found) <= MAX_SENTENCES:
        return found
    return [*found[:MAX_SENTENCES], " ".join(found[MAX_SENTENCES:])]


def compare(left: str, right: str) -> tuple[Line, ...]:
    """Every sentence of both, in their order."""
    before, after = pieces(left), pieces(right)
    lines: list[Line] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for tag, first, last, start, end in matcher.get_opcodes():
        if tag == "equal":
            lines += [Line(change="same", left=text, right=text) for text in before[first:last]]
            continue
        lines += [_line(old, new) for old, new in _paired(before[first:last], after[start:end])]
    return tuple(lines)


def _paired(before: list[str], after: list[str]) -> list[tuple[str, str]]:
    """Sentences beside the ones they came from: in order, those that are alike; the rest has nobody beside it."""
    if len(before) == len(after) == 1:
        return [(before[0], after[0])]
    pairs, used = [], 0
    for old in before:
        likeness = [_likeness(old, new) for new in after[used:used + LOOK_AHEAD]]
        best = max(likeness, default=0.0)
        if best < ALIKE:
            pairs.append((old, ""))
            continue
        place = used + likeness.index(best)
        pairs += [("", new) for new in after[used:place]] + [(old, after[place])]
        used = place + 1
    return pairs + [("", new) for new in after[used:]]


def _likeness(old: str, new: str) -> float:
    return difflib.SequenceMatcher(None, old.split(), new.split(), autojunk=False).ratio()


def _line(old: str, new: str) -> Line:
    if not old:
        return Line(change="added", left="", right=new, right_words=((0, len(new)),))
    if not new:
        return Line(change="removed", left=old, right="", left_words=((0, len(old)),))
    mine, theirs = list(_WORD.finditer(old)), list(_WORD.finditer(new))
    matcher = difflib.SequenceMatcher(None, [word[0] for word in mine], [word[0] for word in theirs], autojunk=False)
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return Line(change="changed", left=old, right=new,
                left_words=_places(mine, [(code[1], code[2]) for code in changed]),
                right_words=_places(theirs, [(code[3], code[4]) for code in changed]))


def _places(words: list[re.Match[str]], runs: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    return tuple((words[first].start(), words[last - 1].end()) for first, last in runs if first < last)
