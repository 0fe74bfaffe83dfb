"""Two wordings side by side: what stayed, what changed, and where."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.core.compare import compare, pieces

OLD = "Acme writes to you. At most four messages a month. Send STOP to leave."
NEW = "Acme writes to you. At most two messages a month. It is free. Send STOP to leave."


def test_each_sentence_stands_beside_the_one_it_came_from() -> None:
    lines = compare(OLD, NEW)
    assert [line.change for line in lines] == ["same", "changed", "added", "same"]
    changed = lines[1]
    assert [changed.left[start:end] for start, end in changed.left_words] == ["four"]
    assert [changed.right[start:end] for start, end in changed.right_words] == ["two"]


def test_a_sentence_that_went_has_nobody_beside_it() -> None:
    lines = compare(NEW, OLD)
    assert [(line.change, line.right) for line in lines if line.change == "removed"] == [("removed", "")]


def test_equal_texts_differ_in_nothing_and_an_empty_one_in_all() -> None:
    assert {line.change for line in compare(OLD, OLD)} == {"same"}
    assert [line.change for line in compare("", OLD)] == ["added"] * 3
    assert compare("", "") == ()


def test_sentences_of_other_scripts_are_told_apart() -> None:
    assert pieces("एक। दो। तीन") == ["एक।", "दो।", "तीन"]
    assert pieces("هل توافق؟ نعم.\nشكرا") == ["هل توافق؟", "نعم.", "شكرا"]


@settings(max_examples=50, deadline=None, database=None)
@given(st.text(alphabet="ab .\n", max_size=80), st.text(alphabet="ab .\n", max_size=80))
def test_nothing_of_either_side_is_lost(old: str, new: str) -> None:
    lines = compare(old, new)
    assert [line.left for line in lines if line.left] == pieces(old)
    assert [line.right for line in lines if line.right] == pieces(new)
