"""Which sequences go through the network together."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["length_buckets", "padding_share", "sorted_batches"]


def length_buckets(
    lengths: NDArray[np.int64], *, batch_tokens: int, batch_sequences: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Cuts a shuffled data set into batches of similar length, in random order.

    Sequences are sorted by length with ties broken at random, cut, and the batches shuffled. A batch's padded
    size stays within ``batch_tokens``, unless one sequence alone is longer. Empty sequences are left out.

    Args:
        lengths: ``(num_sequences,)``.
        batch_tokens: Padded tokens in a batch, at most.
        batch_sequences: Sequences in a batch, at most.
        rng: Source of the shuffling.

    Returns:
        Index arrays into ``lengths``.
    """
    order = rng.permutation(len(lengths))
    # A little noise in the sort keeps the same neighbours from meeting in every epoch.
    noisy = lengths[order] * rng.uniform(0.95, 1.05, size=len(order))
    order = order[np.argsort(noisy, kind="stable")]
    batches = list(_cut(order[lengths[order] > 0], lengths, batch_tokens, batch_sequences))
    return [batches[index] for index in rng.permutation(len(batches))]


def sorted_batches(
    lengths: NDArray[np.int64], *, batch_tokens: int, batch_sequences: int = 1 << 30
) -> list[NDArray[np.int64]]:
    """Cuts sequences into batches of equal or similar length, shortest first; for tagging."""
    order = np.argsort(lengths, kind="stable")
    return list(_cut(order[lengths[order] > 0], lengths, batch_tokens, batch_sequences))


def padding_share(batches: list[NDArray[np.int64]], lengths: NDArray[np.int64]) -> float:
    """Returns the share of the padded places that hold no token."""
    padded = sum(int(lengths[batch].max()) * len(batch) for batch in batches)
    return 1.0 - sum(int(lengths[batch].sum()) for batch in batches) / padded if padded else 0.0


def _cut(
    order: NDArray[np.int64], lengths: NDArray[np.int64], batch_tokens: int, batch_sequences: int
) -> Iterator[NDArray[np.int64]]:
    begin, longest = 0, 0
    for end, length in enumerate(lengths[order].tolist()):
        longest = max(longest, length)
        count = end - begin + 1
        if count > 1 and (longest * count > batch_tokens or count > batch_sequences):
            yield order[begin:end]
            begin, longest = end, length
    if begin < len(order):
        yield order[begin:]
