"""Real clients with nothing changed but their base URL and their token: pywa and the twilio package."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import pywa
from pywa import errors, types
from pywa.types.templates import BodyText, TemplateLanguage
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped]
from twilio.rest import Client  # type: ignore[import-untyped]

from sayso.phone.app import PhoneConfig, start
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World
from tests.web.gateway_desk import ACCOUNT, OFFER_SID, TWILIO_FROM, WABA, Gateway, gateway_of
from tests.world import NUMBER_ID

# Called on the class it takes the values alone; its annotations describe only the call on an instance.
values: Any = BodyText.params


@pytest.fixture
def gateway(lone_world: World) -> Iterator[Gateway]:
    with gateway_of(lone_world) as opened:
        opened.world.join(AMIRA, "JOIN ALL")
        opened.world.say(BRUNO, "STOP")
        opened.world.work()
        yield opened


@pytest.fixture
def whatsapp(gateway: Gateway) -> Iterator[pywa.WhatsApp]:
    with httpx.Client(trust_env=False) as session:
        client = pywa.WhatsApp(phone_id=NUMBER_ID, token=gateway.key, session=session, server=None)
        session.base_url = f"{gateway.url}/v26.0"  # all that is changed
        yield client


def offer(whatsapp: pywa.WhatsApp, to: str) -> Any:
    return whatsapp.send_template(to=to, name="june_offer", language=TemplateLanguage.ENGLISH, params=[values("Ana")])


def test_pywa_sends_templates_texts_and_buttons(gateway: Gateway, whatsapp: pywa.WhatsApp) -> None:
    assert offer(whatsapp, AMIRA.phone).id.startswith("wamid.")
    assert whatsapp.send_message(to=AMIRA.phone[1:], text="On its way").id
    assert whatsapp.send_message(to=AMIRA.phone, text="Well?", buttons=[
        types.Button(title="Yes", callback_data="yes"), types.Button(title="No", callback_data="no")], tracker="t7").id
    assert whatsapp.send_location(to=AMIRA.phone, latitude=51.5, longitude=-0.12, name="Shop", address="1 High St").id
    assert b'"t7;sayso:prm_' in gateway.upstream.sent[2].body
    assert [got.headers["authorization"] for got in gateway.upstream.sent] == ["Bearer t0ken"] * 4


def test_pywa_understands_the_refusals(gateway: Gateway, whatsapp: pywa.WhatsApp) -> None:
    with pytest.raises(errors.UserStoppedMarketingMessages) as stopped:
        offer(whatsapp, BRUNO.phone)
    assert "stop to everything" in str(stopped.value.details)
    with pytest.raises(errors.RecipientNotInAllowedList):
        offer(whatsapp, CHEN.phone)
    with pytest.raises(errors.MissingRequiredParameter):
        whatsapp.send_template(to=AMIRA.phone, name="login_code", language=TemplateLanguage.ENGLISH, params=[])
    gateway.world.clock.go(25 * 3600)
    with pytest.raises(errors.ReEngagementMessage):
        whatsapp.send_message(to=AMIRA.phone, text="too late")
    assert gateway.upstream.sent == []


def test_pywa_marks_as_read_uploads_and_reads(gateway: Gateway, whatsapp: pywa.WhatsApp) -> None:
    gateway.upstream.answers = [(200, {"success": True}), (200, {"success": True}), (200, {"id": "137524587935346"})]
    assert whatsapp.mark_message_as_read(message_id="wamid.X").success
    assert whatsapp.indicate_typing(message_id="wamid.X").success
    assert whatsapp.upload_media(media=b"\x89PNG", mime_type="image/png", filename="a.png").id == "137524587935346"


def test_pywa_gets_an_error_it_does_not_repeat_when_an_answer_is_lost(gateway: Gateway,
                                                                      whatsapp: pywa.WhatsApp) -> None:
    gateway.upstream.answers = [None]
    with pytest.raises(errors.UnknownError):
        offer(whatsapp, AMIRA.phone)
    assert len(gateway.upstream.sent) == 1


def test_a_campaign_by_pywa_ends_for_each_person_with_their_stop(gateway: Gateway, whatsapp: pywa.WhatsApp) -> None:
    """Four threads send as fast as they can; a stop is acknowledged in between, and nothing arrives after it."""
    refused: list[str] = []

    def campaign() -> None:
        for _ in range(15):
            try:
                offer(whatsapp, AMIRA.phone)
            except errors.UserStoppedMarketingMessages as error:
                refused.append(str(error.details))

    threads = [threading.Thread(target=campaign) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(gateway.upstream.sent) < 8:
        threads[0].join(0.01)
    key = gateway.make_key("consent")
    stopped = gateway.post("/v1/opt-outs", {"address": AMIRA.phone}, key=key)
    arrived = len(gateway.upstream.sent)
    assert stopped.json()["state"] == "acknowledged"
    for thread in threads:
        thread.join()
    assert len(gateway.upstream.sent) == arrived
    assert len(refused) == 60 - arrived > 0


def test_pywa_through_the_gateway_to_the_phones_graph_api(gateway: Gateway, whatsapp: pywa.WhatsApp) -> None:
    """The simulator in Meta's place: it lists the categories, checks the token, and knows every field."""
    with start(PhoneConfig(token="t0ken", app_secret="s3cret", waba_id=WABA, retry_seconds=())) as phone:
        gateway.world.system.graph_url = phone.url
        assert offer(whatsapp, AMIRA.phone).id.startswith("wamid.")
        with pytest.raises(errors.TemplateNotExists):
            whatsapp.send_template(to=AMIRA.phone, name="nobody_knows", language=TemplateLanguage.ENGLISH, params=[])
        with pytest.raises(errors.UserStoppedMarketingMessages):
            offer(whatsapp, BRUNO.phone)
        outbox = httpx.get(f"{phone.url}/_phone/outbox", trust_env=False).json()["data"]
    assert [(sent["to"], sent["body"]["biz_opaque_callback_data"][:10]) for sent in outbox] == [
        (AMIRA.phone, "sayso:prm_")]


@pytest.fixture
def twilio(gateway: Gateway) -> Client:
    client = Client(ACCOUNT, gateway.key)
    client.api.base_url = gateway.url  # all that is changed
    return client


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # requests keeps its socket until it is collected
def test_the_twilio_package_sends_and_understands_the_refusals(gateway: Gateway, twilio: Client) -> None:
    sent = twilio.messages.create(to=f"whatsapp:{AMIRA.phone}", from_=TWILIO_FROM, content_sid=OFFER_SID,
                                  content_variables='{"1":"Ana"}')
    assert (sent.sid or "").startswith("SM")
    with pytest.raises(TwilioRestException) as stopped:
        twilio.messages.create(to=f"whatsapp:{BRUNO.phone}", from_=TWILIO_FROM, content_sid=OFFER_SID)
    assert (stopped.value.code, stopped.value.status) == (21610, 400)
    with pytest.raises(TwilioRestException) as unknown:
        twilio.messages.create(to=f"whatsapp:{CHEN.phone}", from_=TWILIO_FROM, content_sid=OFFER_SID)
    assert unknown.value.code == 21608
    assert len(gateway.upstream.sent) == 1
    twilio.http_client.session.close()
