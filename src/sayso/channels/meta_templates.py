"""What Meta files templates under: from its webhooks, and from its list of an account's templates.

Rules of the room: as in `meta_items`; news without a name or a category says nothing and is `Unhandled`. A category
nobody knows is handed on as it is: whoever judges by it denies.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from sayso.channels.base import Inbound, TemplateNews, Unhandled
from sayso.channels.meta_values import decode, dicts_of, digest, microseconds, text_of

#: Meta, templates: name, language (en, en_US, zh_Hant_HK) and category.
NAME: Final = re.compile(r"[a-z0-9_]{1,512}\Z")
LANGUAGE: Final = re.compile(r"[A-Za-z_]{2,15}\Z")
CATEGORY: Final = re.compile(r"[A-Z_]{1,32}\Z")


def news(account: str, field: str, time: str, value: bytes, raw: bytes) -> Inbound:
    """A change of `message_template_status_update` or `template_category_update`.

    `new_category` is the one in force, in the notice of a coming change as in that of a done one (Meta, webhooks).
    """
    key = ("template", digest(account, field, time, value))
    item = _object(value)
    found = TemplateNews(
        sender_ref="", key=key, at=microseconds(time), account=account, name=text_of(item, "message_template_name"),
        language=text_of(item, "message_template_language"),
        category=text_of(item, "new_category") or text_of(item, "message_template_category"))
    if not account or not _sound(found.name, found.language, found.category):
        return Unhandled(sender_ref="", key=("unhandled", *key[1:]), at=0, reason="unknown_field", field=field, raw=raw)
    return found


def listed(answer: dict[str, Any], name: str) -> list[tuple[str, str]]:
    """(language, category) of every template of this name in an answer of `message_templates`, which may hold others
    whose names contain it.
    """
    rows = [(text_of(row, "language"), text_of(row, "category")) for row in dicts_of(answer.get("data"))
            if text_of(row, "name") == name]
    return [row for row in rows if _sound(name, *row)]


def _sound(name: str, language: str, category: str) -> bool:
    return bool(NAME.match(name) and LANGUAGE.match(language) and CATEGORY.match(category))


def _object(raw: bytes) -> dict[str, Any]:
    try:
        found = decode(raw) if raw else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
