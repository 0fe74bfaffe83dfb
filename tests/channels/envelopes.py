"""Meta webhook bodies, put together by hand from the shapes in Meta's documentation.

Amira and Bruno are known by number, Dana only by her user id. Numbers are from the ranges kept for fiction.
"""

from __future__ import annotations

import json
from typing import Any

from sayso.channels.base import Inbound
from sayso.channels.meta import parse

SENDER = "106540352242922"
WABA = "102290129340398"
SECRET = "test_app_secret"
AMIRA = "447700900101"
BRUNO = "447700900102"
CHEN = "447700900103"
AMIRA_ID = "GB.13491208655302741901"
DANA_ID = "GB.13491208655302741904"
DANA_PARENT = "GB.ENT.11815799212886844904"

JSON = dict[str, Any]


def body(*changes: JSON) -> bytes:
    """One entry with these changes."""
    return encode({"object": "whatsapp_business_account", "entry": [{"id": WABA, "changes": list(changes)}]})


def encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def change(field: str = "messages", **lists: Any) -> JSON:
    metadata = {"display_phone_number": "15550783881", "phone_number_id": SENDER}
    return {"field": field, "value": {"messaging_product": "whatsapp", "metadata": metadata, **lists}}


def messages(*elements: object, **lists: Any) -> bytes:
    return body(change(messages=list(elements), **lists))


def message(kind: str, content: object = None, **members: Any) -> JSON:
    """A message by Amira; a member given as None is left out."""
    element = {"from": AMIRA, "id": "wamid.IN1", "timestamp": "1749416383", "type": kind, kind: content}
    return {name: value for name, value in (element | members).items() if value is not None}


def text(words: object, **members: Any) -> JSON:
    return message("text", {"body": words}, **members)


def statuses(*elements: object, **lists: Any) -> bytes:
    return body(change(statuses=list(elements), **lists))


def status(word: str, **members: Any) -> JSON:
    element = {"id": "wamid.OUT", "status": word, "timestamp": "1750263773", "recipient_id": BRUNO}
    return {name: value for name, value in (element | members).items() if value is not None}


def preference(value: object, **members: Any) -> bytes:
    element: JSON = {"wa_id": BRUNO, "category": "marketing_messages", "value": value, "detail": "User asked"}
    element["timestamp"] = 1731705721
    kept = {name: member for name, member in (element | members).items() if member is not None}
    return body(change("user_preferences", user_preferences=[kept]))


def contact(wa_id: str | None = AMIRA, user_id: str | None = None, parent: str | None = None) -> JSON:
    slots = {"wa_id": wa_id, "user_id": user_id, "parent_user_id": parent}
    return {"profile": {"name": "Amira"}} | {name: value for name, value in slots.items() if value}


def only(raw: bytes) -> Inbound:
    items = parse(raw)
    assert len(items) == 1
    return items[0]
