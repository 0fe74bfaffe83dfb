"""Webhooks out: the ledger told to receivers, in its own order, at least once.

Rules of the room: what is delivered is read from the ledger through a cursor, so recording pays nothing for it and a
receiver that is away costs no row until it has failed. Facts about one person are told in the ledger's order: what
comes behind a failed one waits with it, everybody else goes on. One worker at a time holds a webhook's lease; what it
did counts only if the lease is still its own, so the worst a dead one leaves behind is a delivery told twice, under
the same id. No transaction is open while a receiver is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Protocol

from sayso.channels.base import Reply
from sayso.core import cloud_events, events, standard_webhooks
from sayso.core.events import Event
from sayso.core.workspace import Webhook, Workspace
from sayso.errors import ConfigError, IntegrityError
from sayso.flows import announce
from sayso.flows.announce import Message
from sayso.flows.kit import Kit
from sayso.ports import DAY, HOUR, MINUTE, SECOND
from sayso.store.base import Store, Tx
from sayso.telemetry import DELIVERIES, log

#: Waits between tries (Standard Webhooks, operational considerations); after the last one it is given up: 75 hours.
RETRY_AFTER: Final = (5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR,
                      24 * HOUR)
#: A receiver that took nothing for this long is disabled until somebody enables it.
DISABLE_AFTER: Final = 5 * DAY
#: How long a worker may hold a webhook. A round begins no delivery after ROUND, and one lasts 15 s at most.
LEASE: Final = 60 * SECOND
ROUND: Final = 20 * SECOND
#: Deliveries of one round, and facts looked at to find them.
BATCH: Final = 64
SCAN: Final = 500
#: Facts that may wait at one webhook. At this many the cursor stands still: the ledger keeps the rest.
MAX_WAITING: Final = 10_000
#: A round of this many failures and no success: the receiver is left alone for a while, the retries stay as they are.
BREAK_AFTER: Final = 8
BREAK_FOR: Final = MINUTE
#: Statuses with which a receiver asks to be left alone for a while.
BUSY: Final = (429, 503)


class Courier(Protocol):
    """What deliveries need of the world."""

    def secrets(self, webhook: Webhook) -> Sequence[str]:
        """The secrets that are good now; empty if there is none."""

    def post(self, webhook: Webhook, headers: Mapping[str, str], body: bytes) -> Reply:
        """Call the receiver once. Raises nothing that a receiver can cause."""


@dataclass(frozen=True, slots=True)
class Item:
    """A fact on its way. `waits`: it has a row already. `message` is None for what cannot be made any more."""

    leaf: int
    lane: str
    message: Message | None
    attempts: int = 0
    waits: bool = False


@dataclass(slots=True)
class Round:
    """What one round means to deliver. `behind` are new facts that have to wait. `next_leaf` is where the cursor will
    stand, `replay` the range it belongs to instead, if any.
    """

    lanes: dict[str, list[Item]] = field(default_factory=dict)
    behind: list[Item] = field(default_factory=list)
    next_leaf: int = 0
    replay: str = ""
    replay_leaf: int = 0
    replay_over: bool = False

    def take(self, item: Item) -> None:
        self.lanes.setdefault(item.lane, []).append(item)

    @property
    def size(self) -> int:
        return sum(map(len, self.lanes.values()))


@dataclass(slots=True)
class Outcome:
    """What became of it. `failed` with its reply; `untouched` was not tried."""

    done: list[Item] = field(default_factory=list)
    failed: list[tuple[Item, Reply]] = field(default_factory=list)
    untouched: list[Item] = field(default_factory=list)


def deliver(store: Store, kit: Kit, workspace: Workspace, webhook: Webhook, courier: Courier, *,
            threads: int) -> int:
    """One round for one webhook; how many facts were worked on. 0 if there is nothing to do, or another worker does
    it.
    """
    ws, name = workspace.id, webhook.name
    if not store.read(lambda tx: _due(tx, ws, name)):
        return 0
    lease = kit.ports.new_id("lse")
    if not store.write(lambda tx: _claim(tx, ws, name, lease)):
        return 0
    try:
        keys = [standard_webhooks.key_of(secret) for secret in courier.secrets(webhook)]
        problem = "" if keys else "no_secret"
    except ConfigError:
        keys, problem = [], "bad_secret"
    if problem:
        store.write(lambda tx: _stand_still(tx, ws, name, lease, problem))
        return 0
    plan = store.read(lambda tx: _plan(tx, kit, workspace, webhook))
    outcome = _carry_out(kit, webhook, courier, keys, plan, threads)
    store.write(lambda tx: _settle(tx, ws, name, lease, plan, outcome))
    for item in outcome.done:
        DELIVERIES.labels("delivered" if item.message else "nothing").inc()
    DELIVERIES.labels("failed").inc(len(outcome.failed))
    return len(outcome.done) + len(outcome.failed) + len(plan.behind) + _moved(plan)


def _moved(plan: Round) -> int:
    """Facts that nobody is told of are work as well: the next round must not wait for a wake-up."""
    return 1 if plan.next_leaf or plan.replay else 0


# -- what to deliver ---------------------------------------------------------------------------------------------------


def _due(tx: Tx, ws: str, name: str) -> bool:
    row, now = tx.row("webhook_cursor", ws=ws, webhook=name), tx.now()
    if row is None:
        return True
    leaf, pause, _, disabled, _, until = row
    if disabled or pause > now or until > now:
        return False
    size = tx.row("tree_size", ws=ws)
    return bool((size and size[0] > leaf) or tx.row("due_waits", ws=ws, webhook=name, now=now)
                or tx.row("replays", ws=ws, webhook=name))


def _claim(tx: Tx, ws: str, name: str, lease: str) -> bool:
    """Take the lease. A webhook that is met for the first time begins at the end of the ledger."""
    now, size = tx.now(), tx.row("tree_size", ws=ws)
    tx.run("add_webhook_cursor", ws=ws, webhook=name, leaf=size[0] if size else 0)
    return tx.run("lease_webhook", ws=ws, webhook=name, lease=lease, now=now, until=now + LEASE) > 0


def _stand_still(tx: Tx, ws: str, name: str, lease: str, problem: str) -> None:
    row = tx.row("webhook_cursor", ws=ws, webhook=name)
    if row is not None:
        now = tx.now()
        _write(tx, ws, name, lease, leaf=row[0], pause=now + BREAK_FOR, failing=row[2], error=problem, error_at=now)


def _write(tx: Tx, ws: str, name: str, lease: str, *, leaf: int, pause: int, failing: int, disabled: int = 0,
           why: str = "", delivered: int = 0, given_up: int = 0, ok_at: int = 0, error: str = "",
           error_at: int = 0) -> bool:
    return tx.run("settle_webhook", ws=ws, webhook=name, lease=lease, leaf=leaf, pause=pause, failing=failing,
                  disabled=disabled, why=why, delivered=delivered, given_up=given_up, ok_at=ok_at, error=error,
                  error_at=error_at) > 0


def _plan(tx: Tx, kit: Kit, workspace: Workspace, webhook: Webhook) -> Round:
    """What waits and is due, then what is new, then, if neither fills the round, what was asked for once more."""
    plan, ws, name = Round(), workspace.id, webhook.name
    for leaf, lane, attempts in tx.rows("webhook_heads", ws=ws, webhook=name, now=tx.now(), limit=BATCH):
        plan.take(_again(tx, kit, workspace, webhook, lane, leaf, attempts))
        for later, tries in tx.rows("waits_behind", ws=ws, webhook=name, person=lane, leaf=leaf, limit=BATCH):
            plan.take(_again(tx, kit, workspace, webhook, lane, later, tries))
        if plan.size >= BATCH:
            return plan
    waiting = tx.row("count_waits", ws=ws, webhook=name)
    if waiting and waiting[0] + BATCH > MAX_WAITING:
        return plan
    row, size = tx.row("webhook_cursor", ws=ws, webhook=name), tx.row("tree_size", ws=ws)
    begin, end = row[0] if row else 0, size[0] if size else 0
    if begin < end:
        plan.next_leaf = _walk(tx, kit, workspace, webhook, plan, begin, end)
    elif not plan.size:
        for replay, first, last in tx.rows("replays", ws=ws, webhook=name)[:1]:
            plan.replay, end = replay, min(last + 1, end)
            plan.replay_leaf = _walk(tx, kit, workspace, webhook, plan, first, end) if first < end else end
            plan.replay_over = plan.replay_leaf >= end
    return plan


def _walk(tx: Tx, kit: Kit, workspace: Workspace, webhook: Webhook, plan: Round, begin: int, end: int) -> int:
    """Take up facts from a place on; where the next walk begins."""
    place = begin
    for leaf, _, _, _, _, body in tx.rows("leaves_from", ws=workspace.id, place=begin, limit=min(SCAN, end - begin)):
        if plan.size >= BATCH:
            return place
        place = leaf + 1
        event = _readable(body)
        message = announce.message(tx, kit, workspace, webhook, leaf, event) if event else None
        if event is None or message is None:
            continue
        item = Item(leaf, announce.lane(tx, workspace.id, event), message)
        lanes = {item.lane, str(event.facts.get("from", ""))} if event.type == "people_merged" else {item.lane}
        if any(one not in plan.lanes and tx.row("waits_for", ws=workspace.id, webhook=webhook.name, person=one)
               for one in lanes):
            plan.behind.append(item)
        else:
            plan.take(item)
    return place


def _readable(body: bytes | None) -> Event | None:
    """A fact, or None where there is none that can be read: `sayso verify` names it, and nobody is told of it."""
    try:
        return None if body is None else events.decode(bytes(body))
    except IntegrityError:
        log("webhook_skipped", reason="unreadable")
        return None


def _again(tx: Tx, kit: Kit, workspace: Workspace, webhook: Webhook, lane: str, leaf: int, attempts: int) -> Item:
    row = tx.row("leaf_event", ws=workspace.id, leaf=leaf)
    event = _readable(row[1]) if row else None
    message = announce.message(tx, kit, workspace, webhook, leaf, event) if event else None
    return Item(leaf, lane, message, attempts, waits=True)


# -- delivering --------------------------------------------------------------------------------------------------------


def _carry_out(kit: Kit, webhook: Webhook, courier: Courier, keys: Sequence[bytes], plan: Round,
               threads: int) -> Outcome:
    """Lanes side by side, each in its order."""
    over, outcomes = kit.ports.clock.steady() + ROUND, []

    def carry(items: Sequence[Item]) -> Outcome:
        return _lane(kit, webhook, courier, keys, items, over)

    if threads == 1 or len(plan.lanes) <= 1:
        outcomes = [carry(items) for items in plan.lanes.values()]
    else:
        with ThreadPoolExecutor(threads) as pool:
            outcomes = list(pool.map(carry, plan.lanes.values()))
    whole = Outcome()
    for outcome in outcomes:
        whole.done += outcome.done
        whole.failed += outcome.failed
        whole.untouched += outcome.untouched
    return whole


def _lane(kit: Kit, webhook: Webhook, courier: Courier, keys: Sequence[bytes], items: Sequence[Item],
          over: int) -> Outcome:
    outcome = Outcome()
    for item in items:
        if outcome.failed or kit.ports.clock.steady() > over:
            outcome.untouched.append(item)
        elif item.message is None:
            outcome.done.append(item)
        else:
            reply = post(kit, webhook, courier, keys, item.message)
            if 200 <= reply.status < 300:
                outcome.done.append(item)
            else:
                outcome.failed.append((item, reply))
    return outcome


def post(kit: Kit, webhook: Webhook, courier: Courier, keys: Sequence[bytes], message: Message) -> Reply:
    """One signed delivery."""
    headers = {"content-type": cloud_events.MEDIA, "user-agent": "sayso-webhooks/1",
               **standard_webhooks.headers(keys, message.id, kit.now() // SECOND, message.body)}
    return courier.post(webhook, headers, message.body)


def code_of(reply: Reply) -> str:
    """What went wrong, in a word."""
    return reply.problem or f"http_{reply.status}"


# -- what became of it -------------------------------------------------------------------------------------------------


def _settle(tx: Tx, ws: str, name: str, lease: str, plan: Round, outcome: Outcome) -> bool:
    """Write down the round, if the lease is still ours; else nothing, and it is all told once more."""
    row = tx.row("webhook_cursor", ws=ws, webhook=name)
    if row is None or row[4] != lease:
        return False
    now, told = tx.now(), sum(item.message is not None for item in outcome.done)
    pause, disabled, why = _judged(now, outcome, row[2], told)
    failing = 0 if told else row[2] or (now if outcome.failed else 0)
    lost = [item for item, _ in outcome.failed if item.attempts >= len(RETRY_AFTER)]
    errors = Counter(code_of(reply) for _, reply in outcome.failed)
    if not _write(tx, ws, name, lease, leaf=plan.next_leaf or row[0], pause=pause, failing=failing,
                  disabled=disabled, why=why, delivered=told, given_up=len(lost), ok_at=now if told else 0,
                  error=max(errors, key=lambda code: errors[code], default=""), error_at=now):
        return False
    _keep(tx, ws, name, now, outcome, lost)
    _wait_behind(tx, ws, name, now, [*plan.behind, *outcome.untouched])
    if plan.replay:
        tx.run("end_replay" if plan.replay_over else "move_replay", ws=ws, webhook=name, replay=plan.replay,
               **({} if plan.replay_over else {"leaf": plan.replay_leaf}))
    return True


def _judged(now: int, outcome: Outcome, failing_since: int, told: int) -> tuple[int, int, str]:
    """(left alone until, disabled at, why)."""
    if any(reply.status == 410 for _, reply in outcome.failed):
        return 0, now, "gone"
    if outcome.failed and not told and failing_since and now - failing_since > DISABLE_AFTER:
        return 0, now, "failing"
    asked = [reply.retry_after_s or 0 for _, reply in outcome.failed if reply.status in BUSY]
    pause = now + max(asked) * SECOND if any(asked) else 0
    if len(outcome.failed) >= BREAK_AFTER and not told:
        pause = max(pause, now + BREAK_FOR)
    return pause, 0, ""


def _keep(tx: Tx, ws: str, name: str, now: int, outcome: Outcome, lost: Sequence[Item]) -> None:
    for item in outcome.done:
        if item.waits:
            tx.run("drop_wait", ws=ws, webhook=name, leaf=item.leaf)
    for item, reply in outcome.failed:
        if item in lost:
            tx.run("drop_wait", ws=ws, webhook=name, leaf=item.leaf)
            continue
        wait = max(RETRY_AFTER[item.attempts], (reply.retry_after_s or 0) * SECOND)
        tx.run("set_wait", ws=ws, webhook=name, leaf=item.leaf, person=_root(tx, ws, item.lane),
               attempts=item.attempts + 1, run_at=now + wait, problem=code_of(reply))
        tx.run("defer_waits", ws=ws, webhook=name, leaf=item.leaf, person=_root(tx, ws, item.lane), run_at=now + wait)


def _wait_behind(tx: Tx, ws: str, name: str, now: int, items: Iterable[Item]) -> None:
    """They are due when the first of their lane is, so that nobody looks at them in vain."""
    for item in items:
        if not item.waits:
            lane = _root(tx, ws, item.lane)
            first = tx.row("waits_for", ws=ws, webhook=name, person=lane)
            tx.run("add_wait", ws=ws, webhook=name, leaf=item.leaf, person=lane, run_at=first[0] if first else now)


def _root(tx: Tx, ws: str, lane: str) -> str:
    """The lane by now: a merge may have happened while the receiver was called."""
    row = tx.row("person", ws=ws, person=lane) if lane else None
    while row is not None and row[6] != row[0]:
        row = tx.row("person", ws=ws, person=row[6])
    return str(row[0]) if row else lane
