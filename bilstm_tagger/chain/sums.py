"""Sums over all sequences of a linear chain.

The recursion of Rabiner 1989 runs on probabilities that are divided by their sum now and then. Backward is the forward
recursion on the mirrored chain with transposed transitions: both run in one loop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.chain.order import mirror

__all__ = ["RESCALE_EVERY", "SAFE_RANGE", "SMALLEST_NORM", "Messages", "messages", "transition_factors"]

Floats = NDArray[np.floating]
Integers = NDArray[np.int64]

# A float32 is flushed to zero below about e^-87. How far the weights of two tags' continuations can differ is bounded
# by two transitions (a hard constraint leaves every tag reachable in two steps) and one emission.
SAFE_RANGE = 60.0
# Dividing at each fourth step saves a third of the operations. Between two divisions the weights may together have
# fallen by no more than what is left of those 87.
RESCALE_EVERY = 4
SMALLEST_NORM = math.exp(SAFE_RANGE - 85.0)


@dataclass(frozen=True, slots=True)
class Messages:
    """What both recursions leave, time-major.

    Attributes:
        log_partition: ``(batch_size,)`` logarithm of the sum over all sequences.
        marginals: ``(seq_len, batch_size, num_tags)`` probability of each tag; zero beyond a sequence's end.
        alpha: Same shape, weight of all prefixes that end in a tag, its emission included; up to a factor a token.
        beta: Same shape, weight of all suffixes that begin with a tag, its emission included; up to a factor a token.
        ahead: Same shape, ``alpha`` of the token before times the transitions; at the first token the start weights.
        step: ``(num_tags, num_tags)`` exponentials of the transition scores, up to a factor.
    """

    log_partition: Floats
    marginals: Floats
    alpha: Floats
    beta: Floats
    ahead: Floats
    step: Floats


def messages(emissions: Floats, start: Floats, transitions: Floats, end: Floats, lengths: Integers) -> Messages | None:
    """Runs both recursions.

    Args:
        emissions: ``(seq_len, batch_size, num_tags)``; ``-inf`` forbids a tag at a place.
        start: ``(num_tags,)`` scores of the first tag; ``-inf`` forbids, as in the next two.
        transitions: ``(num_tags, num_tags)`` scores ``[from, to]``.
        end: ``(num_tags,)`` scores of the last tag.
        lengths: ``(batch_size,)``, at least 1 each.

    Returns:
        None where probabilities could underflow, or a score is not finite that must be: logarithms are needed then.
    """
    seq_len = len(emissions)
    ragged = int(lengths.min()) < seq_len
    mask = np.arange(seq_len)[:, None] < lengths if ragged else None  # (seq_len, batch_size)
    if mask is not None:
        emissions = np.where(mask[..., None], emissions, emissions.dtype.type(0))
    peak = emissions.max(axis=-1)
    first_shift, end_shift, step_shift = start.max(), end.max(), transitions.max()
    if not (np.isfinite(peak).all() and math.isfinite(first_shift + end_shift + step_shift)):
        return None
    weights = emissions - peak[..., None]
    # Start and end are met once, so twice the joint range of all scores but the emissions bounds them too.
    if _range(weights) + 2 * _range(np.concatenate([start, transitions.ravel(), end])) > SAFE_RANGE:
        return None
    np.exp(weights, out=weights)
    step = np.exp(transitions - step_shift)
    last_weights = np.exp(end - end_shift)
    both = np.empty((seq_len, 2, *weights.shape[1:]), dtype=weights.dtype)
    both[:, 0], both[:, 1] = weights, mirror(weights, lengths, ragged=ragged)
    first = np.stack([np.exp(start - first_shift), last_weights])[:, None]
    recursion = _recursion(both, first, np.stack([step, step.T]), lengths if ragged else None)
    if recursion is None:
        return None
    states, incoming, log_norm = recursion
    alpha, ahead = states[:, 0], incoming[:-1, 0]
    beta, behind = (mirror(part[:seq_len, 1], lengths, ragged=ragged) for part in (states, incoming))
    last = alpha[lengths - 1, np.arange(len(lengths))] if ragged else alpha[-1]
    left = (last * last_weights).sum(axis=-1)
    if not left.min() > 0.0:
        return None  # no sequence is legal
    total = np.log(left) + (first_shift + end_shift)
    # Thousands of terms of one sign: in float32 their sum would lose a digit.
    total = total + log_norm + peak.sum(axis=0, dtype=np.float64) + (lengths - 1) * step_shift
    marginals = alpha * behind
    marginals /= np.maximum(marginals.sum(axis=-1, keepdims=True), np.finfo(marginals.dtype).tiny)
    if mask is not None:
        marginals *= mask[..., None]
    return Messages(total.astype(emissions.dtype, copy=False), marginals, alpha, beta, ahead, step)


def transition_factors(sums: Messages, lengths: Integers, weights: Floats) -> tuple[Floats, Floats]:
    """Returns what the expected number of each transition, sequences weighted, is a product of.

    It is ``sums.step * (left.T @ right)``; the product over all tokens is left to the caller's library.

    Args:
        sums: Of a batch.
        lengths: ``(batch_size,)``.
        weights: ``(batch_size,)`` a factor for each sequence.

    Returns:
        ``left`` and ``right``, both ``((seq_len - 1) * batch_size, num_tags)``.
    """
    right = sums.beta[1:]
    norm = np.einsum("tbk,tbk->tb", sums.ahead[1:], right)
    factor = (np.arange(1, len(sums.alpha))[:, None] < lengths) * weights
    factor = factor / np.maximum(norm, np.finfo(right.dtype).tiny)
    left = sums.alpha[:-1] * factor[..., None].astype(right.dtype, copy=False)
    num_tags = right.shape[-1]
    return left.reshape(-1, num_tags), right.reshape(-1, num_tags)


def _range(scores: Floats) -> float:
    """Distance between the largest and the smallest finite score."""
    smallest, largest = float(scores.min()), float(scores.max())
    if smallest == -math.inf:
        smallest = float(np.where(np.isfinite(scores), scores, largest).min())
    return largest - smallest if math.isfinite(largest) else 0.0


def _recursion(
    weights: Floats, first: Floats, step: Floats, lengths: Integers | None
) -> tuple[Floats, Floats, Floats] | None:
    """Runs the recursion of both sides; where dividing at each fourth step is too coarse, at each.

    Args:
        weights: ``(seq_len, 2, batch_size, num_tags)`` exponentials of the emissions.
        first: ``(2, 1, num_tags)`` weights of the first tag.
        step: ``(2, num_tags, num_tags)``.
        lengths: ``(batch_size,)``; None where all are ``seq_len``.

    Returns:
        States, shaped like the weights; the messages into them, one step longer; and the logarithms of what was divided
        by, summed for the first side, ``(batch_size,)``. None where no sequence of nonzero weight is left.
    """
    for every in (RESCALE_EVERY, 1):
        states, incoming, norms = _scaled_steps(weights, first, step, every)
        if lengths is not None:
            counted = np.arange(0, len(weights), every)[:, None, None] < lengths
            norms = np.where(counted, norms, norms.dtype.type(1))
        smallest = float(norms.min())
        if smallest >= SMALLEST_NORM or (every == 1 and smallest > 0.0):
            return states, incoming, np.log(norms[:, 0]).sum(axis=0, dtype=np.float64)
    return None


def _scaled_steps(weights: Floats, first: Floats, step: Floats, every: int) -> tuple[Floats, Floats, Floats]:
    states = np.empty_like(weights)
    incoming = np.empty((len(weights) + 1, *weights.shape[1:]), dtype=weights.dtype)
    norms = np.empty((-(-len(weights) // every), *weights.shape[1:3]), dtype=weights.dtype)
    incoming[0] = first
    tiny = np.finfo(weights.dtype).tiny
    for index, (state, weight, message, following) in enumerate(
        zip(states, weights, incoming[:-1], incoming[1:], strict=True)
    ):
        np.multiply(message, weight, out=state)
        if index % every == 0:
            norm = norms[index // every]  # (2, batch_size)
            np.add.reduce(state, axis=-1, out=norm)
            # Beyond the end of a sequence nothing may be left: zero, not a division by zero.
            state /= np.maximum(norm, tiny)[..., None]
        np.matmul(state, step, out=following)
    return states, incoming, norms
