"""What makes a declaration sensible: limits, spellings, and that every name it mentions is declared too.

Each function checks one struct and hands it back as Sayso keeps it (a phone in E.164, a code in capitals).
Every error names the dotted path and what to write instead. Limits of WhatsApp are cited beside their
constants.
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

import phonenumbers
from msgspec.structs import replace

from sayso.core import identity
from sayso.core.intents import fold
from sayso.core.workspace import (
    Connection,
    Entry,
    Notice,
    Policy,
    Purpose,
    Sender,
    Template,
    codes_in,
    read_code,
)
from sayso.errors import ConfigError, InvalidAddress, InvalidRequest
from sayso.settings.tables import meant, wrong

#: Characters of a business's name, as it stands in prompts and on pages.
MAX_NAME: Final = 100
#: Characters of a purpose's title; several of them share one sentence of a reply.
MAX_TITLE: Final = 60
#: Cloud API, interactive messages: the body of a message with buttons has at most 1,024 characters.
MAX_NOTICE: Final = 1024
#: Characters of a keyword; people type it, often from a poster.
MAX_KEYWORD: Final = 40
#: Characters of a wa.me text. WhatsApp names no limit; longer ones make a QR code too dense to scan from a
#: poster.
MAX_PHRASE: Final = 200
#: Keywords of one entry point.
MAX_KEYWORDS: Final = 50
#: Ads of one entry point, and what an ad's (or a post's) id looks like: Meta's ids are numbers, long ones.
MAX_ADS: Final = 500
AD_ID: Final = re.compile(r"[0-9_]{1,64}\Z")
#: Longest life of a yes, ten years; 0 means until it is withdrawn.
MAX_EXPIRES_DAYS: Final = 3650
#: A question is open for at most a week, so that a yes answers a question the person still remembers. Two
#: hours at least, which leaves an hour for the reminder.
PROMPT_HOURS: Final = (2, 168)
#: Questions that forms may cause in a day; Meta's highest tier below unlimited is 100,000 people.
MAX_PROMPTS_A_DAY: Final = 100_000
#: Where a yes can be recorded that was given elsewhere, and the characters of the reason why it may grant.
SOURCES: Final = ("import", "clerk", "api")
MAX_REASON: Final = 200
#: Most stops that a breaker may let pass within its ten minutes.
MAX_BREAKER: Final = 1_000_000
MAX_VERSION: Final = 1_000_000
#: Cloud API, template parameters: 1,024 characters; error 132012 refuses line ends, tabs and five spaces in a
#: row.
MAX_PARAM: Final = 1024
MAX_PARAMS: Final = 20
BAD_PARAM: Final = re.compile(r"[\n\r\t]| {5}")
#: Cloud API, templates: small letters, digits and underscores. Twilio: the ContentSid.
TEMPLATE_NAME: Final = re.compile(r"([a-z0-9_]{1,512}|HX[0-9a-fA-F]{32})\Z")
#: Cloud API, supported languages of templates: en, en_US, zh_CN.
TEMPLATE_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(_[A-Za-z]{2,4})?\Z")
#: RFC 5646 section 2.1, the part in use: language, script, region.
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?\Z")
SLUG: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}\Z")
PHONE_NUMBER_ID: Final = re.compile(r"[0-9]{5,20}\Z")
API_VERSION: Final = re.compile(r"v[0-9]{1,3}\.[0-9]\Z")


def one_line(value: str, where: str, limit: int) -> str:
    """A text shown to people, on one line. Raises ConfigError if it is empty, too long or has control
    characters.
    """
    if not value.strip():
        raise wrong(where, "is empty; write what people should read.")
    if len(value) > limit:
        raise wrong(where, f"has {len(value)} characters; at most {limit} fit.")
    if any(unicodedata.category(char) == "Cc" for char in value):
        raise wrong(where, "must be one line without control characters.")
    return value


def between(value: int, where: str, low: int, high: int) -> None:
    """Raises ConfigError unless low <= value <= high."""
    if not low <= value <= high:
        raise wrong(where, f"is {value}; it takes {low} to {high}.")


def declared(name: str, where: str, what: str, known: Iterable[str]) -> None:
    """Raises ConfigError unless the name is one of those declared."""
    if name not in (choices := list(known)):
        raise wrong(where, f"names the {what} '{name[:60]}', which is not declared{meant(name, choices)}")


def language(tag: str, where: str) -> None:
    """Raises ConfigError unless the tag is BCP 47 in its usual spelling; look-ups compare it letter by
    letter.
    """
    if LANGUAGE.match(tag):
        return
    parts = tag.replace("_", "-").split("-")
    usual = "-".join(
        [parts[0].lower(), *(part.title() if len(part) == 4 else part.upper() for part in parts[1:])]
    )
    hint = f"write '{usual}'" if LANGUAGE.match(usual) else "such as 'en', 'pt-BR' or 'zh-Hans'"
    raise wrong(where, f"must be a language tag, {hint}.")


def slug(value: str) -> str:
    """The short name that stands in URLs."""
    if not SLUG.match(value):
        raise wrong(
            "workspace.slug", "is 1 to 32 characters: small letters, digits, '-' and '_', a letter first."
        )
    return value


def country(code: str) -> None:
    """ISO 3166 letters that phone numbers know, or empty."""
    if code and code not in phonenumbers.SUPPORTED_REGIONS:
        usual = {"UK": "GB"}.get(code.upper(), code.upper())
        hint = f"; write '{usual}'." if usual in phonenumbers.SUPPORTED_REGIONS else ", such as 'GB' or 'BR'."
        raise wrong("workspace.country", f"must be the two letters of a country{hint}")


def connection(item: Connection, where: str) -> Connection:
    """A base URL with https, except on this machine, where the simulator listens."""
    base_url = url(item.base_url, f"{where}.base_url", "https://graph.facebook.com")
    if not API_VERSION.match(item.api_version):
        raise wrong(f"{where}.api_version", "must look like v26.0.")
    return replace(item, base_url=base_url)


def url(value: str, path: str, example: str) -> str:
    """A URL of scheme, host and perhaps path, without a slash at its end. Raises ConfigError."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise wrong(path, f"must be a URL, such as {example}.") from None
    plain = parts.scheme in ("http", "https") and host and not (parts.query or parts.fragment or parts.username)
    if not plain or any(char.isspace() for char in value):
        raise wrong(path, f"must be a URL of scheme, host and perhaps path, such as {example}.")
    if parts.scheme == "http" and not _is_this_machine(host):
        raise wrong(
            path,
            "must begin with https:// because the access token travels with every call; plain http is "
            "for 127.0.0.1 and localhost only.",
        )
    return value.rstrip("/")


