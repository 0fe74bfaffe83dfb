"""The fold: a set predicate over facts. Order and repetition do not matter, a tie is a stop, a yes needs its proof."""

from __future__ import annotations

import itertools
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sayso.core import lifecycle
from sayso.core.events import Event
from sayso.core.lifecycle import NOBODY, SKEW, UNREADABLE, Standing, fold, grant_of, state_of
from sayso.core.purposes import ALL_MARKETING, EVERYTHING, Cell
from sayso.core.states import NEXT, STATES
from tests.core.facts import HOUR, OFFERS, ORDERS, S, T, asked, fact, fact_sets, prompted, said_no, stop, yes


def state(facts: list[Event], cell: Cell = OFFERS, now: int = T + HOUR) -> str:
    return state_of(fold(facts), cell, now)


# -- order and repetition ----------------------------------------------------------------------------------------------


@settings(max_examples=200)
@given(fact_sets(), st.randoms(use_true_random=False), st.data())
def test_any_order_and_repetition_of_the_same_facts_gives_the_same_standing(
    facts: list[Event], chance: random.Random, data: st.DataObject
) -> None:
    again = data.draw(st.lists(st.sampled_from(facts), max_size=5)) if facts else []
    shuffled = facts + again
    chance.shuffle(shuffled)
    assert fold(shuffled) == fold(facts)


@settings(max_examples=200)
@given(fact_sets())
def test_a_standing_survives_being_stored(facts: list[Event]) -> None:
    standing = fold(facts)
    assert lifecycle.decode(lifecycle.encode(standing)) == standing


@settings(max_examples=200)
@given(fact_sets(), st.sampled_from([OFFERS, ORDERS, Cell("invented", "shop", "marketing")]))
def test_a_stop_for_everything_as_the_latest_fact_leaves_nothing_granted(facts: list[Event], cell: Cell) -> None:
    last = max((each.occurred_at for each in facts), default=T) + 2 * SKEW
    standing = fold([*facts, stop(last, EVERYTHING)])
    assert grant_of(standing, cell) is None
    assert state_of(standing, cell, last) == "withdrawn"


@settings(max_examples=200)
@given(fact_sets(), st.sampled_from([OFFERS, ORDERS]))
def test_no_fact_but_a_yes_ever_grants(facts: list[Event], cell: Cell) -> None:
    silent = [each for each in facts if each.type != "said_yes"]
    assert grant_of(fold(silent), cell) is None


@settings(max_examples=200)
@given(fact_sets(), st.data())
def test_one_more_stop_never_grants_anything(facts: list[Event], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, 20)) * 100 * S + T
    scope = data.draw(st.sampled_from([EVERYTHING, ALL_MARKETING, OFFERS]))
    before, after = fold(facts), fold([*facts, stop(at, scope)])
    for cell in (OFFERS, ORDERS):
        assert grant_of(after, cell) is None or grant_of(before, cell) is not None


# -- the table ---------------------------------------------------------------------------------------------------------

#: For each state, the facts that lead there, the request that a yes or no answers, and what time it is.
LIVES: dict[str, list[tuple[list[Event], int]]] = {
    "unknown": [([], T + 10 * S)],
    "pending": [([asked(T)], T + 10 * S)],
    "granted": [([asked(T), yes(T + S, expires_at=T + 79 * HOUR)], T + 10 * S)],
    "withdrawn": [
        ([asked(T), stop(T + S)], T + 10 * S), ([asked(T), yes(T + S), stop(T + 2 * S, EVERYTHING)], T + 10 * S),
        ([asked(T), said_no(T + S)], T + 10 * S), ([asked(T), yes(T + S), said_no(T + 2 * S)], T + 10 * S),
    ],
    "expired": [
        ([asked(T)], T + 80 * HOUR), ([asked(T), yes(T + S, expires_at=T + 79 * HOUR)], T + 80 * HOUR),
    ],
}  # fmt: skip


def step(facts: list[Event], kind: str, now: int) -> tuple[list[Event], int]:
    """The life one fact later."""
    later = {
        "opt_in_requested": [asked(now, "evt_again")], "said_yes": [yes(now)], "said_no": [said_no(now)],
        "said_stop": [stop(now)], "expired": [fact("expired", now, cells=(OFFERS,), cause="evt_asked")],
    }[kind]  # fmt: skip
    return [*facts, *later], now + (200 * HOUR if kind == "expired" else S)


