"""The class of a message: the strictest of what is known, and none where something is not."""

from __future__ import annotations

import pytest

from sayso.core.message_class import CATEGORIES, STRICTNESS, stricter


@pytest.mark.parametrize(("classes", "found"), [
    (["utility", "marketing"], "marketing"), (["marketing", "utility"], "marketing"),
    (["service", "utility"], "utility"), (["authentication", "service"], "authentication"),
    (["authentication", "utility"], "utility"), (["service"], "service"),
    ([], ""), (["utility", ""], ""), (["sharing"], ""), (["marketing", "sharing"], ""), (["consent"], ""), (["*"], "")])
def test_the_strictest_wins_and_the_unknown_has_no_class(classes: list[str], found: str) -> None:
    assert stricter(classes) == found


def test_every_category_of_metas_has_a_strictness() -> None:
    assert set(CATEGORIES.values()) < set(STRICTNESS)
