"""Errors on the wire: the one function that builds them (RFC 9457, application/problem+json).

Rules of the room: what we did not foresee becomes a 500 that says nothing but its request id; the log gets the kind
of error and where, never its text, for that may hold what the client sent.
"""

from __future__ import annotations

from typing import Final

import msgspec

from sayso.errors import MethodNotAllowed, SaysoError
from sayso.telemetry import log
from sayso.web.call import Answer, Header

PROBLEM: Final = b"application/problem+json"
#: When to come back after a failure that passes by itself, seconds.
RETRY_AFTER: Final = b"1"

_encode = msgspec.json.Encoder().encode


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What every error looks like. `code` is stable and has a heading in the docs; `param` is the field at fault as a
    dotted path; `retry` says whether the same request can succeed later.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    param: str | None
    request_id: str
    retry: bool


class WrongMethod(MethodNotAllowed):
    """Carries what the route does take."""

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"This route takes {', '.join(allowed)}.")
        self.allowed = allowed


def answer_for(error: BaseException, request_id: str, route: str) -> Answer:
    """The answer to any error, logged where somebody should look at it."""
    known = error if isinstance(error, SaysoError) else SaysoError()
    if known.status in (401, 403):
        log("denied", code=known.code, route=route, request_id=request_id)
    elif known.status >= 500:
        log("failed", code=known.code, error=type(error).__name__, route=route, request_id=request_id)
    problem = Problem(
        type=f"urn:sayso:error:{known.code}", title=known.title, status=known.status, detail=known.detail,
        code=known.code, param=known.param, request_id=request_id, retry=known.retry,
    )
    return Answer(known.status, _encode(problem), PROBLEM, _headers(known))


def _headers(error: SaysoError) -> tuple[Header, ...]:
    if isinstance(error, WrongMethod):
        return ((b"allow", ", ".join(error.allowed).encode()),)  # RFC 9110 section 15.5.6: 405 names what is allowed
    if error.status == 401 and error.code == "unauthorized":
        return ((b"www-authenticate", b'Bearer realm="sayso"'),)  # RFC 9110 section 15.5.2
    if error.status in (202, 503):
        return ((b"retry-after", RETRY_AFTER),)
    return ()
