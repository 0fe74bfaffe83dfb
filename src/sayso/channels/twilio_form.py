"""The form of a send as clients write it for Twilio: whom it is for, by which number, by which template.

Rules of the room: the form goes on byte for byte. What decides anything stands once and is spelt as Twilio spells it.
A message that Twilio would keep until later is refused: a stop in between could not call it back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

from sayso.channels.graph_body import Refused
from sayso.channels.twilio_send import CONTENT_SID, WHATSAPP
from sayso.core import identity
from sayso.core.identity import Address
from sayso.errors import InvalidAddress, MalformedBody

#: Twilio: a body has 1,600 characters, variables as many each; ten pictures' addresses come beside them.
MAX_FORM: Final = 128 * 1024
MAX_FIELDS: Final = 256
#: What decides anything.
SINGLE: Final = ("To", "From", "MessagingServiceSid", "Body", "ContentSid", "ContentVariables", "SendAt",
                 "ScheduleType")
_SPELT: Final = {name.lower(): name for name in SINGLE}
#: Every name of Twilio's is made of these. "To " and "To[]" are, to some servers, the name "To".
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}\Z")


@dataclass(frozen=True, slots=True)
class TwilioMessage:
    """One send. `sender` and `service` are as in the form, `template` is a ContentSid or empty."""

    to: Address = field(repr=False)
    channel: str
    sender: str
    service: str
    template: str


def read(raw: bytes) -> TwilioMessage:
    """Read a form. Raises MalformedBody, Refused, InvalidAddress."""
    form = _fields(raw)
    if form.get("SendAt") or form.get("ScheduleType"):
        raise Refused("Sayso hands nothing over to be sent later: schedule it in your own code.", param="SendAt")
    sender, service = form.get("From", ""), form.get("MessagingServiceSid", "")
    if not sender and not service:
        raise Refused("Give From or MessagingServiceSid.", param="From")
    if not form.get("ContentSid") and not form.get("Body") and "MediaUrl" not in form:
        raise Refused("Give Body, MediaUrl or ContentSid.", param="Body")
    template = form.get("ContentSid", "")
    if template and not CONTENT_SID.match(template):
        raise Refused("A ContentSid is HX and 32 digits.", param="ContentSid")
    to, channel = _recipient(form.get("To", ""))
    return TwilioMessage(to, channel, sender, service, template)


def _fields(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise MalformedBody("The body is not a form in UTF-8.") from None
    if b";" in raw:  # HTML 4.01 appendix B.2.2: to some servers a second "&"
        raise Refused("Write a semicolon in a form as %3B.")
    form: dict[str, str] = {}
    for name, value in pairs:
        if not _NAME.match(name):
            raise Refused("The name of a field consists of letters and digits alone, as Twilio spells it: no spaces, "
                          "no brackets.")
        if _SPELT.get(name.lower(), name) != name or (name in SINGLE and name in form):
            raise Refused(f"{_SPELT[name.lower()]} stands once, and is spelt like this.", param=_SPELT[name.lower()])
        if name == "access_token":
            raise Refused("The key is the password, and stands nowhere else.", param=name)
        form[name] = value
    return form


def _recipient(text: str) -> tuple[Address, str]:
    """A number with its plus, or a WhatsApp user id; Twilio guesses countries, Sayso does not."""
    whatsapp = text.startswith(WHATSAPP)
    rest = text.removeprefix(WHATSAPP)
    if identity.E164.match(rest):
        return identity.phone_from_wa_id(rest), "whatsapp" if whatsapp else "sms"
    if whatsapp and (identity.BSUID.match(rest) or identity.PARENT_BSUID.match(rest)):
        return identity.parse(rest), "whatsapp"
    raise InvalidAddress("To is a number with + and its country code, with 'whatsapp:' in front for WhatsApp.",
                         param="To")
