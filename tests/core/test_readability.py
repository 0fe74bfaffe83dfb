"""Reading ease goes by the published formulas, and says nothing where they mean nothing."""

from __future__ import annotations

import pytest

from sayso.core.prose import tokens
from sayso.core.readability import FITS, MIN_WORDS, Reading, read, syllables


def reading(text: str, lang: str) -> Reading:
    found = read(text, lang, tokens(text))
    assert found is not None
    return found


@pytest.mark.parametrize(("word", "lang", "count"), [
    ("message", "en", 2), ("free", "en", 1), ("table", "en", 2), ("offers", "en", 2), ("stopped", "en", 1),
    ("Nachricht", "de", 2), ("höchstens", "de", 2), ("gratuit", "fr", 2), ("commande", "fr", 2), ("сообщение", "ru", 5),
    ("göndermek", "tr", 3), ("mensajes", "es", 3), ("4", "en", 1), ("xyz", "ru", 1),
])  # fmt: skip
def test_syllables_are_counted_near_enough(word: str, lang: str, count: int) -> None:
    assert syllables(word, lang) == count


def test_the_score_is_flesch_s_formula() -> None:
    text = "The cat sat on the mat. " * 4  # 24 words of one syllable, six to a sentence
    assert reading(text, "en") == Reading("flesch", round(206.835 - 1.015 * 6 - 84.6, 1), hard=False)
    assert reading(text, "de").score == round(180 - 6 - 58.5, 1)


@pytest.mark.parametrize("lang", sorted(FITS))
def test_long_words_in_long_sentences_are_harder_in_every_language(lang: str) -> None:
    easy, hard = ("Да мы да ты. " * 6, "Дамолатиренависокубе " * 24) if lang == "ru" else (
        "Da la mo ti. " * 6, "Damolatirenavisokube " * 24)
    assert reading(easy, lang).score > reading(hard, lang).score
    assert (reading(easy, lang).hard, reading(hard, lang).hard) == (False, True)


def test_a_language_without_a_formula_goes_by_lix_or_by_the_length_of_sentences() -> None:
    assert reading("Vi skriver til dig. " * 5, "da") == Reading("lix", 29.0, hard=False)
    assert reading("kommunikationsplatforme " * 20, "da").hard
    assert reading("كلمة " * 23, "ar") == Reading("sentence", 23.0, hard=True)
    assert not reading("كلمة " * 22, "ar").hard


def test_a_short_text_and_a_script_without_spaces_are_not_measured() -> None:
    assert read("Yes. " * (MIN_WORDS - 1), "en", tokens("Yes. " * (MIN_WORDS - 1))) is None
    assert read("はい " * 30, "ja", tokens("はい " * 30)) is None
