"""A run that was stopped anywhere ends with the same bits as one that never stopped."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from bilstm_tagger import Config, ConfigError, train
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder, differences
from tests.tiny import SMALL, ner_rows, sections, write_conll

ROOT = Path(__file__).parents[2]
RUNS: dict[str, dict[str, Any]] = {
    "adamw with averaging": {"optimizer": "adamw", "ema": 0.9},
    "adam with patience": {"optimizer": "adam", "patience": 2},
    "sgd with momentum": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05},
    "plain sgd": {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "inverse"},
}


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


@pytest.mark.parametrize("name", RUNS)
def test_killed_and_resumed_equals_uninterrupted(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(tmp_path, RUNS[name])
    whole = train(config, output=tmp_path / "whole", progress=False)
    for kills in ([1], [7], [11, 3], [2, 2, 2, 2]):
        folder = tmp_path / "-".join(map(str, kills))
        for count in kills:
            with monkeypatch.context() as patch:
                kill_after(patch, count)
                with pytest.raises(Killed):
                    train(config, output=folder, progress=False)
        result = train(config, output=folder, progress=False, resume=True)
        assert fingerprint(folder) == fingerprint(tmp_path / "whole")
        assert (result.best_score, result.best_epoch, result.epochs) == (
            whole.best_score,
            whole.best_epoch,
            whole.epochs,
        )
        assert not (folder / "checkpoints").exists()


def test_interrupted_by_hand_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(tmp_path, RUNS["adamw with averaging"])
    train(config, output=tmp_path / "whole", progress=False)
    with monkeypatch.context() as patch:
        patch.setattr(sys.modules[__name__], "Killed", KeyboardInterrupt)
        kill_after(patch, 9)
        assert train(config, output=tmp_path / "part", progress=False).interrupted
    assert not train(config, output=tmp_path / "part", progress=False).interrupted
    assert fingerprint(tmp_path / "part") == fingerprint(tmp_path / "whole")
    lines = (tmp_path / "part" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4


def stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int = 5) -> tuple[Config, Path]:
    config, folder = config_of(tmp_path, {}), tmp_path / "run"
    with monkeypatch.context() as patch:
        kill_after(patch, count)
        with pytest.raises(Killed):
            train(config, output=folder, progress=False)
    return config, folder


def test_a_torn_checkpoint_costs_only_the_time_since_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    older, newer = sorted((folder / "checkpoints").iterdir())
    newer.write_bytes(newer.read_bytes()[:1000])
    train(config, output=folder, progress=False, resume=True)
    assert f"{newer} cannot be read" in caplog.text
    train(config, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")
    assert not older.exists()


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    newest = max((folder / "checkpoints").iterdir())
    with safe_open(newest, framework="pt") as file:
        header = file.metadata()
    for values in ("{}", header["values"]):
        save_file({"weight.0": torch.zeros(1)}, newest, {**header, "values": values})
        with pytest.raises(ConfigError, match=r"does not fit this run .*Delete that folder to start anew"):
            train(config, output=folder, progress=False)


def test_another_release_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    monkeypatch.setattr("bilstm_tagger.__version__", "9.9")
    with pytest.raises(ConfigError, match=r"versions\.bilstm-tagger: '\S+' -> '9\.9'"):
        train(config, output=folder, progress=False, resume=True)


def test_a_full_disk_stops_checkpoints_but_not_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bilstm_tagger.training.checkpoint.save_file", full)
    result = train(config_of(tmp_path, {}), output=tmp_path / "run", progress=True)
    assert result.epochs == 4
    assert "no checkpoint was written ([Errno 28] No space left on device); the run goes on" in capfd.readouterr().err


def test_what_changed_is_shown_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = stopped(tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match=r"training\.epochs: 4 -> 5.*start anew without --resume"):
        train(config_of(tmp_path, {"epochs": 5}), output=folder, progress=False, resume=True)
    write_conll(tmp_path / "train.conll", ner_rows(41))
    with pytest.raises(ConfigError, match=r"data\.train: '\w+' -> '\w+'"):
        train(config_of(tmp_path, {}), output=folder, progress=False, resume=True)


def test_another_configuration_starts_anew_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, folder = stopped(tmp_path, monkeypatch)
    other = config_of(tmp_path, {"learning_rate": 0.01})
    train(other, output=folder, progress=False)
    assert "starting anew" in caplog.text
    train(other, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")


def test_nothing_to_resume_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no unfinished run in"):
        train(config_of(tmp_path, {}), output=tmp_path / "run", progress=False, resume=True)


def test_differences_name_the_leaves() -> None:
    old = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert differences(old, {"a": {"b": 1, "c": 3}, "d": [1, 2]}) == ["a.c: 2 -> 3", "d: [1] -> [1, 2]"]
    assert differences(old, old) == []
    assert differences(old, {"a": {"b": 1, "c": 2}}) == ["d: [1] -> None"]


@pytest.mark.slow
def test_kill_9_at_random_moments(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    write_conll(tmp_path / "train.conll", ner_rows(400))
    write_conll(tmp_path / "dev.conll", ner_rows(40, seed=1))
    config.write_text(
        'task = "ner"\n[data]\ntrain = "train.conll"\ndev = "dev.conll"\n'
        "[word]\nsize = 16\n[encoder]\nhidden_size = 16\n"
        "[training]\nepochs = 12\nbatch_sequences = 4\nema = 0.99\ncheckpoint_steps = 20\n"
    )
    command = [sys.executable, "-m", "bilstm_tagger", "train", str(config), "--quiet", "--output"]
    subprocess.run([*command, str(tmp_path / "whole")], cwd=ROOT, check=True, capture_output=True, timeout=300)
    rng, kills = random.Random(7), 0
    while kills < 6:
        with subprocess.Popen([*command, str(tmp_path / "part")], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            begun = list((tmp_path / "part" / "checkpoints").glob("step-*"))
            deadline = time.monotonic() + 60
            # Some progress in each life, or the run would never end.
            while process.poll() is None and time.monotonic() < deadline:
                now = list((tmp_path / "part" / "checkpoints").glob("step-*"))
                if now and now != begun:
                    break
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.5))
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGKILL)
            kills += 1
    assert kills >= 2
    subprocess.run([*command, str(tmp_path / "part")], cwd=ROOT, check=True, capture_output=True, timeout=300)
    assert fingerprint(tmp_path / "part") == fingerprint(tmp_path / "whole")
