"""How sure a score is: percentile bootstrap over sentences or chains, and paired tests of two models.

Tokens of one sentence stand and fall together, so whole sentences (chains, for proteins) are drawn. Every score here
is a ratio of sums over them: F1 is ``sum(2 * right) / sum(gold + predicted)``, a mean over chains
``sum(score) / sum(1)``. So a resample needs no rescoring, only new weights on each unit's share of both sums.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import InputError, suggest

__all__ = ["LEVEL", "RESAMPLES", "Comparison", "Intervals", "UnitShares", "compare_shares", "intervals"]

LEVEL = 0.95
RESAMPLES = 1000
EXCHANGES = 10_000
_BLOCK = 4_000_000  # numbers held at a time

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class UnitShares:
    """What each sentence or chain adds to the two sums of each score.

    Attributes:
        unit: What is drawn.
        names: The scores, as ``Report.to_dict`` names them; those of a reading as ``strict.f1``.
        values: ``(num_units, num_scores, 2)``, float64: shares of the numerator and of the denominator.
    """

    unit: Literal["sentences", "chains"]
    names: tuple[str, ...]
    values: Floats

    @classmethod
    def of(cls, unit: Literal["sentences", "chains"], shares: Mapping[str, tuple[Floats, Floats]]) -> UnitShares:
        """Joins numerators and denominators ``(num_units,)`` by score."""
        values = np.stack([np.stack(pair, axis=-1) for pair in shares.values()], axis=1).astype(np.float64)
        return cls(unit, tuple(shares), values)

    @property
    def scores(self) -> Floats:
        """The scores themselves ``(num_scores,)``."""
        return _ratios(self.values.sum(axis=0))


@dataclass(frozen=True, slots=True)
class Intervals:
    """Bootstrap intervals of a report's scores, as fractions.

    Attributes:
        level: The share of resamples that lies between the bounds.
        resamples: How many were drawn.
        unit: What was drawn.
        units: How many of them there are; those without anything to score are left out.
        bounds: ``(low, high)`` by score.
    """

    level: float
    resamples: int
    unit: str
    units: int
    bounds: Mapping[str, tuple[float, float]]

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures, JSON-ready."""
        return {
            "level": self.level,
            "resamples": self.resamples,
            "unit": self.unit,
            "units": self.units,
            "bounds": {name: list(pair) for name, pair in self.bounds.items()},
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same data, paired by sentence or chain.

    Attributes:
        score: The score compared.
        first: The first model's.
        second: The second model's.
        low: Lower bound of ``first - second``, by the paired percentile bootstrap.
        high: Its upper bound.
        p_value: Probability, were the models exchangeable, of a difference at least as large either way.
        level: Of the interval.
        unit: What was drawn and exchanged.
        units: How many of them differ between the models in this score's shares.
    """

    score: str
    first: float
    second: float
    low: float
    high: float
    p_value: float
    level: float
    unit: str
    units: int

    @property
    def difference(self) -> float:
        """``first - second``."""
        return self.first - self.second

    def to_dict(self) -> dict[str, Any]:
        """Returns the figures, JSON-ready."""
        return {name: getattr(self, name) for name in self.__slots__} | {"difference": self.difference}


def intervals(
    shares: UnitShares, *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Intervals | None:
    """Computes percentile bootstrap intervals (Efron 1979) of all scores from the same resamples.

    Args:
        shares: Of the units.
        level: Between 0 and 1.
        resamples: How many to draw.
        seed: Equal seeds give equal intervals.

    Returns:
        None where there are fewer than two units: one tells nothing of how units vary.
    """
    values = shares.values[shares.values.any(axis=(1, 2))]
    if len(values) < 2:
        return None
    ratios = _ratios(_resampled(values, resamples, np.random.default_rng(seed)))  # (resamples, num_scores)
    low, high = np.quantile(ratios, [(1 - level) / 2, (1 + level) / 2], axis=0).tolist()
    bounds = dict(zip(shares.names, zip(low, high, strict=True), strict=True))
    return Intervals(level, resamples, shares.unit, len(values), bounds)


def compare_shares(
    first: UnitShares,
    second: UnitShares,
    name: str,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    exchanges: int = EXCHANGES,
    seed: int = 0,
) -> Comparison:
    """Compares two models in one score: approximate randomisation (Noreen 1989) and the paired bootstrap.

    Under the null hypothesis it does not matter which model a sentence's tags come from: they are exchanged at random.

    Args:
        first: Of one model.
        second: Of the other, on the same units.
        name: The score.
        level: Of the interval of the difference.
        resamples: Bootstrap draws for the interval.
        exchanges: Random exchanges for the p-value.
        seed: Equal seeds give equal results.

    Raises:
        InputError: The units differ, or there is no such score.
    """
    if first.unit != second.unit or len(first.values) != len(second.values):
        raise InputError(
            "two models can be compared on the same data only",
            received=f"{len(first.values):,} {first.unit} and {len(second.values):,} {second.unit}",
        )
    if name not in first.names or name not in second.names:
        accepted = [known for known in first.names if known in second.names]
        raise InputError("there is no such score", received=name, accepted=accepted, hint=suggest(name, accepted))
    ours, theirs = first.values[:, first.names.index(name)], second.values[:, second.names.index(name)]  # (units, 2)
    rng = np.random.default_rng(seed)
    observed = _ratios(ours.sum(axis=0)) - _ratios(theirs.sum(axis=0))

    change = (theirs - ours)[(theirs != ours).any(axis=1)]  # (num_changed, 2)
    moved = np.concatenate(
        [
            rng.integers(0, 2, size=(size, len(change)), dtype=np.int8).astype(np.float64) @ change
            for size in _blocks(exchanges, len(change))
        ]
    )  # (exchanges, 2)
    exchanged = _ratios(ours.sum(axis=0) + moved) - _ratios(theirs.sum(axis=0) - moved)
    # Sums in another order differ in the last digits; a tie must count as one.
    as_large = int((np.abs(exchanged) >= abs(observed) - 1e-12).sum())

    drawn = _ratios(_resampled(np.stack([ours, theirs], axis=1), resamples, rng))  # (resamples, 2)
    low, high = np.quantile(drawn[:, 0] - drawn[:, 1], [(1 - level) / 2, (1 + level) / 2]).tolist()
    return Comparison(
        score=name,
        first=float(_ratios(ours.sum(axis=0))),
        second=float(_ratios(theirs.sum(axis=0))),
        low=low,
        high=high,
        p_value=(as_large + 1) / (exchanges + 1),
        level=level,
        unit=first.unit,
        units=len(change),
    )


def _resampled(values: Floats, resamples: int, rng: np.random.Generator) -> Floats:
    """Sums over units drawn with replacement: ``(num_units, ...)`` to ``(resamples, ...)``."""
    num_units = len(values)
    flat = values.reshape(num_units, -1)
    sums = []
    for size in _blocks(resamples, num_units):
        drawn = rng.integers(0, num_units, size=(size, num_units))
        drawn += np.arange(size)[:, None] * num_units
        times = np.bincount(drawn.ravel(), minlength=size * num_units).reshape(size, num_units)
        sums.append(times.astype(np.float64) @ flat)
    return np.concatenate(sums).reshape(resamples, *values.shape[1:])


def _blocks(resamples: int, num_units: int) -> Iterator[int]:
    """Yields how many resamples to take at a time, so that memory does not grow with them."""
    size = max(1, _BLOCK // max(num_units, 1))
    for begin in range(0, resamples, size):
        yield min(size, resamples - begin)


def _ratios(sums: Floats) -> Floats:
    """Numerator by denominator along the last axis; 0.0 where the denominator is zero."""
    numerator, denominator = sums[..., 0], sums[..., 1]
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
