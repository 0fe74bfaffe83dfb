"""What the outside world gives Sayso: time, randomness and ids. Tests and the simulation put their own here."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

#: Crockford's base 32, the alphabet of ULIDs.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_SHIFTS = range(120, -1, -10)

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Wall time for records, steady time for deadlines."""

    def now(self) -> int:
        """Microseconds UTC."""

    def steady(self) -> int:
        """Microseconds of a clock that only moves forward, and that runs on while the machine sleeps."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clocks."""

    # CLOCK_BOOTTIME counts suspended time too, so a laptop lid cannot stretch a permit (Linux only).
    _steady = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def now(self) -> int:
        """Microseconds UTC."""
        return time.time_ns() // 1000

    def steady(self) -> int:
        """Microseconds since some fixed moment."""
        return time.clock_gettime_ns(self._steady) // 1000

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class _LastId:
    """The newest id's millisecond and random part: ids made in the same millisecond go up by one, so that what one
    process records in one transaction keeps its order in the ledger (ULID specification, monotonicity).
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.millisecond = 0
        self.entropy = 0


@dataclass(frozen=True, slots=True)
class Ports:
    """The bundle that is handed down: one clock, one source of random bytes."""

    clock: Clock = field(default_factory=SystemClock)
    random: Callable[[int], bytes] = secrets.token_bytes
    _last: _LastId = field(default_factory=_LastId, repr=False, compare=False)

    def now(self) -> int:
        """Microseconds UTC."""
        return self.clock.now()

    def new_id(self, prefix: str) -> str:
        """A type prefix and a ULID: 48 bits of milliseconds, 80 random bits, in Crockford's base 32."""
        last, now = self._last, self.clock.now() // 1000
        with last.lock:
            if now > last.millisecond:
                last.millisecond, last.entropy = now, int.from_bytes(self.random(10), "big")
            else:  # the same millisecond, or a clock that was set back
                last.entropy += 1
            return f"{prefix}_{ulid(last.millisecond, last.entropy)}"


def ulid(milliseconds: int, entropy: int) -> str:
    """26 characters that sort by time. `entropy` has 80 bits; one more carries over into the time."""
    value = ((milliseconds << 80) + entropy) & ((1 << 128) - 1)
    return "".join([_PAIRS[value >> shift & 1023] for shift in _SHIFTS])
