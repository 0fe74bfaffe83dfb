"""What Twilio's error codes say: of the message, of the person's will, of whether to try again."""

from __future__ import annotations

import pytest

from sayso.channels.twilio_errors import ERRORS, refusal, will_of


@pytest.mark.parametrize(("code", "outcome"), [
    (21610, "stopped_all"), (63014, "stopped_marketing"), (63016, "not_sent"), (63049, "not_sent"), (63024, "not_sent"),
    (63032, "not_sent"), (63003, "not_sent"), (63062, "not_sent"), (63013, "not_sent"), (21211, "not_sent"),
    (20500, "possibly_sent"),
])
def test_only_a_code_that_says_so_is_an_opt_out(code: int, outcome: str) -> None:
    assert refusal(code, 400).outcome == outcome
    assert will_of(code, "") == (outcome if outcome.startswith("stopped") else "")


def test_metas_own_stop_is_found_in_the_text_that_twilio_passes_on() -> None:
    assert will_of(0, "error 131050") == will_of(63014, "(#131050) stopped") == "opted_out"
    assert will_of(63024, "1310501") == will_of(63024, "x") == ""


@pytest.mark.parametrize("code", [20429, 63018, 30001, 14107])
def test_too_fast_is_tried_again_after_as_long_as_twilio_asks(code: int) -> None:
    assert (refusal(code, 429).retry, refusal(code, 429).retry_after_s) == (True, 60)
    assert refusal(code, 429, "300").retry_after_s == 300
    assert refusal(code, 429, "1").retry_after_s == 60
    assert refusal(code, 429, "999999999").retry_after_s == 86_400
    assert refusal(code, 429, "Mon, 23 Nov 2026 09:00:00 GMT").retry_after_s == 60


@pytest.mark.parametrize(("status", "outcome", "retry"), [
    (400, "not_sent", False), (401, "not_sent", False), (302, "not_sent", False), (429, "not_sent", True),
    (500, "possibly_sent", False), (503, "possibly_sent", False),
])
def test_a_code_nobody_knows_is_judged_by_its_status(status: int, outcome: str, retry: bool) -> None:
    for code in (0, 99_999):
        error = refusal(code, status)
        assert (error.outcome, error.retry, error.provider_code) == (outcome, retry, code)


def test_what_may_have_been_sent_or_was_a_stop_is_never_retried() -> None:
    for row in ERRORS.values():
        if row.outcome != "not_sent":
            assert row.retry_after_s is None, row.code
        assert row.sentence.endswith(".")
