"""The scheduler: actors that stop wherever the world may intervene, one virtual time, processes that die.

An actor is a generator. It yields a number (wait so many microseconds), a `Write` (be resumed with its result after
the commit) or `Idle` (until something falls due). At every yield the actor may be paused for up to
half a minute, or its process may die with all that was not committed.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from hashlib import blake2b
from random import Random
from typing import Any, Final

from sayso.ports import SECOND
from sayso.store.base import Tx

#: Longest an actor is paused at one of its steps.
LONGEST_PAUSE: Final = 30 * SECOND
#: Most steps of one run: a run that needs more is going round in circles.
MAX_STEPS: Final = 10_000


class Stuck(Exception):
    """The run does not come to an end."""


@dataclass(frozen=True, slots=True)
class Write:
    """Work for the next commit of the actor's process. `then` is told at the commit, even if the actor is dead by
    then: the simulation knows everything. `spoil` fails this statement of the work, as a bad item would; 0 is none.
    """

    work: Callable[[Tx], Any]
    then: Callable[[Any], None] | None = None
    spoil: int = 0


@dataclass(frozen=True, slots=True)
class Idle:
    """Wait until `due` says there is something to do; it gives a virtual time, or 0 for nothing in sight, and is asked
    again after every commit.
    """

    due: Callable[[], int]


Step = int | Write | Idle
Act = Generator[Step, Any, None]


@dataclass(slots=True)
class Actor:
    """A running story."""

    name: str
    run: Act
    process: Process
    alive: bool = True
    #: Which of its wake-ups counts; an older one is void.
    turn: int = 0


@dataclass(slots=True)
class Process:
    """A program on some machine: its clocks, its actors, its queue of writes. `mortal` ones may crash."""

    name: str
    mortal: bool = True
    wall: int = 0
    boot: int = 0
    alive: bool = True
    actors: list[Actor] = field(default_factory=list)
    queue: list[tuple[Actor, Write]] = field(default_factory=list)
    commit: Callable[[list[tuple[Actor, Write]]], list[tuple[Any, BaseException | None]]] | None = None
    restart: Callable[[], None] | None = None


class Loop:
    """Virtual time and whose turn it is. Everything random is drawn from `chance`."""

    def __init__(self, seed: int, start: int) -> None:
        self.chance = Random(seed)  # noqa: S311  (a story, not a secret)
        self.now = start
        self.start = start
        self.faults = True
        self.pauses, self.crashes = 0.0, 0.0
        self.steps = 0
        self.trace: list[str] = []
        self._digest = blake2b(digest_size=8)
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._order = 0
        self._idle: list[tuple[Actor, Idle]] = []
        self.counts: dict[str, int] = {}
        #: What is looked at once everything of a commit is entered.
        self.checks: list[Callable[[], None]] = []

    # -- what is told ----------------------------------------------------------------------------------------------

    def tell(self, who: str, what: str) -> None:
        """One line of the trace; all lines together make the hash by which two runs are compared."""
        line = f"{(self.now - self.start) / SECOND:12.3f} {who:<10} {what}"
        self._digest.update(line.encode() + b"\n")
        self.trace.append(line)

    def count(self, what: str) -> None:
        """One more of this."""
        self.counts[what] = self.counts.get(what, 0) + 1

    @property
    def digest(self) -> str:
        """The hash of all lines so far."""
        return self._digest.hexdigest()

    # -- time ------------------------------------------------------------------------------------------------------

    def at(self, when: int, act: Callable[[], None]) -> None:
        """Do this then."""
        self._order += 1
        heapq.heappush(self._heap, (max(when, self.now), self._order, act))

    def after(self, wait: int, act: Callable[[], None]) -> None:
        """Do this after a while."""
        self.at(self.now + wait, act)

    def run(self, until: int) -> None:
        """Let things happen until this time. Raises Stuck."""
        while self._heap and self._heap[0][0] <= until:
            self.steps += 1
            if self.steps > MAX_STEPS:
                raise Stuck("the run does not come to an end")
            self.now, _, act = heapq.heappop(self._heap)
            act()
        self.now = max(self.now, until)

    # -- actors ----------------------------------------------------------------------------------------------------

    def spawn(self, process: Process, name: str, run: Act, wait: int = 0) -> Actor:
        """Begin a story in a process."""
        actor = Actor(name, run, process)
        process.actors.append(actor)
        self._later(actor, wait)
        return actor

    def _later(self, actor: Actor, wait: int, value: Any = None, error: BaseException | None = None) -> None:
        actor.turn += 1
        turn = actor.turn

        def go() -> None:
            if actor.alive and actor.turn == turn:
                self._resume(actor, value, error)

        self.after(wait, go)

    def _resume(self, actor: Actor, value: Any, error: BaseException | None) -> None:
        if self._killed(actor.process):
            return
        try:
            step = actor.run.throw(error) if error is not None else actor.run.send(value)
        except StopIteration:
            self._end(actor)
            return
        if isinstance(step, Write):
            self._queue(actor, step)
        elif isinstance(step, Idle):
            self._wait_idle(actor, step)
        else:
            self._later(actor, step + self._pause(actor))

    def _pause(self, actor: Actor) -> int:
        if not self.faults or not actor.process.mortal or self.chance.random() >= self.pauses:
            return 0
        self.count("pauses")
        pause = self.chance.randrange(LONGEST_PAUSE)
        self.tell(actor.process.name, f"{actor.name} is paused {pause / SECOND:.1f} s")
        return pause

    def _end(self, actor: Actor) -> None:
        actor.alive = False
        if actor in actor.process.actors:
            actor.process.actors.remove(actor)

    def _wait_idle(self, actor: Actor, idle: Idle) -> None:
        self._idle.append((actor, idle))
        self._look(actor, idle)

    def _look(self, actor: Actor, idle: Idle) -> None:
        due = idle.due()
        actor.turn += 1
        if due:
            turn = actor.turn
            self.at(due, lambda: self._wake(actor, idle, turn))

    def _wake(self, actor: Actor, idle: Idle, turn: int) -> None:
        if actor.alive and actor.turn == turn:
            self._idle.remove((actor, idle))
            self._later(actor, self.chance.randrange(SECOND // 10) + self._pause(actor))

    def committed(self) -> None:
        """Something is new: whoever idles looks again."""
        self._idle = [(actor, idle) for actor, idle in self._idle if actor.alive]
        for actor, idle in self._idle:
            self._look(actor, idle)

    # -- writes ----------------------------------------------------------------------------------------------------

    def _queue(self, actor: Actor, write: Write) -> None:
        process = actor.process
        process.queue.append((actor, write))
        actor.turn += 1
        if len(process.queue) == 1:
            slow = self.faults and self.chance.random() < self.pauses
            wait = self.chance.randrange(8 * SECOND) if slow else 200 + self.chance.randrange(5_000)
            self.after(wait, lambda: self._commit(process))

    def _commit(self, process: Process) -> None:
        waiting, process.queue = process.queue, []
        waiting = [(actor, write) for actor, write in waiting if actor.alive]
        if not waiting or process.commit is None or not process.alive:
            return
        if self._killed(process):  # with the commit not begun
            return
        results = process.commit(waiting)
        if self._killed(process):  # with the commit done and nobody told
            return
        for (actor, _), (value, error) in zip(waiting, results, strict=True):
            self._later(actor, 100 + self.chance.randrange(2_000) + self._pause(actor), value, error)

    # -- death -----------------------------------------------------------------------------------------------------

    def _killed(self, process: Process) -> bool:
        if not self.faults or not process.mortal or self.chance.random() >= self.crashes:
            return False
        self.kill(process)
        return True

    def kill(self, process: Process) -> None:
        """The process dies: what it had not committed is gone. It comes back after a while."""
        self.count("crashes")
        self.tell(process.name, "dies")
        process.alive, process.queue = False, []
        dying, process.actors = process.actors, []
        for actor in dying:
            actor.alive = False
            actor.run.close()
        self.after(SECOND + self.chance.randrange(20 * SECOND), lambda: self._revive(process))

    def _revive(self, process: Process) -> None:
        process.alive = True
        process.boot = self.chance.randrange(10**9) - self.now
        self.tell(process.name, "starts again")
        if process.restart:
            process.restart()
