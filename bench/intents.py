"""`make bench-intents`: how well messages are understood, by language and grade, and what it costs.

Measures on training/dev, heldout, adversarial and unpunctuated, which no model is trained on: once as if everybody's
language were known, once as if nobody's were.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from sayso.core.classifier import Classifier
from sayso.core.intents import Lexicon
from sayso.core.understanding import STOPS, Understanding
from sayso.rules.reader import load_classifier, load_words

ROOT: Final = Path(__file__).resolve().parent.parent
SETS: Final = ("dev", "heldout", "adversarial", "unpunctuated")
MODEL: Final = ROOT / "src/sayso/rules/intents.bin"


class Row(NamedTuple):
    lang: str
    text: str
    label: str


class Result(NamedTuple):
    row: Row
    label: str
    grade: str


@dataclass(slots=True)
class Aims:
    """The four figures, in parts of one, and what they are counted from."""

    stops: int = 0
    others: int = 0
    recognised: float = 0.0
    certain: float = 0.0
    wrongly_certain: float = 0.0
    wrongly_held: float = 0.0
    labels_right: float = 0.0
    results: list[Result] = field(default_factory=list)


def rows_of(name: str) -> list[Row]:
    """The sentences of training/NAME."""
    found = []
    for path in sorted((ROOT / "training" / name).glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            found.append(Row(row["lang"], row["text"], row["label"]))
    return found


def measure(rows: Sequence[Row], words: Understanding, *, known: bool) -> Aims:
    """Read every sentence, with its language or without."""
    results = []
    for row in rows:
        reading = words.read(row.text, row.lang if known else None)
        label = {"status": "help", "preferences": "help"}.get(reading.intent or "", reading.intent) or "other"
        results.append(Result(row, label, reading.grade))
    return counted(results)


def counted(results: Sequence[Result]) -> Aims:
    """The figures of these readings."""
    stops = [one for one in results if one.row.label in STOPS]
    others = [one for one in results if one.row.label not in STOPS]

    def part(of: Sequence[Result], *grades: str) -> float:
        return sum(one.label in STOPS and one.grade in grades for one in of) / max(len(of), 1)

    return Aims(len(stops), len(others), part(stops, "certain", "likely"), part(stops, "certain"),
                part(others, "certain"), part(others, "likely"),
                sum(one.label == one.row.label for one in results) / max(len(results), 1), list(results))


def by_language(aims: Aims) -> list[str]:
    """A line per language: how many of its stops were heard, and how much else was taken for one."""
    heads = f"{'recognised':>12}{'certain':>9}{'others':>8}{'wrongly certain':>17}{'held':>7}"
    lines = [f"{'language':10}{'stops':>6}{heads}"]
    for lang in sorted({one.row.lang for one in aims.results}):
        own = counted([one for one in aims.results if one.row.lang == lang])
        lines.append(f"{lang:10}{own.stops:6}{own.recognised:12.1%}{own.certain:9.1%}{own.others:8}"
                     f"{own.wrongly_certain:17.1%}{own.wrongly_held:7.1%}")
    return lines


def by_label(aims: Aims) -> list[str]:
    """A line per label and grade: precision of what was read so, recall of what is so."""
    lines = [f"{'label':18}{'sentences':>10}{'precision':>11}{'recall':>8}{'certain: precision':>20}{'recall':>8}"]
    for label in sorted({one.row.label for one in aims.results}):
        real = [one for one in aims.results if one.row.label == label]
        read = [one for one in aims.results if one.label == label]
        sure = [one for one in read if one.grade == "certain"]

        def right(of: Sequence[Result], label: str = label) -> int:
            return sum(one.label == one.row.label == label for one in of)

        lines.append(f"{label:18}{len(real):10}{right(read) / max(len(read), 1):11.1%}"
                     f"{right(read) / max(len(real), 1):8.1%}"
                     + (f"{right(sure) / max(len(sure), 1):20.1%}{right(sure) / max(len(real), 1):8.1%}"
                        if label != "other" else ""))
    return lines


def told(name: str, aims: Aims, *, known: bool) -> str:
    """The four figures in two lines."""
    return (f"{name}, language {'given' if known else 'not given'}: {aims.stops} stops, {aims.others} others\n"
            f"  stops recognised {aims.recognised:.1%}, certain {aims.certain:.1%}; others wrongly certain "
            f"{aims.wrongly_certain:.2%}, wrongly held {aims.wrongly_held:.2%}; label right {aims.labels_right:.1%}")


def costs(rows: Sequence[Row]) -> str:
    """Processor time, so that a busy machine measures the same."""
    start = time.process_time()
    model = MODEL.read_bytes()
    classifier = Classifier(model)
    load = time.process_time() - start
    words = Understanding(Lexicon(load_words()), classifier)
    start = time.process_time()
    for row in rows:
        words.read(row.text)
    each = (time.process_time() - start) / max(len(rows), 1)
    return (f"{each * 1e6:.0f} microseconds a message, {load * 1e3:.0f} ms to load the model, {len(model):,} bytes in "
            "the package")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--short", action="store_true", help="only the four figures")
    short = arguments.parse_args().short
    words = Understanding(Lexicon(load_words()), load_classifier())
    for name in SETS:
        rows = rows_of(name)
        for known in (True, False):
            aims = measure(rows, words, known=known)
            print(told(name, aims, known=known))
            if not short:
                print("\n".join(["", *by_language(aims), "", *by_label(aims), ""]))
    print(costs(rows_of("dev")))


if __name__ == "__main__":
    main()
