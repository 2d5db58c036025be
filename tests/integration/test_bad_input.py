"""What a training run says of every mistake, and that it leaves nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import ner_rows, pos_rows, protein_rows, tiny_config, write_conll

from bilstm_tagger.cli import main
from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError, DataError, TaggerError, UnknownTagError
from bilstm_tagger.inference import Model, Tagger
from bilstm_tagger.inference import model as model_module
from bilstm_tagger.training import train
from bilstm_tagger.training.trainer import Trainer


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A training and a dev file that are right."""
    rows = {"train": ner_rows(20), "dev": ner_rows(6, seed=1)}
    return {name: str(write_conll(tmp_path / f"{name}.conll", part)) for name, part in rows.items()}


def config_of(files: dict[str, str], **changes: Any) -> Config:
    changes.setdefault("training", {"epochs": 2})
    return tiny_config("ner", data=files, **changes)


def refused(config: Config, folder: Path, kind: type[Exception]) -> str:
    """Trains; returns the one line that is said. There must be no folder afterwards."""
    with pytest.raises(kind) as caught:
        train(config, output=folder / "out", progress=False)
    assert not (folder / "out").exists()
    text = str(caught.value)
    assert "\n" not in text
    return text


def append(path: str, text: str) -> None:
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(text)


def line_of(path: str, text: str) -> int:
    return Path(path).read_text(encoding="utf-8").split("\n").index(text) + 1


def test_no_training_part(tmp_path: Path) -> None:
    text = refused(tiny_config("ner"), tmp_path, ConfigError)
    assert text == ("the key 'data.train' is missing. Add under [data]: train = \"FILE or builtin:NAME\".")


@pytest.mark.parametrize("part", ["train", "dev", "test"])
def test_a_missing_file_is_named_before_anything_is_trained(files: dict[str, str], tmp_path: Path, part: str) -> None:
    files[part] = str(tmp_path / "nowhere.conll")
    assert "nowhere.conll" in refused(config_of(files), tmp_path, DataError)


@pytest.mark.parametrize("part", ["train", "dev", "test"])
@pytest.mark.parametrize("content", [b"", b"\n\n", b"Ada\tB-PER\nmet\n", b"Ad\xe4\tO\n"])
def test_a_file_that_cannot_be_read_is_named(files: dict[str, str], tmp_path: Path, part: str, content: bytes) -> None:
    files[part] = str(tmp_path / "bad.conll")
    Path(files[part]).write_bytes(content)
    assert "bad.conll" in refused(config_of(files), tmp_path, DataError)


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_label_that_training_never_had_is_named_with_its_line(
    files: dict[str, str], tmp_path: Path, part: str
) -> None:
    files.setdefault("test", str(shutil.copy(files["dev"], tmp_path / "test.conll")))
    append(files[part], "\nacme\tB-ORG\ninc\tI-ORG\n")
    line = line_of(files[part], "acme\tB-ORG")
    config = config_of(files)
    text = refused(config, tmp_path, UnknownTagError)
    assert text.startswith(f"{files[part]}:{line}: the training part has no such label: got 'B-ORG'.")
    assert "Accepted: LOC, PER." in text
    with pytest.raises(UnknownTagError) as caught:
        train(config, output=tmp_path / "out", progress=False)
    assert (caught.value.path, caught.value.line) == (files[part], line)


def test_a_label_is_found_in_the_files_own_scheme(files: dict[str, str], tmp_path: Path) -> None:
    append(files["dev"], "\nacme\tS-ORG\n")
    line = line_of(files["dev"], "acme\tS-ORG")
    text = refused(config_of(files), tmp_path, UnknownTagError)
    assert text.startswith(f"{files['dev']}:{line}: ")


