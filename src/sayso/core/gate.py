"""The gate: the one place that decides whether a message may go.

Rules of the room: `TABLE` is read from the top and the first row that speaks decides; if none speaks, the answer is
deny. Single check, bulk check, redeem and Sayso's own outbox all call `decide`. Nothing here allows by default:
`allow` is the last row, and it needs a live grant or an open service window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from sayso.core import lifecycle
from sayso.core.events import OWN_CLOCK
from sayso.core.lifecycle import Mark, Standing
from sayso.core.purposes import ALL_MARKETING, ANY, CONSENT, EVERYTHING, Cell

#: Meta's customer service window: 24 hours from the person's last message (Cloud API, sending messages).
SERVICE_WINDOW: Final = 24 * 3600 * 1_000_000

#: Reason code -> the sentence people read. `docs/reasons.md` has a heading for each.
REASONS: Final[dict[str, str]] = {
    "granted": "The person said yes to this, and the yes stands.",
    "in_window": "The person wrote within the last 24 hours, so a reply is allowed.",
    "answers_event": "This message of Sayso's own answers something the person did.",
    "unknown_person": "Nobody with this address ever said yes.",
    "unreadable": "The person's record cannot be read, so nothing may be sent.",
    "erased": "The person asked to be erased and is left alone.",
    "suppressed": "This address said no before its data was erased.",
    "moved_away": "The person moved away from this address.",
    "stopped_all": "The person said stop to everything.",
    "stopped": "The person said stop to this kind of message.",
    "stopped_on_whatsapp": "The person stopped this business's marketing in WhatsApp itself.",
    "held_unclear": "The person wrote something that may mean stop; marketing waits until it is settled.",
    "paused": "The person asked for silence until a time.",
    "expired": "The yes has run out.",
    "pending": "The person was asked and has not said yes yet.",
    "no_consent": "The person never said yes to this.",
    "window_closed": "A free-form reply needs a message from the person within the last 24 hours.",
    "no_purpose": "It is not known what this message is for.",
    "no_class": "It is not known what kind of message this template is.",
    "unknown_purpose": "This purpose is not declared in the workspace.",
    "unknown_sender": "This sender is not declared in the workspace.",
    "invalid_address": "This is not a phone number or a WhatsApp user id.",
    "nothing_to_answer": "No event of the person calls for this message, or it was answered already.",
    "no_longer_due": "What this message was to answer has been overtaken by a later event.",
}


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """The gate's answer. `because` is the event it rests on; `until` (microseconds UTC) goes with `wait`; `person` and
    `epoch` say whose record was read and in which state.
    """

    verdict: Literal["allow", "deny", "wait"]
    reason: str
    sentence: str
    because: str = ""
    until: int = 0
    epoch: int = 0
    person: str = ""

    @property
    def allowed(self) -> bool:
        """True only for allow."""
        return self.verdict == "allow"

    def __bool__(self) -> bool:
        """The same: `if sayso.check(...)` must never read a deny as a yes."""
        return self.allowed


class Question(msgspec.Struct, frozen=True):
    """May this cell be messaged now? `free_form` is a message that is no template."""

    cell: Cell
    now: int
    free_form: bool = False


Row = Callable[[Standing, Question], Verdict | None]


def speak(verdict: Literal["allow", "deny", "wait"], reason: str, mark: Mark | None = None, until: int = 0) -> Verdict:
    """A verdict with its sentence."""
    return Verdict(verdict, reason, REASONS[reason], mark.event if mark else "", until)


def _unreadable(standing: Standing, _: Question) -> Verdict | None:
    return None if standing.readable else speak("deny", "unreadable")


def _stop(standing: Standing, question: Question) -> Verdict | None:
    if not standing.stops:
        return None
    mark = lifecycle.blocking(standing, question.cell)
    if mark is None or (question.cell.cls == "service" and _window_reopened(standing, question)):
        return None
    everything = mark.cell.purpose == ANY and mark.cell.sender == ANY and mark.cell.cls == ANY
    return speak("deny", "stopped_all" if everything else "stopped", mark)


def _native(standing: Standing, question: Question) -> Verdict | None:
    mark = next((m for m in standing.native if m.cell.covers(question.cell)), None)
    return speak("deny", "stopped_on_whatsapp", mark) if mark else None


def _hold(standing: Standing, question: Question) -> Verdict | None:
    if not standing.holds:
        return None
    mark = lifecycle.holding(standing, question.cell)
    return speak("deny", "held_unclear", mark) if mark else None


def _pause(standing: Standing, question: Question) -> Verdict | None:
    live = [m for m in standing.pauses if m.cell.covers(question.cell) and m.until > question.now]
    longest = max(live, key=lambda m: m.until, default=None)
    return speak("wait", "paused", longest, longest.until) if longest else None


def _service(standing: Standing, question: Question) -> Verdict | None:
    """Free-form service is allowed by the person's own message, not by a grant."""
    if question.cell.cls != "service":
        return None
    return speak("allow", "in_window") if _in_window(standing, question) else speak("deny", "window_closed")


