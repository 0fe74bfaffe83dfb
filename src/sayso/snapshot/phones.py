"""Columns of phone numbers, read by the million: what is plain E.164 in arrays, the rest one by one.

Rules of the room: a number comes to the same canonical form as `core.identity` gives it; a test holds them equal. What
cannot be read is 0, which is nobody's number, and never stops its neighbours.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import polars as pl

from sayso.core import identity
from sayso.errors import InvalidAddress
from sayso.snapshot.index import U64

#: A number that needs no library (core.identity.E164); Polars matches it in linear time.
PLAIN: Final = r"^\+[1-9][0-9]{6,14}$"
#: Longest number, as a number (ITU-T E.164: 15 digits).
MOST: Final = 10**15
#: Spellings remembered while one list is read: the same odd ones come again.
REMEMBERED: Final = 65_536


def numbers_of(column: pl.Series, region: str) -> U64:
    """The canonical number of each cell without its plus, 0 for what is none. A column of integers holds
    international numbers. `region` (ISO letters) is for numbers without a country code.
    """
    if column.dtype.is_integer():
        found = column.fill_null(0).clip(0, MOST).cast(pl.UInt64).to_numpy().copy()
        found[(found < 1_000_000) | (found >= MOST)] = 0
        return canonical(found)
    texts = column.cast(pl.String)
    plain = texts.str.contains(PLAIN).fill_null(value=False)
    found = texts.set(~plain, "0").cast(pl.UInt64).to_numpy().copy()  # "+44…" is a number to Polars
    odd = np.flatnonzero(~plain.to_numpy())
    if len(odd):
        read = _reader(region)
        found[odd] = [read(text) if text else 0 for text in texts.gather(odd).to_list()]
    return canonical(found)


@lru_cache(64)
def _reader(region: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  a cache of its own for each region
    @lru_cache(REMEMBERED)
    def read(text: str) -> int:
        try:
            address = identity.parse(text, region or None)
        except InvalidAddress:
            return 0
        return int(address.value[1:]) if address.kind == "phone" else 0

    return read


def canonical(numbers: U64) -> U64:
    """`core.identity.canonical` of many: one spelling for Brazilian, Mexican and Argentine mobiles. In place."""
    mexican = numbers // 10**10 == 521
    numbers[mexican] -= np.uint64((521 - 52) * 10**10)
    argentine = numbers // 10**10 == 549
    numbers[argentine] -= np.uint64((549 - 54) * 10**10)
    eighth = numbers // 10**7 % 10
    brazilian = (numbers // 10**11 == 55) & (numbers // 10**8 % 10 == 9) & (eighth >= 6)
    mine = numbers[brazilian]
    numbers[brazilian] = 55 * 10**10 + (mine // 10**9 % 100) * 10**8 + mine % 10**8
    return numbers
