"""Handing a message to Twilio: the form as the real client makes it, and what is known after each way it can end."""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable, Iterator

import httpx
import pytest

from sayso.channels.base import Outbound, OutButtons, OutTemplate, OutText, SenderAccount, Sent
from sayso.channels.twilio import send
from sayso.core.identity import Address, bsuid, phone
from sayso.errors import InvalidRequest, PermitExpired, ProviderError
from tests.texting import ACCOUNT, CONTENT, SERVICE, TOKEN, LittleTwilio, little_twilio, real_client

AMIRA, DANA = phone("+447700900123"), bsuid("US.1349DANA")
CALLBACK = "https://sayso.example.com/hooks/twilio/acme-main"
HELLO = OutText("Hello & welcome ✋ +1 50 %", context_id="SM0")
QUESTION = OutTemplate(CONTENT, "en", ("Acme", "{yes}", "{no}"), ("sayso:yes:evt_1", "sayso:no:evt_1"))
WORDY = OutButtons("May we?", "Send STOP to leave.", (("y", "Yes"), ("n", "No")), "Reply YES or NO.")


def account(url: str = "https://api.twilio.example", ref: str = "whatsapp:+447700900100", *,
            sms: bool = False, user: str = ACCOUNT) -> SenderAccount:
    return SenderAccount(ref, TOKEN, url, "", ACCOUNT, user, CALLBACK, "sms" if sms else "whatsapp")


@pytest.fixture(scope="module")
def listening() -> Iterator[LittleTwilio]:
    with little_twilio() as service:
        yield service


@pytest.fixture
def service(listening: LittleTwilio) -> LittleTwilio:
    listening.asked.clear()
    listening.answers.clear()
    return listening


def hand(service: LittleTwilio, message: Outbound = HELLO, to: Address = AMIRA, *, sms: bool = False,
         ref: str = "whatsapp:+447700900100", user: str = ACCOUNT) -> Sent:
    with httpx.Client() as client:
        return send(client, account(service.url, ref, sms=sms, user=user), to, message, "tag", 5.0)


def mock(handler: Callable[[httpx.Request], httpx.Response], before_write: Callable[[], None] | None = None,
         sender: SenderAccount | None = None) -> Sent:
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        return send(client, sender or account(), AMIRA, HELLO, None, 5.0, before_write=before_write)


# -- the form, as the real client makes it -----------------------------------------------------------------------------


def test_words_are_sent_as_the_real_client_sends_them(service: LittleTwilio) -> None:
    sent = hand(service)
    theirs = real_client(service).messages.create(to="whatsapp:+447700900123", from_="whatsapp:+447700900100",
                                                  body=HELLO.body, status_callback=CALLBACK)
    (path, authorization, ours), (real_path, real_authorization, real) = service.asked
    assert (path, authorization, ours) == (real_path, real_authorization, real)
    assert (sent.message_id, sent.status, sent.contacts) == (f"SM{1:032x}", "queued", ())
    assert theirs.sid == f"SM{2:032x}"  # the little Twilio answers as the real one: its client could read it


def test_a_template_is_sent_with_its_variables_as_the_real_client_sends_it(service: LittleTwilio) -> None:
    hand(service, QUESTION)
    variables = {"1": "Acme", "2": "sayso:yes:evt_1", "3": "sayso:no:evt_1"}
    real_client(service).messages.create(to="whatsapp:+447700900123", from_="whatsapp:+447700900100",
                                         content_sid=CONTENT, content_variables=json.dumps(variables),
                                         status_callback=CALLBACK)
    ours, real = service.forms
    assert json.loads(ours.pop("ContentVariables")) == json.loads(real.pop("ContentVariables")) == variables
    assert ours == real
    assert "Body" not in ours


def test_an_sms_goes_to_the_bare_number_and_a_service_sends_from_its_pool(service: LittleTwilio) -> None:
    hand(service, sms=True, ref=SERVICE)
    real_client(service).messages.create(to="+447700900123", messaging_service_sid=SERVICE, body=HELLO.body,
                                         status_callback=CALLBACK)
    assert service.forms[0] == service.forms[1]


def test_an_api_key_signs_in_for_the_account(service: LittleTwilio) -> None:
    key = "SK" + "0" * 31 + "1"
    hand(service, user=key)
    real_client(service, key).messages.create(to="whatsapp:+447700900123", from_="whatsapp:+447700900100",
                                              body=HELLO.body, status_callback=CALLBACK)
    assert service.asked[0] == service.asked[1]
    assert base64.b64decode(service.asked[0][1].removeprefix("Basic ")).decode() == f"{key}:{TOKEN}"


def test_somebody_known_by_user_id_alone_is_reached_on_whatsapp_only(service: LittleTwilio) -> None:
    hand(service, to=DANA)
    assert service.forms[0]["To"] == "whatsapp:US.1349DANA"
    with pytest.raises(InvalidRequest) as refused:
        hand(service, to=DANA, sms=True)
    assert (refused.value.param, len(service.asked)) == ("address", 1)


