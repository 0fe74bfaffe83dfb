"""The words a workspace adds: whole messages, stops of several words also inside, no yes that needs no quote."""

from __future__ import annotations

from sayso.core.own_words import own_reading

OWN = {"stop": ("Basta Acme", "zzz"), "yes": ("yarr",), "help": ("wat nu",)}


def test_a_phrase_of_two_words_stops_inside_a_sentence() -> None:
    for text in ("basta acme", "¡BASTA, Acme!", "por favor basta acme ya"):
        reading = own_reading(OWN, text)
        assert reading is not None
        assert (reading.intent, reading.grade, reading.strict) == ("stop", "certain", False)


def test_a_single_word_counts_only_alone() -> None:
    assert own_reading(OWN, "ZZZ!") is not None
    assert own_reading(OWN, "zzz I fell asleep") is None
    assert own_reading(OWN, "combasta acmeee") is None


def test_only_stops_are_looked_for_inside() -> None:
    assert own_reading(OWN, "wat nu") is not None
    assert own_reading(OWN, "ja maar wat nu dan") is None


def test_a_workspace_cannot_invent_a_yes_that_needs_no_quote() -> None:
    reading = own_reading(OWN, "yarr")
    assert reading is not None
    assert reading.intent == "yes"
    assert not reading.strict


def test_without_own_words_nothing_is_read() -> None:
    assert own_reading({}, "stop") is None
