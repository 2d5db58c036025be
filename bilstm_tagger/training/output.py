"""The folder that a run writes: that it may, that no other does, and the last of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bilstm_tagger.errors import ConfigError
from bilstm_tagger.folder_lock import lock_folder
from bilstm_tagger.inference.model import Model
from bilstm_tagger.training.checkpoint import CheckpointFolder
from bilstm_tagger.training.record import read_record

__all__ = ["check_output", "hold_folder", "remove_checkpoints", "save_finished"]

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


@contextmanager
def hold_folder(folder: Path) -> Iterator[None]:
    """Keeps other processes from writing into the same folder, where the system has locks (see ``lock_folder``).

    The folder is made, with those above it; what stays empty of that is removed.

    Raises:
        BlockingIOError: Another process has it.
        OSError: It cannot be made.
    """
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as lock:
        try:
            lock.enter_context(lock_folder(folder))
        except (BlockingIOError, FileNotFoundError):
            raise BlockingIOError(
                f"another process is writing into {folder}. Wait for its end, or name another folder with --output."
            ) from None
        try:
            yield
        finally:
            with suppress(OSError):  # something is in it
                for place in made:
                    place.rmdir()


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
