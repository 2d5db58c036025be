"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bilstm_tagger.config import TrainingConfig
from bilstm_tagger.errors import TaggerError
from bilstm_tagger.features.batching import length_buckets, padding_share
from bilstm_tagger.features.encoding import EncodedRows
from bilstm_tagger.inference.decoding import to_batch
from bilstm_tagger.nn import Batch, BiLstmCrf
from bilstm_tagger.training.history import History
from bilstm_tagger.training.optimization import Optimization, WeightAverage
from bilstm_tagger.training.progress import TrainingDisplay

__all__ = ["Outcome", "Trainer"]


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        best_score: Best dev score; -1 before the first epoch's end.
        best_epoch: Its epoch, from 1; 0 before.
        epochs: Finished epochs.
        interrupted: Whether Ctrl-C ended it.
    """

    best_score: float = -1.0
    best_epoch: int = 0
    epochs: int = 0
    interrupted: bool = False


class Trainer:
    """Trains a network on encoded rows and keeps the weights of the best epoch.

    Args:
        network: With fresh or earlier weights, on its device.
        rows: The training part.
        config: The training section.
        seed: Of the order of the batches; torch's generator is the caller's.
        score: Returns the dev score of the network as it stands, in evaluation mode.
        keep: Called when an epoch is the best so far, with the network holding its weights.
        history: Takes one record an epoch.
        metric: Name of the dev score.
        progress: Whether to show bars and lines.
    """

    def __init__(
        self,
        network: BiLstmCrf,
        rows: EncodedRows,
        config: TrainingConfig,
        *,
        seed: int,
        score: Callable[[], float],
        keep: Callable[[Outcome], None],
        history: History,
        metric: str,
        progress: bool = True,
    ) -> None:
        self.network = network
        self.rows = rows
        self.config = config
        self.rng = np.random.default_rng(seed)
        self.score = score
        self.keep = keep
        self.history = history
        self.device = network.projection.weight.device
        self.next_batches = self._batches()
        steps = len(self.next_batches)
        # Later epochs may have a few batches more or less; the schedule only needs the order of magnitude.
        total = steps * config.epochs
        self.optimization = Optimization(network, config, total_steps=total, steps_per_epoch=steps)
        self.average = WeightAverage(network, config.ema) if config.ema else None
        self.display = TrainingDisplay(total_steps=total, metric=metric, shown=progress)
        self.metric = metric
        self.best_weights: list[Tensor] = []

    def run(self) -> Outcome:
        """Trains until the last epoch, until patience ends, or until Ctrl-C; then restores the best weights."""
        outcome = Outcome()
        padding = padding_share(self.next_batches, self.rows.lengths)
        with self.display:
            self.display.say(
                f"{len(self.rows):,} sequences, {len(self.rows.forms):,} tokens, "
                f"{len(self.next_batches)} batches an epoch, {padding:.1%} padding"
            )
            try:
                for epoch in range(1, self.config.epochs + 1):
                    self._epoch(epoch, outcome)
                    if self.config.patience and epoch - outcome.best_epoch >= self.config.patience:
                        self.display.say(f"no better dev score for {self.config.patience} epochs: stopping")
                        break
            except KeyboardInterrupt:
                outcome.interrupted = True
        with torch.no_grad():
            for parameter, kept in zip(self.network.parameters(), self.best_weights, strict=False):
                parameter.copy_(kept)
        return outcome

    def _batches(self) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
        return length_buckets(
            self.rows.lengths,
            batch_tokens=self.config.batch_tokens,
            batch_sequences=self.config.batch_sequences,
            rng=self.rng,
        )

    def _epoch(self, epoch: int, outcome: Outcome) -> None:
        self.network.train()
        began = time.perf_counter()
        loss_sum, tokens = 0.0, 0
        batches = self.next_batches
        for indices in batches:
            batch = to_batch(self.rows.batch(indices), self.device)
            loss_sum += self._step(batch)
            tokens += int(self.rows.lengths[indices].sum())
            elapsed = time.perf_counter() - began
            self.display.step(epoch=epoch, loss=loss_sum / tokens, speed=tokens / elapsed)
        train_seconds = time.perf_counter() - began
        score = self._dev_score(outcome, epoch)
        improved = outcome.best_epoch == epoch
        record = {
            "epoch": epoch,
            "step": self.optimization.step_count,
            "loss": loss_sum / max(1, tokens),
            "metric": self.metric,
            "dev_score": score,
            "best_score": outcome.best_score,
            "learning_rate": self.optimization.learning_rate,
            "tokens_per_second": tokens / train_seconds,
            "seconds": time.perf_counter() - began,
        }
        self.history.add(record)
        self.display.epoch(record, improved=improved)
        outcome.epochs = epoch
        self.next_batches = self._batches()

    def _step(self, batch: Batch) -> float:
        """One update; returns the summed loss of the batch."""
        loss = -self.network.log_likelihood(batch).sum()
        count = {"token": int(batch.lengths.sum()), "sequence": len(batch.lengths), "sum": 1}[self.config.reduction]
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TaggerError(
                f"the training loss is {value} at step {self.optimization.step_count + 1}",
                hint="Lower training.learning_rate, or set training.clip",
            )
        (loss / count).backward()  # type: ignore[no-untyped-call]
        self.optimization.step()
        if self.average is not None:
            self.average.update()
        return value

    def _dev_score(self, outcome: Outcome, epoch: int) -> float:
        """Scores the averaged weights where there are any, and keeps them if they are the best."""
        if self.average is not None:
            self.average.swap()
        self.network.eval()
        score = self.score()
        if score > outcome.best_score:
            outcome.best_score, outcome.best_epoch = score, epoch
            self.best_weights = [p.detach().clone() for p in self.network.parameters()]
            self.keep(outcome)
        if self.average is not None:
            self.average.swap()
        return score
