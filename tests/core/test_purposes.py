"""Cells: which rectangle covers which, and names that are fit for a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core.purposes import ALL_MARKETING, EVERYTHING, Cell, check_name
from sayso.errors import InvalidRequest

places = st.sampled_from(["*", "a", "b"])
cells = st.builds(Cell, places, places, st.sampled_from(["*", "marketing", "utility"]))


def points(cell: Cell) -> set[Cell]:
    """Every cell of a rectangle, in a world of three names in each place ("c" stands for what is invented later)."""
    wide = ({"a", "b", "c"}, {"a", "b", "c"}, {"marketing", "utility", "c"})
    ranges = [names if mine == "*" else {mine} for mine, names in zip(cell, wide, strict=True)]
    return {Cell(x, y, z) for x in ranges[0] for y in ranges[1] for z in ranges[2]}


@given(cells, cells)
def test_a_rectangle_covers_another_exactly_if_it_holds_all_its_cells(one: Cell, other: Cell) -> None:
    assert one.covers(other) == (points(one) >= points(other))


@given(cells, cells)
def test_two_rectangles_touch_exactly_if_they_share_a_cell(one: Cell, other: Cell) -> None:
    assert one.touches(other) == bool(points(one) & points(other))


def test_everything_covers_purposes_nobody_has_thought_of_yet() -> None:
    assert EVERYTHING.covers(Cell("invented_tomorrow", "new_number", "sharing"))
    assert ALL_MARKETING.covers(Cell("invented_tomorrow", "new_number", "marketing"))
    assert not ALL_MARKETING.covers(Cell("orders", "shop", "utility"))


@pytest.mark.parametrize("name", ["a", "offers", "offers-2", "a_b", "a" * 48])
def test_a_plain_name_is_taken(name: str) -> None:
    assert check_name(name, "purpose") == name


@pytest.mark.parametrize("name", ["", "A", "2a", "-a", "a b", "a*", "*", "a" * 49, "a\n", "ä"])
def test_any_other_name_is_refused_and_the_field_is_named(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        check_name(name, "purpose")
    assert refused.value.param == "purpose"
