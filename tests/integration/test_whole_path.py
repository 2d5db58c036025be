"""The main job, as a user does it: the commands and the scripts on built-in data, in processes of their own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bilstm_tagger import Tagger

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def run(*command: object, stdin: str | None = None) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=ROOT, input=stdin, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "names"
    run("-m", "bilstm_tagger", "train", "configs/quickstart.toml", "--set", "training.epochs=10", "--output", folder)
    return folder


def test_the_quickstart_model_learns_from_real_data(names: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    text = run("-m", "bilstm_tagger", "evaluate", names, "--data", "builtin:wnut17/dev", "--json", report)
    scores = json.loads(report.read_text(encoding="utf-8"))
    assert (scores["sequences"], scores["tokens"], scores["strict"]["support"]) == (1009, 15733, 836)
    assert scores["strict"]["f1"] > 0.1
    assert "person" in text
    best = json.loads((names / "metrics.json").read_text(encoding="utf-8"))["dev"]["strict"]["f1"]
    assert scores["strict"]["f1"] == pytest.approx(best)


def test_tagging_on_the_command_line_equals_the_library(names: Path) -> None:
    lines = ["Justin Bieber is in London", "", "no names here 😀"]
    output = run("-m", "bilstm_tagger", "tag", names, "--output-format", "jsonl", stdin="\n".join(lines) + "\n")
    records = [json.loads(line) for line in output.splitlines()]
    assert [record["text"] for record in records] == lines
    docs = Tagger.from_pretrained(names).tag_batch(lines)
    assert [record["tags"] for record in records] == [doc.tags for doc in docs]


def test_the_scripts_do_the_same(names: Path, tmp_path: Path) -> None:
    run("scripts/train.py", "configs/smoke.toml", "--output", tmp_path / "smoke", "--set", "training.epochs=1")
    assert "F1" in run("scripts/evaluate.py", names, "builtin:wnut17/dev")
    (line,) = run("scripts/tag.py", names, stdin="Justin Bieber is in London\n").splitlines()
    assert json.loads(line)["text"] == "Justin Bieber is in London"


@pytest.mark.parametrize("name", ["protein-ss3", "protein-ss8"])
def test_proteins_learn_and_write_what_psipred_writes(name: str, tmp_path: Path) -> None:
    sizes = ["encoder.hidden_size=32", "encoder.layers=1", "training.epochs=2", "data.test="]
    overrides = [part for size in sizes for part in ("--set", size)]
    run("-m", "bilstm_tagger", "train", f"configs/{name}.toml", "--output", tmp_path / "model", *overrides)
    metrics = json.loads((tmp_path / "model" / "metrics.json").read_text(encoding="utf-8"))
    # The largest class alone has 0.39 of three states and 0.35 of eight.
    assert metrics["dev"]["metric"] > (0.6 if name == "protein-ss3" else 0.45)
    chain = "MGDIQVQVNIDDNGKNFDYTYTVTTESELQKVLNELMDYIKKQGAKRVRISITARTKKEAEKF"
    command = ("-m", "bilstm_tagger", "tag", tmp_path / "model", "--output-format", "ss2")
    lines = run(*command, stdin=f">one\n{chain}\n").splitlines()
    assert lines[0].startswith("# PSIPRED VFORMAT")
    assert [line.split()[1] for line in lines[2:]] == list(chain)
    for line in lines[2:]:
        assert sum(float(field) for field in line.split()[3:]) == pytest.approx(1.0, abs=0.002)


def test_a_killed_run_leaves_a_whole_model(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    command = [sys.executable, "-m", "bilstm_tagger", "train", "configs/smoke.toml", "--set", "training.epochs=500"]
    with subprocess.Popen([*command, "--output", str(folder)], cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (folder / "model.safetensors").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert Tagger.from_pretrained(folder).tag("Angela Merkel visited Oslo.").tokens[0] == "Angela"
