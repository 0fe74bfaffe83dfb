"""What sayso.toml may say of Twilio: accounts, numbers, keywords by SMS, ads; every error names the place."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sayso.errors import ConfigError
from sayso.settings import Declared
from sayso.settings.config import parse
from tests.stores import declaration
from tests.texting import ACCOUNT, CONTENT, SERVICE, twilio_declaration

Edit = Callable[[dict[str, Any]], object]


def read(edit: Edit = lambda _: None, declared: dict[str, Any] | None = None) -> Declared:
    whole = declared or twilio_declaration()
    edit(whole)
    return parse(whole, Path())


def main(**more: Any) -> Edit:
    return lambda whole: whole["connections"]["main"].update(more)


def sender(name: str, **more: Any) -> Edit:
    return lambda whole: whole["senders"][name].update(more)


def entry(name: str, **more: Any) -> Edit:
    return lambda whole: whole["entry_points"][name].update(more)


def template(**more: Any) -> Edit:
    return lambda whole: whole["notices"]["join"]["templates"]["en"].update(more)


def test_a_business_at_twilio_is_read() -> None:
    declared = read()
    main_one = declared.connections["main"]
    assert (main_one.provider, main_one.base_url, main_one.account_sid) == ("twilio", "https://api.twilio.com", ACCOUNT)
    assert {name: item.channel for name, item in declared.senders.items()} == {"shop": "whatsapp", "text": "sms"}
    assert declared.entries["sms"].confirm == "shop"


@pytest.mark.parametrize("edit", [
    main(public_url="http://127.0.0.1:8080/"),
    main(api_key="SK" + "0" * 32, access_token={"env": "TWILIO_KEY_SECRET"}),
    main(shared_key={"env": "TWILIO_SHARED"}),
    sender("text", phone_number_id=SERVICE),
    sender("text", phone_number_id="60606", phone="60606"),
    sender("shop", phone_number_id=SERVICE),
])
def test_every_way_to_name_an_account_and_a_number_is_read(edit: Edit) -> None:
    assert read(edit).connections["main"].public_url in ("https://sayso.example.com", "http://127.0.0.1:8080")


@pytest.mark.parametrize(("edit", "place", "says"), [
    (main(account_sid="AC1"), "connections.main.account_sid", "AC and 32 digits"),
    (main(account_sid=""), "connections.main.account_sid", "AC and 32 digits"),
    (main(public_url=""), "connections.main.public_url", "missing"),
    (main(public_url="http://sayso.example.com"), "connections.main.public_url", "https"),
    (main(public_url="https://sayso.example.com/?a=1"), "connections.main.public_url", "scheme, host"),
    (main(base_url="http://api.example.com"), "connections.main.base_url", "https"),
    (main(app_secret={"env": "X"}), "connections.main.app_secret", "Meta's"),
    (main(verify_token={"env": "X"}), "connections.main.verify_token", "Meta's"),
    (main(auth_token="secret-value"), "connections.main.auth_token", "secrets never stand in this file"),
    (main(api_key="AC1"), "connections.main.api_key", "SK and 32 digits"),
    (main(api_key="SK" + "0" * 32), "connections.main.api_key", "go together"),
    (main(access_token={"env": "X"}), "connections.main.api_key", "go together"),
    (sender("shop", phone_number_id="+447700900100"), "senders.shop.phone_number_id", "whatsapp:"),
    (sender("shop", phone_number_id="106540352242922"), "senders.shop.phone_number_id", "whatsapp:"),
    (sender("shop", phone="+447700900155"), "senders.shop.phone", "another number"),
    (sender("text", phone_number_id="whatsapp:+447700900100"), "senders.text.phone_number_id", "short code"),
    (sender("text", phone="nonsense"), "senders.text.phone", "country code"),
    (sender("shop", phone_number_id="+447700900100", channel="sms"), "senders.text.phone_number_id", "the same"),
    (entry("sms", confirm=""), "entry_points.sms.confirm", "missing"),
    (entry("sms", confirm="text"), "entry_points.sms.confirm", "SMS too"),
    (entry("sms", confirm="shopp"), "entry_points.sms.confirm", "did you mean 'shop'"),
    (entry("sms", notice="plain"), "entry_points.sms", "notices.plain.templates.en"),
    (entry("join", confirm="shop"), "entry_points.join.confirm", "asks in WhatsApp itself"),
    (entry("join", kind="api", keywords=[], sender="text"), "entry_points.join.sender", "WhatsApp sender"),
    (entry("join", kind="ad", keywords=[], sender="text"), "entry_points.join.sender", "WhatsApp sender"),
    (entry("join", ads=["1"]), "entry_points.join.ads", "for the kind 'ad'"),
    (entry("join", kind="ad", keywords=[], ads=["spring"]), "entry_points.join.ads", "digits"),
    (template(name="sayso_optin"), "notices.join.templates.en.name", "ContentSid"),
])  # fmt: skip
def test_a_mistake_is_named_with_its_place_and_what_to_write(edit: Edit, place: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        read(edit)
    assert refused.value.param == place


@pytest.mark.parametrize(("edit", "place"), [
    (main(account_sid=ACCOUNT), "connections.main.account_sid"),
    (main(auth_token={"env": "X"}), "connections.main.auth_token"),
    (main(public_url="https://sayso.example.com"), "connections.main.public_url"),
    (sender("shop", channel="sms"), "senders.shop.channel"),
    (template(name=CONTENT), "notices.join.templates.en.name"),
])
def test_what_is_twilios_is_refused_at_meta(edit: Edit, place: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(edit, declaration())
    assert refused.value.param == place


def test_the_example_of_the_how_to_is_right() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "connect-twilio.md").read_text("utf-8")
    whole, key = re.findall(r"^```toml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    declared = read(declared=tomllib.loads(whole))
    assert declared.entries["sms"].confirm == "shop"
    assert set(tomllib.loads(key)) == {"shared_key"}


@pytest.mark.parametrize(("policy", "place"), [
    ({"prompts_a_day": -1}, "policy.prompts_a_day"), ({"countries": ["UK"]}, "policy.countries"),
    ({"elsewhere": {"fax": "because"}}, "policy.elsewhere.fax"),
    ({"elsewhere": {"import": " "}}, "policy.elsewhere.import"),
])
def test_what_the_policy_may_say_is_checked(policy: dict[str, Any], place: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(declared=declaration(policy=policy))
    assert refused.value.param == place
    good = read(declared=declaration(policy={"countries": ["GB"], "elsewhere": {"clerk": "signed on paper"}}))
    assert good.policy.elsewhere == {"clerk": "signed on paper"}
