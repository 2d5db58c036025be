"""Configuration: defaults, files, overrides, and an error for every mistake."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bilstm_tagger.config import Config
from bilstm_tagger.config.checks import idle_keys
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks import task_names


def write(folder: Path, text: str, name: str = "mine.toml") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def message(values: object) -> str:
    with pytest.raises(ConfigError) as caught:
        Config.from_dict(values)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shortest_file_gets_working_defaults(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, 'task = "ner"\n[data]\ntrain = "builtin:wnut17/train"\n'))
    assert config.data.train == "builtin:wnut17/train"
    assert (config.seed, config.training.optimizer, config.encoder.kind) == (1, "adamw", "lstm")
    assert config.output == os.path.join("runs", "mine")


def test_an_output_in_the_file_stays(tmp_path: Path) -> None:
    assert Config.load(write(tmp_path, 'task = "ner"\noutput = "elsewhere"')).output == "elsewhere"


def test_task_defaults_fill_what_the_file_leaves_out_and_no_more() -> None:
    config = Config.from_dict({"task": "protein_ss3", "training": {"epochs": 3}, "char": {"size": 9}})
    assert (config.training.epochs, config.training.batch_tokens) == (3, 4096)
    assert (config.char.kind, config.char.size) == ("none", 9)
    assert config.encoder.layers == 2
    assert Config.from_dict({"task": "ner"}).encoder.layers == 1
    # The tasks' own dictionaries are not touched.
    assert Config.from_dict({"task": "protein_ss3"}).training.epochs == 10


@pytest.mark.parametrize("task", task_names())
def test_a_configuration_survives_json(task: str) -> None:
    config = Config.from_dict({"task": task, "seed": 7, "word": {"keep": 5}, "data": {"tag_column": "NER"}})
    values = json.loads(json.dumps(config.to_dict()))
    assert Config.from_dict(values) == config
    assert values["training"]["learning_rate"] == config.training.learning_rate


@pytest.mark.parametrize(
    ("override", "read", "value"),
    [
        ("training.epochs=3", lambda config: config.training.epochs, 3),
        ("training.learning_rate = 1e-3", lambda config: config.training.learning_rate, 1e-3),
        ("encoder.locked=true", lambda config: config.encoder.locked, True),
        ("crf.scheme=IOB2", lambda config: config.crf.scheme, "IOB2"),
        ('crf.scheme="IO"', lambda config: config.crf.scheme, "IO"),
        ("data.train=my data/train=1.conll", lambda config: config.data.train, "my data/train=1.conll"),
        ("data.tag_column=-1", lambda config: config.data.tag_column, -1),
        ("data.tag_column=UPOS", lambda config: config.data.tag_column, "UPOS"),
        ("word.keep=100", lambda config: config.word.keep, 100),
        ("word.keep=all", lambda config: config.word.keep, "all"),
        ("task=chunking", lambda config: config.task, "chunking"),
        ("seed=4294967295", lambda config: config.seed, 4294967295),
    ],
)
def test_overrides_are_read_as_toml_or_else_as_text(tmp_path: Path, override: str, read, value: object) -> None:
    config = Config.load(write(tmp_path, 'task = "ner"\n[training]\nepochs = 9\n'), [override])
    assert read(config) == value


def test_later_overrides_win_and_make_sections(tmp_path: Path) -> None:
    config = Config.load(write(tmp_path, 'task = "ner"'), ["word.size=3", "word.size=4"])
    assert config.word.size == 4


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("training.epochs", "an override has the form section.key=value: got 'training.epochs'."),
        ("=3", "an override has the form section.key=value: got '=3'."),
        ("seed.of.all=3", "'seed' in the override is not a section: got 'seed.of.all=3'."),
        ("training.epoch=3", "unknown key 'training.epoch'."),
        ("training..epochs=3", "unknown key 'training.'."),
        ("training.epochs=many", "wrong value for 'training.epochs': got 'many'."),
    ],
)
def test_bad_overrides_are_named(tmp_path: Path, override: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.load(write(tmp_path, 'task = "ner"\nseed = 2'), [override])
    assert problem in str(caught.value)


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = tmp_path / "inner"
    file = write(
        inner,
        'task = "ner"\n[data]\ntrain = "train.conll"\ndev = "parts/*.conll"\ntest = "owner/name"\nmask = "here.txt"\n'
        '[word]\nvectors = "glove-6b-50d"\n',
    )
    (inner / "parts").mkdir()
    for name in ("train.conll", "parts/a.conll"):
        (inner / name).touch()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here.txt").touch()
    (tmp_path / "train.conll").touch()
    config = Config.load(file, ["data.exclude=train.conll"])
    # Beside the file comes before the working directory.
    assert config.data.train == str(inner / "train.conll")
    assert config.data.dev == str(inner / "parts" / "*.conll")
    # What does not stand beside the file is left alone, and so is what --set gives.
    assert (config.data.test, config.data.mask, config.word.vectors) == ("owner/name", "here.txt", "glove-6b-50d")
    assert config.data.exclude == "train.conll"


def test_absolute_paths_and_builtin_names_stay(tmp_path: Path) -> None:
    absolute = str(tmp_path / "x.conll")
    file = write(tmp_path, f'task = "ner"\n[data]\ntrain = "{absolute}"\ndev = "builtin:wnut17/dev"\n')
    config = Config.load(file)
    assert (config.data.train, config.data.dev) == (absolute, "builtin:wnut17/dev")


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({}, ["the key 'task' is missing", "Add a line such as: task"]),
        ({"task": "nre"}, ["unknown task: got 'nre'", "chunking, ner, pos", "Did you mean 'ner'?"]),
        ({"task": 3}, ["unknown task: got 3"]),
        ({"task": ["ner"]}, ["unknown task: got ['ner']"]),
        ({"task": "ner", "trainig": {}}, ["unknown key 'trainig'", "Did you mean 'training'?"]),
        (
            {"task": "ner", "training": {"epoch": 1}},
            ["unknown key 'training.epoch'", "Did you mean 'epochs'?", "patience"],
        ),
        ({"task": "ner", "training": {"zzzz": 1}}, ["unknown key 'training.zzzz'", "Accepted: start, optimizer"]),
        (
            {"task": "ner", "training": {"optimizer": "adamm"}},
            [
                "wrong value for 'training.optimizer': got 'adamm'",
                "'sgd', 'adam', 'adamw'",
                "Did you mean 'adam'?",
            ],
        ),
        ({"task": "ner", "encoder": {"kind": "transformer"}}, ["'encoder.kind': got 'transformer'", "'lstm', 'gru'"]),
        ({"task": "ner", "encoder": {"hidden_size": 0}}, ["'encoder.hidden_size': got 0", "greater than 0"]),
        ({"task": "ner", "encoder": {"hidden_size": "big"}}, ["'encoder.hidden_size': got 'big'", "integer"]),
        ({"task": "ner", "encoder": {"hidden_size": 1.5}}, ["'encoder.hidden_size': got 1.5", "integer"]),
        ({"task": "ner", "encoder": {"input_dropout": 1.0}}, ["'encoder.input_dropout': got 1.0", "less than 1"]),
        ({"task": "ner", "training": 3}, ["wrong value for 'training': got 3"]),
        ({"task": "ner", "data": {"train": ["a", "b"]}}, ["wrong value for 'data.train'", "string"]),
        ({"task": "ner", "word": {"keep": -1}}, ["wrong value for 'word.keep': got -1"]),
        ({"task": "ner", "word": {"keep": "some"}}, ["wrong value for 'word.keep': got 'some'", "all"]),
        ({"task": "ner", "seed": -1}, ["wrong value for 'seed': got -1", "greater than or equal to 0"]),
        ({"task": "ner", "seed": 2**32}, ["wrong value for 'seed'", "less than 4294967296"]),
        ({"task": "ner", "crf": {"constraints": "perhaps"}}, ["'crf.constraints': got 'perhaps'", "boolean"]),
        ({"task": "ner", "training": {"learning_rate": float("nan")}}, ["'training.learning_rate': got nan"]),
    ],
)
def test_every_mistake_is_named_with_what_is_right(values: dict[str, object], parts: list[str]) -> None:
    text = message(values)
    for part in parts:
        assert part in text


@pytest.mark.parametrize("name", ["IOB1", "IOB", "NONE", "BIOSE", ""])
def test_span_models_have_a_scheme_whose_tags_stand_for_themselves(name: str) -> None:
    text = message({"task": "ner", "crf": {"scheme": name}})
    assert f"wrong value for 'crf.scheme' of the task 'ner': got '{name}'" in text
    assert "Accepted: auto, IOB2, BIOES, BILOU, IO." in text


@pytest.mark.parametrize("task", ["pos", "protein_ss8"])
def test_models_without_spans_have_no_scheme(task: str) -> None:
    assert "Accepted: auto, NONE." in message({"task": task, "crf": {"scheme": "BIOES"}})
    assert Config.from_dict({"task": task, "crf": {"scheme": "NONE"}}).scheme is Scheme.NONE


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("auto", Scheme.BIOES), ("iobes", Scheme.BIOES), ("BIO", Scheme.IOB2), ("BILOU", Scheme.BILOU), ("IO", Scheme.IO)],
)
def test_the_models_scheme_is_the_tasks_or_the_one_asked_for(name: str, scheme: Scheme) -> None:
    assert Config.from_dict({"task": "ner", "crf": {"scheme": name}}).scheme is scheme


def test_files_that_are_missing_or_no_toml_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no such configuration file: .*no\.toml\. See configs/ for examples\."):
        Config.load(tmp_path / "no.toml")
    with pytest.raises(ConfigError, match=r"mine\.toml is not valid TOML: .*line 2"):
        Config.load(write(tmp_path, 'task = "ner"\nseed = = 3'))
    (tmp_path / "latin.toml").write_bytes('task = "ner" # größe'.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"cannot read .*latin\.toml"):
        Config.load(tmp_path / "latin.toml")
    with pytest.raises(ConfigError, match="cannot read"):
        Config.load(tmp_path)


def test_errors_of_a_file_name_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml: unknown key 'training\.epoch'"):
        Config.load(write(tmp_path, 'task = "ner"\n[training]\nepoch = 3'))
    with pytest.raises(ConfigError, match=r"mine\.toml: the key 'task' is missing"):
        Config.load(write(tmp_path, "seed = 3"))


SHIPPED = sorted((Path(__file__).parents[2] / "configs").glob("*.toml"))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_the_shipped_configurations_are_sound(file: Path) -> None:
    assert Config.load(file).data.train is not None


def test_there_are_shipped_configurations() -> None:
    assert SHIPPED


@pytest.mark.parametrize(
    ("sections", "key", "needs"),
    [
        ({"training": {"momentum": 0.9}}, "training.momentum", "sgd or rmsprop"),
        ({"training": {"freeze_epochs": 2}}, "training.freeze_epochs", "training.freeze"),
        ({"training": {"decay": 0.1}}, "training.decay", "schedule = inverse"),
        ({"lm": {"dropout": 0.2}}, "lm.dropout", "lm.model"),
        ({"distill": {"weight": 0.9}}, "distill.weight", "distill.teacher"),
        ({"word": {"vectors": "a.txt", "fill_missing": True}}, "word.fill_missing", "two word.vectors"),
    ],
)
def test_keys_that_do_nothing_are_told(sections: dict[str, Any], key: str, needs: str) -> None:
    (line,) = idle_keys(Config.from_dict({"task": "ner", **sections}))
    assert line.startswith(f"'{key}' has no effect here")
    assert needs in line


@pytest.mark.parametrize("file", sorted(Path(__file__).parents[2].glob("configs/*.toml")), ids=lambda file: file.stem)
def test_our_own_configurations_have_no_idle_key(file: Path) -> None:
    assert idle_keys(Config.load(file)) == []
