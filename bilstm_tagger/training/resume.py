"""Whether an output folder holds a run to go on with, and going on with it."""

from __future__ import annotations

import json
import logging
from typing import Any

import torch
from safetensors.torch import load, save

import bilstm_tagger
from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder, differences, refuse_changes
from bilstm_tagger.training.processes import Processes
from bilstm_tagger.training.record import read_record
from bilstm_tagger.training.snapshot import restore_snapshot, take_snapshot
from bilstm_tagger.training.trainer import Trainer

__all__ = ["Saver", "find_unfinished", "go_on", "run_identity", "spread_checkpoint", "take_threads"]

_logger = logging.getLogger("bilstm_tagger.training")

# How often a run is saved, and who is told of it, changes nothing in it.
_FREE_KEYS = ("checkpoint_minutes", "checkpoint_steps", "checkpoint_keep", "trackers")


class Saver:
    """Writes checkpoints; where one cannot be written, says so once, and the run goes on.

    Args:
        folder: Where they go.
    """

    def __init__(self, folder: CheckpointFolder) -> None:
        self.folder = folder
        self.complained = False

    def __call__(self, trainer: Trainer) -> None:
        """Writes one, in the first process."""
        snapshot = take_snapshot(trainer)
        if not trainer.processes.first:
            return
        try:
            self.folder.write(snapshot, step=trainer.optimization.step_count)
        except OSError as error:
            if not self.complained:
                trainer.display.say(
                    f"warning: no checkpoint was written ({error}); the run goes on, the one before is kept"
                )
            self.complained = True


def run_identity(
    config: Config,
    processes: Processes,
    *,
    data: dict[str, str],
    sources: dict[str, str],
    encoded: dict[str, str],
) -> dict[str, Any]:
    """Returns what must be the same for a run to go on: all but where it is written and how often it is saved.

    Args:
        config: The run.
        processes: Those of the run.
        data: A hash of each part.
        sources: A hash of what each key names beside the data.
        encoded: Hashes of what all this became.
    """
    values = config.to_dict()
    del values["output"]
    for key in _FREE_KEYS:
        del values["training"][key]
    return {
        "configuration": values,
        "data": data,
        "sources": sources,
        "encoded": encoded,
        # Another release may keep its state otherwise, or round otherwise.
        "versions": {"bilstm-tagger": bilstm_tagger.__version__, "torch": torch.__version__},
        # How a batch is split decides in which order its gradients are summed, and who draws which random numbers.
        "processes": {"number": processes.size, "device": processes.device.type},
    }


def find_unfinished(checkpoints: CheckpointFolder, *, resume: bool) -> Checkpoint | None:
    """Returns the checkpoint to go on from; None where a run starts anew.

    Raises:
        ConfigError: ``resume`` is asked for, and there is nothing to go on from, or something changed.
    """
    found = checkpoints.newest()
    if found is not None:
        checkpoint, identity = found
        if resume:
            refuse_changes(identity, checkpoints.identity, checkpoints.folder)
        if checkpoints.damaged:
            step = checkpoint.values["optimizer"]["step_count"]
            _logger.warning("the newest whole checkpoint is that of step %d", step)
        if identity == checkpoints.identity:
            return checkpoint
        changed = differences(identity, checkpoints.identity)
        _logger.warning(
            "%s holds an unfinished run of another configuration or other data (%s); starting anew",
            checkpoints.folder,
            "; ".join(changed[:3]) + (" ..." if len(changed) > 3 else ""),
        )
    elif resume:
        raise _nothing_to_resume(checkpoints)
    return None


def _nothing_to_resume(checkpoints: CheckpointFolder) -> ConfigError:
    """Returns why there is nothing to go on from, and what to do."""
    folder = checkpoints.folder.parent
    sessions = read_record(folder).get("sessions") or [{}]
    if checkpoints.damaged:
        problem, hint = f"all checkpoints in {checkpoints.folder} are damaged", "Start anew without --resume"
    elif sessions[-1].get("status") == "finished":
        problem, hint = f"the run in {folder} is finished", "There is nothing to resume; train anew without --resume"
    else:
        problem = f"there is no unfinished run in {folder}"
        hint = "A run writes its first checkpoint after training.checkpoint_minutes; start anew without --resume"
    return ConfigError(problem, hint=hint)


def spread_checkpoint(checkpoint: Checkpoint | None, processes: Processes) -> Checkpoint | None:
    """Returns the first process's checkpoint; other machines need not see its folder."""
    if processes.size == 1:
        return checkpoint
    values = json.loads(processes.spread_bytes(json.dumps(checkpoint and checkpoint.values).encode()))
    if values is None:
        return None
    return Checkpoint(load(processes.spread_bytes(b"" if checkpoint is None else save(checkpoint.tensors))), values)


def take_threads(checkpoint: Checkpoint) -> bool:
    """Sets the number of processor threads to that with which the run began; returns whether it was another.

    Sums are rounded otherwise when they are split over another number.
    """
    threads = checkpoint.values.get("threads", torch.get_num_threads())
    changed: bool = threads != torch.get_num_threads()
    if changed:
        torch.set_num_threads(threads)
    return changed


def go_on(trainer: Trainer, checkpoint: Checkpoint, checkpoints: CheckpointFolder) -> None:
    """Puts a fresh trainer where an unfinished run was left.

    Raises:
        ConfigError: The checkpoint does not fit.
    """
    try:
        restore_snapshot(trainer, checkpoint)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"the newest checkpoint in {checkpoints.folder} does not fit this run ({type(error).__name__})",
            hint="Delete that folder to start anew",
        ) from None
    trainer.display.say(f"going on in epoch {trainer.epoch}; to start anew, delete {checkpoints.folder}")
