"""What each of Meta's error codes means to Sayso: one table, one row a code.

Rules of the room: the code decides, never the title, which Meta rewords and will drop. A row says what is
known of the message (`not_sent`, `possibly_sent`, `opted_out`) and whether sending the same again can help.
What may have been sent is never marked for retry: the endpoint has no idempotency key. An unknown code is
not retried. Source: Meta, Cloud API error codes (2026). The sentences are ours and hold nothing that came
over the wire.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sayso.errors import ProviderError

Outcome = Literal["not_sent", "possibly_sent", "opted_out"]

#: Longest wait taken from a Retry-After header, in seconds: one day.
MAX_RETRY_AFTER_S = 86_400
#: Retry-After in seconds (RFC 9110, section 10.2.3); its other form, a date, is not used by Meta.
RETRY_AFTER = re.compile(r"[0-9]{1,9}\Z")
SERVER_ERROR = 500
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class MetaError:
    """One row. `retry_after_s` is the least wait before a retry, None where no retry helps."""

    code: int
    sentence: str
    outcome: Outcome = "not_sent"
    retry_after_s: int | None = None

    @property
    def retry(self) -> bool:
        """Whether sending the same message again, later, can help."""
        return self.retry_after_s is not None


_ROWS = (
    # The person's own choice.
    MetaError(131050, "This person stopped marketing messages from the business in WhatsApp.", "opted_out"),
    # May have been sent: Meta's own trouble, seen after the request was taken.
    MetaError(1, "Meta's API had an unknown error; the message may have been sent.", "possibly_sent"),
    MetaError(2, "Meta's API was down for a moment; the message may have been sent.", "possibly_sent"),
    MetaError(131000, "Something went wrong at Meta; the message may have been sent.", "possibly_sent"),
    MetaError(131016, "A service at Meta was overloaded; the message may have been sent.", "possibly_sent"),
    MetaError(131057, "The account is in maintenance; the message may have been sent.", "possibly_sent"),
    MetaError(133004, "Meta's server was unavailable; the message may have been sent.", "possibly_sent"),
    # Too fast: the same message goes through later.
    MetaError(4, "The app made too many API calls.", retry_after_s=60),
    MetaError(80007, "The WhatsApp Business account made too many API calls.", retry_after_s=60),
    MetaError(130429, "The number sends faster than its throughput allows.", retry_after_s=5),
    # Meta, throughput: about one message in 6 s to the same person.
    MetaError(131056, "Too many messages to this person in a short time.", retry_after_s=6),
    MetaError(134101, "The template is being synchronised; that takes up to ten minutes.", retry_after_s=600),
    # Meta will not deliver to this person now; none of these is an opt-out.
    MetaError(130472, "Meta holds this person out of marketing for an experiment; not an opt-out."),
    MetaError(131026, "The message cannot be delivered to this address; not an opt-out."),
    MetaError(131047, "More than 24 hours since the person wrote: only a template may be sent."),
    MetaError(131048, "The number is restricted because earlier messages were blocked or reported as spam."),
    MetaError(131049, "Meta did not deliver it to keep marketing at bay for this person; not an opt-out."),
    MetaError(130403, "This address is on the business's own block list."),
    MetaError(137000, "The person's identity key changed: another phone, or another owner of the number."),
    # The business, its number, its account.
    MetaError(368, "The business account is blocked for a policy violation."),
    MetaError(130497, "The business may not message people in this country."),
    MetaError(131031, "The business account is locked."),
    MetaError(131037, "The number's display name is not approved yet."),
    MetaError(131042, "Meta could not charge the business account."),
    MetaError(131045, "The number is not registered, or its certificate is wrong."),
    MetaError(131063, "Marketing templates are switched off for the Cloud API on this account."),
    MetaError(131064, "Sending is limited because templates were filed under the wrong category."),
    MetaError(133010, "The number is not registered with the Cloud API."),
    MetaError(133016, "Too many tries to register the number."),
    # The token and its rights.
    MetaError(0, "Meta could not authenticate the app."),
    MetaError(3, "The app lacks the capability for this call."),
    MetaError(10, "The token lacks a permission for this call."),
    MetaError(190, "The access token expired or was revoked."),
    MetaError(131005, "The token may not act for this business account."),
    # The request.
    MetaError(33, "The business number does not exist, or the token cannot see it."),
    MetaError(100, "Meta does not know a parameter of the request."),
    MetaError(130501, "Meta does not take this kind of message."),
    MetaError(131008, "A required parameter is missing."),
    MetaError(131009, "A parameter has a value Meta does not take."),
    MetaError(131021, "The recipient is the sender."),
    MetaError(131030, "A test number sends only to the recipients on its list."),
    MetaError(131051, "Meta does not take this type of message."),
    MetaError(131052, "Meta could not download the media."),
    MetaError(131053, "Meta could not upload the media."),
    MetaError(131055, "This endpoint takes marketing templates only."),
    MetaError(131062, "This message needs a phone number; a WhatsApp user id is not enough."),
    MetaError(134100, "This endpoint takes marketing templates only."),
    MetaError(135000, "Meta refused the request without saying why."),
    # The template.
    MetaError(132000, "The number of template parameters is wrong."),
    MetaError(132001, "There is no approved template of this name and language."),
    MetaError(132005, "The template text is too long with these parameters."),
    MetaError(132007, "The template violates a policy."),
    MetaError(132008, "A template parameter is malformed."),
    MetaError(132012, "A template parameter has the wrong format."),
    MetaError(132015, "The template is paused for low quality."),
    MetaError(132016, "The template is disabled for low quality."),
    MetaError(134102, "The template is unavailable on this endpoint."),
)

ERRORS = {row.code: row for row in _ROWS}
#: Graph API: 200 to 299 are all missing permissions.
PERMISSIONS = range(200, 300)


def lookup(code: int) -> MetaError | None:
    """The row of a code, for a failed status as for a refused send; None for a code we do not know."""
    if code in PERMISSIONS:
        return MetaError(code, "The token lacks a permission for this call.")
    return ERRORS.get(code)


def refusal(code: int | None, http_status: int, retry_after: str | None = None) -> ProviderError:
    """The error for an answer that is not a success. `code` is None where the body named none."""
    row = lookup(code) if code is not None else None
    if row is None:
        row = _by_status(code or 0, http_status)
    wait = row.retry_after_s
    if wait is not None and retry_after and RETRY_AFTER.match(retry_after):
        wait = min(max(wait, int(retry_after)), MAX_RETRY_AFTER_S)
    return ProviderError(
        row.sentence, provider_code=row.code, retry=row.retry, outcome=row.outcome, retry_after_s=wait
    )


def _by_status(code: int, http_status: int) -> MetaError:
    """A code we do not know, or none at all: a server error may have sent it, anything else did not."""
    if http_status >= SERVER_ERROR:
        sentence = f"Meta answered {http_status}; the message may have been sent."
        return MetaError(code, sentence, "possibly_sent")
    if http_status == TOO_MANY_REQUESTS and not code:
        return MetaError(code, "Meta answered 429: too many requests.", retry_after_s=60)
    named = f" with error {code}" if code else ""
    return MetaError(code, f"Meta refused the message with HTTP {http_status}{named}.")
