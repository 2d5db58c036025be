"""All that a run needs to go on from between two steps with the same bits: taken, and taken up."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from bilstm_tagger.training.checkpoint import Checkpoint
from bilstm_tagger.training.trainer import Outcome, Trainer

__all__ = ["processor_name", "restore_snapshot", "take_snapshot"]

_OPTIMIZER = "optimizer."


def take_snapshot(trainer: Trainer) -> Checkpoint:
    """Returns the state of a trainer. All processes of a run call it: each has random numbers of its own."""
    optimizer_tensors, optimizer_values = trainer.optimization.state()
    tensors = {f"{_OPTIMIZER}{name}": tensor for name, tensor in optimizer_tensors.items()}
    groups: dict[str, Sequence[Tensor]] = {
        "weight": trainer.weights,
        "best": trainer.best_weights,
        "average": [] if trainer.average is None else trainer.average.mean,
    }
    for group, members in groups.items():
        tensors |= {f"{group}.{index}": member.detach() for index, member in enumerate(members)}
    for rank, state in enumerate(trainer.processes.gather_bytes(torch.get_rng_state().numpy().tobytes())):
        tensors[f"random.cpu.{rank}"] = torch.frombuffer(bytearray(state), dtype=torch.uint8)
    if trainer.device.type == "cuda":
        own = torch.cuda.get_rng_state(trainer.device).numpy().tobytes()
        for rank, state in enumerate(trainer.processes.gather_bytes(own)):
            tensors[f"random.cuda.{rank}"] = torch.frombuffer(bytearray(state), dtype=torch.uint8)
    values = {
        "epoch": trainer.epoch,
        "position": trainer.position,
        "loss_sum": trainer.loss_sum,
        "tokens": trainer.tokens,
        "order": trainer.order_state,
        "outcome": asdict(trainer.outcome),
        "records": trainer.history.records,
        "optimizer": optimizer_values,
        "average_steps": 0 if trainer.average is None else trainer.average.steps,
        "threads": torch.get_num_threads(),
        "processor": processor_name(),
    }
    return Checkpoint(tensors, values)


@torch.no_grad()
def restore_snapshot(trainer: Trainer, checkpoint: Checkpoint) -> None:
    """Takes up what ``take_snapshot`` returned, but for the number of threads.

    Raises:
        KeyError: Something is missing; as ValueError, TypeError and RuntimeError, a sign that the checkpoint is not of
            this run.
    """
    tensors, values = checkpoint.tensors, checkpoint.values
    groups: dict[str, list[Tensor]] = {"weight": [], "best": [], "average": []}
    for group, members in groups.items():
        count = sum(name.startswith(f"{group}.") for name in tensors)
        members += [tensors[f"{group}.{index}"] for index in range(count)]
    for parameter, kept in zip(trainer.weights, groups["weight"], strict=True):
        parameter.copy_(kept)
    trainer.best_weights = [kept.to(trainer.device) for kept in groups["best"]]
    if trainer.average is not None:
        trainer.average.steps = values["average_steps"]
        for mean, kept in zip(trainer.average.mean, groups["average"], strict=True):
            mean.copy_(kept)
    moments = {name.removeprefix(_OPTIMIZER): value for name, value in tensors.items() if name.startswith(_OPTIMIZER)}
    trainer.optimization.restore(moments, values["optimizer"])
    trainer.epoch, trainer.position = values["epoch"], values["position"]
    trainer.loss_sum, trainer.tokens = values["loss_sum"], values["tokens"]
    trainer.outcome = Outcome(**values["outcome"])
    trainer.history.restore(values["records"])
    trainer.restore_order(values["order"])
    trainer.display.advance(trainer.optimization.step_count, trainer.outcome.best_score)
    torch.set_rng_state(tensors[f"random.cpu.{trainer.processes.rank}"])
    if trainer.device.type == "cuda":
        torch.cuda.set_rng_state(tensors[f"random.cuda.{trainer.processes.rank}"], trainer.device)
    if values["processor"] != processor_name():
        trainer.display.say(
            f"warning: the run began on another processor ({values['processor']}), so its last digits may differ"
        )


def processor_name() -> str:
    """Returns the processor's name, such as ``AMD EPYC 7B13``, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
