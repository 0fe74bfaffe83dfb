"""Meta's WhatsApp Cloud API: is this webhook Meta's, and what happened. Sending is in `meta_send`.

Rules of the room: signatures are checked on the raw bytes before anything is read. Meta batches: every
entry, every change and every element of it is walked, in order, and each gives exactly one item. Only what
cannot be walked at all is an error; everything Sayso does not know comes back as `Unhandled`, to be
answered 200.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import msgspec

from sayso.channels import meta_items, meta_templates
from sayso.channels.base import Inbound, Unhandled
from sayso.channels.meta_items import Around, unhandled
from sayso.channels.meta_send import send
from sayso.channels.meta_values import decode, digest, index_contacts, read_contacts, text_of
from sayso.errors import BadSignature, BodyTooLarge, Forbidden, MalformedBody, NotConfigured

__all__ = ["parse", "send", "verify", "verify_subscription"]

#: Meta, webhooks overview: a body has up to 3 MB. One more, for what proxies add.
MAX_BODY = 4 * 1024 * 1024
#: Real bodies are 10 deep, 13 with a Flow's answer.
MAX_DEPTH = 32
#: Meta, webhooks overview: up to 1,000 updates are put together.
MAX_ITEMS = 5_000
#: What Meta sends as challenge is a number; nothing else that a browser could read as a page is echoed.
CHALLENGE = re.compile(r"[0-9A-Za-z_-]{1,128}\Z")
#: Meta, create a webhook endpoint: `X-Hub-Signature-256: sha256=<64 hex>`. The older sha1 will not do.
SIGNATURE = re.compile(r"sha256=([0-9a-fA-F]{64})\Z")

#: A JSON string, closed or not. Possessive, so that a hostile body costs one pass.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")  # read as signed bytes: +1, +1, -1, -1
#: A pair of surrogate escapes, a lone one, or any other escape, in this order.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\.",
    re.DOTALL,
)
_LONE_SURROGATE_BYTES = 6

#: Raw members are kept as bytes, so that one odd element cannot fail the envelope it came in.
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
NULL = msgspec.Raw(b"null")
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

#: The subscriptions Sayso reads, and the lists that may stand in the value of any of them.
FIELDS = frozenset({"messages", "user_preferences", "user_id_update"})
#: What Meta tells of templates: their category decides the class of what is sent by them.
TEMPLATE_FIELDS = frozenset({"message_template_status_update", "template_category_update"})
READERS = (
    ("messages", meta_items.message),
    ("statuses", meta_items.status),
    ("user_preferences", meta_items.preference),
    ("user_id_update", meta_items.user_id_update),
    ("errors", meta_items.out_of_band_error),
)


def verify_subscription(params: Mapping[str, str], verify_token: str) -> str:
    """Answer Meta's GET handshake: the challenge to send back as plain text.

    `params` are the query's, with dots in their names. Raises Forbidden (403, as Meta's page asks) when the
    token or the form is wrong, NotConfigured when no token is set.
    """
    if not verify_token:
        raise NotConfigured("Set the verify token of this connection.")
    given = params.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    same = hmac.compare_digest(given, verify_token.encode("utf-8", "surrogatepass"))
    challenge = params.get("hub.challenge", "")
    if params.get("hub.mode") != "subscribe" or not same or not CHALLENGE.match(challenge):
        raise Forbidden("The verify token or the form of the handshake is wrong.")
    return challenge


def verify(raw: bytes, signature_header: str | None, app_secrets: Sequence[str]) -> None:
    """Return if one of the app secrets signed exactly these bytes. There are two while one is replaced.

    Raises NotConfigured without a secret, BadSignature for a missing, short, sha1 or wrong signature.
    """
    secrets = [secret for secret in app_secrets if secret]
    if not secrets:
        raise NotConfigured("Set the app secret of this connection; nothing is accepted without one.")
    match = SIGNATURE.match(signature_header or "")
    if match is None:
        raise BadSignature("The X-Hub-Signature-256 header is missing or not sha256.")
    given = bytes.fromhex(match[1])
    signed = False
    for secret in secrets:  # every secret is tried, so that the time does not tell which one fits
        signed |= hmac.compare_digest(hmac.digest(secret.encode(), raw, "sha256"), given)
    if not signed:
        raise BadSignature


def parse(raw: bytes) -> list[Inbound]:
    """Read one verified body: one item for each element, in order. An empty envelope gives none.

    Raises BodyTooLarge (over 4 MB, over 5,000 elements) and MalformedBody (not a JSON object, over 32 deep).
    """
    if len(raw) > MAX_BODY:
        raise BodyTooLarge("A webhook body has at most 4 MB.")
    check_depth(raw)
    envelope = _open(raw)
    entries = _list(envelope.get("entry"))
    if entries is None:
        return [unhandled(Around("", "", "", {}, alone=False), "no_entry", raw)]
    items: list[Inbound] = []
    for entry in entries:
        for item in _entry(entry):
            items.append(item)
            if len(items) > MAX_ITEMS:
                raise BodyTooLarge("A webhook has at most 5,000 elements.")
    return items


def check_depth(raw: bytes) -> None:
    """Refuse deep nesting without descending. Counting all brackets settles nearly every body."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return
    steps = _STRING.sub(b"", raw).translate(_STEPS, _NOT_BRACKETS)
    if max(accumulate(memoryview(steps).cast("b")), default=0) > MAX_DEPTH:
        raise MalformedBody("The body is nested more than 32 deep.")


