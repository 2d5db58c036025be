"""The best sequence of a linear chain, found from both ends at once."""

from __future__ import annotations

import torch
from torch import Tensor

from bilstm_tagger.nn.forward_backward import reverse_padded

__all__ = ["best_paths"]


def best_paths(emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor) -> Tensor:
    """Finds the sequence of highest score (Viterbi 1967).

    The best prefixes of each sequence's first half and the best suffixes of its second half grow in one loop of half
    the length, and meet in the middle; the way back goes outwards from there, again both halves at once. Only
    scores are kept on the way in: on the way out the best neighbour is sought for the one tag of the path, not for
    all tags.

    Args:
        emissions: ``(seq_len, batch_size, num_tags)``; ``-inf`` forbids a tag at a place.
        start: ``(num_tags,)``; ``-inf`` forbids, as in the next two.
        transitions: ``(num_tags, num_tags)`` ``[from, to]``.
        end: ``(num_tags,)``.
        lengths: ``(batch_size,)``, int64, at least 1 each.

    Returns:
        Tags ``(seq_len, batch_size)``, int64, zero beyond each end.
    """
    seq_len, batch_size, num_tags = emissions.shape
    half = (seq_len + 1) // 2
    # The batch lies innermost: a maximum over tags is then vectorised over sequences, seven times as fast.
    columns = emissions.transpose(1, 2), reverse_padded(emissions, lengths).transpose(1, 2)
    both = torch.stack(columns, dim=1)  # (seq_len, 2, num_tags, batch_size)
    # [side, from, to]: on the right side "to" is the earlier tag.
    step_scores = torch.stack([transitions, transitions.T])
    spread = step_scores.unsqueeze(-1)
    score = torch.stack([start, end]).unsqueeze(-1) + both[0]  # (2, num_tags, batch_size)
    scores = [score]
    for emission in both[1:half].unbind(0):
        score = (score.unsqueeze(2) + spread).amax(dim=1) + emission
        scores.append(score)

    rows = torch.arange(batch_size, device=emissions.device)
    middle = (lengths + 1) // 2  # tokens of the left half
    innermost = torch.stack([middle - 1, lengths - middle - 1])  # last step of either side; -1 is none
    sides = torch.tensor([[0], [1]], device=rows.device)
    left, right = torch.stack(scores)[innermost.clamp_min(0), sides, :, rows]  # each (batch_size, num_tags)
    joint = (left.unsqueeze(2) + transitions + right.unsqueeze(1)).flatten(1).argmax(dim=-1)
    meeting = torch.stack([joint // num_tags, joint % num_tags])  # (2, batch_size)
    meeting[0] = torch.where(lengths == 1, (left + end).argmax(dim=-1), meeting[0])

    current, halves = meeting, [meeting]
    shortest = int(innermost.amin())
    for step in range(half - 2, -1, -1):
        towards = step_scores.gather(2, current.unsqueeze(1).expand(-1, num_tags, -1))  # (2, num_tags, batch_size)
        current = (scores[step] + towards).argmax(dim=1)
        if step >= shortest:  # some path has not begun yet
            current = torch.where(innermost > step, current, meeting)
        halves.append(current)
    paths = torch.stack(halves[::-1])  # (half, 2, batch_size)

    steps = torch.arange(seq_len, device=rows.device).unsqueeze(1)
    on_right = steps >= middle
    index = torch.where(on_right, (lengths - 1 - steps).clamp_min(0), steps.clamp_max(half - 1))
    return paths[index, on_right.long(), rows].masked_fill_(steps >= lengths, 0)