@pytest.mark.parametrize(("before", "kind"), [(state, kind) for state in STATES for kind in (
    "opt_in_requested", "said_yes", "said_no", "said_stop", "expired")])  # fmt: skip
def test_the_table_and_the_fold_are_the_same_machine(before: str, kind: str) -> None:
    for facts, now in LIVES[before]:
        assert state(facts, now=now) == before
        after, then = step(facts, kind, now)
        if (before, kind) not in NEXT:
            assert kind == "expired"
            assert state(after, now=then) == before
        elif (before, kind) == ("unknown", "said_yes"):
            assert state(after, now=then) == "unknown"
        else:
            assert state(after, now=then) == NEXT[before, kind]


def test_the_table_names_only_known_states() -> None:
    assert {state for state, _ in NEXT} | set(NEXT.values()) == set(STATES)


# -- later, and ties ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gap", "expected"), [(-S, "withdrawn"), (0, "withdrawn"), (S, "granted")])
def test_on_one_clock_a_tie_goes_to_the_stop(gap: int, expected: str) -> None:
    assert state([asked(T), stop(T + 100 * S), yes(T + 100 * S + gap)]) == expected


@pytest.mark.parametrize(("gap", "expected"), [(S, "withdrawn"), (SKEW, "withdrawn"), (SKEW + 1, "granted")])
def test_across_clocks_a_yes_must_be_later_by_more_than_the_skew(gap: int, expected: str) -> None:
    assert state([asked(T), stop(T + S, clock="sayso"), yes(T + S + gap)]) == expected


@pytest.mark.parametrize(("how", "expected"), [("button", "granted"), ("context", "granted"), ("word", "pending")])
def test_an_answer_follows_the_stops_its_question_knew_of(how: str, expected: str) -> None:
    stopped = stop(T + S, clock="sayso", event_id="evt_stop")
    request = asked(T + 2 * S, after="evt_stop")
    answer = [prompted(T + 3 * S), yes(T + 4 * S, how=how)]
    assert state([stopped, request]) == "pending"
    assert state([stopped, request, *answer]) == expected
    assert state([stopped, asked(T + 2 * S), *answer]) == "withdrawn"
    assert state([stopped, request, *answer, stop(T + 10 * S, clock="sayso")]) == "withdrawn"


def test_a_word_is_no_answer_to_the_question_it_caused() -> None:
    first, again = prompted(T + S), fact("prompted", T + 11 * S, cause="evt_asked", clock="sayso",
                                         facts={"again": "evt_word"})
    facts = [asked(T), first, fact("spoke", T + 5 * S, facts={"inbound": "shop"}),
             yes(T + 10 * S, how="word", event_id="evt_word"), again]
    assert state(facts) == "pending"
    assert state([*facts, yes(T + 10 * S, how="word")]) == "pending"  # said before it was shown once more, known late
    assert state([*facts, yes(T + 20 * S, how="word")]) == "granted"


@pytest.mark.parametrize("at", [T - 9 * S, T + S, T + 30 * S])
def test_a_stop_no_question_knew_counts_even_if_its_clock_says_it_was_before_one_that_was_known(at: int) -> None:
    known = stop(T + S, clock="sayso", event_id="evt_stop")
    facts = [known, asked(T + 2 * S, after="evt_stop"), yes(T + 4 * S)]
    assert state(facts) == "granted"
    assert state([*facts, stop(at, clock="sayso", event_id="evt_zstop")]) == "withdrawn"


def test_a_late_yes_older_than_the_stop_changes_nothing() -> None:
    facts = [asked(T), stop(T + 50 * S, EVERYTHING)]
    assert fold([*facts, yes(T + 20 * S)]).grants != ()
    assert state([*facts, yes(T + 20 * S)]) == "withdrawn"


def test_a_late_stop_older_than_the_yes_changes_nothing() -> None:
    assert state([asked(T), yes(T + 50 * S), stop(T + 20 * S, EVERYTHING)]) == "granted"


