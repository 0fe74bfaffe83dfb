"""Refusals as Meta and Twilio write them, so that clients made for those understand them. `docs/gateway.md` has the
tables and says why each code was chosen.

Rules of the room: what must not be tried again blindly has neither a 5xx nor a 429, which clients repeat by themselves;
what was surely not sent and may work in a moment is a 503. Nothing the caller sent is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sayso.channels.graph_body import Refused
from sayso.core.gate import Verdict
from sayso.errors import (
    BodyTooLarge,
    Forbidden,
    InvalidAddress,
    InvalidRequest,
    MalformedBody,
    MethodNotAllowed,
    NotConfigured,
    NotFound,
    PermitExpired,
    ProviderError,
    SaysoError,
    Unauthorized,
    Unavailable,
)
from sayso.ports import SECOND
from sayso.telemetry import log
from sayso.web.call import Answer, Header, answer


@dataclass(frozen=True, slots=True)
class Said:
    """One refusal: HTTP status, Meta's code and title, Twilio's code and title."""

    status: int
    graph: int
    twilio: int


#: Meta, error codes: the title by which a code is known.
TITLES: Final[Mapping[int, str]] = {
    1: "An unknown error occurred", 10: "Application does not have permission for this action",
    100: "Invalid parameter", 190: "Invalid OAuth access token", 131000: "Something went wrong",
    131005: "Access denied", 131008: "Required parameter is missing", 131009: "Parameter value is not valid",
    131030: "Recipient phone number not in allowed list", 131047: "Re-engagement message",
    131049: "This message was not delivered to maintain healthy ecosystem engagement.",
    131050: "Unable to deliver the message. This recipient has chosen to stop receiving marketing messages on WhatsApp "
            "from your business",
    131051: "Unsupported message type", 131052: "Media download error",
    132001: "Template name does not exist in the translation",
    133004: "Server is temporarily unavailable",
}
#: Twilio, error dictionary.
TWILIO_TITLES: Final[Mapping[int, str]] = {
    20001: "Bad request", 20003: "Authenticate", 20403: "Forbidden", 20404: "The requested resource was not found",
    20500: "Internal server error", 20503: "Service unavailable", 21211: "Invalid 'To' Phone Number",
    21606: "The 'From' number is not a valid sender of this account",
    21608: "The number is unverified and cannot be sent to", 21610: "Attempt to send to unsubscribed recipient",
    21655: "The ContentSid is invalid", 63016: "Failed to send freeform message: outside the allowed window",
    63049: "Meta chose not to deliver this marketing message",
}
_NO: Final = Said(400, 131050, 21610)
_NEVER_YES: Final = Said(400, 131030, 21608)
_LATER: Final = Said(400, 131049, 63049)
#: Reason of the gate -> how it is said. What is not here never said yes either.
REASONS: Final[Mapping[str, Said]] = {
    "stopped_all": _NO, "stopped": _NO, "stopped_on_whatsapp": _NO, "suppressed": _NO, "erased": _NO,
    "paused": _LATER, "held_unclear": _LATER,
    "window_closed": Said(400, 131047, 63016),
    "no_purpose": Said(400, 131008, 20001), "no_class": Said(400, 131008, 21655),
}
#: What to do about it, where that is not plain from the reason.
ADVICE: Final[Mapping[str, str]] = {
    "no_purpose": "Say it in the header Sayso-Purpose, or name the template in [purposes.NAME] of sayso.toml.",
    "no_class": "Set waba_id in [connections.NAME] of sayso.toml and let the token read templates, or name the "
                "template in [purposes.NAME].",
}
_TEMPORARY: Final = Said(503, 133004, 20503)
_BAD: Final = Said(400, 100, 20001)
#: Error -> how it is said; the first that fits.
ERRORS: Final[tuple[tuple[type[SaysoError], Said], ...]] = (
    (Unauthorized, Said(401, 190, 20003)), (Forbidden, Said(403, 10, 20403)), (NotFound, Said(400, 100, 20404)),
    (MethodNotAllowed, Said(400, 100, 20404)), (InvalidAddress, Said(400, 131009, 21211)),
    (MalformedBody, _BAD), (BodyTooLarge, Said(413, 100, 20001)), (InvalidRequest, _BAD),
    (PermitExpired, _TEMPORARY), (Unavailable, _TEMPORARY), (NotConfigured, _TEMPORARY),
)
#: Nobody knows whether it was sent: no client may repeat it by itself.
_POSSIBLY: Final = Said(400, 131000, 20500)
_REFUSED_TO_TRY: Final = Said(400, 131005, 20403)
_OURS: Final = Said(500, 1, 20500)
RETRY_AFTER: Final[Header] = (b"retry-after", b"1")


def how(error: SaysoError) -> Said:
    """How an error is said."""
    if isinstance(error, ProviderError):
        if error.outcome == "possibly_sent":
            return _POSSIBLY
        return _TEMPORARY if error.retry else _REFUSED_TO_TRY
    if isinstance(error, Forbidden) and error.param in ("to", "To"):  # a test key and somebody's number
        return _NEVER_YES
    if isinstance(error, Refused):
        return Said(404 if error.graph_code == 132001 else 400, error.graph_code, 20001)
    if isinstance(error, NotFound) and error.param == "From":
        return Said(400, 100, 21606)
    return next((said for kind, said in ERRORS if isinstance(error, kind)), _OURS)


# -- Meta --------------------------------------------------------------------------------------------------------------


def graph_problem(error: BaseException, request_id: str, route: str) -> Answer:
    """Any error in the Graph API's shape."""
    known = _known(error, request_id, route)
    said = how(known)
    kind, subcode = ("GraphMethodException", 33) if isinstance(known, NotFound) else ("OAuthException", 0)
    return _graph(said, known.detail, known.code, request_id, kind=kind, subcode=subcode)


