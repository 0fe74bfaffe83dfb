"""What is known of a message after each way in which handing it to Meta can end."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from sayso.channels.base import OutText, SenderAccount, Sent
from sayso.channels.meta import send
from sayso.channels.meta_errors import ERRORS, MAX_RETRY_AFTER_S, lookup
from sayso.channels.meta_send import MAX_ANSWER
from sayso.core.identity import bsuid, phone_from_wa_id
from sayso.errors import ProviderError
from tests.channels.envelopes import AMIRA, AMIRA_ID, SENDER

HUGE = b"x" * (MAX_ANSWER + 1)

Handler = Callable[[httpx.Request], httpx.Response]


def hand(handler: Handler) -> Sent:
    account = SenderAccount(SENDER, "EAAB-token", "https://graph.example", "v26.0")
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        return send(client, account, phone_from_wa_id(AMIRA), OutText("Hello"), None, 2.0)


def refused(handler: Handler) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        hand(handler)
    return caught.value


def answering(status: int, content: object = b"", headers: dict[str, str] | None = None) -> Handler:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda _request: httpx.Response(status, content=body, headers=headers)


def failing(error: Exception) -> Handler:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def meta_error(code: object, status: int = 400, headers: dict[str, str] | None = None) -> Handler:
    error = {"message": f"(#{code}) to +{AMIRA}", "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return answering(status, {"error": error}, headers)


def test_what_meta_accepted_comes_back_with_the_addresses_it_knows() -> None:
    contacts = [{"input": "+" + AMIRA, "wa_id": AMIRA, "user_id": AMIRA_ID}]
    answer = {"contacts": contacts, "messages": [{"id": "wamid.NEW", "message_status": "accepted"}]}
    known = (phone_from_wa_id(AMIRA), bsuid(AMIRA_ID))
    assert hand(answering(200, answer)) == Sent("wamid.NEW", known, "accepted")


def test_a_message_held_for_pacing_says_so_and_a_missing_status_is_accepted() -> None:
    held = {"messages": [{"id": "wamid.NEW", "message_status": "held_for_quality_assessment"}]}
    assert hand(answering(200, held)) == Sent("wamid.NEW", (), "held_for_quality_assessment")
    assert hand(answering(200, {"messages": [{"id": "wamid.NEW"}], "contacts": "odd"})).status == "accepted"


POSSIBLY = (1, 2, 131000, 131016, 131057, 133004)
LATER = (4, 80007, 130429, 131056, 134101)
PERSON = (131026, 131047, 131048, 131049, 130472)
NEVER = (*PERSON, 368, 131031, 0, 3, 10, 190, 200, 299, 131005, 132001, 132015, 100)


@pytest.mark.parametrize("code", POSSIBLY)
def test_where_meta_itself_failed_the_message_may_have_been_sent_and_is_not_retried(code: int) -> None:
    error = refused(meta_error(code, 500))
    assert (error.provider_code, error.outcome, error.retry) == (code, "possibly_sent", False)


@pytest.mark.parametrize("code", LATER)
def test_too_fast_was_not_sent_and_a_retry_helps(code: int) -> None:
    error = refused(meta_error(code))
    assert (error.provider_code, error.outcome, error.retry) == (code, "not_sent", True)
    assert error.retry_after_s is not None
    assert error.retry_after_s > 0


@pytest.mark.parametrize("code", NEVER)
def test_a_refusal_was_not_sent_and_a_retry_does_not_help(code: int) -> None:
    error = refused(meta_error(code, 500 if code == 3 else 400))
    assert (error.provider_code, error.outcome, error.retry) == (code, "not_sent", False)


def test_only_metas_own_stop_is_an_opt_out() -> None:
    assert refused(meta_error(131050)).outcome == "opted_out"
    assert [code for code, row in ERRORS.items() if row.outcome == "opted_out"] == [131050]


def test_the_table_marks_nothing_for_retry_that_may_have_been_sent() -> None:
    assert {code for code, row in ERRORS.items() if row.outcome == "possibly_sent"} == set(POSSIBLY)
    assert {code for code, row in ERRORS.items() if row.retry} == set(LATER)
    assert all(row.sentence.endswith(".") for row in ERRORS.values())
    assert lookup(424242) is None


@pytest.mark.parametrize(
    ("status", "outcome", "retry"),
    [
        (500, "possibly_sent", False),
        (503, "possibly_sent", False),
        (429, "not_sent", True),
        (400, "not_sent", False),
        (403, "not_sent", False),
        (302, "not_sent", False),
    ],
)
@pytest.mark.parametrize("content", [b"", b"<html>", b"[1]", b"\xff", b'{"error":"down"}', HUGE])
def test_an_answer_without_a_code_is_judged_by_its_status(
    status: int, outcome: str, retry: bool, content: bytes
) -> None:
    error = refused(answering(status, content, {"Location": "https://elsewhere.example/"}))
    assert (error.provider_code, error.outcome, error.retry) == (0, outcome, retry)


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "not_sent"), (429, "not_sent"), (500, "possibly_sent")]
)
def test_an_unknown_code_is_not_retried(status: int, outcome: str) -> None:
    error = refused(meta_error(424242, status))
    assert (error.provider_code, error.outcome, error.retry) == (424242, outcome, False)


def test_an_error_counts_even_under_a_200_and_a_code_even_as_text() -> None:
    error = refused(meta_error("131050", 200))
    assert (error.provider_code, error.outcome) == (131050, "opted_out")


@pytest.mark.parametrize("content", [{}, {"messages": []}, {"messages": [{"id": ""}]}, [], b"", b"{", HUGE])
def test_a_200_that_names_no_message_may_have_sent_it(content: object) -> None:
    error = refused(answering(200, content))
    assert (error.outcome, error.retry) == ("possibly_sent", False)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [("30", 30), ("1", 5), ("999999", MAX_RETRY_AFTER_S), ("Fri, 01 Jan 2027", 5), ("-1", 5)],
)
def test_the_wait_meta_asks_for_is_kept_within_reason(header: str, wanted: int) -> None:
    assert refused(meta_error(130429, 429, {"Retry-After": header})).retry_after_s == wanted


@pytest.mark.parametrize(
    "error", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError]
)
def test_without_a_connection_nothing_was_sent_and_a_retry_helps(error: type[httpx.TransportError]) -> None:
    caught = refused(failing(error("no")))
    assert (caught.outcome, caught.retry, caught.retry_after_s) == ("not_sent", True, 1)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("late"),
        httpx.WriteTimeout("late"),
        httpx.ReadError("cut"),
        httpx.WriteError("cut"),
        httpx.RemoteProtocolError("closed"),
        httpx.DecodingError("odd"),
    ],
)
def test_a_connection_that_breaks_later_may_have_sent_it(error: Exception) -> None:
    caught = refused(failing(error))
    assert (caught.outcome, caught.retry) == ("possibly_sent", False)


def test_an_error_never_repeats_what_came_over_the_wire() -> None:
    for handler in (meta_error(131026), meta_error(424242), meta_error(131050)):
        error = refused(handler)
        assert AMIRA not in str(error) + error.detail
