"""The training loop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder
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
        checkpoints: Where checkpoints go, as often as the configuration says; None writes none.
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
        checkpoints: CheckpointFolder | None = None,
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
        self.checkpoints = checkpoints
        self.last_checkpoint = time.monotonic()
        self.outcome = Outcome()
        self.best_weights: list[Tensor] = []
        # Where the run is: batches done in this epoch, what they summed to, and the generator that ordered them.
        self.epoch = 1
        self.position = 0
        self.loss_sum = 0.0
        self.tokens = 0

    def run(self) -> Outcome:
        """Trains until the last epoch, until patience ends, or until Ctrl-C; then restores the best weights."""
        padding = padding_share(self.next_batches, self.rows.lengths)
        with self.display:
            self.display.say(
                f"{len(self.rows):,} sequences, {len(self.rows.forms):,} tokens, "
                f"{len(self.next_batches)} batches an epoch, {padding:.1%} padding"
            )
            try:
                while self.epoch <= self.config.epochs and not self._out_of_patience():
                    self._epoch()
            except KeyboardInterrupt:
                self.outcome.interrupted = True
        with torch.no_grad():
            for parameter, kept in zip(self.network.parameters(), self.best_weights, strict=False):
                parameter.copy_(kept)
        return self.outcome

    def _out_of_patience(self) -> bool:
        patience = self.config.patience
        ended = bool(patience) and self.outcome.epochs - self.outcome.best_epoch >= patience
        if ended:
            self.display.say(f"no better dev score for {patience} epochs: stopping")
        return ended

    def state(self) -> Checkpoint:
        """Returns all that a run needs to go on from between two steps with the same bits."""
        optimizer_tensors, optimizer_values = self.optimization.state()
        tensors = {f"optimizer.{name}": tensor for name, tensor in optimizer_tensors.items()}
        groups: dict[str, Sequence[Tensor]] = {"weight": list(self.network.parameters()), "best": self.best_weights}
        if self.average is not None:
            groups["average"] = self.average.mean
        for group, members in groups.items():
            tensors |= {f"{group}.{index}": member.detach() for index, member in enumerate(members)}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        values = {
            "epoch": self.epoch,
            "position": self.position,
            "loss_sum": self.loss_sum,
            "tokens": self.tokens,
            "order": self.order_state,
            "outcome": asdict(self.outcome),
            "records": self.history.records,
            "optimizer": optimizer_values,
            "average_steps": 0 if self.average is None else self.average.steps,
        }
        return Checkpoint(tensors, values)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Takes up what ``state`` returned."""
        tensors, values = checkpoint.tensors, checkpoint.values
        groups: dict[str, list[Tensor]] = {"weight": [], "best": [], "average": []}
        for group, members in groups.items():
            count = sum(name.startswith(f"{group}.") for name in tensors)
            members += [tensors[f"{group}.{index}"] for index in range(count)]
        with torch.no_grad():
            for parameter, kept in zip(self.network.parameters(), groups["weight"], strict=True):
                parameter.copy_(kept)
            self.best_weights = [kept.to(self.device) for kept in groups["best"]]
            if self.average is not None:
                self.average.steps = values["average_steps"]
                for mean, kept in zip(self.average.mean, groups["average"], strict=True):
                    mean.copy_(kept)
        prefix = "optimizer."
        moments = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
        self.optimization.restore(moments, values["optimizer"])
        self.epoch, self.position = values["epoch"], values["position"]
        self.loss_sum, self.tokens = values["loss_sum"], values["tokens"]
        self.outcome = Outcome(**values["outcome"])
        self.history.restore(values["records"])
        self.rng.bit_generator.state = values["order"]
        self.next_batches = self._batches()
        self.display.advance(self.optimization.step_count, self.outcome.best_score)
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)

    def _checkpoint_if_due(self) -> None:
        if self.checkpoints is None:
            return
        steps, minutes = self.config.checkpoint_steps, self.config.checkpoint_minutes
        by_time = bool(minutes) and time.monotonic() - self.last_checkpoint >= 60.0 * minutes
        if not by_time and not (steps and self.optimization.step_count % steps == 0):
            return
        try:
            self.checkpoints.write(self.state(), step=self.optimization.step_count)
        except OSError as error:
            self.display.say(f"warning: no checkpoint was written ({error}); the run goes on, the one before is kept")
        self.last_checkpoint = time.monotonic()

    def _batches(self) -> list[np.ndarray[Any, np.dtype[np.int64]]]:
        self.order_state = self.rng.bit_generator.state
        return length_buckets(
            self.rows.lengths,
            batch_tokens=self.config.batch_tokens,
            batch_sequences=self.config.batch_sequences,
            rng=self.rng,
        )

    def _epoch(self) -> None:
        """Trains on the batches that are left of this epoch, and scores the dev part."""
        self.network.train()
        began = time.perf_counter()
        done_before = self.tokens
        while self.position < len(self.next_batches):
            indices = self.next_batches[self.position]
            self.loss_sum += self._step(to_batch(self.rows.batch(indices), self.device))
            self.tokens += int(self.rows.lengths[indices].sum())
            self.position += 1
            speed = (self.tokens - done_before) / (time.perf_counter() - began)
            self.display.step(epoch=self.epoch, loss=self.loss_sum / self.tokens, speed=speed)
            self._checkpoint_if_due()
        train_seconds = time.perf_counter() - began
        score = self._dev_score(self.outcome, self.epoch)
        record = {
            "epoch": self.epoch,
            "step": self.optimization.step_count,
            "loss": self.loss_sum / max(1, self.tokens),
            "metric": self.metric,
            "dev_score": score,
            "best_score": self.outcome.best_score,
            "learning_rate": self.optimization.learning_rate,
            "tokens_per_second": (self.tokens - done_before) / max(train_seconds, 1e-9),
            "seconds": time.perf_counter() - began,
        }
        self.history.add(record)
        self.display.epoch(record, improved=self.outcome.best_epoch == self.epoch)
        self.outcome.epochs = self.epoch
        self.next_batches = self._batches()
        self.epoch, self.position, self.loss_sum, self.tokens = self.epoch + 1, 0, 0.0, 0

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