def sender(item: Sender, where: str, connections: Iterable[str]) -> Sender:
    """A number in E.164 and the provider's id for it."""
    declared(item.connection, f"{where}.connection", "connection", connections)
    if item.channel == "sms":
        raise wrong(f"{where}.channel", "'sms' is for a number at the provider 'twilio'.")
    if not PHONE_NUMBER_ID.match(item.phone_number_id):
        raise wrong(
            f"{where}.phone_number_id",
            "must be Meta's id of the number, digits in quotes; it stands in the "
            "API setup page of your app and is not the phone number.",
        )
    try:
        number = identity.phone(item.phone)
    except InvalidAddress as error:
        raise wrong(
            f"{where}.phone", "must be the number with its country code, such as +447700900100."
        ) from error
    return replace(item, phone=number.dial)


def purpose(item: Purpose, where: str) -> Purpose:
    """A title people can read and a bounded life of the yes."""
    one_line(item.title, f"{where}.title", MAX_TITLE)
    for tag, title in item.titles.items():
        language(tag, f"{where}.titles.{tag[:20]}")
        one_line(title, f"{where}.titles.{tag}", MAX_TITLE)
    between(item.expires_days, f"{where}.expires_days", 0, MAX_EXPIRES_DAYS)
    return item


def notice(item: Notice, where: str, purposes: Iterable[str], senders: Iterable[str]) -> Notice:
    """A wording in at least one language, for purposes and senders that exist."""
    between(item.version, f"{where}.version", 1, MAX_VERSION)
    _names(item.purposes, f"{where}.purposes", "purpose", purposes)
    _names(item.senders, f"{where}.senders", "sender", senders)
    if not item.text:
        raise wrong(f"{where}.text", f'has no language yet: write en = "..." under [{where}.text].')
    for tag, text in item.text.items():
        language(tag, f"{where}.text.{tag[:20]}")
        _wording(text, f"{where}.text.{tag}")
    for tag, shown in item.templates.items():
        declared(tag, f"{where}.templates.{tag[:20]}", "language", item.text)
        _template(shown, f"{where}.templates.{tag}")
    return item


