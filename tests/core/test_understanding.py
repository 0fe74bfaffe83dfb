"""Free text: the object decides what is a stop, nothing in it grants, hostile text costs no more than its length."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.core.classifier import MAGIC, BrokenModel, Classifier, Guess
from sayso.core.features import features, plain, words_of
from sayso.core.intents import MAX_TEXT
from sayso.core.phrases import Phrasebook, keyed
from sayso.core.understanding import SENTENCE, STOPS, Understanding, _split
from sayso.rules.reader import load_understanding

WORDS = load_understanding()


@pytest.mark.parametrize("text", [
    "is there a way to stop the pain?", "I'll stop by at 5", "cancel my order", "when does the sale end",
    "don't stop, these are great", "no me manden mas cobros duplicados", "which stop is nearest to the clinic?",
    "quiero cancelar mi cita del martes", "kannst du meinen Termin absagen?", "le bus s'arrête où ?",
])  # fmt: skip
def test_a_stop_of_something_else_is_never_certain(text: str) -> None:
    assert WORDS.read(text).grade == "none" or WORDS.read(text).intent not in STOPS


@pytest.mark.parametrize(("text", "lang"), [
    ("pls dont msg me again", "en"), ("quita mi numero de tu lista", "es"), ("stop texting me or i report you", "en"),
    ("ne m'envoyez plus de messages", "fr"), ("bitte keine nachrichten mehr schicken", "de"),
    ("mujhe message mat bhejo", "hi"), ("не пишите мне больше никогда", "ru"), ("ya no me escriban mas", "es"),
])  # fmt: skip
def test_a_plain_stop_in_a_sentence_is_certain_with_the_language_and_without(text: str, lang: str) -> None:
    for known in (lang, None):
        reading = WORDS.read(text, known)
        assert (reading.intent, reading.grade, reading.free) == ("stop", "certain", True)


def test_offers_alone_are_told_from_everything() -> None:
    assert WORDS.read("no more offers please, only order updates").intent == "stop_promotional"


def test_keywords_come_before_free_text() -> None:
    assert WORDS.read("STOP").free is False
    assert WORDS.read("baja", "es").free is False


def test_a_stop_within_a_long_text_asks_and_does_not_act() -> None:
    story = "My parcel came on Monday and the box was wet. " * 10
    reading = WORDS.read(story + "Stop sending me messages.")
    assert (reading.intent, reading.grade) == ("stop", "likely")
    assert WORDS.read(story).intent is None


@given(st.text(max_size=400))
@settings(max_examples=150, deadline=None)
def test_free_text_never_raises_and_is_never_strict(text: str) -> None:
    reading = WORDS.read(text)
    assert not (reading.free and reading.strict)
    assert (reading.grade == "none") == (reading.intent is None)
    assert WORDS.read(text) == reading


@pytest.mark.parametrize("unit", [
    "stop ", "a", "не пишите ", "停止发送", "ส่ง", "no.", "\u0301a", "stop\n", "a b ", "🛑x",
])  # fmt: skip
def test_features_grow_with_the_text_and_no_faster(unit: str) -> None:
    """Counted, not timed: every window is of fixed width."""
    book = Phrasebook({"stop": ["stop", "停止", "не"], "off": ["a", "b"]})
    text = (unit * MAX_TEXT)[:MAX_TEXT]
    pieces, ideas, _ = features(text, book, 18)
    assert len(pieces) + len(ideas) <= 40 * MAX_TEXT
    assert len(book.ideas(words_of(plain(text)))) <= 2 * MAX_TEXT
    parts = _split(text)
    assert sum(map(len, parts)) <= MAX_TEXT
    assert len(parts) <= MAX_TEXT // SENTENCE + 1
    assert WORDS.read(text) == WORDS.read(text)


def test_a_phrase_of_several_words_and_a_beginning_are_found() -> None:
    book = Phrasebook({"off": [keyed("Take me off"), keyed("unsub*")], "me": ["me"]})
    assert book.ideas(["take", "me", "off"]) == [("off",), ("me",)]
    assert book.ideas(["unsubscribing"]) == [("off",)]
    assert keyed("!?") == ""


def _header(length: int, body: bytes) -> bytes:
    return MAGIC + length.to_bytes(4, "big") + body


@pytest.mark.parametrize("model", [
    b"", b"not a model", MAGIC, _header(2, b"[]"), _header(9, b"{"), _header(2**31, b"{}"), _header(2, b"{}x"),
])  # fmt: skip
def test_what_is_no_model_is_refused(model: bytes) -> None:
    with pytest.raises(BrokenModel):
        Classifier(model)


def test_a_model_cut_short_is_refused() -> None:
    from importlib import resources

    model = (resources.files("sayso.rules") / "intents.bin").read_bytes()
    with pytest.raises(BrokenModel):
        Classifier(model[: len(model) // 2])


def test_a_certain_stop_needs_words_that_agree() -> None:
    class Sure(Classifier):
        def guess(self, text: str) -> Guess:
            return Guess({**dict.fromkeys(self.labels, 0.0), "stop": 1.0}, frozenset({"msg"}))

    from importlib import resources

    sure = Sure((resources.files("sayso.rules") / "intents.bin").read_bytes())
    assert Understanding(WORDS.keywords, sure).read("a message about nothing").grade == "likely"
