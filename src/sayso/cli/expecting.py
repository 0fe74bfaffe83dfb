"""What the steps of a story are made of: they expect something, and wait for it with patience."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

#: Longest wait for something to happen, seconds; each takes a fraction of one.
PATIENCE_S: Final = 10.0
LOOK_S: Final = 0.03


class Expected(Exception):
    """What a step expected and did not find."""


def expect(held: object, what: str) -> None:
    """Raises Expected unless it held."""
    if not held:
        raise Expected(what)


def until(look: Callable[[], Any], what: str) -> Any:
    """Look again and again until there is something; returns it. Raises Expected when patience ends."""
    end = time.monotonic() + PATIENCE_S
    while not (found := look()):
        if time.monotonic() > end:
            raise Expected(what)
        time.sleep(LOOK_S)
    return found
