"""The outbox: claim what is due, look once more, hand it to the provider, record what became of it.

Rules of the room: each send is a permit of class `consent`, so a stop drains Sayso's own messages like any other. A
row is claimed for a while; a worker that dies after the last look leaves it *possibly sent*, and that is never tried
again blindly. What cannot be sent for good is parked and shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sayso.channels.base import Outbound, OutTemplate, Sent
from sayso.core import events, gate
from sayso.core.events import Event
from sayso.core.identity import Address
from sayso.core.purposes import CONSENT
from sayso.core.workspace import Sender, Workspace
from sayso.errors import IntegrityError, KeyProblem, PermitExpired, ProviderError, SaysoError
from sayso.flows import messages, people, permits
from sayso.flows.kit import Kit
from sayso.flows.opt_in import in_window
from sayso.flows.opt_out import DRAIN_MARGIN, in_flight, refused, silent_by
from sayso.flows.owe import owe
from sayso.flows.record import Person, append, facts_of, person_by_id, tell
from sayso.ports import HOUR, SECOND
from sayso.store.base import Store, Tx

#: Waits between tries of a message that was surely not sent; after the last one it is parked.
RETRY_AFTER: Final = (5 * SECOND, 30 * SECOND, 120 * SECOND, 600 * SECOND, HOUR)
#: How long a claimed row belongs to its worker.
CLAIM: Final = 60 * SECOND
#: Rows claimed at a time.
BATCH: Final = 20
#: How often a confirmation looks whether its drain is over, and how often if that takes longer than a drain can.
DRAIN_LOOK: Final = 50_000
LONG_LOOK: Final = SECOND

Send = Callable[[Workspace, Sender, Address, Outbound, str, Callable[[], None]], Sent]


@dataclass(frozen=True, slots=True)
class Claim:
    """A row this worker holds."""

    ws: str
    row: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message with its permit spent: the call must begin before `deadline`, steady microseconds."""

    claim: Claim
    workspace: Workspace
    sender: Sender
    person: str
    kind: str
    request: str
    to: Address
    message: Outbound
    permit: str
    attempts: int
    deadline: int


def claim(tx: Tx) -> list[Claim]:
    """Take what is due, and what a dead worker left behind."""
    now, mine = tx.now(), []
    for ws, row, *_ in tx.rows("due_outbox", now=now, limit=BATCH):
        if tx.run("claim_outbox", ws=ws, outbox=row, now=now, until=now + CLAIM):
            mine.append(Claim(ws, row))
    return mine


def work(store: Store, kit: Kit, workspace_of: Callable[[str], Workspace | None], send: Send, mine: Claim) -> str:
    """Carry out one claimed row; returns the state it ended in."""
    workspace = workspace_of(mine.ws)
    if workspace is None:
        return "unknown_workspace"
    asked_at = kit.ports.clock.steady()  # before the redeem is asked for: the lease counts from here
    try:
        letter = store.write(lambda tx: prepare(tx, kit, workspace, mine, asked_at))
    except (IntegrityError, KeyProblem, LookupError, ValueError) as error:
        broken = type(error).__name__
        store.write(lambda tx: _settle(tx, mine, "parked", f"unreadable:{broken}"))
        return "parked"
    if letter is None:
        return "settled"
    began: list[int] = []

    def before_write() -> None:
        now = kit.ports.clock.steady()
        if now > letter.deadline:
            raise PermitExpired("The write would begin after the permit's deadline.")
        began.append(now)

    try:
        sent = send(letter.workspace, letter.sender, letter.to, letter.message, f"sayso:{letter.permit}", before_write)
    except SaysoError as error:
        failure = error
        return store.write(lambda tx: failed(tx, kit, letter, failure))
    offset = began[-1] - asked_at if began else 0
    return store.write(lambda tx: delivered(tx, kit, letter, sent, offset))


