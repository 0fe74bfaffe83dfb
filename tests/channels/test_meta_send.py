"""Handing a message to Meta: the request as Meta wants it, and what is known after each way it can end."""

from __future__ import annotations

import http.server
import json
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from pywa import WhatsApp
from pywa.types import Button
from pywa.types.templates import BodyText, QuickReplyButton, TemplateLanguage

from sayso.channels.base import Outbound, OutButtons, OutTemplate, OutText, SenderAccount, Sent
from sayso.channels.meta import send
from sayso.core.identity import Address, bsuid, parent_bsuid, phone, phone_from_wa_id
from sayso.errors import InvalidRequest, PermitExpired, ProviderError
from tests.channels.envelopes import AMIRA, AMIRA_ID, DANA_ID, DANA_PARENT, SENDER

ACCOUNT = SenderAccount(SENDER, "EAAB-token", "https://graph.example", "v26.0")
AMIRAS_PHONE = phone_from_wa_id(AMIRA)
ACCEPTED = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+" + AMIRA, "wa_id": AMIRA, "user_id": AMIRA_ID}],
    "messages": [{"id": "wamid.NEW", "message_status": "accepted"}],
}
HELLO = OutText("Hello")
YES_NO = OutButtons("Order news?", "Reply STOP any time", (("oi:1:yes", "Yes"), ("oi:1:no", "No")))
OFFER = OutTemplate("june_offer", "en_US", ("Amira",), ("optout:1", "more:1"))

Handler = Callable[[httpx.Request], httpx.Response]


def accept(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json=ACCEPTED)


def hand(
    handler: Handler = accept,
    message: Outbound = HELLO,
    to: Address = AMIRAS_PHONE,
    account: SenderAccount = ACCOUNT,
    callback_data: str | None = "prm_1",
    before_write: Callable[[], None] | None = None,
) -> Sent:
    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        return send(client, account, to, message, callback_data, 2.0, before_write=before_write)


def request_of(
    message: Outbound = HELLO, to: Address = AMIRAS_PHONE, callback_data: str | None = None
) -> Any:
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return accept(request)

    hand(handler, message, to, callback_data=callback_data)
    return seen[0]


def answering(status: int, content: object = b"", headers: dict[str, str] | None = None) -> Handler:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda _request: httpx.Response(status, content=body, headers=headers)


def failing(error: Exception) -> Handler:
    def handler(_request: httpx.Request) -> httpx.Response:
        raise error

    return handler


def test_it_posts_to_the_number_with_the_token_and_nothing_else() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        assert str(request.url) == f"https://graph.example/v26.0/{SENDER}/messages"
        assert request.headers["authorization"] == "Bearer EAAB-token"
        assert request.headers["content-type"] == "application/json"
        return accept(request)

    assert hand(handler).message_id == "wamid.NEW"


def test_a_text_is_sent_as_meta_wants_it() -> None:
    message = OutText("You are unsubscribed ✋", context_id="wamid.IN1")
    assert request_of(message, callback_data="prm_1") == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+" + AMIRA,
        "type": "text",
        "text": {"body": "You are unsubscribed ✋", "preview_url": False},
        "context": {"message_id": "wamid.IN1"},
        "biz_opaque_callback_data": "prm_1",
    }


@pytest.mark.parametrize("to", [bsuid(DANA_ID), parent_bsuid(DANA_PARENT)])
def test_a_user_id_goes_to_recipient_and_never_to_to(to: Address) -> None:
    sent = request_of(to=to)
    assert sent["recipient"] == to.value
    assert "to" not in sent


def test_a_number_is_sent_in_the_spelling_the_person_has() -> None:
    assert request_of(to=phone("+5531912345678"))["to"] == "+5531912345678"


def by_pywa(ask: Callable[[WhatsApp], object]) -> Any:
    """The body pywa, an independent client, posts for the same message."""
    seen: list[Any] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(json.loads(request.content))
        return accept(request)

    transport = httpx.MockTransport(handler)
    with httpx.Client(base_url="https://graph.example/v26.0", transport=transport) as session:
        ask(WhatsApp(phone_id=SENDER, token="EAAB-token", session=session))
    return seen[0]


def test_buttons_are_sent_as_pywa_sends_them() -> None:
    def ask(client: WhatsApp) -> object:
        buttons = [Button("Yes", callback_data="oi:1:yes"), Button("No", callback_data="oi:1:no")]
        return client.send_message("+" + AMIRA, "Order news?", footer="Reply STOP any time", buttons=buttons)

    assert request_of(YES_NO) == by_pywa(ask)


def test_a_template_is_sent_as_pywa_sends_it() -> None:
    def ask(client: WhatsApp) -> object:
        text: Any = BodyText("Hi {{1}}", "Ana")  # its types do not know that params may be called like this
        values = [
            text.params("Amira"),
            QuickReplyButton.params(callback_data="optout:1", index=0),
            QuickReplyButton.params(callback_data="more:1", index=1),
        ]
        return client.send_template("+" + AMIRA, "june_offer", TemplateLanguage.ENGLISH_US, values)

    theirs = by_pywa(ask)
    for component in theirs["template"]["components"]:  # Meta takes both spellings; ours is its pages'
        component["type"] = component["type"].lower()
        if "sub_type" in component:
            component |= {"sub_type": component["sub_type"].lower(), "index": str(component["index"])}
    assert request_of(OFFER) == theirs


