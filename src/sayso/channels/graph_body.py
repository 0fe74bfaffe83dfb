"""The body of a send as clients write it for Meta's Graph API: whom it is for, what it is, and nothing else of it.

Rules of the room: the body goes on byte for byte; the only change is the mark that `_split` makes room for in
`biz_opaque_callback_data`. What could be read in two ways (a name that stands twice, two recipients, a kind nobody
knows) is refused, because Meta might read it the other way. Nothing of a body goes into an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import phonenumbers

from sayso.channels.base import MARK, SEPARATOR
from sayso.channels.meta import check_depth
from sayso.channels.meta_values import dict_of, text_of
from sayso.core import identity
from sayso.core.identity import Address
from sayso.errors import InvalidAddress, InvalidRequest, MalformedBody

#: Longest body of one message. The largest there is, a Flow with its data or ten cards, has some 20 kB.
MAX_MESSAGE: Final = 256 * 1024
#: Meta: at most 512 characters, sent back with every status.
MAX_CALLBACK_DATA: Final = 512
CALLBACK: Final = "biz_opaque_callback_data"
#: Our mark and the id of a permit.
MARK_LENGTH: Final = len(f"{MARK}prm_") + 26
#: What is left of it for the caller's own value.
ROOM: Final = MAX_CALLBACK_DATA - MARK_LENGTH - len(SEPARATOR)
#: Free-form kinds of messages (Meta, messages reference). A kind that is not here is not sent.
FREE_FORM: Final = frozenset({
    "text", "image", "audio", "video", "document", "sticker", "location", "contacts", "interactive", "reaction",
})
#: What a read receipt or typing indicator consists of; anything more, and it is taken for a message.
RECEIPT: Final = frozenset({"messaging_product", "status", "message_id", "typing_indicator"})
#: Meta, templates: small letters, digits and underscores.
TEMPLATE_NAME: Final = re.compile(r"[a-z0-9_]{1,512}\Z")
#: Meta, send messages: a number may be written with spaces, hyphens and brackets.
_BETWEEN: Final = str.maketrans("", "", " -().\u00a0")
_DIGITS: Final = re.compile(r"[0-9]{7,15}\Z")
_DIALLED: Final = re.compile(r"\+[0-9 ().\u00a0-]{7,40}\Z")
#: Every name of the Graph API's is made of these. "To" and "to[]" are not, and who knows how they are read.
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
#: What the Graph API takes in place of a method, a token or a request of its own, from a body as well.
_OVERRIDES: Final = frozenset({"method", "batch", "ids", "relative_url"})
_MARKED: Final = re.compile(rb'"biz_opaque_callback_data"(\s*:\s*)(?:"(?:[^"\\]|\\.)*+"|null)')
_OPENED: Final = re.compile(rb"\s*\{")

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Refused(InvalidRequest):
    """A body that is not sent. `graph_code` is the number Meta has for that."""

    def __init__(self, detail: str, graph_code: int = 100, *, param: str | None = None) -> None:
        super().__init__(detail, param=param)
        self.graph_code = graph_code


@dataclass(frozen=True, slots=True)
class GraphMessage:
    """One send. `receipt`: no message at all, but "read" or "typing". `template` is empty for a free-form message.
    `head` and `tail` are the body around the mark.
    """

    receipt: bool = False
    to: Address | None = field(default=None, repr=False)
    template: str = ""
    head: bytes = field(default=b"", repr=False)
    tail: bytes = field(default=b"", repr=False)

    def marked(self, permit: str) -> bytes:
        """The body as it goes on, with the permit it goes by in `biz_opaque_callback_data`."""
        return self.head + f"{MARK}{permit}".encode() + self.tail


def read(raw: bytes, business: str) -> GraphMessage:
    """Read a body. `business` is the sending number, whose country code Meta may put before a number without "+".

    Raises MalformedBody, Refused, InvalidAddress.
    """
    body = opened(raw)
    return understood(body, business, lambda own: _split(raw, body, own))


def understood(body: dict[str, Any], business: str, split: Callable[[str], tuple[bytes, bytes]]) -> GraphMessage:
    """What a body says, however it was written. `split` makes room for the mark behind the caller's own value."""
    if body.get("messaging_product") != "whatsapp":
        raise Refused("messaging_product must be 'whatsapp'.", param="messaging_product")
    if body.get("status") is not None:
        return _receipt(body)
    own = body.get(CALLBACK)
    if own is not None and not isinstance(own, str):
        raise Refused(f"{CALLBACK} is a text.", 131009, param=CALLBACK)
    kept = own or ""
    if len(kept) > ROOM:
        raise Refused(f"{CALLBACK} has at most {ROOM} characters here: Sayso adds its decision.", 131009,
                      param=CALLBACK)
    return GraphMessage(False, recipient(body, business), _template(body), *split(kept))


