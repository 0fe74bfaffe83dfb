"""The shapes of what the widget sends and is shown; the rules of `schemas.py` hold here too."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sayso.web.schemas import Name, Reply, Request


class PageForm(Request, frozen=True, kw_only=True):
    """What the widget sends: the purposes somebody ticked and the number they left, with the hash of the wording that
    was shown and the solution of a challenge. `website` is a field that people do not see.
    """

    purposes: Annotated[list[Name], Meta(max_length=64)]
    phone: Annotated[str, Meta(max_length=64)]
    lang: Annotated[str, Meta(min_length=1, max_length=35)]
    notice_hash: Annotated[str, Meta(max_length=64)]
    proof: Annotated[str, Meta(max_length=1024)]
    page: Annotated[str, Meta(max_length=2048)] = ""
    website: Annotated[str, Meta(max_length=256)] = ""


class PageTaken(Reply, frozen=True, kw_only=True):
    """The same for every number, known or not."""

    state: Literal["asked"]


class WidgetShown(Reply, frozen=True, kw_only=True):
    """What the widget shows. `chat`, `hello` and `code` make the link that begins the chat; `phone`: is there a field
    for a number; `t` are the texts.
    """

    lang: str
    dir: Literal["ltr", "rtl"]
    business: str
    notice: str
    hash: str
    purposes: list[tuple[str, str]]
    phone: bool
    chat: str
    hello: str
    code: str
    privacy: str
    t: dict[str, str]


class WidgetQuery(Request, frozen=True, kw_only=True):
    """The language of the page the widget stands on."""

    lang: Annotated[str, Meta(max_length=64)] = ""


class ChallengeQuery(Request, frozen=True, kw_only=True):
    """Which form the challenge is for: `workspace/entry`."""

    form: Annotated[str, Meta(max_length=128, examples=["acme/website"])] = ""


class WidgetVersion(Reply, frozen=True, kw_only=True):
    """The version there is, and its hash for `integrity` (W3C Subresource Integrity)."""

    version: str
    path: str
    integrity: str
