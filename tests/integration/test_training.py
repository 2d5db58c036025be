"""Whole training runs on tiny data: they learn, repeat, stop, and leave what they should."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import ner_rows, pos_rows, protein_rows, sections, tiny_config, write_conll

from bilstm_tagger.config import Config
from bilstm_tagger.inference import Tagger
from bilstm_tagger.training import run as run_module
from bilstm_tagger.training import scoring as scoring_module
from bilstm_tagger.training import train
from bilstm_tagger.training.run import TrainingResult
from bilstm_tagger.training.trainer import Trainer

QUICK: dict[str, Any] = {
    "training": {"epochs": 8, "learning_rate": 0.02, "batch_tokens": 64, "schedule": "constant", "warmup": 0.0}
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files of the synthetic names."""
    folder = tmp_path_factory.mktemp("names")
    seeds = {"train": (60, 0), "dev": (20, 1), "test": (20, 2)}
    return {
        name: str(write_conll(folder / f"{name}.conll", ner_rows(count, seed=seed)))
        for name, (count, seed) in seeds.items()
    }


def names_config(parts: dict[str, str], *changes: dict[str, Any]) -> Config:
    data = {"data": {"train": parts["train"], "dev": parts["dev"]}}
    return tiny_config("ner", **sections(QUICK, data, *changes))


