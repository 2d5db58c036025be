"""Runs that are killed after a number of checkpoints."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from bilstm_tagger import Config, train
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder
from tests.tiny import SMALL, ner_rows, sections, write_conll


class Killed(BaseException):
    """Stands in for a kill: nothing in the package catches it."""


def config_of(folder: Path, training: dict[str, Any], **changes: Any) -> Config:
    source = folder / "train.conll"
    if not source.exists():
        write_conll(source, ner_rows(40))
        write_conll(folder / "dev.conll", ner_rows(12, seed=1))
    base = {
        "task": "ner",
        "data": {"train": str(source), "dev": str(folder / "dev.conll")},
        "char": {"dropout": 0.3},
        "encoder": {"input_dropout": 0.3, "output_dropout": 0.3},
        "training": {"epochs": 4, "batch_sequences": 6, "checkpoint_steps": 1, **training},
    }
    return Config.from_dict(sections(SMALL, base, changes))


def fingerprint(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def kill_after(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """The process dies right after its ``count``-th checkpoint."""
    write, written = CheckpointFolder.write, [0]

    def write_and_die(self: CheckpointFolder, checkpoint: Checkpoint, *, step: int) -> None:
        write(self, checkpoint, step=step)
        written[0] += 1
        if written[0] == count:
            raise Killed

    monkeypatch.setattr(CheckpointFolder, "write", write_and_die)


def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int = 5) -> tuple[Config, Path]:
    config, folder = config_of(tmp_path, {}), tmp_path / "run"
    with monkeypatch.context() as patch:
        kill_after(patch, count)
        with pytest.raises(Killed):
            train(config, output=folder, progress=False)
    return config, folder
