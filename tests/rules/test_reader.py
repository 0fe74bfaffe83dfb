"""The rules that are data are whole, right and quick to read; a wrong file is refused by name and key."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import fields

import pytest

from sayso.core.intents import ALWAYS_STOP, INTENTS, Lexicon, Words, fold
from sayso.errors import ConfigError
from sayso.rules.reader import (
    MAX_BUTTON,
    MAX_FOOTER,
    Replies,
    load_replies,
    load_words,
    parse_replies,
    parse_words,
    reply_for,
)

WORDS = load_words()
REPLIES = load_replies()
LEXICON = Lexicon(WORDS)
SPOKEN = {
    "ar", "bg", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hu", "id", "it", "ja", "ko",
    "ms", "nb", "nl", "pl", "pt-BR", "pt-PT", "ro", "ru", "sv", "ta", "th", "tr", "ur", "vi", "zh-Hans",
}
ENGLISH = "\n".join(f"{field.name} = '''{getattr(REPLIES['en'], field.name)}'''" for field in fields(Replies))


# --- words --------------------------------------------------------------------------------------------------


def test_there_are_words_for_every_language() -> None:
    assert len(WORDS) >= 64
    assert len({words.lang for words in WORDS}) == len({words.name for words in WORDS}) == len(WORDS)


@pytest.mark.parametrize("words", WORDS, ids=lambda words: words.lang)
def test_every_language_can_stop_start_agree_and_decline(words: Words) -> None:
    needed = {"stop", "start", "yes", "no"} - ({"start"} if words.lang == "any" else set())
    assert needed <= {intent for intent in INTENTS if words.intents[intent]}


def test_no_language_gives_a_stop_another_meaning() -> None:
    for words in WORDS:
        others = {fold(word) for intent in INTENTS if intent != "stop" for word in words.intents[intent]}
        assert not others & ALWAYS_STOP


def test_notes_of_the_table_did_not_become_keywords() -> None:
    listed = {word for words in WORDS for intent in INTENTS for word in words.intents[intent]}
    assert not [word for word in listed if "English" in word or "Turkish" in word or "," in word]


def test_named_languages_alone_are_read() -> None:
    assert [words.lang for words in load_words(["tr", "az"])] == ["tr", "az"]
    with pytest.raises(ConfigError, match="there are no words for xx"):
        load_words(["xx"])


def test_all_words_are_read_and_folded_quickly() -> None:
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        Lexicon(load_words())
        best = min(best, time.perf_counter() - start)
    assert best < 0.25  # some 0.05 s on one quiet core; the rest is for a busy one


def test_importing_the_reader_reads_no_file() -> None:
    code = (
        "import sys\n"
        "def hook(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('.toml'): sys.exit(3)\n"
        "sys.addaudithook(hook)\n"
        "import sayso.rules.reader"
    )
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], check=False, env=environment).returncode == 0


GOOD = """
lang = "xx"
name = "X"
doubtful = ["halt"]
[stop]
words = ["halt"]
[yes]
words = ["ja"]
weak = ["j"]
"""


def test_a_right_file_of_words_is_read() -> None:
    words = parse_words("words/xx.toml", GOOD)
    assert words.intents["stop"] == ("halt",)
    assert words.intents["yes"] == ("ja", "j")
    assert (sorted(words.weak), sorted(words.doubtful)) == (["j"], ["halt"])
    assert words.intents["help"] == ()


@pytest.mark.parametrize(("old", "new", "key"), [
    ('lang = "xx"', "lang = 5", "lang"),
    ('lang = "xx"', 'lang = "yy"', "lang"),
    ('name = "X"', 'name = " "', "name"),
    ('name = "X"', 'nome = "X"', "nome"),
    ('name = "X"', 'name = "X"\nstopp = {}', "stopp"),
    ('["halt"]\n[stop]', '["other"]\n[stop]', "doubtful"),
    ('["ja"]', '"ja"', "yes.words"),
    ('["ja"]', "[1]", "yes.words"),
    ('["ja"]', '["!!"]', "yes.words"),
    ('["ja"]', '["ja", "ja"]', "yes.words"),
    ('["ja"]', f'["{"j" * 65}"]', "yes.words"),
    ('["ja"]', '["stop"]', "yes.words"),
    ('words = ["halt"]', 'words = ["halt"]\nweak = ["halt"]', "stop.weak"),
    ("[stop]", "[no]\nwords = 1\n[stop]", "no.words"),
    ("[stop]", "[stop", "words/xx.toml"),
])  # fmt: skip
def test_a_wrong_file_of_words_is_refused_with_its_name_and_key(old: str, new: str, key: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigError, match=r"words/xx\.toml") as refusal:
        parse_words("words/xx.toml", GOOD.replace(old, new))
    assert str(refusal.value.param).endswith(key)


# --- replies ------------------------------------------------------------------------------------------------


def test_sayso_speaks_thirty_four_languages() -> None:
    assert set(REPLIES) == SPOKEN
    assert len(SPOKEN) == 34


@pytest.mark.parametrize("lang", sorted(SPOKEN))
def test_buttons_and_footer_fit_where_they_are_shown(lang: str) -> None:
    reply = REPLIES[lang]
    shown_together = (
        (reply.yes_button, reply.no_button),
        (reply.clarify_stop_button, reply.clarify_offers_button, reply.clarify_keep_button),
        (reply.reason_often, reply.reason_relevant, reply.reason_never), (reply.topics_button,), (reply.pause_button,))
    for buttons in shown_together:
        assert all(len(button) <= MAX_BUTTON == 20 for button in buttons)
        assert len(set(buttons)) == len(buttons)
    assert len(reply.prompt_footer) <= MAX_FOOTER == 60


@pytest.mark.parametrize("lang", sorted(SPOKEN))
def test_the_commands_a_text_names_are_read_by_whoever_gets_it_with_english_ones_beside_them(lang: str) -> None:
    reply = REPLIES[lang]
    ours = ((reply.topics_word, "preferences"), (reply.status_word, "status"), (reply.pause_word, "snooze"),
            (reply.data_word, "privacy"))
    english = (("TOPICS", "preferences"), ("STATUS", "status"), ("PAUSE", "snooze"), ("MY DATA", "privacy"))
    for word, intent in (*ours, *english):
        for person in (lang, None):
            reading = LEXICON.read(word, person, [lang])
            assert (reading.intent, reading.grade) == (intent, "certain"), word


@pytest.mark.parametrize("lang", sorted(SPOKEN))
def test_the_keywords_a_text_names_are_read_as_such_by_whoever_gets_it(lang: str) -> None:
    reply = REPLIES[lang]
    for text in (reply.prompt_footer, reply.welcome, reply.stopped_some, reply.help):
        assert reply.stop_word in text
    for text in (reply.stopped_all, reply.stopped_some, reply.declined, reply.help):
        assert reply.start_word in text
    for word, intent in ((reply.stop_word, "stop"), (reply.start_word, "start")):
        for person in (lang, None):
            reading = LEXICON.read(word, person, [lang])
            assert (reading.intent, reading.grade) == (intent, "certain")


@pytest.mark.parametrize("lang", sorted(SPOKEN))
def test_the_words_that_stand_in_for_buttons_are_a_plain_yes_and_a_no(lang: str) -> None:
    reply = REPLIES[lang]
    assert reply.yes_word in reply.prompt_plain
    assert reply.no_word in reply.prompt_plain
    yes, no = LEXICON.read(reply.yes_word, lang, [lang]), LEXICON.read(reply.no_word, lang, [lang])
    assert (yes.intent, yes.strict, no.intent) == ("yes", True, "no")


@pytest.mark.parametrize("lang", sorted(SPOKEN))
def test_every_text_can_be_filled_in_and_says_who_writes(lang: str) -> None:
    reply = REPLIES[lang]
    for text in (reply.welcome, reply.stopped_some):
        filled = text.format(business="Acme & Söhne", purposes="offers, orders")
        assert "Acme & Söhne" in filled
        assert "offers, orders" in filled
    for text in (reply.stopped_all, reply.declined, reply.help, reply.clarify):
        assert "Acme" in text.format(business="Acme")
    for field in fields(Replies):
        assert getattr(reply, field.name) == " ".join(getattr(reply, field.name).split())


@pytest.mark.parametrize(("tag", "lang"), [
    ("en", "en"), ("en-GB", "en"), ("ES-mx", "es"), ("pt", "pt-BR"), ("pt-PT", "pt-PT"), ("zh", "zh-Hans"),
    (None, "en"), ("xx", "en"), ("", "en"),
])  # fmt: skip
def test_the_reply_falls_back_from_region_to_base_to_english(tag: str | None, lang: str) -> None:
    assert reply_for(tag, REPLIES).lang == lang


def test_a_right_file_of_replies_is_read() -> None:
    assert parse_replies("replies/en.toml", ENGLISH) == REPLIES["en"]


@pytest.mark.parametrize(("old", "new", "key"), [
    ("yes_button = '''Yes, I agree'''", "yes_button = '''Yes, I agree to it all'''", "yes_button"),
    ("prompt_footer = '''", "prompt_footer = '''" + "STOP " * 12, "prompt_footer"),
    ("kept = '''", "kept = '''{business}", "kept"),
    ("welcome = '''", "welcome = '''{name}", "welcome"),
    ("clarify = '''", "clarify = '''}", "clarify"),
    ("start_word = '''START'''", "start_word = '''BEGIN'''", "stopped_all"),
    ("kept = '''", "keep = '''", "keep"),
    ("lang = '''en'''", "lang = '''fr'''", "lang"),
    ("kept = '''All right, nothing has changed.'''", "kept = ''", "kept"),
])  # fmt: skip
def test_a_wrong_file_of_replies_is_refused_with_its_name_and_key(old: str, new: str, key: str) -> None:
    assert old in ENGLISH
    with pytest.raises(ConfigError, match=r"replies/en\.toml") as refusal:
        parse_replies("replies/en.toml", ENGLISH.replace(old, new))
    assert refusal.value.param == f"replies/en.toml:{key}"