def _consent(standing: Standing, question: Question) -> Verdict | None:
    grant = lifecycle.grant_of(standing, question.cell)
    if grant is not None and (not grant.until or grant.until > question.now):
        if question.free_form and not _in_window(standing, question):
            return speak("deny", "window_closed", grant)
        return speak("allow", "granted", grant)
    asked = lifecycle.pending_for(standing, question.cell, question.now)
    if asked is not None:
        return Verdict("deny", "pending", REASONS["pending"], asked.request)
    if grant is not None:
        return speak("deny", "expired", grant)
    return speak("deny", "no_consent")


#: The order of design section 5. Country rules, frequency caps and quiet hours take their rows before `_service`.
TABLE: Final[tuple[Row, ...]] = (_unreadable, _stop, _native, _hold, _pause, _service, _consent)


def decide(standing: Standing, question: Question) -> Verdict:
    """The first row of TABLE that speaks. No row speaking, or an error in one, is a deny: there is no default allow."""
    try:
        for row in TABLE:
            verdict = row(standing, question)
            if verdict is not None:
                return verdict
    except Exception:  # noqa: BLE001 - whatever it is, nobody gets a message because of it
        return speak("deny", "unreadable")
    return speak("deny", "no_consent")


def changes_at(standing: Standing, now: int) -> int:
    """The first moment after `now` at which time alone may change an answer about this standing; 0 for never. Until
    then every question about a template message, in whatever cell, has the answer it has now.
    """
    times = [mark.until for mark in (*standing.grants, *standing.pauses)]
    times += [asked.until + 1 for asked in standing.pending]
    for _, opened in standing.windows:
        times += (opened + SERVICE_WINDOW, opened - lifecycle.SKEW)
    return min((time for time in times if time > now), default=0)


def _in_window(standing: Standing, question: Question) -> bool:
    opened = dict(standing.windows).get(question.cell.sender, 0)
    return question.now - SERVICE_WINDOW < opened <= question.now + lifecycle.SKEW


def _window_reopened(standing: Standing, question: Question) -> bool:
    """A message written after every stop opens the window again; it is the person who speaks first."""
    opened = dict(standing.windows).get(question.cell.sender, 0)
    stops = [stop for stop in standing.stops if stop.cell.covers(question.cell)]
    margins = [lifecycle.SKEW if stop.clock == OWN_CLOCK else 0 for stop in stops]  # the provider stamps windows
    return _in_window(standing, question) and all(
        opened > stop.at + margin for stop, margin in zip(stops, margins, strict=True))


#: Sayso's own messages (class `consent`): kind -> the facts it may answer. Not in the table = never sent.
OWN: Final[dict[str, frozenset[str]]] = {
    "prompt": frozenset({"opt_in_requested"}),
    "reminder": frozenset({"opt_in_requested"}),
    "welcome": frozenset({"said_yes"}),
    "declined": frozenset({"said_no"}),
    "stop_confirmation": frozenset({"said_stop", "said_no"}),
    "clarify": frozenset({"stop_suspected"}),
    "kept": frozenset({"hold_released"}),
    "help": frozenset({"spoke"}),
    "status": frozenset({"spoke"}),
    "topics": frozenset({"spoke"}),
    "data": frozenset({"spoke"}),
    "pause": frozenset({"paused"}),
    "pause_over": frozenset({"pause_ended"}),
}


def decide_own(standing: Standing, kind: str, answers: str, answers_type: str, now: int,
               cells: tuple[Cell, ...] = (), asked: tuple[int, str] = (0, "")) -> Verdict:
    """May Sayso send this message of its own? `answers` is the event it replies to, `cells` what that is about, `asked`
    its time and clock.

    A prompt needs its request still open; a welcome its grant still standing; a stop confirmation that nothing
    it covers was granted again. Everything else is not said any more once the person left: the confirmation of that is
    the last word.
    """
    if not standing.readable:
        return speak("deny", "unreadable")
    if answers_type not in OWN.get(kind, frozenset()):
        return speak("deny", "nothing_to_answer")
    if kind in ("prompt", "reminder"):
        due = any(item.request == answers and item.until >= now for item in standing.pending)
    elif kind == "welcome":
        due = any(lifecycle.grant_of(standing, cell) is not None for cell in cells)
    elif kind == "clarify":
        stopped = lifecycle.blocking(standing, ALL_MARKETING) and not lifecycle.stands_under(standing, ALL_MARKETING)
        due = any(mark.event == answers for mark in standing.holds) and not stopped
    elif kind == "pause":
        due = any(mark.event == answers for mark in standing.pauses)
    elif kind == "stop_confirmation":
        due = not any(lifecycle.stands_under(standing, cell) for cell in cells)
    else:
        due = True
    if not due or (kind != "stop_confirmation" and _left_since(standing, *asked)):
        return speak("deny", "no_longer_due")
    return Verdict("allow", "answers_event", REASONS["answers_event"], answers)


def _left_since(standing: Standing, at: int, clock: str) -> bool:
    """True if the person said stop to everything surely after this time, and has not come back."""
    return bool(at) and any(
        mark.cell == EVERYTHING and lifecycle.later(mark.at, mark.clock, at, clock)
        and not lifecycle.stands_under(standing, mark.cell) for mark in standing.stops)


CONSENT_CELL: Final = Cell(ANY, ANY, CONSENT)
