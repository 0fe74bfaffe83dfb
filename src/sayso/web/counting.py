"""Counting the gate's answers."""

from __future__ import annotations

from prometheus_client import Counter

from sayso.telemetry import DECISIONS

_counters: dict[tuple[str, str], Counter] = {}  # a label look-up costs more than the gate itself


def count(verdict: str, reason: str, number: int = 1) -> None:
    """Count answers of the gate."""
    counter = _counters.get((verdict, reason))
    if counter is None:
        counter = _counters[(verdict, reason)] = DECISIONS.labels(verdict, reason)
    counter.inc(number)
