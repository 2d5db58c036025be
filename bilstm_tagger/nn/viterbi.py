"""The best sequence of a linear chain, found from both ends at once."""

from __future__ import annotations

import torch
from torch import Tensor

from bilstm_tagger import chain
from bilstm_tagger.nn.forward_backward import reverse_padded

__all__ = ["best_paths"]

# Above this many candidates a step, torch's vectorised maximum outweighs its dearer calls.
_NUMPY_CANDIDATES = 50_000


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
    if emissions.device.type == "cpu":
        arrays = tuple(value.detach().numpy() for value in (emissions, start, transitions, end, lengths))
        if batch_size * num_tags * num_tags <= _NUMPY_CANDIDATES:
            return torch.from_numpy(chain.best_paths(*arrays))
        both = torch.from_numpy(chain.halves(arrays[0], arrays[4]))
        scores = torch.stack(_inwards(both, start, transitions, end)).numpy()
        return torch.from_numpy(chain.trace(scores, *arrays[2:], seq_len=seq_len))
    return _without_host(emissions, start, transitions, end, lengths)


def _without_host(emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor) -> Tensor:
    """``best_paths`` for a GPU: no step waits for a value of an earlier one."""
    seq_len, batch_size, num_tags = emissions.shape
    half = (seq_len + 1) // 2
    # The batch lies innermost: a maximum over tags is then vectorised over sequences, seven times as fast.
    columns = emissions.transpose(1, 2), reverse_padded(emissions, lengths).transpose(1, 2)
    both = torch.stack(columns, dim=1)  # (seq_len, 2, num_tags, batch_size)
    scores = _inwards(both[:half], start, transitions, end)

    rows = torch.arange(batch_size, device=emissions.device)
    middle = (lengths + 1) // 2  # tokens of the left half
    innermost = torch.stack([middle - 1, lengths - middle - 1])  # last step of either side; -1 is none
    sides = torch.tensor([[0], [1]], device=rows.device)
    left, right = torch.stack(scores)[innermost.clamp_min(0), sides, :, rows]  # each (batch_size, num_tags)
    joint = (left.unsqueeze(2) + transitions + right.unsqueeze(1)).flatten(1).argmax(dim=-1)
    meeting = torch.stack([joint // num_tags, joint % num_tags])  # (2, batch_size)
    meeting[0] = torch.where(lengths == 1, (left + end).argmax(dim=-1), meeting[0])

    current, halves = meeting, [meeting]
    step_scores = torch.stack([transitions, transitions.T])
    for step in range(half - 2, -1, -1):
        towards = step_scores.gather(2, current.unsqueeze(1).expand(-1, num_tags, -1))  # (2, num_tags, batch_size)
        current = (scores[step] + towards).argmax(dim=1)
        current = torch.where(innermost > step, current, meeting)  # some paths have not begun yet
        halves.append(current)
    paths = torch.stack(halves[::-1])  # (half, 2, batch_size)

    steps = torch.arange(seq_len, device=rows.device).unsqueeze(1)
    on_right = steps >= middle
    index = torch.where(on_right, (lengths - 1 - steps).clamp_min(0), steps.clamp_max(half - 1))
    return paths[index, on_right.long(), rows].masked_fill_(steps >= lengths, 0)


def _inwards(both: Tensor, start: Tensor, transitions: Tensor, end: Tensor) -> list[Tensor]:
    """Returns the scores of the best prefixes and suffixes, a ``(2, num_tags, batch_size)`` for each step.

    Args:
        both: ``(half, 2, num_tags, batch_size)`` emissions as read from both ends.
        start: ``(num_tags,)``.
        transitions: ``(num_tags, num_tags)``.
        end: ``(num_tags,)``.
    """
    # [side, from, to]: on the right side "to" is the earlier tag.
    spread = torch.stack([transitions, transitions.T]).unsqueeze(-1)
    score = torch.stack([start, end]).unsqueeze(-1) + both[0]
    scores = [score]
    for emission in both[1:].unbind(0):
        score = (score.unsqueeze(2) + spread).amax(dim=1) + emission
        scores.append(score)
    return scores
