"""Somebody at the landing page or the widget: a business with a page, and forms filled in with a solved sum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
from altcha.altcha import Payload, solve_challenge

from tests.stores import NOTICE, World, declaration, settle_in
from tests.web.desk import JSON, Api

PAGE = "/o/acme/site"
ENTRY = "/w/entry/acme/site"
ARABIC = "هل يجوز لأكمي أن ترسل إليكم العروض هنا؟ مجاني واختياري. أرسلوا إيقاف للمغادرة."
WORDING = f"Site. {NOTICE}"
#: The visitor's own address, behind the proxy of the tests or without one.
HOME = ("198.51.100.7", 50_000)


def with_page(world: World, **policy: Any) -> World:
    """The business of `world` with a landing page for offers, orders and partners, in English and Arabic."""
    whole = declaration()
    whole["workspace"]["privacy"] = "https://acme.example/privacy"
    whole["purposes"]["partners"] = {"class": "sharing", "title": "offers of our partners"}
    whole["purposes"]["offers"]["titles"] = {"ar": "العروض"}
    template = {"name": "sayso_optin", "language": "en"}
    whole["notices"]["site"] = {
        "version": 1, "purposes": ["offers", "orders", "partners"], "senders": ["shop"],
        "text": {"en": WORDING, "ar": ARABIC}, "templates": {"en": template, "ar": template | {"language": "ar"}},
    }
    whole["entry_points"]["site"] = {"kind": "page", "notice": "site", "sender": "shop"}
    whole["entry_points"]["single"] = {"kind": "page", "notice": "join", "sender": "shop",
                                       "origins": ["https://shop.example"]}
    whole["entry_points"]["chat-only"] = {"kind": "page", "notice": "both", "sender": "shop"}
    if policy:
        whole["policy"] = policy
    world.workspace = settle_in(world.system, whole)
    return world


def solved(api: Api, form: str = "acme/site", *, path: str = "/w/challenge") -> str:
    """A proof of work, solved by ALTCHA's own package."""
    given = api.get(f"{path}?form={form}", key="").json()
    found = solve_challenge(given["challenge"], given["salt"], given["algorithm"], given["maxNumber"])
    assert found is not None
    return Payload(given["algorithm"], given["challenge"], found.number, given["salt"], given["signature"]).to_base64()


def shown_hash(api: Api, lang: str = "en", entry: str = "site") -> str:
    """The hash of the wording, as the widget is told it."""
    told: JSON = api.get(f"/w/entry/acme/{entry}.json?lang={lang}", key="").json()
    return str(told["hash"])


def fill(api: Api, phone: str = "+44 7700 900123", *purposes: str, **fields: str) -> dict[str, Any]:
    """The page's form, as somebody honest fills it in unless `fields` say otherwise."""
    lang, ticked = fields.get("lang", "en"), list(purposes or ("offers",))
    return {"way": "phone", "lang": lang, "notice_hash": shown_hash(api, lang), "purpose": ticked, "phone": phone,
            "website": "", "proof": fields.get("proof", "") or solved(api), **fields}


def send(api: Api, fields: Mapping[str, Any], path: str = PAGE, **headers: str) -> httpx.Response:
    """Send the page's form as a browser does."""
    sent = {"content-type": "application/x-www-form-urlencoded", "user-agent": "Test/1",
            **{name.replace("_", "-"): value for name, value in headers.items()}}
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    body = "&".join(f"{quote(name)}={quote(one)}" for name, one in pairs)
    return api.post(path, body.encode(), key="", headers=sent)


def widget_form(api: Api, phone: str = "+44 7700 900123", *purposes: str, entry: str = "site", **fields: Any) -> JSON:
    """What the widget sends."""
    return {"purposes": list(purposes or ("offers",)), "phone": phone, "lang": "en",
            "notice_hash": shown_hash(api, entry=entry), "page": "https://shop.example/checkout?order=17",
            "proof": fields.pop("proof", "") or solved(api, f"acme/{entry}"), **fields}