def test_a_template_without_values_has_no_components() -> None:
    sent = request_of(OutTemplate("confirm", "en"))
    assert sent["template"] == {"name": "confirm", "language": {"code": "en"}}


@pytest.mark.parametrize(
    ("message", "param"),
    [
        (OutText(""), "body"),
        (OutText(" \n"), "body"),
        (OutText("x" * 4097), "body"),
        (OutButtons("x" * 1025, "", (("a", "A"),)), "body"),
        (OutButtons("x", "f" * 61, (("a", "A"),)), "footer"),
        (OutButtons("x", "", ()), "buttons"),
        (OutButtons("x", "", tuple((n, n) for n in "abcd")), "buttons"),
        (OutButtons("x", "", (("a", "A"), ("b", "A"))), "buttons"),
        (OutButtons("x", "", (("a", "A"), ("a", "B"))), "buttons"),
        (OutButtons("x", "", (("a", "t" * 21),)), "buttons"),
        (OutButtons("x", "", (("p" * 257, "A"),)), "buttons"),
        (OutButtons("x", "", (("", "A"),)), "buttons"),
        (OutTemplate("June Offer", "en"), "name"),
        (OutTemplate("x" * 513, "en"), "name"),
        (OutTemplate("june", "../en"), "language"),
        (OutTemplate("june", "en", ("",)), "body_params"),
        (OutTemplate("june", "en", ("a\nb",)), "body_params"),
        (OutTemplate("june", "en", ("a     b",)), "body_params"),
        (OutTemplate("june", "en", ("x" * 1025,)), "body_params"),
        (OutTemplate("june", "en", (), ("",)), "buttons"),
        (OutTemplate("june", "en", (), ("p" * 257,)), "buttons"),
        (OutTemplate("june", "en", (), ("p",) * 11), "buttons"),
    ],
)
def test_a_message_over_a_limit_never_leaves(message: Outbound, param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        hand(failing(AssertionError("it left")), message)
    assert caught.value.param == param


def test_a_message_at_its_limits_leaves() -> None:
    full = tuple((n * 256, n * 20) for n in "abc")
    assert len(request_of(OutButtons("x" * 1024, "f" * 60, full))["interactive"]["action"]["buttons"]) == 3
    assert request_of(OutText("x" * 4096), callback_data="c" * 512)["biz_opaque_callback_data"] == "c" * 512
    with pytest.raises(InvalidRequest):
        request_of(callback_data="c" * 513)


class Graph:
    """A real HTTP server that accepts every message."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        graph = self

        class Answer(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                graph.requests.append(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps(ACCEPTED).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def graph() -> Iterator[Graph]:
    graph = Graph()
    thread = threading.Thread(target=graph.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield graph
    graph.server.shutdown()
    thread.join()
    graph.server.server_close()


@pytest.mark.parametrize("token", ["EAAB-secret\n", "EAAB-secret-é"])
def test_a_malformed_token_is_told_without_showing_it(token: str, graph: Graph) -> None:
    account = SenderAccount(SENDER, token, graph.url, "v26.0")
    with httpx.Client() as client, pytest.raises(ProviderError) as caught:
        send(client, account, AMIRAS_PHONE, HELLO, None, 2.0)
    assert (caught.value.outcome, caught.value.retry) == ("not_sent", False)
    assert "secret" not in "".join(traceback.format_exception(caught.value)) + repr(account)
    assert graph.requests == []


@pytest.mark.parametrize("base_url", ["ftp://graph", "graph.example", "http://[::", "https://graph:x"])
def test_a_malformed_base_url_sends_nothing(base_url: str) -> None:
    with httpx.Client() as client, pytest.raises(ProviderError) as caught:
        send(client, SenderAccount(SENDER, "t", base_url, "v26.0"), AMIRAS_PHONE, HELLO, None, 2.0)
    assert (caught.value.outcome, caught.value.retry) == ("not_sent", False)


def test_ids_cannot_leave_their_place_in_the_url() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/v26.0/1%2F..%2F2%3Fx/messages"
        return accept(request)

    hand(handler, account=SenderAccount("1/../2?x", "t", "https://graph.example/", "v26.0"))


def test_the_last_check_can_call_it_off() -> None:
    def too_late() -> None:
        raise PermitExpired

    with pytest.raises(PermitExpired):
        hand(failing(AssertionError("it left")), before_write=too_late)


def test_on_a_real_connection_the_last_check_runs_again_when_it_is_open(graph: Graph) -> None:
    account = SenderAccount(SENDER, "t", graph.url, "v26.0")
    seen_at: list[int] = []

    def look() -> None:
        seen_at.append(len(graph.requests))

    with httpx.Client() as client:
        for _ in range(2):
            send(client, account, AMIRAS_PHONE, HELLO, None, 2.0, before_write=look)
    assert seen_at == [0, 0, 1, 1]
    assert len(graph.requests) == 2


def test_a_permit_that_ran_out_while_connecting_sends_nothing(graph: Graph) -> None:
    calls: list[None] = []

    def expired_by_then() -> None:
        calls.append(None)
        if len(calls) == 2:
            raise PermitExpired

    account = SenderAccount(SENDER, "t", graph.url, "v26.0")
    with httpx.Client() as client:
        with pytest.raises(PermitExpired):
            send(client, account, AMIRAS_PHONE, HELLO, None, 2.0, before_write=expired_by_then)
        assert graph.requests == []
        assert send(client, account, AMIRAS_PHONE, HELLO, None, 2.0).message_id == "wamid.NEW"
    assert len(graph.requests) == 1
