"""The cross-entropy between two CRFs: what one loses by believing the other's tag sequences."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bilstm_tagger.nn.crf import CRF
from bilstm_tagger.nn.forward_backward import chain_sums

__all__ = ["cross_entropy"]


def cross_entropy(student: CRF, emissions: Tensor, teacher: CRF, targets: Tensor, lengths: Tensor) -> Tensor:
    """Returns ``- E[log p(y)]`` in nats, the mean over the teacher's tag sequences y, summed over the batch.

    A score is linear in emissions and transitions, so its mean over all sequences needs no more of the teacher than
    how often it expects each to be used: the loss is ``log Z - E[score]``, and its gradient the student's expected
    uses less the teacher's. That is exact, and one more forward-backward pass.

    Args:
        student: A time-major layer; gradients flow into its scores.
        emissions: ``(seq_len, batch_size, num_tags)`` its own; gradients flow into them.
        teacher: A layer of the same tags, all of whose legal sequences are the student's too.
        targets: Shaped like the emissions, the teacher's.
        lengths: ``(batch_size,)``.
    """
    emissions, lengths = student._prepare(emissions, None, lengths)
    with torch.no_grad():
        targets, _ = teacher._prepare(targets.to(emissions.dtype), None, lengths)
        start, transitions, end = teacher._potentials(targets.dtype)
        sums = chain_sums(targets, start, transitions, end, lengths)
        used = sums.marginals
        moves = sums.transition_counts(transitions, lengths, torch.ones_like(lengths, dtype=used.dtype))
        last = used[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
    # The emissions of padding may be anything; forbidden transitions have a finite score here, and are not used.
    score = torch.where(used != 0, used * emissions, used.new_zeros(())).sum()
    for counts, present in (
        (used[0].sum(dim=0), student.start_transitions),
        (moves, student.transitions),
        (last.sum(dim=0), student.end_transitions),
    ):
        score = score + (counts * present).sum()
    log_partition: Tensor = _LogPartition.apply(emissions, *student._potentials(emissions.dtype), lengths)  # type: ignore[no-untyped-call]
    return log_partition.sum() - score


class _LogPartition(torch.autograd.Function):
    """Logarithm of the sum over all sequences, ``(batch_size,)``, with the gradient written out."""

    @staticmethod
    def forward(
        ctx: Any, emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor
    ) -> Tensor:
        ctx.sums = chain_sums(emissions.detach(), start.detach(), transitions.detach(), end.detach(), lengths)
        ctx.transitions, ctx.lengths = transitions.detach(), lengths
        total: Tensor = ctx.sums.log_partition
        return total

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        lengths = ctx.lengths
        used = ctx.sums.marginals * gradient.unsqueeze(-1)  # (seq_len, batch_size, num_tags)
        moves = ctx.sums.transition_counts(ctx.transitions, lengths, gradient)
        last = used[lengths - 1, torch.arange(len(lengths), device=lengths.device)]
        return used, used[0].sum(dim=0), moves, last.sum(dim=0), None