def test_a_yes_must_be_later_than_every_stop_not_only_the_last_on_its_clock() -> None:
    facts = [asked(T), stop(T + 10 * S), stop(T + 900 * S, EVERYTHING, clock="sayso"), yes(T + 1000 * S)]
    assert state(facts) == "withdrawn"


# -- what a yes opens --------------------------------------------------------------------------------------------------


def test_a_yes_after_stopping_everything_opens_only_what_its_notice_named() -> None:
    facts = [asked(T, cells=(OFFERS, ORDERS)), yes(T + S), stop(T + 10 * S, EVERYTHING),
             asked(T + 20 * S, "evt_again"), yes(T + 30 * S, "evt_again")]
    assert (state(facts, OFFERS), state(facts, ORDERS)) == ("granted", "withdrawn")
    assert state(facts, Cell("invented", "shop", "marketing")) == "withdrawn"


def test_a_yes_opens_the_cells_of_the_request_whatever_it_claims_itself() -> None:
    claims_more = yes(T + S, cells=(OFFERS, ORDERS))
    assert state([asked(T), claims_more], ORDERS) == "unknown"


def test_a_yes_to_no_request_or_a_later_than_its_request_lives_grants_nothing() -> None:
    assert state([yes(T + S)]) == "unknown"
    assert state([asked(T, valid_until=T + HOUR), yes(T + HOUR + S)], now=T + 2 * HOUR) == "expired"


def test_a_no_closes_the_question_and_withdraws_its_cells_alone() -> None:
    facts = [asked(T), said_no(T + S)]
    assert fold(facts).pending == ()
    assert (state(facts, OFFERS), state(facts, ORDERS)) == ("withdrawn", "unknown")


def test_a_grant_ends_at_its_time_without_any_note_of_it() -> None:
    facts = [asked(T), yes(T + S, expires_at=T + 2 * HOUR)]
    assert state(facts, now=T + 2 * HOUR - 1) == "granted"
    assert state(facts, now=T + 2 * HOUR) == "expired"


def test_the_grant_that_lasts_longest_is_the_one_that_holds() -> None:
    facts = [asked(T), yes(T + S), asked(T + 5 * S, "evt_again"),
             yes(T + 6 * S, "evt_again", expires_at=T + 2 * HOUR)]
    assert state(facts, now=T + 1000 * HOUR) == "granted"


# -- a bare word -------------------------------------------------------------------------------------------------------

WORD: list[Event] = [asked(T), prompted(T + 10 * S)]


def spoke(at: int, clock: str = "meta") -> Event:
    return fact("spoke", at, clock=clock, facts={"inbound": "shop"})


def test_a_bare_yes_is_a_yes_as_the_first_thing_said_within_a_day_of_the_question() -> None:
    assert state([*WORD, yes(T + 20 * S, how="word")]) == "granted"
    assert state([*WORD, yes(T + 10 * S + 24 * HOUR, how="word")], now=T + 25 * HOUR) == "granted"


def test_a_bare_yes_a_day_later_is_small_talk() -> None:
    assert state([*WORD, yes(T + 11 * S + 24 * HOUR, how="word")], now=T + 25 * HOUR) == "pending"


def test_a_bare_yes_after_other_small_talk_grants_nothing() -> None:
    assert state([*WORD, spoke(T + 15 * S), yes(T + 20 * S, how="word")]) == "pending"
    assert state([*WORD, spoke(T + 25 * S), yes(T + 20 * S, how="word")]) == "granted"


def test_a_bare_yes_before_any_question_went_out_grants_nothing() -> None:
    assert state([asked(T), yes(T + 20 * S, how="word")]) == "pending"
    assert state([asked(T), prompted(T + HOUR), yes(T + 20 * S, how="word")]) == "pending"


def test_a_quoted_or_tapped_yes_counts_days_later_and_after_small_talk() -> None:
    for how in ("context", "button"):
        facts = [*WORD, spoke(T + 15 * S), yes(T + 60 * HOUR, how=how)]
        assert state(facts, now=T + 61 * HOUR) == "granted", how


# -- whatsapp's own stop, holds, pauses --------------------------------------------------------------------------------


