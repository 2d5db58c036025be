"""The order of tokens in a padded batch."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["mirror"]

Scalar = TypeVar("Scalar", bound=np.generic)


def mirror(values: NDArray[Scalar], lengths: NDArray[np.int64], *, ragged: bool) -> NDArray[Scalar]:
    """Reverses each sequence within its own length; the padding stays behind it.

    Args:
        values: ``(seq_len, batch_size, ...)``.
        lengths: ``(batch_size,)``.
        ragged: Whether some sequence is shorter than ``seq_len``.
    """
    if not ragged:
        return values[::-1].copy()
    steps = np.arange(len(values))[:, None]
    index = lengths - 1 - steps
    return values[np.where(index >= 0, index, steps), np.arange(values.shape[1])]
