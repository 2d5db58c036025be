"""The best sequence of a linear chain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.chain.order import mirror

__all__ = ["best_paths", "halves", "trace"]

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]


def best_paths(emissions: Floats, start: Floats, transitions: Floats, end: Floats, lengths: Integers) -> Integers:
    """Finds the sequence of highest score (Viterbi 1967); the arguments are those of ``messages``.

    The best prefixes of each sequence's first half and the best suffixes of its second half grow in one loop of half
    the length, and meet in the middle; the way back goes outwards from there, again both halves at once. Only scores
    are kept on the way in: on the way out the best neighbour is sought for the one tag of the path, not for all tags.

    Returns:
        Tags ``(seq_len, batch_size)``, zero beyond each end.
    """
    both = halves(emissions, lengths)
    # [side, from, to]: on the right side "to" is the earlier tag.
    spread = np.repeat(np.stack([transitions, transitions.T])[..., None], both.shape[-1], axis=-1)
    scores = np.empty_like(both)
    np.add(np.stack([start, end])[..., None], both[0], out=scores[0])
    candidates = np.empty_like(spread)
    for step in range(1, len(both)):
        np.add(scores[step - 1][:, :, None], spread, out=candidates)
        np.maximum.reduce(candidates, axis=1, out=scores[step])
        scores[step] += both[step]
    return trace(scores, transitions, end, lengths, seq_len=len(emissions))


def halves(emissions: Floats, lengths: Integers) -> Floats:
    """Returns the emissions as read from both ends, ``(half, 2, num_tags, batch_size)``, for ``best_paths``.

    The batch lies innermost: a maximum over tags is then vectorised over sequences.

    Args:
        emissions: ``(seq_len, batch_size, num_tags)``.
        lengths: ``(batch_size,)``.
    """
    half = (len(emissions) + 1) // 2
    mirrored = mirror(emissions, lengths, ragged=int(lengths.min()) < len(emissions))
    both = np.stack([emissions[:half], mirrored[:half]], axis=1)
    return np.ascontiguousarray(both.swapaxes(2, 3))


def trace(scores: Floats, transitions: Floats, end: Floats, lengths: Integers, *, seq_len: int) -> Integers:
    """Joins the halves of ``best_paths`` and goes back along both.

    Args:
        scores: ``(half, 2, num_tags, batch_size)`` of the best prefixes and suffixes that end in each tag.
        transitions: ``(num_tags, num_tags)``.
        end: ``(num_tags,)``.
        lengths: ``(batch_size,)``.
        seq_len: Steps of the result.

    Returns:
        As ``best_paths``.
    """
    half, _, num_tags, batch_size = scores.shape
    rows = np.arange(batch_size)
    middle = (lengths + 1) // 2  # tokens of the left half
    innermost = np.stack([middle - 1, lengths - middle - 1])  # last step of either side; -1 is none
    scores = np.ascontiguousarray(scores.swapaxes(2, 3))  # a maximum's place is found faster along the last axis
    left = scores[innermost[0], 0, rows]  # (batch_size, num_tags)
    right = scores[np.maximum(innermost[1], 0), 1, rows]
    joint = (left[:, :, None] + transitions + right[:, None]).reshape(batch_size, -1).argmax(axis=-1)
    meeting = np.stack([joint // num_tags, joint % num_tags])  # (2, batch_size)
    single = lengths == 1
    if single.any():
        meeting[0] = np.where(single, (left + end).argmax(axis=-1), meeting[0])
    current = meeting
    paths = np.empty((half, 2, batch_size), dtype=np.int64)
    paths[half - 1] = meeting
    shortest = int(innermost.min())
    # Row c holds what a step to tag c costs from each tag; on the right side that is a step back.
    towards = np.stack([transitions.T, transitions])
    sides = np.arange(2)[:, None]
    for step in range(half - 2, -1, -1):
        candidates = towards[sides, current]  # (2, batch_size, num_tags)
        candidates += scores[step]
        current = candidates.argmax(axis=-1)
        if step >= shortest:  # some path has not begun yet
            current = np.where(innermost > step, current, meeting)
        paths[step] = current
    steps = np.arange(seq_len)[:, None]
    on_right = steps >= middle
    index = np.where(on_right, lengths - 1 - steps, np.minimum(steps, half - 1))
    path: Integers = paths[np.maximum(index, 0), on_right.astype(np.int64), rows]
    path[steps >= lengths] = 0
    return path
