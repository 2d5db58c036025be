"""Whether a model's probabilities can be taken at their word: what it says 0.9 of should be right 9 times of 10."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["THRESHOLDS", "Bin", "Calibration", "Threshold", "calibration", "thresholds"]

BINS = 10
THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions whose probability lies in ``[low, high)``; in the last bin also 1.

    Attributes:
        low: Lower bound.
        high: Upper bound.
        count: Predictions in it.
        confidence: Their mean probability; 0.0 where there are none.
        accuracy: The share of them that is right; 0.0 where there are none.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Probabilities against outcomes.

    Attributes:
        of: What was predicted: ``tags`` or ``spans``.
        count: Predictions.
        confidence: Their mean probability.
        accuracy: The share that is right.
        error: Expected calibration error: the mean over predictions of ``|accuracy - confidence|`` of their bin
            (Naeini, Cooper & Hauskrecht 2015).
        brier: Mean squared difference of probability and outcome.
        bins: The reliability table, ten bins of equal width.
    """

    of: str
    count: int
    confidence: float
    accuracy: float
    error: float
    brier: float
    bins: tuple[Bin, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures, JSON-ready; the error as ``expected_calibration_error``."""
        record = asdict(self) | {"bins": [asdict(row) for row in self.bins]}
        record["expected_calibration_error"] = record.pop("error")
        return record


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is left when only spans of at least this probability are kept.

    Attributes:
        probability: The least probability kept.
        kept: Spans kept.
        precision: Right among them; 0.0 where there are none.
        recall: Right and kept among gold.
        f1: Harmonic mean of the two.
    """

    probability: float
    kept: int
    precision: float
    recall: float
    f1: float

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures by name."""
        return asdict(self)


def calibration(of: str, probability: Floats, right: Bools) -> Calibration | None:
    """Compares probabilities with outcomes; None where nothing was predicted.

    Args:
        of: What was predicted.
        probability: Of each prediction ``(num_predictions,)``.
        right: Whether it is right, same shape.
    """
    if not len(probability):
        return None
    place = np.minimum((probability * BINS).astype(np.int64), BINS - 1)  # (num_predictions,)
    count = np.bincount(place, minlength=BINS)
    filled = np.maximum(count, 1)
    confidence = np.bincount(place, weights=probability, minlength=BINS) / filled  # (BINS,)
    accuracy = np.bincount(place, weights=right, minlength=BINS) / filled
    rows = zip(count.tolist(), confidence.tolist(), accuracy.tolist(), strict=True)
    return Calibration(
        of=of,
        count=len(probability),
        confidence=float(probability.mean()),
        accuracy=float(right.mean()),
        error=float((count * np.abs(accuracy - confidence)).sum() / len(probability)),
        brier=float(np.square(probability - right).mean()),
        bins=tuple(Bin(index / BINS, (index + 1) / BINS, *row) for index, row in enumerate(rows)),
    )


def thresholds(
    probability: Floats, right: Bools, gold: int, *, at: Sequence[float] = THRESHOLDS
) -> tuple[Threshold, ...]:
    """Shows what a threshold on the probability trades: precision for recall.

    Args:
        probability: Of each predicted span ``(num_spans,)``.
        right: Whether it is a gold span, same shape.
        gold: How many gold spans there are.
        at: The thresholds.
    """
    rows = []
    for least in at:
        kept = probability >= least
        count, hits = int(kept.sum()), int((kept & right).sum())
        precision, recall = hits / max(count, 1), hits / max(gold, 1)
        rows.append(Threshold(least, count, precision, recall, 2 * hits / max(count + gold, 1)))
    return tuple(rows)
