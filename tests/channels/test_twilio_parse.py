"""What happened, from one form of Twilio's: words, taps, who spoke, ads, and what became of our messages."""

from __future__ import annotations

import pytest

from sayso.channels import twilio
from sayso.channels.base import Inbound, InboundButton, InboundOther, InboundText, StatusUpdate, Unhandled
from sayso.core.identity import bsuid, parent_bsuid, phone
from sayso.errors import BodyTooLarge, MalformedBody
from tests.texting import CONTENT, SERVICE, form

TO = "whatsapp:+447700900100"
SPOKEN = {"MessageSid": "SM1", "SmsMessageSid": "SM1", "AccountSid": "AC1", "From": "whatsapp:+447700900123", "To": TO,
          "WaId": "447700900123", "ProfileName": "Amira", "Body": "hello", "NumMedia": "0", "SmsStatus": "received",
          "MessageType": "text", "ReferralNumMedia": "0", "Forwarded": "false", "FrequentlyForwarded": "false"}
#: A quick reply as Twilio really sends it, with other people's names.
TAPPED = {
    "OriginalRepliedMessageSender": TO, "ExternalUserId": "whatsapp:ID.4566546130240823", "SmsMessageSid": "SM2",
    "FrequentlyForwarded": "false", "NumMedia": "0", "ProfileName": "Amira", "MessageType": "interactive",
    "SmsSid": "SM2", "WaId": "447700900123", "SmsStatus": "received", "Body": "Yes", "Forwarded": "false",
    "ButtonText": "Yes", "To": TO, "ButtonPayload": "sayso:yes:evt_1", "NumSegments": "1", "ReferralNumMedia": "0",
    "MessageSid": "SM2", "AccountSid": "AC1", "OriginalRepliedMessageSid": "MM1", "ChannelMetadata": '{"type":"x"}',
    "From": "whatsapp:+447700900123", "ApiVersion": "2010-04-01",
}
SMS = {"MessageSid": "SM3", "From": "+447700900123", "To": "+447700900100", "Body": "JOIN", "SmsStatus": "received",
       "FromCountry": "GB", "NumMedia": "0"}
STATUS = {"MessageSid": "SM9", "SmsSid": "SM9", "MessageStatus": "undelivered", "SmsStatus": "undelivered",
          "To": "whatsapp:+447700900456", "From": TO, "ErrorCode": "63024", "ChannelPrefix": "whatsapp"}


def read(params: dict[str, str], /, **more: str) -> Inbound:
    items = twilio.parse(form(**(params | more)))
    assert len(items) == 1
    return items[0]


def text(params: dict[str, str] = SPOKEN, /, **more: str) -> InboundText:
    item = read(params, **more)
    assert isinstance(item, InboundText), item
    return item


def test_words_are_read_with_who_said_them_to_whom_and_no_name() -> None:
    item = text()
    assert (item.text, item.message_id, item.key, item.at) == ("hello", "SM1", ("message", "SM1"), 0)
    assert (item.sender_ref, item.channel, item.addresses) == (TO, "whatsapp", (phone("+447700900123"),))
    assert (item.forwarded, item.caption, item.understood) == (False, False, "")
    assert (item.context_id, item.referral) == (None, None)


def test_an_sms_is_another_channel_with_the_same_person() -> None:
    item = text(SMS, MessagingServiceSid=SERVICE)
    assert (item.channel, item.sender_ref, item.service_ref) == ("sms", "+447700900100", SERVICE)
    assert item.addresses == text().addresses


@pytest.mark.parametrize(("more", "found"), [
    ({"ExternalUserId": "whatsapp:US.1349Ab"}, (phone("+447700900123"), bsuid("US.1349Ab"))),
    ({"ExternalUserId": "whatsapp:US.ENT.1181"}, (phone("+447700900123"), parent_bsuid("US.ENT.1181"))),
    ({"From": "whatsapp:US.1349Ab", "ExternalUserId": "whatsapp:US.1349Ab", "WaId": ""}, (bsuid("US.1349Ab"),)),
    ({"From": "whatsapp:US.1349Ab", "WaId": "447700900123"}, (bsuid("US.1349Ab"), phone("+447700900123"))),
    ({"From": "whatsapp:+5511987654321", "WaId": "551187654321"}, (phone("+5511987654321"),)),
    ({"From": "", "WaId": "447700900123"}, (phone("+447700900123"),)),
    ({"ExternalUserId": "whatsapp:nonsense"}, (phone("+447700900123"),)),
])  # fmt: skip
def test_every_name_of_one_person_is_read_whatever_slot_it_stands_in(more: dict[str, str], found: object) -> None:
    assert text(**more).addresses == found


def test_a_tap_is_read_before_the_label_that_the_body_repeats() -> None:
    item = read(TAPPED)
    assert isinstance(item, InboundButton)
    assert (item.payload, item.label, item.context_id, item.kind) == ("sayso:yes:evt_1", "Yes", "MM1", "template")
    assert item.addresses == (phone("+447700900123"), bsuid("ID.4566546130240823"))
    assert item.referral is None


def test_a_tap_without_a_payload_is_its_label_and_a_list_is_a_tap() -> None:
    item = read(TAPPED, ButtonPayload="")
    assert isinstance(item, InboundButton)
    assert item.payload == item.label == "Yes"
    chosen = read(SPOKEN, ListId="topic:offers", ListTitle="Offers", Body="Offers")
    assert isinstance(chosen, InboundButton)
    assert (chosen.kind, chosen.payload, chosen.label) == ("list", "topic:offers", "Offers")


