"""What really happened, kept outside the system, and what must never be so. Knows the promises, not the fold.

People's noes and yeses are entered when their transaction is committed, with the provider's time of the act. A no
counts against a message once it is acknowledged: recorded, and drained. Where clocks may differ the judge is lenient
by SKEW, never strict: what it reports is a violation on any reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from sayso.core.purposes import Cell
from sayso.ports import DAY, SECOND
from sayso.simulate.loop import Loop

#: How far the clocks of machines and providers may differ here, and the leniency of the judge.
SKEW: Final = 300 * SECOND
#: What a lease allows plus the write: a message redeemed before a retraction is out by then.
FLIGHT: Final = 5 * SECOND


class Violation(Exception):
    """A promise was broken. `promise` is its number in the design; 0 is liveness."""

    def __init__(self, promise: int, what: str) -> None:
        self.promise = promise
        super().__init__(f"promise {promise}: {what}" if promise else f"liveness: {what}")


@dataclass(slots=True)
class No:
    """An opt-out, hold, native stop, pause or erasure, from one address. `silent` says since when, by address, nothing
    may follow it. `until` is the end of a pause.
    """

    kind: str
    address: str
    cells: tuple[Cell, ...]
    at: int
    recorded: int
    until: int = 0
    silent: dict[str, int] = field(default_factory=dict)
    #: The record it was said about, where no address leads to it any more.
    record: str = ""


@dataclass(slots=True)
class Yes:
    """What a person did that is a yes. `bare` is a word without a quote to a prompt of that time; `alone` is a yes
    from a number its owner had left, good for that number only. `elsewhere` was recorded from a file or by a clerk.
    """

    address: str
    cells: tuple[Cell, ...]
    at: int
    recorded: int
    until: int = 0
    bare: int = 0
    alone: bool = False
    elsewhere: bool = False


@dataclass(slots=True)
class Handed:
    """A request that reached the provider."""

    at: int
    address: str
    what: str
    permit: str


@dataclass(slots=True)
class Truth:
    """The judge."""

    loop: Loop
    noes: list[No] = field(default_factory=list)
    yeses: list[Yes] = field(default_factory=list)
    lifts: list[tuple[str, str, int]] = field(default_factory=list)
    chats: list[tuple[str, int, int]] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    late: set[str] = field(default_factory=set)
    permits: set[str] = field(default_factory=set)
    #: Permits that were redeemed while a yes was there, with the noes that were lifted then.
    founded: dict[str, list[No]] = field(default_factory=dict)
    rows: set[str] = field(default_factory=set)
    confirmed: dict[str, int] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    joined: dict[tuple[str, str], int] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    # -- who is who ------------------------------------------------------------------------------------------------

    def group(self, address: str) -> set[str]:
        """All addresses known to be one person's."""
        return self.groups.setdefault(address, {address})

    def link(self, addresses: Iterable[str]) -> list[No]:
        """They stood in one signed payload. The noes that reach new addresses by it."""
        first, *others = addresses
        spread: list[No] = []
        for other in others:
            mine, theirs = self.group(first), self.group(other)
            if mine is theirs:
                continue
            for one in mine:
                for two in theirs:
                    self.joined[one, two] = self.joined[two, one] = self.loop.now
            mine |= theirs
            for address in mine:
                self.groups[address] = mine
            spread += [no for no in self.noes if no.address in mine]
        return spread

    def part(self, address: str) -> set[str]:
        """The person was erased: nothing links these addresses any more, and nobody knows who left one of them."""
        parted = set(self.group(address))
        self.noes = [no for no in self.noes if no.address not in parted]  # what is kept of them is the erasure's no
        self.lifts = [lift for lift in self.lifts if lift[1] not in parted]
        for one in parted:
            self.groups[one] = {one}
            self.left.pop(one, None)
            for two in parted:
                self.joined.pop((one, two), None)
        return parted

    # -- judging ---------------------------------------------------------------------------------------------------

    def blocked(self, address: str, cell: Cell, *, acknowledged: bool, but: Iterable[No] = ()) -> No | None:
        """A no that stands against this cell and that no later yes of the person has lifted, or None; none of `but`."""
        passed = {id(no) for no in but}
        for no in self.noes:
            if id(no) in passed or not self._against(no, address, cell):
                continue
            if acknowledged and not no.silent.get(address, self.loop.now) < self.loop.now:
                continue
            if not self._lifted(no, address, cell):
                return no
        return None

    def _against(self, no: No, address: str, cell: Cell) -> bool:
        return self._reaches(no, address) and any(covers(one, cell) for one in no.cells)

    def _reaches(self, no: No, address: str) -> bool:
        if no.address not in self.group(address):
            return False
        return address not in self.left or no.address == address

    def _lifted(self, no: No, address: str, cell: Cell) -> bool:
        if no.kind == "pause" and self.loop.now > no.until - 2 * SKEW:
            return True
        if any(kind == no.kind and where in self.group(no.address) and at > no.at for kind, where, at in self.lifts):
            return True
        if no.kind in ("native", "pause"):
            return False
        return any(self._beats(yes, no) for yes in self.good(address, cell))

    def _beats(self, yes: Yes, no: No) -> bool:
        if yes.elsewhere or yes.at <= no.at:
            return False
        joined = self.joined.get((yes.address, no.address), 0)
        if yes.address == no.address or not (no.recorded < joined and yes.recorded < joined):
            return True
        return yes.at > joined - SKEW

    def good(self, address: str, cell: Cell) -> list[Yes]:
        """The yeses that may speak for this cell at this address now."""
        found = [yes for yes in self.yeses if any(covers(one, cell) for one in yes.cells)
                 and (yes.address == address or (yes.address in self.group(address) and not yes.alone
                                                 and address not in self.left))]
        return [yes for yes in found if (not yes.until or yes.until > self.loop.now - SKEW) and self._first(yes)]

    def _first(self, yes: Yes) -> bool:
        """A bare word is a yes only as the first thing said after the prompt."""
        if not yes.bare:
            return True
        return not any(address in self.group(yes.address) and yes.bare + SKEW < at < yes.at - SECOND
                       and recorded + FLIGHT < self.loop.now for address, at, recorded in self.chats)

    # -- what the provider receives --------------------------------------------------------------------------------

    def redeemed(self, address: str, cell: Cell, permit: str) -> None:
        """A permit was redeemed: the yes has to be there now. A move or an erasure after it takes the yes away, with
        all that it had lifted, and the message is under way.
        """
        if self.good(address, cell):
            self.founded[permit] = [no for no in self.noes
                                    if self._against(no, address, cell) and self._lifted(no, address, cell)]

    def campaign(self, address: str, cell: Cell, permit: str, *, late: bool) -> None:
        """A message of the business leaves. Raises Violation."""
        self.handed.append(Handed(self.loop.now, address, cell.purpose, permit))
        self.loop.count("messages")
        if permit in self.permits:
            raise Violation(2, f"permit {permit} was good for two calls")
        self.permits.add(permit)
        if late:
            self.late.add(permit)
            self.loop.count("frozen before the write")
            return
        no = self.blocked(address, cell, acknowledged=True, but=self.founded.get(permit, ()))
        if no is not None:
            raise Violation(6 if no.kind == "erased" else 2,
                            f"a message about {cell.purpose} followed a {no.kind} that was acknowledged")
        if permit not in self.founded:
            raise Violation(7, f"a message about {cell.purpose} to somebody who never said yes to it")

    def must_deny(self, address: str, cell: Cell, *, allowed: bool) -> None:
        """The gate spoke. Raises Violation if it said allow over a recorded no or without a yes."""
        if not allowed:
            return
        no = self.blocked(address, cell, acknowledged=False)
        if no is not None:
            promise = 8 if no.address != address else 1
            raise Violation(promise, f"the gate allows {cell.purpose} over a recorded {no.kind}")
        if not self.good(address, cell):
            raise Violation(6, f"the gate allows {cell.purpose} to somebody who never said yes to it")


def covers(wide: Cell, narrow: Cell) -> bool:
    """Whether every cell of the second is one of the first; said again here so that the judge shares no rule."""
    return all(one in ("*", other) for one, other in zip(wide, narrow, strict=True))


#: How long the yes of a purpose that runs out is good.
TRIAL: Final = DAY
