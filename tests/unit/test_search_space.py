"""What a search varies: texts and files read, and a message for each that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from bilstm_tagger.config import Config
from bilstm_tagger.errors import ConfigError
from bilstm_tagger.training.search.space import (
    Choices,
    Range,
    Space,
    apply_values,
    check_space,
    grid,
    parse_vary,
    read_space,
)

CONFIG = Config.from_dict({"task": "ner"})


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("encoder.hidden_size=100,200", "encoder.hidden_size", Choices((100, 200))),
        ("encoder.kind = lstm, gru", "encoder.kind", Choices(("lstm", "gru"))),
        ('encoder.kind="lstm"', "encoder.kind", Choices(("lstm",))),
        ("encoder.locked=true,false", "encoder.locked", Choices((True, False))),
        ("training.learning_rate=0.0005..0.005:log", "training.learning_rate", Range(0.0005, 0.005, log=True)),
        ("training.learning_rate=5e-4 .. 1", "training.learning_rate", Range(0.0005, 1)),
        ("encoder.layers=1..3", "encoder.layers", Range(1, 3)),
    ],
)
def test_choices_and_ranges_are_read(text: str, key: str, values: object) -> None:
    assert parse_vary(text) == (key, values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encoder.layers", "has the form section.key=VALUES"),
        ("=1,2", "has the form section.key=VALUES"),
        ("encoder.layers=", "has the form section.key=VALUES"),
        ("encoder.layers=1,1", "must be different"),
        ("encoder.layers=1,1.0", "must be different"),
        ("encoder.kind=lstm,,gru", "'encoder.kind' cannot be varied: got ''"),
        ("encoder.layers=3..1", "the range of 'encoder.layers' cannot be read"),
        ("encoder.layers=1..many", "the range of 'encoder.layers' cannot be read"),
        ("encoder.layers=true..3", "the range of 'encoder.layers' cannot be read"),
        ("training.learning_rate=0..1:log", "LOW above 0"),
        ("training.learning_rate=0.1..inf", "cannot be read"),
        ("training.learning_rate=0.1..1:linear", "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_vary(text)


def test_a_file_has_the_sections_of_a_configuration(tmp_path: Path) -> None:
    file = tmp_path / "space.toml"
    file.write_text(
        '[training]\nlearning_rate = "1e-3..1e-2:log"\nrates.word = [0.1, 1.0]\n[encoder]\nkind = ["lstm"]\n'
    )
    assert read_space(file) == {
        "training.learning_rate": Range(1e-3, 1e-2, log=True),
        "training.rates.word": Choices((0.1, 1.0)),
        "encoder.kind": Choices(("lstm",)),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[encoder]\nlayers = 3\n", "'encoder.layers' has nothing to choose from: got 3"),
        ("[encoder]\nlayers = []\n", "choices of 'encoder.layers' must be different"),
        ("[training]\nfreeze = [['word'], []]\n", "'training.freeze' cannot be varied"),
        ("[encoder\n", "is not valid TOML"),
        (None, "cannot read"),
    ],
)
def test_a_file_with_a_mistake_is_refused(tmp_path: Path, content: str | None, message: str) -> None:
    file = tmp_path / "space.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=message):
        read_space(file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("encoder.hiden_size=1,2", "Did you mean 'hidden_size'"),
        ("encoder.layers=0..3", "wrong value for 'encoder.layers'"),
        ("encoder.layers=1.0..3.0", r"'encoder.layers' takes whole numbers: got '1.0..3.0'. Accepted: 1..3."),
        ("encoder.layers=1..3.0:log", r"got '1..3.0:log'. Accepted: 1..3:log."),
        ("encoder.layers=1.0..3.5", "wrong value for 'encoder.layers'"),
        ("encoder.kind=lstm,gur", "wrong value for 'encoder.kind'"),
        ("task.name=1,2", "'task' is not a section"),
        ("seed=1,2", "--seeds"),
        ("output=a,b", "--output"),
        ("task=ner,pos", "each task by itself"),
    ],
)
def test_mistakes_show_before_the_first_trial(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_space(dict([parse_vary(text)]), CONFIG)


def test_a_search_without_anything_to_vary_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs something to vary"):
        check_space({}, CONFIG)


def test_values_are_applied_and_the_rest_stays() -> None:
    config = apply_values(CONFIG, {"encoder.layers": 2, "training.rates.word": 0.1, "seed": 7})
    assert (config.encoder.layers, config.training.rates, config.seed) == (2, {"word": 0.1}, 7)
    assert apply_values(config, {"encoder.layers": 1, "training.rates": {}, "seed": 1}) == CONFIG


def test_choices_and_whole_numbers_are_a_grid() -> None:
    space: Space = {"encoder.layers": Range(1, 2), "encoder.kind": Choices(("lstm", "gru"))}
    combinations = grid(space, 4)
    assert combinations is not None
    assert [tuple(values.values()) for values in combinations] == [(1, "lstm"), (1, "gru"), (2, "lstm"), (2, "gru")]
    assert grid(space, 3) is None
    assert grid({"training.epochs": Range(1, 10**20)}, 9) is None
    assert grid(space | {"training.learning_rate": Range(0.1, 1.0)}, 100) is None
