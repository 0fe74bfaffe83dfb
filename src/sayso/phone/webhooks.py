"""Meta-shaped webhook bodies: what each thing a person or a message does looks like on the wire, and its
signature.

Pure functions. Phone fields are left out, never empty, for a person who shows only a username (Meta:
business-scoped user ids page); message ids carry the number as real ones do, so they are built without it
then too.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from dataclasses import dataclass
from typing import Any

from sayso.phone.config import BusinessNumber
from sayso.phone.errors import as_status
from sayso.phone.people import Message, Person


@dataclass(frozen=True, slots=True)
class Update:
    """One change on its way to the webhook. `kind` is message, status, preference or system; `label` is for
    people.
    """

    field: str
    value: dict[str, Any]
    kind: str
    label: str
    person: str
    number: str


def wamid(rng: random.Random, who: str, *, outgoing: bool) -> str:
    """A message id like Meta's: `wamid.` and base64 of the peer's number (or user id) and 18 random hex
    digits.
    """
    name = who.lstrip("+").encode("ascii")
    tail = f"{rng.getrandbits(72):018X}".encode("ascii")
    raw = b"\x1c\x18" + bytes([len(name)]) + name + b"\x15\x02\x00" + (b"\x11" if outgoing else b"\x12")
    return "wamid." + base64.b64encode(raw + b"\x18\x12" + tail + b"\x00").decode("ascii")


def encode(payload: dict[str, Any]) -> bytes:
    r"""Bytes as Meta writes them: \uXXXX and \/ escapes, so that re-serialising breaks a signature."""
    return json.dumps(payload, ensure_ascii=True, separators=(",", ":")).replace("/", "\\/").encode("ascii")


def sign(app_secret: str, body: bytes) -> str:
    """The X-Hub-Signature-256 header for exactly these bytes (Meta: webhooks getting started, validating
    payloads).
    """
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def envelope(waba_id: str, updates: list[Update]) -> dict[str, Any]:
    """One POST body for any number of updates."""
    changes = [{"value": update.value, "field": update.field} for update in updates]
    return {"object": "whatsapp_business_account", "entry": [{"id": waba_id, "changes": changes}]}


def text(person: Person, number: BusinessNumber, message: Message, quoted: Message | None) -> Update:
    """Words somebody typed, possibly as a reply to `quoted`, possibly forwarded."""
    body = _from(person, message) | {"type": "text", "text": {"body": message.text}}
    if quoted is not None:
        body["context"] = _context(person, number, quoted)
    elif message.forwarded:
        body["context"] = {"forwarded": True}
    return _message(person, number, body, f"{person.name} wrote “{_short(message.text)}”")


def media(person: Person, number: BusinessNumber, message: Message) -> Update:
    """A picture, a video or a file; the words under it are its caption."""
    shown: dict[str, Any] = {"id": message.id[-12:], "mime_type": "application/octet-stream", "sha256": "0" * 44}
    if message.text:
        shown["caption"] = message.text
    body = _from(person, message) | {"type": message.kind, message.kind: shown}
    return _message(person, number, body, f"{person.name} sent a {message.kind}: “{_short(message.text)}”")


def edit(person: Person, number: BusinessNumber, message: Message, original: Message, text: str) -> Update:
    """New words for an earlier message."""
    part = {"body": text} if original.kind == "text" else {"id": original.id[-12:], "caption": text}
    changed = {"type": original.kind, original.kind: part}
    body = _from(person, message) | {"type": "edit",
                                     "edit": {"original_message_id": original.id, "message": changed}}
    return _message(person, number, body, f"{person.name} changed a message to “{_short(text)}”")


def tap(person: Person, number: BusinessNumber, message: Message, source: Message,
        choice: dict[str, str]) -> Update:
    """A tapped button: `type: button` under a template, `type: interactive` under buttons and lists."""
    body = _from(person, message)
    if source.kind == "template":
        body |= {"type": "button", "button": {"payload": choice["id"], "text": choice["title"]}}
    else:
        reply = {"id": choice["id"], "title": choice["title"]}
        if choice.get("description"):
            reply["description"] = choice["description"]
        kind = "list_reply" if source.kind == "list" else "button_reply"
        body |= {"type": "interactive", "interactive": {"type": kind, kind: reply}}
    body["context"] = _context(person, number, source)
    return _message(person, number, body, f"{person.name} tapped “{_short(choice['title'])}”")


def preference(person: Person, number: BusinessNumber, value: str, now: float) -> Update:
    """Meta's own switch for offers and announcements. The timestamp is an integer here, and there is no
    message id.
    """
    item = {"user_id": person.bsuid, "detail": f"User requested to {value} marketing messages",
            "category": "marketing_messages", "value": value, "timestamp": int(now)}
    value_ = _head(number) | {"contacts": [_contact(person)], "user_preferences": [_wa_id(person) | item]}
    said = "stopped" if value == "stop" else "resumed"
    label = f"{person.name} {said} offers in WhatsApp's own settings"
    return Update("user_preferences", value_, "preference", label, person.id, number.phone_number_id)


def changed_number(person: Person, number: BusinessNumber, old: Person, id_: str, now: float, *,
                   share: bool) -> Update:
    """A system message; no contacts. Without a shared phone Meta sends `user_changed_user_id` (changelog, Aug
    2026).
    """
    message: dict[str, Any] = {"from_user_id": old.bsuid, "id": id_, "timestamp": str(int(now)),
                               "type": "system"}
    ids = {"user_id": person.bsuid, "previous_user_id": old.bsuid}
    if share:
        body = f"User {person.name} changed from {old.wa_id} to {person.wa_id}"
        message["from"] = old.wa_id
        message["system"] = {"type": "user_changed_number", "body": body, "wa_id": person.wa_id} | ids
    else:
        body = f"User {person.name} changed their user id"
        message["system"] = {"type": "user_changed_user_id", "body": body} | ids
    return Update("messages", _head(number) | {"messages": [message]}, "system",
                  f"{person.name} changed number", person.id, number.phone_number_id)


def status(person: Person | None, number: BusinessNumber, message: Message, state: str, now: float, *,
           to: str, code: int = 0) -> Update:
    """A delivery receipt. `to` names a recipient nobody knows; contacts come with every state but failed."""
    item: dict[str, Any] = {"id": message.id, "status": state, "timestamp": str(int(now))}
    if person is None:
        item["recipient_id"] = to
    else:
        item |= {} if person.username_only else {"recipient_id": person.wa_id}
        item["recipient_user_id"] = person.bsuid
    if message.opaque:
        item["biz_opaque_callback_data"] = message.opaque
    value = _head(number)
    if code:
        item["errors"] = [as_status(code)]
    elif person is not None:
        value["contacts"] = [_contact(person, username=state != "sent")]
    if state in ("sent", "delivered"):
        item["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular",
                           "category": message.category}
    value["statuses"] = [item]
    whose = person.name if person else "an unknown number"
    said = f"Message to {whose}: {state}" + (f" ({code})" if code else "")
    return Update("messages", value, "status", said, person.id if person else "", number.phone_number_id)


def _head(number: BusinessNumber) -> dict[str, Any]:
    return {"messaging_product": "whatsapp",
            "metadata": {"display_phone_number": number.digits, "phone_number_id": number.phone_number_id}}


def _wa_id(person: Person) -> dict[str, Any]:
    return {} if person.username_only else {"wa_id": person.wa_id}


def _contact(person: Person, *, username: bool = True) -> dict[str, Any]:
    profile = {"name": person.name}
    if person.username_only and username:
        profile["username"] = person.username
    return {"profile": profile} | _wa_id(person) | {"user_id": person.bsuid}


def _from(person: Person, message: Message) -> dict[str, Any]:
    phone = {} if person.username_only else {"from": person.wa_id}
    return phone | {"from_user_id": person.bsuid, "id": message.id, "timestamp": str(int(message.at))}


def _context(person: Person, number: BusinessNumber, quoted: Message) -> dict[str, Any]:
    if not quoted.mine:
        return {"from": number.digits, "id": quoted.id}
    return ({} if person.username_only else {"from": person.wa_id}) | {"id": quoted.id}


def _message(person: Person, number: BusinessNumber, body: dict[str, Any], label: str) -> Update:
    value = _head(number) | {"contacts": [_contact(person)], "messages": [body]}
    return Update("messages", value, "message", label, person.id, number.phone_number_id)


def _short(words: str) -> str:
    return words if len(words) <= 40 else words[:39] + "…"
