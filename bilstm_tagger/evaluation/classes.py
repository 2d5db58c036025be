"""One tag a token: what each tag's precision, recall, F1 and MCC are, and what is taken for what."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.evaluation.pairs import TagPairs

__all__ = ["ClassScores", "ClassTable", "class_table"]


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One tag against all others. A ratio whose denominator is zero is 0.0.

    Attributes:
        precision: Right among predicted.
        recall: Right among gold.
        f1: Harmonic mean of the two.
        mcc: Matthews' correlation coefficient, from -1 to 1.
        support: Tokens with this gold tag.
    """

    precision: float
    recall: float
    f1: float
    mcc: float
    support: int

    def to_dict(self) -> dict[str, Any]:
        """Returns the scores by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class ClassTable:
    """The scores of every tag that occurs, in gold or prediction, on tokens whose gold tag is known.

    Attributes:
        per_class: Scores by tag, sorted by tag.
        macro: Their unweighted mean; its support is the sum.
        confusion: Token counts ``(num_classes, num_classes)``: rows are gold, columns predicted.
    """

    per_class: dict[str, ClassScores]
    macro: ClassScores
    confusion: NDArray[np.int64]

    def confusions(self, limit: int) -> list[tuple[str, str, int]]:
        """Returns the most frequent mistakes as ``(gold, predicted, count)``, at most ``limit``."""
        labels = list(self.per_class)
        mistakes = self.confusion - np.diag(np.diag(self.confusion))
        order = np.argsort(-mistakes, axis=None, kind="stable")[:limit]
        cells = [divmod(int(cell), len(labels)) for cell in order]
        return [
            (labels[row], labels[column], int(mistakes[row, column])) for row, column in cells if mistakes[row, column]
        ]

    def to_dict(self) -> dict[str, Any]:
        """Returns ``per_class``, ``macro`` and ``confusion`` (its labels and counts), JSON-ready."""
        return {
            "per_class": {label: scores.to_dict() for label, scores in self.per_class.items()},
            "macro": self.macro.to_dict(),
            "confusion": {"labels": list(self.per_class), "counts": self.confusion.tolist()},
        }


def class_table(pairs: TagPairs) -> ClassTable:
    """Counts and scores each tag; tokens without a gold tag are left out."""
    known, size = pairs.known, len(pairs.labels)
    cells = pairs.gold[known] * size + pairs.predicted[known]
    confusion = np.bincount(cells, minlength=size * size).reshape(size, size)  # (gold, predicted)
    # A tag that was predicted only where nothing is known plays no part.
    occurs = np.flatnonzero(confusion.sum(axis=0) + confusion.sum(axis=1))
    confusion = confusion[np.ix_(occurs, occurs)]
    scores = _scores(confusion)
    labels = [pairs.labels[index] for index in occurs]
    means = {field.name: float(np.mean([getattr(row, field.name) for row in scores])) for field in fields(ClassScores)}
    macro = ClassScores(means["precision"], means["recall"], means["f1"], means["mcc"], int(confusion.sum()))
    return ClassTable(per_class=dict(zip(labels, scores, strict=True)), macro=macro, confusion=confusion)


def _scores(confusion: NDArray[np.int64]) -> list[ClassScores]:
    right = np.diag(confusion).astype(np.float64)  # (num_classes,), as all below
    predicted = confusion.sum(axis=0).astype(np.float64)
    support = confusion.sum(axis=1).astype(np.float64)
    total = float(confusion.sum())
    precision = _ratio(right, predicted)
    recall = _ratio(right, support)
    f1 = _ratio(2 * right, predicted + support)
    # Matthews 1975 in terms of the margins: tp*tn - fp*fn = tp*total - predicted*support.
    spread = np.sqrt(predicted * support * (total - predicted) * (total - support))
    mcc = _ratio(right * total - predicted * support, spread)
    columns = (precision.tolist(), recall.tolist(), f1.tolist(), mcc.tolist(), support.astype(int).tolist())
    return [ClassScores(*row) for row in zip(*columns, strict=True)]


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
