"""Addresses: the ways to reach or recognise a person, and the one canonical spelling of each.

Rules of the room: pure; libphonenumber is the only library. WhatsApp writes some Brazilian, Mexican and Argentine
numbers in two ways; both map to one spelling here, because a suppression check that misses a spelling misses a
stop. The spelling to send to is kept apart (`Address.dial`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

import phonenumbers

from sayso.errors import InvalidAddress

Kind = Literal["phone", "bsuid", "parent_bsuid"]

#: E.164: at most 15 digits after the plus (ITU-T E.164, clause 6). ASCII digits only.
E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
#: Meta: two ISO country letters, a dot, 1 to 128 alphanumerics; case matters (business-scoped user ids page).
BSUID = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}\Z")
PARENT_BSUID = re.compile(r"[A-Z]{2}\.ENT\.[A-Za-z0-9]{1,128}\Z")
#: Kinds of numbers that nobody has WhatsApp on; most only cost money to be called.
COSTLY = (
    phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST,
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER, phonenumbers.PhoneNumberType.TOLL_FREE,
    phonenumbers.PhoneNumberType.PAGER, phonenumbers.PhoneNumberType.VOICEMAIL, phonenumbers.PhoneNumberType.UAN,
)
#: Longest text looked at; nothing that is an address is longer.
MAX_ADDRESS = 160


@dataclass(frozen=True, slots=True)
class Address:
    """One address. `value` is canonical and is what is compared and MACed; `dial` is the spelling to send to."""

    kind: Kind
    value: str
    spelling: str = field(default="", compare=False)

    @property
    def dial(self) -> str:
        """The spelling a provider knows this address by."""
        return self.spelling or self.value

    @property
    def country(self) -> str:
        """ISO 3166 letters of the country, empty where the number does not say."""
        if self.kind != "phone":
            return self.value[:2]
        try:
            region = phonenumbers.region_code_for_number(phonenumbers.parse(self.value))
        except phonenumbers.NumberParseException:
            return ""
        return region or ""

    def __repr__(self) -> str:
        """Masked: an address in a log or a traceback would be personal data."""
        return f"Address({self.kind}, …{self.value[-2:]})"


def mask(address: Address) -> str:
    """Enough of an address to recognise it by, too little to use."""
    return f"{address.value[:3]}{'·' * 6}{address.value[-2:]}"


def canonical(e164: str) -> str:
    """Map the second spelling of a Brazilian, Mexican or Argentine mobile to the one Sayso compares.

    Brazil: the ninth digit of a mobile goes only where the eight digits behind it begin with 6 to 9, as old mobiles
    did; behind 1 to 5 it stays, for without it the number would be somebody else's landline.
    """
    if e164.startswith("+521") and len(e164) == 14:
        return "+52" + e164[4:]
    if e164.startswith("+549") and len(e164) == 14:
        return "+54" + e164[4:]
    if e164.startswith("+55") and len(e164) == 14 and e164[5] == "9" and e164[6] in "6789":
        return e164[:5] + e164[6:]
    return e164


def phone(text: str, region: str | None = None) -> Address:
    """Read a phone number. `region` (ISO letters) is needed only for numbers without a country code.

    Raises InvalidAddress.
    """
    if len(text) > MAX_ADDRESS:
        raise InvalidAddress("A phone number is at most 15 digits with its country code.", param="address")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        raise InvalidAddress(
            "Write the phone number with its country code, such as +44 7700 900123.", param="address"
        ) from error
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if not _whole(canonical(e164)):
        raise InvalidAddress("No phone number of that country has this many digits.", param="address")
    return Address("phone", canonical(e164), e164)


def _whole(e164: str) -> bool:
    """Whether a number has as many digits as its country's numbers have. `is_possible_number` would take 12345 too, as
    people dial it without the area code, and +44 12345 is nobody's. Of +52 1… only the canonical spelling is whole.
    """
    reason = phonenumbers.is_possible_number_with_reason(phonenumbers.parse(e164))
    return reason == phonenumbers.ValidationResult.IS_POSSIBLE


def typed(text: str, region: str | None = None) -> Address:
    """A number as people type it into a form: digits of any script, spaces and brackets, but no letters.

    Stricter than `phone`: its country must have such numbers, and none that cost the caller extra. Raises
    InvalidAddress.
    """
    if any(char.isalpha() for char in text):
        raise InvalidAddress("A phone number has digits, and no letters.", param="phone")
    found = phone(text.strip(), region)
    number = phonenumbers.parse(found.dial)
    if phonenumbers.number_type(number) in COSTLY:
        raise InvalidAddress("This is not a number that WhatsApp could have.", param="phone")
    return found


def country_of(address: Address) -> str:
    """The country of a number; where its block is not in use (or kept for fiction), the first of its calling code."""
    if address.country or address.kind != "phone":
        return address.country
    code = phonenumbers.parse(address.value).country_code
    return phonenumbers.region_code_for_country_code(code or 0)


def phone_from_wa_id(digits: str) -> Address:
    """Read Meta's `wa_id` or `from`: the full international number without a plus. Raises InvalidAddress."""
    text = digits if digits.startswith("+") else "+" + digits
    if not E164.match(text):
        raise InvalidAddress("This WhatsApp id is not a phone number.", param="wa_id")
    return Address("phone", canonical(text), text)


def bsuid(text: str) -> Address:
    """Read a business-scoped user id (`US.1349…`). Raises InvalidAddress."""
    if not BSUID.match(text):
        raise InvalidAddress("A WhatsApp user id is two letters, a dot and letters or digits.", param="user_id")
    return Address("bsuid", text)


def parent_bsuid(text: str) -> Address:
    """Read a parent business-scoped user id (`US.ENT.1181…`). Raises InvalidAddress."""
    if not PARENT_BSUID.match(text):
        raise InvalidAddress("A parent WhatsApp user id looks like US.ENT.118…", param="parent_user_id")
    return Address("parent_bsuid", text)


def parse(text: str, region: str | None = None, *, fast: bool = False) -> Address:
    """Read whatever stands in a slot meant for a phone: some providers put a user id there.

    `fast` takes a number that looks like E.164 as it is. That is for checks, where a number nobody has is denied; what
    writes reads with care, for a stop for +44 07700 900123 must reach +44 7700 900123. Raises InvalidAddress.
    """
    if fast and E164.match(text):
        return Address("phone", canonical(text), text)
    text = text.strip()
    if text.lower().startswith("whatsapp:"):
        text = text[len("whatsapp:"):]
    if PARENT_BSUID.match(text):
        return Address("parent_bsuid", text)
    if BSUID.match(text):
        return Address("bsuid", text)
    return phone(text, region)
