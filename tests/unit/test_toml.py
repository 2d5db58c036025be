"""Configurations written as TOML are the configurations that are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bilstm_tagger.config import Config
from bilstm_tagger.tasks import task_names
from bilstm_tagger.training.toml import config_to_toml


def read_back(config: Config, folder: Path) -> Config:
    file = folder / "mine.toml"
    file.write_text(config_to_toml(config), encoding="utf-8")
    return Config.load(file).model_copy(update={"output": config.output})


@pytest.mark.parametrize("task", task_names())
def test_defaults_need_one_line(task: str, tmp_path: Path) -> None:
    config = Config.from_dict({"task": task})
    assert config_to_toml(config) == f'task = "{task}"\n'
    assert read_back(config, tmp_path) == config


def test_all_kinds_of_values_come_back(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "task": "ner",
        "seed": 7,
        "data": {"train": 'C:\\names "a".conll', "tag_column": -1, "dev_fraction": 0.25, "deduplicate": True},
        "word": {"vectors": ["glove-6b-50d", "ein Ört.vec"], "keep": 5},
        "training": {"rates": {"word": 0.1}, "class_weights": {"per son": 2.0, "B": 1e-6}, "freeze": ["char"]},
    }
    config = Config.from_dict(values)
    assert read_back(config, tmp_path) == config
    assert "[encoder]" not in config_to_toml(config)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_back(text: str, tmp_path: Path) -> None:
    config = Config.from_dict({"task": "ner", "data": {"separator": text}, "training": {"class_weights": {text: 1.0}}})
    assert read_back(config, tmp_path) == config
