"""The training loop: one for a single process and for many, for a fresh run and for one that goes on."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bilstm_tagger.config import TrainingConfig
from bilstm_tagger.errors import ConfigError, TaggerError
from bilstm_tagger.features.batching import length_buckets, padding_share
from bilstm_tagger.features.encoding import EncodedRows
from bilstm_tagger.inference.decoding import to_batch
from bilstm_tagger.nn import Batch, BiLstmCrf
from bilstm_tagger.training.ahead import one_ahead
from bilstm_tagger.training.averaging import WeightAverage
from bilstm_tagger.training.distillation import Distillation
from bilstm_tagger.training.history import History
from bilstm_tagger.training.losses import TrainingLoss
from bilstm_tagger.training.optimization import Optimization
from bilstm_tagger.training.processes import Processes
from bilstm_tagger.training.progress import TrainingDisplay
from bilstm_tagger.training.stopping import StopRequest

__all__ = ["Outcome", "Trainer"]

_HALVES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        best_score: Best dev score; -1 before the first epoch's end.
        best_epoch: Its epoch, from 1; 0 before.
        epochs: Finished epochs.
        interrupted: Whether Ctrl-C or SIGTERM ended it.
    """

    best_score: float = -1.0
    best_epoch: int = 0
    epochs: int = 0
    interrupted: bool = False