def test_the_native_stop_and_resume_are_a_world_of_their_own() -> None:
    stopped = fact("native_stop", T + 10 * S, cells=(ALL_MARKETING,))
    resumed = fact("native_resume", T + 20 * S, cells=(ALL_MARKETING,))
    assert fold([stopped]).native[0].event == stopped.id
    assert fold([stopped, resumed]).native == ()
    assert fold([stopped, asked(T), yes(T + 30 * S)]).native != ()  # no yes lifts it
    assert state([asked(T), yes(T + S), stop(T + 2 * S), resumed]) == "withdrawn"  # and it lifts nothing else


def test_a_resume_no_later_than_the_native_stop_does_not_lift_it() -> None:
    stopped = fact("native_stop", T, cells=(ALL_MARKETING,))
    assert fold([stopped, fact("native_resume", T, cells=(ALL_MARKETING,))]).native != ()
    narrow = fact("native_resume", T + S, cells=(Cell("*", "desk", "marketing"),))
    assert fold([stopped, narrow]).native != ()


def test_a_pause_lasts_until_its_time_unless_it_is_ended() -> None:
    pause = fact("paused", T, cells=(EVERYTHING,), facts={"until": T + 5 * HOUR})
    assert fold([pause]).pauses[0].until == T + 5 * HOUR
    assert fold([pause, fact("pause_ended", T + S, cells=(EVERYTHING,))]).pauses == ()


def test_a_hold_ends_when_it_is_released_or_a_later_yes_is_given() -> None:
    held = fact("stop_suspected", T + 10 * S, cells=(ALL_MARKETING,))
    assert lifecycle.holding(fold([held]), OFFERS) is not None
    assert lifecycle.holding(fold([held, fact("hold_released", T + 20 * S, cells=(EVERYTHING,))]), OFFERS) is None
    assert lifecycle.holding(fold([held, asked(T), yes(T + 20 * S)]), OFFERS) is None
    assert lifecycle.holding(fold([held, asked(T), yes(T + 5 * S)]), OFFERS) is not None


# -- what a stop covers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scope", "offers", "orders"), [
    (EVERYTHING, "withdrawn", "withdrawn"), (Cell("offers", "*", "*"), "withdrawn", "granted"),
    (Cell("*", "shop", "*"), "withdrawn", "withdrawn"), (Cell("*", "desk", "*"), "granted", "granted"),
    (ALL_MARKETING, "withdrawn", "granted"), (Cell("*", "*", "utility"), "granted", "withdrawn"),
])  # fmt: skip
def test_a_stop_covers_its_rectangle_and_no_more(scope: Cell, offers: str, orders: str) -> None:
    facts = [asked(T, cells=(OFFERS, ORDERS)), yes(T + S), stop(T + 2 * S, scope)]
    assert (state(facts, OFFERS), state(facts, ORDERS)) == (offers, orders)


# -- two records, one person -------------------------------------------------------------------------------------------


def merged(at: int, gone: str = "per_b") -> Event:
    return fact("people_merged", at, clock="sayso", facts={"from": gone})


def test_a_merge_keeps_the_stop_although_the_other_records_yes_is_later() -> None:
    facts = [stop(T, EVERYTHING, person="per_b"), asked(T + S), yes(T + 2 * S)]
    assert state([*facts, merged(T + 3 * S)]) == "withdrawn"


def test_a_yes_after_the_merge_is_a_yes_of_the_whole_person() -> None:
    facts = [stop(T, EVERYTHING, person="per_b"), merged(T + 3 * S), asked(T + 4 * S), yes(T + 5 * S)]
    assert state(facts) == "granted"


def test_erasure_and_a_restored_suppression_are_stops_for_everything() -> None:
    assert state([asked(T), yes(T + S), fact("erased", T + 2 * S, clock="meta")]) == "withdrawn"
    restored = fact("suppression_restored", T + 2 * S, cells=(EVERYTHING,))
    assert state([asked(T), yes(T + S), restored]) == "withdrawn"


