"""Optimisers, learning-rate schedules, and the running mean of the weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from bilstm_tagger.config import TrainingConfig

__all__ = ["Optimization", "WeightAverage"]


class Optimization:
    """Takes the steps: clipping, the rate of the moment, and the update.

    The word table is updated only in the rows that a batch used. For SGD without momentum that equals the dense
    update; Adam's moments then decay only when a row is used (torch's ``SparseAdam``), and weight decay leaves
    the table alone.

    Args:
        network: The network; frozen parameters are left out.
        config: The training section.
        total_steps: Steps of the whole run, for the schedule.
        steps_per_epoch: For the inverse schedule.
    """

    def __init__(self, network: nn.Module, config: TrainingConfig, *, total_steps: int, steps_per_epoch: int) -> None:
        self.config = config
        self.total_steps = total_steps
        self.steps_per_epoch = max(1, steps_per_epoch)
        self.step_count = 0
        tables = [m for m in network.modules() if isinstance(m, nn.Embedding) and m.num_embeddings > 1000]
        use_sparse = config.optimizer != "sgd" or not config.momentum
        for table in tables:
            table.sparse = use_sparse
        rows = [t.weight for t in tables if use_sparse and t.weight.requires_grad]
        chosen = {id(weight) for weight in rows}
        rest = [p for p in network.parameters() if p.requires_grad and id(p) not in chosen]
        self.parameters = rest + rows
        self.optimizers = [self._make(rest)]
        if rows:
            self.optimizers.append(
                torch.optim.SGD(rows, lr=config.learning_rate)
                if config.optimizer == "sgd"
                else torch.optim.SparseAdam(rows, lr=config.learning_rate)
            )

    def _make(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        config = self.config
        if config.optimizer == "sgd":
            return torch.optim.SGD(
                parameters, lr=config.learning_rate, momentum=config.momentum, weight_decay=config.weight_decay
            )
        kind = torch.optim.Adam if config.optimizer == "adam" else torch.optim.AdamW
        return kind(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        config, step = self.config, self.step_count
        warmup = config.warmup * self.total_steps
        if step < warmup:
            return config.learning_rate * (step + 1) / (warmup + 1)
        done = (step - warmup) / max(1.0, self.total_steps - warmup)
        factor = {
            "constant": 1.0,
            "linear": max(0.0, 1.0 - done),
            "cosine": 0.5 * (1.0 + math.cos(math.pi * min(1.0, done))),
            "inverse": 1.0 / (1.0 + config.decay * (step // self.steps_per_epoch)),
        }[config.schedule]
        return config.learning_rate * factor

    def step(self) -> None:
        """Clips the gradients, updates the weights and clears the gradients."""
        if self.config.clip:
            self._clip(self.config.clip)
        rate = self.learning_rate
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self.step_count += 1

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns the moments as named tensors, and what is no tensor."""
        tensors: dict[str, Tensor] = {}
        values: dict[str, Any] = {"step_count": self.step_count}
        for number, optimizer in enumerate(self.optimizers):
            for index, entries in optimizer.state_dict()["state"].items():
                for key, value in entries.items():
                    (tensors if isinstance(value, Tensor) else values)[f"{number}.{index}.{key}"] = value
        return tensors, values

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Takes up what ``state`` returned."""
        self.step_count = values["step_count"]
        states: list[dict[int, dict[str, Any]]] = [{} for _ in self.optimizers]
        for name, value in {**tensors, **values}.items():
            if name != "step_count":
                number, index, key = name.split(".", 2)
                states[int(number)].setdefault(int(index), {})[key] = value
        for optimizer, state in zip(self.optimizers, states, strict=True):
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

    def _clip(self, limit: float) -> None:
        """Scales all gradients, sparse ones included, so that their joint norm is at most ``limit``."""
        values: list[Tensor] = []
        for parameter in self.parameters:
            if parameter.grad is not None:
                if parameter.grad.is_sparse:
                    parameter.grad = parameter.grad.coalesce()
                    values.append(parameter.grad.values())
                else:
                    values.append(parameter.grad)
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))
        torch._foreach_mul_(values, (limit / (norm + 1e-6)).clamp(max=1.0))


class WeightAverage:
    """An exponential moving average of the weights (EMA), with the usual correction for a short history.

    Args:
        network: The network whose trainable weights are followed.
        decay: Largest weight of the past; early on it is ``(1 + steps) / (10 + steps)``.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self.weights = [p for p in network.parameters() if p.requires_grad]
        self.mean = [p.detach().clone() for p in self.weights]

    @torch.no_grad()
    def update(self) -> None:
        """Moves the average towards the present weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(self.mean, [p.detach() for p in self.weights], 1.0 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges the network's weights and their average; a second call puts them back."""
        for weight, mean in zip(self.weights, self.mean, strict=True):
            kept = weight.detach().clone()
            weight.copy_(mean)
            mean.copy_(kept)
