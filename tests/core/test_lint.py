"""Lint names what is missing, badly written or deceptive, in twelve languages, and lets honest words pass."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.core.findings import CHECKS, PHRASED, Element, Finding, Topic, Wording
from sayso.core.lint import Spoken, beyond_reason, lint, lint_languages, musts
from sayso.rules.vocabulary import vocabulary
from tests.core.deceptions import DECEPTIVE, HONEST

OFFERS = Topic("offers and news", "marketing")
ORDERS = Topic("news about your orders", "utility")
GOOD = ("Acme Garden would like to send you offers on WhatsApp, at most four messages a month. It is free and "
        "voluntary: you can buy from us without saying yes. Send STOP at any time to leave. How we handle data: "
        "https://acme.example/privacy")
LANGUAGES = sorted({lang for lang, _, _ in DECEPTIVE})


def look(text: str, lang: str = "en", **more: object) -> tuple[Finding, ...]:
    wording: dict[str, object] = {"business": "Acme Garden", "topics": (OFFERS,), **more}
    return lint(Wording(text, lang, **wording), vocabulary())  # type: ignore[arg-type]


def codes(found: tuple[Finding, ...]) -> set[str]:
    return {finding.code for finding in found}


def the(code: str, found: tuple[Finding, ...]) -> Finding:
    [finding] = [finding for finding in found if finding.code == code]
    return finding


# -- deceptive design --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lang", "code", "text"), DECEPTIVE)
def test_a_deceptive_phrase_is_named_with_its_place(lang: str, code: str, text: str) -> None:
    named = [finding for finding in lint(Wording(text, lang), vocabulary()) if finding.code == code]
    assert named
    for finding in named:
        assert finding.words == text[finding.start:finding.end] != ""
        assert finding.words in finding.sentence
        assert (finding.kind, finding.severity) == ("design", CHECKS[code].severity)


@pytest.mark.parametrize(("lang", "text"), HONEST)
def test_a_phrase_that_is_denied_or_only_sounds_like_one_passes(lang: str, text: str) -> None:
    assert [finding for finding in lint(Wording(text, lang), vocabulary()) if finding.kind == "design"] == []


def test_every_language_has_its_deceptions_tried() -> None:
    assert len(LANGUAGES) == 12
    for lang in LANGUAGES:
        tried = {code for each, code, _ in DECEPTIVE if each == lang}
        assert {"bundled_consent", "preticked", "shaming", "pressure", "double_negative", "vague_partners"} <= tried
    assert {code for _, code, _ in DECEPTIVE} == set(PHRASED)


def test_a_deceptive_text_hides_behind_no_spelling_and_no_wrong_language() -> None:
    plain = "Hurry, this is your last chance."
    for text, lang in (
        (plain.upper(), "en"), ("Hurry, this is your l\u00e1st ch\u00e2nce.", "en"),
        ("Hur\u200bry, l\u00adast chance.", "en"),
        ("ｌａｓｔ　ｃｈａｎｃｅ", "en"), (plain, "de"), (plain, "sw"), (plain, "xx"),
    ):
        assert "pressure" in codes(look(text, lang)), (text, lang)


def test_a_word_of_another_language_alone_accuses_nobody() -> None:
    assert "pressure" in codes(look("Beeilung, beeil dich", "de"))
    assert "pressure" not in codes(look("Urgent Care is a clinic, spelt like the French word.", "de"))


def test_a_phrase_does_not_reach_over_the_end_of_a_sentence() -> None:
    assert "preticked" in codes(look("You are automatically subscribed."))
    assert "preticked" not in codes(look("The door opens automatically. We were subscribed to no list."))


def test_each_deceptive_sentence_is_told_once() -> None:
    found = look("Hurry, hurry, last chance. It ends tonight.")
    assert [finding.code for finding in found if finding.code == "pressure"] == ["pressure", "pressure"]


def test_partners_pass_only_if_they_are_named_and_the_yes_is_for_sharing() -> None:
    text = "With a yes Acme Garden shares your number with our partners Beta Ltd and Gamma Ltd."
    sharing = (Topic("sharing your number", "sharing"),)
    assert "vague_partners" not in codes(look(text, topics=sharing))
    assert "vague_partners" in codes(look(text))
    assert "vague_partners" in codes(look("We share your number with our partners.", topics=sharing))


def test_a_yes_without_a_no_beside_it_is_refused() -> None:
    assert "no_way_to_decline" in codes(look(GOOD, buttons=("Yes",)))
    assert "no_way_to_decline" not in codes(look(GOOD, buttons=("Yes", "No, thanks")))


def test_a_button_that_shames_is_named_by_its_place() -> None:
    found = the("shaming", look(GOOD, buttons=("Yes, please", "No, I hate saving")))
    assert (found.where, found.words) == ("button 2", "I hate saving")


def test_advertising_and_something_else_in_one_yes_is_a_should() -> None:
    found = the("several_purposes", look(GOOD, topics=(OFFERS, ORDERS)))
    assert found.severity == "should"
    assert "several_purposes" not in codes(look(GOOD, topics=(OFFERS, Topic("offers of plants", "marketing"))))


# -- what must be said -------------------------------------------------------------------------------------------------


def test_a_whole_notice_has_nothing_to_mend() -> None:
    assert look(GOOD) == ()


@pytest.mark.parametrize(("code", "part", "instead"), [
    ("who", "Acme Garden", "We"), ("what", "offers", "things"), ("often", ", at most four messages a month", ""),
    ("free", "free and ", ""), ("voluntary", "free and voluntary: you can buy from us without saying yes", "free"),
    ("leave", "Send STOP at any time to leave.", ""), ("channel", " on WhatsApp", ""),
    ("privacy_link", "https://acme.example/privacy", "ask us"),
])  # fmt: skip
def test_what_is_left_out_is_named(code: str, part: str, instead: str) -> None:
    assert part in GOOD
    found = the(code, look(GOOD.replace(part, instead)))
    assert found.kind == "missing"
    assert found.severity == ("should" if code in ("channel", "privacy_link") else "must")
    assert len(found.sentence) > 20


def test_a_message_nobody_minds_needs_to_say_less() -> None:
    text = "Acme Garden tells you about your orders on WhatsApp. Send STOP to end it."
    assert {finding.code: finding.severity for finding in look(text, topics=(ORDERS,))} == dict.fromkeys(
        ("often", "free", "voluntary", "privacy_link"), "should")


def test_the_stop_word_counts_only_as_a_word_to_send() -> None:
    for good in ("STOP", '"stop"', "“stop”", "*stop*", "UNSUBSCRIBE"):
        assert "leave" not in codes(look(GOOD.replace("STOP", good))), good
    for bad in ("stop", "a message that we should end", "nothing"):
        assert "leave" in codes(look(GOOD.replace("STOP", bad))), bad


def test_the_stop_word_must_be_one_of_the_language_or_stop_itself() -> None:
    spanish = "Acme Garden te envía ofertas por WhatsApp. Envía {} para salir."
    assert "leave" not in codes(look(spanish.format("BAJA"), "es"))
    assert "leave" not in codes(look(spanish.format("STOP"), "es"))
    found = the("leave", look(spanish.format("ABMELDEN"), "es"))
    assert "BAJA" in found.sentence


def test_a_purpose_is_named_by_its_title_or_by_a_word_for_its_class() -> None:
    for title in ("garden tips", "Tipps"):
        topics = (Topic(title, "service"),)
        assert "what" not in codes(look(f"Acme Garden sends you {title} on WhatsApp.", topics=topics))
        assert "what" not in codes(look("Acme Garden answers your questions.", topics=topics))
        assert title in the("what", look("Acme Garden sends you things.", topics=topics)).sentence


def test_a_button_and_a_footer_need_not_say_it_all() -> None:
    assert look("Send STOP to leave", place="footer") == ()
    assert look("Yes", place="button") == ()


def test_a_page_that_shows_the_link_beside_needs_none_in_the_text() -> None:
    text = GOOD.replace("https://acme.example/privacy", "ask us")
    assert look(text, place="page", linked=True) == ()


# -- countries ---------------------------------------------------------------------------------------------------------

CHANNEL = Element("Germany", "channel", "text", "the channel", "UWG s. 7", firm=True)


def test_what_a_country_asks_for_makes_a_finding_firmer_and_names_its_source() -> None:
    text = GOOD.replace(" on WhatsApp", "")
    firm = the("channel", look(text, elements=(CHANNEL,)))
    assert firm.severity == "must"
    assert "Germany asks for it: the channel (UWG s. 7)" in firm.sentence
    unsure = Element("Germany", "channel", "text", "the channel", "UWG s. 7", firm=False)
    assert the("channel", look(text, elements=(unsure,))).severity == "should"
    assert look(GOOD, elements=(CHANNEL,)) == ()


def test_a_country_can_ask_for_an_address_and_for_the_word_advertising() -> None:
    contact = Element("Canada", "contact", "text", "an address", "CASL s. 10", firm=True)
    without = GOOD.replace("https://acme.example/privacy", "ask us")
    assert the("country", look(without, elements=(contact,))).severity == "must"
    for address in ("mail@acme.example", "+44 7700 900100", "www.acme.example"):
        assert "country" not in codes(look(without + " " + address, elements=(contact,)))
    adverts = Element("Egypt", "advertising", "text", "that it advertises", "Art. 17", firm=True)
    assert "country" in codes(look(GOOD.replace("offers", "news"), elements=(adverts,)))
    assert "country" not in codes(look(GOOD, elements=(adverts,)))


def test_what_only_a_policy_has_room_for_is_listed_beside_the_missing_link() -> None:
    long = Element("Brazil", "rights", "policy", "the person's rights", "LGPD Art. 9", firm=True)
    found = the("privacy_link", look(GOOD.replace("https://acme.example/privacy", ""), elements=(long,)))
    assert found.severity == "should"
    assert "Brazil: the person's rights" in found.sentence


def test_a_language_a_country_asks_for_is_missed() -> None:
    both = Spoken("Malaysia", ("ms", "en"), "both", "PDPA s. 7(3)", firm=True)
    [found] = lint_languages(["en-GB"], [both])
    assert (found.code, found.lang, found.severity) == ("country_language", "ms", "must")
    assert lint_languages(["ms", "en"], [both]) == ()
    assert lint_languages(["pt-BR", "zh-Hans"], [Spoken("X", ("pt", "zh"), "", "", firm=True)]) == ()


# -- how it is written -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "limit"), [
    ("interactive", 1024), ("template", 1024), ("footer", 60), ("button", 20),
])  # fmt: skip
def test_a_text_fits_its_place_to_the_character(place: str, limit: int) -> None:
    assert "too_long" not in codes(look("a" * limit, place=place))
    found = the("too_long", look("a" * (limit + 1), place=place))
    assert (found.severity, found.start, found.end) == ("must", limit, limit + 1)


def test_a_page_has_no_limit_and_a_button_under_a_text_has_its_own() -> None:
    assert "too_long" not in codes(look(GOOD + " word" * 500, place="page"))
    assert the("too_long", look(GOOD, buttons=("Yes, I agree with it", "No, I do not want this"))).where == "button 2"


@pytest.mark.parametrize("left", ["{{1}}", "{business}", "[Name]", "<your name>", "lorem ipsum", "XXX", "____", "%s"])
def test_what_was_left_to_be_filled_in_is_refused(left: str) -> None:
    assert the("placeholder", look(f"{GOOD} {left}")).words.lower() == left.lower()


def test_a_templates_own_variable_is_no_placeholder() -> None:
    assert "placeholder" not in codes(look(f"{GOOD} {{{{1}}}}", place="template"))
    assert "placeholder" in codes(look(f"{GOOD} {{{{name}}}}", place="template"))


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\u00ad", "\u2060", "\ufeff", "\x07"])
def test_a_character_that_nobody_sees_is_refused(char: str) -> None:
    found = the("hidden_characters", look(GOOD[:20] + char + GOOD[20:]))
    assert (found.start, found.severity) == (20, "must")


def test_marks_that_right_to_left_writing_needs_are_kept() -> None:
    assert "hidden_characters" not in codes(look("مرحبا \u200fAcme\u200e \u2068x\u2069 می\u200cروم", "ar"))


def test_a_text_in_the_script_of_another_language_is_refused() -> None:
    assert the("wrong_script", look(GOOD, "ar")).severity == "must"
    assert "wrong_script" in codes(look("Можно вам писать раз в месяц о скидках?", "en"))
    assert "wrong_script" in codes(look("May we write to you once a month, please?", "ja"))
    assert "wrong_script" not in codes(look("Kya hum aapko WhatsApp par likh sakte hain?", "hi-Latn"))


def test_a_word_of_two_alphabets_that_look_alike_is_refused() -> None:
    found = the("wrong_script", look(GOOD.replace("offers", "оffers")))  # the first letter is Cyrillic
    assert found.words == "оffers"


def test_capitals_and_exclamation_marks_shout_and_the_stop_word_does_not() -> None:
    assert the("shouting", look(GOOD + " GREAT PRICES")).words == "GREAT"
    assert "shouting" in codes(look(GOOD + " Wow! Wow! Wow!"))
    assert "shouting" not in codes(look(GOOD.replace("Acme Garden", "ACME GARDEN"), business="ACME GARDEN"))


def test_many_pictures_are_too_many() -> None:
    assert "emoji" not in codes(look(GOOD + " 🌱🌱🌱"))
    assert "emoji" in codes(look(GOOD + " 🌱🌱🌱🌱"))


def test_a_text_like_a_contract_is_hard_to_read() -> None:
    contract = ("Notwithstanding any contradictory stipulations, the undersigned organisation endeavours to "
                "disseminate commercially "
                "motivated communications, periodically, utilising telecommunications infrastructure "
                "administered internationally by unaffiliated corporations established elsewhere.")
    assert "hard_to_read" in codes(look(contract))
    assert "hard_to_read" not in codes(look(GOOD))


def test_a_language_without_words_is_said_and_still_looked_at() -> None:
    found = look("Acme Garden があなたに WhatsApp で手紙を送ります。", "ja", topics=())
    assert {"unknown_language", "leave"} <= codes(found)
    assert "often" not in codes(found)


# -- as a whole --------------------------------------------------------------------------------------------------------


def test_the_gravest_comes_first_and_only_what_is_missing_can_have_a_reason() -> None:
    found = look("Hurry! {name} GREAT PRICES!!!")
    severities = [finding.severity for finding in found]
    assert severities == sorted(severities)
    assert {finding.kind for finding in musts(found)} == {"missing", "design", "form"}
    assert {finding.code for finding in beyond_reason(found)} == {"pressure", "placeholder"}


def test_every_check_has_its_heading_in_the_documents_and_no_other() -> None:
    page = (Path(__file__).parents[2] / "docs" / "lint.md").read_text("utf-8")
    assert re.findall(r"^### `([a-z_]+)`$", page, re.MULTILINE) == list(CHECKS)


@settings(max_examples=60, deadline=None, database=None)
@given(st.text(max_size=300), st.sampled_from([*LANGUAGES, "ja", "xx", ""]))
def test_no_text_whatever_makes_it_fail(text: str, lang: str) -> None:
    for finding in look(text, lang, buttons=(text[:30],)):
        whole = text if finding.where == "text" else text[:30]
        assert finding.words == whole[finding.start:finding.end]
        assert finding.code in CHECKS