def opened(raw: bytes) -> dict[str, Any]:
    """A JSON object that everybody reads alike, with plain names. Raises MalformedBody, Refused."""
    check_depth(raw)
    try:
        body = _decode(raw)  # strict: one JSON value in UTF-8
        json.loads(raw, object_pairs_hook=once)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedBody("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise MalformedBody("The body is not a JSON object.")
    check_names(body)
    return body


def check_names(body: dict[str, Any]) -> None:
    """Raises Refused for a name that may be read as another, or that is none of a body's."""
    if "access_token" in body:
        raise Refused("The key belongs in the Authorization header, nowhere else.", 190, param="access_token")
    if not all(_NAME.match(name) for name in body) or _OVERRIDES & body.keys():
        raise Refused("A name in the body is none that Meta has here. Write names as in Meta's reference: small "
                      "letters, digits and underscores alone.")


def once(pairs: list[tuple[str, Any]]) -> None:
    """RFC 8259 section 4: of a name that stands twice some take the first value and some the last."""
    if len(pairs) > 1 and len({name for name, _ in pairs}) != len(pairs):
        raise Refused("A name stands twice in one object of the body.")


def _receipt(body: dict[str, Any]) -> GraphMessage:
    if body["status"] != "read" or not set(body) <= RECEIPT:
        raise Refused("A body with `status` is a read receipt or typing indicator, and holds nothing else.",
                      param="status")
    return GraphMessage(receipt=True)


def _template(body: dict[str, Any]) -> str:
    """The template's name, empty for a free-form message."""
    kind, template = body.get("type"), body.get("template")
    if kind is None and template is None:
        kind = "text"  # Meta, messages reference: the default
    if kind != "template":
        if not isinstance(kind, str) or kind not in FREE_FORM:
            raise Refused("Sayso does not know this type of message, so it is not sent.", 131051, param="type")
        if template is not None:
            raise Refused("A body with a template has the type 'template'.", param="type")
        return ""
    name = text_of(dict_of(body, "template"), "name")
    if not TEMPLATE_NAME.match(name):
        raise Refused("A template has a name of a-z, 0-9 and _.", 132001, param="template.name")
    return name


def recipient(body: dict[str, Any], business: str) -> Address:
    """Who a body is for: `to` (a phone) or `recipient` (a business-scoped user id), never both."""
    if body.get("recipient_type") not in (None, "individual"):
        raise Refused("Only messages to one person are sent: recipient_type is 'individual'.", 131009,
                      param="recipient_type")
    given = [name for name in ("to", "recipient") if body.get(name) not in (None, "")]
    if len(given) != 1:
        raise Refused("Give `to`, a phone number, or `recipient`, a WhatsApp user id: one of them.",
                      100 if not given else 131009, param="to")
    text = text_of(body, given[0]).strip()
    if given[0] == "recipient":
        return identity.parent_bsuid(text) if identity.PARENT_BSUID.match(text) else identity.bsuid(text)
    if identity.BSUID.match(text) or identity.PARENT_BSUID.match(text):
        return identity.parse(text)
    return dialled(text, business)


def dialled(text: str, business: str) -> Address:
    """A number as clients write it for Meta. Without its "+" Meta may put the business's country code in front when it
    thinks that is missing (send messages): a number that makes sense only so is refused rather than guessed.
    """
    if identity.E164.match(text):
        return identity.phone_from_wa_id(text)
    digits = text.translate(_BETWEEN)
    if _DIALLED.match(text):
        return identity.phone_from_wa_id(digits)
    if not _DIGITS.match(digits) or digits.startswith("0"):
        raise InvalidAddress("Write the number with + and its country code.", param="to")
    if not _valid("+" + digits) and _valid(_prefixed(business, digits)):
        raise InvalidAddress("Write the number with + and its country code: without, it could be read in two ways.",
                             param="to")
    return identity.phone_from_wa_id(digits)


def _prefixed(business: str, digits: str) -> str:
    try:
        return f"+{phonenumbers.parse(business).country_code}{digits}"
    except phonenumbers.NumberParseException:
        return ""


def _valid(text: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _split(raw: bytes, body: dict[str, Any], own: str) -> tuple[bytes, bytes]:
    """What stands before and behind our mark in `biz_opaque_callback_data`, the caller's own value kept in front of it.

    Nothing else changes by a byte, and that the whole then says just this is checked. Raises Refused.
    """
    kept = own + SEPARATOR if own else ""
    name = b'"%s"' % CALLBACK.encode()
    if CALLBACK in body:
        found = list(_MARKED.finditer(raw))
        place = found[0] if len(found) == 1 else None
        head = raw[:place.start()] + name + place[1] + _encode(kept)[:-1] if place else b""
        tail = b'"' + raw[place.end():] if place else b""
    else:
        place = _OPENED.match(raw)
        end = place.end() if place else 0
        head, tail = raw[:end] + name + b':"', b'",' + raw[end:]
    mark = "." * MARK_LENGTH
    try:
        whole = _decode(head + mark.encode() + tail)
    except msgspec.DecodeError:
        whole = None
    if whole != body | {CALLBACK: kept + mark}:
        raise Refused(f"{CALLBACK} stands in the body in an unusual way; write it plainly or leave it out.",
                      param=CALLBACK)
    return head, tail
