"""The learning rate of each step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from bilstm_tagger.config import TrainingConfig

__all__ = ["Schedule"]

# What Smith & Topin (2018) are commonly run with: 25 times lower at the beginning, and 10,000 times lower than that
# at the end (torch's OneCycleLR has the same).
_CYCLE_BEGIN = 25.0
_CYCLE_END = 1e4


class Schedule:
    """A warm-up and what comes after it.

    Args:
        config: The training section.
        total_steps: Steps of the whole run, as far as they can be foreseen; a run may have a few more.
        steps_per_epoch: For the inverse schedule.
    """

    def __init__(self, config: TrainingConfig, *, total_steps: int, steps_per_epoch: int) -> None:
        self.config = config
        self.total_steps = total_steps
        self.steps_per_epoch = max(1, steps_per_epoch)
        # Of the plateau schedule: how often the rate was cut, and epochs since the best dev score.
        self.cuts = 0
        self.best = -math.inf
        self.waiting = 0

    def rate(self, step: int) -> float:
        """Returns the learning rate of a step, counted from 0."""
        config = self.config
        warmup = config.warmup * self.total_steps
        if config.schedule == "one-cycle":
            return self._one_cycle(step)
        if step < warmup:
            return config.learning_rate * (step + 1) / (warmup + 1)
        done = (step - warmup) / max(1.0, self.total_steps - warmup)
        factor = {
            "constant": 1.0,
            "linear": max(0.0, 1.0 - done),
            "cosine": 0.5 * (1.0 + math.cos(math.pi * min(1.0, done))),
            "inverse": 1.0 / (1.0 + config.decay * (step // self.steps_per_epoch)),
            "plateau": config.plateau_factor**self.cuts,
        }[config.schedule]
        return config.learning_rate * factor

    def _one_cycle(self, step: int) -> float:
        """Half a cosine up to the largest rate, and half a cosine down to nearly nothing."""
        largest = self.config.learning_rate
        lowest = largest / _CYCLE_BEGIN
        top, last = self.config.warmup * self.total_steps - 1, self.total_steps - 1
        if step <= top:
            begin, end, done = lowest, largest, step / max(1.0, top)
        else:
            begin, end = largest, lowest / _CYCLE_END
            done = min(1.0, (step - top) / max(1.0, last - top))
        return end + (begin - end) * 0.5 * (1.0 + math.cos(math.pi * done))

    def observe(self, score: float) -> None:
        """Takes an epoch's dev score: the plateau schedule cuts the rate when the best one is too long ago."""
        if score > self.best:
            self.best, self.waiting = score, 0
            return
        self.waiting += 1
        if self.waiting > self.config.plateau_patience:
            self.cuts, self.waiting = self.cuts + 1, 0

    def state(self) -> dict[str, Any]:
        """Returns what the steps alone do not say; JSON-ready."""
        return {"cuts": self.cuts, "best": self.best if math.isfinite(self.best) else None, "waiting": self.waiting}

    def restore(self, values: Mapping[str, Any]) -> None:
        """Takes up what ``state`` returned."""
        self.cuts, self.waiting = values["cuts"], values["waiting"]
        self.best = -math.inf if values["best"] is None else values["best"]
