"""A real client library meets the fake Graph API: pywa sends through it, checks its signatures, reads its
webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import pywa
from pywa import errors, handlers, types
from pywa.types.templates import BodyText, QuickReplyButton, TemplateLanguage

from sayso.phone.app import PhoneConfig, Running, start
from tests.phone.desk import AMIRA, BRUNO, NUMBER, SECRET, TOKEN

# Called on the class it takes the values alone; its annotations describe only the call on an instance.
values: Any = BodyText.params


class ToThePhone(httpx.HTTPTransport):
    """Pywa always calls graph.facebook.com; this sends the same requests to the simulator."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.target = httpx.URL(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == "graph.facebook.com"
        request.url = request.url.copy_with(scheme="http", host=self.target.host, port=self.target.port)
        return super().handle_request(request)


@pytest.fixture
def running() -> Iterator[Running]:
    with start(PhoneConfig(token=TOKEN, app_secret=SECRET, retry_seconds=())) as made:
        yield made


@pytest.fixture
def client(running: Running) -> Iterator[pywa.WhatsApp]:
    with httpx.Client(transport=ToThePhone(running.url)) as session:
        yield pywa.WhatsApp(phone_id=NUMBER, token=TOKEN, session=session, app_secret=SECRET, server=None)


def act(running: Running, path: str, **body: Any) -> Any:
    answer = httpx.post(f"{running.url}/_phone/{path}", json=body, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_pywa_sends_text_and_buttons(running: Running, client: pywa.WhatsApp) -> None:
    act(running, "say", person="amira", text="hi")
    sent = client.send_message(to=AMIRA, text="Hello Amira")
    assert sent.id.startswith("wamid.")
    asked = client.send_message(to=AMIRA, text="May we?", buttons=[
        types.Button(title="Yes", callback_data="yes"), types.Button(title="No", callback_data="no")])
    assert act(running, "tap", person="amira", message_id=asked.id, button="yes")["message_id"]


def test_pywa_sends_a_template_with_a_payload(running: Running, client: pywa.WhatsApp) -> None:
    sent = client.send_template(
        to=AMIRA, name="june_offer", language=TemplateLanguage.ENGLISH,
        params=[values("Amira"), QuickReplyButton.params(callback_data="optout:v1", index=0)])
    assert act(running, "tap", person="amira", message_id=sent.id, button="optout:v1")["message_id"]


def test_pywa_understands_the_refusals(running: Running, client: pywa.WhatsApp) -> None:
    with pytest.raises(errors.ReEngagementMessage):
        client.send_message(to=AMIRA, text="too late")
    act(running, "native", person="bruno", value="stop")
    act(running, "knobs", sync_131050=True)
    with pytest.raises(errors.UserStoppedMarketingMessages):
        client.send_template(to=BRUNO, name="june_offer", language=TemplateLanguage.ENGLISH,
                             params=[values("Bruno")])
    with pytest.raises(errors.TemplateNotExists):
        client.send_template(to=BRUNO, name="nobody_knows", language=TemplateLanguage.ENGLISH, params=[])


def test_pywa_accepts_the_signature_and_reads_the_webhooks(running: Running, client: pywa.WhatsApp) -> None:
    seen: list[Any] = []
    client.add_handlers(
        handlers.MessageHandler(lambda _, message: seen.append((message.text, message.from_user.bsuid))),
        handlers.MessageStatusHandler(lambda _, status: seen.append((status.status, status.id))))
    act(running, "say", person="dana", text="اشترك")
    sent = client.send_message(to="+447700900104", text="Hello Dana")
    act(running, "settle")
    for delivery in httpx.get(f"{running.url}/_phone/deliveries", trust_env=False).json()["data"]:
        body = delivery["body"].encode()
        assert client.webhook_update_validator(body, delivery["signature"]) is None
        assert client.webhook_update_validator(body + b" ", delivery["signature"]) is not None
        assert client.webhook_update_handler(body)[1] == 200
    assert seen[0] == ("اشترك", "GB.1349120865530274104")
    assert [status for status, id_ in seen[1:] if id_ == sent.id] == ["sent", "delivered", "read"]
