"""``bilstm-tagger train``: configuration and overrides in, one line about the best model out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from cli_helpers import run

from bilstm_tagger.config import Config


class FakeTraining:
    """Stands for ``bilstm_tagger.training.train``."""

    def __init__(self) -> None:
        self.calls: list[tuple[Config, Path | None, bool]] = []
        self.interrupted = False
        self.best_epoch = 3

    def __call__(
        self, config: Config, *, output: Path | None = None, progress: bool = True, resume: bool = False
    ) -> SimpleNamespace:
        self.calls.append((config, output, progress))
        self.resumed = resume
        return SimpleNamespace(
            folder=Path("runs/mine"),
            metric="f1",
            best_score=0.51239,
            best_epoch=self.best_epoch,
            epochs=4,
            seconds=61.4,
            interrupted=self.interrupted,
            report=None,
            test_report=SimpleNamespace(to_text=lambda: "the test report"),
            rank=0,
        )


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining()
    monkeypatch.setattr("bilstm_tagger.training.train", fake)
    return fake


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text('task = "ner"\n[training]\nepochs = 4\n')
    return file


def test_it_trains_and_says_how_good_and_where(training, config_file, capsys) -> None:
    assert run("train", config_file) == 0
    out, err = capsys.readouterr()
    assert out == "the test report\nBest: f1 0.5124 on dev in epoch 3 of 4; 61 s. Model: runs/mine\n"
    assert err == "Next: bilstm-tagger tag runs/mine\n"
    ((config, output, progress),) = training.calls
    assert (config.task, config.training.epochs, output, progress) == ("ner", 4, None, True)


def test_overrides_and_output_are_handed_on(training, config_file, tmp_path) -> None:
    overrides = ("--set", "training.epochs=2", "--set", "seed=7")
    assert run("train", config_file, *overrides, "--output", tmp_path / "out", "--quiet") == 0
    ((config, output, progress),) = training.calls
    assert (config.training.epochs, config.seed, output, progress) == (2, 7, tmp_path / "out", False)


@pytest.mark.parametrize("asked", [True, False])
def test_resuming_is_handed_on(training, config_file, asked) -> None:
    assert run("train", config_file, *(["--resume"] if asked else [])) == 0
    assert training.resumed is asked


def test_quiet_leaves_one_line(training, config_file, capsys) -> None:
    assert run("train", config_file, "--quiet") == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == ["Best: f1 0.5124 on dev in epoch 3 of 4; 61 s. Model: runs/mine"]
    assert err == ""


def test_an_interrupted_run_says_what_it_kept(training, config_file, capsys) -> None:
    training.interrupted = True
    assert run("train", config_file) == 130
    out, err = capsys.readouterr()
    assert out == "Kept the best model so far (f1 0.5124 on dev in epoch 3 of 4): runs/mine\n"
    assert err == "Interrupted.\n"


def test_a_run_that_finished_no_epoch_promises_no_model(training, config_file, capsys) -> None:
    training.interrupted, training.best_epoch = True, 0
    assert run("train", config_file) == 130
    assert capsys.readouterr().out == "No epoch was finished: there is no model in runs/mine\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "training.epoch=2"), "unknown key 'training.epoch'"),
        (("--set", "training.epochs=none"), "wrong value for 'training.epochs'"),
        (("--set", "training"), "an override has the form section.key=value: got 'training'"),
        (("--set", "task=nre"), "unknown task: got 'nre'"),
    ],
)
def test_wrong_overrides_are_refused_before_training(training, config_file, capsys, arguments, message) -> None:
    assert run("train", config_file, *arguments) == 2
    assert message in capsys.readouterr().err
    assert training.calls == []


def test_a_missing_configuration_is_named(training, tmp_path, capsys) -> None:
    assert run("train", tmp_path / "no.toml") == 2
    assert "no such configuration file" in capsys.readouterr().err
