"""What each of Twilio's error codes means to Sayso: one table, one row a code.

Rules of the room: the code decides, never Twilio's wording. A row says what is known of the message or of the person's
will, and whether sending the same again can help. Twilio forwards some of WhatsApp's own refusals under its own codes
(63049 is Meta's 131049); none of those is an opt-out, only what says so is. Source: Twilio, error dictionary (2026).
The sentences are ours and hold nothing that came over the wire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from sayso.channels.base import Will
from sayso.errors import ProviderError

Outcome = Literal["not_sent", "possibly_sent", "opted_out", "stopped_marketing", "stopped_all"]

#: Longest wait taken from a Retry-After header, in seconds: one day.
MAX_RETRY_AFTER_S: Final = 86_400
#: Retry-After in seconds (RFC 9110, section 10.2.3); its other form, a date, is read as none.
RETRY_AFTER: Final = re.compile(r"[0-9]{1,9}\Z")
#: Meta's own code for "stopped marketing in WhatsApp"; Twilio has none for it and passes Meta's text on.
NATIVE_STOP: Final = re.compile(r"(?<![0-9])131050(?![0-9])")


@dataclass(frozen=True, slots=True)
class TwilioError:
    """One row. `retry_after_s` is the least wait before a retry, None where no retry helps."""

    code: int
    sentence: str
    outcome: Outcome = "not_sent"
    retry_after_s: int | None = None


_ROWS: Final = (
    # The person's own choice.
    TwilioError(21610, "This person texted STOP to the number; Twilio sends them nothing more.", "stopped_all"),
    TwilioError(63014, "This person blocked the business or took consent back in WhatsApp.", "stopped_marketing"),
    # WhatsApp will not deliver to this person now; none of these is an opt-out.
    TwilioError(63003, "WhatsApp does not know this address; not an opt-out."),
    TwilioError(63016, "More than 24 hours since the person wrote: only a template may be sent."),
    TwilioError(63024, "The message cannot be delivered to this address; not an opt-out."),
    TwilioError(63032, "WhatsApp holds this person out for an experiment; not an opt-out."),
    TwilioError(63049, "WhatsApp did not deliver it to keep marketing at bay for this person; not an opt-out."),
    # Too fast: the same message goes through later.
    TwilioError(14107, "Too many messages were sent in a short time.", retry_after_s=60),
    TwilioError(20429, "The account made too many API calls.", retry_after_s=60),
    TwilioError(30001, "The number's queue of messages is full.", retry_after_s=60),
    TwilioError(63018, "The number sends faster than WhatsApp takes.", retry_after_s=60),
    # The account, the number and their rights.
    TwilioError(20003, "The account SID and the auth token do not fit."),
    TwilioError(20404, "The account or the template is not there."),
    TwilioError(20005, "The account is not active."),
    TwilioError(21408, "The account may not message people in this region."),
    TwilioError(21606, "The sending number is not one of the account's for this channel."),
    TwilioError(21608, "A trial account sends only to numbers that were verified."),
    TwilioError(21703, "The Messaging Service has no sender."),
    TwilioError(30002, "The account is suspended."),
    TwilioError(30034, "The number is not registered for sending to the United States."),
    TwilioError(63007, "There is no WhatsApp sender at this number."),
    TwilioError(63013, "The message violates a policy of WhatsApp."),
    TwilioError(63020, "The WhatsApp Business account does not accept Twilio's request."),
    TwilioError(63051, "The WhatsApp Business account is locked."),
    TwilioError(63062, "The terms of the Marketing Messages API are not accepted."),
    # The address, the message, the template.
    TwilioError(21211, "Twilio does not take this address."),
    TwilioError(21612, "This pair of numbers cannot exchange messages."),
    TwilioError(21614, "This number cannot receive SMS."),
    TwilioError(21617, "The message is too long."),
    TwilioError(21655, "There is no template with this ContentSid."),
    TwilioError(21656, "The template's variables are malformed."),
    TwilioError(30003, "The phone is switched off or out of reach; not an opt-out."),
    TwilioError(30004, "The carrier blocked the message; not an opt-out."),
    TwilioError(30005, "The number is not in use; not an opt-out."),
    TwilioError(30006, "The number is a landline or cannot be reached; not an opt-out."),
    TwilioError(30007, "The carrier filtered the message as spam."),
    TwilioError(63005, "WhatsApp did not take the content of the message."),
    TwilioError(63010, "WhatsApp had an internal error; the message was not delivered."),
    TwilioError(63012, "WhatsApp's service returned an error; the message was not delivered."),
    TwilioError(63028, "The number of template variables is wrong."),
    TwilioError(63040, "The template was rejected."),
    TwilioError(63041, "The template is paused for low quality."),
    TwilioError(63042, "The template is disabled for low quality."),
    TwilioError(80901, "The text holds a word that stops the conversation."),
    # Twilio's own trouble, seen after the request was taken.
    TwilioError(20500, "Twilio had an internal error; the message may have been sent.", "possibly_sent"),
    TwilioError(20503, "Twilio was down for a moment; the message may have been sent.", "possibly_sent"),
)

ERRORS: Final = {row.code: row for row in _ROWS}
_WILLS: Final[dict[str, Will]] = {
    "opted_out": "opted_out", "stopped_marketing": "stopped_marketing", "stopped_all": "stopped_all",
}


def will_of(code: int, channel_says: str) -> Will:
    """What a failed message says of the person's will. `channel_says` is WhatsApp's own text, where Twilio gave it."""
    if NATIVE_STOP.search(channel_says):
        return "opted_out"
    row = ERRORS.get(code)
    return _WILLS.get(row.outcome, "") if row else ""


def refusal(code: int, http_status: int, retry_after: str | None = None) -> ProviderError:
    """The error for an answer that is not a success. `code` is 0 where the body named none."""
    row = ERRORS.get(code) or _by_status(code, http_status)
    wait = row.retry_after_s
    if wait is not None and retry_after and RETRY_AFTER.match(retry_after):
        wait = min(max(wait, int(retry_after)), MAX_RETRY_AFTER_S)
    return ProviderError(row.sentence, provider_code=row.code, retry=wait is not None, outcome=row.outcome,
                         retry_after_s=wait)


def _by_status(code: int, http_status: int) -> TwilioError:
    """A code we do not know, or none at all: a server error may have sent it, anything else did not."""
    if http_status >= 500:
        return TwilioError(code, f"Twilio answered {http_status}; the message may have been sent.", "possibly_sent")
    if http_status == 429:
        return TwilioError(code, "Twilio answered 429: too many requests.", retry_after_s=60)
    named = f" with error {code}" if code else ""
    return TwilioError(code, f"Twilio refused the message with HTTP {http_status}{named}.")