def graph_denied(verdict: Verdict, request_id: str, now: int) -> Answer:
    """The gate's no, in the Graph API's shape."""
    return _graph(REASONS.get(verdict.reason, _NEVER_YES), _sentence(verdict), verdict.reason, request_id,
                  more=_until(verdict), headers=_wait(verdict, now))


def _graph(said: Said, details: str, reason: str, request_id: str, *, kind: str = "OAuthException", subcode: int = 0,
           more: Mapping[str, Any] | None = None, headers: tuple[Header, ...] = ()) -> Answer:
    error: dict[str, Any] = {
        "message": f"(#{said.graph}) {TITLES[said.graph]}", "type": kind, "code": said.graph,
        "error_data": {"messaging_product": "whatsapp", "details": details, "reason": reason, **(more or {})},
        "fbtrace_id": request_id, "is_transient": said.status == 503,
    }
    if subcode:
        error["error_subcode"] = subcode
    return answer(said.status, {"error": error}, *_common(said, reason), *headers)


# -- Twilio ------------------------------------------------------------------------------------------------------------


def twilio_problem(error: BaseException, request_id: str, route: str) -> Answer:
    """Any error in Twilio's shape."""
    known = _known(error, request_id, route)
    said = how(known)
    status = 404 if isinstance(known, NotFound | MethodNotAllowed) and said.twilio == 20404 else said.status
    return _twilio(Said(status, said.graph, said.twilio), known.detail, known.code, request_id)


def twilio_denied(verdict: Verdict, request_id: str, now: int) -> Answer:
    """The gate's no, in Twilio's shape."""
    return _twilio(REASONS.get(verdict.reason, _NEVER_YES), _sentence(verdict), verdict.reason, request_id,
                   more=_until(verdict), headers=_wait(verdict, now))


def _twilio(said: Said, details: str, reason: str, request_id: str, *, more: Mapping[str, Any] | None = None,
            headers: tuple[Header, ...] = ()) -> Answer:
    title = TWILIO_TITLES[said.twilio]
    value = {
        "code": said.twilio, "message": f"{title}: {details}", "status": said.status,
        "more_info": f"https://www.twilio.com/docs/errors/{said.twilio}",
        "details": {"reason": reason, "request_id": request_id, **(more or {})},
    }
    return answer(said.status, value, *_common(said, reason), *headers)


# -- both --------------------------------------------------------------------------------------------------------------


def _known(error: BaseException, request_id: str, route: str) -> SaysoError:
    known = error if isinstance(error, SaysoError) else SaysoError()
    status = how(known).status
    if status in (401, 403):
        log("denied", code=known.code, route=route, request_id=request_id)
    elif status >= 500:
        log("failed", code=known.code, error=type(error).__name__, route=route, request_id=request_id)
    return known


def _sentence(verdict: Verdict) -> str:
    advice = ADVICE.get(verdict.reason)
    return f"{verdict.sentence} {advice}" if advice else verdict.sentence


def _until(verdict: Verdict) -> dict[str, Any]:
    return {"until": verdict.until} if verdict.until else {}


def _wait(verdict: Verdict, now: int) -> tuple[Header, ...]:
    seconds = (verdict.until - now) // SECOND + 1
    return ((b"retry-after", str(seconds).encode()),) if verdict.until > now else ()


def _common(said: Said, reason: str) -> tuple[Header, ...]:
    told: tuple[Header, ...] = ((b"sayso-reason", reason.encode()),)
    if said.status == 503:
        return (*told, RETRY_AFTER)
    return (*told, (b"www-authenticate", b'Bearer realm="sayso"')) if said.status == 401 else told
