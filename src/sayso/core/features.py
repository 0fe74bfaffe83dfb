"""What the classifier looks at: pieces of the text, and ideas beside each other; each as a number.

Two groups, so that neither drowns the other: `pieces` (runs of characters, words, pairs of word beginnings) know
spellings, slang and typing errors; `ideas` (see `phrases`) carry what is learned in one language to all others. A
feature is named by a short text, and its number is the CRC-32 of that, cut to the size of the model. Every window has a
fixed width, so the work grows with the length of a text and not faster.

The file is part of what a model was trained on: whoever changes it runs `make intents`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final
from zlib import crc32

from sayso.core.intents import fold
from sayso.core.phrases import UNSPACED, Ideas, Phrasebook

#: Lengths of the runs of characters.
SHORTEST, LONGEST = 2, 5
#: Letters of a word's beginning, which stands for the word in pairs: endings change, beginnings less.
BEGINNING: Final = 4
#: How many words further the second of a pair may stand; ideas; places in a text without spaces.
WORD_WINDOW, IDEA_WINDOW, PLACE_WINDOW = 4, 5, 6
#: Ideas whose absence is telling beside an idea of leaving: nothing says what is to stop.
OBJECTS: Final = ("msg", "write", "me", "list", "service", "thing", "promo")
LEAVING: Final = ("stop", "off", "not")
#: Texts of so many words are all "long".
LONG: Final = 8

_REPEATED: Final = re.compile(r"(.)\1{2,}", re.DOTALL)
_DIGITS: Final = re.compile(r"\d+")
WORD: Final = re.compile(r"[^\s!-/:-@\[-`{-~¡-¿…،؛؟。、！？「」।，“”‘’«»–—]+")


def plain(text: str) -> str:
    """The folded text with letters repeated once ("plsss") and numbers as 0."""
    return _DIGITS.sub("0", _REPEATED.sub(r"\1", fold(text)))


def words_of(plain_text: str) -> list[str]:
    """Its words, without punctuation."""
    return WORD.findall(plain_text)


def pieces(text: str, plain_text: str, words: list[str]) -> set[str]:
    """Runs of characters, words, neighbours, pairs of beginnings; how long it is, and whether it asks."""
    line = f" {' '.join(words)} "
    found = {line[i:i + n] for n in range(SHORTEST, LONGEST + 1) for i in range(len(line) - n + 1)}
    if UNSPACED.search(plain_text):
        found.update(_unspaced(plain_text, "".join(words)))
    found.update(["w" + word for word in words])
    found.update([f"b{word} {after}" for word, after in pairwise(words)])
    begins = [word[:BEGINNING] for word in words]
    for i, begin in enumerate(begins):
        found.update([f"s{begin} {after}" for after in begins[i + 1:i + 1 + WORD_WINDOW]])
    if words:
        found.add("first" + words[0])
        found.add("last" + words[-1])
    found.add(f"len{min(len(words), LONG)}")
    if any(sign in text for sign in "?？؟;"):
        found.add("q?")
    return found


def _unspaced(plain_text: str, line: str) -> set[str]:
    found = {"1" + char for char in plain_text}
    pairs = [line[i:i + 2] for i in range(len(line) - 1)]
    for i, pair in enumerate(pairs):
        found.update([f"p{pair}_{after}" for after in pairs[i + 2:i + PLACE_WINDOW]])
    return found


def ideas_of(found: list[Ideas], words: int) -> set[str]:
    """Ideas, ordered pairs and triples of them, which go together, and what is missing beside a stop."""
    names = {"C" + idea for ideas in found for idea in ideas}
    for i, first in enumerate(found):
        for second in found[i + 1:i + 1 + IDEA_WINDOW]:
            names.update([f"D{a}>{b}" for a in first for b in second])
        for j, second in enumerate(found[i + 1:i + 3], i + 1):
            for third in found[j + 1:j + 3]:
                names.update([f"E{a}>{b}>{c}" for a in first for b in second for c in third])
    present = sorted({idea for ideas in found for idea in ideas})
    names.update([f"F{a}+{b}" for i, a in enumerate(present) for b in present[i + 1:]])
    for leaving in LEAVING:
        if leaving in present:
            names.update([f"M{leaving}-{thing}" for thing in OBJECTS if thing not in present])
            names.add(f"L{leaving}{min(words, 6)}")
    return names


def numbered(names: set[str], bits: int) -> list[int]:
    """The numbers of features in a model of 2^bits rows, each once, in order."""
    mask = (1 << bits) - 1
    return sorted({crc32(name.encode("utf-8", "surrogatepass")) & mask for name in names})


def features(text: str, book: Phrasebook, bits: int) -> tuple[list[int], list[int], frozenset[str]]:
    """The numbers of the pieces, those of the ideas, and the ideas themselves."""
    folded = plain(text)
    words = words_of(folded)
    found = book.ideas(words_of(folded.replace("'", " ")))
    ideas = frozenset(idea for several in found for idea in several)
    return (numbered(pieces(text, folded, words), bits), numbered(ideas_of(found, len(words)), bits), ideas)
