"""The sums over all tag sequences of a linear chain, without recording a step for autograd.

The recursion of Rabiner 1989 runs on probabilities, rescaled at each step, so that a step is one small matrix
product. The backward recursion is the forward one on the reversed sequence with transposed transitions: both
run in one loop. Where float32 probabilities could underflow, the same sums are taken on logarithms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bilstm_tagger import chain

__all__ = ["ChainSums", "chain_messages", "chain_sums", "goes_to_numpy", "reverse_padded"]

# Up to here a matrix product is left to one thread by every BLAS, so that results do not depend on the threads.
_NUMPY_PRODUCT = 262_144


@dataclass(frozen=True)
class ChainSums:
    """Messages of a batch of chains, time-major.

    Attributes:
        log_partition: ``(batch_size,)`` logarithm of the sum over all sequences.
        marginals: ``(seq_len, batch_size, num_tags)`` probability of each tag; zero beyond a sequence's end.
        alpha: Same shape, weight of all prefixes that end in a tag, its emission included. Each vector over tags
            is known up to a positive factor, which every use divides out.
        beta: Same shape, weight of all suffixes that begin with a tag, its emission **included**.
        in_logs: Whether alpha and beta are logarithms (float64) or probabilities.
    """

    log_partition: Tensor
    marginals: Tensor
    alpha: Tensor
    beta: Tensor
    in_logs: bool

    def transition_counts(self, transitions: Tensor, lengths: Tensor, weights: Tensor) -> Tensor:
        """Returns the expected number of each transition, ``(num_tags, num_tags)``, sequences weighted.

        Args:
            transitions: ``(num_tags, num_tags)`` scores, as in ``chain_sums``.
            lengths: ``(batch_size,)``.
            weights: ``(batch_size,)`` a factor for each sequence.
        """
        steps = torch.arange(1, len(self.alpha), device=lengths.device).unsqueeze(1)
        weight = (steps < lengths) * weights  # (seq_len - 1, batch_size)
        if not self.in_logs:
            step = (transitions - transitions.amax()).exp()
            alpha, beta = self.alpha[:-1], self.beta[1:]
            norm = (torch.matmul(alpha, step) * beta).sum(dim=-1).clamp_min(torch.finfo(beta.dtype).tiny)
            left = alpha * (weight / norm).unsqueeze(-1)
            return step * (left.flatten(0, 1).T @ beta.flatten(0, 1))
        counts = torch.zeros_like(transitions, dtype=torch.float64)
        for alpha, beta, factor in zip(self.alpha[:-1], self.beta[1:], weight, strict=True):
            joint = alpha.unsqueeze(-1) + transitions.double() + beta.unsqueeze(-2)  # (batch, from, to)
            counts += torch.einsum("bij,b->ij", joint.flatten(1).softmax(dim=-1).view_as(joint), factor.double())
        return counts.to(transitions.dtype)

    def log_alpha(self) -> Tensor:
        """Returns the logarithm of ``alpha``."""
        return self.alpha if self.in_logs else self.alpha.log()

    def log_beta(self) -> Tensor:
        """Returns the logarithm of ``beta``."""
        return self.beta if self.in_logs else self.beta.log()


def goes_to_numpy(emissions: Tensor) -> bool:
    """Whether a batch ``(seq_len, batch_size, num_tags)`` is the business of ``bilstm_tagger.chain``."""
    _, batch_size, num_tags = emissions.shape
    return emissions.device.type == "cpu" and batch_size * num_tags * num_tags <= _NUMPY_PRODUCT


def chain_messages(
    emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor
) -> chain.Messages | None:
    """Returns ``chain.messages`` of tensors, as in ``chain_sums``; None where the batch is not for NumPy."""
    if not goes_to_numpy(emissions):
        return None
    arrays = (value.detach().numpy() for value in (emissions, start, transitions, end, lengths))
    return chain.messages(*arrays)


def reverse_padded(values: Tensor, lengths: Tensor) -> Tensor:
    """Reverses each sequence within its own length; the padding stays behind it.

    Args:
        values: ``(seq_len, batch_size, ...)``.
        lengths: ``(batch_size,)``, int64.

    Returns:
        A tensor of the same shape. The function is its own inverse.
    """
    if values.device.type == "cpu" and bool((lengths == len(values)).all()):
        return values.flip(0)  # batches of one length are common, a single sentence among them
    steps = torch.arange(values.shape[0], device=values.device).unsqueeze(1)  # (seq_len, 1)
    index = lengths.unsqueeze(0) - 1 - steps
    index = torch.where(index >= 0, index, steps)  # (seq_len, batch_size)
    return values[index, torch.arange(values.shape[1], device=values.device)]


def chain_sums(emissions: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor) -> ChainSums:
    """Runs both recursions.

    Args:
        emissions: ``(seq_len, batch_size, num_tags)``, float32 or float64; ``-inf`` forbids a tag at a place.
        start: ``(num_tags,)`` scores of the first tag; ``-inf`` forbids.
        transitions: ``(num_tags, num_tags)`` scores ``[from, to]``; ``-inf`` forbids.
        end: ``(num_tags,)`` scores of the last tag; ``-inf`` forbids.
        lengths: ``(batch_size,)``, int64, at least 1 each.
    """
    sums = chain_messages(emissions, start, transitions, end, lengths)
    if sums is not None:
        total, marginals, alpha, beta = (
            torch.from_numpy(part) for part in (sums.log_partition, sums.marginals, sums.alpha, sums.beta)
        )
        return ChainSums(total, marginals, alpha, beta, in_logs=False)
    steps = torch.arange(emissions.shape[0], device=emissions.device).unsqueeze(1)
    mask = steps < lengths  # (seq_len, batch_size)
    peak = emissions.amax(dim=-1, keepdim=True)
    peak = torch.where(mask.unsqueeze(-1) & peak.isfinite(), peak, torch.zeros_like(peak))
    scaled = (emissions - peak).masked_fill(~mask.unsqueeze(-1), 0.0)
    # Start and end are met once, so twice the joint range of all scores but the emissions bounds them too.
    potentials = torch.cat([start, transitions.flatten(), end])
    # Looking would make the host wait for a GPU.
    safe = emissions.device.type == "cpu" and _range(scaled) + 2 * _range(potentials) <= chain.SAFE_RANGE
    recursion = _probability_recursion if safe else _logarithm_recursion
    log_sums, alpha, beta, joint = recursion(scaled, start, transitions, end, lengths)
    total = log_sums + (peak.squeeze(-1) * mask).sum(dim=0)
    joint = joint / joint.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(joint.dtype).tiny)
    return ChainSums(total, joint.masked_fill(~mask.unsqueeze(-1), 0.0), alpha, beta, in_logs=not safe)


def _range(scores: Tensor) -> float:
    """Distance between the largest and the smallest finite score."""
    smallest, largest = (float(value) for value in scores.aminmax())
    if math.isinf(smallest):
        smallest = float(scores.nan_to_num(nan=largest, neginf=largest).amin())
    return largest - smallest if math.isfinite(largest) else 0.0


def _both_ways(
    scaled: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Stacks the chain and its mirror image.

    Returns:
        Emissions ``(seq_len, 2, batch_size, num_tags)``, the scores of the first tag ``(2, 1, num_tags)``, and
        the transitions ``(2, num_tags, num_tags)``.
    """
    mirrored = torch.stack([scaled, reverse_padded(scaled, lengths)], dim=1)
    first = torch.stack([start, end]).unsqueeze(1)
    step = torch.stack([transitions, transitions.T])
    return mirrored, first, step


