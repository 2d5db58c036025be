"""Trackers are told what ``metrics.jsonl`` is told, and never end a run."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any, ClassVar

import pytest
from accelerate import tracking

from bilstm_tagger import ConfigError, MissingDependencyError, train
from bilstm_tagger.training.tracking import Trackers
from tests.tiny import ner_rows, tiny_config, write_conll


def run(folder: Path, trackers: list[str], **changes: Any) -> list[dict[str, Any]]:
    """Trains for two epochs and returns the lines of ``metrics.jsonl``."""
    file = write_conll(folder / "train.conll", ner_rows(12))
    training = {"epochs": 2, "trackers": trackers} | changes
    settings = tiny_config(data={"train": str(file), "dev": str(file)}, training=training)
    train(settings, output=folder / "run", progress=False)
    return [json.loads(line) for line in (folder / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


class Memory(tracking.GeneralTracker):
    """Keeps what it is told; what ``failing`` names, it cannot do."""

    name = "memory"
    requires_logging_directory = False
    failing = ""
    told: ClassVar[list[tuple[str, Any]]] = []

    def __init__(self, project: str) -> None:
        super().__init__()
        self._tell("begin", project)

    @property
    def tracker(self) -> list[tuple[str, Any]]:
        return self.told

    def start(self) -> None:
        self._tell("start", None)

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self._tell("settings", values)

    def log(self, values: dict[str, Any], step: int | None = None, **options: Any) -> None:
        self._tell("log", (step, values))

    def finish(self) -> None:
        self._tell("finish", None)

    def _tell(self, what: str, value: Any) -> None:
        if what == self.failing:
            raise RuntimeError("no server")
        self.told.append((what, value))


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> type[Memory]:
    monkeypatch.setitem(tracking.LOGGER_TYPE_TO_CLASS, "memory", Memory)
    monkeypatch.setattr(Memory, "failing", "")
    monkeypatch.setattr(Memory, "told", [])
    return Memory


def test_a_tracker_is_told_settings_and_epochs(tmp_path: Path, memory: type[Memory]) -> None:
    records = run(tmp_path, ["memory", "memory"])
    assert [what for what, _ in memory.told] == ["begin", "start", "settings", "log", "log", "finish"]
    settings = dict(memory.told)["settings"]
    assert (settings["task"], settings["training.epochs"], settings["word.vectors"]) == ("ner", 2, "null")
    assert settings["training.rates"] == "{}"
    logged = [value for what, value in memory.told if what == "log"]
    for (step, values), record in zip(logged, records, strict=True):
        assert step == record.pop("epoch")
        del record["metric"]
        assert values == record


@pytest.mark.parametrize(
    ("failing", "told"),
    [("start", ["begin"]), ("log", ["begin", "start", "settings"]), ("finish", ["log", "log"])],
)
def test_a_tracker_that_fails_does_not_end_the_run(
    tmp_path: Path, memory: type[Memory], caplog: pytest.LogCaptureFixture, failing: str, told: list[str]
) -> None:
    memory.failing = failing
    with caplog.at_level(logging.WARNING, logger="bilstm_tagger"):
        assert len(run(tmp_path, ["memory"])) == 2
    assert [what for what, _ in memory.told][-len(told) :] == told
    assert ["'memory': RuntimeError: no server" in record.getMessage() for record in caplog.records] == [True]


def test_trackers_change_nothing_in_the_model(tmp_path: Path, memory: type[Memory]) -> None:
    weights = []
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
        run(tmp_path / name, ["memory"] if name == "with" else [])
        weights.append((tmp_path / name / "run" / "model.safetensors").read_bytes())
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("name", "message"), [("tensorbord", "Did you mean 'tensorboard'"), ("all", "unknown tracker")]
)
def test_an_unknown_tracker_is_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Trackers([name])


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "get_available_trackers", list)
    with pytest.raises(MissingDependencyError, match=r"bilstm-tagger\[tensorboard\]"):
        Trackers(["tensorboard"])
    with pytest.raises(ConfigError, match=r"tracker 'wandb' needs a package.*pip install wandb"):
        Trackers(["wandb"])


def test_tensorboard_reads_back_what_the_history_has(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra 'tensorboard' is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(tmp_path, ["tensorboard"], learning_rate=0.01)
    notes = tmp_path / "run" / "tensorboard" / "notes.txt"
    notes.write_text("mine")
    records = run(tmp_path, ["tensorboard"])  # replaces the first
    events = EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    for key in ("loss", "dev_score", "best_score", "learning_rate"):
        scalars = events.Scalars(key)
        assert [event.step for event in scalars] == [1, 2]
        assert [event.value for event in scalars] == pytest.approx([record[key] for record in records], rel=1e-6)
    settings = next((tmp_path / "run" / "tensorboard").glob("*/hparams.yml")).read_text(encoding="utf-8")
    assert "encoder.hidden_size: 12" in settings
    assert notes.read_text() == "mine"