def test_a_tag_without_spans_that_training_never_had(tmp_path: Path) -> None:
    train_file = write_conll(tmp_path / "train.txt", pos_rows(10))
    dev_file = write_conll(tmp_path / "dev.txt", [{"tokens": ["Ada", "oh"], "tags": ["PROPN", "INTJ"]}])
    data = {"train": str(train_file), "dev": str(dev_file), "format": "conll", "tag_column": 1}
    text = refused(tiny_config("pos", data=data), tmp_path, UnknownTagError)
    assert text.startswith(f"{dev_file}:2: the training part has no such label: got 'INTJ'.")
    assert "NOUN, PROPN, PUNCT, VERB" in text


def test_an_unseen_prefix_of_a_known_label_is_no_mistake(tmp_path: Path) -> None:
    train_rows = [{"tokens": ["Ada", "met"], "tags": ["B-PER", "O"]}] * 4
    dev_rows = [{"tokens": ["Ada", "Lovelace"], "tags": ["B-PER", "I-PER"]}]
    files = {"train": train_rows, "dev": dev_rows}
    data = {name: str(write_conll(tmp_path / name, rows)) for name, rows in files.items()}
    result = train(config_of(data), output=tmp_path / "out", progress=False)
    assert result.best_epoch >= 1


def test_a_training_part_without_tags(tmp_path: Path) -> None:
    rows = protein_rows(4, unknown=1.0)
    path = tmp_path / "chains.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    text = refused(tiny_config("protein_ss3", data={"train": str(path), "dev": str(path)}), tmp_path, DataError)
    assert text == f"{path}: the training part has no tags."


@pytest.mark.parametrize("part", ["dev", "test"])
def test_a_part_to_score_without_tags(tmp_path: Path, part: str) -> None:
    paths = {}
    for name in ("train", "dev", "test"):
        paths[name] = str(tmp_path / f"{name}.jsonl")
        rows = protein_rows(4, unknown=1.0 if name == part else 0.0)
        Path(paths[name]).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    text = refused(tiny_config("protein_ss3", data=paths), tmp_path, DataError)
    assert text.startswith(f"{paths[part]}: the {part} part has no tags.")


@pytest.mark.parametrize("weights", [None, "balanced"])
def test_a_training_part_without_a_tag_that_can_be_used(tmp_path: Path, weights: str | None) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text('{"tokens": ["Anna", "left"], "tags": ["B-PER", null]}\n' * 3)
    data = {"train": str(path), "dev": str(write_conll(tmp_path / "dev", [{"tokens": ["Ada"], "tags": ["B-PER"]}]))}
    text = refused(tiny_config("ner", data=data, training={"class_weights": weights}), tmp_path, DataError)
    assert text == f"{path}: the training part has no tags."