def prepare(tx: Tx, kit: Kit, workspace: Workspace, mine: Claim, asked_at: int) -> Letter | None:
    """The last look before the wire. None if the row is settled without a message, or must wait."""
    row = tx.row("outbox_person", ws=mine.ws, outbox=mine.row)
    person = person_by_id(tx, mine.ws, row[0]) if row else None
    found = tx.row("outbox_row", ws=mine.ws, outbox=mine.row)
    if person is None or found is None or found[5] != "claimed":
        return None
    _, _, kind, sender_name, answers, _, _, attempts, permit, *_ = found
    if permit:
        return _settle(tx, mine, "parked", "possibly_sent", permit)
    row = tx.row("event", ws=mine.ws, event=answers)
    event = events.decode(bytes(row[0])) if row else None
    if event is None or person.erased:
        return _settle(tx, mine, "cancelled", "nothing_to_answer")
    if kind == "expiry":
        return _note_expiry(tx, kit, mine, person, event)
    verdict = gate.decide_own(person.standing, kind, answers, event.type, kit.now(), event.cells,
                              (event.occurred_at, event.clock))
    if not verdict.allowed:
        return _settle(tx, mine, "cancelled", verdict.reason)
    drained_at = _drained_at(tx, mine.ws, person) if kind == "stop_confirmation" else 0
    if drained_at:
        tx.run("postpone_outbox", ws=mine.ws, outbox=mine.row, run_at=_look_again(tx.now(), drained_at),
               problem="draining")
        return None
    return _redeem(tx, kit, workspace, mine, person, event, kind, sender_name, attempts, asked_at)


def _drained_at(tx: Tx, ws: str, person: Person) -> int:
    """Until when something may still leave that the stop called off, 0 if nothing: to this person, or to whoever had
    the address before, for whom the stop counts too.
    """
    others = [row[0] for row in tx.rows("left_to", ws=ws, person=person.id)]
    return max(in_flight(tx, ws, person), silent_by(tx, ws, others) if others else 0)


def _words_before(tx: Tx, ws: str, person: Person, request: str) -> str:
    """The bare yeses on record before a question is shown once more: none of them can be an answer to this."""
    if not any(item.request == request and item.prompted_at for item in person.standing.pending):
        return ""
    return " ".join(fact.id for fact in facts_of(tx, ws, person.id)
                    if fact.type == "said_yes" and fact.cause == request and fact.facts.get("how") == "word")


def _look_again(now: int, drained_at: int) -> int:
    """When to look at a drain again, database time: soon, for `done` may end it any moment. One that would take longer
    than lease and margin was begun before the clock was set back; it may take minutes, and is not asked every moment.
    """
    return now + (DRAIN_LOOK if drained_at - now <= permits.LEASE + DRAIN_MARGIN else LONG_LOOK)


def _redeem(tx: Tx, kit: Kit, workspace: Workspace, mine: Claim, person: Person, event: Event, kind: str,
            sender_name: str, attempts: int, asked_at: int) -> Letter | None:
    sender, to = workspace.senders.get(sender_name), people.reachable(tx, kit, mine.ws, person)
    if sender is None or to is None:
        return _settle(tx, mine, "parked", "unknown_sender" if sender is None else "no_address")
    if messages.replaced(workspace, kind, event):
        return _settle(tx, mine, "parked", "wording_replaced")
    window = in_window(person, sender.name, kit.now()) or _opened_by(event, sender.name, kit.now())
    message = messages.render(kit, workspace, sender, kind, event, person, window=window)
    if message is None:
        return _settle(tx, mine, "parked", "window_closed")
    now, permit = tx.now(), kit.ports.new_id("prm")
    tx.run("add_permit", ws=mine.ws, permit=permit, person=person.id, purpose=kind, sender=sender.name, cls=CONSENT,
           free_form=int(not isinstance(message, OutTemplate)), epoch=person.epoch, state="redeemed", now=now,
           expires=now + permits.LEASE, redeemed=now, not_after=now + permits.LEASE)
    request = event.id if kind in ("prompt", "reminder") else ""
    if request:
        via = messages.shown_as(workspace, sender, message)
        words = _words_before(tx, mine.ws, person, request)
        tell(tx, kit, mine.ws, person, "prompted", cause=request,
             facts={"kind": kind, "via": via} | ({"again": words} if words else {}))
    tx.run("set_outbox", ws=mine.ws, outbox=mine.row, state="claimed", run_at=now, problem="", permit=permit,
           lease=now + CLAIM)
    return Letter(mine, workspace, sender, person.id, kind, request, to, message, permit, attempts,
                  asked_at + permits.LEASE)