def run(config: Config, folder: Path) -> TrainingResult:
    return train(config, output=folder, progress=False)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gru": {"encoder": {"kind": "gru"}},
    "rnn": {"encoder": {"kind": "rnn"}},
    "two layers, locked dropout": {
        "encoder": {"layers": 2, "locked": True, "input_dropout": 0.1, "layer_dropout": 0.1, "output_dropout": 0.1}
    },
    "convolution": {"encoder": {"convolution": 3, "convolution_size": 8}},
    "characters by lstm": {"char": {"kind": "lstm"}},
    "no characters": {"char": {"kind": "none"}},
    "characters and shape only": {"word": {"size": 0}, "shape": {"size": 4}},
    "sgd": {
        "training": {"optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "reduction": "sequence", "epochs": 12}
    },
    "adam": {"training": {"optimizer": "adam"}},
    "ema": {"training": {"ema": 0.9}},
    "linear": {"training": {"schedule": "linear", "warmup": 0.1}},
    "cosine": {"training": {"schedule": "cosine"}},
    "inverse": {"training": {"schedule": "inverse", "decay": 0.1}},
    "plateau": {"training": {"schedule": "plateau", "plateau_patience": 1}},
    "one cycle": {"training": {"schedule": "one-cycle", "warmup": 0.3}},
    "radam": {"training": {"optimizer": "radam", "weight_decay": 0.001, "learning_rate": 0.05, "epochs": 12}},
    "nadam": {"training": {"optimizer": "nadam"}},
    "adagrad": {"training": {"optimizer": "adagrad", "learning_rate": 0.1}},
    "rmsprop": {"training": {"optimizer": "rmsprop", "learning_rate": 0.005}},
    "equal mean of weights": {"training": {"swa_start": 0.6}},
    "accumulated": {"training": {"accumulate": 3, "batch_tokens": 24}},
    "bf16": {"training": {"precision": "bf16"}},
    "smoothed": {"training": {"label_smoothing": 0.1}},
    "balanced": {"training": {"class_weights": "balanced"}},
    "weighted": {"training": {"class_weights": {"LOC": 2.0}}},
    "encoder frozen for good": {"training": {"freeze": ["encoder"], "learning_rate": 0.05}},
    "words frozen at first, crf faster": {
        "training": {"freeze": ["word"], "freeze_epochs": 2, "rates": {"crf": 3.0, "char": 0.5}}
    },
    "loss by sequence": {"training": {"reduction": "sequence", "learning_rate": 0.01}},
    "summed loss": {"training": {"reduction": "sum", "clip": 1.0}},
    "no constraints": {"crf": {"constraints": False}},
    "IOB2": {"crf": {"scheme": "IOB2"}},
    "BILOU": {"crf": {"scheme": "BILOU"}},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_names_are_learned(parts: dict[str, str], tmp_path: Path, changes: dict[str, Any]) -> None:
    result = run(names_config(parts, changes), tmp_path)
    assert result.best_score > 0.95
    assert result.metric == "f1"
    assert result.report is not None
    assert result.report.metric("f1") == pytest.approx(result.best_score)
    assert Tagger.from_pretrained(tmp_path).evaluate(parts["dev"]).metric("f1") == pytest.approx(result.best_score)


def test_inside_outside_tags_are_learned_as_far_as_they_go(parts: dict[str, str], tmp_path: Path) -> None:
    """IO cannot tell touching names apart; all the others are right."""
    result = run(names_config(parts, {"crf": {"scheme": "IO"}}), tmp_path)
    assert 0.5 < result.best_score < 1.0
    assert result.report is not None
    assert result.report.to_dict()["strict"]["per_type"]["LOC"]["f1"] > 0.95


def test_dense_columns_alone_can_carry_the_answer(tmp_path: Path) -> None:
    kinds = {"O": [1.0, 0.0, 0.0], "B-PER": [0.0, 1.0, 0.0], "I-PER": [0.0, 1.0, 1.0], "B-LOC": [0.0, 0.0, 1.0]}
    files = {}
    for name, seed in {"train": 0, "dev": 1}.items():
        rows = [row | {"dense": [kinds[tag] for tag in row["tags"]]} for row in ner_rows(40, seed=seed)]
        files[name] = tmp_path / f"{name}.jsonl"
        files[name].write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    parts = {name: str(file) for name, file in files.items()}
    config = names_config(parts, {"word": {"size": 0}, "char": {"kind": "none"}})
    result = run(config, tmp_path / "out")
    assert result.best_score > 0.95
    tagger = Tagger.from_pretrained(tmp_path / "out")
    assert tagger.evaluate(parts["dev"]).metric("f1") == pytest.approx(result.best_score)
    row = {"tokens": ["any", "words"], "dense": [kinds["B-PER"], kinds["I-PER"]]}
    assert tagger.tag(row).tags == ["B-PER", "I-PER"]


def test_parts_of_speech_are_learned(tmp_path: Path) -> None:
    train_file = write_conll(tmp_path / "train.txt", pos_rows(50))
    dev_file = write_conll(tmp_path / "dev.txt", pos_rows(20, seed=1))
    data = {"train": str(train_file), "dev": str(dev_file), "format": "conll", "tag_column": 1}
    result = run(tiny_config("pos", **sections(QUICK, {"data": data})), tmp_path / "out")
    assert result.metric == "accuracy"
    assert result.best_score > 0.95
    assert Tagger.from_pretrained(tmp_path / "out").tag("Ada met Alan .").tags == ["PROPN", "VERB", "PROPN", "PUNCT"]


def test_proteins_are_learned_from_chains_with_unknown_states(tmp_path: Path) -> None:
    for name, seed in {"train": 0, "dev": 1}.items():
        text = "".join(json.dumps(row) + "\n" for row in protein_rows(40, seed=seed))
        (tmp_path / f"{name}.jsonl").write_text(text, encoding="utf-8")
    data = {"train": str(tmp_path / "train.jsonl"), "dev": str(tmp_path / "dev.jsonl")}
    plain = {"layers": 1, "convolution": 0, "layer_dropout": 0.0}
    config = tiny_config("protein_ss3", **sections(QUICK, {"data": data, "encoder": plain, "char": {"kind": "none"}}))
    result = run(config, tmp_path / "out")
    assert result.metric == "q3"
    assert result.best_score > 0.95
    assert result.report is not None
    report = result.report.to_dict()
    assert report["unknown_tokens"] > 0
    assert Tagger.from_pretrained(tmp_path / "out").tag("aeVIGP").tags == list("HHEECC")


def test_the_folder_holds_the_model_its_history_and_its_scores(parts: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "out"
    result = run(names_config(parts, {"data": {"test": parts["test"]}, "training": {"epochs": 4}}), folder)
    assert result.folder == folder
    assert (result.epochs, result.interrupted) == (4, False)
    assert result.seconds > 0
    assert {file.name for file in folder.iterdir()} == {
        *("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.json", "model.safetensors"),
        *("metrics.json", "metrics.jsonl", "README.md", "curves.png", "run.json"),
    }
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    records = lines(folder)
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert {record["metric"] for record in records} == {"f1"}
    assert [record["best_score"] for record in records] == [
        max(record["dev_score"] for record in records[: count + 1]) for count in range(4)
    ]
    assert records[-1]["best_score"] == result.best_score
    assert records[result.best_epoch - 1]["dev_score"] == result.best_score
    assert records[-1]["loss"] < records[0]["loss"]
    assert all(record["tokens_per_second"] > 0 and record["seconds"] > 0 for record in records)
    steps = [record["step"] for record in records]
    assert steps == sorted(set(steps))
    scores = json.loads((folder / "metrics.json").read_text())
    assert (scores["best_epoch"], scores["epochs"]) == (result.best_epoch, 4)
    assert scores["dev"]["metric"] == scores["dev"]["strict"]["f1"] == pytest.approx(result.best_score)
    assert result.test_report is not None
    assert scores["test"]["metric"] == result.test_report.metric("f1")
    assert Tagger.from_pretrained(folder).evaluate(parts["test"]).metric("f1") == scores["test"]["metric"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"| test | {parts['test']} | {scores['test']['metric']:.4f} |" in card


def test_the_record_says_what_was_run_on_what_and_where(parts: dict[str, str], tmp_path: Path) -> None:
    config = names_config(parts, {"data": {"test": parts["test"]}, "training": {"epochs": 1}})
    records = []
    for name in ("one", "two"):
        run(config.model_copy(update={"output": None}), tmp_path / name)
        records.append(json.loads((tmp_path / name / "run.json").read_text(encoding="utf-8")))
    first, second = records
    assert first["seed"] == config.seed
    assert first["configuration"]["training"]["epochs"] == 1
    assert first["configuration"]["word"]["digits_to_zero"] is True
    assert set(first["versions"]) == {"bilstm-tagger", "python", "torch", "numpy"}
    assert {name: part["sequences"] for name, part in first["data"].items()} == {"train": 60, "dev": 20, "test": 20}
    tokens = sum(len(row["tokens"]) for row in ner_rows(60, seed=0))
    assert (first["data"]["train"]["source"], first["data"]["train"]["tokens"]) == (parts["train"], tokens)
    assert len({part["hash"] for part in first["data"].values()}) == 3
    assert (first["machine"]["device"], first["machine"]["processes"]) == ("cpu", 1)
    assert first["machine"]["threads"] == torch.get_num_threads()
    assert first["machine"]["processor"]
    (session,) = first["sessions"]
    assert session["status"] == "finished"
    assert session["began"] <= session["ended"]
    assert session["command"]
    # What does not depend on when and where is the same.
    for record in records:
        del record["sessions"], record["machine"]
    assert first == second


def test_the_output_comes_from_the_argument_then_the_configuration(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    short = {"training": {"epochs": 1}}
    named = names_config(parts, short, {"output": "from-config"})
    assert train(named, progress=False).folder == Path("from-config")
    assert train(named, output="from-argument", progress=False).folder == Path("from-argument")
    assert train(names_config(parts, short), progress=False).folder == Path("runs/ner")
    assert (tmp_path / "runs" / "ner" / "config.json").is_file()


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(parts: dict[str, str], tmp_path: Path) -> None:
    dropping = {
        "encoder": {"input_dropout": 0.3, "output_dropout": 0.3, "word_dropout": 0.1},
        "char": {"dropout": 0.3},
        "training": {"epochs": 2, "ema": 0.9},
    }
    folders = []
    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        torch.manual_seed(len(folders))  # what was drawn before does not matter
        run(names_config(parts, dropping, {"seed": seed}), tmp_path / name)
        folders.append(weights(tmp_path / name))
    first, again, other = folders
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def scripted(monkeypatch: pytest.MonkeyPatch, scores: list[float], during: Callable[[int], None] | None = None) -> None:
    """Makes the dev score of each epoch what a list says."""
    left = iter(scores)
    count = 0

    def score(*args: object) -> float:
        nonlocal count
        count += 1
        if during is not None:
            during(count)
        return next(left)

    real = run_module.check_metric

    def check(*args: Any) -> str:
        name = real(*args)
        monkeypatch.setattr(scoring_module, "fast_metric", score)
        return name

    monkeypatch.setattr(run_module, "check_metric", check)


def test_training_stops_when_patience_ends_and_keeps_the_best(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, [0.1, 0.5, 0.4, 0.5, 0.9])
    result = run(names_config(parts, {"training": {"patience": 2, "epochs": 9}}), tmp_path / "out")
    assert (result.best_epoch, result.best_score, result.epochs) == (2, 0.5, 4)
    short = run_two_epochs(parts, tmp_path / "two", monkeypatch)
    # The folder holds the weights of epoch 2, not those of epoch 4.
    assert all(torch.equal(value, short[name]) for name, value in weights(tmp_path / "out").items())


def run_two_epochs(parts: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, torch.Tensor]:
    scripted(monkeypatch, [0.1, 0.5])
    run(names_config(parts, {"training": {"epochs": 2}}), folder)
    return weights(folder)


def test_without_patience_all_epochs_are_run(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted(monkeypatch, [0.5, 0.4, 0.3, 0.2])
    result = run(names_config(parts, {"training": {"epochs": 4}}), tmp_path)
    assert (result.best_epoch, result.epochs) == (1, 4)


def interrupt_at_step(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    real, count = Trainer._step, 0

    def stepping(self: Trainer, group: Any, prepared: Any) -> float:
        nonlocal count
        count += 1
        if count == step:
            raise KeyboardInterrupt
        return real(self, group, prepared)

    monkeypatch.setattr(Trainer, "_step", stepping)


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_ctrl_c_keeps_the_best_model_so_far(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ema: float
) -> None:
    config = names_config(parts, {"training": {"ema": ema}, "data": {"test": parts["test"]}})
    whole = run(config, tmp_path / "whole")
    steps = lines(tmp_path / "whole")[2]["step"]
    interrupt_at_step(monkeypatch, steps + 2)
    result = run(config, tmp_path / "cut")
    assert result.interrupted
    assert not whole.interrupted
    assert result.epochs == 3
    assert result.best_score == max(record["dev_score"] for record in lines(tmp_path / "whole")[:3])
    assert len(lines(tmp_path / "cut")) == 3
    assert (tmp_path / "cut" / "curves.png").is_file()
    assert result.test_report is None
    tagger = Tagger.from_pretrained(tmp_path / "cut")
    assert tagger.evaluate(parts["dev"]).metric("f1") == pytest.approx(result.best_score)


def test_ctrl_c_in_the_first_epoch_leaves_no_model(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt_at_step(monkeypatch, 2)
    result = run(names_config(parts), tmp_path)
    assert (result.interrupted, result.best_epoch, result.epochs, result.best_score) == (True, 0, 0, -1.0)
    assert result.report is None
    assert {file.name for file in tmp_path.iterdir()} == {"run.json"}


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_ctrl_c_while_scoring_keeps_the_epoch_before(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ema: float
) -> None:
    def interrupt(count: int) -> None:
        if count == 3:
            raise KeyboardInterrupt

    scripted(monkeypatch, [0.4, 0.5, 0.6], interrupt)
    result = run(names_config(parts, {"training": {"ema": ema}}), tmp_path / "cut")
    assert (result.interrupted, result.best_epoch, result.epochs) == (True, 2, 2)
    scripted(monkeypatch, [0.4, 0.5])
    run(names_config(parts, {"training": {"epochs": 2, "ema": ema}}), tmp_path / "two")
    expected = weights(tmp_path / "two")
    assert all(torch.equal(value, expected[name]) for name, value in weights(tmp_path / "cut").items())


def test_ctrl_c_while_the_first_model_is_written_leaves_it_whole(
    parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = os.replace, 0

    def interrupted(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        real(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    result = run(names_config(parts), tmp_path)
    assert (result.interrupted, result.best_epoch) == (True, 1)
    assert Tagger.from_pretrained(tmp_path).tag("Ada").tokens == ["Ada"]
    assert not list(tmp_path.glob(".*"))


def test_a_share_is_held_out_where_there_is_no_dev_part(parts: dict[str, str], tmp_path: Path) -> None:
    data = {"train": parts["train"], "dev": None, "dev_fraction": 0.25}
    result = run(names_config(parts, {"data": data, "training": {"epochs": 2}}), tmp_path)
    assert result.report is not None
    assert result.report.to_dict()["sequences"] == 15
    assert "held out from the training part" in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_a_label_that_only_the_held_out_share_has_is_no_error(tmp_path: Path) -> None:
    rows = [{"tokens": ["a", "b"], "tags": ["O", f"B-L{number}"]} for number in range(8)]
    file = write_conll(tmp_path / "rare.conll", rows)
    data = {"train": str(file), "dev_fraction": 0.5}
    run(tiny_config("ner", data=data, training={"epochs": 1}), tmp_path / "out")
    assert Tagger.from_pretrained(tmp_path / "out").labels == [f"L{number}" for number in range(8)]


def test_progress_is_lines_where_there_is_no_terminal(
    parts: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(names_config(parts, {"training": {"epochs": 2, "patience": 1}}), output=tmp_path, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    printed = err.splitlines()
    assert printed[0].startswith("60 sequences, ")
    assert printed[1].startswith("epoch   1  loss ")
    assert " dev f1 " in printed[1]
    assert " * " in printed[1]
    run(names_config(parts, {"training": {"epochs": 1}}), tmp_path)
    assert capsys.readouterr() == ("", "")


def test_threads_are_those_asked_for(parts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    run(names_config(parts, {"training": {"epochs": 1, "threads": 3}}), tmp_path)
    assert asked == [3]
