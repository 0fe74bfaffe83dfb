"""One element of a Meta webhook (a message, a status, a preference) into one frozen value.

Rules of the room: every reader takes the raw JSON of one element and gives one item. What it cannot read
becomes an `Unhandled` with the bytes kept, so an element costs its siblings nothing and is never lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sayso.channels.base import (
    ButtonKind,
    ContactCard,
    Inbound,
    InboundButton,
    InboundOther,
    InboundText,
    NativePreference,
    NumberChanged,
    StatusUpdate,
    Unhandled,
)
from sayso.channels.meta_values import (
    NOBODY,
    Slots,
    code_of,
    decode,
    dict_of,
    dicts_of,
    digest,
    microseconds,
    slots_of,
    text_of,
)
from sayso.core.identity import Address

#: Longest provider id taken as one; a `wamid` has under 100 characters.
MAX_ID = 512
#: Errors read from one status; Meta sends one.
MAX_ERRORS = 16

#: Inbound types that say "the person spoke" and nothing we read (Meta, messages webhook reference).
WORDLESS = frozenset(
    {"audio", "voice", "sticker", "location", "order", "reaction", "unsupported", "request_welcome", "revoke"}
)
#: Types whose object may hold a caption; a caption is words like any other.
CAPTIONED = frozenset({"image", "video", "document"})
NUMBER_CHANGES = frozenset({"user_changed_number", "customer_changed_number", "user_changed_user_id"})
#: What is kept of an ad or post referral: where the person came from, not the pictures of it.
REFERRAL = ("source_type", "source_id", "source_url", "headline", "body", "media_type", "ctwa_clid")


class Unreadable(ValueError):
    """The element is not one we read; the text is the `reason` of its `Unhandled`."""


@dataclass(frozen=True, slots=True)
class Around:
    """What an element's reader knows of the change it stands in."""

    waba: str
    sender_ref: str
    field: str
    contacts: dict[str, Slots]
    alone: bool

    def complete(self, named: Slots) -> Slots:
        """Add what the `contacts` of the change know of this person."""
        if self.alone:
            return named.fill(next(iter(self.contacts.values()), NOBODY), alone=True)
        contact = self.contacts.get(named.phone) or self.contacts.get(named.user)
        return named.fill(contact, alone=False) if contact else named


def read(reader: Callable[[Around, bytes], Inbound], around: Around, raw: bytes) -> Inbound:
    """Run one reader; whatever goes wrong with this element is kept as `Unhandled`."""
    if not around.sender_ref:
        return unhandled(around, "no_phone_number_id", raw)
    try:
        return reader(around, raw)
    except Unreadable as error:
        return unhandled(around, str(error), raw)
    except Exception:  # noqa: BLE001
        # The promise to the siblings outweighs naming every way in which JSON can be odd; the bytes are kept.
        return unhandled(around, "malformed", raw)


def unhandled(around: Around, reason: str, raw: bytes) -> Unhandled:
    """Keep an element we do not read. Its key is its content, since it may have no id."""
    key = ("unhandled", around.sender_ref, around.field, digest(raw))
    return Unhandled(
        sender_ref=around.sender_ref, key=key, at=0, reason=reason, field=around.field, raw=bytes(raw)
    )


def message(around: Around, raw: bytes) -> Inbound:
    """An element of `messages`."""
    item = _element(raw)
    if item.get("group_id"):
        raise Unreadable("group")  # a "stop" said to a group is not said to the business
    kind = text_of(item, "type")
    if kind == "system":
        return _system(around, item)
    addresses = around.complete(slots_of(item, "from", "from_user_id", "from_parent_user_id")).addresses()
    if not addresses:
        raise Unreadable("no_address")
    message_id = _id(item)
    common = {
        "sender_ref": around.sender_ref,
        "key": ("message", around.sender_ref, message_id),
        "at": microseconds(item.get("timestamp")),
        "addresses": addresses,
        "message_id": message_id,
        "referral": _referral(item),
    }
    return _spoken(kind, item, common)


