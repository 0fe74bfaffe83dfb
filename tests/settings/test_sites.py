"""Web addresses in sayso.toml and in the environment: what is taken, and that a wrong one is named."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Any

import pytest

from sayso.errors import ConfigError
from sayso.settings import read_settings
from sayso.settings.config import parse
from tests.stores import declaration


def declared(*, privacy: str = "", origins: tuple[str, ...] = (), kind: str = "page", **entry: Any) -> Any:
    whole = declaration()
    whole["workspace"]["privacy"] = privacy
    site = {"kind": kind, "notice": "join", "sender": "shop", "origins": list(origins)}
    whole["entry_points"]["site"] = site | entry
    return parse(whole, Path())


def test_a_page_takes_websites_and_a_privacy_policy() -> None:
    whole = declared(privacy="https://acme.example/privacy?lang=en",
                     origins=("https://shop.example", "https://shop.example:8443", "http://localhost:3000"))
    assert whole.privacy == "https://acme.example/privacy?lang=en"
    assert whole.entries["site"].origins[2] == "http://localhost:3000"


@pytest.mark.parametrize("site", [
    "shop.example", "https://shop.example/", "https://Shop.example", "http://shop.example", "*", "https://*.example/x",
    "https://a@shop.example", "null", "", "https://", "https://shop.example:port", "https://shop.example?x",
])
def test_a_website_that_no_browser_would_name_so_is_refused(site: str) -> None:
    with pytest.raises(ConfigError) as told:
        declared(origins=(site,))
    assert told.value.param == "entry_points.site.origins"


def test_websites_belong_to_pages_only_and_are_not_without_number() -> None:
    with pytest.raises(ConfigError, match="kind 'page'"):
        declared(kind="api", origins=("https://shop.example",))
    with pytest.raises(ConfigError, match="at most 50"):
        declared(origins=tuple(f"https://shop{place}.example" for place in range(51)))


@pytest.mark.parametrize("url", [
    "http://acme.example", "acme.example", "https://", "https://a b", "javascript:alert(1)", "https://[",
    "https://acme.example/" + "x" * 2_000,
])
def test_a_privacy_policy_that_is_no_https_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigError) as told:
        declared(privacy=url)
    assert told.value.param == "workspace.privacy"


def test_a_page_may_have_a_phrase_and_a_code() -> None:
    entry = declared(phrase="Hello Acme", code="00000000").entries["site"]
    assert (entry.phrase, entry.code) == ("Hello Acme", "00000000")
    with pytest.raises(ConfigError, match="code in brackets"):
        declared(phrase="Hello [00000000]")


def test_the_public_address_loses_its_slash_and_proxies_are_networks() -> None:
    found = read_settings({"SAYSO_PUBLIC_URL": "https://consent.shop.example/sayso/",
                           "SAYSO_PROXIES": "10.0.0.2, 172.18.0.0/16,2001:db8::/32"})
    assert found.public_url == "https://consent.shop.example/sayso"
    networks = ("10.0.0.2/32", "172.18.0.0/16", "2001:db8::/32")
    assert found.proxies == tuple(ipaddress.ip_network(text) for text in networks)
    nothing = read_settings({})
    assert (nothing.public_url, nothing.proxies) == ("", ())


@pytest.mark.parametrize(("name", "value"), [
    ("SAYSO_PUBLIC_URL", "consent.shop.example"), ("SAYSO_PUBLIC_URL", "ftp://shop.example"),
    ("SAYSO_PUBLIC_URL", "https://shop.example/?x=1"), ("SAYSO_PUBLIC_URL", "https://a:b@shop.example"),
    ("SAYSO_PUBLIC_URL", "https://shop.example:x"), ("SAYSO_PUBLIC_URL", "https://"), ("SAYSO_PROXIES", "proxy"),
    ("SAYSO_PROXIES", "10.0.0.0/33"), ("SAYSO_PROXIES", "10.0.0.1/8"),
])
def test_a_wrong_setting_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigError) as told:
        read_settings({name: value})
    assert told.value.param == name
