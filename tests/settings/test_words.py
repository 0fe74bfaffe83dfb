"""The [words] table: what a workspace may add, and what it may not unmake."""

from __future__ import annotations

import pytest

from sayso.core.understanding import keeps_its_meaning
from sayso.core.workspace import Entry
from sayso.errors import ConfigError
from sayso.rules.reader import load_understanding
from sayso.settings.words import MAX_WORDS, own_words

ENTRIES = {"join": Entry("join", "keyword", "join", "shop", keywords=("JOIN",))}


def test_words_come_out_by_intent() -> None:
    found = own_words({"stop": ["basta acme"], "help": ["wat nu"]}, ENTRIES, lambda _: False)
    assert found == {"stop": ("basta acme",), "help": ("wat nu",)}


@pytest.mark.parametrize(("table", "said"), [
    ({"stopp": ["x"]}, "did you mean 'stop'"),
    ({"stop": "basta"}, "must be a list"),
    ({"stop": [1]}, "must be a list"),
    ({"stop": [" !! "]}, "empty"),
    ({"stop": ["x" * 65]}, "over 64"),
    ({"stop": [f"word {n}" for n in range(MAX_WORDS + 1)]}, "more than"),
    ({"stop": ["join"]}, "a keyword of"),
    ({"stop": ["Basta"], "help": ["basta"]}, "already in words.stop"),
    ({"help": ["Unsubscribe"]}, "keeps that meaning"),
    ({"start": ["taken"]}, "keeps that meaning"),
    ({"stop_promotional": ["stop"]}, "stops everything"),
    ("stop", "must be a table"),
])  # fmt: skip
def test_a_word_that_is_taken_or_unmakes_a_stop_is_refused(table: object, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        own_words(table, ENTRIES, lambda word: word == "taken")


@pytest.mark.parametrize("text", ["leave me alone", "please stop messaging me", "take me off your list", "STOP!",
                                  "help"])
def test_what_people_say_to_leave_in_their_own_words_keeps_its_meaning(text: str) -> None:
    assert keeps_its_meaning(load_understanding(), text)
    with pytest.raises(ConfigError, match="keeps that meaning"):
        own_words({"start": [text]}, {}, lambda word: keeps_its_meaning(load_understanding(), word))


@pytest.mark.parametrize("text", ["JOIN", "wat nu", "coffee club"])
def test_a_word_of_ones_own_is_free(text: str) -> None:
    assert not keeps_its_meaning(load_understanding(), text)
