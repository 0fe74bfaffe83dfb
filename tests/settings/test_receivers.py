"""[webhooks.NAME] in sayso.toml: what cannot be called safely, or is no type, is refused with what to mend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sayso.core.workspace import Secret, Webhook
from sayso.errors import ConfigError
from sayso.settings.config import parse
from tests.receiver import HERE, SECRET
from tests.stores import World, declaration

GOOD: dict[str, Any] = {"url": "https://crm.example/hook", "secret": {"file": "secrets/crm"}}


def read(**edits: Any) -> Webhook:
    whole = declaration(webhooks={"crm": {key: value for key, value in {**GOOD, **edits}.items() if value is not None}})
    return parse(whole, Path("/etc/sayso")).webhooks["crm"]


def test_a_webhook_is_read_with_its_secret_named_and_not_held() -> None:
    assert read() == Webhook("crm", GOOD["url"], Secret(file="/etc/sayso/secrets/crm"))
    whole = read(types=["consent.granted"], addresses=True, allow_private=["10.0.0.0/8"], ports=[9443],
                 url="https://10.1.2.3:9443/", previous_secret={"env": "OLD"})
    assert (whole.types, whole.ports, whole.previous_secret) == (("consent.granted",), (9443,), Secret(env="OLD"))


@pytest.mark.parametrize("url", [
    "https://crm.example", "https://crm.example:8443/x?y=z", "https://8.8.8.8/", "https://[2606:4700::1111]/",
])
def test_public_addresses_with_https_are_taken(url: str) -> None:
    assert read(url=url).url == url


def test_this_machine_may_be_called_without_tls_if_that_is_said() -> None:
    for url in ("http://localhost:9000/", "http://127.0.0.1:9000/", "http://[::1]:9000/"):
        assert read(url=url, allow_private=HERE).url == url
        with pytest.raises(ConfigError, match="allow_private"):
            read(url=url)


@pytest.mark.parametrize(("edits", "param", "word"), [
    ({"url": "http://crm.example/"}, "url", "https://"),
    ({"url": "http://10.0.0.1/", "allow_private": ["10.0.0.0/8"]}, "url", "https://"),
    ({"url": "ftp://crm.example/"}, "url", "https://"), ({"url": "crm.example"}, "url", "https://"),
    ({"url": ""}, "url", "https://"), ({"url": "https://crm.example/\u00e9"}, "url", "ASCII"),
    ({"url": "https://crm.example/ x"}, "url", "ASCII"), ({"url": "https://crm.example/\r\nx: y"}, "url", "ASCII"),
    ({"url": "https://a:b@crm.example/"}, "url", "password"), ({"url": "https://crm.example/#x"}, "url", "#"),
    ({"url": "https://crm.example:22/"}, "url", "ports"), ({"url": "https://crm.example:99999/"}, "url", "address"),
    ({"url": "https://[::1/"}, "url", "address"), ({"url": "https://169.254.169.254/"}, "url", "public"),
    ({"url": "https://[::ffff:10.0.0.1]/"}, "url", "public"), ({"url": "https://crm.example/" + "x" * 2000}, "url", ""),
    ({"secret": "whsec_abc"}, "secret", "never stand in this file"), ({"secret": None}, "secret", "missing"),
    ({"types": ["consent.granted", "consent.grantd"]}, "types", "consent.granted"),
    ({"types": ["webhook.tested"]}, "types", "no type"), ({"types": "all"}, "types", "list"),
    ({"allow_private": ["10.0.0.1/8"]}, "allow_private", "networks"),
    ({"allow_private": ["10.0.0.0/8"] * 21}, "allow_private", "at most"),
    ({"ports": [0]}, "ports", "65535"), ({"ports": ["443"]}, "ports", "whole numbers"),
    ({"color": "red"}, "color", "unknown key"),
])
def test_what_is_wrong_is_told_with_its_place(edits: dict[str, Any], param: str, word: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(**edits)
    assert (caught.value.param or "").startswith(f"webhooks.crm.{param}")
    assert word in caught.value.detail
    assert "whsec_abc" not in caught.value.detail


def test_applying_refuses_a_secret_that_is_none_and_waits_for_one_that_is_missing(world: World) -> None:
    whole = declaration(webhooks={"crm": {**GOOD, "secret": {"env": "CRM_SECRET"}}})
    assert world.system.apply(whole).changed
    world.clock.go(3)
    world.system.environ["CRM_SECRET"] = "plain-secret"
    with pytest.raises(ConfigError, match="sayso webhook secret") as caught:
        world.system.apply(whole)
    assert caught.value.param == "webhooks.crm.secret"
    assert "plain-secret" not in caught.value.detail
    world.clock.go(3)
    world.system.environ["CRM_SECRET"] = SECRET
    world.system.apply(whole)
