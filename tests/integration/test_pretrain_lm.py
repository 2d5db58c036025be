"""Pretraining of the language model, from the command line and as a function."""

from __future__ import annotations

import os
import random
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from bilstm_tagger.errors import ConfigError, DataError, TaggerError
from bilstm_tagger.inference.language_model import LanguageModel
from bilstm_tagger.training import lm_trainer
from bilstm_tagger.training.checkpoint import CheckpointFolder
from bilstm_tagger.training.lm_trainer import LmSettings
from bilstm_tagger.training.pretrain_lm import PretrainResult, pretrain_lm
from tests.killed import Killed, kill_after
from tests.unit.cli_helpers import run

TINY = LmSettings(hidden_size=12, size=6, passes=2, streams=4, steps=20, learning_rate=0.02, precision="float32")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """Documents of words that can be told from their first letter."""
    rng = random.Random(0)
    words = ["apple", "banana", "cherry", "dates", "elder"]
    documents = [" ".join(rng.choices(words, k=6)) + " .\n\n" for _ in range(120)]
    path = tmp_path / "text.txt"
    path.write_text("".join(documents), encoding="utf-8")
    return path


def pretrain(text: Path, folder: Path, settings: LmSettings = TINY, **options: Any) -> PretrainResult:
    return pretrain_lm([text], output=folder, settings=settings, progress=False, device="cpu", **options)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(LanguageModel.load(folder).network.state_dict())


def same(first: Path, second: Path) -> bool:
    ours, theirs = weights(first), weights(second)
    return all(torch.equal(value, theirs[name]) for name, value in ours.items())


def test_text_is_learned_in_both_directions(text: Path, tmp_path: Path) -> None:
    result = pretrain(text, tmp_path / "lm", replace(TINY, passes=6))
    # Evenly drawn from the 18 characters that there are, it would be 4.2.
    assert result.bits_ahead < 1.5
    assert result.bits_back < 1.5
    assert result.passes == 6
    found = LanguageModel.load(tmp_path / "lm")
    assert set(found.alphabet.chars) == set("\n .") | set("applebananacherrydateselder")
    assert found.facts["bits_per_char"] == {"ahead": round(result.bits_ahead, 4), "back": round(result.bits_back, 4)}
    assert not (tmp_path / "lm" / "checkpoints").exists()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("count", [1, 7, 40])
def test_a_killed_run_ends_with_the_same_bits(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, precision: Any
) -> None:
    settings = replace(TINY, precision=precision)
    pretrain(text, tmp_path / "whole", settings)
    with monkeypatch.context() as patch:
        kill_after(patch, count)
        with pytest.raises(Killed):
            pretrain(text, tmp_path / "killed", settings, checkpoint_minutes=0.0)
    pretrain(text, tmp_path / "killed", settings, resume=True)
    assert same(tmp_path / "whole", tmp_path / "killed")


