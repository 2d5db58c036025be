"""Several seeds: each is the run it would be alone, and the summary is theirs."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from bilstm_tagger import ConfigError, Tagger, train
from bilstm_tagger.training import train_seeds
from bilstm_tagger.training.parts import load_parts
from tests.tiny import ner_rows, tiny_config, write_conll
from tests.unit.cli_helpers import run


def config(folder: Path, **changes: object):
    train_file = write_conll(folder / "train.conll", ner_rows(30))
    dev_file = write_conll(folder / "dev.conll", ner_rows(12, seed=1))
    data = {"train": str(train_file), "dev": str(dev_file), "test": str(dev_file)}
    return tiny_config(data=data, training={"epochs": 2}, **changes)


def test_seeds_are_the_runs_they_would_be_alone(tmp_path: Path) -> None:
    settings = config(tmp_path)
    lines: list[str] = []
    result = train_seeds(settings, [3, 5], output=tmp_path / "runs", progress=False, announce=lines.append)
    for seed, score in zip(result.seeds, result.dev, strict=True):
        alone = train(settings.model_copy(update={"seed": seed}), output=tmp_path / f"alone-{seed}", progress=False)
        assert alone.best_score == pytest.approx(score)
        weights = [tmp_path / place / "model.safetensors" for place in (f"alone-{seed}", f"runs/seed-{seed}")]
        assert weights[0].read_bytes() == weights[1].read_bytes()
    summary = json.loads((tmp_path / "runs" / "seeds.json").read_text(encoding="utf-8"))
    assert summary["seeds"] == [3, 5]
    assert summary["dev"]["mean"] == pytest.approx(statistics.fmean(result.dev))
    assert summary["dev"]["std"] == pytest.approx(statistics.stdev(result.dev))
    assert summary["test"]["scores"] == pytest.approx(result.dev)
    assert Tagger.from_pretrained(result.best).task.name == "ner"
    assert lines == [f"seed {seed}: {tmp_path / 'runs' / f'seed-{seed}'}" for seed in (3, 5)]

    lines.clear()
    longer = train_seeds(settings, [3, 5, 8], output=tmp_path / "runs", progress=False, announce=lines.append)
    assert longer.dev[:2] == result.dev
    assert ["finished already" in line for line in lines] == [True, True, False]


def test_what_lies_beside_checkpoints_does_not_matter(tmp_path: Path) -> None:
    note = tmp_path / "runs" / "seed-1" / "checkpoints" / "note.txt"
    note.parent.mkdir(parents=True)
    note.touch()
    settings, lines = config(tmp_path), []
    first = train_seeds(settings, [1], output=tmp_path / "runs", progress=False)
    again = train_seeds(settings, [1], output=tmp_path / "runs", progress=False, announce=lines.append)
    assert again.dev == first.dev
    assert "finished already" in lines[0]


def test_another_configuration_is_trained_again(tmp_path: Path) -> None:
    train_seeds(config(tmp_path), [1], output=tmp_path / "runs", progress=False)
    lines: list[str] = []
    changed = config(tmp_path, encoder={"hidden_size": 7})
    train_seeds(changed, [1], output=tmp_path / "runs", progress=False, announce=lines.append)
    assert "finished" not in lines[0]


def test_changed_data_are_trained_on_again(tmp_path: Path) -> None:
    settings = config(tmp_path)
    train_seeds(settings, [1], output=tmp_path / "runs", progress=False)
    before = (tmp_path / "runs" / "seed-1" / "model.safetensors").read_bytes()
    for count, again in ((30, False), (31, True)):
        write_conll(tmp_path / "train.conll", ner_rows(count))
        lines: list[str] = []
        train_seeds(settings, [1], output=tmp_path / "runs", progress=False, announce=lines.append)
        assert ("finished already" not in lines[0]) == again
    assert (tmp_path / "runs" / "seed-1" / "model.safetensors").read_bytes() != before


def test_a_changed_start_is_begun_with_again(tmp_path: Path) -> None:
    first = config(tmp_path, seed=7)
    train(first, output=tmp_path / "first", progress=False)
    settings = config(tmp_path).model_copy(
        update={"training": first.training.model_copy(update={"start": str(tmp_path / "first")})}
    )
    for change, again in (({}, True), ({}, False), ({"seed": 8}, True)):
        train(first.model_copy(update=change), output=tmp_path / "first", progress=False)
        lines: list[str] = []
        train_seeds(settings, [1], output=tmp_path / "runs", progress=False, announce=lines.append)
        assert ("finished already" not in lines[0]) == again
    record = json.loads((tmp_path / "runs" / "seed-1" / "run.json").read_text())
    assert list(record["sources"]) == ["training.start"]


def test_all_seeds_are_judged_by_the_same_sentences(tmp_path: Path) -> None:
    settings = config(tmp_path)
    settings = settings.model_copy(update={"data": settings.data.model_copy(update={"dev": None})})
    parts = [load_parts(settings.model_copy(update={"seed": seed}))["dev"]["tokens"] for seed in (1, 2)]
    assert list(parts[0]) == list(parts[1])


def test_a_seed_too_large_is_refused_before_the_first_is_trained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"wrong value for 'seed'"):
        train_seeds(config(tmp_path), [1, 2**32], output=tmp_path / "runs", progress=False)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["WORLD_SIZE", "OMPI_COMM_WORLD_SIZE"])
def test_seeds_are_for_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "2")
    with pytest.raises(ConfigError, match=r"several seeds are trained by one process.*--set seed=N"):
        train_seeds(config(tmp_path), [1], output=tmp_path / "runs", progress=False)


@pytest.mark.parametrize("text", ["[]", "{}", '{"finished": true, "dev": 3}', "{"])
def test_a_damaged_folder_is_trained_again(tmp_path: Path, text: str) -> None:
    settings = config(tmp_path)
    first = train_seeds(settings, [1], output=tmp_path / "runs", progress=False)
    (tmp_path / "runs" / "seed-1" / "metrics.json").write_text(text)
    assert train_seeds(settings, [1], output=tmp_path / "runs", progress=False).dev == first.dev


@pytest.mark.parametrize("seeds", [[], [1, 1]])
def test_seeds_must_be_different(seeds: list[int], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="seeds must be different"):
        train_seeds(config(tmp_path), seeds, output=tmp_path / "runs", progress=False)


def test_the_command_prints_all_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train_file = write_conll(tmp_path / "train.conll", ner_rows(30))
    file = tmp_path / "my.toml"
    file.write_text(
        f'task = "ner"\n[data]\ntrain = "{train_file}"\n[word]\nsize = 8\n[encoder]\nhidden_size = 8\n'
        "[training]\nepochs = 1\n"
    )
    assert run("train", file, "--seeds", "1, 2", "--output", tmp_path / "runs", "--quiet") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:5]] == ["seed", "1", "2", "mean", "std"]
    assert lines[5].startswith("Best seed: ")


@pytest.mark.parametrize("arguments", [["--seeds", "1,x"], ["--seeds", "1,2", "--resume"]])
def test_wrong_seeds_are_refused(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "my.toml"
    file.write_text('task = "ner"\n')
    assert run("train", file, *arguments) == 2
    assert "--seeds" in capsys.readouterr().err
