"""What speaks of a stop and is none is never a certain stop; what sounds like it and is a stop stays one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.core.denials import MAX_CLAUSES, Denials, tokens
from sayso.core.intents import MAX_TEXT
from sayso.core.understanding import STOPS
from sayso.rules.reader import load_understanding

WORDS = load_understanding()
DENIALS = Denials({
    "en": {
        "why": [["why"]], "denied": [["keep", "me", "on"]], "told": [["i", "no", "longer", "get"]],
        "complaint": [["you", "never"]], "stay": [["here", "is", "fine"]],
        "demand": [["please", "remove"], ["i", "want", "to", "leave"], ["want", "to", "stop"]],
        "bare": [["remove", "me"]], "ends": [["text", "me"]], "before": [["if"]], "elsewhere": [["email*"]],
        "frames": [
            {"not": [["don", "t"], ["never"]], "between": [["want", "to"]], "leave": [["unsub*"], ["stop"]]},
            {"not": [["no"]], "leave": [["leave"]]},
        ],
    },
    "zh": {"frames": [{"not": [["不", "要"]], "between": [["再"]], "leave": [["取", "消"]]}]},
})  # fmt: skip


@pytest.mark.parametrize("text", [
    "I don't want to unsubscribe", "please don't stop sending me messages", "why did I get unsubscribed?",
    "why did you stop messaging me?", "never stop sending me these messages please",
    "I'm not getting your texts any more",
    "no quiero darme de baja", "no quiero dejar de recibir sus mensajes", "ich will mich nicht abmelden",
    "ne me désabonnez pas", "não quero sair da lista", "ik wil me niet afmelden", "не удаляйте меня из рассылки",
    "beni listeden çıkarmayın", "不要取消我的订阅", "配信停止しないでください",
    "구독 취소하지 마세요", "mujhe list se mat hatao",
    "why did you remove me from your list", "dont please unsubscribe me", "no quiero que me borren por favor",
    "pourquoi vous supprimez mon numéro", "what happens if i say unsubscribe me",
    "accidentally said stop, please keep messaging me", "don't contact me by phone, whatsapp is fine",
])  # fmt: skip
def test_a_denied_stop_and_a_question_about_one_are_never_certain(text: str) -> None:
    reading = WORDS.read(text)
    assert reading.intent not in STOPS or reading.grade != "certain"


@pytest.mark.parametrize("text", [
    "why are you texting me please remove me from your list", "how come i get these texts unsubscribe me",
    "your messages are fine but I want to unsubscribe", "ich will das nicht bitte löschen sie meine nummer",
    "por qué me escriben quiero darme de baja", "não quero me tirem da lista", "зачем вы мне пишете отпишите меня",
    "neden yazıyorsunuz numaramı silin",
    "I don't want your messages any more", "do not contact me", "no more messages", "stop, don't text me",
    "no me escriban más", "nicht mehr schreiben", "I can't unsubscribe, take me off your list",
    "why won't you stop texting me?", "if you don't stop texting me I will report you", "no, dejen de escribirme",
    "I don't want to unsubscribe a third time. Stop sending me messages!", "how do I unsubscribe from these texts?",
    "je n'arrive pas à me désabonner, retirez-moi de la liste", "не надо мне писать, удалите мой номер",
])  # fmt: skip
def test_a_stop_with_a_not_in_it_stays_certain(text: str) -> None:
    reading = WORDS.read(text)
    assert (reading.intent, reading.grade) == ("stop", "certain")


@pytest.mark.parametrize(("text", "rest"), [
    ("don't unsubscribe me", ""), ("I don't want to stop", ""), ("never ever stop", "never ever stop"),
    ("don't want this, stop", "don't want this, stop"), ("I never want to unsubscribe; stop the ads", " stop the ads"),
    ("no stop", "no stop"), ("no leave", ""), ("keep me on", ""), ("i no longer get texts", ""),
    ("why did it end", ""), ("tell me later why it ended", "tell me later why it ended"),
    ("why don't stop", "why don't stop"),
    ("you never stop", "you never stop"), ("不要再取消", ""), ("不要 取消", "不要 取消"), ("", ""), ("...", "..."),
])  # fmt: skip
def test_only_clauses_without_a_wish_to_leave_are_left_out(text: str, rest: str) -> None:
    assert DENIALS.read(text)[0] == rest


def test_a_why_with_a_denied_stop_is_a_complaint() -> None:
    assert DENIALS.read("why never stop")[0] == "why never stop"
    assert DENIALS.read("why stop")[0] == ""


@pytest.mark.parametrize(("text", "rest"), [
    ("why are you here please remove me", "please remove me"), ("why text me remove me", "remove me"),
    ("why did they remove me", ""), ("why remove me", ""), ("why please remove me", ""),
    ("i no longer get please remove me", ""), ("why ask if i want to leave", ""),
    ("don't want to stop", ""), ("don't unsub I want to leave", "i want to leave"),
    ("why is it I want to leave please remove me", "i want to leave please remove me"),
    ("why o'clock please remove me, don't unsub, ok", "please remove me.  ok"),
    ("I think it's fine please remove me", "I think it's fine please remove me"),
])  # fmt: skip
def test_a_demand_begins_a_clause_unless_something_before_it_governs_it(text: str, rest: str) -> None:
    assert DENIALS.read(text)[0] == rest


@pytest.mark.parametrize(("text", "welcome"), [
    ("here is fine please remove me", False), ("here is fine. remove me", False),
    ("please remove me, here is fine", True),
    ("here is fine please remove my email", True), ("here is fine, why are you asking", True),
])  # fmt: skip
def test_a_welcome_is_outweighed_by_a_demand_after_it(text: str, welcome: bool) -> None:
    assert DENIALS.read(text)[1] is welcome


def test_messages_are_welcome_only_where_nothing_denies_it() -> None:
    assert DENIALS.read("no calls, here is fine")[1]
    assert not DENIALS.read("never here is fine")[1]
    assert not DENIALS.read("you never ask if here is fine")[1]


def test_a_script_without_spaces_is_read_by_character_and_its_space_is_a_comma() -> None:
    assert tokens("ab 取消 消") == [("ab", 0), (" ", 1), ("取", 1), ("消", 1), (" ", 2), ("消", 2)]
    assert [token for token, _ in tokens("취소 하지")] == list("취소하지")


@given(st.text(max_size=300))
@settings(max_examples=100, deadline=None)
def test_no_text_raises_and_none_grows(text: str) -> None:
    rest, welcome = WORDS.classifier.denials.read(text)
    assert len(rest) <= len(text) + MAX_CLAUSES
    assert welcome in (True, False)


@pytest.mark.parametrize("unit", ["don't ", "want to ", "no.", "不要", "never want to stop ", ", ", "unsubunsub",
                                  "text me remove me ", "why please remove ", "i want to leave "])
def test_the_work_grows_with_the_text_and_no_faster(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: places of the tree that are visited."""
    visits = 0
    before = type(DENIALS._root).after

    def counting(node: object, word: str) -> object:
        nonlocal visits
        visits += 1
        return before(node, word)  # type: ignore[arg-type]

    monkeypatch.setattr(type(DENIALS._root), "after", counting)
    text = (unit * MAX_TEXT)[:MAX_TEXT]
    WORDS.classifier.denials.read(text)
    assert visits <= 12 * MAX_TEXT
