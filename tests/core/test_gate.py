"""The gate: every reason can be reached, the order is the design's, and nothing allows by default or on error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.core import gate, lifecycle
from sayso.core.events import TYPES, Event
from sayso.core.gate import OWN, REASONS, SERVICE_WINDOW, TABLE, Question, Verdict, decide, decide_own
from sayso.core.lifecycle import NOBODY, SKEW, UNREADABLE, Standing, fold
from sayso.core.purposes import ALL_MARKETING, EVERYTHING, Cell
from tests.core.facts import HOUR, OFFERS, ORDERS, S, T, asked, fact, fact_sets, prompted, said_no, stop, yes

NOW = T + HOUR
SUPPORT = Cell("support", "shop", "service")
YES = [asked(T), yes(T + S)]


def ask(facts: list[Event], cell: Cell = OFFERS, now: int = NOW, *, free_form: bool = False) -> Verdict:
    return decide(fold(facts), Question(cell, now, free_form))


def spoke(at: int) -> Event:
    return fact("spoke", at, facts={"inbound": "shop"})


HELD = fact("stop_suspected", T + 5 * S, cells=(ALL_MARKETING,))
NATIVE = fact("native_stop", T + 5 * S, cells=(ALL_MARKETING,))
PAUSE = fact("paused", T + 5 * S, cells=(EVERYTHING,), facts={"until": NOW + HOUR})


@pytest.mark.parametrize(("facts", "cell", "free_form", "verdict", "reason"), [
    (YES, OFFERS, False, "allow", "granted"),
    ([*YES, spoke(T + 2 * S)], OFFERS, True, "allow", "granted"),
    ([spoke(T)], SUPPORT, True, "allow", "in_window"),
    ([], OFFERS, False, "deny", "no_consent"),
    ([asked(T)], OFFERS, False, "deny", "pending"),
    ([asked(T), yes(T + S, expires_at=NOW)], OFFERS, False, "deny", "expired"),
    ([*YES, stop(T + 5 * S, EVERYTHING)], OFFERS, False, "deny", "stopped_all"),
    ([*YES, stop(T + 5 * S)], OFFERS, False, "deny", "stopped"),
    ([*YES, said_no(T + 5 * S)], OFFERS, False, "deny", "stopped"),
    ([*YES, NATIVE], OFFERS, False, "deny", "stopped_on_whatsapp"),
    ([*YES, HELD], OFFERS, False, "deny", "held_unclear"),
    ([*YES, PAUSE], OFFERS, False, "wait", "paused"),
    ([], SUPPORT, True, "deny", "window_closed"),
    ([fact("said_maybe", T), *YES], OFFERS, False, "deny", "unreadable"),
])  # fmt: skip
def test_each_reason_is_given_for_what_it_says(
    facts: list[Event], cell: Cell, free_form: bool, verdict: str, reason: str
) -> None:
    answer = ask(facts, cell, free_form=free_form)
    assert (answer.verdict, answer.reason, answer.sentence) == (verdict, reason, REASONS[reason])
    assert answer.allowed == (verdict == "allow")


def test_an_answer_names_the_event_it_rests_on() -> None:
    assert ask(YES).because == YES[1].id
    last = stop(T + 5 * S, EVERYTHING)
    assert ask([*YES, stop(T + 2 * S), last]).because == last.id
    assert ask([asked(T)]).because == "evt_asked"
    assert ask([*YES, PAUSE]).until == NOW + HOUR


@pytest.mark.parametrize(("stricter", "milder"), [
    ([stop(T + 5 * S, EVERYTHING)], [NATIVE]), ([NATIVE], [HELD]), ([HELD], [PAUSE]),
])  # fmt: skip
def test_the_first_row_that_speaks_decides(stricter: list[Event], milder: list[Event]) -> None:
    assert ask([*YES, *stricter, *milder]).reason == ask([*YES, *stricter]).reason
    assert ask([*YES, *milder]).reason != ask([*YES, *stricter]).reason


def test_the_order_of_the_table_is_the_designs() -> None:
    names = [row.__name__ for row in TABLE]
    assert names == ["_unreadable", "_stop", "_native", "_hold", "_pause", "_service", "_consent"]


def test_a_free_form_message_needs_an_open_window_even_with_a_yes() -> None:
    facts = [asked(T), yes(T + S)]
    at_the_edge = T + S + SERVICE_WINDOW
    assert ask(facts, now=at_the_edge - 1, free_form=True).reason == "granted"
    assert ask(facts, now=at_the_edge, free_form=True).reason == "window_closed"
    assert ask(facts, now=at_the_edge).reason == "granted"


def test_the_window_of_one_sender_is_not_the_window_of_another() -> None:
    assert ask([spoke(T)], Cell("support", "desk", "service")).reason == "window_closed"


@pytest.mark.parametrize(("facts", "reason"), [
    ([spoke(T), stop(T + 5 * S, EVERYTHING)], "stopped_all"),
    ([stop(T + 5 * S, EVERYTHING), spoke(T + 5 * S)], "stopped_all"),
    ([stop(T + 5 * S, EVERYTHING), spoke(T + 6 * S)], "in_window"),
    ([stop(T + 5 * S, EVERYTHING, clock="sayso"), spoke(T + 6 * S)], "stopped_all"),
    ([stop(T + 5 * S, EVERYTHING, clock="sayso"), spoke(T + 6 * S + SKEW)], "in_window"),
    ([stop(T, EVERYTHING, clock="sayso"), stop(T + 5 * S, EVERYTHING), spoke(T + 6 * S)], "stopped_all"),
])  # fmt: skip
def test_service_after_a_stop_waits_for_the_person_to_speak_first(facts: list[Event], reason: str) -> None:
    assert ask(facts, SUPPORT).reason == reason


def test_a_message_after_a_stop_opens_service_and_nothing_else() -> None:
    facts = [asked(T, cells=(OFFERS, ORDERS)), yes(T + S), stop(T + 5 * S, EVERYTHING), spoke(T + 6 * S)]
    assert [ask(facts, cell).verdict for cell in (SUPPORT, OFFERS, ORDERS)] == ["allow", "deny", "deny"]


# -- nothing allows by default -----------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(fact_sets(), st.sampled_from([OFFERS, ORDERS, SUPPORT, Cell("invented", "shop", "marketing")]),
       st.integers(0, 40), st.booleans())  # fmt: skip
def test_an_allow_always_rests_on_a_live_grant_or_an_open_window(
    facts: list[Event], cell: Cell, when: int, free_form: bool
) -> None:
    standing, now = fold(facts), T + when * 100 * S
    answer = decide(standing, Question(cell, now, free_form))
    if not answer.allowed:
        assert answer.reason in REASONS
    elif cell.cls == "service":
        assert dict(standing.windows)["shop"] > now - SERVICE_WINDOW
    else:
        grant = lifecycle.grant_of(standing, cell)
        assert grant is not None
        assert grant.event == answer.because or grant.until == 0 or grant.until > now


def test_a_record_that_cannot_be_read_is_denied_everything() -> None:
    for cell in (OFFERS, ORDERS, SUPPORT):
        assert decide(UNREADABLE, Question(cell, NOW)).reason == "unreadable"


@pytest.mark.parametrize("place", range(len(TABLE)))
def test_a_row_that_breaks_denies(place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(standing: Standing, question: Question) -> Verdict | None:
        raise RuntimeError

    monkeypatch.setattr(gate, "TABLE", (*TABLE[:place], broken, *TABLE[place + 1 :]))
    assert ask(YES).verdict == "deny"


def test_a_table_in_which_nobody_speaks_denies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "TABLE", ())
    assert ask(YES).verdict == "deny"


# -- sayso's own messages ----------------------------------------------------------------------------------------------


def own(facts: list[Event], kind: str, answers: Event, now: int = NOW) -> str:
    return decide_own(fold(facts), kind, answers.id, answers.type, now, answers.cells).reason


def test_no_message_of_its_own_goes_out_unless_the_table_names_what_it_answers() -> None:
    for kind in (*OWN, "advertising"):
        for answers in TYPES:
            verdict = decide_own(NOBODY, kind, "evt_1", answers, NOW)
            assert not verdict.allowed or answers in OWN[kind]
            if answers not in OWN.get(kind, frozenset()):
                assert verdict.reason == "nothing_to_answer"


def test_a_question_goes_out_only_while_somebody_waits_for_it() -> None:
    request = asked(T)
    for kind in ("prompt", "reminder"):
        assert own([request], kind, request) == "answers_event"
        assert own([request], kind, request, now=T + 73 * HOUR) == "no_longer_due"
        assert own([request, yes(T + S)], kind, request) == "no_longer_due"
        assert own([request, said_no(T + S)], kind, request) == "no_longer_due"
        assert own([request, stop(T + S, EVERYTHING)], kind, request) == "no_longer_due"


def test_a_welcome_goes_out_only_while_its_grant_stands() -> None:
    assert own(YES, "welcome", YES[1]) == "answers_event"
    assert own([*YES, stop(T + 5 * S)], "welcome", YES[1]) == "no_longer_due"
    assert own([yes(T + S, "evt_none")], "welcome", yes(T + S, "evt_none")) == "no_longer_due"


def test_a_question_about_a_hold_goes_out_only_while_it_holds() -> None:
    assert own([HELD], "clarify", HELD) == "answers_event"
    assert own([HELD, fact("hold_released", T + 9 * S, cells=(EVERYTHING,))], "clarify", HELD) == "no_longer_due"


def test_a_stop_confirmation_is_always_due() -> None:
    last: Any = stop(T + 5 * S, EVERYTHING)
    assert own([*YES, last], "stop_confirmation", last) == "answers_event"


def test_an_unreadable_record_gets_not_even_an_answer() -> None:
    for kind, answered in OWN.items():
        for answers in answered:
            assert decide_own(UNREADABLE, kind, "evt_1", answers, NOW).reason == "unreadable"


def test_a_prompt_that_went_out_still_may_be_reminded_of() -> None:
    request = asked(T)
    assert own([request, prompted(T + S)], "reminder", request) == "answers_event"
