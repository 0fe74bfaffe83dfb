"""Trains the model that reads free text: `make intents`.

Reads training/intents/*.jsonl, training/phrases/*.toml and training/denials/*.toml, writes src/sayso/rules/intents.bin.
Same files, same model: nothing here depends on time or chance. `--check` only says whether the model belongs to the
files. `--folds 5` trains on four fifths, measures on the fifth that was held out, five times; `--languages` holds out
whole languages instead.
training/dev, heldout, adversarial and unpunctuated are read here only to leave out of the training what stands in them
word by word.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from sayso.core.classifier import ZERO, BrokenModel, Classifier, packed
from sayso.core.denials import FRAME, LISTS, MAX_WORDS, tokens
from sayso.core.features import features
from sayso.core.intents import fold
from sayso.core.phrases import UNSPACED, Phrasebook, keyed

ROOT: Final = Path(__file__).resolve().parent.parent
MODEL: Final = ROOT / "src/sayso/rules/intents.bin"
LABELS: Final = ("stop", "stop_promotional", "start", "yes", "no", "help", "snooze", "privacy", "other")
#: 2^18 rows: with 2^17, two features in three share one.
BITS: Final = 18
#: How much the ideas weigh beside the pieces.
IDEA_WEIGHT: Final = 2.0
ROUNDS, RATE, DECAY, SEED = 15, 0.3, 1e-6, 1
#: Chosen where the folds' curve bends, then moved by a few hundredths after the first figures (docs/intents.md).
#: From which chance a stop is certain, a stop is likely, another intent is certain, another intent is likely.
THRESHOLDS: Final = (0.88, 0.55, 0.8, 0.5)
#: Part of the inputs besides the sentences: what decides how they are seen.
SOURCES: Final = ("core/features.py", "core/phrases.py")

Rows = list[tuple[str, str, str]]


def inputs(root: Path = ROOT) -> str:
    """A checksum of everything the model depends on."""
    folders = [("intents", "*.jsonl"), ("phrases", "*.toml"), ("denials", "*.toml")]
    files = [*(path for folder, names in folders for path in sorted((root / "training" / folder).glob(names))),
             *(root / "src/sayso" / name for name in SOURCES), root / "tools/train_intents.py"]
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def phrases(root: Path = ROOT) -> dict[str, list[str]]:
    """The words of all languages by idea."""
    book: dict[str, set[str]] = {}
    for path in sorted((root / "training/phrases").glob("*.toml")):
        for idea, words in tomllib.loads(path.read_text("utf-8")).items():
            book.setdefault(idea, set()).update(filter(None, map(keyed, words)))
    return {idea: sorted(words) for idea, words in sorted(book.items())}


def denials(root: Path = ROOT) -> dict[str, Any]:
    """The denials of each language, every phrase as the words it is compared by; names nobody reads are refused."""
    book: dict[str, Any] = {}
    for path in sorted((root / "training/denials").glob("*.toml")):
        lists = tomllib.loads(path.read_text("utf-8"))
        frames = lists.pop("frames", [])
        unknown = (lists.keys() - set(LISTS)) | {name for frame in frames for name in frame.keys() - set(FRAME)}
        if unknown:
            raise SystemExit(f"{path.name}: {', '.join(sorted(unknown))} is no list of denials")
        split = [{name: _split(path.name, part) for name, part in frame.items()} for frame in frames]
        book[path.stem] = {name: _split(path.name, part) for name, part in lists.items()} | {"frames": split}
    return book


def _split(where: str, phrases: list[str]) -> list[list[str]]:
    """Each phrase as tokens, once, a "*" kept at the end of any word."""
    split = {tuple(part for word in phrase.split() for part in _parts(keyed(word))) for phrase in phrases}
    if too_long := next((phrase for phrase in split if not 0 < len(phrase) <= MAX_WORDS), None):
        raise SystemExit(f"{where}: {' '.join(too_long)!r} has no words or more than {MAX_WORDS}")
    return sorted(map(list, split))


def _parts(word: str) -> list[str]:
    """The tokens of a keyed word; only a whole word of a spaced script may be a beginning."""
    parts = [token for token, _ in tokens(word.rstrip("*"))]
    return [*parts[:-1], parts[-1] + "*"] if parts and word.endswith("*") and not UNSPACED.search(word) else parts


def sentences(*folders: str) -> Iterator[tuple[str, str, str]]:
    """(language, text, label) of every line in training/FOLDER/*.jsonl; a line may name its own language."""
    for folder in folders:
        for path in sorted((ROOT / "training" / folder).glob("*.jsonl")):
            for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
                row = json.loads(line) if line.strip() else None
                if row is not None and row["label"] not in LABELS:
                    raise SystemExit(f"{path.name}:{number}: no such label")
                if row is not None:
                    yield row.get("lang", path.stem), row["text"], row["label"]


def training_rows() -> Rows:
    """Every sentence once per language, without those that are measured with."""
    measured = {fold(text) for _, text, _ in sentences("dev", "heldout", "adversarial", "unpunctuated")}
    kept: dict[tuple[str, str], tuple[str, str, str]] = {}
    for lang, text, label in sentences("intents"):
        if fold(text) not in measured:
            kept.setdefault((lang, fold(text)), (lang, text, label))
    return list(kept.values())


def encoded(rows: Rows, book: Phrasebook) -> list[tuple[Any, Any, int]]:
    """The rows as numbers: which features, how strong each, which label."""
    done = []
    for _, text, label in rows:
        pieces, ideas, _ = features(text, book, BITS)
        strength = np.concatenate([np.full(len(pieces), 1 / math.sqrt(max(len(pieces), 1)), np.float32),
                                   np.full(len(ideas), IDEA_WEIGHT / math.sqrt(max(len(ideas), 1)), np.float32)])
        done.append((np.array(pieces + ideas, dtype=np.int64), strength, LABELS.index(label)))
    return done


def learn(examples: Sequence[tuple[Any, Any, int]]) -> tuple[Any, Any]:
    """Weights and biases: logistic regression over all labels, AdaGrad, one example at a time."""
    weights = np.zeros((1 << BITS, len(LABELS)), np.float32)
    seen = np.full(weights.shape, 1e-4, np.float32)
    bias = np.zeros(len(LABELS), np.float32)
    order, chance = list(range(len(examples))), random.Random(SEED)  # noqa: S311  (an order, not a secret)
    for _ in range(ROUNDS):
        chance.shuffle(order)
        for index in order:
            rows, strength, label = examples[index]
            now = weights[rows]
            scores = strength @ now + bias
            error = np.exp(scores - scores.max())
            error /= error.sum()
            error[label] -= 1
            step = strength[:, None] * error[None] + DECAY * now
            total = seen[rows] + step * step
            seen[rows] = total
            weights[rows] = now - RATE * step / np.sqrt(total)
            bias -= 0.02 * error
    return weights, bias


def model_of(rows: Rows, book: dict[str, list[str]], checksum: str) -> bytes:
    """The bytes of a model trained on these sentences."""
    weights, bias = learn(encoded(rows, Phrasebook(book)))
    scale = float(np.quantile(np.abs(weights[weights != 0]), 0.9995)) / 127
    small = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
    header = {"labels": LABELS, "bits": BITS, "scale": scale, "bias": [float(each) for each in bias],
              "idea_weight": IDEA_WEIGHT, "thresholds": THRESHOLDS, "phrases": book, "denials": denials(),
              "inputs": checksum}
    return packed(header, (small.astype(np.int16) + ZERO).astype(np.uint8).tobytes())


def cross_validate(folds: int, *, by_language: bool) -> None:
    """Print, at several thresholds, what held-out sentences would be read as."""
    rows, book = training_rows(), phrases()
    random.Random(SEED).shuffle(rows)  # noqa: S311  (an order, not a secret)
    groups = sorted({lang for lang, _, _ in rows})
    scored: list[tuple[float, bool]] = []
    for fold_number in range(folds):
        held = [row for i, row in enumerate(rows)
                if (groups.index(row[0]) if by_language else i) % folds == fold_number]
        model = Classifier(model_of([row for row in rows if row not in set(held)], book, ""))
        for _, text, label in held:
            chances = model.guess(text).chances
            scored.append((chances["stop"] + chances["stop_promotional"], label.startswith("stop")))
    stops = [chance for chance, is_stop in scored if is_stop]
    others = [chance for chance, is_stop in scored if not is_stop]
    print(f"{len(stops)} stops, {len(others)} others")
    for threshold in (0.3, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.87, 0.9, 0.95, 0.98, 0.99):
        print(f"from {threshold:.2f}: {sum(s >= threshold for s in stops) / len(stops):6.1%} of stops, "
              f"{sum(o >= threshold for o in others) / len(others):6.2%} of others")


def made_from() -> str | None:
    """The checksum of what the model in the tree was made from; None where there is none that can be read."""
    try:
        return Classifier(MODEL.read_bytes()).inputs
    except (FileNotFoundError, BrokenModel):
        return None


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--folds", type=int, default=0)
    arguments.add_argument("--languages", action="store_true")
    chosen = arguments.parse_args()
    if chosen.folds:
        cross_validate(chosen.folds, by_language=chosen.languages)
        return
    checksum = inputs()
    if made_from() == checksum:
        print(f"{MODEL.name} belongs to the sentences and phrases of this tree")
        return
    if chosen.check:
        sys.exit(f"{MODEL.name} is older than what it was trained on: run `make intents`")
    rows = training_rows()
    model = model_of(rows, phrases(), checksum)
    MODEL.write_bytes(model)
    languages = len({lang for lang, _, _ in rows})
    print(f"{MODEL.name}: {len(rows):,} sentences in {languages} languages, {len(model):,} bytes")


if __name__ == "__main__":
    main()
