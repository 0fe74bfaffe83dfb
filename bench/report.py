"""What a measurement says: the absolute number, its ratio to a limit or peer of the same run, the aim, met or not.

Rules of the room: a number without something to hold it against is not printed. Absolute numbers belong to the
machine and the minute; the machine is described beside them, its disk measured in the same run.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import apsw

#: How long the disk is asked what it can do, seconds.
DISK_SECONDS: Final = 0.5
#: What is written before each fdatasync: one page of a database.
PAGE: Final = b"\xa5" * 4096
HEADS: Final = ("figure", "number", "aim", "met", "ratio, and to what")


@dataclass(frozen=True, slots=True)
class Ratio:
    """The number divided by a limit or peer that was measured in the same run."""

    value: float
    to: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report. `aim` is a limit the number should not cross; `least` says on which side."""

    name: str
    number: float
    unit: str
    aim: float | None = None
    least: bool = True
    ratios: tuple[Ratio, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def met(self) -> bool | None:
        """None where there is no aim."""
        if self.aim is None:
            return None
        return self.number >= self.aim if self.least else self.number <= self.aim


@dataclass(slots=True)
class Report:
    """Everything one run found out."""

    machine: dict[str, Any]
    figures: list[Figure] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)

    def add(self, *figures: Figure) -> None:
        """Take up figures."""
        self.figures += figures

    def say(self, sentence: str) -> None:
        """Take up a sentence: what was skipped and why, or how something was proved."""
        self.sentences.append(sentence)

    def as_json(self) -> dict[str, Any]:
        """The whole report as plain data."""
        figures = [asdict(figure) | {"met": figure.met} for figure in self.figures]
        return {"machine": self.machine, "figures": figures, "sentences": self.sentences}

    def text(self) -> str:
        """The whole report as a table."""
        lines = [", ".join(f"{name} {value}" for name, value in self.machine.items()), ""]
        lines += table([HEADS, *(_cells(figure) for figure in self.figures)])
        notes = [f"{figure.name}: {note}" for figure in self.figures for note in figure.notes]
        for title, rest in (("Notes", notes), ("Said", self.sentences)):
            if rest:
                lines += ["", title, *(f"  {line}" for line in rest)]
        missed = [figure.name for figure in self.figures if figure.met is False]
        aims = sum(figure.met is not None for figure in self.figures)
        lines += ["", f"bench: {len(self.figures)} figures, {aims} with an aim, {len(missed)} below it"]
        return "\n".join(lines)


def _cells(figure: Figure) -> tuple[str, ...]:
    sign = "at least" if figure.least else "at most"
    aim = "" if figure.aim is None else f"{sign} {number(figure.aim)}"
    met = {None: "", True: "yes", False: "NO"}[figure.met]
    ratios = "; ".join(f"{ratio.value:.2f} of {ratio.to}" for ratio in figure.ratios)
    return figure.name, f"{number(figure.number)} {figure.unit}", aim, met, ratios


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns under each other; the first is the head."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def machine(folder: Path) -> dict[str, Any]:
    """What the numbers were measured on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "processor": platform.machine(),
        "python": platform.python_version(),
        "sqlite": apsw.sqlite_lib_version(),
        "fdatasync/s": round(fdatasyncs(folder)),
        "load": round(os.getloadavg()[0], 1),  # above the number of cores, others were measured too
    }


def fdatasyncs(folder: Path, seconds: float = DISK_SECONDS) -> float:
    """How many times a second this disk makes 4 KiB durable."""
    target, count = folder / "fdatasync", 0
    descriptor = os.open(target, os.O_RDWR | os.O_CREAT)
    sync = getattr(os, "fdatasync", os.fsync)
    try:
        began = time.perf_counter()
        while (took := time.perf_counter() - began) < seconds:
            os.pwrite(descriptor, PAGE, 4096 * (count % 256))
            sync(descriptor)
            count += 1
    finally:
        os.close(descriptor)
        target.unlink()
    return count / took


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of them lies (nearest rank)."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]
