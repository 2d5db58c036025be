"""Sentences once more in lower case."""

from __future__ import annotations

import datasets
import pytest

from bilstm_tagger import ConfigError
from bilstm_tagger.training.lowercase import with_lowercase
from bilstm_tagger.training.parts import load_parts
from tests.tiny import ner_rows, tiny_config, write_conll

ROWS = [
    {"id": "a", "tokens": ["Ada", "İzmir", "."], "tags": ["B-PER", "B-LOC", None]},
    {"id": "b", "tokens": ["no", "capital"], "tags": ["O", "O"]},
]


def test_copies_come_behind_with_the_same_tags() -> None:
    rows = with_lowercase(datasets.Dataset.from_list(ROWS), 1.0, seed=1)
    assert list(rows["tokens"]) == [["Ada", "İzmir", "."], ["no", "capital"], ["ada", "i̇zmir", "."]]
    assert list(rows["tags"]) == [["B-PER", "B-LOC", None], ["O", "O"], ["B-PER", "B-LOC", None]]


def test_the_share_is_drawn_by_the_seed() -> None:
    rows = datasets.Dataset.from_list(ner_rows(400))
    lowered = [list(with_lowercase(rows, 0.25, seed=seed)["tokens"])[400:] for seed in (1, 1, 2)]
    assert lowered[0] == lowered[1] != lowered[2]
    assert 70 < len(lowered[0]) < 130
    assert len(with_lowercase(rows, 0.0, seed=1)) == 400


def test_only_the_training_part_is_copied(tmp_path) -> None:
    source = str(write_conll(tmp_path / "a.conll", ner_rows(20)))
    parts = load_parts(tiny_config(data={"train": source, "dev": source, "test": source, "lowercase": 1.0}))
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 40, "dev": 20, "test": 20}


def test_it_is_for_text() -> None:
    with pytest.raises(ConfigError, match=r"'data\.lowercase' is for text"):
        tiny_config("protein_ss3", data={"lowercase": 0.5})
