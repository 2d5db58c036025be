"""A run that was stopped anywhere ends with the same bits as one that never stopped."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from bilstm_tagger import Config, train
from bilstm_tagger.training import run as run_module
from bilstm_tagger.training.trainer import Trainer
from tests import killed
from tests.killed import Killed, config_of, fingerprint, kill_after, stopped
from tests.tiny import ner_rows, write_conll

ROOT = Path(__file__).parents[2]


RUNS: dict[str, dict[str, Any]] = {
    "adamw with averaging": {"optimizer": "adamw", "ema": 0.9},
    "adam with patience": {"optimizer": "adam", "patience": 2},
    "sgd with momentum": {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.05},
    "plain sgd": {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "inverse"},
    "accumulated, plateau, equal mean": {
        "optimizer": "radam",
        "accumulate": 2,
        "schedule": "plateau",
        "plateau_patience": 0,
        "swa_start": 0.3,
        "batch_sequences": 3,
    },
    "frozen at first, weighted, smoothed, nadam in bf16": {
        "optimizer": "nadam",
        "freeze": ["encoder"],
        "freeze_epochs": 2,
        "class_weights": "balanced",
        "label_smoothing": 0.1,
        "precision": "bf16",
        "schedule": "one-cycle",
    },
}


@pytest.mark.parametrize("name", RUNS)
def test_killed_and_resumed_equals_uninterrupted(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = config_of(tmp_path, RUNS[name])
    whole = train(config, output=tmp_path / "whole", progress=False)
    for kills in ([1], [9, 3], [2, 2, 2]):
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
        patch.setattr(killed, "Killed", KeyboardInterrupt)
        kill_after(patch, 9)
        assert train(config, output=tmp_path / "part", progress=False).interrupted
    assert not train(config, output=tmp_path / "part", progress=False).interrupted
    assert fingerprint(tmp_path / "part") == fingerprint(tmp_path / "whole")
    lines = (tmp_path / "part" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4


@pytest.mark.usefixtures("heeded")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    config = config_of(tmp_path, {"checkpoint_steps": 0, "ema": 0.9})
    train(config, output=tmp_path / "whole", progress=False)
    real, steps = Trainer._step, [0]

    def step(self: Trainer, group: Any, prepared: Any) -> float:
        steps[0] += 1
        if steps[0] == 12:
            os.kill(os.getpid(), number)
        return real(self, group, prepared)

    before = signal.getsignal(number)
    monkeypatch.setattr(Trainer, "_step", step)
    result = train(config, output=tmp_path / "part", progress=False)
    assert result.interrupted
    assert signal.getsignal(number) is before
    assert [path.name for path in (tmp_path / "part" / "checkpoints").iterdir()] == ["step-0000000012.safetensors"]
    assert not train(config, output=tmp_path / "part", progress=False, resume=True).interrupted
    assert fingerprint(tmp_path / "part") == fingerprint(tmp_path / "whole")
    sessions = json.loads((tmp_path / "part" / "run.json").read_text())["sessions"]
    assert [session["status"] for session in sessions] == ["interrupted", "finished"]


@pytest.mark.usefixtures("heeded")
def test_a_second_ctrl_c_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(self: Trainer, group: Any, prepared: Any) -> float:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second signal ends the step")

    monkeypatch.setattr(Trainer, "_step", step)
    assert train(config_of(tmp_path, {}), output=tmp_path / "run", progress=False).interrupted


def test_a_run_goes_on_with_the_threads_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    now = torch.get_num_threads()
    try:
        torch.set_num_threads(now + 1)
        train(config, output=folder, resume=True)
        assert torch.get_num_threads() == now
    finally:
        torch.set_num_threads(now)
    assert f"going on with {now} processor threads, as the run began" in capfd.readouterr().err
    train(config, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")


def test_data_is_prepared_with_the_threads_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    now, seen = torch.get_num_threads(), []
    prepare = run_module._prepare

    def note(*arguments: Any) -> Any:
        seen.append(torch.get_num_threads())
        return prepare(*arguments)

    monkeypatch.setattr(run_module, "_prepare", note)
    try:
        torch.set_num_threads(now + 1)
        with monkeypatch.context() as patch:
            kill_after(patch, 1)
            with pytest.raises(Killed):
                train(config, output=folder, progress=False)
        assert seen == [now + 1, now]
        # Other data: another run, which has the threads of this machine.
        write_conll(tmp_path / "train.conll", ner_rows(41))
        torch.set_num_threads(now + 1)
        train(config, output=folder, progress=False)
        assert seen == [now + 1, now, now + 1]
        torch.set_num_threads(now + 1)
        train(config, output=tmp_path / "whole", progress=False)
    finally:
        torch.set_num_threads(now)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")


def test_another_processor_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    monkeypatch.setattr("bilstm_tagger.training.snapshot.processor_name", lambda: "abacus")
    train(config, output=folder, resume=True)
    assert "the run began on another processor" in capfd.readouterr().err


# A parent with all modules loaded, whose children train and are killed: no import each time.
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import datasets, seqeval.metrics, torch._dynamo  # what training imports late
from bilstm_tagger import Config, train
from bilstm_tagger.training import run

config, folder = Config.load(sys.argv[1]), Path(sys.argv[2])
rng, kills = random.Random(7), 0
while kills < 20:
    begun = set((folder / "checkpoints").glob("step-*.safetensors"))
    child = os.fork()
    if not child:
        train(config, output=folder, progress=False)
        os._exit(0)
    # Some progress in each life, or the run would never end.
    while set((folder / "checkpoints").glob("step-*.safetensors")) <= begun:
        if os.waitpid(child, os.WNOHANG)[0]:
            sys.exit("the run ended after %d kills" % kills)
        time.sleep(0.002)
    time.sleep(rng.uniform(0.0, 0.15))
    os.kill(child, signal.SIGKILL)
    if os.waitpid(child, 0)[1] != signal.SIGKILL:
        sys.exit("the run ended after %d kills" % kills)
    kills += 1
train(config, output=folder, progress=False, resume=True)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes")
def test_kill_9_at_20_random_moments(tmp_path: Path) -> None:
    config = tmp_path / "run.toml"
    write_conll(tmp_path / "train.conll", ner_rows(400))
    write_conll(tmp_path / "dev.conll", ner_rows(40, seed=1))
    config.write_text(
        'task = "ner"\n[data]\ntrain = "train.conll"\ndev = "dev.conll"\n'
        "[word]\nsize = 16\n[encoder]\nhidden_size = 16\n"
        "[training]\nepochs = 30\nbatch_sequences = 8\nema = 0.99\ncheckpoint_steps = 5\n"
    )
    train(Config.load(config), output=tmp_path / "whole", progress=False)
    command = [sys.executable, "-c", KILLER, str(config), str(tmp_path / "part")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert fingerprint(tmp_path / "part") == fingerprint(tmp_path / "whole")