class Trainer:
    """Trains a network on encoded rows and keeps the weights of the best epoch.

    Each process has a trainer of the same weights and the same order of batches. It computes the gradients of its part
    of each batch; their sum makes the step, so that the step is the one that a single process would take.

    Args:
        network: With fresh or earlier weights, on its device.
        rows: The training part.
        config: The training section.
        seed: Of the order of the batches; torch's generator is the caller's.
        score: Returns the dev score of the network as it stands, in evaluation mode; the same in all processes.
        keep: Called when an epoch is the best so far, with the network holding its weights.
        history: Takes one record an epoch.
        metric: Name of the dev score.
        save: Writes a checkpoint of the trainer between two steps; called in all processes, as often as the
            configuration says. None for no checkpoints.
        margins: Logarithms of the tags' class weights; None for none.
        distillation: The share of models that are learned from; None without any.
        processes: Those of the run.
        progress: Whether to show bars and lines.

    Raises:
        ConfigError: Settings that do not go together.
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
        processes: Processes,
        save: Callable[[Trainer], None] | None = None,
        margins: Tensor | None = None,
        distillation: Distillation | None = None,
        progress: bool = True,
    ) -> None:
        self.network = network
        self.rows = rows
        self.lengths = rows.lengths
        self.config = config
        self.rng = np.random.default_rng(seed)
        self.score = score
        self.keep = keep
        self.history = history
        self.metric = metric
        self.processes = processes
        self.save = save
        self.device = processes.device
        half = _HALVES.get(config.precision)
        if half is torch.float16 and self.device.type != "cuda":
            raise ConfigError(
                "'training.precision' cannot be fp16 on a processor", received="fp16", accepted="float32, bf16"
            )
        self.loss = TrainingLoss(
            smoothing=config.label_smoothing,
            margins=None if margins is None else margins.to(self.device),
            half=half,
            distillation=distillation,
        )
        # What is kept of an epoch; what never changes, a large table of vectors for example, is not.
        self.weights = [p for p in network.parameters() if p.requires_grad]
        self.next_batches = self._batches()
        steps = -(-len(self.next_batches) // config.accumulate)
        # Later epochs may have a few batches more or less; the schedule only needs the order of magnitude.
        total = steps * config.epochs
        self.optimization = Optimization(
            network,
            config,
            total_steps=total,
            steps_per_epoch=steps,
            scaler=torch.amp.GradScaler(self.device.type) if half is torch.float16 else None,
        )
        self.average = _average(config, self.optimization, total)
        self.display = TrainingDisplay(total_steps=total, metric=metric, shown=progress and processes.first)
        self.stop = StopRequest(patient=processes.size > 1)
        self.last_checkpoint = time.monotonic()
        self.outcome = Outcome()
        self.best_weights: list[Tensor] = []
        # Where the run is: batches done in this epoch, and what they summed to.
        self.epoch = 1
        self.position = 0
        self.loss_sum = 0.0
        self.tokens = 0
        # What the processes agreed on with the last step; not zero is yes.
        self.stop_wanted = 0.0
        self.checkpoint_wanted = 0.0

    def run(self) -> Outcome:
        """Trains until the last epoch, until patience ends, or until Ctrl-C; then restores the best weights."""
        padding = padding_share(self.next_batches, self.lengths)
        with self.display, self.stop:
            self.display.say(
                f"{len(self.rows):,} sequences, {len(self.rows.forms):,} tokens, "
                f"{len(self.next_batches)} batches an epoch, {padding:.1%} padding"
            )
            try:
                while self.epoch <= self.config.epochs and not self.outcome.interrupted and not self._out_of_patience():
                    self._epoch()
            except KeyboardInterrupt:
                self.outcome.interrupted = True
        with torch.no_grad():
            for parameter, kept in zip(self.weights, self.best_weights, strict=False):
                parameter.copy_(kept)
        return self.outcome

    def _out_of_patience(self) -> bool:
        patience = self.config.patience
        ended = bool(patience) and self.outcome.epochs - self.outcome.best_epoch >= patience
        if ended:
            self.display.say(f"no better dev score for {patience} epochs: stopping")
        return ended

    def restore_order(self, state: dict[str, Any]) -> None:
        """Makes the batches of the present epoch again, from the state of the generator that ordered them."""
        self.rng.bit_generator.state = state
        self.next_batches = self._batches()

    def _batches(self) -> list[NDArray[np.int64]]:
        self.order_state = self.rng.bit_generator.state
        return length_buckets(
            self.lengths,
            batch_tokens=self.config.batch_tokens,
            batch_sequences=self.config.batch_sequences,
            rng=self.rng,
        )

    def _epoch(self) -> None:
        """Trains on the batches that are left of this epoch, and scores the dev part."""
        self.network.train()
        self.optimization.freeze(epoch=self.epoch)
        began = time.perf_counter()
        done_before = self.tokens
        with closing(one_ahead(map(self._prepare, self.next_batches[self.position :]))) as prepared:
            while self.position < len(self.next_batches):
                group = self.next_batches[self.position : self.position + self.config.accumulate]
                self.loss_sum += self._step(group, prepared)
                self.tokens += self._count_tokens(group)
                self.position += len(group)
                speed = (self.tokens - done_before) / (time.perf_counter() - began)
                self.display.step(epoch=self.epoch, loss=self.loss_sum / self.tokens, speed=speed)
                if self._checkpoint_or_stop():
                    return
        train_seconds = time.perf_counter() - began
        learning_rate = self.optimization.learning_rate
        score = self._dev_score(self.outcome, self.epoch)
        record = {
            "epoch": self.epoch,
            "step": self.optimization.step_count,
            "loss": self.loss_sum / max(1, self.tokens),
            "metric": self.metric,
            "dev_score": score,
            "best_score": self.outcome.best_score,
            "learning_rate": learning_rate,
            "tokens_per_second": (self.tokens - done_before) / max(train_seconds, 1e-9),
            "seconds": time.perf_counter() - began,
        }
        self.history.add(record)
        self.display.epoch(record, improved=self.outcome.best_epoch == self.epoch)
        self.outcome.epochs = self.epoch
        self.next_batches = self._batches()
        self.epoch, self.position, self.loss_sum, self.tokens = self.epoch + 1, 0, 0.0, 0

    def _count_tokens(self, group: Sequence[NDArray[np.int64]]) -> int:
        return int(sum(self.lengths[indices].sum() for indices in group))

    def _prepare(self, indices: NDArray[np.int64]) -> Batch | None:
        """Returns this process's share of a batch; None where it has fewer sequences than there are processes."""
        share = self.processes.share(indices)
        return to_batch(self.rows.batch(share), self.device) if len(share) else None

    def _step(self, group: Sequence[NDArray[np.int64]], prepared: Iterator[Batch | None]) -> float:
        """One update from the summed gradients of some batches; returns their loss, summed over all processes."""
        sequences = sum(len(indices) for indices in group)
        count = {"token": self._count_tokens(group), "sequence": sequences, "sum": 1}[self.config.reduction]
        losses = []
        for batch in islice(prepared, len(group)):
            if batch is not None:
                loss = self.loss(self.network, batch)
                self.optimization.backward(loss / count)
                losses.append(loss.detach())
        value = float(torch.stack(losses).sum()) if losses else 0.0
        value, self.stop_wanted, self.checkpoint_wanted = self.processes.sum_gradients(
            self.optimization.dense,
            self.optimization.rows,
            [value, float(self.stop.requested), float(self._checkpoint_is_due())],
        )
        if not math.isfinite(value):
            problem = f"the training loss is {value} at step {self.optimization.step_count + 1}"
            self.processes.fail(TaggerError(problem, hint="Lower training.learning_rate, or set training.clip"))
        self.optimization.step()
        if self.average is not None:
            self.average.update(self.optimization.step_count)
        return value

    def _checkpoint_is_due(self) -> bool:
        """Whether a checkpoint is to follow the present step; by time, the first process's clock decides."""
        steps, minutes = self.config.checkpoint_steps, self.config.checkpoint_minutes
        if steps and (self.optimization.step_count + 1) % steps == 0:
            return True
        return self.processes.first and bool(minutes) and time.monotonic() - self.last_checkpoint >= 60.0 * minutes

    def _checkpoint_or_stop(self) -> bool:
        """Writes a checkpoint where one is due, and whenever the run was asked to stop; returns whether it was."""
        stopping = bool(self.stop_wanted)
        if self.save is not None and (stopping or self.checkpoint_wanted):
            self.save(self)
            self.last_checkpoint = time.monotonic()
        self.outcome.interrupted = stopping
        return stopping

    def _dev_score(self, outcome: Outcome, epoch: int) -> float:
        """Scores the averaged weights where there are any, and keeps them if they are the best."""
        average = self.average if self.average is not None and self.average.ready else None
        if average is not None:
            average.swap()
        self.network.eval()
        score = self.score()
        self.optimization.schedule.observe(score)
        if score > outcome.best_score:
            outcome.best_score, outcome.best_epoch = score, epoch
            self.best_weights = [p.detach().clone() for p in self.weights]
            self.keep(outcome)
        if average is not None:
            average.swap()
        return score


def _average(config: TrainingConfig, optimization: Optimization, total_steps: int) -> WeightAverage | None:
    """Returns the mean of the weights that the configuration asks for."""
    if config.ema and config.swa_start:
        raise ConfigError("'training.ema' and 'training.swa_start' do not go together", accepted="one of them above 0")
    if config.ema:
        return WeightAverage(optimization.parameters, decay=config.ema)
    if config.swa_start:
        return WeightAverage(optimization.parameters, begin=int(config.swa_start * total_steps) + 1)
    return None
