"""The body of a send as a form, which the Graph API takes as well: `to=...&type=text&text={"body":"..."}`.

Rules of the room: as in `graph_body`; the form goes on byte for byte, with the mark at its end or behind the caller's
own value. There is one way to write each thing: a name once and plainly, what is an object as one JSON object in one
field, everything else as plain text. `text[body]=...`, which the Graph API may take too, is refused.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote_plus

import msgspec

from sayso.channels.base import SEPARATOR
from sayso.channels.graph_body import (
    CALLBACK,
    FREE_FORM,
    MARK_LENGTH,
    GraphMessage,
    Refused,
    check_names,
    once,
    understood,
)
from sayso.channels.meta import check_depth
from sayso.errors import MalformedBody

#: Most fields of a form; a message has ten.
MAX_FIELDS: Final = 64
#: Fields that hold one JSON object (Meta, messages reference); `contacts` alone holds a list.
OBJECTS: Final = (FREE_FORM - {"contacts"}) | {"template", "context", "typing_indicator"}

_decode = msgspec.json.Decoder().decode


def read(raw: bytes, business: str) -> GraphMessage:
    """Read a form. `business` is the sending number. Raises MalformedBody, Refused, InvalidAddress."""
    fields = _fields(raw)
    body = {name: _value(name, text) for name, text in fields.items()}
    check_names(body)
    return understood(body, business, lambda own: _split(raw, fields, own))


def _fields(raw: bytes) -> dict[str, str]:
    if b";" in raw:  # HTML 4.01 appendix B.2.2: to some servers a second "&"
        raise Refused("Write a semicolon in a form as %3B.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, strict_parsing=True, max_num_fields=MAX_FIELDS,
                          errors="strict")
    except ValueError:
        raise MalformedBody("The body is not a form in UTF-8.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Refused("A field stands twice in the form.")
    return fields


def _value(name: str, text: str) -> Any:
    """What a field says. Text that would be JSON to one reader and plain to another is refused."""
    if name not in OBJECTS and name != "contacts":
        if text[:1] in ('"', "[", "{") and name != CALLBACK:
            raise Refused("A field that is no object is plain text, without quotes or brackets.", param=name)
        return text
    check_depth(text.encode())
    try:
        value = _decode(text)
        json.loads(text, object_pairs_hook=once)
    except (msgspec.DecodeError, ValueError, RecursionError):
        value = None
    if not isinstance(value, list if name == "contacts" else dict):
        raise Refused("This field of a form holds one JSON object (contacts: one list).", param=name)
    return value


def _split(raw: bytes, fields: dict[str, str], own: str) -> tuple[bytes, bytes]:
    """What stands before and behind our mark. That the whole then says just this is checked. Raises Refused."""
    mark, kept = "." * MARK_LENGTH, own + SEPARATOR if own else ""
    if CALLBACK in fields:
        parts = raw.split(b"&")
        place = [unquote_plus(part.partition(b"=")[0].decode("ascii")) for part in parts].index(CALLBACK)
        head = b"&".join([*parts[:place], f"{CALLBACK}={quote(kept, safe='')}".encode()])
        tail = b"".join(b"&" + part for part in parts[place + 1:])
    else:
        head, tail = raw + f"&{CALLBACK}=".encode(), b""
    if _fields(head + mark.encode() + tail) != fields | {CALLBACK: kept + mark}:
        raise Refused(f"{CALLBACK} stands in the form in an unusual way; write it plainly or leave it out.",
                      param=CALLBACK)
    return head, tail