def _probability_recursion(
    scaled: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Returns log sums (batch,), alpha, beta and the unnormalised marginals, each (seq_len, batch_size, num_tags)."""
    emissions, first, step = _both_ways(scaled, start, transitions, end, lengths)
    shift_first, shift_step = first.amax(dim=-1, keepdim=True), step.amax()
    weights = emissions.exp()  # (seq_len, 2, batch_size, num_tags)
    first, step = (first - shift_first).exp(), (step - shift_step).exp()
    state, message, norm = _scaled_steps(weights, first, step, every=chain.RESCALE_EVERY)
    at = torch.arange(0, len(weights), chain.RESCALE_EVERY, device=lengths.device).unsqueeze(1)
    counted = at < lengths  # (num_rescalings, batch_size)
    if float(torch.where(counted.unsqueeze(1), norm, 1.0).amin()) < chain.SMALLEST_NORM:
        state, message, norm = _scaled_steps(weights, first, step, every=1)
        counted = torch.arange(len(weights), device=lengths.device).unsqueeze(1) < lengths
    alpha = state[:, 0]
    last = alpha[lengths - 1, torch.arange(len(lengths), device=lengths.device)]  # (batch_size, num_tags)
    log_norm = torch.where(counted, norm[:, 0], 1.0).log().sum(dim=0)
    shift_end = end.amax()
    sums = log_norm + (last * (end - shift_end).exp()).sum(dim=-1).log() + shift_end
    sums = sums + shift_first[0, 0, 0] + (lengths - 1) * shift_step
    joint = alpha * reverse_padded(message[:, 1], lengths)
    return sums, alpha, reverse_padded(state[:, 1], lengths), joint


def _scaled_steps(weights: Tensor, first: Tensor, step: Tensor, *, every: int) -> tuple[Tensor, Tensor, Tensor]:
    """Runs the recursion, dividing by the sum of the weights at each ``every``-th step.

    Args:
        weights: ``(seq_len, 2, batch_size, num_tags)``.
        first: ``(2, 1, num_tags)``.
        step: ``(2, num_tags, num_tags)``.
        every: Steps between two divisions; the first step has one.

    Returns:
        States and the messages into them, shaped like the weights; the sums, ``(num_divisions, 2, batch_size)``.
    """
    states, messages, norms = [], [], []
    message = first.expand(-1, weights.shape[2], -1)
    for index, weight in enumerate(weights.unbind(0)):
        state = message * weight
        if index % every == 0:
            norm = state.sum(dim=-1, keepdim=True)  # (2, batch_size, 1)
            norms.append(norm)
            # Beyond the end of a sequence nothing may be left: zero, not a division by zero.
            state = state / norm.clamp_min(torch.finfo(norm.dtype).tiny)
        states.append(state)
        messages.append(message)
        message = torch.bmm(state, step)
    return torch.stack(states), torch.stack(messages), torch.stack(norms).squeeze(-1)


def _logarithm_recursion(
    scaled: Tensor, start: Tensor, transitions: Tensor, end: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The same in the log domain: slower, and safe at any finite score. Sums are float64."""
    emissions, first, step = _both_ways(scaled.double(), start.double(), transitions.double(), end.double(), lengths)
    states, messages = [], []
    message = first.expand(-1, emissions.shape[2], -1)
    for emission in emissions.unbind(0):
        state = message + emission
        states.append(state)
        messages.append(message)
        message = torch.logsumexp(state.unsqueeze(-1) + step.unsqueeze(1), dim=-2)
    state, message = torch.stack(states), torch.stack(messages)
    last = state[lengths - 1, 0, torch.arange(len(lengths), device=lengths.device)]
    sums = torch.logsumexp(last + end.double(), dim=-1)
    alpha, beta = state[:, 0], reverse_padded(state[:, 1], lengths)
    joint = alpha + reverse_padded(message[:, 1], lengths)
    return sums.to(scaled.dtype), alpha, beta, joint.softmax(dim=-1).to(scaled.dtype)
