"""What every flow is handed besides its transaction: ports, keys, words and reply texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sayso.core.understanding import Understanding
from sayso.ports import Ports
from sayso.rules.reader import Replies
from sayso.vault import Vault


@dataclass(frozen=True, slots=True)
class Kit:
    """Made once in `wiring`. `words` and `replies` are read from the package at first use: a program that only asks
    the gate never pays for them. `replies` gives Sayso's own texts for a language tag. `public_url` is where people
    reach this server, without a slash at the end; empty where nobody has said it.
    """

    ports: Ports
    vault: Vault
    words: Callable[[], Understanding]
    replies: Callable[[str], Replies]
    public_url: str = ""

    def now(self) -> int:
        """Microseconds UTC."""
        return self.ports.now()