def _opened_by(event: Event, sender: str, now: int) -> bool:
    """A stop opens no window for service messages, yet its own confirmation may answer it within 24 h (Meta:
    the customer service window opens with any message of the person).
    """
    return event.facts.get("inbound") == sender and event.occurred_at > now - gate.SERVICE_WINDOW


def _settle(tx: Tx, mine: Claim, state: str, problem: str, permit: str = "") -> Letter | None:
    """The row ends without a message: there is no letter."""
    tx.run("set_outbox", ws=mine.ws, outbox=mine.row, state=state, run_at=tx.now(), problem=problem, permit=permit,
           lease=0)
    return None


def _not_sent(tx: Tx, mine: Claim, state: str, run_at: int, problem: str, permit: str = "") -> str:
    """A try failed, and the row goes back into the queue or ends; returns the state it is in now. What was called off
    while the try was under way stays so: put back, it would be said after the stop's confirmation.
    """
    if tx.run("end_try", ws=mine.ws, outbox=mine.row, state=state, run_at=run_at, problem=problem, permit=permit):
        return state
    return "cancelled"


def _note_expiry(tx: Tx, kit: Kit, mine: Claim, person: Person, event: Event) -> Letter | None:
    """Write down that a request or a grant ran out, if it is still the one that stands. The gate needs no note."""
    requests = any(item.request == event.id for item in person.standing.pending)
    grants = any(mark.event == event.id for mark in person.standing.grants)
    if requests or grants:
        append(tx, kit, mine.ws, "expired", person=person.id, wrapped=person.wrapped, cells=event.cells,
               cause=event.id)
    return _settle(tx, mine, "done", "")


def delivered(tx: Tx, kit: Kit, letter: Letter, sent: Sent, offset_us: int) -> str:
    """The provider took it: close the permit, remember the message, learn the addresses, owe the one reminder."""
    permits.done(tx, kit, letter.workspace, letter.permit, "sent", message_id="", contacts=sent.contacts,
                 offset_us=offset_us)
    permits.hand_over(tx, kit, letter.claim.ws, letter.person, sent.message_id, permit_id=letter.permit,
                      request=letter.request)
    tx.run("set_outbox", ws=letter.claim.ws, outbox=letter.claim.row, state="sent", run_at=tx.now(), problem="",
           permit=letter.permit, lease=0)
    hours = letter.workspace.policy.reminder_hours
    if letter.kind == "prompt" and hours:
        owe(tx, kit, letter.claim.ws, letter.person, "reminder", sender=letter.sender.name, answers=letter.request,
            run_at=tx.now() + hours * HOUR)
    return "sent"


def failed(tx: Tx, kit: Kit, letter: Letter, error: SaysoError) -> str:
    """Surely not sent and worth a retry: later, by the schedule. Everything else is parked with its reason."""
    outcome = error.outcome if isinstance(error, ProviderError) else "not_sent"
    possibly = outcome == "possibly_sent"
    permits.done(tx, kit, letter.workspace, letter.permit, "possibly_sent" if possibly else "failed")
    again = error.retry and not possibly and letter.attempts <= len(RETRY_AFTER)
    code = error.provider_code if isinstance(error, ProviderError) else 0
    if again:
        wait = RETRY_AFTER[letter.attempts - 1]
        asked = getattr(error, "retry_after_s", None)
        run_at = tx.now() + max(wait, (asked or 0) * SECOND)
        return _not_sent(tx, letter.claim, "queued", run_at, f"{error.code}:{code}")
    said_already = outcome == "stopped_all" and letter.kind == "stop_confirmation"  # the provider confirms SMS stops
    state = "cancelled" if said_already else "parked"
    if possibly:  # shown even if it was called off: it may have reached the person
        _settle(tx, letter.claim, state, "possibly_sent", letter.permit)
    else:
        state = _not_sent(tx, letter.claim, state, tx.now(), f"{error.code}:{code}", letter.permit)
    person = person_by_id(tx, letter.claim.ws, letter.person)
    if letter.request and not possibly and person is not None:
        _, person = tell(tx, kit, letter.claim.ws, person, "prompt_failed", cause=letter.request, facts={"code": code})
    if person is not None:
        refused(tx, kit, letter.workspace, person, outcome, letter.sender.name, code=code)
    return state
