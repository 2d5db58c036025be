"""Segment overlap (SOV): how well predicted helices, strands and coils match as segments, not residue by residue.

Three definitions; ``s1`` is a segment of the reference, ``s2`` an overlapping predicted one of the same state,
``minov`` the length of their overlap and ``maxov`` that of their union. A pair earns
``len(s1) * (minov + delta) / maxov``:

- ``sov94`` (Rost, Sander & Schneider 1994): ``delta = min(maxov - minov, minov, len(s1) // 2)``; the sum is divided by
  the reference's residues, and can exceed 1.
- ``sov99`` (Zemla, Venclovas, Fidelis & Rost 1999): ``delta`` is also at most ``len(s2) // 2``; the divisor counts
  ``len(s1)`` once for each pair, and once for each segment that nothing overlaps.
- ``sov_refine`` (Liu & Wang 2018): ``delta = min(D * len(s1)/L * minov/maxov, maxov - minov)`` with
  ``D = scale * (states in the reference) / sum((segment length / L)^2)``; the divisor of ``sov99``.

Sums and divisors are pooled over the states of a chain. For a data set the mean over its chains is usual.

Residues without coordinates (None in the reference) belong to no segment, in the reference nor in the prediction,
and are not counted in any length: they break segments. Programs that are given only the residues with coordinates
join what lies on both sides of a gap instead; without gaps both are the same. Breaking is our choice, since a
helix on either side of a missing loop is not one helix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.evaluation.pairs import UNKNOWN, TagPairs, check_pairs, encode_pairs

__all__ = ["SovMethod", "sov", "sov_per_chain"]

SovMethod = Literal["sov94", "sov99", "sov_refine"]


def sov(
    reference: Sequence[str | None],
    predicted: Sequence[str],
    *,
    method: SovMethod = "sov99",
    state: str | None = None,
    allowance: bool = True,
    scale: float = 1.0,
    first_only: bool = False,
) -> float:
    """Scores one chain.

    Args:
        reference: The true states, None where unknown; any letters.
        predicted: The predicted states.
        method: The definition.
        state: Score the segments of this state only.
        allowance: False makes every ``delta`` zero.
        scale: Lambda of ``sov_refine``.
        first_only: Count for each reference segment the first overlapping predicted segment only, as figure 3 of
            Rost et al. does.

    Returns:
        The score as a fraction; NaN when the reference has no residue of that state.

    Raises:
        InputError: The lengths differ, or the reference has no known residue.
    """
    check_pairs([reference], [predicted])
    pairs = encode_pairs([reference], [predicted])
    chains = sov_per_chain(pairs, method=method, state=state, allowance=allowance, scale=scale, first_only=first_only)
    return float(chains[0])


def sov_per_chain(
    pairs: TagPairs,
    *,
    method: SovMethod = "sov99",
    state: str | None = None,
    allowance: bool = True,
    scale: float = 1.0,
    first_only: bool = False,
) -> NDArray[np.float64]:
    """Scores all chains of a data set at once; arguments as for `sov`.

    Returns:
        One score a chain ``(num_chains,)``; NaN where the chain has no reference residue (of that state).
    """
    num_chains = len(pairs.lengths)
    chain = np.repeat(np.arange(num_chains), pairs.lengths)  # (num_tokens,)
    truth = _segments(pairs.gold, chain)
    guess = _segments(np.where(pairs.known, pairs.predicted, UNKNOWN), chain)
    overlap = _overlaps(pairs, truth, guess)
    if first_only:
        overlap = overlap.take(np.unique(overlap.truth, return_index=True)[1])
    counted = truth.state != UNKNOWN  # (num_segments,)
    if method == "sov_refine":
        bound = _refined_bound(truth, counted, num_chains, scale)
        wanted = bound[truth.chain[overlap.truth]] * truth.length[overlap.truth] * overlap.smaller / overlap.larger
        delta = np.minimum(wanted, overlap.larger - overlap.smaller)
    else:
        delta = np.minimum(overlap.larger - overlap.smaller, overlap.smaller)
        delta = np.minimum(delta, truth.length[overlap.truth] // 2)
        if method == "sov99":
            delta = np.minimum(delta, guess.length[overlap.guess] // 2)
    if not allowance:
        delta = np.zeros_like(delta)
    if state is not None:
        code = pairs.labels.index(state) if state in pairs.labels else len(pairs.labels)
        counted = counted & (truth.state == code)
    earned = truth.length[overlap.truth] * (overlap.smaller + delta) / overlap.larger * counted[overlap.truth]
    times = np.bincount(overlap.truth, minlength=len(truth.length))  # how many segments overlap this one
    weight = counted * truth.length * (1 if method == "sov94" else np.maximum(times, 1))
    total = np.bincount(truth.chain, weights=weight, minlength=num_chains)
    numerator = np.bincount(truth.chain[overlap.truth], weights=earned, minlength=num_chains)
    scores = np.full(num_chains, np.nan)
    np.divide(numerator, total, out=scores, where=total > 0)
    return scores


@dataclass(frozen=True, slots=True)
class _Segments:
    """Maximal runs of one state within a chain, those of ``UNKNOWN`` included; arrays ``(num_segments,)``."""

    state: NDArray[np.int64]
    chain: NDArray[np.int64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    index: NDArray[np.int64]  # (num_tokens,): the segment each token lies in

    @property
    def length(self) -> NDArray[np.int64]:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class _Overlaps:
    """Pairs of overlapping segments of one state; arrays ``(num_pairs,)``, ordered by position."""

    truth: NDArray[np.int64]
    guess: NDArray[np.int64]
    smaller: NDArray[np.int64]
    larger: NDArray[np.int64]

    def take(self, kept: NDArray[np.int64]) -> _Overlaps:
        return _Overlaps(self.truth[kept], self.guess[kept], self.smaller[kept], self.larger[kept])


def _segments(states: NDArray[np.int64], chain: NDArray[np.int64]) -> _Segments:
    first = np.ones(len(states), dtype=bool)  # (num_tokens,)
    first[1:] = (states[1:] != states[:-1]) | (chain[1:] != chain[:-1])
    start = np.flatnonzero(first)
    end = np.append(start[1:], len(states)) if len(start) else start
    return _Segments(states[start], chain[start], start, end, np.cumsum(first) - 1)


def _overlaps(pairs: TagPairs, truth: _Segments, guess: _Segments) -> _Overlaps:
    # Two runs meet in one run of positions, so a pair begins wherever either segment changes among the agreements.
    agreed = np.flatnonzero(pairs.gold == pairs.predicted)
    first, second = truth.index[agreed], guess.index[agreed]
    begins = np.ones(len(agreed), dtype=bool)
    begins[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    position = np.flatnonzero(begins)
    smaller = np.diff(np.append(position, len(agreed)))
    first, second = first[position], second[position]
    larger = np.maximum(truth.end[first], guess.end[second]) - np.minimum(truth.start[first], guess.start[second])
    return _Overlaps(first, second, smaller, larger)


def _refined_bound(truth: _Segments, counted: NDArray[np.bool_], num_chains: int, scale: float) -> NDArray[np.float64]:
    """``D / L`` of each chain ``(num_chains,)``: with L residues, ``scale * states * L / sum(segment length^2)``."""
    length, chain = truth.length[counted], truth.chain[counted]
    residues = np.bincount(chain, weights=length, minlength=num_chains)
    squares = np.bincount(chain, weights=length.astype(np.float64) ** 2, minlength=num_chains)
    distinct = np.unique(np.stack([chain, truth.state[counted]]), axis=1)[0]
    states = np.bincount(distinct, minlength=num_chains)
    inverse = np.zeros(num_chains)
    np.divide(residues, squares, out=inverse, where=squares > 0)
    return scale * states * inverse