def test_words_under_a_picture_are_words_and_a_picture_without_is_none() -> None:
    assert text(NumMedia="1", MediaUrl0="https://example.org/1", Body="stop").caption
    other = read(SPOKEN, NumMedia="1", MessageType="image", Body="")
    assert isinstance(other, InboundOther)
    assert other.kind == "image"
    assert isinstance(read(SPOKEN, MessageType="location", Body="", Latitude="1"), InboundOther)


@pytest.mark.parametrize("flag", ["Forwarded", "FrequentlyForwarded"])
def test_forwarded_words_are_marked(flag: str) -> None:
    assert text(**{flag: "true"}).forwarded


@pytest.mark.parametrize(("given", "understood"), [("STOP", "stop"), ("start", "start"), ("HELP", "help"), ("", ""),
                                                   ("NEW", "")])
def test_what_twilio_understood_itself_is_told(given: str, understood: str) -> None:
    assert text(SMS, OptOutType=given).understood == understood


def test_a_stop_that_twilio_understood_needs_no_words_and_is_no_tap() -> None:
    assert text(SMS, Body="", OptOutType="STOP").understood == "stop"
    assert text(TAPPED, OptOutType="STOP").understood == "stop"


def test_an_ad_is_told_by_its_id_and_not_by_the_count_every_message_has() -> None:
    ad = {"ReferralSourceId": "120210000000000001", "ReferralSourceType": "ad", "ReferralHeadline": "Sale",
          "ReferralCtwaClid": "ARA1", "ReferralSourceUrl": "https://fb.me/xyz", "ReferralBody": ""}
    assert text(**ad).referral == {"source_id": "120210000000000001", "source_type": "ad", "headline": "Sale",
                                   "ctwa_clid": "ARA1", "source_url": "https://fb.me/xyz"}
    assert text(ReferralNumMedia="1").referral is None


@pytest.mark.parametrize(("word", "code", "more", "status", "will"), [
    ("delivered", "", {}, "delivered", ""),
    ("read", "", {}, "read", ""),
    ("failed", "63049", {}, "failed", ""),
    ("undelivered", "63024", {}, "failed", ""),
    ("undelivered", "63032", {}, "failed", ""),
    ("undelivered", "63014", {}, "failed", "stopped_marketing"),
    ("failed", "21610", {}, "failed", "stopped_all"),
    ("failed", "63024", {"ChannelStatusMessage": "131050: user stopped"}, "failed", "opted_out"),
    ("failed", "63024", {"ChannelStatusMessage": "trace 91310507"}, "failed", ""),
    ("sent", "21610", {"ChannelStatusMessage": "131050"}, "sent", ""),
    ("failed", "nonsense", {}, "failed", ""),
])  # fmt: skip
def test_a_failure_is_told_with_what_it_says_of_the_persons_will(
    word: str, code: str, more: dict[str, str], status: str, will: str
) -> None:
    item = read(STATUS | {"MessageStatus": word, "SmsStatus": word, "ErrorCode": code}, **more)
    assert isinstance(item, StatusUpdate)
    assert (item.status, item.will, item.message_id, item.sender_ref) == (status, will, "SM9", TO)
    number = int(code) if code.isdigit() else 0
    assert item.errors == (((number, ""),) if status == "failed" else ())
    assert item.addresses == (phone("+447700900456"),)


def test_a_masked_recipient_costs_the_status_nothing() -> None:
    item = read(STATUS, To="whatsapp:+44770*******")
    assert isinstance(item, StatusUpdate)
    assert item.addresses == ()


@pytest.mark.parametrize(("params", "reason"), [
    (SPOKEN | {"MessageSid": "", "SmsMessageSid": ""}, "no_id"),
    (SPOKEN | {"MessageSid": "S" * 65}, "no_id"),
    (SPOKEN | {"From": "whatsapp:", "WaId": ""}, "no_address"),
    (SMS | {"From": "60606"}, "no_address"),
    (SMS | {"From": "ACME"}, "no_address"),
    (SPOKEN | {"From": "messenger:123"}, "unknown_channel"),
    (SPOKEN | {"From": "+447700900123"}, "unknown_channel"),
    ({}, "no_id"),
])  # fmt: skip
def test_what_cannot_be_used_is_kept_whole(params: dict[str, str], reason: str) -> None:
    item = read(params)
    assert isinstance(item, Unhandled)
    assert (item.reason, item.raw) == (reason, form(**params))


def test_a_parameter_that_decides_must_not_stand_twice_with_two_values() -> None:
    raw = form(**SPOKEN)
    [item] = twilio.parse(raw + b"&Body=STOP")
    assert isinstance(item, Unhandled)
    assert item.reason == "repeated_parameter"
    assert isinstance(twilio.parse(raw + b"&Body=hello")[0], InboundText)
    assert isinstance(twilio.parse(raw + b"&MediaUrl0=a&MediaUrl0=b")[0], InboundText)


def test_a_json_body_is_kept_and_not_read() -> None:
    [item] = twilio.parse(b'{"EventType": "onMessageAdded"}')
    assert isinstance(item, Unhandled)
    assert item.reason == "json"


def test_equal_requests_have_equal_keys_and_others_other_ones() -> None:
    keys = [read(params).key for params in (SPOKEN, SPOKEN, SPOKEN | {"MessageSid": "SM4"}, STATUS,
                                            STATUS | {"ErrorCode": "21610"}, {}, {"To": "x"})]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 6


def test_limits_are_kept() -> None:
    with pytest.raises(BodyTooLarge):
        twilio.parse(b"a" * (twilio.MAX_BODY + 1))
    with pytest.raises(MalformedBody):
        twilio.parse(b"Body=%ff")
    assert CONTENT not in repr(read(SPOKEN, Body=CONTENT))
