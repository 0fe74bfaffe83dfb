"""The Graph API's errors: the codes a sender meets, in Meta's two shapes (an HTTP answer, or a failed
status).

Codes, wording and HTTP statuses follow Meta's error-codes page; `details` are our own sentences. A code in no
row here cannot be asked for.
"""

from __future__ import annotations

from typing import Any

HREF = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes/"
# Meta repeats these two as title, message and details.
STOPPED = ("Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on "
           "WhatsApp from your business")
ENGAGEMENT = "This message was not delivered to maintain healthy ecosystem engagement."

# code -> (HTTP status of the synchronous form, title, details)
CATALOGUE: dict[int, tuple[int, str, str]] = {
    4: (400, "Application request limit reached", "The app made too many calls."),
    100: (400, "Invalid parameter", "A parameter is missing, misspelt or of the wrong kind."),
    190: (401, "Invalid OAuth access token", "The access token is missing, wrong or expired."),
    368: (403, "Temporarily blocked for policies violations", "The business account is restricted."),
    130403: (400, "Blocked by business", "The recipient is on the business's own block list."),
    130429: (400, "Rate limit hit", "Cloud API message throughput has been reached."),
    130472: (400, "User's number is part of an experiment", "The message was held back by an experiment."),
    131000: (500, "Something went wrong", "The message may or may not have been sent."),
    131005: (403, "Access denied", "Permission is missing or was removed."),
    131008: (400, "Required parameter is missing", "A required parameter is missing."),
    131009: (400, "Parameter value is not valid", "A parameter has a value that is not allowed."),
    131016: (500, "Service unavailable", "A service is temporarily unavailable."),
    131021: (400, "Recipient cannot be sender", "The business cannot message its own number."),
    131026: (400, "Message undeliverable", "The message could not be delivered to this recipient."),
    131030: (400, "Recipient phone number not in allowed list", "Test numbers reach only listed recipients."),
    131031: (403, "Account has been locked", "The business account is locked."),
    131042: (400, "Business eligibility payment issue", "There is a problem with the payment method."),
    131047: (400, "Re-engagement message",
             "More than 24 hours have passed since this person last wrote; send a template instead."),
    131048: (400, "Spam rate limit hit", "Too many earlier messages were blocked or reported."),
    131049: (400, ENGAGEMENT, ENGAGEMENT),
    131050: (400, STOPPED, STOPPED),
    131051: (400, "Unsupported message type", "This message type is not supported."),
    131055: (400, "Method not allowed", "This endpoint takes marketing templates only."),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit",
             "Too many messages to the same person in a short time."),
    131057: (500, "Account in maintenance mode", "The account is in maintenance mode."),
    131062: (400, "Business-scoped User ID (BSUID) recipients are not supported for this message.",
             "Authentication templates need a phone number."),
    132000: (400, "Number of parameters does not match the expected number of params",
             "The template has another number of variables."),
    132001: (404, "Template name does not exist in the translation", "No approved template has this name."),
    132015: (400, "Template is Paused", "The template is paused because of low quality."),
}


class GraphError(Exception):
    """A refusal on the wire. `text` and `subcode` replace the catalogue's where Meta words it otherwise."""

    def __init__(self, code: int, details: str = "", *, text: str = "", status: int = 0,
                 kind: str = "OAuthException", subcode: int = 0) -> None:
        http, title, usual = CATALOGUE.get(code, (400, "Invalid parameter", ""))
        self.code, self.status, self.kind, self.subcode = code, status or http, kind, subcode
        self.details = details or usual
        self.text = text or f"(#{code}) {title}"
        super().__init__(self.text)

    def body(self, trace_id: str) -> dict[str, Any]:
        """The JSON of the HTTP answer."""
        error: dict[str, Any] = {"message": self.text, "type": self.kind, "code": self.code}
        if self.subcode:
            error["error_subcode"] = self.subcode
        else:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        error["fbtrace_id"] = trace_id
        return {"error": error}


def as_status(code: int) -> dict[str, Any]:
    """The same error as it stands in `statuses[].errors[]`."""
    _, title, details = CATALOGUE[code]
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}, "href": HREF}