def test_a_question_with_buttons_says_in_words_what_to_reply(service: LittleTwilio) -> None:
    hand(service, WORDY)
    assert service.forms[0]["Body"] == "May we?\n\nReply YES or NO.\n\nSend STOP to leave."


@pytest.mark.parametrize(("message", "param"), [
    (OutText(""), "body"),
    (OutText("a" * 1601), "body"),
    (OutButtons("May we?", "", (("y", "Yes"),)), "plain"),
    (OutButtons("a" * 1600, "", (("y", "Yes"),), "Reply YES."), "body"),
    (OutTemplate("sayso_optin", "en"), "name"),
    (OutTemplate(CONTENT, "en", ("",)), "body_params"),
    (OutTemplate(CONTENT, "en", ("a\nb",)), "body_params"),
    (OutTemplate(CONTENT, "en", ("a     b",)), "body_params"),
    (OutTemplate(CONTENT, "en", ("a",) * 21), "body_params"),
])  # fmt: skip
def test_what_twilio_would_refuse_by_form_is_refused_before_the_wire(
    service: LittleTwilio, message: Outbound, param: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        hand(service, message)
    assert (refused.value.param, service.asked) == (param, [])


# -- what is known afterwards ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code", "outcome", "retry"), [
    (400, 21610, "stopped_all", False), (400, 63016, "not_sent", False), (429, 20429, "not_sent", True),
    (401, 20003, "not_sent", False), (500, 20500, "possibly_sent", False), (503, 0, "possibly_sent", False),
    (302, 0, "not_sent", False),
])
def test_a_refusal_says_what_became_of_the_message(service: LittleTwilio, status: int, code: int, outcome: str,
                                                   retry: bool) -> None:
    service.answers.append((status, {"code": code, "message": f"to {AMIRA.value}", "status": status}))
    with pytest.raises(ProviderError) as refused:
        hand(service)
    assert (refused.value.outcome, refused.value.retry, refused.value.provider_code) == (outcome, retry, code)
    assert "7700900123" not in refused.value.detail


def test_a_message_taken_and_failed_in_one_answer_was_not_sent(service: LittleTwilio) -> None:
    service.answers.append((201, {"sid": "SM1", "status": "failed", "error_code": 21610}))
    with pytest.raises(ProviderError) as refused:
        hand(service)
    assert (refused.value.provider_code, refused.value.outcome) == (21610, "stopped_all")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"{}", b'{"sid": ""}', b"x" * 100_000])
def test_an_acceptance_that_names_no_message_may_have_been_sent(body: bytes) -> None:
    with pytest.raises(ProviderError) as refused:
        mock(lambda _: httpx.Response(201, content=body))
    assert refused.value.outcome == "possibly_sent"
    assert not refused.value.retry


@pytest.mark.parametrize(("error", "outcome", "retry"), [
    (httpx.ConnectError, "not_sent", True), (httpx.ConnectTimeout, "not_sent", True),
    (httpx.PoolTimeout, "not_sent", True), (httpx.ReadTimeout, "possibly_sent", False),
    (httpx.WriteTimeout, "possibly_sent", False), (httpx.RemoteProtocolError, "possibly_sent", False),
    (httpx.ReadError, "possibly_sent", False),
])
def test_a_timeout_after_the_first_byte_may_have_been_sent(error: type[httpx.TransportError], outcome: str,
                                                           retry: bool) -> None:
    def fail(_request: httpx.Request) -> httpx.Response:
        raise error("gone")

    with pytest.raises(ProviderError) as refused:
        mock(fail)
    assert (refused.value.outcome, refused.value.retry) == (outcome, retry)


def test_what_the_last_look_raises_passes_and_nothing_is_sent(service: LittleTwilio) -> None:
    def look() -> None:
        raise PermitExpired("too late")

    with httpx.Client() as client, pytest.raises(PermitExpired):
        send(client, account(service.url), AMIRA, HELLO, None, 5.0, before_write=look)
    assert service.asked == []


def test_the_last_look_comes_again_when_the_first_byte_is_about_to_go(service: LittleTwilio) -> None:
    looks: list[int] = []
    with httpx.Client() as client:
        send(client, account(service.url), AMIRA, HELLO, None, 5.0, before_write=lambda: looks.append(1))
    assert len(looks) == 2


@pytest.mark.parametrize("sender", [account("nowhere"), account("http://\x00"), account("ftp://example.org")])
def test_a_malformed_base_url_sends_nothing_and_shows_no_token(sender: SenderAccount) -> None:
    with httpx.Client() as client, pytest.raises(ProviderError) as refused:
        send(client, sender, AMIRA, HELLO, None, 5.0)
    assert refused.value.outcome == "not_sent"
    assert TOKEN not in "".join(traceback.format_exception(refused.value)) + repr(sender)


def test_a_redirect_is_not_followed_with_the_token() -> None:
    seen: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(307, headers={"Location": "https://evil.example/"})

    with pytest.raises(ProviderError):
        mock(redirect)
    assert len(seen) == 1