# -- what cannot be read -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", [
    fact("said_maybe", T), fact("people_merged", T), fact("opt_in_requested", T, facts={"valid_until": "soon"}),
])  # fmt: skip
def test_facts_that_cannot_be_read_make_the_standing_deny(broken: Event) -> None:
    assert fold([asked(T), yes(T + S), broken, yes(T + 2 * S, broken.id)]) == UNREADABLE


@pytest.mark.parametrize("data", [b"", b"{}", b"[[1]]", b"\xff", b"null", b'[[],[],[],[],[],[],[],"yes",[]]'])
def test_a_row_that_cannot_be_read_denies(data: bytes) -> None:
    assert lifecycle.decode(data).readable is False


def test_nobody_is_granted_nothing() -> None:
    assert fold([]) == NOBODY == Standing()
    assert state([]) == "unknown"


def test_a_window_is_opened_by_any_message_that_is_no_stop() -> None:
    opened = fold([spoke(T), spoke(T + 5 * S), stop(T + 9 * S)])
    assert opened.windows == (("shop", T + 5 * S),)
    assert lifecycle.opened(NOBODY, spoke(T)).windows == (("shop", T),)


def copy(event: Event, **edits: Any) -> Event:
    return msgspec.structs.replace(event, **edits)


def test_the_same_event_twice_is_one_event() -> None:
    once = yes(T + S)
    assert fold([asked(T), once, copy(once)]) == fold([asked(T), once])


def chained(at_first: int, at_second: int) -> list[Event]:
    """per_c became part of per_b, and per_b of per_a."""
    return [
        fact("people_merged", at_first, clock="sayso", person="per_b", facts={"from": "per_c"}),
        fact("people_merged", at_second, clock="sayso", person="per_a", facts={"from": "per_b"}),
    ]


def test_a_stop_keeps_its_force_along_a_chain_of_merges() -> None:
    stopped = stop(T, EVERYTHING, person="per_c")
    said = [asked(T + 4 * S, person="per_a"), yes(T + 5 * S, person="per_a")]
    assert state([stopped, *said, *chained(T + 2 * S, T + 8 * S)]) == "withdrawn"


def test_a_yes_after_a_merge_outlives_a_later_merge_with_an_empty_record() -> None:
    stopped = stop(T, EVERYTHING, person="per_c")
    said = [asked(T + 4 * S, person="per_b"), yes(T + 5 * S, person="per_b")]
    assert state([stopped, *said, *chained(T + 2 * S, T + 8 * S)]) == "granted"


def test_one_records_resume_does_not_lift_the_others_native_stop() -> None:
    facts = [
        fact("native_stop", T, person="per_b", cells=(ALL_MARKETING,)),
        fact("native_resume", T + 2 * S, person="per_a", cells=(ALL_MARKETING,)),
        fact("people_merged", T + 5 * S, clock="sayso", person="per_a", facts={"from": "per_b"}),
    ]
    assert len(fold(facts).native) == 1


def test_a_release_lifts_the_reported_stop_it_names_and_nothing_else_in_any_order() -> None:
    reported = fact("said_stop", T, cells=(EVERYTHING,), facts={"how": "21610", "reported": True})
    switched = fact("native_stop", T, cells=(ALL_MARKETING,), facts={"how": "131050"})
    typed = fact("said_stop", T, cells=(EVERYTHING,), facts={"how": "word"})
    lifts = [fact("provider_stop_released", T - HOUR, cause=each.id) for each in (reported, switched, typed)]
    for facts in itertools.permutations([reported, switched, *lifts]):
        standing = fold(facts)
        assert (standing.stops, standing.native) == ((), ())
    standing = fold([typed, reported, *lifts])
    assert [mark.event for mark in standing.stops] == [typed.id]
    assert [mark.event for mark in fold([reported, lifts[1]]).stops] == [reported.id]


def test_an_operators_release_settles_the_message_it_names_however_close_the_clocks() -> None:
    one = fact("stop_suspected", T, cells=(ALL_MARKETING,), clock="meta")
    other = fact("stop_suspected", T, cells=(ALL_MARKETING,), clock="meta")
    release = fact("hold_released", T + S, cells=(EVERYTHING,), cause=one.id, clock="sayso")
    assert [mark.event for mark in fold([release, one, other]).holds] == [other.id]