def _spoken(kind: str, item: dict[str, Any], common: dict[str, Any]) -> Inbound:
    if kind in ("text", "edit") or kind in CAPTIONED:
        return _words(kind, item, common)
    if kind == "button":
        button = dict_of(item, "button")
        return _tap("template", text_of(button, "payload"), text_of(button, "text"), item, common)
    if kind == "interactive":
        return _interactive(item, common)
    if kind == "contacts":
        return _contacts_message(item, common)
    if kind in WORDLESS:
        emoji = text_of(dict_of(item, "reaction"), "emoji") if kind == "reaction" else ""
        return InboundOther(kind=kind, emoji=emoji, **common)
    raise Unreadable("unknown_type")


def _words(kind: str, item: dict[str, Any], common: dict[str, Any]) -> Inbound:
    """Text, a caption, or what either was changed into."""
    edited = kind == "edit"
    content = dict_of(dict_of(item, "edit"), "message") if edited else item
    inner = text_of(content, "type") if edited else kind
    caption = inner in CAPTIONED
    text = text_of(dict_of(content, inner), "caption" if caption else "body")
    if not text:
        if kind == "text":
            raise Unreadable("no_text")
        return InboundOther(kind=kind, **common)
    answered, forwarded = _context(item)
    if edited:
        inner_answered, inner_forwarded = _context(content)
        answered, forwarded = answered or inner_answered, forwarded or inner_forwarded
    return InboundText(
        text=text, context_id=answered, forwarded=forwarded, edited=edited, caption=caption, **common
    )


def _tap(kind: ButtonKind, payload: str, label: str, item: dict[str, Any], common: dict[str, Any]) -> Inbound:
    if not payload and not label:
        raise Unreadable("empty_button")
    # Meta: a button without a payload parameter answers with its label in both places.
    return InboundButton(
        kind=kind, payload=payload or label, label=label, context_id=_context(item)[0], **common
    )


def _interactive(item: dict[str, Any], common: dict[str, Any]) -> Inbound:
    interactive = dict_of(item, "interactive")
    kind = text_of(interactive, "type")
    if kind in ("button_reply", "list_reply"):
        reply = dict_of(interactive, kind)
        shown: ButtonKind = "button" if kind == "button_reply" else "list"
        return _tap(shown, text_of(reply, "id"), text_of(reply, "title"), item, common)
    if kind in ("nfm_reply", "call_permission_reply"):
        return InboundOther(kind=kind, **common)
    raise Unreadable("unknown_type")


def _contacts_message(item: dict[str, Any], common: dict[str, Any]) -> Inbound:
    """A contact card. Only `origin: contact_request` proves that the number is the sender's own.

    Meta's user-id page puts `origin` on the message, other samples inside `contacts[]`: both are read, and
    they must not disagree. Two cards in one message cannot both be the sender's, so neither is believed.
    """
    cards = dicts_of(item.get("contacts"))
    origins = {text_of(holder, "origin") for holder in (item, *cards)} - {""}
    if origins != {"contact_request"} or len(cards) != 1:
        return InboundOther(kind="contacts", **common)
    card: list[Address] = []
    for phone in dicts_of(cards[0].get("phones")):
        written = text_of(phone, "phone")
        # Without its plus a written number could be a national one, and read as some other country's.
        number = text_of(phone, "wa_id") or (written if written.startswith("+") else "")
        named = Slots(number, text_of(phone, "user_id"), "").addresses()
        card += (address for address in named if address not in card)
    if not card:
        return InboundOther(kind="contacts", **common)
    return ContactCard(card=tuple(card), **common)


def _system(around: Around, item: dict[str, Any]) -> Inbound:
    """A change of number or user id. Other system messages are not the person speaking."""
    system = dict_of(item, "system")
    if text_of(system, "type") not in NUMBER_CHANGES:
        raise Unreadable("system")
    # Meta, system messages: `from` is the OLD number, `system.wa_id` (once `new_wa_id`) the new one.
    phone = text_of(item, "from") or text_of(system, "customer")
    old = Slots(phone, text_of(system, "previous_user_id"), text_of(system, "previous_parent_user_id"))
    moved = text_of(system, "wa_id") or text_of(system, "new_wa_id")
    new = Slots(moved, text_of(system, "user_id"), text_of(system, "parent_user_id"))
    message_id = _id(item)
    key = ("message", around.sender_ref, message_id)
    return _moved(around, key, item, old, new, message_id)


