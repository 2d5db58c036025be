"""The n best sequences of a linear chain, exact and batched."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["n_best_paths"]


def n_best_paths(
    emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor, *, n: int
) -> tuple[Tensor, Tensor]:
    """Finds the n sequences of highest score, the parallel list Viterbi algorithm of Seshadri & Sundberg 1994.

    Each tag keeps its n best prefixes; the n best of a longer prefix are among those and one transition.

    Args:
        emissions: ``(seq_len, batch_size, num_tags)``; ``-inf`` forbids a tag at a place.
        start: ``(num_tags,)``; ``-inf`` forbids, as in the next two.
        transitions: ``(num_tags, num_tags)`` ``[from, to]``.
        end: ``(num_tags,)``.
        lengths: ``(batch_size,)``, int64, at least 1 each.
        n: How many.

    Returns:
        Paths ``(n, seq_len, batch_size)`` int64, best first, zero beyond the ends; scores ``(n, batch_size)``,
        ``-inf`` where there are fewer than n legal sequences.
    """
    seq_len, batch_size, num_tags = emissions.shape
    score = emissions.new_full((batch_size, num_tags, n), -torch.inf)
    score[..., 0] = start + emissions[0]
    scores, pointers = [score], []
    for emission in emissions[1:].unbind(0):
        # (batch_size, to, from, rank): every kept prefix with every transition
        candidates = score.unsqueeze(1) + transitions.T.unsqueeze(-1)
        best, pointer = candidates.flatten(2).topk(n, dim=-1)
        score = best + emission.unsqueeze(-1)
        scores.append(score)
        pointers.append(pointer)
    rows = torch.arange(batch_size, device=emissions.device)
    final = torch.stack(scores)[lengths - 1, rows] + end.unsqueeze(-1)  # (batch_size, num_tags, n)
    best, last = final.flatten(1).topk(n, dim=-1)  # (batch_size, n)
    paths = emissions.new_zeros((seq_len, batch_size, n), dtype=torch.long)
    current = last
    for step in range(seq_len - 1, -1, -1):
        if step < len(pointers):
            behind = pointers[step].flatten(1).gather(1, current)
            current = torch.where((lengths - 1 > step).unsqueeze(-1), behind, last)
        paths[step] = current // n
    steps = torch.arange(seq_len, device=emissions.device).unsqueeze(1)
    paths.masked_fill_((steps >= lengths).unsqueeze(-1), 0)
    return paths.permute(2, 0, 1), best.T
