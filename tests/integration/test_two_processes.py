"""Several processes are one: the same losses, weights and scores, one message, and an exact resume."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from bilstm_tagger import Config, train
from bilstm_tagger.training.trainer import Trainer
from tests.tiny import SMALL, sections, write_conll

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}

# Trains each configuration of a JSON file, and leaves the loss of each step beside each model.
SCRIPT = textwrap.dedent(
    """
    import atexit, json, os, signal, sys
    from pathlib import Path

    def list_threads():  # after all that was registered later
        names = [Path(task, "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
        os.write(2, f"threads at the end: {names}\\n".encode())  # in one piece, as the other process writes too

    atexit.register(list_threads)
    from bilstm_tagger import Config, TaggerError, train
    from bilstm_tagger.training.trainer import Trainer

    rank, real, losses = int(os.environ["RANK"]), Trainer._step, []
    kill = os.environ.get("KILL_AT_STEP")

    def step(self, group, prepared):
        losses.append(real(self, group, prepared))
        if kill and rank == 1 and self.optimization.step_count == int(kill):
            os.kill(os.getpid(), signal.SIGKILL)
        return losses[-1]

    Trainer._step = step
    for name, values in json.loads(Path(sys.argv[1]).read_text()).items():
        if rank and os.environ.get("MISSING_ON_SECOND"):
            values["data"]["dev"] = "nowhere.conll"
        losses.clear()
        folder = Path(sys.argv[1]).parent / name
        try:
            result = train(Config.from_dict(values), output=folder, progress=True)
        except (TaggerError, OSError) as error:
            print(f"error: {error}", file=sys.stderr)
            sys.exit(2)
        if not rank:
            (folder / "losses.json").write_text(json.dumps(losses))
    """
)
VARIANTS: dict[str, dict[str, Any]] = {
    "rows of a large table": {"word": {"min_count": 1}},
    "one sequence a batch": {"training": {"batch_sequences": 1, "accumulate": 3, "optimizer": "sgd", "momentum": 0.9}},
    "all kinds of loss": {
        "training": {"label_smoothing": 0.1, "class_weights": "balanced", "swa_start": 0.5, "reduction": "sequence"}
    },
    "frozen at first": {
        "training": {"freeze": ["word"], "freeze_epochs": 1, "ema": 0.9, "rates": {"crf": 2.0}, "optimizer": "adagrad"}
    },
}


def settings(folder: Path, *changes: dict[str, Any]) -> dict[str, Any]:
    """A word table of more than 1000 rows, so that only the rows in use are exchanged."""
    for name, first in (("train", 0), ("dev", 500)):
        rows = []
        for index in range(60 if name == "train" else 15):
            words = [f"w{(first + 29 * index + 7 * place) % 1500}" for place in range(3 + index % 5 * 5)]
            tags = ["B-X" if int(word[1:]) % 3 == 0 else "B-Y" if int(word[1:]) % 7 == 0 else "O" for word in words]
            rows.append({"tokens": words, "tags": tags})
        if name == "train":
            rows += [
                {"tokens": [f"w{index}" for index in range(at, at + 30)], "tags": ["O"] * 30}
                for at in range(0, 1500, 30)
            ]
        write_conll(folder / f"{name}.conll", rows)
    base = {
        "task": "ner",
        "data": {name: str(folder / f"{name}.conll") for name in ("train", "dev")},
        "word": {"unknown_singletons": 0.0},
        "training": {"epochs": 2, "batch_tokens": 128, "learning_rate": 0.005, "checkpoint_minutes": 0},
    }
    return sections(SMALL, base, *changes)


def launch(
    folder: Path, runs: dict[str, dict[str, Any]], *, check: bool = True, **environment: str
) -> subprocess.CompletedProcess[str]:
    process = start(folder, runs, **environment)
    out, err = process.communicate(timeout=240)
    if check:
        assert process.returncode == 0, err
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def start(folder: Path, runs: dict[str, dict[str, Any]], **environment: str) -> subprocess.Popen[str]:
    (folder / "script.py").write_text(SCRIPT)
    (folder / "runs.json").write_text(json.dumps(runs))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [*command, str(folder / "script.py"), str(folder / "runs.json")],
        env={**ENVIRONMENT, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = {name: settings(tmp_path, changes) for name, changes in VARIANTS.items()}
    launch(tmp_path, runs)
    real, losses = Trainer._step, []

    def step(self: Trainer, group: Any, prepared: Any) -> float:
        losses.append(real(self, group, prepared))
        return losses[-1]

    monkeypatch.setattr(Trainer, "_step", step)
    for name, values in runs.items():
        losses.clear()
        alone = train(Config.from_dict(values), output=tmp_path / "alone", progress=False)
        assert alone.report is not None
        found = json.loads((tmp_path / name / "losses.json").read_text())
        assert found == pytest.approx(losses, rel=1e-5, abs=1e-4), name
        expected = load_file(tmp_path / "alone" / "model.safetensors")
        for weight, value in load_file(tmp_path / name / "model.safetensors").items():
            torch.testing.assert_close(value, expected[weight], rtol=0, atol=1e-5, msg=f"{name}: {weight}")
        scores = [json.loads((tmp_path / place / "metrics.json").read_text())["dev"] for place in (name, "alone")]
        # Every count of the report, so each sentence was scored once.
        assert {key: value for key, value in scores[0].items() if "second" not in key} == {
            key: value for key, value in scores[1].items() if "second" not in key
        }
        assert json.loads((tmp_path / name / "run.json").read_text())["machine"]["processes"] == 2


@pytest.mark.slow
def test_killed_and_resumed_two_processes_end_with_the_same_bits(tmp_path: Path) -> None:
    changes = {"encoder": {"input_dropout": 0.3}, "training": {"ema": 0.9, "checkpoint_steps": 3}}
    values = settings(tmp_path, changes)
    launch(tmp_path, {"whole": values})
    killed = launch(tmp_path, {"part": values}, check=False, KILL_AT_STEP="11")
    assert killed.returncode
    (newest, *_) = sorted((tmp_path / "part" / "checkpoints").iterdir(), reverse=True)
    assert newest.name == "step-0000000009.safetensors"
    resumed = launch(tmp_path, {"part": values})
    assert "going on in epoch" in resumed.stderr
    digests = [hashlib.sha256((tmp_path / n / "model.safetensors").read_bytes()).digest() for n in ("whole", "part")]
    assert digests[0] == digests[1]
    assert not (tmp_path / "part" / "checkpoints").exists()


def errors(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("error:")]


@pytest.mark.slow
def test_an_error_of_one_process_ends_all_with_one_message(tmp_path: Path) -> None:
    failed = launch(tmp_path, {"run": settings(tmp_path)}, check=False, MISSING_ON_SECOND="1")
    assert failed.returncode
    (line,) = errors(failed.stderr)
    assert line.startswith("error: process 1: ")
    assert "nowhere.conll" in line
    assert 'script.py"' not in failed.stderr  # no traceback but the launcher's own


@pytest.mark.slow
def test_an_error_of_all_processes_is_said_once(tmp_path: Path) -> None:
    failed = launch(tmp_path, {"run": settings(tmp_path, {"training": {"freeze": ["wrod"]}})}, check=False)
    (line,) = errors(failed.stderr)
    assert "'training.freeze' names no part of this network: got 'wrod'" in line


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the threads of a process are listed in /proc")
def test_no_thread_of_the_group_outlives_it(tmp_path: Path) -> None:
    # One that does may drop a tensor while the interpreter ends, which aborts a run that was done.
    ended = launch(tmp_path, {"run": settings(tmp_path, {"training": {"epochs": 1}})})
    threads = [line for line in ended.stderr.splitlines() if line.startswith("threads at the end:")]
    assert len(threads) == 2
    assert not [line for line in threads if "gloo" in line]


@pytest.mark.slow
def test_ctrl_c_stops_all_processes_with_a_checkpoint(tmp_path: Path) -> None:
    values = settings(tmp_path, {"training": {"epochs": 500}})
    process = start(tmp_path, {"run": values})
    try:
        history = tmp_path / "run" / "metrics.jsonl"
        deadline = time.monotonic() + 120
        while not (history.exists() and history.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert not errors(err)
    assert len(list((tmp_path / "run" / "checkpoints").iterdir())) == 1
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["sessions"][0]["status"] == "interrupted"
    assert (tmp_path / "run" / "model.safetensors").is_file()