def entry(item: Entry, where: str, notices: Mapping[str, Notice], senders: Iterable[str]) -> Entry:
    """An entry point whose fields fit its kind; codes come out in capitals."""
    declared(item.notice, f"{where}.notice", "notice", notices)
    declared(item.sender, f"{where}.sender", "sender", senders)
    if item.lang:
        declared(item.lang, f"{where}.lang", "language", notices[item.notice].text)
    owners = {"code": "phrase page", "phrase": "phrase page", "keywords": "keyword", "ads": "ad"}
    for field, kinds in owners.items():
        if getattr(item, field) and item.kind not in kinds.split():
            raise wrong(
                f"{where}.{field}", f"is for the kind '{kinds.split()[0]}'; this entry point is of kind '{item.kind}'."
            )
    if item.kind == "keyword":
        _keywords(item.keywords, f"{where}.keywords")
    if len(item.ads) > MAX_ADS or not all(AD_ID.match(ad) for ad in item.ads):
        raise wrong(f"{where}.ads", f"must list at most {MAX_ADS} ids of ads as Meta shows them: digits, in quotes.")
    if item.kind == "phrase" or item.phrase:
        one_line(item.phrase, f"{where}.phrase", MAX_PHRASE)
        if codes_in(item.phrase):
            raise wrong(f"{where}.phrase", "must not hold a code in brackets; Sayso adds the code itself.")
    return replace(item, code=_code(item.code, f"{where}.code")) if item.code else item


def policy(item: Policy) -> Policy:
    """A question that is open for a while, and a reminder before it closes."""
    between(item.prompt_valid_hours, "policy.prompt_valid_hours", *PROMPT_HOURS)
    if not 1 <= item.reminder_hours < item.prompt_valid_hours:
        raise wrong(
            "policy.reminder_hours",
            f"is {item.reminder_hours}; it takes 1 to "
            f"{item.prompt_valid_hours - 1}, before the question closes (prompt_valid_hours).",
        )
    between(item.prompts_a_day, "policy.prompts_a_day", 0, MAX_PROMPTS_A_DAY)
    for code in item.countries:
        if code not in phonenumbers.SUPPORTED_REGIONS:
            raise wrong("policy.countries", f"holds '{code[:20]}'; write the two letters of countries, such as 'GB'.")
    for source, reason in item.elsewhere.items():
        declared(source, f"policy.elsewhere.{source[:20]}", "source", SOURCES)
        one_line(reason, f"policy.elsewhere.{source}", MAX_REASON)
    for tag, shown in item.stop_template.items():
        language(tag, f"policy.stop_template.{tag[:20]}")
        _template(shown, f"policy.stop_template.{tag}")
    between(item.breaker_least, "policy.breaker_least", 0, MAX_BREAKER)
    between(item.breaker_percent, "policy.breaker_percent", 0, 100)
    return item


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names(names: tuple[str, ...], where: str, what: str, known: Iterable[str]) -> None:
    if not names:
        raise wrong(where, f"is empty; name at least one {what}.")
    for name in names:
        declared(name, where, what, known)
        if names.count(name) > 1:
            raise wrong(where, f"names '{name}' twice.")


def _wording(text: str, where: str) -> None:
    if not text.strip():
        raise wrong(where, "is empty; write what people should read before they say yes.")
    if len(text) > MAX_NOTICE:
        raise wrong(where, f"has {len(text)} characters; WhatsApp shows at most {MAX_NOTICE} above buttons.")
    if any(unicodedata.category(char) == "Cc" and char != "\n" for char in text):
        raise wrong(where, "must not hold control characters other than line ends.")


def _template(item: Template, where: str) -> None:
    if not TEMPLATE_NAME.match(item.name):
        raise wrong(
            f"{where}.name",
            "must be the template's name at Meta: small letters, digits and underscores; at Twilio its ContentSid.",
        )
    if not TEMPLATE_LANGUAGE.match(item.language):
        raise wrong(
            f"{where}.language", "must be the template's language as Meta writes it, such as en or en_US."
        )
    if len(item.params) > MAX_PARAMS:
        raise wrong(f"{where}.params", f"has {len(item.params)} texts; at most {MAX_PARAMS} are sent.")
    for text in item.params:
        if not text.strip() or len(text) > MAX_PARAM or BAD_PARAM.search(text):
            raise wrong(
                f"{where}.params",
                f"must be texts of 1 to {MAX_PARAM} characters without line ends, tabs or "
                "five spaces in a row.",
            )


def _keywords(words: tuple[str, ...], where: str) -> None:
    if not 0 < len(words) <= MAX_KEYWORDS:
        raise wrong(where, f'must list 1 to {MAX_KEYWORDS} words, such as ["JOIN"].')
    for word in words:
        one_line(word, where, MAX_KEYWORD)
        if not fold(word):
            raise wrong(
                where, "holds a word of punctuation only; a keyword needs a letter, a digit or a sign."
            )


def _code(text: str, where: str) -> str:
    try:
        return read_code(text)
    except InvalidRequest as error:
        raise ConfigError(f"{where}: {error.detail} Leave it out and one is made.", param=where) from error
