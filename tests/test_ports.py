"""Time, chance and ids, as the world gives them."""

from __future__ import annotations

import re
import time

from hypothesis import given
from hypothesis import strategies as st

from sayso.ports import ALPHABET, SECOND, Ports, SystemClock, ulid
from tests.stores import HandClock

MILLISECONDS = st.integers(0, 2**48 - 1)
ENTROPY = st.integers(0, 2**80 - 1)


def read(text: str) -> tuple[int, int]:
    """A ULID taken apart again."""
    value = 0
    for letter in text:
        value = value * 32 + ALPHABET.index(letter)
    return value >> 80, value & (2**80 - 1)


@given(MILLISECONDS, ENTROPY)
def test_a_ulid_holds_its_time_and_its_chance(milliseconds: int, entropy: int) -> None:
    text = ulid(milliseconds, entropy)
    assert len(text) == 26
    assert text[0] in "01234567"
    assert read(text) == (milliseconds, entropy)


@given(st.tuples(MILLISECONDS, ENTROPY), st.tuples(MILLISECONDS, ENTROPY))
def test_ulids_sort_as_their_times_do(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (ulid(*one) < ulid(*other)) == (one < other)


def test_a_ulid_is_the_one_of_the_specification() -> None:
    assert ulid(1_469_918_176_385, 0)[:10] == "01ARYZ6S41"


def test_an_id_is_a_prefix_and_a_ulid_of_now() -> None:
    clock = HandClock()
    made = Ports(clock, bytes).new_id("per")
    assert re.fullmatch(r"per_[0-9A-HJKMNP-TV-Z]{26}", made)
    assert read(made[4:]) == (clock.time // 1000, 0)


def test_no_two_ids_are_the_same() -> None:
    ports = Ports()
    made = [ports.new_id("evt") for _ in range(2_000)]
    assert len(set(made)) == 2_000
    assert made == sorted(made)


def test_ids_keep_their_order_when_the_clock_is_set_back() -> None:
    clock = HandClock()
    ports = Ports(clock)
    before = ports.new_id("evt")
    clock.time -= 10 * SECOND
    assert ports.new_id("evt") > before


def test_the_machines_clock_counts_microseconds_of_utc() -> None:
    clock = SystemClock()
    assert abs(clock.now() - time.time_ns() // 1000) < 5 * SECOND


def test_the_steady_clock_only_moves_forward_and_sleep_takes_time() -> None:
    clock = SystemClock()
    times = [clock.steady() for _ in range(100)]
    assert times == sorted(times)
    before = clock.steady()
    clock.sleep(0.002)
    assert 2_000 <= clock.steady() - before < 5 * SECOND


def test_ports_read_their_clock() -> None:
    clock = HandClock()
    ports = Ports(clock)
    clock.go(1.5)
    assert ports.now() == clock.time == HandClock().time + 1_500_000
