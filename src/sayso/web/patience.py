"""Patience with slow clients: a body that does not arrive is given up.

A timer for each request costs a third of a whole check (measured), so there is none: one look every few seconds
ends what began too long ago.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

T = TypeVar("T")

#: How often to look, seconds.
LOOK_S: Final = 10.0
#: Looks a body may live through: it has 20 to 30 seconds.
LOOKS: Final = 3


class TooSlow(Exception):
    """What was waited for did not come."""


class Patience:
    """Who is waiting for a client since which look. Belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[asyncio.Task[Any], int] = {}
        self._given_up: set[asyncio.Task[Any]] = set()
        self._look = 0

    async def bear(self, waited_for: Awaitable[T]) -> T:
        """Wait, but not for ever. Raises TooSlow."""
        task = asyncio.current_task()
        if task is None:
            return await waited_for
        self._waiting[task] = self._look
        try:
            return await waited_for
        except asyncio.CancelledError:
            if task not in self._given_up:
                raise
            task.uncancel()
            raise TooSlow from None
        finally:
            del self._waiting[task]
            self._given_up.discard(task)

    async def run(self, every: float = LOOK_S) -> None:
        """Look again and again; runs beside the app."""
        while True:
            await asyncio.sleep(every)
            self.look()

    def look(self) -> None:
        """Give up on whoever has been waiting for LOOKS looks."""
        self._look += 1
        for task, since in self._waiting.items():
            if self._look - since >= LOOKS and task not in self._given_up:
                self._given_up.add(task)
                task.cancel()
