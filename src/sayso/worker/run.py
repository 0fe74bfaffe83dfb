"""The worker: a loop that any number of processes may run on PostgreSQL, and one on SQLite."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from sayso.core.workspace import Workspace
from sayso.errors import SaysoError
from sayso.flows import ledger, pending
from sayso.flows.kit import Kit
from sayso.ports import DAY, MINUTE
from sayso.store.base import Store
from sayso.telemetry import log
from sayso.worker import chores, deliveries, outbox
from sayso.worker.deliveries import Courier
from sayso.worker.outbox import Send

#: How long an idle worker sleeps, seconds. A commit in the same process wakes it at once.
IDLE_S: Final = 0.2
#: Messages on the wire at a time: a provider answers in about 100 ms, so this is some 80 a second.
SENDERS: Final = 8
#: Pause after an unexpected failure, seconds.
STUMBLE_S: Final = 1.0
#: How often the chores are done.
CHORES_EVERY: Final = MINUTE
#: How often requests that ran out long ago are forgotten.
SWEEP_EVERY: Final = DAY


@dataclass(slots=True)
class Worker:
    """Sends what is owed, integrates the ledger, does the chores. `stop` ends it after the work at hand."""

    store: Store
    kit: Kit
    workspaces: Callable[[], tuple[Workspace, ...]]
    workspace_of: Callable[[str], Workspace | None]
    send: Send
    #: Messages on the wire at a time; one at a time keeps them in the order they fell due.
    senders: int = SENDERS
    #: Who calls the receivers of webhooks out; without one they are not called, and their cursors stand still.
    courier: Courier | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)
    _wake: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _tidied_at: int = 0
    _swept_at: int | None = None

    def start(self) -> None:
        """Run in threads of this process: outbox, ledger and webhooks out, one each, so that none waits for another."""
        for name, body in (("sayso-outbox", self.deliver_due), ("sayso-ledger", self.keep_ledger),
                           ("sayso-hooks", self.tell_receivers)):
            thread = threading.Thread(target=self._loop, args=(body,), name=name, daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Finish the work at hand and end."""
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(timeout=30)

    def wake(self) -> None:
        """Something was just committed: do not sleep on it."""
        self._wake.set()

    def run(self) -> None:
        """Run until `stop` is called from a signal handler or another thread."""
        self.start()
        self._stopping.wait()

    def settle(self, rounds: int = 100) -> None:
        """Work until nothing is due: for tests, the demo, and programs that run no worker of their own."""
        for _ in range(rounds):
            if not self.deliver_due() and not self.keep_ledger() and not self.tell_receivers():
                return

    def _loop(self, body: Callable[[], int]) -> None:
        while not self._stopping.is_set():
            try:
                busy = body()
            except Exception as error:  # noqa: BLE001  whatever happens, the loop goes on: a dead worker confirms nothing
                log("worker_stumbled", error=type(error).__name__, where=body.__name__)
                self._stopping.wait(STUMBLE_S)
                continue
            if not busy and self._wake.wait(IDLE_S):
                self._wake.clear()

    def deliver_due(self) -> int:
        """Send what is due; how many rows were worked on."""
        mine = self.store.write(outbox.claim)
        if len(mine) == 1 or self.senders == 1:
            for claim in mine:
                self._work(claim)
        elif mine:
            with ThreadPoolExecutor(self.senders) as pool:
                list(pool.map(self._work, mine))
        return len(mine)

    def _work(self, claim: outbox.Claim) -> str:
        return outbox.work(self.store, self.kit, self.workspace_of, self.send, claim)

    def keep_ledger(self) -> int:
        """Integrate what is waiting, and do the chores when they are due; how many events found their leaf."""
        known = [workspace.id for workspace in self.workspaces()]
        integrated = sum(self._integrate(ws) for ws in known)
        now = self.kit.ports.clock.steady()
        if now - self._tidied_at > CHORES_EVERY:
            self._tidied_at = now
            self.store.write(lambda tx: chores.tidy(tx, self.kit, known))
            if self._swept_at is None or now - self._swept_at > SWEEP_EVERY:
                self._swept_at = now
                for ws in known:
                    pending.sweep(self.store, self.kit, ws)
        return integrated

    def tell_receivers(self) -> int:
        """Deliver what the ledger has for webhooks out; how many facts were worked on."""
        if self.courier is None:
            return 0
        told = 0
        for workspace in self.workspaces():
            for webhook in workspace.webhooks.values():
                if self._stopping.is_set():
                    return told
                try:
                    told += deliveries.deliver(self.store, self.kit, workspace, webhook, self.courier,
                                               threads=self.senders)
                except SaysoError as error:  # one webhook that cannot be worked on stops no other
                    log("worker_stumbled", error=type(error).__name__, where="tell_receivers")
        return told

    def _integrate(self, ws: str) -> int:
        if self.store.read(lambda tx: tx.row("any_unintegrated", ws=ws)) is None:
            return 0
        return self.store.write(lambda tx: ledger.integrate(tx, self.kit, ws))
