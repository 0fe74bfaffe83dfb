"""The route table: every path, who may use it, what goes in, what comes out. Routing, permission, body check and
`/openapi.json` are all drawn from it; what is not in it is not there.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec

from sayso.core.proof_of_work import Challenge
from sayso.errors import NotFound
from sayso.flows.entries import Statistics
from sayso.flows.incidents import Incidents
from sayso.flows.notices import Difference, Published
from sayso.flows.receivers import Replay
from sayso.web import (
    api,
    audience,
    bulk,
    consents,
    entries,
    health,
    hooks,
    hot,
    notices,
    page_schemas,
    pages,
    preferences,
    receivers,
    records,
    review,
    rights,
    schemas,
    twilio,
    widget,
)
from sayso.web.call import MAX_BODY, Answer, Call
from sayso.web.problems import Problem, WrongMethod

Speaks = Literal["sayso", "graph", "twilio"]
Handler = Callable[[Call], Awaitable[Answer]]

#: The permission of a route that asks for no API key. Webhooks prove themselves by their signature.
PUBLIC: Final = "public"
HTML: Final = "text/html"
SCRIPT: Final = "text/javascript"
FORM: Final = "application/x-www-form-urlencoded"
#: 10,000 addresses of the longest kind, with quotes and commas.
MAX_BULK_BODY: Final = 2 * 1024 * 1024
#: What may stand in a part of a path; nothing personal does.
SEGMENT: Final = "[A-Za-z0-9_-]{1,160}"
#: Parts of other shapes: a version of the Graph API (ours are /v1/ and so on, without a dot), and whatever follows it.
PARTS: Final = {"version": r"v[0-9]{1,3}\.[0-9]{1,2}", "path": r".{0,400}"}
#: Longest path looked at.
MAX_PATH: Final = 512


@dataclass(frozen=True, slots=True)
class Route:
    """One line of the table. `answers` are the statuses that are no error, each with its shape or None for bytes
    that are no JSON. `idempotent`: the Idempotency-Key header is honoured.
    """

    method: str
    path: str
    permission: str
    handler: Handler
    summary: str
    answers: Mapping[int, Any]
    request: type[Any] | None = None
    query: type[Any] | None = None
    idempotent: bool = False
    limit: int = MAX_BODY
    #: What an answer is that is no JSON, and a body that the handler reads by itself.
    media: str = "text/plain"
    takes: str = ""
    #: Whose API this is: how the key is sent, and how an error is told.
    speaks: Speaks = "sayso"
    #: "POST /v1/permits", the name of the route in metrics, logs and idempotency.
    name: str = field(init=False, default="")
    decoder: Callable[[bytes], Any] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", f"{self.method} {self.path}")
        if self.request is not None:
            object.__setattr__(self, "decoder", msgspec.json.Decoder(self.request).decode)


TABLE: Final[tuple[Route, ...]] = (
    # -- the gate
    Route("POST", "/v1/check", "check", hot.check, "May this message be sent? Advisory.",
          {200: schemas.Checked}, schemas.CheckRequest),
    Route("POST", "/v1/check/bulk", "check", bulk.bulk, "The same question for up to 10,000 addresses.",
          {200: schemas.BulkChecked}, schemas.BulkRequest, limit=MAX_BULK_BODY),
    Route("POST", "/v1/permits", "send", api.issue, "Ask for the right to send one message.",
          {200: schemas.PermitIssued, 201: schemas.PermitIssued}, schemas.CheckRequest, idempotent=True),
    Route("POST", "/v1/permits/{permit}/redeem", "send", api.redeem, "The last look, immediately before the wire.",
          {200: schemas.PermitRedeemed}),
    Route("POST", "/v1/permits/{permit}/done", "send", api.done, "Say what became of a redeemed permit.",
          {200: schemas.PermitDone}, schemas.DoneRequest, idempotent=True),
    Route("POST", "/v1/audience", "send", audience.page, "Who may be messaged for a purpose now, page by page.",
          {200: audience.AudiencePage}, audience.AudienceRequest),
    # -- coming and going
    Route("POST", "/v1/opt-ins", "consent", api.begin_opt_in, "Begin a double opt-in. It grants nothing.",
          {202: schemas.OptInBegun}, schemas.OptInRequest, idempotent=True),
    Route("POST", "/v1/opt-outs", "consent", api.record_opt_out, "Record a stop and wait for its drain.",
          {200: schemas.OptOutRecorded, 202: schemas.OptOutRecorded}, schemas.OptOutRequest, idempotent=True),
    Route("POST", "/v1/consents", "consent", consents.record_consent, "Record a yes given elsewhere, with its proof.",
          {200: consents.ConsentRecorded, 201: consents.ConsentRecorded}, consents.ConsentRequest, idempotent=True,
          limit=consents.MAX_BODY),
    # -- entry points, and the questions nobody answered yet
    Route("GET", "/v1/entries", "read", entries.list_entries, "Entry points, with their codes and links.",
          {200: entries.Entries}),
    Route("GET", "/v1/entries/{entry}/stats", "read", entries.show_stats, "What became of those who began there.",
          {200: Statistics}, query=entries.StatsQuery),
    Route("GET", "/v1/entries/{entry}/qr", "read", entries.show_code, "Its QR code, as SVG or PNG.", {200: None},
          query=entries.QrQuery, media="image/svg+xml"),
    Route("POST", "/v1/entries/{entry}/placements", "consent", entries.make_placement,
          "A code of its own for one more place.", {200: entries.Placed}, entries.PlacementRequest),
    Route("GET", "/v1/pending", "read", entries.list_pending, "Who was asked and has not answered, newest first.",
          {200: entries.PendingPage}, query=entries.PendingQuery),
    Route("POST", "/v1/pending/{request}/resend", "consent", entries.resend, "Ask once more.",
          {202: entries.AskedAgain}),
    # -- looking
    Route("POST", "/v1/people/lookup", "read", records.look_up, "Where a person stands, and why.",
          {200: schemas.PersonShown}, schemas.LookupRequest),
    Route("POST", "/v1/people/link", "consent", rights.make_link, "The private address of a preference page.",
          {200: rights.LinkMade}, rights.LinkRequest),
    Route("POST", "/v1/people/export", "admin", rights.give_everything, "Everything recorded of a person.",
          {200: rights.Exported}, rights.ExportRequest),
    Route("GET", "/v1/events", "read", records.list_events, "The ledger, page by page.",
          {200: schemas.EventsPage}, query=schemas.EventsQuery),
    Route("POST", "/v1/receipts", "read", records.give_receipt, "The proof of one yes.",
          {200: schemas.ReceiptShown, 202: Problem}, schemas.ReceiptRequest),
    Route("GET", "/v1/imports", "read", consents.show_imports, "Imports of lists, newest first.",
          {200: consents.Imports}),
    Route("GET", "/v1/outbox", "read", records.show_outbox, "What Sayso owes, newest first.", {200: schemas.Outbox}),
    Route("GET", "/v1/unhandled", "read", records.show_unhandled, "Webhook items nobody could use, newest first.",
          {200: schemas.UnusedItems}),
    # -- what waits for a decision
    Route("GET", "/v1/held", "read", review.list_held, "Messages that may mean stop, oldest first.",
          {200: review.HeldMessages}, query=review.HeldQuery),
    Route("POST", "/v1/held", "consent", review.decide_held, "It was no stop, or it was one.",
          {200: review.Decided}, review.Decision),
    Route("GET", "/v1/breaker", "read", review.show_breaker, "Stops that a provider reported in bulk.",
          {200: review.BreakerShown}),
    Route("POST", "/v1/breaker", "admin", review.judge_breaker, "They are right, or the provider was wrong.",
          {200: review.Judged}, review.Judgement),
    Route("GET", "/v1/reasons", "read", review.count_reasons, "Why people left.", {200: review.Reasons},
          query=review.ReasonsQuery),
    # -- webhooks out, and what went wrong quietly
    Route("GET", "/v1/webhooks", "read", receivers.list_webhooks, "Webhooks out, and how each of them does.",
          {200: receivers.WebhookList}),
    Route("POST", "/v1/webhooks/{webhook}/replay", "admin", receivers.replay, "Tell it a range once more.",
          {202: Replay}, receivers.ReplayRequest),
    Route("POST", "/v1/webhooks/{webhook}/enable", "admin", receivers.enable, "Call a disabled webhook again.",
          {200: receivers.Enabled}),
    Route("GET", "/v1/incidents", "read", receivers.list_incidents, "What went wrong quietly, newest first.",
          {200: Incidents}, query=receivers.IncidentsQuery),
    Route("POST", "/v1/incidents/{incident}/acknowledge", "admin", receivers.acknowledge, "Somebody looked at it.",
          {200: receivers.Acknowledged}, receivers.NoteRequest),
    # -- wordings
    Route("GET", "/v1/notices", "read", notices.list_notices, "Notices in force, and drafts.",
          {200: notices.NoticeList}),
    Route("GET", "/v1/notices/{notice}", "read", notices.show_notice, "A notice, word for word.",
          {200: notices.NoticeShown}),
    Route("GET", "/v1/notices/{notice}/history", "read", notices.show_history, "Every version of a notice.",
          {200: notices.NoticeHistory}),
    Route("GET", "/v1/notices/{notice}/diff", "read", notices.show_difference, "Two versions side by side.",
          {200: Difference}, query=notices.DiffQuery),
    Route("POST", "/v1/notices/{notice}/draft", "admin", notices.keep_draft, "Write a wording; nobody sees it yet.",
          {200: notices.DraftKept}, notices.DraftRequest, idempotent=True),
    Route("POST", "/v1/notices/{notice}/discard", "admin", notices.discard_draft, "Throw drafts away.",
          {200: notices.Discarded}, notices.DiscardRequest, idempotent=True),
    Route("POST", "/v1/notices/{notice}/publish", "admin", notices.publish, "Put the drafts in force, for ever.",
          {201: Published}, notices.PublishRequest, idempotent=True),
    Route("POST", "/v1/notices/{notice}/retire", "admin", notices.retire, "Take a notice out of force.",
          {200: notices.Retired, 422: Problem}),
    Route("POST", "/v1/lint", "read", notices.lint, "What to mend in a wording.",
          {200: notices.LintShown, 404: Problem}, notices.LintRequest),
    # -- webhooks in
    Route("GET", "/hooks/meta/{hook}", PUBLIC, hooks.meta_handshake, "Meta's subscription handshake.", {200: None}),
    Route("POST", "/hooks/meta/{hook}", PUBLIC, hooks.meta_delivery, "Meta's deliveries, signed.", {200: dict}),
    Route("POST", "/hooks/twilio/{hook}", PUBLIC, twilio.delivery, "Twilio's deliveries, signed.", {200: None}),
    # -- pages and widget, for everybody
    Route("GET", "/o/{workspace}/{entry}", PUBLIC, pages.show, "The landing page of an entry point.",
          {200: None, 404: None}, media=HTML),
    Route("POST", "/o/{workspace}/{entry}", PUBLIC, pages.take, "The landing page's form.",
          {200: None, 303: None, 404: None, 422: None, 503: None}, media=HTML, takes=FORM),
    Route("GET", "/o/{code}", PUBLIC, pages.by_code, "A short address on paper.", {303: None, 404: None}, media=HTML),
    Route("GET", "/w/1.js", PUBLIC, widget.script, "The widget.", {200: None}, media=SCRIPT),
    Route("GET", f"/w/{widget.VERSION}.js", PUBLIC, widget.fixed_script, "The widget of this version, for ever.",
          {200: None}, media=SCRIPT),
    Route("GET", "/w/1.json", PUBLIC, widget.versions, "The widget's version and hash.",
          {200: page_schemas.WidgetVersion}),
    Route("GET", "/w/page.js", PUBLIC, widget.page_script, "The landing page's script.", {200: None}, media=SCRIPT),
    Route("GET", "/w/page.css", PUBLIC, widget.page_style, "The landing page's stylesheet.", {200: None},
          media="text/css"),
    Route("GET", "/p/{token}", PUBLIC, preferences.show, "Somebody's preference page.", {200: None, 404: None},
          media=HTML),
    Route("POST", "/p/{token}", PUBLIC, preferences.take, "The preference page's forms, and the one-click stop.",
          {200: None, 202: None, 303: None, 404: None, 503: None}, media=HTML, takes=FORM),
    Route("GET", "/w/preferences.css", PUBLIC, widget.preference_style, "The preference page's stylesheet.",
          {200: None}, media="text/css"),
    Route("GET", "/w/challenge", PUBLIC, widget.challenge, "A proof of work to solve, as ALTCHA writes it.",
          {200: Challenge}, query=page_schemas.ChallengeQuery),
    Route("GET", "/w/entry/{workspace}/{entry}.json", PUBLIC, widget.describe, "What the widget shows.",
          {200: page_schemas.WidgetShown}, query=page_schemas.WidgetQuery),
    Route("OPTIONS", "/w/entry/{workspace}/{entry}", PUBLIC, widget.preflight, "May this website send the form?",
          {204: None}),
    Route("POST", "/w/entry/{workspace}/{entry}", PUBLIC, widget.take, "The widget's form.",
          {202: page_schemas.PageTaken}, page_schemas.PageForm),
    Route("GET", "/.well-known/gpc.json", PUBLIC, widget.privacy_signal, "Global Privacy Control is honoured.",
          {200: dict}),
    # -- the house itself
    Route("GET", "/livez", PUBLIC, health.live, "The process answers.", {200: schemas.Alive}),
    Route("GET", "/readyz", PUBLIC, health.ready, "The process can record.", {200: schemas.Ready}),
    Route("GET", "/openapi.json", PUBLIC, health.openapi, "This description.", {200: dict}),
)
METRICS: Final = Route("GET", "/metrics", PUBLIC, health.metrics, "Numbers for Prometheus.", {200: None})


@dataclass(frozen=True, slots=True)
class Methods:
    """What there is at one path: its routes by method, and whose API they speak."""

    speaks: Speaks
    routes: dict[str, Route]

    def route(self, method: str) -> Route:
        """The route for a method. Raises WrongMethod."""
        found = self.routes.get(method)
        if found is None:
            raise WrongMethod(sorted(self.routes))
        return found


class Finder:
    """Finds what is at a path: a dictionary for plain paths, a pattern for those with parts. The first that fits."""

    def __init__(self, table: tuple[Route, ...]) -> None:
        self._plain: dict[str, Methods] = {}
        patterns: dict[str, Methods] = {}
        for route in table:
            found = patterns if "{" in route.path else self._plain
            methods = found.setdefault(route.path, Methods(route.speaks, {})).routes
            methods[route.method] = route
            if route.method == "GET":
                methods["HEAD"] = route  # RFC 9110 section 9.3.2: as GET, without the body
        self._patterns = [(pattern_of(path), methods) for path, methods in patterns.items()]

    def find(self, path: str) -> tuple[Methods, Mapping[str, str]]:
        """What is at a path, and the parts of it. Raises NotFound."""
        methods = self._plain.get(path)
        if methods is not None:
            return methods, {}
        for pattern, methods in self._patterns:
            found = pattern.match(path) if len(path) <= MAX_PATH else None
            if found:
                return methods, found.groupdict()
        raise NotFound("There is nothing at this path.")


def pattern_of(path: str) -> re.Pattern[str]:
    """The pattern of a path with parts in braces."""
    return re.compile(re.sub(r"\\{(\w+)\\}", lambda part: f"(?P<{part[1]}>{PARTS.get(part[1], SEGMENT)})",
                             re.escape(path)) + r"\Z")
