"""Means of the weights over the steps, which are scored and kept instead of the weights themselves."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

__all__ = ["WeightAverage"]


class WeightAverage:
    """A mean of the weights: exponential (EMA), or equal over the end of the run.

    The exponential one has the usual correction for a short history. The equal one takes the weights after each step
    from some step on (Polyak & Juditsky 1992; SWA, Izmailov et al. 2018, takes one set of weights an epoch); until
    then there is no mean.

    Args:
        weights: The weights that are followed.
        decay: Largest weight of the past; early on it is ``(1 + steps) / (10 + steps)``. None takes the equal mean.
        begin: The first step, counted from 1, that belongs to the mean.
    """

    def __init__(self, weights: Sequence[nn.Parameter], *, decay: float | None = None, begin: int = 1) -> None:
        self.decay = decay
        self.begin = begin
        self.steps = 0
        self.weights = list(weights)
        self.mean = [p.detach().clone() for p in self.weights]

    @property
    def ready(self) -> bool:
        """Whether there is a mean to be scored."""
        return self.steps > 0

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Takes the present weights in.

        Args:
            step: Steps of the run so far, from 1.
        """
        if step < self.begin:
            return
        self.steps += 1
        past = 1.0 - 1.0 / self.steps if self.decay is None else min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.mean, [p.detach() for p in self.weights], 1.0 - past)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the network's weights and their mean; a second call puts them back."""
        for weight, mean in zip(self.weights, self.mean, strict=True):
            kept = weight.detach().clone()
            weight.copy_(mean)
            mean.copy_(kept)
