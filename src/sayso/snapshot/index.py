"""Address MACs in order, with the answers of the gate beside them: arrays that are searched by the million.

Rules of the room: a MAC is two 64-bit halves, and both must be equal; an array may lie in memory or on disk. A row
holds the number of a *pattern* (the codes of all cells) instead of the codes: there are few of them. Memory is jumped
about in only by searches that were sorted first, which is what makes ten million of them take seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sayso.flows.snapshots import CODES, Answers

U64 = NDArray[np.uint64]
I64 = NDArray[np.int64]
U32 = NDArray[np.uint32]

#: Pattern of an address that was moved away from, and of one that is only suppressed: a later pattern of the same MAC
#: goes before an earlier one, as it does when the database is asked.
MOVED: Final = 0
SUPPRESSED: Final = 1
#: Pattern of an address taken out again: as if it were not there.
ABSENT: Final = 2
#: `where` answers this for an address that is not there.
NOWHERE: Final = -1


class Patterns:
    """The distinct vectors of codes, one code for each cell. Grows; a number once given stays."""

    def __init__(self, cells: int, known: Iterable[tuple[int, ...]] = ()) -> None:
        moved, suppressed = CODES.index("moved_away"), CODES.index("suppressed")
        absent = CODES.index("unknown_person")
        self._numbers: dict[tuple[int, ...], int] = {}
        for codes in ((moved,) * cells, (suppressed,) * cells, (absent,) * cells, *known):
            self.number(codes)

    def number(self, codes: tuple[int, ...]) -> int:
        """The number of this vector."""
        return self._numbers.setdefault(codes, len(self._numbers))

    def all(self) -> list[tuple[int, ...]]:
        """Every vector, by its number."""
        return list(self._numbers)

    def column(self, cell: int) -> NDArray[np.uint8]:
        """The code of one cell for each pattern."""
        return np.fromiter((codes[cell] for codes in self._numbers), dtype=np.uint8, count=len(self._numbers))


@dataclass(frozen=True, slots=True)
class Index:
    """Rows in the order of their MACs, each MAC once. `until` is when the row's answers end, 0 for never."""

    first: U64
    second: U64
    pattern: U32
    until: I64

    def __len__(self) -> int:
        return len(self.first)

    def where(self, macs: U64) -> I64:
        """The row of each MAC (an array of two halves each), NOWHERE for one that is not there."""
        order = np.argsort(macs[:, 0])
        wanted = macs[order]
        at = np.searchsorted(self.first, wanted[:, 0]).astype(np.int64)
        found = np.full(len(macs), NOWHERE, dtype=np.int64)
        left = np.arange(len(macs))
        while len(left):
            left = left[at[left] < len(self.first)]
            left = left[self.first[at[left]] == wanted[left, 0]]
            same = self.second[at[left]] == wanted[left, 1]
            found[order[left[same]]] = at[left[same]]
            left = left[~same]  # two MACs with one first half: the next row may be the one
            at[left] += 1
        return found


def empty() -> Index:
    """No rows."""
    return Index(np.empty(0, np.uint64), np.empty(0, np.uint64), np.empty(0, np.uint32), np.empty(0, np.int64))


def halves(macs: Iterable[bytes], count: int = -1) -> U64:
    """MACs as rows of two numbers."""
    packed = np.frombuffer(b"".join(macs), dtype=">u8").reshape(-1, 2)
    if count >= 0 and len(packed) != count:
        raise ValueError("A MAC has 16 bytes.")
    return packed.astype(np.uint64)


def rows_of(answers: Iterable[tuple[bytes, Answers | None]], patterns: Patterns) -> tuple[U64, U32, I64]:
    """Columns of these rows in the order given."""
    macs, numbers, untils = [], [], []
    for mac, answer in answers:
        macs.append(mac)
        numbers.append(ABSENT if answer is None else patterns.number(answer[0]))
        untils.append(0 if answer is None else answer[1])
    return halves(macs), np.array(numbers, dtype=np.uint32), np.array(untils, dtype=np.int64)


def ordered(macs: U64, pattern: U32, until: I64) -> Index:
    """An index of these rows. Of several with one MAC the one with the highest pattern stays."""
    order = np.lexsort((pattern, macs[:, 1], macs[:, 0]))
    first, second = macs[order, 0], macs[order, 1]
    last = np.ones(len(order), dtype=bool)
    last[:-1] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    kept = order[last]
    return Index(np.ascontiguousarray(first[last]), np.ascontiguousarray(second[last]), pattern[kept], until[kept])


def over(base: Index, newer: Index, *, keep_absent: bool = False) -> Index:
    """Both as one; where both have a MAC the newer row stays. Rows that only say that a MAC is gone are left out,
    unless they still have to hide one in an older index.
    """
    kept = np.ones(len(base), dtype=bool)
    mine = base.where(_macs(newer))
    kept[mine[mine != NOWHERE]] = False
    present = np.ones(len(newer), dtype=bool) if keep_absent else newer.pattern != ABSENT
    macs = np.concatenate((_macs(base)[kept], _macs(newer)[present]))
    pattern = np.concatenate((base.pattern[kept], newer.pattern[present]))
    until = np.concatenate((base.until[kept], newer.until[present]))
    return ordered(macs, pattern, until)


def _macs(index: Index) -> U64:
    return np.stack((index.first, index.second), axis=1)
