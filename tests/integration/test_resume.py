"""A run that was stopped anywhere ends with the same bits as one that never stopped."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from bilstm_tagger import Config, ConfigError, train
from bilstm_tagger.inference import Model
from bilstm_tagger.training import checkpoint as checkpoint_module
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder, differences
from bilstm_tagger.training.history import History
from bilstm_tagger.training.trainer import Trainer
from tests.tiny import SMALL, ner_rows, sections, write_conll

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
    assert f"{newer} is damaged" in caplog.text
    assert "the newest whole checkpoint is that of step 4" in caplog.text
    train(config, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")
    assert not older.exists()


def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    newest = max((folder / "checkpoints").iterdir())
    with safe_open(newest, framework="pt") as file:
        header = file.metadata()
    writer = CheckpointFolder(folder / "checkpoints", json.loads(header["identity"]))
    for values in ({}, json.loads(header["values"])):
        writer.write(Checkpoint({"weight.0": torch.zeros(1)}, values), step=5)
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
    real, written = checkpoint_module.save_file, [0]

    def fills(tensors: Any, path: Path, header: Any) -> None:
        written[0] += 1
        if written[0] <= 3:
            return real(tensors, path, header)
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    left: list[str] = []
    clear = CheckpointFolder.clear

    def look_and_clear(self: CheckpointFolder) -> None:
        left.extend(sorted(path.name for path in self.folder.glob("*")))
        clear(self)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_module, "save_file", fills)
        patch.setattr(CheckpointFolder, "clear", look_and_clear)
        result = train(config_of(tmp_path, {}), output=tmp_path / "run", progress=True)
    assert result.epochs == 4
    assert written[0] > 10
    # The last good ones are still there at the end, and it was said once.
    assert left == ["step-0000000002.safetensors", "step-0000000003.safetensors"]
    said = "no checkpoint was written ([Errno 28] No space left on device); the run goes on"
    assert capfd.readouterr().err.count(said) == 1
    train(config_of(tmp_path, {}), output=tmp_path / "whole", progress=False)
    assert fingerprint(tmp_path / "run") == fingerprint(tmp_path / "whole")


def test_a_full_disk_that_is_emptied_in_time_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config = config_of(tmp_path, {})
    train(config, output=tmp_path / "whole", progress=False)
    real, calls = Model.save, [0]

    def full(self: Model, folder: Path) -> None:
        calls[0] += 1
        if calls[0] <= 2:
            raise OSError(28, "No space left on device")
        real(self, folder)

    monkeypatch.setattr(Model, "save", full)
    monkeypatch.setattr("bilstm_tagger.training.run.dev_score", lambda *_: 0.1 * calls[0] + 0.1)
    train(config, output=tmp_path / "run", progress=False)
    assert "the best model so far was not written ([Errno 28]" in caplog.text
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_a_history_that_cannot_be_written_ends_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    history = History(tmp_path / "metrics.jsonl")
    history.path.mkdir()
    history.add({"epoch": 3})
    assert history.records == [{"epoch": 3}]
    assert f"epoch 3 is missing in {history.path}" in caplog.text


@pytest.mark.parametrize("keep", [1, 3])
def test_the_newest_checkpoints_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int) -> None:
    config = config_of(tmp_path, {"checkpoint_keep": keep})
    with monkeypatch.context() as patch:
        kill_after(patch, 6)
        with pytest.raises(Killed):
            train(config, output=tmp_path / "run", progress=False)
    steps = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert steps == [f"step-{step:010d}.safetensors" for step in range(7 - keep, 7)]
    # How many are kept, and how often one is written, may change.
    train(config_of(tmp_path, {"checkpoint_steps": 0}), output=tmp_path / "run", progress=False, resume=True)


@pytest.fixture
def heeded() -> Iterator[None]:
    """Signals as in a terminal: what a shell starts in the background ignores Ctrl-C, and so do its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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


def test_another_processor_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    monkeypatch.setattr("bilstm_tagger.training.snapshot.processor_name", lambda: "abacus")
    train(config, output=folder, resume=True)
    assert "the run began on another processor" in capfd.readouterr().err


def test_other_fixed_weights_are_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("".join(f"{word} 0.1 0.2 0.3\n" for word in ("Ada", "Oslo", "unseen")))
    config = config_of(tmp_path, {}, word={"vectors": str(vectors)})
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            train(config, output=tmp_path / "run", progress=False)
    vectors.write_text(vectors.read_text().replace("unseen 0.1", "unseen 0.9"))
    with pytest.raises(ConfigError, match=r"something changed: sources\.word\.vectors: '\w+' -> '\w+'\. "):
        train(config, output=tmp_path / "run", progress=False, resume=True)


