"""What a linear chain says about one sequence: marginals, and the conditionals along the sequence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.chain.paths import best_paths
from bilstm_tagger.chain.sums import Messages, messages

__all__ = ["Posterior", "best_posterior", "path_posterior"]

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]

# A sequence of more than half of all probability is the most probable one. The rest is room for rounding.
_MAJORITY = 0.51


@dataclass(frozen=True, slots=True)
class Posterior:
    """The fields of ``nn.PathPosterior``, but time-major.

    Attributes:
        path: ``(seq_len, batch_size)``.
        marginals: ``(seq_len, batch_size, num_tags)``.
        conditionals: Same shape.
        predecessors: Same shape, or None.
    """

    path: Integers
    marginals: Floats
    conditionals: Floats
    predecessors: Floats | None


def path_posterior(
    sums: Messages, path: Integers | None, lengths: Integers, *, predecessors: bool = False
) -> Posterior:
    """Returns marginals, and what each tag's neighbours are given the path.

    Args:
        sums: Of the batch.
        path: ``(seq_len, batch_size)``; None takes the most probable tag of each token.
        lengths: ``(batch_size,)``.
        predecessors: Whether to compute those too.
    """
    if path is None:
        path = sums.marginals.argmax(axis=-1)
    mask = np.arange(len(path))[:, None] < lengths if int(lengths.min()) < len(path) else None
    following = np.empty_like(sums.marginals)
    following[0] = sums.marginals[0]
    np.multiply(sums.step[path[:-1]], sums.beta[1:], out=following[1:])
    before = None
    if predecessors:
        before = np.zeros_like(sums.marginals)
        np.multiply(sums.step.T[path[1:]], sums.alpha[:-1], out=before[1:])
    for weights in (following[1:], None if before is None else before[1:]):
        if weights is not None:
            weights /= np.maximum(weights.sum(axis=-1, keepdims=True), np.finfo(weights.dtype).tiny)
            if mask is not None:
                weights *= mask[1:, :, None]
    return Posterior(path, sums.marginals, following, before)


def best_posterior(
    emissions: Floats,
    start: Floats,
    transitions: Floats,
    end: Floats,
    lengths: Integers,
    *,
    predecessors: bool = False,
) -> Posterior | None:
    """Returns the posterior along the most probable sequence; the arguments are those of ``messages``.

    Where the most probable tags of all tokens make a sequence that has most of all probability, no other can have
    more: only for the rest of the batch is the best sequence sought.

    Returns:
        None where ``messages`` gives None.
    """
    sums = messages(emissions, start, transitions, end, lengths)
    if sums is None:
        return None
    found = path_posterior(sums, None, lengths, predecessors=predecessors)
    chosen = np.take_along_axis(found.conditionals, found.path[..., None], axis=-1)[..., 0]  # (seq_len, batch_size)
    if int(lengths.min()) < len(chosen):
        chosen[np.arange(len(chosen))[:, None] >= lengths] = 1.0
    open_rows = np.nonzero(~(chosen.prod(axis=0) > _MAJORITY))[0]
    if not len(open_rows):
        return found
    path = found.path
    longest = int(lengths[open_rows].max())
    path[:longest, open_rows] = best_paths(emissions[:longest, open_rows], start, transitions, end, lengths[open_rows])
    return path_posterior(sums, path, lengths, predecessors=predecessors)
