"""The folder that a run writes: whether it may, and the last of it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from bilstm_tagger.errors import ConfigError
from bilstm_tagger.inference.model import Model
from bilstm_tagger.training.checkpoint import CheckpointFolder
from bilstm_tagger.training.record import read_record

__all__ = ["check_output", "remove_checkpoints", "save_finished"]

_logger = logging.getLogger("bilstm_tagger.training")

_OVERWRITTEN = (
    "README.md",
    "config.json",
    "curves.png",
    "metrics.json",
    "metrics.jsonl",
    "model.safetensors",
    "run.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.json",
)


def check_output(folder: Path) -> None:
    """Makes sure that a run overwrites no files but those of an earlier run or model.

    Raises:
        ConfigError: There are others of the same names: a project's README.md, another library's model.
    """
    present = [name for name in _OVERWRITTEN if (folder / name).exists()]
    if present and not _is_model(folder) and "sessions" not in read_record(folder):
        raise ConfigError(
            f"{folder} is no folder of a tagger, and has files that training would overwrite: {', '.join(present)}",
            hint="Name another folder with --output",
        )


def _is_model(folder: Path) -> bool:
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and "format_version" in config


def save_finished(model: Model, folder: Path, checkpoints: CheckpointFolder) -> None:
    """Writes the model at the end of its run; on a full disk, in the place of the older checkpoints.

    Raises:
        OSError: There is no room for it, or it cannot be written for another reason. The newest checkpoint stays.
    """
    try:
        model.save(folder)
    except OSError:
        checkpoints.keep_newest(1)
        model.save(folder)


def remove_checkpoints(checkpoints: CheckpointFolder) -> None:
    """Removes the checkpoints of a finished run."""
    try:
        checkpoints.clear(damaged=True)
    except OSError as error:
        _logger.warning("the run is finished, but its checkpoints cannot be removed (%s)", error)