def test_what_changed_is_shown_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = stopped(tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match=r"training\.epochs: 4 -> 5.*start anew without --resume"):
        train(config_of(tmp_path, {"epochs": 5}), output=folder, progress=False, resume=True)
    write_conll(tmp_path / "train.conll", ner_rows(41))
    with pytest.raises(ConfigError, match=r"data\.train: '\w+' -> '\w+'"):
        train(config_of(tmp_path, {}), output=folder, progress=False, resume=True)


def test_a_renamed_label_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    for name in ("train", "dev"):
        path = tmp_path / f"{name}.conll"
        path.write_text(path.read_text().replace("-PER", "-ZZZ"))
    with pytest.raises(ConfigError, match=r"data\.dev: '\w+' -> '\w+'; data\.train: '\w+' -> '\w+'\. "):
        train(config, output=folder, progress=False, resume=True)


def test_another_start_is_a_change_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = config_of(tmp_path, {"epochs": 1})
    train(first, output=tmp_path / "first", progress=False)
    config = config_of(tmp_path, {"start": str(tmp_path / "first")})
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            train(config, output=tmp_path / "run", progress=False)
    train(first.model_copy(update={"seed": 9}), output=tmp_path / "first", progress=False)
    with pytest.raises(ConfigError, match=r"something changed: sources\.training\.start: '\w+' -> '\w+'\. "):
        train(config, output=tmp_path / "run", progress=False, resume=True)


@pytest.mark.parametrize("keep", [1, 2])
def test_new_checkpoints_outlive_damaged_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int) -> None:
    config = config_of(tmp_path, {"checkpoint_keep": keep})
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        kill_after(patch, 9)
        with pytest.raises(Killed):
            train(config, output=folder, progress=False)
    for path in (folder / "checkpoints").iterdir():
        path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=r"all checkpoints in \S+ are damaged\. Start anew without --resume"):
        train(config, output=folder, progress=False, resume=True)
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            train(config, output=folder, progress=False)
    whole = sorted(path.name for path in (folder / "checkpoints").glob("step-*.safetensors"))
    assert whole == [f"step-{step:010d}.safetensors" for step in range(4 - keep, 4)]


def test_a_hole_in_a_checkpoint_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    newest = max((folder / "checkpoints").iterdir())
    content = bytearray(newest.read_bytes())
    content[-4096:] = bytes(4096)
    newest.write_bytes(content)
    train(config, output=folder, progress=False, resume=True)
    train(config, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")


@pytest.mark.parametrize("wrong", [{"freeze": ["wrod"]}, {"rates": {"wrod": 1.0}}])
def test_a_refused_configuration_costs_no_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    config, folder = stopped(tmp_path, monkeypatch, count=9)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="wrod"):
        train(config_of(tmp_path, wrong), output=folder, progress=False)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    train(config, output=folder, progress=False, resume=True)


# No file may grow beyond this; the system then reports a failure as it does for a full disk.
LIMITED = """
import resource, sys
import datasets, seqeval.metrics
from bilstm_tagger.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits to a file's size")
@pytest.mark.parametrize(("name", "limit"), [("tokenizer.json", 10_000), ("model.safetensors", 30_000)])
def test_a_model_that_cannot_be_written_ends_the_run_in_one_line(tmp_path: Path, name: str, limit: int) -> None:
    config_of(tmp_path, {})
    file = tmp_path / "run.toml"
    file.write_text(
        'task = "ner"\n[data]\ntrain = "train.conll"\ndev = "dev.conll"\n[word]\nsize = 16\n'
        "[encoder]\nhidden_size = 16\n[training]\nepochs = 3\ncheckpoint_minutes = 0\n"
    )
    command = [sys.executable, "-c", LIMITED, str(limit), "train", str(file), "--output", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert "warning: the best model so far was not written" in done.stderr
    assert "epoch   3" in done.stderr
    assert f"error: {tmp_path / 'run' / name} cannot be written: " in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "run").glob(".*"))


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
    train(config_of(tmp_path, {"epochs": 1}), output=tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match=r"is finished.*train anew without --resume"):
        train(config_of(tmp_path, {"epochs": 1}), output=tmp_path / "run", progress=False, resume=True)


def test_differences_name_the_leaves() -> None:
    old = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert differences(old, {"a": {"b": 1, "c": 3}, "d": [1, 2]}) == ["a.c: 2 -> 3", "d: [1] -> [1, 2]"]
    assert differences(old, old) == []
    assert differences(old, {"a": {"b": 1, "c": 2}}) == ["d: [1] -> None"]
    # What follows from the rest is named where nothing else differs.
    encoded = {**old, "encoded": {"train": "a"}}
    assert differences(encoded, {**old, "encoded": {"train": "b"}}) == ["encoded.train: 'a' -> 'b'"]
    assert differences(encoded, {**old, "d": [2], "encoded": {"train": "b"}}) == ["d: [1] -> [2]"]


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
