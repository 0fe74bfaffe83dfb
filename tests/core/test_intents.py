"""What a whole message means: folding, languages in conflict, and no listed stop ever read as nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core.intents import (
    ALWAYS_STOP,
    INTENTS,
    MARKS_MATTER,
    MAX_KEYWORD,
    MAX_TEXT,
    Lexicon,
    Words,
    fold,
    languages_of,
)
from sayso.rules.reader import load_words

WORDS = load_words()
LEXICON = Lexicon(WORDS)
ANY_TEXT = st.text(max_size=300) | st.text(
    alphabet=st.sampled_from("aIİıßŁđÉé\u0301\u0307\u0323?؟¿!.-_ \n\u200b\ufe0f\u200d🏽👍ﷺ각กि'’"),
    max_size=60,
)
STOPS = [(words.lang, word) for words in WORDS for word in words.intents["stop"]]


def tiny(lang: str, **intents: tuple[str, ...]) -> Words:
    doubtful = frozenset(intents.pop("doubtful", ()))
    weak = frozenset(intents.pop("weak", ()))
    table = {intent: intents.get(intent, ()) for intent in INTENTS}
    return Words(lang, lang, table, weak, doubtful)


# --- folding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "STOP", " stop ", "Stop!!", "STOP.", "«Stop»", "„stop“", "(stop)", "【STOP】", "¡Stop!", "stop…",
    "ＳＴＯＰ", "*STOP*", "_stop_", "~stop~", "```stop```", "s\u200bt\u200bop", "\u202estop\u202c",
    "st\u00adop", "stop\n\n",
    "stop。", "“STOP”", "stop\ufe0f", "\ufeffstop", "stop\x00", "Śtóp", "stop?",
])  # fmt: skip
def test_it_folds_every_dress_of_stop_to_stop(text: str) -> None:
    assert fold(text) == "stop"


@pytest.mark.parametrize(("text", "folded"), [
    ("Désabonner", "desabonner"), ("ŁÓDŹ", "lodz"), ("ΔΙΑΚΟΠΉ", "διακοπη"), ("τέλος", "τελοσ"), ("Ё", "е"),
    ("Straße", "strasse"), ("hjælp", "hjaelp"), ("d’accord", "d'accord"), ("opt-out", "opt out"),
    ("opt‑out", "opt out"), ("stop \u00a0\t all", "stop all"), ("ﬁn", "fin"),
])  # fmt: skip
def test_it_folds_marks_case_and_spaces_in_latin_greek_and_cyrillic(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize("text", ["बंद करो", "หยุด", "நிறுத்து", "নিষেধ", "ゲ", "ပယ်ဖျက်"])
def test_it_keeps_vowel_signs_where_they_are_letters(text: str) -> None:
    assert fold(text) == text


def test_it_reads_arabic_with_and_without_its_points() -> None:
    assert fold("إيقَاف") == fold("ايقاف") == fold("إيقـــاف")
    assert fold("لغو عضویت") == fold("لغو عضويت")
    assert LEXICON.read("إِلْغَاءُ الاِشْتِرَاك", "ar").intent == "stop"
    assert LEXICON.read("הָסֵר", "he").intent == "stop"


@pytest.mark.parametrize(("text", "folded"), [
    ("👍🏽", "👍"), ("👍🏿", "👍"), ("❌\ufe0f", "❌"), ("✅️", "✅"), ("🛑!", "🛑"),
    ("?", "?"), ("？", "?"), ("؟", "?"), (" ?? ", "?"), ("¿?", "?"), ("¿", ""),
])  # fmt: skip
def test_it_keeps_the_emoji_itself_and_a_lone_question_mark(text: str, folded: str) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize("text", ["", " ", "...", "\u200b", "\u200d\ufe0f", "!?!", "🏽", "\n\t", "—", "（）"])
def test_nothing_readable_is_no_intent(text: str) -> None:
    assert fold(text) == ""
    reading = LEXICON.read(text, "en", ["en"])
    assert (reading.intent, reading.grade) == (None, "none")


@pytest.mark.parametrize("lang", ["tr", "az"])
@pytest.mark.parametrize("text", ["İPTAL", "IPTAL", "iptal", "ıptal", "İptal.", "i\u0307ptal"])
def test_dotted_and_dotless_i_meet(lang: str, text: str) -> None:
    assert fold(text, lang) == fold(text) == "iptal"
    assert (LEXICON.read(text, lang).intent, LEXICON.read(text, lang).grade) == ("stop", "certain")


@pytest.mark.parametrize(("text", "lang", "intent"), [
    ("ÇIK", "tr", "stop"), ("çık", "tr", "stop"), ("CIK", "tr", "stop"), ("HAYIR", "tr", "no"),
    ("hayir", "tr", "no"),
    ("BAŞLA", "tr", "start"), ("DAYANDIR", "az", "stop"), ("LƏĞV ET", "az", "stop"), ("İmtina", "az", "stop"),
])  # fmt: skip
def test_turkish_and_azerbaijani_capitals_are_read(text: str, lang: str, intent: str) -> None:
    assert LEXICON.read(text, lang).intent == intent


@given(text=ANY_TEXT, lang=st.sampled_from([None, "vi", "tr", "xx"]))
def test_folding_twice_is_folding_once(text: str, lang: str | None) -> None:
    folded = fold(text, lang)
    assert fold(folded, lang) == folded


@given(
    text=ANY_TEXT | st.text(st.characters(categories=["Cs", "Cn", "Co", "Mn", "Cf", "Cc"])), lang=st.text()
)
def test_it_never_raises_on_any_text(text: str, lang: str) -> None:
    reading = LEXICON.read(text, lang, [lang])
    assert (reading.intent is None) == (reading.grade == "none")


@pytest.mark.parametrize(
    "unit", ["a", "e\u0301", "\u0301\u0323", "\u200b", ".", "ﷺ", "a.", " x", "?", "👍🏽", "đ"]
)
def test_a_very_long_text_costs_no_more_than_a_long_one(unit: str) -> None:
    start = time.perf_counter()
    assert len(fold(unit * 1_000_000)) <= MAX_TEXT * 18  # NFKC's longest expansion
    assert LEXICON.read(unit * 1_000_000).grade == "none"
    assert LEXICON.read((unit * MAX_TEXT)[:MAX_TEXT]).strict is False
    assert time.perf_counter() - start < 2


def test_a_long_text_is_never_cut_down_to_a_keyword() -> None:
    assert LEXICON.read("stop" + " " * MAX_TEXT + "by the shop").grade == "none"
    assert LEXICON.read("stop" + " " * 1000).intent == "stop"
    assert LEXICON.read("x" * (MAX_KEYWORD + 1)).grade == "none"


# --- stops --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", sorted(ALWAYS_STOP))
@pytest.mark.parametrize("lang", [*LEXICON.languages, "is", None])
def test_stop_is_a_stop_in_every_language(word: str, lang: str | None) -> None:
    reading = LEXICON.read(f"{word.upper()}.", lang, ["de"])
    assert (reading.intent, reading.grade) == ("stop", "certain")


def test_stop_is_a_stop_even_without_any_word_list() -> None:
    assert Lexicon([]).read("STOP").grade == "certain"


@pytest.mark.parametrize(("lang", "word"), STOPS)
def test_every_listed_stop_is_read_in_its_language_and_never_as_nothing_elsewhere(
    lang: str, word: str
) -> None:
    for spelling in (word, word.upper(), f" {word}! "):
        assert LEXICON.read(spelling, lang).intent == "stop"
        assert LEXICON.read(spelling).intent == "stop"
        assert LEXICON.read(spelling, None, ["en"]).intent == "stop"
    if lang != "any":
        assert LEXICON.read(word, lang).grade == "certain"


@pytest.mark.parametrize(
    "text",
    ["s t o p", "S.T.O.P", "S-T-O-P", "s t o p !", "stop stop", "Please, stop", "STOP, stop... STOP!!!"],
)
def test_it_reads_stops_spelt_out_or_said_with_a_word_more(text: str) -> None:
    assert LEXICON.read(text, "en").intent == "stop"


@pytest.mark.parametrize("text", [
    "STOP 12345", "stop by the shop at 5", "cancel my order", "is there a way to stop the pain?", "stopwatch",
    "unstoppable", "don't stop", "en basta un documento", "予約のキャンセル", "stop\nand buy",
])  # fmt: skip
def test_a_sentence_is_no_keyword(text: str) -> None:
    assert LEXICON.read(text, "en", ["en"]).grade == "none"


def test_english_stop_words_are_understood_beside_any_language() -> None:
    for word in ("unsubscribe", "quit", "revoke", "opt out"):
        assert LEXICON.read(word, "de", ["de"]).grade == "certain"


def test_an_english_stop_gives_way_to_the_persons_own_word_only() -> None:
    lexicon = Lexicon([tiny("en", stop=("end",)), tiny("xx", yes=("end",)), tiny("yy", no=("no",))])
    assert lexicon.read("end", "xx").intent == "yes"
    assert lexicon.read("end", "yy", ["xx"]).intent == "stop"


# --- languages in conflict ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "person", "workspace", "intent", "grade"), [
    ("acha", "hi", [], "yes", "certain"),  # the person's language is final
    ("acha", "sw", ["hi"], "stop", "certain"),
    ("acha", None, ["hi"], "stop", "likely"),  # a workspace language does not silence a stop
    ("acha", None, ["sw"], "stop", "certain"),
    ("acha", None, [], "stop", "likely"),
    ("tak", "pl", [], "yes", "certain"),
    ("tak", "ms", ["pl"], "no", "certain"),
    ("tak", None, [], None, "none"),
    ("ne", "el", ["cs"], "yes", "certain"),
    ("ne", "cs", [], "no", "certain"),
    ("nai", None, [], None, "none"),
    ("no", "pl", [], "yes", "certain"),
    ("no", "fr", ["fr"], "no", "certain"),  # the colloquial Polish yes does not reach beyond Poland
    ("t", "pl", [], "yes", "certain"),
    ("t", "zh-CN", [], "stop", "certain"),
    ("t", None, [], "stop", "likely"),
    ("fine", "it", [], "stop", "certain"),
    ("fine", "en", ["en"], "stop", "likely"),  # asked about, not believed
    ("red", "en", ["tr"], "stop", "certain"),
    ("red", None, ["en"], "stop", "likely"),
    ("baja", "en", ["en"], "stop", "certain"),
    ("ha ha", "hi", [], None, "none"),  # laughter, though one "ha" is a yes
    ("to", "en", [], None, "none"),  # a yes in Hausa, nothing in English
    ("venam", "ta", ["ml"], "no", "certain"),
    ("venam", "ml", [], "yes", "certain"),
])  # fmt: skip
def test_conflicts_are_resolved_by_the_person_then_the_workspace_then_all(
    text: str, person: str | None, workspace: list[str], intent: str | None, grade: str
) -> None:
    reading = LEXICON.read(text, person, workspace)
    assert (reading.intent, reading.grade) == (intent, grade)


def test_a_stop_and_something_else_in_one_language_is_a_likely_stop() -> None:
    lexicon = Lexicon([tiny("xx", stop=("ok",), yes=("OK",))])
    assert (lexicon.read("ok", "xx").intent, lexicon.read("ok", "xx").grade) == ("stop", "likely")


def test_between_two_harmless_meanings_it_takes_the_one_that_grants_nothing() -> None:
    lexicon = Lexicon(
        [tiny("xx", yes=("a1", "b1"), start=("a1",), no=("b1",), help=("c1",), preferences=("c1",))]
    )
    assert lexicon.read("a1", "xx").intent == "start"
    assert lexicon.read("b1", "xx").grade == "none"
    assert lexicon.read("c1", "xx").intent == "help"


@pytest.mark.parametrize(("text", "lang", "intent", "grade"), [
    ("dừng", "vi", "stop", "certain"),
    ("DỪNG", None, "stop", "certain"),
    ("đúng", "vi", "yes", "certain"),  # "correct"
    ("dung", "vi", "stop", "likely"),  # without marks it could be either
    ("dung lai", "vi", "stop", "likely"),
    ("huy", "vi", "stop", "certain"),
    ("không", "vi", "no", "certain"),
    ("khong", "vi", "no", "certain"),
])  # fmt: skip
def test_vietnamese_marks_make_another_word(text: str, lang: str | None, intent: str, grade: str) -> None:
    assert "vi" in MARKS_MATTER
    reading = LEXICON.read(text, lang)
    assert (reading.intent, reading.grade) == (intent, grade)


# --- yes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "person", "workspace", "strict"), [
    ("YES", "en", [], True),
    ("Sí", "es-MX", [], True),
    ("yes", None, ["en"], True),
    ("tak", "pl", [], True),
    ("tak", None, ["pl"], False),  # a Malay no
    ("sim", "pt", [], True),
    ("yes", None, [], False),  # no language to hold it to
    ("yes", "de", ["de"], False),
    ("y", "en", [], False),
    ("👍", "en", ["en"], False),
    ("✅", None, [], False),
    ("k", "en", [], False),
    ("acha", "hi", [], False),
    ("blz", "pt-BR", [], False),
    ("ครับ", "th", [], False),
])  # fmt: skip
def test_a_strict_yes_is_a_plain_word_of_a_language_in_use(
    text: str, person: str | None, workspace: list[str], strict: bool
) -> None:
    reading = LEXICON.read(text, person, workspace)
    assert (reading.intent, reading.strict) == ("yes", strict)


def test_no_sign_and_no_single_letter_is_ever_a_strict_yes() -> None:
    listed = {word for words in WORDS for word in words.intents["yes"]}
    short = [
        word for word in listed if not any(map(str.isalnum, word)) or (len(word) == 1 and word.isascii())
    ]
    assert len(short) > 10
    for words in WORDS:
        assert not any(LEXICON.read(word, words.lang, [words.lang]).strict for word in short)


@pytest.mark.parametrize(("text", "intent"), [
    ("👍🏽", "yes"), ("👍👍👍", "yes"), ("❌", "no"), ("👎🏿", "no"), ("?", "help"),
    ("？", "help"), ("🛑🛑", "stop"),
    ("no, gracias", "no"), ("Yes, please!", "yes"), ("D’accord", "yes"),
])  # fmt: skip
def test_signs_and_inner_commas_are_read(text: str, intent: str) -> None:
    assert LEXICON.read(text, "fr", ["en", "es"]).intent == intent


# --- language tags ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tag", "languages"), [
    ("es", ("es",)), ("es-MX", ("es",)), ("ES_mx", ("es",)), ("pt", ("pt-BR", "pt-PT")),
    ("PT-br", ("pt-BR",)),
    ("pt-AO", ("pt-BR", "pt-PT")), ("zh", ("zh-Hans",)), ("zh-CN", ("zh-Hans",)),
    ("zh-Hant-TW", ("zh-Hans",)),
    ("no", ("nb",)), ("nn-NO", ("nb",)), ("tl", ("fil",)), ("iw", ("he",)), ("any", ()), ("xx", ()), ("", ()),
    (None, ()), ("-", ()), ("zh-", ("zh-Hans",)),
])  # fmt: skip
def test_a_language_tag_falls_back_from_region_to_base(tag: str | None, languages: tuple[str, ...]) -> None:
    assert languages_of(tag, LEXICON.languages) == languages


def test_both_portugueses_are_read_for_pt() -> None:
    for word in ("descadastrar", "anular"):
        assert LEXICON.read(word, "pt").grade == "certain"


def test_the_deciding_language_is_named_only_when_it_is_known() -> None:
    assert LEXICON.read("ok").lang is None
    assert LEXICON.read("baja").lang == "es"
    assert LEXICON.read("stop", "de").lang == "de"
    assert LEXICON.read("👍", "de").lang is None


@pytest.mark.parametrize("text", ["STOP 🙏", "stop👎", "STOP 🛑", "🙏 stop", "Stop \ufffd", "STOP ❤️!!"])
def test_a_stop_dressed_in_signs_is_a_stop(text: str) -> None:
    assert (LEXICON.read(text).intent, LEXICON.read(text).grade) == ("stop", "certain")
