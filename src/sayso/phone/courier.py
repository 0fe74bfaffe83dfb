"""Delivers webhooks: holds, shuffles, batches, repeats or loses them as the knobs say, signs, posts, tries
again.

First attempts leave one after the other, so an undisturbed run is in order; retries wait aside and hold up
nobody. Everything runs in the event loop that submits. Every delivery is recorded with each attempt's answer
and time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx
import msgspec

from sayso.phone.config import HOLD_SECONDS, MAX_DELIVERIES, WEBHOOK_TIMEOUT_SECONDS
from sayso.phone.knobs import Knobs
from sayso.phone.webhooks import Update, encode, envelope, sign


@dataclass(slots=True)
class Delivery:
    """One envelope's way. `outcome`: waiting, delivered, retrying, failed or lost; `answered` is the last
    status.
    """

    id: str
    at: float
    kind: str
    label: str
    person: str
    updates: int
    body: str
    signature: str
    url: str = ""
    copy: int = 1
    outcome: str = "waiting"
    answered: int | None = None
    ms: float | None = None
    attempts: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Target:
    """Where webhooks go and what they are signed with."""

    url: str
    app_secret: str
    waba_id: str


class Courier:
    """`tell` hears of every change of a delivery; `after` runs once per delivered envelope."""

    def __init__(self, target: Target, seed: int, retry_seconds: tuple[float, ...], now: Callable[[], float],
                 tell: Callable[[Delivery], None], after: Callable[[], None],
                 transport: httpx.AsyncBaseTransport | None) -> None:
        self.target = target
        self.knobs = Knobs()
        self.log: deque[Delivery] = deque(maxlen=MAX_DELIVERIES)
        self._retry_seconds, self._now, self._tell, self._after = retry_seconds, now, tell, after
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Forget everything under way and recorded; knobs off; the same random choices again."""
        self._stop_timer()
        for task in list(self._tasks):
            task.cancel()
        self._rng = random.Random(f"{seed}:courier")  # noqa: S311 - repeatable, not secret
        self._held: list[Update] = []
        self._queue: deque[Delivery] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._made = 0
        self.knobs = Knobs()
        self.log.clear()

    @property
    def pending(self) -> int:
        """Deliveries and held updates that are not over, retries included."""
        return len(self._held) + len(self._queue) + len(self._tasks)

    def turn(self, knobs: Knobs) -> None:
        """New knobs from here on. What was held for a knob that is now off leaves at once."""
        self.knobs = knobs
        if knobs.shuffle < 2 and knobs.batch < 2:
            self.flush()

    def submit(self, update: Update) -> None:
        """Take one update; the knobs decide when, how often and whether it leaves."""
        knobs = self.knobs
        if knobs.lose_next or (knobs.lose and self._rng.random() < knobs.lose):
            self.knobs = msgspec.structs.replace(knobs, lose_next=max(0, knobs.lose_next - 1))
            lost = self._prepare([update], 1)
            lost.outcome = "lost"
            self._tell(lost)
        elif knobs.late:
            self._spawn(self._late(update, knobs.late))
        else:
            self._take(update)

    def flush(self) -> None:
        """Send off what is held: shuffled, batched and repeated as the knobs say."""
        self._stop_timer()
        held, self._held, knobs = self._held, [], self.knobs
        if knobs.shuffle > 1:
            self._rng.shuffle(held)
        batches = [held[start:start + knobs.batch] for start in range(0, len(held), knobs.batch)]
        copies = [self._prepare(batch, copy) for batch in batches for copy in range(1, knobs.duplicate + 1)]
        if knobs.shuffle > 1:
            self._rng.shuffle(copies)
        for delivery in copies:
            self._tell(delivery)
            self._enqueue(delivery)

    async def settle(self, seconds: float) -> int:
        """Wait until nothing is under way, at most so many seconds; how much still is."""
        end = time.monotonic() + seconds
        while self.pending and time.monotonic() < end:  # noqa: ASYNC110 - pending is a sum of three queues
            await asyncio.sleep(0.005)
        return self.pending

    async def shake_hands(self, verify_token: str) -> dict[str, Any]:
        """Meta's GET before it subscribes: the consumer must answer 200 with the bare challenge."""
        challenge = str(self._rng.randrange(10**9, 10**10))
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        try:
            answer = await self._http().get(self.target.url, params=query)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            return {"ok": False, "status": None, "detail": f"No answer: {_name(problem)}."}
        if answer.status_code != 200:
            return {"ok": False, "status": answer.status_code, "detail": "The consumer did not answer 200."}
        same = answer.text.strip() == challenge
        detail = "The challenge came back." if same else "The answer's body is not the challenge."
        return {"ok": same, "status": 200, "detail": detail}

    async def close(self) -> None:
        """Stop everything under way."""
        self._stop_timer()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _take(self, update: Update) -> None:
        self._held.append(update)
        wanted = max(self.knobs.shuffle, self.knobs.batch)
        if len(self._held) >= wanted:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(HOLD_SECONDS, self.flush)

    async def _late(self, update: Update, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._take(update)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _prepare(self, updates: list[Update], copy: int) -> Delivery:
        first, self._made = updates[0], self._made + 1
        body = encode(envelope(self.target.waba_id, updates))
        label = first.label if len(updates) == 1 else f"{first.label}, and {len(updates) - 1} more"
        delivery = Delivery(
            id=f"dlv_{self._made:06d}", at=self._now(), kind=first.kind, label=label, person=first.person,
            updates=len(updates), body=body.decode("ascii"), signature=sign(self.target.app_secret, body),
            copy=copy)
        self.log.append(delivery)
        return delivery

    def _enqueue(self, delivery: Delivery) -> None:
        self._queue.append(delivery)
        if self._pump is None or self._pump.done():
            self._pump = self._spawn(self._run())

    async def _run(self) -> None:
        while self._queue:
            await self._attempt(self._queue.popleft())

    async def _attempt(self, delivery: Delivery) -> None:
        delivery.url = self.target.url
        began, at, error = time.monotonic(), self._now(), ""
        delivery.answered = None
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua",
                   "X-Hub-Signature-256": delivery.signature}
        try:
            body = delivery.body.encode("ascii")
            answer = await self._http().post(delivery.url, content=body, headers=headers)
            delivery.answered = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            error = _name(problem)
        delivery.ms = round((time.monotonic() - began) * 1000, 1)
        delivery.attempts.append({"at": at, "status": delivery.answered, "ms": delivery.ms, "error": error})
        self._conclude(delivery)

    def _conclude(self, delivery: Delivery) -> None:
        tried = len(delivery.attempts)
        # Meta: anything but 200 is tried again; every 2xx counts as taken here, to be kind to 204.
        if delivery.answered is not None and 200 <= delivery.answered < 300:
            delivery.outcome = "delivered"
        elif tried <= len(self._retry_seconds):
            delivery.outcome = "retrying"
            self._spawn(self._again(delivery, self._retry_seconds[tried - 1]))
        else:
            delivery.outcome = "failed"
        self._tell(delivery)
        if delivery.outcome == "delivered":
            self._after()

    async def _again(self, delivery: Delivery, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._attempt(delivery)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _http(self) -> httpx.AsyncClient:
        if self._client is None:
            # trust_env off: a proxy from the environment must never see a simulated message.
            self._client = httpx.AsyncClient(timeout=WEBHOOK_TIMEOUT_SECONDS, trust_env=False,
                                             transport=self._transport, follow_redirects=False)
        return self._client


def _name(problem: Exception) -> str:
    return type(problem).__name__ + (f": {problem}" if str(problem) else "")