def user_id_update(around: Around, raw: bytes) -> Inbound:
    """An element of the `user_id_update` field, which Meta announced, and took back."""
    item = _element(raw)
    user, parent = dict_of(item, "user_id"), dict_of(item, "parent_user_id")
    old = Slots("", text_of(user, "previous"), text_of(parent, "previous"))
    new = Slots(text_of(item, "wa_id"), text_of(user, "current"), text_of(parent, "current"))
    return _moved(around, ("user_id_update", around.sender_ref, digest(raw)), item, old, new, "")


def _moved(
    around: Around, key: tuple[str, ...], item: dict[str, Any], old: Slots, new: Slots, message_id: str
) -> NumberChanged:
    before, after = old.addresses(), new.addresses()
    if not before or not after:
        raise Unreadable("no_address")
    return NumberChanged(
        sender_ref=around.sender_ref,
        key=key,
        at=microseconds(item.get("timestamp")),
        addresses=before,
        old=before,
        new=after,
        message_id=message_id,
    )


def status(around: Around, raw: bytes) -> Inbound:
    """An element of `statuses`."""
    item = _element(raw)
    if text_of(item, "recipient_type") == "group" or item.get("recipient_participant_id"):
        raise Unreadable("group")
    message_id, word = _id(item), text_of(item, "status")
    if not word:
        raise Unreadable("no_status")
    named = slots_of(item, "recipient_id", "recipient_user_id", "parent_recipient_user_id")
    listed = dicts_of(item.get("errors"))[:MAX_ERRORS]
    errors = tuple((code_of(each), text_of(each, "title")) for each in listed)
    code = str(errors[0][0]) if errors else ""
    return StatusUpdate(
        sender_ref=around.sender_ref,
        key=("status", around.sender_ref, message_id, word, named.phone or named.user, code),
        at=microseconds(item.get("timestamp")),
        addresses=around.complete(named).addresses(),
        message_id=message_id,
        status=word,
        errors=errors,
        callback_data=text_of(item, "biz_opaque_callback_data") or None,
    )


def preference(around: Around, raw: bytes) -> Inbound:
    """An element of `user_preferences`: Meta's own stop and resume. Its content is its key."""
    item = _element(raw)
    named = slots_of(item, "wa_id", "user_id", "parent_user_id")
    whole = around.complete(named)
    addresses = whole.addresses()
    value, category = text_of(item, "value"), text_of(item, "category")
    if not addresses:
        raise Unreadable("no_address")
    if not value:
        raise Unreadable("no_value")
    who = named.user or named.phone or whole.user or whole.phone
    key = digest(around.waba, around.sender_ref, who, category, value, text_of(item, "timestamp"))
    return NativePreference(
        sender_ref=around.sender_ref,
        key=("preference", key),
        at=microseconds(item.get("timestamp")),
        addresses=addresses,
        value=value,
        category=category,
    )


def out_of_band_error(_around: Around, _raw: bytes) -> Inbound:
    """An element of `errors` at the level of the change: about the account, not about a person."""
    raise Unreadable("errors")


def _element(raw: bytes) -> dict[str, Any]:
    item = decode(raw)
    if not isinstance(item, dict):
        raise Unreadable("malformed")
    return item


def _id(item: dict[str, Any]) -> str:
    value = text_of(item, "id")
    if not value or len(value) > MAX_ID:
        raise Unreadable("no_id")
    return value


def _context(item: dict[str, Any]) -> tuple[str | None, bool]:
    context = dict_of(item, "context")
    forwarded = bool(context.get("forwarded")) or bool(context.get("frequently_forwarded"))
    return text_of(context, "id") or None, forwarded


def _referral(item: dict[str, Any]) -> MappingProxyType[str, str] | None:
    referral = item.get("referral")
    if not isinstance(referral, dict):
        return None
    return MappingProxyType({name: text for name in REFERRAL if (text := text_of(referral, name))})
