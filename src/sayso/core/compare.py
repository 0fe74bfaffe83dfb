"""Two wordings side by side: which sentences stayed, changed, came and went, and the words that differ."""

from __future__ import annotations

import difflib
import re
from typing import Final, Literal

import msgspec

Change = Literal["same", "changed", "added", "removed"]

#: Sentences of a text that are compared one by one; what comes after is one last piece.
MAX_SENTENCES: Final = 200
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
        for step in range(max(last - first, end - start)):
            old = before[first + step] if first + step < last else ""
            new = after[start + step] if start + step < end else ""
            lines.append(_line(old, new))
    return tuple(lines)


def _line(old: str, new: str) -> Line:
    if not old:
        return Line(change="added", left="", right=new, right_words=((0, len(new)),))
    if not new:
        return Line(change="removed", left=old, right="", left_words=((0, len(old)),))
    mine, theirs = list(_WORD.finditer(old)), list(_WORD.finditer(new))
    matcher = difflib.SequenceMatcher(None, [word[0] for word in mine], [word[0] for word in theirs], autojunk=False)
    changed = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    return Line(
        change="changed", left=old, right=new,
        left_words=tuple((mine[first].start(), mine[last - 1].end()) for _, first, last, _, _ in changed if first < last),
        right_words=tuple((theirs[first].start(), theirs[last - 1].end()) for *_, first, last in changed if first < last),
    )
