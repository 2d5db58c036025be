"""The steps: gradients are clipped, and each part of the network moves at its own rate."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bilstm_tagger.config import TrainingConfig
from bilstm_tagger.errors import ConfigError, suggest
from bilstm_tagger.training.schedules import Schedule

__all__ = ["Optimization", "network_parts"]

_logger = logging.getLogger("bilstm_tagger.training")

# Tables of more rows are updated only where a batch used them.
_LARGE_TABLE = 1000


def network_parts(network: nn.Module) -> dict[str, list[nn.Parameter]]:
    """Returns the parts of a network by name, ``word``, ``encoder`` and so on, with their parameters."""
    parts = {name: list(child.parameters()) for name, child in network.named_children()}
    return {name: parameters for name, parameters in parts.items() if parameters}


class Optimization:
    """Takes the steps: clipping, the rate of the moment, and the update.

    A large word table is updated only in the rows that a batch used. For SGD without momentum and for Adagrad that
    equals the dense update. With the Adam kin (Adam, AdamW, RAdam, NAdam) the table gets Adam whose moments decay only
    when a row is used (torch's ``SparseAdam``): a rare word moves as far as a frequent one each time that it is met,
    and does not drift between. SGD with momentum and RMSprop update the table whole. Weight decay leaves tables that
    are updated by rows alone.

    Args:
        network: The network; parameters that need no gradient are left out.
        config: The training section.
        total_steps: Steps of the whole run, for the schedule.
        steps_per_epoch: For the inverse schedule.
        scaler: Scales the loss, for gradients in float16; None for the other types.

    Raises:
        ConfigError: A part to be frozen, or with a rate of its own, is none of the network's.
    """

    def __init__(
        self,
        network: nn.Module,
        config: TrainingConfig,
        *,
        total_steps: int,
        steps_per_epoch: int,
        scaler: torch.amp.GradScaler | None = None,
    ) -> None:
        self.config = config
        self.schedule = Schedule(config, total_steps=total_steps, steps_per_epoch=steps_per_epoch)
        self.scaler = scaler
        self.step_count = 0
        parts = network_parts(network)
        _check_parts(config, parts)
        self.frozen = [p for name in dict.fromkeys(config.freeze) for p in parts[name] if p.requires_grad]
        if len(self.frozen) == sum(p.requires_grad for p in network.parameters()):
            raise ConfigError("'training.freeze' leaves nothing to train", received=config.freeze)
        if not config.freeze_epochs:
            # Frozen for good: no optimiser has to know them.
            self.freeze(epoch=1)
        by_rows = config.optimizer != "rmsprop" and not (config.optimizer == "sgd" and config.momentum)
        tables = [m for m in network.modules() if isinstance(m, nn.Embedding) and m.num_embeddings > _LARGE_TABLE]
        for table in tables:
            table.sparse = by_rows
        weights = [table.weight for table in tables if isinstance(table.weight, nn.Parameter)]
        self.rows = [weight for weight in weights if by_rows and weight.requires_grad]
        chosen = {id(weight) for weight in self.rows}
        self.dense = [p for p in network.parameters() if p.requires_grad and id(p) not in chosen]
        self.parameters = self.dense + self.rows
        factors = {id(p): config.rates.get(name, 1.0) for name, members in parts.items() for p in members}
        self.optimizers = [_dense_optimizer(config, _groups(self.dense, factors))] if self.dense else []
        if self.rows:
            self.optimizers.append(_row_optimizer(config, _groups(self.rows, factors)))

    @property
    def learning_rate(self) -> float:
        """The rate of the next step."""
        return self.schedule.rate(self.step_count)

    def freeze(self, *, epoch: int) -> None:
        """Freezes what the configuration freezes in this epoch, and thaws it afterwards."""
        last = self.config.freeze_epochs
        for parameter in self.frozen:
            parameter.requires_grad_(bool(last) and epoch > last)

    def backward(self, loss: Tensor) -> None:
        """Adds the gradients of a loss to those there are."""
        scaled = loss if self.scaler is None else self.scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    def step(self) -> None:
        """Clips the gradients, updates the weights and clears the gradients."""
        # Without a gradient, of frozen parts for example, there is nothing to scale or to step.
        active = [optimizer for optimizer in self.optimizers if _has_gradient(optimizer)]
        if self.scaler is not None:
            for optimizer in active:
                self.scaler.unscale_(optimizer)
        if self.config.clip:
            self._clip(self.config.clip)
        rate = self.learning_rate
        for optimizer in active:
            for group in optimizer.param_groups:
                group["lr"] = rate * group["factor"]
            # Torch's Adagrad makes sparse tensors without saying whether they are to be checked, and is warned for it.
            with torch.sparse.check_sparse_tensor_invariants(enable=False):  # type: ignore[no-untyped-call]
                if self.scaler is None:
                    optimizer.step()
                else:
                    # Skipped where a gradient is not finite; the scale is then lowered.
                    self.scaler.step(optimizer)
            optimizer.zero_grad(set_to_none=True)
        if self.scaler is not None and active:
            self.scaler.update()
        self.step_count += 1

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns the moments as named tensors, and what is no tensor."""
        tensors: dict[str, Tensor] = {}
        moments: dict[str, Any] = {}
        for number, optimizer in enumerate(self.optimizers):
            for index, entries in optimizer.state_dict()["state"].items():
                for key, value in entries.items():
                    (tensors if isinstance(value, Tensor) else moments)[f"{number}.{index}.{key}"] = value
        scaler = None if self.scaler is None else self.scaler.state_dict()
        values = {"step_count": self.step_count, "schedule": self.schedule.state(), "scaler": scaler}
        return tensors, values | {"moments": moments}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Takes up what ``state`` returned."""
        self.step_count = values["step_count"]
        self.schedule.restore(values["schedule"])
        if self.scaler is not None:
            self.scaler.load_state_dict(values["scaler"])
        states: list[dict[int, dict[str, Any]]] = [{} for _ in self.optimizers]
        for name, value in {**tensors, **values["moments"]}.items():
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
        if not values:
            return
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(values)))
        torch._foreach_mul_(values, (limit / (norm + 1e-6)).clamp(max=1.0))


def _check_parts(config: TrainingConfig, parts: Mapping[str, Sequence[nn.Parameter]]) -> None:
    for key, names in (("freeze", config.freeze), ("rates", config.rates)):
        for name in names:
            if name not in parts:
                raise ConfigError(
                    f"'training.{key}' names no part of this network",
                    received=name,
                    accepted=list(parts),
                    hint=suggest(name, parts),
                )
    for name in config.rates:
        if not any(parameter.requires_grad for parameter in parts[name]):
            _logger.warning("'training.rates' has no effect on '%s', which is not trained", name)


def _has_gradient(optimizer: torch.optim.Optimizer) -> bool:
    return any(p.grad is not None for group in optimizer.param_groups for p in group["params"])


def _groups(parameters: Sequence[nn.Parameter], factors: Mapping[int, float]) -> list[dict[str, Any]]:
    """Returns the parameters as torch's groups, one for each factor that their learning rate has."""
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(factors.get(id(parameter), 1.0), []).append(parameter)
    return [{"params": members, "factor": factor} for factor, members in groups.items()]


def _dense_optimizer(config: TrainingConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    rate, decay = config.learning_rate, config.weight_decay
    match config.optimizer:
        case "sgd":
            return torch.optim.SGD(groups, lr=rate, momentum=config.momentum, weight_decay=decay)
        case "adam":
            return torch.optim.Adam(groups, lr=rate, weight_decay=decay, fused=True)
        case "adamw":
            return torch.optim.AdamW(groups, lr=rate, weight_decay=decay, fused=True)
        case "radam":
            return torch.optim.RAdam(groups, lr=rate, weight_decay=decay, decoupled_weight_decay=True, foreach=True)
        case "nadam":
            return torch.optim.NAdam(groups, lr=rate, weight_decay=decay, decoupled_weight_decay=True, foreach=True)
        case "adagrad":
            return torch.optim.Adagrad(groups, lr=rate, weight_decay=decay, foreach=True)
        case "rmsprop":
            return torch.optim.RMSprop(groups, lr=rate, momentum=config.momentum, weight_decay=decay, foreach=True)


def _row_optimizer(config: TrainingConfig, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate)
    if config.optimizer == "adagrad":
        return torch.optim.Adagrad(groups, lr=config.learning_rate)
    return torch.optim.SparseAdam(groups, lr=config.learning_rate)
