"""Checkpoints of an unfinished run: whole or not there, and enough to go on with the same bits.

A checkpoint is one safetensors file: all tensors of the run, and in its header, as JSON, all that is no tensor. No
pickle. It is written under a temporary name, flushed to the disk and renamed, so that a kill at any moment leaves the
one before.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bilstm_tagger.errors import ConfigError

__all__ = ["Checkpoint", "CheckpointFolder", "differences", "refuse_changes"]

_logger = logging.getLogger("bilstm_tagger.training")


@dataclass(frozen=True)
class Checkpoint:
    """The state of a run between two steps.

    Attributes:
        tensors: Weights, their average, the best weights, the optimisers' moments, random states.
        values: Everything else; JSON-ready.
    """

    tensors: dict[str, Tensor]
    values: dict[str, Any]


class CheckpointFolder:
    """The checkpoints of one run.

    Args:
        folder: Their folder; made when first written to.
        identity: What the run is: configuration and data. Stored with each checkpoint.
        keep: How many of the newest are kept.

    Attributes:
        damaged: How many checkpoints ``newest`` found damaged. They are renamed, and no longer count.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], *, keep: int = 2) -> None:
        self.folder = folder
        self.keep = keep
        self.damaged = 0
        # As it comes back from JSON, so that the two compare equal.
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))

    def write(self, checkpoint: Checkpoint, *, step: int) -> None:
        """Adds a checkpoint and removes the old ones.

        Raises:
            OSError: It could not be written; the earlier ones are untouched.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"step-{step:010d}.safetensors"
        temporary = path.with_suffix(".tmp")
        tensors = {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}
        header = {"identity": json.dumps(self.identity), "values": json.dumps(checkpoint.values)}
        header["digest"] = _digest(tensors, header)
        try:
            save_file(tensors, temporary, header)
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())
            os.replace(temporary, path)
        except SafetensorError as error:
            raise OSError(str(error)) from None
        finally:
            temporary.unlink(missing_ok=True)
        self.keep_newest(self.keep)

    def keep_newest(self, count: int) -> None:
        """Removes all checkpoints but the newest ones.

        Raises:
            OSError: One cannot be removed.
        """
        for old in self._paths()[count:]:
            old.unlink(missing_ok=True)

    def newest(self) -> tuple[Checkpoint, dict[str, Any]] | None:
        """Returns the newest checkpoint that is whole, with the identity of its run; None when there is none.

        One that is torn, or whose bytes are no longer those that were written, is said to be damaged and put aside.

        Raises:
            OSError: There is one that this user may not read, or that the disk does not give; nothing is changed.
        """
        for path in self._paths():
            _check_readable(path)
            try:
                with safe_open(path, framework="pt") as file:
                    header = file.metadata() or {}
                    tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                if header["digest"] != _digest(tensors, header):
                    raise ValueError("other bytes than were written")
                return Checkpoint(tensors, json.loads(header["values"])), json.loads(header["identity"])
            except (SafetensorError, KeyError, ValueError) as error:
                _logger.warning("%s is damaged (%s) and put aside", path, type(error).__name__)
                self.damaged += 1
                with suppress(OSError):
                    path.rename(path.with_suffix(".damaged"))
        return None

    def clear(self, *, damaged: bool = False) -> None:
        """Removes all checkpoints, and the folder where nothing else is in it.

        Args:
            damaged: Whether those that were put aside go too.

        Raises:
            OSError: One cannot be removed.
        """
        for pattern in ("step-*.safetensors", "step-*.tmp", *(["step-*.damaged"] if damaged else [])):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)
        with suppress(OSError):
            self.folder.rmdir()

    def _paths(self) -> list[Path]:
        return sorted((path for path in self.folder.glob("step-*.safetensors") if path.is_file()), reverse=True)


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            stream.read(1)
    except OSError as error:
        raise OSError(
            f"the checkpoint {path} cannot be read ({error.strerror}). Make it readable, or name another --output."
        ) from None


def _digest(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> str:
    """Returns a hash of all that a checkpoint holds."""
    digest = hashlib.blake2b(digest_size=16)
    for key in ("identity", "values"):
        digest.update(header[key].encode())
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Returns ``key: old -> new`` for each leaf in which two nested dictionaries differ.

    Keys of ``encoded``, which follow from all others, are left out where any other differs.
    """
    found = []
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            found += differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key}: {before!r} -> {after!r}")
    causes = [line for line in found if not line.startswith("encoded.")]
    return causes or found


def refuse_changes(old: Mapping[str, Any], new: Mapping[str, Any], folder: Path) -> None:
    """Raises a ConfigError that shows how a run differs from the unfinished one that it should go on with."""
    changed = differences(old, new)
    if changed:
        raise ConfigError(
            f"the unfinished run in {folder} cannot be resumed, because something changed: {'; '.join(changed)}",
            hint="Undo the change, or start anew without --resume",
        )
