"""The log-likelihood of tag sequences as one step of autograd: its gradient is written out.

With ``Z(tags)`` the sum over all sequences that agree with the known tags, and ``Z`` the sum over all, the
log-likelihood is ``log Z(tags) - log Z``. Its gradient is the difference of two expectations: how often each emission
and transition is used by sequences that agree with the tags, and how often by all (Lafferty et al. 2001; with unknown
tags Tsuboi et al. 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bilstm_tagger import chain
from bilstm_tagger.nn.forward_backward import chain_sums, goes_to_numpy

__all__ = ["log_likelihood"]

Arrays = tuple[Any, Any, Any, Any, Any]  # emissions, start, transitions, end, lengths; all NumPy or all torch


@dataclass(frozen=True)
class Expectation:
    """What sequences of some set weigh together, and what they use on the average; NumPy or torch.

    Attributes:
        log_weight: ``(batch_size,)`` logarithm of their summed weight.
        emissions: ``(seq_len, batch_size, num_tags)`` probability of each tag.
        sums: Whence expected transitions follow; None where there is but one sequence in each set.
        tags: ``(seq_len, batch_size)`` that one sequence; else None.
    """

    log_weight: Any
    emissions: Any
    sums: Any = None
    tags: Any = None

    def transitions(self, scores: Any, lengths: Any, weights: Any) -> Any:
        """Returns the expected transitions ``(num_tags, num_tags)``, sequences weighted by ``(batch_size,)``."""
        if self.tags is not None:
            return _count_transitions(self.tags, scores, lengths, weights)
        if isinstance(self.sums, chain.Messages):
            # By torch: NumPy's BLAS would start threads of its own beside torch's, and both would wait for each other.
            left, right = (torch.from_numpy(part) for part in chain.transition_factors(self.sums, lengths, weights))
            return self.sums.step * (left.T @ right).numpy()
        return self.sums.transition_counts(scores, lengths, weights)


def log_likelihood(
    emissions: Tensor,
    tags: Tensor,
    start: Tensor,
    transitions: Tensor,
    end: Tensor,
    lengths: Tensor,
    *,
    partial: bool | None = None,
) -> Tensor:
    """Returns the log-likelihood of each sequence's known tags, ``(batch_size,)``; differentiable once.

    Args:
        emissions: ``(seq_len, batch_size, num_tags)``, float32 or float64.
        tags: ``(seq_len, batch_size)``; negative for unknown.
        start: ``(num_tags,)`` scores of the first tag; ``-inf`` forbids, as in the next two.
        transitions: ``(num_tags, num_tags)`` scores ``[from, to]``.
        end: ``(num_tags,)`` scores of the last tag.
        lengths: ``(batch_size,)``, int64, at least 1 each.
        partial: Whether some tag is unknown; None looks, which on a GPU means waiting for it.
    """
    value: Tensor = _LogLikelihood.apply(emissions, start, transitions, end, lengths, tags, partial)  # type: ignore[no-untyped-call]
    return value


class _LogLikelihood(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        emissions: Tensor,
        start: Tensor,
        transitions: Tensor,
        end: Tensor,
        lengths: Tensor,
        tags: Tensor,
        partial: bool | None,
    ) -> Tensor:
        scores = emissions.detach(), start.detach(), transitions.detach(), end.detach(), lengths
        if partial is None:
            mask = torch.arange(len(tags), device=tags.device).unsqueeze(1) < lengths
            partial = bool(((tags < 0) & mask).any())
        pair = _with_numpy(scores, tags, partial) if goes_to_numpy(emissions) else None
        ctx.scores, ctx.pair = scores, pair or _with_torch(scores, tags, partial)
        agreeing, free = ctx.pair
        likelihood = agreeing.log_weight - free.log_weight
        return torch.from_numpy(likelihood) if isinstance(likelihood, np.ndarray) else likelihood

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        agreeing, free = ctx.pair
        _, _, transitions, _, lengths = ctx.scores
        weights: Any = gradient
        numpy = isinstance(free.emissions, np.ndarray)
        if numpy:
            weights, lengths, transitions = gradient.numpy(), lengths.numpy(), transitions.numpy()
        used = (agreeing.emissions - free.emissions) * weights[:, None]
        rows = np.arange(len(lengths)) if numpy else torch.arange(len(lengths), device=lengths.device)
        moved = agreeing.transitions(transitions, lengths, weights) - free.transitions(transitions, lengths, weights)
        grads: tuple[Any, ...] = used, used[0].sum(0), moved, used[lengths - 1, rows].sum(0)
        if numpy:
            grads = tuple(torch.from_numpy(grad) for grad in grads)
        return (*grads, None, None, None)


def _with_numpy(scores: tuple[Tensor, ...], tags: Tensor, partial: bool) -> tuple[Expectation, Expectation] | None:
    """Both expectations; None where the sums need logarithms."""
    emissions, start, transitions, end, lengths = (value.numpy() for value in scores)
    free = chain.messages(emissions, start, transitions, end, lengths)
    if free is None:
        return None
    gold = tags.numpy()
    if partial:
        agreeing = chain.messages(_agreeing(scores[0], tags).numpy(), start, transitions, end, lengths)
        if agreeing is None:
            return None
        clamped = Expectation(agreeing.log_partition, agreeing.marginals, agreeing)
    else:
        mask = np.arange(len(gold))[:, None] < lengths
        gold = np.where(mask, gold, 0)
        places = np.arange(len(gold))[:, None], np.arange(len(lengths)), gold
        emitted = emissions[places] * mask
        moved = transitions[gold[:-1], gold[1:]]
        moved = np.where(mask[1:], moved, moved.dtype.type(0))
        last = gold[lengths - 1, np.arange(len(lengths))]
        weight = start[gold[0]] + emitted.sum(axis=0) + moved.sum(axis=0) + end[last]
        taken = np.zeros_like(emissions)
        taken[places] = mask
        clamped = Expectation(weight, taken, tags=gold)
    return clamped, Expectation(free.log_partition, free.marginals, free)


def _with_torch(scores: tuple[Tensor, ...], tags: Tensor, partial: bool) -> tuple[Expectation, Expectation]:
    """Both expectations, on any device and at any score."""
    emissions, start, transitions, end, lengths = scores
    free = chain_sums(emissions, start, transitions, end, lengths)
    if partial:
        agreeing = chain_sums(_agreeing(emissions, tags), start, transitions, end, lengths)
        clamped = Expectation(agreeing.log_partition, agreeing.marginals, agreeing)
    else:
        steps = torch.arange(len(tags), device=tags.device).unsqueeze(1)
        mask = steps < lengths
        tags = tags.masked_fill(~mask, 0)
        zero = emissions.new_zeros(())
        emitted = torch.where(mask, emissions.gather(2, tags.unsqueeze(-1)).squeeze(-1), zero)
        moved = torch.where(mask[1:], transitions[tags[:-1], tags[1:]], zero)
        last = tags.gather(0, (lengths - 1).unsqueeze(0)).squeeze(0)
        weight = start[tags[0]] + emitted.sum(dim=0) + moved.sum(dim=0) + end[last]
        taken = torch.zeros_like(emissions).scatter_(2, tags.unsqueeze(-1), mask.unsqueeze(-1).to(emissions.dtype))
        clamped = Expectation(weight, taken, tags=tags)
    return clamped, Expectation(free.log_partition, free.marginals, free)


def _agreeing(emissions: Tensor, tags: Tensor) -> Tensor:
    """Emissions with ``-inf`` at all other tags where the tag is known."""
    known = (tags >= 0).unsqueeze(-1)
    allowed = torch.zeros_like(emissions, dtype=torch.bool).scatter_(2, tags.clamp_min(0).unsqueeze(-1), known)
    return emissions.masked_fill(~(allowed | ~known), -torch.inf)


def _count_transitions(tags: Any, scores: Any, lengths: Any, weights: Any) -> Any:
    """Returns how often known sequences use each transition, weighted, ``(num_tags, num_tags)``."""
    num_tags = len(scores)
    if isinstance(tags, np.ndarray):
        factor = (np.arange(1, len(tags))[:, None] < lengths) * weights
        moves = (tags[:-1] * num_tags + tags[1:]).ravel()
        counts = np.bincount(moves, weights=factor.ravel(), minlength=num_tags * num_tags)
        return counts.reshape(num_tags, num_tags).astype(scores.dtype)
    steps = torch.arange(1, len(tags), device=tags.device).unsqueeze(1)
    factor = ((steps < lengths) * weights).flatten().to(scores.dtype)
    moves = (tags[:-1] * num_tags + tags[1:]).flatten()
    return scores.new_zeros(num_tags * num_tags).index_add_(0, moves, factor).view(num_tags, num_tags)
