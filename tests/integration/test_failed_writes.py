"""Damaged checkpoints and a full disk cost no more than the time since the last good checkpoint."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from bilstm_tagger import ConfigError, train
from bilstm_tagger.inference import Model
from bilstm_tagger.training import checkpoint as checkpoint_module
from bilstm_tagger.training.checkpoint import Checkpoint, CheckpointFolder
from bilstm_tagger.training.history import History
from bilstm_tagger.training.record import RunRecord
from tests.killed import Killed, config_of, fingerprint, kill_after, stopped

ROOT = Path(__file__).parents[2]


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


def test_a_hole_in_a_checkpoint_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    newest = max((folder / "checkpoints").iterdir())
    content = bytearray(newest.read_bytes())
    content[-4096:] = bytes(4096)
    newest.write_bytes(content)
    train(config, output=folder, progress=False, resume=True)
    train(config, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")


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
    # What was put aside stays until a run in this folder has finished.
    assert len(list((folder / "checkpoints").glob("*.damaged"))) == keep
    train(config, output=folder, progress=False, resume=True)
    assert not (folder / "checkpoints").exists()


def rewrite(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the header of a safetensors file, and nothing behind it."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    change(header)
    changed = json.dumps(header).encode()
    path.write_bytes(len(changed).to_bytes(8, "little") + changed + content[8 + size :])


def another_size(header: dict[str, Any]) -> None:
    metadata = header["__metadata__"]
    metadata["identity"] = metadata["identity"].replace('"hidden_size": 12', '"hidden_size": 13')


def another_shape(header: dict[str, Any]) -> None:
    header["weight.0"]["shape"].reverse()


def another_type(header: dict[str, Any]) -> None:
    header["weight.0"]["dtype"] = "I32"


def other_threads(header: dict[str, Any]) -> None:
    metadata = header["__metadata__"]
    values = json.loads(metadata["values"])
    metadata["values"] = json.dumps(values | {"threads": values["threads"] + 1})


@pytest.mark.parametrize("change", [another_size, another_shape, another_type, other_threads])
def test_a_header_that_is_no_longer_what_was_written_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    change: Callable[[dict[str, Any]], None],
) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    older, newer = sorted((folder / "checkpoints").iterdir())
    rewrite(older, lambda _: None)  # the same values, whatever blanks are between them
    before = newer.read_bytes()
    rewrite(newer, change)
    assert newer.read_bytes() != before
    threads = torch.get_num_threads()
    train(config, output=folder, progress=False)
    assert "the newest whole checkpoint is that of step 4" in caplog.text
    assert torch.get_num_threads() == threads
    train(config, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")


def test_a_checkpoint_that_cannot_be_read_is_not_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    before = sorted((folder / "checkpoints").iterdir())
    real = Path.open

    def refuse(self: Path, *arguments: Any, **options: Any) -> Any:
        if self.suffix == ".safetensors" and "checkpoints" in self.parts:
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(OSError, match=r"step-0000000005\.safetensors cannot be read \(Permission denied\)"):
            train(config, output=folder, progress=False)
    assert sorted((folder / "checkpoints").iterdir()) == before


def test_only_checkpoints_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "run" / "checkpoints" / "mine" / "weights.bin"
    mine.parent.mkdir(parents=True)
    mine.write_text("precious")
    train(config_of(tmp_path, {"epochs": 1}), output=tmp_path / "run", progress=False)
    assert [path.name for path in mine.parents[1].iterdir()] == ["mine"]
    assert mine.read_text() == "precious"


def test_checkpoints_may_lie_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "run"
    elsewhere.mkdir()
    folder.mkdir()
    (folder / "checkpoints").symlink_to(elsewhere)
    stopped(tmp_path, monkeypatch, count=9)
    other = config_of(tmp_path, {"learning_rate": 0.01})
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            train(other, output=folder, progress=False)
    assert sorted(path.name for path in elsewhere.iterdir()) == [
        "step-0000000002.safetensors",
        "step-0000000003.safetensors",
    ]
    train(other, output=folder, progress=False, resume=True)
    assert not list(elsewhere.iterdir())


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

    def look_and_clear(self: CheckpointFolder, **options: Any) -> None:
        left.extend(sorted(path.name for path in self.folder.glob("*")))
        clear(self, **options)

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


def test_the_model_takes_the_place_of_an_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Model.save

    def full(self: Model, folder: Path) -> None:
        if len(list((tmp_path / "run" / "checkpoints").glob("*"))) > 1:
            raise OSError(28, "No space left on device")
        real(self, folder)

    monkeypatch.setattr(Model, "save", full)
    result = train(config_of(tmp_path, {}), output=tmp_path / "run", progress=False)
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["dev"]["metric"] == result.best_score


def test_what_only_shows_a_run_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    config, folder = config_of(tmp_path, {"epochs": 1}), tmp_path / "run"
    train(config, output=folder, progress=False)
    (folder / "curves.png").unlink()
    (folder / "curves.png").mkdir()
    real, ended = RunRecord._write, [False]

    def full(self: RunRecord) -> None:
        if ended[0]:
            raise OSError(28, "No space left on device")
        ended[0] = True
        real(self)

    monkeypatch.setattr(RunRecord, "_write", full)
    assert train(config, output=folder, progress=False).report is not None
    assert f"no curves were drawn in {folder / 'curves.png'}" in caplog.text
    assert f"the end of the run is not in {folder / 'run.json'}" in caplog.text
    assert not (folder / "checkpoints").exists()


def test_a_history_that_cannot_be_written_ends_no_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    history = History(tmp_path / "metrics.jsonl")
    history.path.mkdir()
    history.add({"epoch": 3})
    assert history.records == [{"epoch": 3}]
    assert f"epoch 3 is missing in {history.path}" in caplog.text


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
