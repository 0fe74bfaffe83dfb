"""Words keep their places, patterns match what they say and stay within a sentence."""

from __future__ import annotations

import pytest

from sayso.core.prose import GAP, Phrases, has, pattern, scripts, sentences, tokens
from sayso.errors import InvalidRequest


def words(text: str) -> list[str]:
    return [token.word for token in tokens(text)]


def test_words_are_folded_and_keep_their_places() -> None:
    text = "¿Envía BAJA? Don't, l'été\u200b."
    assert words(text) == ["envia", "baja", "don", "t", "l", "ete"]
    assert [text[token.start:token.end] for token in tokens(text)] == ["Envía", "BAJA", "Don", "t", "l", "été\u200b"]


def test_words_with_vowel_signs_stay_whole() -> None:
    assert words("हिंदी में लिखें।") == ["हिंदी", "में", "लिखें"]
    assert words("أوافق، شكرًا") == ["اوافق", "شكرا"]


def test_sentences_end_at_their_signs_and_not_within_numbers() -> None:
    assert sentences(tokens("One 4.5 two. Three! Four؟ पाँच। Six\nseven")) == 6
    assert sentences(tokens("shop.example is one")) == 1


@pytest.mark.parametrize(("line", "text", "fits"), [
    ("last chance", "your last chance", True), ("last chance", "the last big chance", False),
    ("last … chance", "the last big chance", True), ("last … chance", "last. A chance", False),
    ("a|an offer*", "an offering", True), ("*ing", "saving", True), ("*off*", "coffee", True),
    ("off*", "coffee", False), ("don't miss", "Don’t miss", True), ("a … b", "a" + " x" * GAP + " b", True),
    ("a … b", "a" + " x" * (GAP + 1) + " b", False),
    ("a … b … c", "a b x b c", True),
])  # fmt: skip
def test_a_pattern_finds_what_it_says(line: str, text: str, fits: bool) -> None:
    assert has([pattern(line)], tokens(text)) is fits
    assert bool(Phrases([("x", pattern(line))]).find(tokens(text))) is fits


@pytest.mark.parametrize("line", ["", "…", "… a", "a …", "a|", "a|don't", "!!", "a b c d e f g h i j k l m n o p q"])
def test_a_pattern_that_says_nothing_clear_is_refused(line: str) -> None:
    with pytest.raises(InvalidRequest):
        pattern(line)


def test_what_a_gap_skipped_is_known() -> None:
    [match] = Phrases([("x", pattern("by … agree"))]).find(tokens("by this you agree"))
    assert (match.first, match.last, match.skipped) == (0, 3, (1, 2))


def test_letters_are_counted_by_script() -> None:
    assert scripts("abв 1 ا") == {"LATIN": 2, "CYRILLIC": 1, "ARABIC": 1}
