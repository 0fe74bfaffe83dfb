"""The starter notices: twelve languages, each plain, each without anything that must be mended."""

from __future__ import annotations

import re

import pytest

from sayso.core import readability
from sayso.core.compare import pieces
from sayso.core.findings import Topic, Wording
from sayso.core.lint import lint, musts
from sayso.core.prose import scripts, tokens
from sayso.errors import InvalidRequest
from sayso.rules.countries import countries, elements, rules_for
from sayso.rules.reader import load_replies
from sayso.rules.vocabulary import STARTERS, starter_for, starters, vocabulary

REPLIES = load_replies()
LANGUAGES = sorted(starters())
TOPICS = {"offers": Topic("offers and news", "marketing"), "orders": Topic("news about your orders", "utility"),
          "support": Topic("answers to your questions", "service")}
EVERY = [(lang, name) for lang in LANGUAGES for name in STARTERS]


def test_there_are_starters_in_twelve_languages_sayso_speaks_right_to_left_included() -> None:
    assert set(LANGUAGES) <= REPLIES.keys()
    assert len(LANGUAGES) == 12
    assert scripts(starters()["ar"].text("offers", ""))["ARABIC"] > 100


@pytest.mark.parametrize(("lang", "name"), EVERY)
def test_a_starter_has_nothing_to_mend_but_the_link(lang: str, name: str) -> None:
    text = starter_for(lang).text(name, "Acme Garden")
    found = lint(Wording(text, lang, business="Acme Garden", topics=(TOPICS[name],)), vocabulary())
    assert {finding.code for finding in found} == {"privacy_link"}
    whole = starter_for(lang).text(name, "Acme Garden", "https://acme.example/privacy")
    assert lint(Wording(whole, lang, business="Acme Garden", topics=(TOPICS[name],)), vocabulary()) == ()


@pytest.mark.parametrize(("lang", "name"), EVERY)
def test_a_starter_says_the_stop_word_that_sayso_reads_and_is_easy(lang: str, name: str) -> None:
    text = starter_for(lang).text(name, "Acme Garden")
    assert REPLIES[lang].stop_word in text
    assert text.count("Acme Garden") == 1
    assert len(text) < 400
    reading = readability.read(text, lang, tokens(text))
    assert reading is not None
    assert not reading.hard


@pytest.mark.parametrize("code", sorted({code for country in countries().values() for code in country.iso}))
def test_the_offers_starter_with_its_link_passes_the_rules_of_every_country(code: str) -> None:
    for lang in LANGUAGES:
        text = starter_for(lang).text("offers", "Acme", "https://acme.example/privacy")
        wording = Wording(text, lang, business="Acme", topics=(TOPICS["offers"],), elements=elements(rules_for([code])))
        assert musts(lint(wording, vocabulary())) == ()


@pytest.mark.parametrize("name", STARTERS)
def test_a_starter_that_loses_a_sentence_does_not_pass(name: str) -> None:
    text = starter_for("en").text(name, "Acme")
    for part in ("Acme", "STOP", "WhatsApp", r"It is free and voluntary[^.]+\."):
        cut = Wording(re.sub(part, "", text), "en", business="Acme", topics=(TOPICS[name],))
        assert len(lint(cut, vocabulary())) > 1, part


def test_a_language_or_a_name_there_is_no_starter_of_is_refused() -> None:
    assert starter_for("pt").lang == "pt-BR"
    with pytest.raises(InvalidRequest, match="no starters in 'ja'"):
        starter_for("ja")
    with pytest.raises(InvalidRequest, match="offers, orders, support"):
        starter_for("en").text("party", "Acme")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_in_every_language_the_sentence_that_is_taken_out_is_missed(lang: str) -> None:
    sentences = pieces(starter_for(lang).text("offers", "Acme"))
    first = re.split("[,،]", sentences[0])[0] + "."

    def codes(*kept: str) -> set[str]:
        wording = Wording(" ".join(kept), lang, business="Acme", topics=(TOPICS["offers"],))
        return {finding.code for finding in musts(lint(wording, vocabulary()))}

    assert codes(*sentences) == set()
    assert codes(first, *sentences[1:]) == {"often"}
    assert codes(sentences[0], *sentences[2:]) == {"free", "voluntary"}
    assert codes(*sentences[:2], *sentences[3:]) == {"leave"}
    assert codes(*sentences[1:]) >= {"who", "what", "often"}