@pytest.mark.parametrize(("fraction", "count"), [(0.0, 20), (0.01, 20)])
def test_too_small_a_share_to_hold_out(files: dict[str, str], tmp_path: Path, fraction: float, count: int) -> None:
    data = {"train": files["train"], "dev_fraction": fraction}
    text = refused(tiny_config("ner", data=data), tmp_path, DataError)
    assert f"cannot hold out {fraction:.0%} of {count} sequences as a dev part" in text
    assert "Name a dev source under [data], or set data.dev_fraction." in text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"training": {"metric": "f2"}}, "the task 'ner' has no such score: got 'f2'. Accepted: accuracy, f1."),
        ({"training": {"metric": "q3"}}, "the task 'ner' has no such score: got 'q3'."),
        ({"training": {"device": "tpu"}}, "'training.device' cannot be used: "),
        ({"training": {"device": "cuda:77"}}, "'training.device' cannot be used: "),
        ({"word": {"size": 0}, "char": {"kind": "none"}}, "the model has no input. Accepted: word.size > 0"),
        ({"encoder": {"convolution": 4}}, "'encoder.convolution' is the width of a centred window: got 4."),
        ({"word": {"vectors": "glove"}}, "these vectors are neither a file nor a known name: got 'glove'."),
    ],
)
def test_settings_that_cannot_be_used(
    files: dict[str, str], tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    text = refused(config_of(files, **changes), tmp_path, ConfigError)
    assert problem in text


def test_vectors_that_are_not_there(files: dict[str, str], tmp_path: Path) -> None:
    assert "no.txt" in refused(config_of(files, word={"vectors": str(tmp_path / "no.txt")}), tmp_path, DataError)


def test_dense_columns_that_are_not_in_the_data(files: dict[str, str], tmp_path: Path) -> None:
    text = refused(config_of(files, dense={"size": 3}), tmp_path, DataError)
    assert text == f"{files['train']}: the rows have no dense columns. Accepted: 3 numbers a token."


def test_a_loss_that_is_not_finite_says_what_to_lower(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Trainer._step
    steps = 0

    def spoil(self: Trainer, group: Any, prepared: Any) -> float:
        nonlocal steps
        steps += 1
        if steps == 4:
            torch.nn.init.constant_(self.network.projection.bias, float("nan"))
        return real(self, group, prepared)

    monkeypatch.setattr(Trainer, "_step", spoil)
    # One batch an epoch, so that three epochs are over.
    config = config_of(files, training={"epochs": 9, "batch_tokens": 10_000, "learning_rate": 0.01})
    with pytest.raises(TaggerError) as caught:
        train(config, output=tmp_path / "out", progress=False)
    text = str(caught.value)
    assert text == ("the training loss is nan at step 4. Lower training.learning_rate, or set training.clip.")
    # The best epoch until then can be used.
    assert Tagger.from_pretrained(tmp_path / "out").tag("Ada met Alan").tokens == ["Ada", "met", "Alan"]


def test_an_output_that_cannot_be_made_is_the_systems_word(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="file"):
            train(config_of(files), output=folder, progress=False)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_an_output_without_permission_is_the_systems_word(files: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(PermissionError, match="locked"):
        train(config_of(files), output=tmp_path / "locked" / "out", progress=False)


def test_a_full_disk_leaves_no_torn_file(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(weights: object, path: Path, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_module, "save_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        train(config_of(files), output=tmp_path / "out", progress=False)
    left = {file.name for file in (tmp_path / "out").iterdir()}
    assert "model.safetensors" not in left
    assert not [name for name in left if name.endswith(".tmp")]


def test_a_full_disk_keeps_the_whole_model_of_an_earlier_run(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    train(config_of(files), output=folder, progress=False)
    names = ("config.json", "tokenizer.json", "vocab.json", "model.safetensors", "metrics.json", "README.md")
    before = [(folder / name).read_bytes() for name in names]

    def full(weights: object, path: Path, **options: object) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_module, "save_file", full)
    with pytest.raises(OSError, match="No space left on device"):
        train(config_of(files, seed=2, word={"size": 5}), output=folder, progress=False)
    assert [(folder / name).read_bytes() for name in names] == before
    Model.load(folder)


def run_command(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return int(stop.value.code or 0)


@pytest.mark.parametrize("mistake", ["tag", "output", "key"])
def test_the_command_prints_one_line_and_ends_with_2(
    files: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], mistake: str
) -> None:
    config = tmp_path / "my.toml"
    config.write_text('task = "ner"\n[data]\ntrain = "train.conll"\ndev = "dev.conll"\n', encoding="utf-8")
    output: Path = tmp_path / "out"
    if mistake == "tag":
        append(files["dev"], "\nacme\tB-ORG\n")
    elif mistake == "output":
        output.touch()
    extra = ["--set", "word.sise=3"] if mistake == "key" else []
    assert run_command("train", config, "--output", output, "--quiet", *extra) == 2
    out, err = capsys.readouterr()
    assert out == ""
    expected = {"tag": "dev.conll:", "output": str(output), "key": "unknown key 'word.sise'"}[mistake]
    assert err.startswith("error: ")
    assert expected in err
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    assert not output.is_dir()
