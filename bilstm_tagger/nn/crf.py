"""The CRF layer: pytorch-crf's parameters and meaning, with constraints, unknown tags, marginals and speed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torchcrf
from torch import Tensor

from bilstm_tagger import chain
from bilstm_tagger.nn.forward_backward import chain_messages, chain_sums, goes_to_numpy
from bilstm_tagger.nn.likelihood import log_likelihood
from bilstm_tagger.nn.nbest import n_best_paths
from bilstm_tagger.nn.viterbi import best_paths

__all__ = ["CRF", "UNKNOWN_TAG", "PathPosterior"]

UNKNOWN_TAG = -100
"""A tag index that means: the label of this token is not known. Any negative index does."""

_REDUCTIONS = ("none", "sum", "mean", "token_mean")


@dataclass(frozen=True)
class PathPosterior:
    """What the model believes about one tag path of each sequence; batch first, zero beyond the ends.

    The posterior of a linear chain is itself a Markov chain, so the probability of a stretch of tags is the
    marginal of its first tag times the conditionals of the others.

    Attributes:
        path: ``(batch_size, seq_len)`` the path itself.
        marginals: ``(batch_size, seq_len, num_tags)`` probability of each tag.
        conditionals: ``(batch_size, seq_len, num_tags)`` probability of each tag at t, given the path's tag at
            t - 1. At t = 0 it is the marginal.
        predecessors: ``(batch_size, seq_len, num_tags)`` probability of each tag at t - 1, given the path's tag at
            t; zero at t = 0. None where not asked for.
    """

    path: Tensor
    marginals: Tensor
    conditionals: Tensor
    predecessors: Tensor | None = None


class CRF(torchcrf.CRF):  # type: ignore[misc]  # torchcrf ships no types
    """A linear-chain conditional random field (Lafferty et al. 2001).

    Without constraints it gives what ``torchcrf.CRF`` gives. Constraints are part of the model: they hold in
    the loss, in decoding and in every probability.

    Args:
        num_tags: Number of tags.
        batch_first: Whether tensors are ``(batch_size, seq_len, ...)`` instead of ``(seq_len, batch_size, ...)``.
        legal_start: ``(num_tags,)`` bool, tags that may begin a sequence. None allows all.
        legal_transitions: ``(num_tags, num_tags)`` bool, ``[from, to]``.
        legal_end: ``(num_tags,)`` bool, tags that may end a sequence.
    """

    legal_start: Tensor
    legal_transitions: Tensor
    legal_end: Tensor

    def __init__(
        self,
        num_tags: int,
        batch_first: bool = False,
        *,
        legal_start: Tensor | None = None,
        legal_transitions: Tensor | None = None,
        legal_end: Tensor | None = None,
    ) -> None:
        super().__init__(num_tags, batch_first=batch_first)
        shapes = {"legal_start": (num_tags,), "legal_transitions": (num_tags, num_tags), "legal_end": (num_tags,)}
        given = {"legal_start": legal_start, "legal_transitions": legal_transitions, "legal_end": legal_end}
        for name, shape in shapes.items():
            value = given[name]
            value = torch.ones(shape, dtype=torch.bool) if value is None else value.bool()
            if value.shape != shape:
                raise ValueError(f"{name} has shape {tuple(value.shape)}, expected {shape}")
            # Derived from the tag set, which a model folder holds as text: not part of the weights.
            self.register_buffer(name, value, persistent=False)

    def forward(
        self,
        emissions: Tensor,
        tags: Tensor,
        mask: Tensor | None = None,
        reduction: str = "sum",
        *,
        lengths: Tensor | None = None,
        partial: bool | None = None,
    ) -> Tensor:
        """Computes the log-likelihood of the tags given the emissions.

        A negative tag is unknown: the likelihood is that of all sequences that agree with the known tags.

        Args:
            emissions: ``(seq_len, batch_size, num_tags)``, or batch first.
            tags: ``(seq_len, batch_size)``, or batch first.
            mask: Same shape as tags, True on tokens; each sequence's tokens come first. None takes all.
            reduction: ``none``, ``sum``, ``mean`` (over sequences) or ``token_mean``.
            lengths: ``(batch_size,)``, instead of a mask.
            partial: Whether some tag is unknown; None looks, which on a GPU means waiting for it.

        Returns:
            ``(batch_size,)`` for ``none``, else a scalar.

        Raises:
            ValueError: Shapes that do not fit, or a mask with a hole.
        """
        if reduction not in _REDUCTIONS:
            raise ValueError(f"invalid reduction: {reduction!r}; accepted: {', '.join(_REDUCTIONS)}")
        emissions, lengths = self._prepare(emissions, mask, lengths)
        tags = tags.transpose(0, 1) if self.batch_first else tags  # (seq_len, batch_size)
        if tags.shape != emissions.shape[:2]:
            raise ValueError(f"tags have shape {tuple(tags.shape)}, the emissions {tuple(emissions.shape)}")
        likelihood = log_likelihood(emissions, tags, *self._potentials(emissions.dtype), lengths, partial=partial)
        if reduction == "none":
            return likelihood
        if reduction == "sum":
            return likelihood.sum()
        return likelihood.mean() if reduction == "mean" else likelihood.sum() / lengths.sum()

    @torch.no_grad()
    def decode(self, emissions: Tensor, mask: Tensor | None = None) -> list[list[int]]:
        """Returns the most probable legal tag sequence of each sequence, as lists (torchcrf's form)."""
        time_major, lengths = self._prepare(emissions, mask, None)
        best = best_paths(time_major, *self._potentials(time_major.dtype), lengths).T.tolist()
        return [path[:length] for path, length in zip(best, lengths.tolist(), strict=True)]

    @torch.no_grad()
    def best_path(self, emissions: Tensor, lengths: Tensor, *, allowed: Tensor | None = None) -> Tensor:
        """Returns the most probable legal tags, shaped like tags; zero beyond each end (Viterbi 1967).

        Args:
            emissions: As in ``forward``.
            lengths: ``(batch_size,)``.
            allowed: Bool, shaped like the emissions: the tags that each token may have. None allows all; a sequence
                that it leaves nothing gets arbitrary tags.
        """
        if allowed is not None:
            emissions = emissions.masked_fill(~allowed, -torch.inf)
        time_major, lengths = self._prepare(emissions, None, lengths)
        path = best_paths(time_major, *self._potentials(time_major.dtype), lengths)
        return path.T if self.batch_first else path

    @torch.no_grad()
    def n_best(self, emissions: Tensor, lengths: Tensor, n: int) -> tuple[Tensor, Tensor]:
        """Returns the n most probable legal sequences and the logarithms of their probabilities, best first.

        Args:
            emissions: As in ``forward``.
            lengths: ``(batch_size,)``.
            n: How many, at least 1.

        Returns:
            ``(n, batch_size, seq_len)`` tags (or time-major, as ``batch_first`` says), zero beyond each end; and
            ``(n, batch_size)``, ``-inf`` where there are fewer legal sequences.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        time_major, lengths = self._prepare(emissions, None, lengths)
        time_major = time_major.double()  # of long sequences, the best differ in the last digits of a float32
        potentials = self._potentials(time_major.dtype)
        paths, scores = n_best_paths(time_major, *potentials, lengths, n=n)
        scores = scores - chain_sums(time_major, *potentials, lengths).log_partition
        return paths.transpose(1, 2) if self.batch_first else paths, scores

    @torch.no_grad()
    def entropy(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Returns the entropy of the distribution over tag sequences, in nats, ``(batch_size,)``.

        The posterior is a Markov chain: the entropy of the first tag, and of each next tag given the one before.
        """
        time_major, lengths = self._prepare(emissions, None, lengths)
        start, transitions, end = self._potentials(time_major.dtype)
        sums = chain_sums(time_major, start, transitions, end, lengths)
        total: Tensor = torch.special.entr(sums.marginals[0]).sum(dim=-1)
        for step, (before, beta) in enumerate(zip(sums.marginals[:-1], sums.log_beta()[1:], strict=True), start=1):
            following = (transitions + beta.unsqueeze(1)).softmax(dim=-1)  # (batch_size, from, to)
            # A tag that nothing may follow has probability 0, and no distribution over what follows.
            uncertainty = torch.special.entr(following.nan_to_num(nan=0.0)).sum(dim=-1).to(before.dtype)
            total = total + torch.where(step < lengths, (before * uncertainty).sum(dim=-1), 0.0)
        return total

    @torch.no_grad()
    def marginals(self, emissions: Tensor, lengths: Tensor) -> Tensor:
        """Returns the probability of each tag at each token, shaped like the emissions; zero beyond each end."""
        time_major, lengths = self._prepare(emissions, None, lengths)
        marginals = chain_sums(time_major, *self._potentials(time_major.dtype), lengths).marginals
        return marginals.transpose(0, 1) if self.batch_first else marginals

    @torch.no_grad()
    def path_posterior(
        self, emissions: Tensor, path: Tensor | None, lengths: Tensor, *, predecessors: bool = False
    ) -> PathPosterior:
        """Returns marginals and the conditionals along a path, from which all span probabilities follow.

        Args:
            emissions: As in ``forward``.
            path: Tags ``(batch_size, seq_len)`` (or time-major, as ``batch_first`` says), no unknown ones; None takes
                the most probable tag of each token.
            lengths: ``(batch_size,)``.
            predecessors: Whether to compute those too.
        """
        emissions, lengths = self._prepare(emissions, None, lengths)
        potentials = self._potentials(emissions.dtype)
        if path is not None and self.batch_first:
            path = path.T  # (seq_len, batch_size)
        sums = chain_messages(emissions, *potentials, lengths)
        if sums is not None:
            given = None if path is None else path.numpy()
            return _as_tensors(chain.path_posterior(sums, given, lengths.numpy(), predecessors=predecessors))
        return _posterior(emissions, path, *potentials, lengths, predecessors=predecessors)

    @torch.no_grad()
    def best_posterior(self, emissions: Tensor, lengths: Tensor, *, predecessors: bool = False) -> PathPosterior:
        """Returns ``path_posterior`` along ``best_path``, for less than the price of both.

        Args:
            emissions: As in ``forward``.
            lengths: ``(batch_size,)``.
            predecessors: Whether to compute those too.
        """
        emissions, lengths = self._prepare(emissions, None, lengths)
        potentials = self._potentials(emissions.dtype)
        if goes_to_numpy(emissions):
            arrays = (value.detach().numpy() for value in (emissions, *potentials, lengths))
            found = chain.best_posterior(*arrays, predecessors=predecessors)
            if found is not None:
                return _as_tensors(found)
        path = best_paths(emissions, *potentials, lengths)
        return _posterior(emissions, path, *potentials, lengths, predecessors=predecessors)

    @torch.no_grad()
    def continuations(self, emissions: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Returns what the probability of any tag after any other follows from.

        P(tag c at t + 1 | tag a at t) is the softmax over c of ``transitions[a, c] + suffixes[:, t + 1, c]``.

        Args:
            emissions: As in ``forward``.
            lengths: ``(batch_size,)``.

        Returns:
            ``suffixes`` ``(batch_size, seq_len, num_tags)``, the log weight of all suffixes that begin with a tag, up
            to a constant for each token; ``transitions`` ``(num_tags, num_tags)``, ``-inf`` where forbidden.
        """
        emissions, lengths = self._prepare(emissions, None, lengths)
        start, transitions, end = self._potentials(emissions.dtype)
        sums = chain_sums(emissions, start, transitions, end, lengths)
        return sums.log_beta().transpose(0, 1), transitions

    def _potentials(self, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
        """Start, transition and end scores, with ``-inf`` where the scheme forbids."""
        return (
            self.start_transitions.to(dtype).masked_fill(~self.legal_start, -torch.inf),
            self.transitions.to(dtype).masked_fill(~self.legal_transitions, -torch.inf),
            self.end_transitions.to(dtype).masked_fill(~self.legal_end, -torch.inf),
        )

    def _prepare(self, emissions: Tensor, mask: Tensor | None, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Checks shapes; returns time-major emissions of at least float32, and int64 lengths."""
        if emissions.dim() != 3 or emissions.shape[2] != self.num_tags:
            raise ValueError(
                f"emissions have shape {tuple(emissions.shape)}, expected 3 axes, the last {self.num_tags}"
            )
        if self.batch_first:
            emissions = emissions.transpose(0, 1)
        if emissions.dtype in (torch.float16, torch.bfloat16):
            emissions = emissions.float()
        seq_len, batch_size = emissions.shape[:2]
        if mask is not None:
            mask = (mask.transpose(0, 1) if self.batch_first else mask).bool()
            if mask.shape != (seq_len, batch_size):
                raise ValueError(f"the mask has shape {tuple(mask.shape)}, expected {(seq_len, batch_size)}")
            lengths = mask.sum(dim=0)
            if not bool((mask == (torch.arange(seq_len, device=mask.device).unsqueeze(1) < lengths)).all()):
                raise ValueError("the mask has a hole: the tokens of a sequence must come first, the padding after")
        elif lengths is None:
            lengths = torch.full((batch_size,), seq_len, device=emissions.device)
        # The values are not looked at on a GPU, which the host would have to wait for.
        sound = lengths.shape == (batch_size,) and batch_size > 0
        if sound and lengths.device.type == "cpu":
            shortest, longest = lengths.aminmax()
            sound = 1 <= int(shortest) <= int(longest) <= seq_len
        if not sound:
            raise ValueError(f"lengths must be {batch_size} numbers from 1 to {seq_len}, got {lengths.tolist()[:10]}")
        return emissions, lengths.long()


def _as_tensors(found: chain.Posterior) -> PathPosterior:
    before = None if found.predecessors is None else torch.from_numpy(found.predecessors).transpose(0, 1)
    path, marginals, following = (torch.from_numpy(part) for part in (found.path, found.marginals, found.conditionals))
    return PathPosterior(path.T, marginals.transpose(0, 1), following.transpose(0, 1), before)


def _posterior(
    emissions: Tensor,
    path: Tensor | None,
    start: Tensor,
    transitions: Tensor,
    end: Tensor,
    lengths: Tensor,
    *,
    predecessors: bool,
) -> PathPosterior:
    """``CRF.path_posterior`` on any device and at any score; emissions and path are time-major."""
    sums = chain_sums(emissions, start, transitions, end, lengths)
    if path is None:
        path = sums.marginals.argmax(dim=-1)
    steps = torch.arange(len(path), device=lengths.device).unsqueeze(1)
    beyond = (steps >= lengths).unsqueeze(-1)

    def finish(first: Tensor, others: Tensor) -> Tensor:
        values = torch.cat([first, others.softmax(dim=-1).to(first.dtype)])
        return values.masked_fill(beyond, 0.0).transpose(0, 1)

    first = sums.marginals[:1]
    conditionals = finish(first, transitions[path[:-1]] + sums.log_beta()[1:])
    before = finish(torch.zeros_like(first), transitions.T[path[1:]] + sums.log_alpha()[:-1]) if predecessors else None
    return PathPosterior(path.T, sums.marginals.transpose(0, 1), conditionals, before)