def _open(raw: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _members(raw)
    except _BROKEN:
        pass
    # Half of an emoji (a lone surrogate) is legal JSON and illegal text (RFC 8259, section 8.2). One
    # person's phone must not cost the batch, so it is replaced as a browser would.
    try:
        return _members(_ESCAPE.sub(_whole, raw))
    except _BROKEN as error:
        raise MalformedBody("The body is not a JSON object.") from error


def _whole(escape: re.Match[bytes]) -> bytes:
    return rb"\ufffd" if len(escape[0]) == _LONE_SURROGATE_BYTES else escape[0]


def _object(raw: bytes | None) -> dict[str, msgspec.Raw]:
    try:
        return _members(raw) if raw is not None else {}
    except _BROKEN:
        return {}


def _list(raw: msgspec.Raw | None) -> list[msgspec.Raw] | None:
    try:
        return _elements(raw) if raw is not None else None
    except _BROKEN:
        return None


def _word(members: Mapping[str, msgspec.Raw], name: str) -> str:
    """A string or number among raw members; empty for anything else."""
    try:
        return text_of({name: decode(members[name])}, name)
    except (KeyError, *_BROKEN):
        return ""


def _entry(raw: bytes) -> Iterator[Inbound]:
    entry = _object(raw)
    waba = _word(entry, "id")
    changes = _list(entry.get("changes"))
    if not changes:
        yield unhandled(Around(waba, "", "", {}, alone=False), "no_changes", raw)
        return
    for change in changes:
        yield from _change(waba, _word(entry, "time"), change)


def _change(waba: str, time: str, raw: bytes) -> Iterator[Inbound]:
    change = _object(raw)
    field = _word(change, "field")
    value = _object(change.get("value"))
    if field in TEMPLATE_FIELDS:
        yield meta_templates.news(waba, field, time, bytes(change.get("value", b"")), bytes(raw))
        return
    metadata = _object(value.get("metadata"))
    sender_ref = _word(metadata, "phone_number_id")
    if field not in FIELDS:
        # No id in these: the account, the field, the time and the content are the key.
        key = ("unhandled", digest(waba, field, time, change.get("value", b"")))
        yield Unhandled(
            sender_ref=sender_ref, key=key, at=0, reason="unknown_field", field=field, raw=bytes(raw)
        )
        return
    contacts = read_contacts(value.get("contacts"))
    found = [(reader, value[name]) for name, reader in READERS if value.get(name, NULL) != NULL]
    lists = [(reader, [whole] if (many := _list(whole)) is None else many) for reader, whole in found]
    count = sum(len(elements) for _, elements in lists)
    around = Around(waba, sender_ref, field, index_contacts(contacts), alone=len(contacts) == 1 == count)
    if not count:
        yield unhandled(around, "empty", raw)
    for reader, elements in lists:
        for element in elements:
            yield meta_items.read(reader, around, element)
