"""Somebody at their preference page: a link to it, and its forms filled in as a browser does."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urljoin

import httpx

from sayso.core.identity import Address
from sayso.flows import links
from tests.cast import Player
from tests.stores import World
from tests.web.desk import Api

SAME_ORIGIN = {"sec-fetch-site": "same-origin", "origin": "null"}


def path_to(world: World, who: Player | Address, use: links.Use = "preferences") -> str:
    """The path of this person's page."""
    return f"/p/{links.token(world.kit, world.workspace.id, world.person(who), use)}"


def send_form(api: Api, path: str, fields: dict[str, Any] | str, **headers: str) -> httpx.Response:
    """Send a form, without following where it leads."""
    told = SAME_ORIGIN if not headers else {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(fields, str):
        body = fields
    else:
        pairs = [(name, one) for name, value in fields.items()
                 for one in (value if isinstance(value, list) else [value])]
        body = "&".join(f"{quote(name)}={quote(one)}" for name, one in pairs)
    return api.post(path, body.encode(), key="", headers={"content-type": "application/x-www-form-urlencoded"} | told)


def press(api: Api, path: str, do: str, **fields: Any) -> httpx.Response:
    """Press a button of the page, and look at where it leads."""
    told = send_form(api, path, {"lang": "", "do": do, **fields})
    assert told.status_code == 303, told.text
    return api.get(urljoin(path, told.headers["location"]), key="")


def switches(page: str) -> dict[str, str]:
    """How each switch of the page stands."""
    found = re.findall(r'name="set\.([\w-]+)" value="(on|off)" checked', page)
    return dict(found)


def words_of(page: str) -> str:
    """The words of a page, without its markup."""
    bare = re.sub(r"<[^>]+>", " ", re.sub(r"</?(strong|time)[^>]*>", "", page))
    return re.sub(r"\s+", " ", plain(bare).replace("&#39;", "'"))


def plain(text: str) -> str:
    """A text without the marks that hold names together."""
    return text.replace("\u2068", "").replace("\u2069", "")
