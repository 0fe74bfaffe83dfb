"""Twilio, WhatsApp and SMS: is this webhook Twilio's, and what happened. Sending is in `twilio_send`.

Rules of the room: one form-encoded request is one item. The algorithm of the signature is the configured one; what the
request's header says of it decides nothing. Twilio stamps no time, so `at` is 0 and the receipt counts. What a person's
phone or Twilio wrote and Sayso does not know comes back as `Unhandled`, to be answered 200. Parameters that are not
read are signed with the rest.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from sayso.channels.base import ButtonKind, Inbound, InboundButton, InboundOther, InboundText, StatusUpdate, Unhandled
from sayso.channels.meta_values import digest
from sayso.channels.twilio_errors import will_of
from sayso.channels.twilio_send import WHATSAPP, send
from sayso.core.identity import Address, phone_from_wa_id
from sayso.core.identity import parse as read_address
from sayso.errors import BadSignature, BodyTooLarge, InvalidAddress, MalformedBody, NotConfigured

__all__ = ["parse", "send", "urls_of", "verify"]

#: Twilio, messaging webhooks: a body has up to 4,096 characters, and metadata comes beside it. Real ones have 2 kB.
MAX_BODY: Final = 128 * 1024
#: Parameters of one request; real ones have about 30, ten more for each picture.
MAX_FIELDS: Final = 256
#: Longest provider id taken as one; Twilio's have 34 characters.
MAX_ID: Final = 64

Algorithm = Literal["HMAC_SHA1", "HMAC_SHA256"]
_HASHES: Final[Mapping[str, str]] = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}
PORTS: Final[Mapping[str, int]] = {"https": 443, "http": 80}

#: Statuses of a message that somebody sent to us; every other one is of a message of ours (Twilio, message resource).
RECEIVED: Final = frozenset({"", "received", "receiving"})
FAILED: Final = frozenset({"failed", "undelivered"})
Understood = Literal["", "stop", "start", "help"]
UNDERSTOOD: Final[Mapping[str, Understood]] = {"STOP": "stop", "START": "start", "HELP": "help"}
#: Where a tap stands: its id and its label.
TAPS: Final[tuple[tuple[ButtonKind, str, str], ...]] = (
    ("template", "ButtonPayload", "ButtonText"), ("list", "ListId", "ListTitle"),
)
#: What is kept of an ad: our name of it (Meta's) and Twilio's.
REFERRAL: Final[Mapping[str, str]] = {
    "source_type": "ReferralSourceType", "source_id": "ReferralSourceId", "source_url": "ReferralSourceUrl",
    "headline": "ReferralHeadline", "body": "ReferralBody", "ctwa_clid": "ReferralCtwaClid",
}
#: What decides anything must not stand twice with two values: the signature does not say which one is meant.
SINGLE: Final = frozenset({
    "MessageSid", "SmsMessageSid", "SmsSid", "From", "To", "WaId", "ExternalUserId", "Body", "ButtonPayload",
    "ButtonText", "ListId", "ListTitle", "OptOutType", "OriginalRepliedMessageSid", "MessageStatus", "SmsStatus",
    "ErrorCode", "MessagingServiceSid", "ReferralSourceId",
})

Pairs = list[tuple[str, str]]


class Unreadable(ValueError):
    """The request is not one we read; the text is the `reason` of its `Unhandled`."""


# -- is it Twilio's ----------------------------------------------------------------------------------------------------


def urls_of(public_url: str, path: str, query: str = "") -> tuple[str, ...]:
    """The address that Twilio called, as it may have signed it: as configured, without a port, with the standard one.

    It is rebuilt from the configuration, because behind a proxy the request's own host and scheme are somebody else's.
    """
    url = urlsplit(public_url.rstrip("/") + path)._replace(query=query)
    host = url.netloc.rpartition(":")[0] if url.port else url.netloc
    named = url.netloc if url.port else f"{host}:{PORTS.get(url.scheme, 443)}"
    return tuple(dict.fromkeys(urlunsplit(url._replace(netloc=netloc)) for netloc in (url.netloc, host, named)))


def verify(raw: bytes, signature_header: str | None, app_secrets: Sequence[str], *, urls: Sequence[str] = (),
           algorithm: Algorithm = "HMAC_SHA1", settings_header: str = "") -> None:
    """Return if one of the secrets signed this body sent to one of these addresses. There are two secrets while one
    is replaced. `settings_header` (X-Twilio-Webhooks-Signature-Settings) only makes the refusal's sentence better.

    Raises NotConfigured without a secret or an address, MalformedBody for what is no form, BadSignature.
    """
    secrets = [secret for secret in app_secrets if secret]
    if not secrets or not urls:
        raise NotConfigured("Set the secret and public_url of this connection; nothing is accepted without them.")
    given = (signature_header or "").encode("utf-8", "surrogatepass")
    hashed = _HASHES[algorithm]
    pairs = [] if _is_json(raw) else read_form(raw)
    signed = False
    for url in urls:  # every pair is tried, so that the time does not tell which one fits
        text = _signed_text(url, pairs).encode("utf-8", "surrogatepass")
        for secret in secrets:
            expected = base64.b64encode(hmac.digest(secret.encode(), text, hashed))
            signed |= hmac.compare_digest(expected, given)
    if not signed:
        raise BadSignature(_why(settings_header, algorithm))
    if _is_json(raw) and not _hash_fits(raw, urls[0]):
        raise BadSignature("The bodySHA256 of the address is not this body's.")


def _signed_text(url: str, pairs: Pairs) -> str:
    """Twilio, webhook security: the address, then each name with its value, sorted, equal ones once. Empty values
    count, and so do names nobody reads.
    """
    return url + "".join(name + value for name, value in sorted(set(pairs)))


def _hash_fits(raw: bytes, url: str) -> bool:
    """A JSON body is not in the signature; its hash is, in the query of the address."""
    named = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(hashlib.sha256(raw).hexdigest().encode(), named.lower().encode("utf-8", "replace"))


def _why(settings_header: str, algorithm: str) -> str:
    if algorithm == "HMAC_SHA1" and "HMAC_SHA256" in settings_header.upper():
        return "This webhook is signed with a shared key; set shared_key in the connection."
    if algorithm == "HMAC_SHA256" and not settings_header:
        return "This connection has a shared key, so a signature with the auth token is refused."
    return "The X-Twilio-Signature header is missing or wrong; is public_url the address that Twilio calls?"


def _is_json(raw: bytes) -> bool:
    return raw.lstrip()[:1] in (b"{", b"[")


def read_form(raw: bytes) -> Pairs:
    """Every name and value, in order, empty ones too. Raises MalformedBody, BodyTooLarge (over 256 parameters)."""
    if raw.count(b"&") >= MAX_FIELDS:
        raise BodyTooLarge(f"A webhook of Twilio's has at most {MAX_FIELDS} parameters.")
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedBody("The body is not form-encoded UTF-8.") from None


# -- what happened -----------------------------------------------------------------------------------------------------


def parse(raw: bytes) -> list[Inbound]:
    """Read one verified body: exactly one item. Raises BodyTooLarge and MalformedBody for what is no form."""
    if len(raw) > MAX_BODY:
        raise BodyTooLarge(f"A webhook of Twilio's has at most {MAX_BODY} bytes.")
    if _is_json(raw):
        return [_unhandled("", "json", raw)]
    pairs = read_form(raw)
    form: dict[str, str] = {}
    for name, value in pairs:
        form.setdefault(name, value)
    try:
        if any(name in SINGLE and form[name] != value for name, value in pairs):
            raise Unreadable("repeated_parameter")
        status = (form.get("MessageStatus") or form.get("SmsStatus", "")).lower()
        return [_spoken(form) if status in RECEIVED else _status(form, status)]
    except Unreadable as error:
        return [_unhandled(form.get("To", ""), str(error), raw)]


def _unhandled(sender_ref: str, reason: str, raw: bytes) -> Unhandled:
    """Keep what we do not read. Its key is its content, since it may have no id."""
    return Unhandled(sender_ref=sender_ref, key=("unhandled", digest(raw)), at=0, reason=reason, field="twilio",
                     raw=bytes(raw))


def _channel(*addresses: str) -> Literal["whatsapp", "sms"]:
    """The network, by the prefix of either side; a bare number is an SMS."""
    prefixes = {address.partition(":")[0].lower() if ":" in address else "" for address in addresses if address}
    if prefixes == {"whatsapp"}:
        return "whatsapp"
    if prefixes == {""}:
        return "sms"
    raise Unreadable("unknown_channel")  # Messenger, RCS, one of each, or nobody


def _sid(form: Mapping[str, str]) -> str:
    sid = form.get("MessageSid") or form.get("SmsMessageSid") or form.get("SmsSid", "")
    if not sid or len(sid) > MAX_ID:
        raise Unreadable("no_id")
    return sid


def _addresses(form: Mapping[str, str], side: str) -> tuple[Address, ...]:
    """Who stands in From or To, with the other names one signed payload gives the same person.

    Where a person hides the number, From holds the WhatsApp user id; ExternalUserId holds it in either case.
    """
    named = [_address(form.get(side, ""))]
    if side == "From":
        named.append(_address(form.get("ExternalUserId", "")))
        if not any(address and address.kind == "phone" for address in named):
            named.append(_wa_id(form.get("WaId", "")))
    found = tuple(dict.fromkeys(address for address in named if address))
    if not found:
        raise Unreadable("no_address")
    return found


def _address(text: str) -> Address | None:
    bare = text[len(WHATSAPP):] if text.lower().startswith(WHATSAPP) else text
    if bare.isdigit():  # a short code: no person has one
        return None
    try:
        return read_address(bare)
    except InvalidAddress:
        return None


def _wa_id(digits: str) -> Address | None:
    try:
        return phone_from_wa_id(digits)
    except InvalidAddress:
        return None


def _spoken(form: Mapping[str, str]) -> Inbound:
    sender, sid, body = form.get("To", ""), _sid(form), form.get("Body", "")
    channel = _channel(form.get("From", ""), sender)
    common: dict[str, Any] = {
        "sender_ref": sender, "service_ref": form.get("MessagingServiceSid", ""), "channel": channel,
        "key": ("message", sid), "at": 0, "addresses": _addresses(form, "From"), "message_id": sid,
        "referral": _referral(form),
    }
    answered = form.get("OriginalRepliedMessageSid") or None
    understood: Understood = UNDERSTOOD.get(form.get("OptOutType", "").upper(), "")
    # Body holds the label too, so what was tapped comes first.
    for kind, payload, label in TAPS:
        tapped, shown = form.get(payload, ""), form.get(label, "") or body
        if (tapped or form.get(label)) and understood != "stop":
            return InboundButton(kind=kind, payload=tapped or shown, label=shown, context_id=answered, **common)
    media = form.get("NumMedia", "0") not in ("", "0")
    if not body and not understood:
        return InboundOther(kind=form.get("MessageType", "") or ("media" if media else "empty"), **common)
    forwarded = "true" in (form.get("Forwarded", "").lower(), form.get("FrequentlyForwarded", "").lower())
    return InboundText(text=body, context_id=answered, forwarded=forwarded, caption=media, understood=understood,
                       **common)


def _referral(form: Mapping[str, str]) -> MappingProxyType[str, str] | None:
    found = {ours: form[theirs] for ours, theirs in REFERRAL.items() if form.get(theirs)}
    return MappingProxyType(found) if "source_id" in found or "source_url" in found else None


def _status(form: Mapping[str, str], word: str) -> Inbound:
    """What became of a message of ours. Both of Twilio's words for a failure are one here."""
    sender, sid, code = form.get("From", ""), _sid(form), form.get("ErrorCode", "")
    channel = _channel(sender, form.get("To", ""))
    number = int(code) if re.fullmatch(r"[0-9]{1,9}", code) else 0
    failed = word in FAILED
    try:
        addresses = _addresses(form, "To")
    except Unreadable:
        addresses = ()  # Twilio masks some; the message's id is what counts
    return StatusUpdate(
        sender_ref=sender, service_ref=form.get("MessagingServiceSid", ""), channel=channel,
        key=("status", sid, word, str(number)), at=0, addresses=addresses, message_id=sid,
        status="failed" if failed else word, errors=((number, ""),) if failed else (),
        will=will_of(number, form.get("ChannelStatusMessage", "")) if failed else "",
    )
