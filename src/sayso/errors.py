"""Every error Sayso raises: a stable code, one sentence, the HTTP status it becomes, and whether a retry helps.

Rules of the room: nothing here imports Sayso; an error never carries a phone number, a message text or a secret.
`docs/errors.md` has a heading for each code.
"""

from __future__ import annotations


class SaysoError(Exception):
    """The parent of all. `detail` says what to do; `param` names the field at fault where there is one."""

    code = "internal"
    title = "Something went wrong inside Sayso"
    status = 500
    retry = False

    def __init__(self, detail: str | None = None, *, param: str | None = None) -> None:
        self.detail = detail or self.title
        self.param = param
        super().__init__(self.detail)


class InvalidRequest(SaysoError):
    """A field is missing, unknown, too long or of the wrong kind."""

    code, title, status = "invalid_request", "The request does not have the right form", 422


class MalformedBody(SaysoError):
    """The body is not JSON, or is nested too deep."""

    code, title, status = "malformed_body", "The body is not valid JSON", 400


class BodyTooLarge(SaysoError):
    """The body is over the limit of this route."""

    code, title, status = "body_too_large", "The body is larger than this route takes", 413


class InvalidAddress(InvalidRequest):
    """Neither a phone number in international form nor a business-scoped user id."""

    code, title = "invalid_address", "This is not a phone number or a WhatsApp user id"


class UnknownPurpose(InvalidRequest):
    """The purpose is not declared in this workspace."""

    code, title = "unknown_purpose", "This purpose is not declared in the workspace"


class UnknownSender(InvalidRequest):
    """The sender is not declared in this workspace."""

    code, title = "unknown_sender", "This sender is not declared in the workspace"


class UnknownEntry(InvalidRequest):
    """The entry point is not declared in this workspace."""

    code, title = "unknown_entry", "This entry point is not declared in the workspace"


class EvidenceMissing(InvalidRequest):
    """A yes or a request without what proves it."""

    code, title = "evidence_missing", "The evidence for this is missing"


class TemplateMissing(InvalidRequest):
    """Outside the 24 h window only a template may ask, and none is configured."""

    code, title = "template_missing", "No template is configured to ask outside the 24 hour window"


class NoticeRefused(InvalidRequest):
    """A wording deceives, or lacks something and nobody gave a reason; lint says what to mend."""

    code, title = "notice_refused", "This wording cannot be published"


class NotFound(SaysoError):
    """No such thing in this workspace."""

    code, title, status = "not_found", "There is no such thing in this workspace", 404


class UnknownLink(NotFound):
    """A private link that this installation did not make, or made with a key it no longer has."""

    code, title = "unknown_link", "This link is not one of ours"


class MethodNotAllowed(SaysoError):
    """The route exists, the method does not."""

    code, title, status = "method_not_allowed", "This route does not take that method", 405


class Unauthorized(SaysoError):
    """No API key, or not one of ours."""

    code, title, status = "unauthorized", "A valid API key is needed", 401


class Forbidden(SaysoError):
    """The key is valid and its scopes do not cover this."""

    code, title, status = "forbidden", "This API key may not do that", 403


class BadSignature(SaysoError):
    """The webhook's signature is missing or wrong; nothing was stored."""

    code, title, status = "bad_signature", "The signature does not match", 401


class NotConfigured(SaysoError):
    """Something the operator must set before this can work."""

    code, title, status, retry = "not_configured", "This is not configured yet", 503, True


class IdempotencyMismatch(SaysoError):
    """The same idempotency key came with another body."""

    code, title, status = "idempotency_mismatch", "This idempotency key was used with another request", 422


class PermitStale(SaysoError):
    """The person's record moved on since the permit was issued; the verdict may still be allow. Ask again."""

    code, title, status, retry = "permit_stale", "The record changed since this permit was issued", 409, True


class PermitSpent(SaysoError):
    """A permit is the right to send one message once."""

    code, title, status = "permit_spent", "This permit was already redeemed", 409


class PermitExpired(SaysoError):
    """The permit was not redeemed in time, or the write would begin past its deadline."""

    code, title, status, retry = "permit_expired", "This permit is past its time", 409, True


class NotAskedAgain(SaysoError):
    """The question was answered, ran out, was asked too recently or twice already, or a stop covers it."""

    code, title, status = "not_asked_again", "This question is not asked again", 409


class Limited(SaysoError):
    """Too many questions were asked: of this number, or by this workspace altogether."""

    code, title, status, retry = "limited", "Too many questions were asked for now", 429, True


class Unavailable(SaysoError):
    """The database is locked, full or gone. Nothing was recorded."""

    code, title, status, retry = "unavailable", "The store cannot record this now; nothing was recorded", 503, True


class ConfigError(SaysoError):
    """A setting is wrong, and Sayso does not start on a guess; or a sayso.toml is, and it is not applied."""

    code, title = "config_error", "The configuration is wrong"


class KeyProblem(SaysoError):
    """The key file is missing, unreadable, or not the one this database was made with."""

    code, title = "key_problem", "The keys do not fit this database"


class SchemaTooNew(SaysoError):
    """The database was written by a newer Sayso."""

    code, title = "schema_too_new", "This database belongs to a newer Sayso"


class IntegrityError(SaysoError):
    """Stored data does not match the ledger."""

    code, title = "integrity", "The stored data does not match the ledger"


class ProviderError(SaysoError):
    """A provider refused or failed a call. `provider_code` is the provider's own number, 0 when there is none.

    `outcome` is what we know of the message: `not_sent`, `possibly_sent` (never retried blindly), or that the person
    left: `opted_out` (WhatsApp's own switch), `stopped_marketing`, `stopped_all`.
    """

    code, title, status = "provider_error", "The provider refused the message", 502

    def __init__(self, detail: str, *, provider_code: int = 0, retry: bool = False,
                 outcome: str = "not_sent", retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.provider_code = provider_code
        self.retry = retry
        self.outcome = outcome
        self.retry_after_s = retry_after_s
