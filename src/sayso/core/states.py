"""One cell's life drawn as a table. Nothing decides by it: the fold does (lifecycle.py), a test walks the two side by
side, and docs/states.md is drawn from it.
"""

from __future__ import annotations

from typing import Final

#: One cell's life: (state, fact) -> state. Facts that never touch consent are left out and change nothing.
NEXT: Final[dict[tuple[str, str], str]] = {
    ("unknown", "opt_in_requested"): "pending",
    ("unknown", "said_yes"): "unknown",  # a yes that no request asked for grants nothing
    ("unknown", "consent_recorded"): "granted",  # where the policy lets this source grant
    ("unknown", "said_stop"): "withdrawn",
    ("unknown", "said_no"): "withdrawn",  # a no is a no, whatever it answers
    ("pending", "opt_in_requested"): "pending",
    ("pending", "said_yes"): "granted",
    ("pending", "consent_recorded"): "granted",
    ("pending", "said_no"): "withdrawn",
    ("pending", "said_stop"): "withdrawn",
    ("pending", "expired"): "expired",
    ("granted", "opt_in_requested"): "granted",  # being asked again takes nothing away
    ("granted", "said_yes"): "granted",
    ("granted", "consent_recorded"): "granted",
    ("granted", "said_no"): "withdrawn",
    ("granted", "said_stop"): "withdrawn",
    ("granted", "expired"): "expired",
    ("withdrawn", "opt_in_requested"): "pending",
    ("withdrawn", "said_yes"): "granted",  # only to a request, and only later than the stop
    ("withdrawn", "consent_recorded"): "withdrawn",  # never over a stop
    ("withdrawn", "said_no"): "withdrawn",
    ("withdrawn", "said_stop"): "withdrawn",
    ("expired", "opt_in_requested"): "pending",
    ("expired", "said_yes"): "expired",
    ("expired", "consent_recorded"): "granted",
    ("expired", "said_no"): "withdrawn",
    ("expired", "said_stop"): "withdrawn",
}
STATES: Final = ("unknown", "pending", "granted", "withdrawn", "expired")
