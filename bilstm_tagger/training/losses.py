"""What is minimised: the negative log-likelihood of the CRF, and its smoothed and weighted kin."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_tagger.errors import ConfigError, suggest
from bilstm_tagger.nn import Batch, BiLstmCrf
from bilstm_tagger.nn.crf import CRF
from bilstm_tagger.schemes import Scheme, split_tag
from bilstm_tagger.training.distillation import Distillation

__all__ = ["TrainingLoss", "smoothing_term", "tag_margins", "take_margins"]


class TrainingLoss:
    """The summed loss of a batch.

    Args:
        smoothing: Share of the target that is spread over all legal tag sequences; see ``smoothing_term``.
        margins: ``(num_tags,)`` what is taken from the emission of the gold tag, as ``tag_margins`` returns; None
            takes nothing.
        half: The type that the network computes in, weights and CRF staying in float32; None computes all in float32.
        distillation: The share of models that are learned from; None without any.
    """

    def __init__(
        self,
        *,
        smoothing: float = 0.0,
        margins: Tensor | None = None,
        half: torch.dtype | None = None,
        distillation: Distillation | None = None,
    ) -> None:
        self.smoothing = smoothing
        self.margins = margins
        self.half = half
        self.distillation = distillation

    def __call__(self, network: BiLstmCrf, batch: Batch) -> Tensor:
        """Returns the loss of a batch with tags, summed over its sequences, in nats."""
        if batch.tags is None:
            raise ValueError("the batch has no tags")
        with nullcontext() if self.half is None else torch.autocast(batch.lengths.device.type, dtype=self.half):
            emissions = network.emissions(batch)
        # Sums over all tag sequences need float32's range and digits.
        emissions = emissions if self.half is None else emissions.float()
        margined = emissions if self.margins is None else take_margins(emissions, batch.tags, self.margins)
        loss: Tensor = -network.crf(margined, batch.tags, reduction="none", lengths=batch.lengths).sum()
        if self.smoothing:
            loss = loss - self.smoothing * smoothing_term(network.crf, emissions, batch.tags, batch.lengths)
        if self.distillation is not None:
            loss = self.distillation.mix(loss, network.crf, emissions, batch)
        return loss


def take_margins(emissions: Tensor, tags: Tensor, margins: Tensor) -> Tensor:
    """Lowers the emission of each known gold tag by that tag's margin.

    Up to a constant for each token, which the CRF's normalisation cancels, this raises all other tags instead: the
    cost-augmented scores of the softmax-margin (Gimpel & Smith 2010).

    Args:
        emissions: ``(seq_len, batch_size, num_tags)``.
        tags: ``(seq_len, batch_size)``, negative for unknown.
        margins: ``(num_tags,)``.
    """
    gold = tags.clamp_min(0)
    taken = torch.where(tags >= 0, margins[gold], margins.new_zeros(()))  # (seq_len, batch_size)
    return emissions.scatter_add(2, gold.unsqueeze(-1), -taken.unsqueeze(-1).to(emissions.dtype))


def smoothing_term(crf: CRF, emissions: Tensor, tags: Tensor, lengths: Tensor) -> Tensor:
    """Returns what smoothing takes from the loss, for a share of 1, summed over the sequences.

    Label smoothing (Szegedy et al. 2016) replaces the target by ``(1 - e) * gold + e * uniform``; here its classes are
    the legal tag sequences. With L the negative log-likelihood, its cross-entropy is

        (1 - e) L + e (log Z - E[score]) = L - e (E[score] - score of gold),

    E over the uniform distribution, which is the CRF whose scores are all zero. A score is linear in the emissions and
    transitions, and the gradient of L at zero scores is how often uniform sequences use each of them, less how often
    the gold one does. So the bracket is the product of that gradient and the present scores: exact, and no more work
    than L itself. Where tags are unknown, gold is the uniform distribution over the sequences that agree with the
    known ones: a sequence without labels is not smoothed.

    Args:
        crf: The layer.
        emissions: ``(seq_len, batch_size, num_tags)``.
        tags: ``(seq_len, batch_size)``, negative for unknown.
        lengths: ``(batch_size,)``.
    """
    # Frozen or not, its use of each score is asked for.
    uniform = copy.deepcopy(crf).requires_grad_(True)
    weights = [uniform.start_transitions, uniform.transitions, uniform.end_transitions]
    with torch.no_grad():
        for weight in weights:
            weight.zero_()
    scores = torch.zeros_like(emissions, requires_grad=True)
    likelihood = uniform(scores, tags, reduction="none", lengths=lengths)
    used, *moves = torch.autograd.grad(-likelihood.sum(), [scores, *weights])
    # The emissions of padding may be anything.
    term = torch.where(used != 0, used * emissions, used.new_zeros(())).sum()
    for counts, present in zip(moves, (crf.start_transitions, crf.transitions, crf.end_transitions), strict=True):
        term = term + (counts * present).sum()
    return term


def tag_margins(
    weights: str | Mapping[str, float] | None, names: Sequence[str], scheme: Scheme, tags: NDArray[np.int64]
) -> Tensor | None:
    """Returns the logarithm of each tag's class weight, for ``TrainingLoss``.

    With weight w, the odds of every wrong tag against the gold one count w-fold in the loss: a token of that label
    is not learned until it is right by a factor w.

    Args:
        weights: ``balanced``, where a label's weight is the mean count of labels divided by its own; a weight for
            some labels, 1 for the others; or None.
        names: The model's tags.
        scheme: Theirs: ``B-PER`` and ``I-PER`` are of the label PER.
        tags: The training tags, negative for unknown.

    Raises:
        ConfigError: A label that there is not.
    """
    if weights is None:
        return None
    labels = [name if scheme is Scheme.NONE else split_tag(name)[1] or name for name in names]
    if isinstance(weights, str):
        counts = dict.fromkeys(labels, 0)
        for label, count in zip(labels, np.bincount(tags[tags >= 0], minlength=len(labels)).tolist(), strict=True):
            counts[label] += count
        seen = {label: count for label, count in counts.items() if count}
        mean = sum(seen.values()) / len(seen)
        weights = {label: mean / count for label, count in seen.items()}
    for label in weights:
        if label not in labels:
            known = sorted(set(labels))
            raise ConfigError(
                "'training.class_weights' names no label of the training part",
                received=label,
                accepted=known,
                hint=suggest(label, known),
            )
    return torch.tensor([weights.get(label, 1.0) for label in labels], dtype=torch.float32).log()