def test_a_run_goes_on_with_the_threads_it_began_with(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    now = torch.get_num_threads()
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            pretrain(text, tmp_path / "killed", TINY, checkpoint_minutes=0.0)
    try:
        torch.set_num_threads(now + 1)
        pretrain_lm([text], output=tmp_path / "killed", settings=TINY, resume=True)
        assert torch.get_num_threads() == now
    finally:
        torch.set_num_threads(now)
    assert f"going on with {now} processor threads, as the run began" in capfd.readouterr().err


def signal_at(patch: pytest.MonkeyPatch, number: signal.Signals, step: int, *, times: int = 1) -> None:
    """The process gets a signal while that step is computed."""
    original, taken = lm_trainer.LmTrainer._step, [0]

    def step_and_signal(self: Any, piece: Any) -> float:
        taken[0] += 1
        if taken[0] == step:
            for _ in range(times):
                os.kill(os.getpid(), number)
        return original(self, piece)

    patch.setattr(lm_trainer.LmTrainer, "_step", step_and_signal)


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_asked_to_stop_ends_with_the_same_bits(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    whole = pretrain(text, tmp_path / "whole")
    with monkeypatch.context() as patch:
        signal_at(patch, number, 13)
        stopped = pretrain(text, tmp_path / "lm")
    assert (stopped.interrupted, stopped.resumable) == (True, True)
    steps = [path.name for path in (tmp_path / "lm" / "checkpoints").iterdir()]
    assert steps == ["step-0000000013.safetensors"]
    result = pretrain(text, tmp_path / "lm", resume=True)
    assert (result.interrupted, result.resumable) == (False, False)
    assert (result.bits_ahead, result.bits_back) == (whole.bits_ahead, whole.bits_back)
    assert same(tmp_path / "lm", tmp_path / "whole")


@pytest.mark.usefixtures("heeded")
def test_a_second_ctrl_c_ends_a_run_at_once(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signal_at(monkeypatch, signal.SIGINT, 13, times=2)
    result = pretrain(text, tmp_path / "lm")
    assert (result.interrupted, result.resumable) == (True, False)


@pytest.mark.usefixtures("heeded")
def test_asked_to_stop_in_the_last_step_a_run_is_done(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(TINY, passes=0.01)
    signal_at(monkeypatch, signal.SIGINT, 1)
    assert not pretrain(text, tmp_path / "lm", settings).interrupted
    assert not (tmp_path / "lm" / "checkpoints").exists()


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [LmSettings(learning_rate=1.0, warmup=0.2).rate(progress) for progress in (0.0, 0.1, 0.2, 0.6, 1.0)]
    assert rates == pytest.approx([1e-3, 0.5, 1.0, 0.5, 1e-3])


def test_minutes_end_a_training(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def tick() -> float:
        clock[0] += 1.0
        return clock[0]

    monkeypatch.setattr(lm_trainer.time, "monotonic", tick)
    result = pretrain(text, tmp_path / "lm", replace(TINY, passes=99.0, minutes=0.5), checkpoint_minutes=9.0)
    assert 30.0 <= result.seconds < 32.0
    assert result.passes < 2.0


def test_changes_are_refused_or_started_anew(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "lm"
    with pytest.raises(ConfigError, match="there is no unfinished pretraining in"):
        pretrain(text, folder, resume=True)
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            pretrain(text, folder, checkpoint_minutes=0.0)
    with pytest.raises(ConfigError, match=r"settings\.seed: 1 -> 2"):
        pretrain(text, folder, replace(TINY, seed=2), resume=True)
    pretrain_lm([text], output=folder, settings=replace(TINY, seed=2), device="cpu")
    assert "other text or settings; starting anew" in capsys.readouterr().err
    pretrain(text, tmp_path / "second", replace(TINY, seed=2))
    assert same(folder, tmp_path / "second")


def test_a_checkpoint_that_cannot_be_written_costs_nothing_but_itself(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(CheckpointFolder, "write", full)
    settings = replace(TINY, passes=0.2)
    pretrain_lm([text], output=tmp_path / "lm", settings=settings, checkpoint_minutes=0.0, device="cpu")
    assert "no checkpoint was written (no space left on device)" in capsys.readouterr().err
    assert LanguageModel.load(tmp_path / "lm")


@pytest.mark.parametrize("content", ["", "\n\n", "one short line\n", "one\n\ntwo\n"])
def test_too_little_text_is_told(tmp_path: Path, content: str) -> None:
    path = tmp_path / "text.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="too little text to learn from"):
        pretrain(path, tmp_path / "lm")
    assert not (tmp_path / "lm").exists()


def test_what_is_no_chain_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "chains.txt"
    path.write_text("MKT\n\nM1T\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"chains\.txt:3: not an amino acid"):
        pretrain(path, tmp_path / "lm", replace(TINY, unit="residues"))


def test_a_loss_that_is_no_number_is_told(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm_trainer.nn.functional, "cross_entropy", lambda *a, **k: torch.tensor(float("nan")))
    with pytest.raises(TaggerError, match="the loss of the language model is nan"):
        pretrain(text, tmp_path / "lm")


def test_a_device_that_cannot_be_used_is_told(text: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="device cannot be used"):
        pretrain_lm([text], output=tmp_path / "lm", device="nonsense")


def test_the_command_says_how_good_it_got(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--output", tmp_path / "lm", "--hidden-size", 8, "--streams", 4, "--steps", 20, "--passes", 0.5]
    assert run("pretrain-lm", text, *arguments, "--threads", 1) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Held-out text: ")
    assert "0.5" in captured.out
    assert "held-out bits a character" in captured.err
    assert run("pretrain-lm", tmp_path / "txet.txt", *arguments, "--quiet") == 2
    assert "Did you mean 'text.txt'?" in capsys.readouterr().err


@pytest.mark.usefixtures("heeded")
def test_the_interrupted_command_says_how_to_go_on(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [text, "--output", tmp_path / "lm", "--hidden-size", 8, "--streams", 4, "--steps", 20]
    for times, message in ((2, "the same command begins anew"), (1, "the same command goes on")):
        with monkeypatch.context() as patch:
            signal_at(patch, signal.SIGINT, 2, times=times)
            assert run("pretrain-lm", *arguments) == 130
        assert message in capsys.readouterr().out
