"""Arrays of MACs: they find what a dictionary finds, and keep of two rows the one that counts."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sayso.flows.snapshots import CODES
from sayso.snapshot import index
from sayso.snapshot.index import ABSENT, MOVED, NOWHERE, SUPPRESSED, Index, Patterns

GRANTED = CODES.index("granted")
#: MACs that share their first half, so that one search finds several.
macs = st.integers(0, 40).map(lambda n: (n // 4).to_bytes(8, "big") + (n % 4).to_bytes(8, "big"))
rows = st.dictionaries(macs, st.integers(3, 6), max_size=40)


def made(known: dict[bytes, int]) -> Index:
    return index.ordered(index.halves(known, len(known)), np.array(list(known.values()), dtype=np.uint32),
                         np.arange(len(known), dtype=np.int64))


def pattern_of(one: Index, mac: bytes) -> int | None:
    row = one.where(index.halves([mac]))[0]
    return None if row == NOWHERE else int(one.pattern[row])


@given(rows, st.lists(macs, min_size=1, max_size=60))
def test_it_finds_what_a_dictionary_finds(known: dict[bytes, int], asked: list[bytes]) -> None:
    found = made(known).where(index.halves(asked))
    assert [None if row == NOWHERE else int(made(known).pattern[row]) for row in found] == [known.get(m) for m in asked]


@given(rows, rows, st.sets(macs, max_size=10))
def test_what_is_newer_goes_before_what_is_older(old: dict[bytes, int], new: dict[bytes, int],
                                                 gone: set[bytes]) -> None:
    changes = new | dict.fromkeys(gone, ABSENT)
    both = index.over(made(old), made(changes))
    expected = {mac: number for mac, number in (old | changes).items() if number != ABSENT}
    assert {mac: pattern_of(both, mac) for mac in old | changes} == {mac: expected.get(mac) for mac in old | changes}
    assert len(both) == len(expected)
    hiding = index.over(index.empty(), made(changes), keep_absent=True)
    assert all(pattern_of(hiding, mac) == ABSENT for mac in gone)


def test_who_holds_an_address_now_goes_before_who_moved_away_and_a_no_before_both_of_nobody() -> None:
    mac = bytes(16)
    for numbers, stays in (((MOVED, 7), 7), ((7, MOVED), 7), ((MOVED, SUPPRESSED), SUPPRESSED), ((SUPPRESSED, 9), 9)):
        both = index.ordered(index.halves([mac, mac]), np.array(numbers, dtype=np.uint32), np.zeros(2, dtype=np.int64))
        assert (len(both), pattern_of(both, mac)) == (1, stays)


def test_a_vector_has_one_number_for_ever() -> None:
    patterns = Patterns(2)
    first = patterns.number((GRANTED, GRANTED))
    again = Patterns(2, patterns.all())
    assert again.number((GRANTED, GRANTED)) == first
    assert again.column(1)[first] == GRANTED
    assert first > SUPPRESSED
