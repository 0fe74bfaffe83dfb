"""What makes a declaration sensible where Twilio is the provider: accounts, addresses of numbers, keywords by SMS.

Rules of the room: as in `checks`, each function checks one struct, hands it back as Sayso keeps it, and every error
names the dotted path and what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from sayso.core import identity
from sayso.core.workspace import Connection, Entry, Notice, Secret, Sender
from sayso.errors import InvalidAddress
from sayso.settings import checks
from sayso.settings.tables import wrong

#: Twilio's API; the address of Meta's is a connection's default.
API: Final = "https://api.twilio.com"
ACCOUNT_SID: Final = re.compile(r"AC[0-9a-fA-F]{32}\Z")
API_KEY: Final = re.compile(r"SK[0-9a-fA-F]{32}\Z")
SERVICE: Final = re.compile(r"MG[0-9a-fA-F]{32}\Z")
CONTENT_SID: Final = re.compile(r"HX[0-9a-fA-F]{32}\Z")
#: ITU-T E.164 numbers of people and businesses, and the short ones that carriers lend.
NUMBER: Final = re.compile(r"\+[1-9][0-9]{6,14}\Z")
SHORT_CODE: Final = re.compile(r"[0-9]{3,8}\Z")
WHATSAPP: Final = "whatsapp:"

METAS: Final = ("app_secret", "verify_token")
TWILIOS: Final = ("account_sid", "auth_token", "shared_key", "api_key", "public_url")


def connection(item: Connection, where: str) -> Connection:
    """An account, a public address that signatures can be checked against, and nothing of Meta's."""
    for field in METAS:
        if getattr(item, field) != Secret():
            raise wrong(f"{where}.{field}", "is Meta's; Twilio signs with auth_token, or with shared_key.")
    if not ACCOUNT_SID.match(item.account_sid):
        raise wrong(f"{where}.account_sid", "must be the account's SID, AC and 32 digits, from Twilio's console.")
    if item.api_key and not API_KEY.match(item.api_key):
        raise wrong(f"{where}.api_key", "must be the SID of an API key, SK and 32 digits; its secret is access_token.")
    if bool(item.api_key) != (item.access_token != Secret()):
        raise wrong(f"{where}.api_key", "and access_token go together: the SID of an API key and its secret.")
    if not item.public_url:
        raise wrong(f"{where}.public_url", "is missing: the address under which Twilio calls this Sayso, such as "
                    "https://sayso.example.com; signatures cover it.")
    base_url = API if item.base_url == Connection(item.name).base_url else item.base_url
    return replace(item, base_url=checks.url(base_url, f"{where}.base_url", API),
                   public_url=checks.url(item.public_url, f"{where}.public_url", "https://sayso.example.com"))


def not_twilios(item: Connection, where: str) -> None:
    """Raises ConfigError for a field of Twilio's at another provider: it would silently do nothing."""
    for field in TWILIOS:
        if getattr(item, field) not in ("", Secret()):
            raise wrong(f"{where}.{field}", "is for the provider 'twilio'.")


def sender(item: Sender, where: str) -> Sender:
    """The address as Twilio writes it, and the number in it, which must be the one in `phone`."""
    number = item.phone_number_id.removeprefix(WHATSAPP)
    sms = item.channel == "sms"
    spelt = not item.phone_number_id.startswith(WHATSAPP) if sms else item.phone_number_id.startswith(WHATSAPP)
    known = NUMBER.match(number) or (sms and SHORT_CODE.match(number))
    if not SERVICE.match(item.phone_number_id) and not (spelt and known):
        what = '"+14155550100" or a short code' if sms else '"whatsapp:+14155550100"'
        raise wrong(f"{where}.phone_number_id", f"must be {what} for the channel '{item.channel}', or the SID of a "
                    "Messaging Service, MG and 32 digits.")
    if sms and SHORT_CODE.match(item.phone):
        phone = item.phone
    else:
        try:
            phone = identity.phone(item.phone).dial
        except InvalidAddress as error:
            raise wrong(f"{where}.phone", "must be the number with its country code, such as +14155550100.") from error
    if known and number != phone:
        raise wrong(f"{where}.phone", "is another number than the one in phone_number_id.")
    return replace(item, phone=phone)


def entry(item: Entry, where: str, notices: Mapping[str, Notice], senders: Mapping[str, Sender],
          connections: Mapping[str, Connection]) -> None:
    """A keyword by SMS is asked about in WhatsApp, by template; a template is of the provider that sends it."""
    by_sms = senders[item.sender].channel == "sms"
    if by_sms and item.kind != "keyword":
        raise wrong(f"{where}.sender", "is a number for SMS, to which people text a keyword; name a WhatsApp sender.")
    if not by_sms and item.confirm:
        raise wrong(f"{where}.confirm", "is for a keyword by SMS; this sender asks in WhatsApp itself.")
    if by_sms and not item.confirm:
        raise wrong(f"{where}.confirm", "is missing: the WhatsApp sender that asks whoever texts the keyword.")
    if by_sms:
        checks.declared(item.confirm, f"{where}.confirm", "sender", senders)
        if senders[item.confirm].channel == "sms":
            raise wrong(f"{where}.confirm", "is a number for SMS too; name a WhatsApp sender.")
    _templates(item, where, notices[item.notice], connections[senders[item.confirm or item.sender].connection],
               needed=by_sms)


def _templates(item: Entry, where: str, notice: Notice, asks: Connection, *, needed: bool) -> None:
    for lang in (item.lang,) if item.lang else tuple(notice.text):
        template = notice.templates.get(lang)
        place = f"notices.{notice.name}.templates.{lang}"
        if template is None:
            if needed:  # an SMS opens no window in WhatsApp
                raise wrong(where, f"asks whoever texts the keyword with a template: add [{place}].")
            continue
        if bool(CONTENT_SID.match(template.name)) != (asks.provider == "twilio"):
            what = "a ContentSid, HX and 32 digits" if asks.provider == "twilio" else "the template's name at Meta"
            raise wrong(f"{place}.name", f"must be {what}, because [{where}] asks through '{asks.name}'.")
