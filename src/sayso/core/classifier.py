"""A linear classifier from one block of bytes: which of nine labels a text most likely has, and how likely.

The bytes come from `tools/train_intents.py`: a line of magic, the length of a JSON header, the header (labels, sizes,
the phrase book, the denials, thresholds, a checksum of everything it was made from), then one byte per feature and
label (128 is zero), deflated. The numbers are whole, so every machine reads the same weights; those of one feature
stand together, so that looking at it costs one visit to the memory and not nine.
"""

from __future__ import annotations

import json
import math
import zlib
from dataclasses import dataclass
from typing import Any, Final

from sayso.core.denials import Denials
from sayso.core.features import features
from sayso.core.phrases import Phrasebook

MAGIC: Final = b"sayso-intents/1\n"
#: Bytes of the header and of the weights at most: a broken file ends here and not in memory.
MAX_HEADER, MAX_WEIGHTS = 2_000_000, 16_000_000
#: The byte that stands for no weight.
ZERO: Final = 128


class BrokenModel(ValueError):
    """The bytes are no model."""


@dataclass(frozen=True, slots=True)
class Guess:
    """How likely each label is, and which ideas the text has."""

    chances: dict[str, float]
    ideas: frozenset[str]


class Classifier:
    """Immutable once built. Raises BrokenModel on bytes that are no model."""

    def __init__(self, model: bytes) -> None:
        header, packed = _parts(model)
        try:
            self.labels: tuple[str, ...] = tuple(header["labels"])
            self.bits = int(header["bits"])
            self.certain, self.likely, self.sure, self.leaning = map(float, header["thresholds"])
            self.inputs = str(header["inputs"])
            self._scale, self._bias = float(header["scale"]), [float(bias) for bias in header["bias"]]
            self._idea_weight = float(header["idea_weight"])
            self._book = Phrasebook(header["phrases"])
            self.denials = Denials(header["denials"])
            weights = zlib.decompressobj().decompress(packed, MAX_WEIGHTS)
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as problem:
            raise BrokenModel("the header or the weights cannot be read") from problem
        rows = 1 << self.bits
        if len(weights) != rows * len(self.labels) or len(self._bias) != len(self.labels):
            raise BrokenModel("the weights are not as many as the header says")
        self._weights = weights

    def guess(self, text: str) -> Guess:
        """The chances of all labels; they add up to one."""
        pieces, ideas, named = features(text, self._book, self.bits)
        of_pieces = self._scale / math.sqrt(max(len(pieces), 1))
        of_ideas = self._scale * self._idea_weight / math.sqrt(max(len(ideas), 1))
        by_pieces, by_ideas = self._sums(pieces), self._sums(ideas)
        scores = [of_pieces * piece + of_ideas * idea + bias
                  for piece, idea, bias in zip(by_pieces, by_ideas, self._bias, strict=True)]
        top = max(scores)
        odds = [math.exp(score - top) for score in scores]
        total = sum(odds)
        return Guess({label: odd / total for label, odd in zip(self.labels, odds, strict=True)}, named)

    def _sums(self, numbers: list[int]) -> list[int]:
        """For each label the sum of the weights of these features."""
        width, weights = len(self.labels), self._weights
        if not numbers:
            return [0] * width
        rows = [weights[start:start + width] for start in [number * width for number in numbers]]
        zero = ZERO * len(numbers)
        return [sum(column) - zero for column in zip(*rows, strict=True)]


def _parts(model: bytes) -> tuple[dict[str, Any], bytes]:
    start = len(MAGIC) + 4
    if not model.startswith(MAGIC) or len(model) < start:
        raise BrokenModel("it does not begin like a model")
    length = int.from_bytes(model[len(MAGIC):start], "big")
    if length > MAX_HEADER:
        raise BrokenModel("its header is too long")
    try:
        header = json.loads(model[start:start + length])
    except ValueError as problem:
        raise BrokenModel("its header is no JSON") from problem
    if not isinstance(header, dict):
        raise BrokenModel("its header is no object")
    return header, model[start + length:]


def packed(header: dict[str, Any], weights: bytes) -> bytes:
    """The bytes of a model. Weights are feature after feature, one byte per label."""
    head = json.dumps(header, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    return MAGIC + len(head).to_bytes(4, "big") + head + zlib.compress(weights, 9)
