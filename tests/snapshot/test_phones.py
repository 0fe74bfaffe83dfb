"""Columns of numbers are read as one number at a time is."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core import identity
from sayso.errors import InvalidAddress
from sayso.snapshot.phones import canonical, numbers_of


def one_by_one(text: str, region: str = "GB") -> int:
    try:
        address = identity.parse(text, region, fast=True)
    except InvalidAddress:
        return 0
    return int(address.value) if address.kind == "phone" else 0


e164 = st.integers(10**6, 10**15 - 1).map(lambda number: f"+{number}")
mobiles = st.sampled_from(["+52", "+521", "+54", "+549", "+55", "+5511", "+5511 9".replace(" ", "")]).flatmap(
    lambda prefix: st.integers(0, 10**10 - 1).map(lambda rest: (prefix + f"{rest:010}")[:15]))


@given(st.lists(e164 | mobiles | st.text(max_size=12) | st.sampled_from(["", "07700 900123", "00447700900123"])))
def test_a_column_is_read_as_one_number_at_a_time_is(texts: list[str]) -> None:
    assert numbers_of(pl.Series(texts, dtype=pl.String), "GB").tolist() == [one_by_one(text) for text in texts]


@given(st.lists(st.integers(10**6, 10**15 - 1)))
def test_both_spellings_of_a_mobile_are_one(numbers: list[int]) -> None:
    found = canonical(np.array(numbers, dtype=np.uint64)).tolist()
    assert found == [int(identity.canonical(f"+{number}")) for number in numbers]


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt64])
def test_a_column_of_integers_holds_international_numbers(dtype: type[pl.DataType]) -> None:
    column = pl.Series([447700900123, None, 0, 12, 5215512345678, 10**17], dtype=dtype)
    assert numbers_of(column, "GB").tolist() == [447700900123, 0, 0, 0, 525512345678, 0]


def test_an_empty_column_has_no_numbers() -> None:
    assert numbers_of(pl.Series([], dtype=pl.String), "").tolist() == []
    assert numbers_of(pl.Series([None, None], dtype=pl.String), "").tolist() == [0, 0]
