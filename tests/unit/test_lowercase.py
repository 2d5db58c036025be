"""Sentences once more in lower case."""

from __future__ import annotations

import datasets
import pytest

from bilstm_tagger import ConfigError, train
from bilstm_tagger.features.vocabulary import PADDING_TOKEN, UNKNOWN_TOKEN
from bilstm_tagger.inference import Model
from bilstm_tagger.training.lowercase import count_lowered, lowered_rows
from bilstm_tagger.training.parts import load_parts
from tests.tiny import ner_rows, tiny_config, write_conll

ROWS = [
    {"id": "a", "tokens": ["Ada", "İzmir", "."], "tags": ["B-PER", "B-LOC", None]},
    {"id": "b", "tokens": ["no", "capital"], "tags": ["O", "O"]},
]


def test_copies_have_the_same_tags() -> None:
    rows = lowered_rows(datasets.Dataset.from_list(ROWS), 1.0, seed=1)
    assert list(rows["tokens"]) == [["ada", "i̇zmir", "."]]
    assert list(rows["tags"]) == [["B-PER", "B-LOC", None]]


def test_the_share_is_drawn_by_the_seed() -> None:
    rows = datasets.Dataset.from_list(ner_rows(400))
    lowered = [list(lowered_rows(rows, 0.25, seed=seed)["tokens"]) for seed in (1, 1, 2)]
    assert lowered[0] == lowered[1] != lowered[2]
    assert 70 < len(lowered[0]) < 130


def test_only_the_training_part_is_copied(tmp_path) -> None:
    source = str(write_conll(tmp_path / "a.conll", ner_rows(20)))
    parts = load_parts(tiny_config(data={"train": source, "dev": source, "test": source, "lowercase": 1.0}))
    assert {name: len(rows) for name, rows in parts.items()} == {"train": 20, "lowercase": 20, "dev": 20, "test": 20}


def test_a_copy_makes_no_word_more_frequent() -> None:
    counts = {"Oslo": 1, "OSLO": 2, "the": 3, "The": 5, "Ada": 1}
    assert count_lowered(counts, ["oslo", "the"]) == {**counts, "oslo": 3}


def test_rarity_is_that_of_the_sentences_as_they_were_written(tmp_path) -> None:
    rows = [{"tokens": ["Ada", "is", "here"], "tags": ["B-PER", "O", "O"]}, {"tokens": ["is"], "tags": ["O"]}]
    source = str(write_conll(tmp_path / "a.conll", rows))
    lists = {"gazetteer": {"training": 2}, "training": {"epochs": 1}, "word": {"min_count": 2}}
    result = train(
        tiny_config(data={"train": source, "dev": source, "lowercase": 1.0}, **lists),
        output=tmp_path / "run",
        progress=False,
    )
    model = Model.load(result.folder)
    assert set(model.vocabulary.words) == {PADDING_TOKEN, UNKNOWN_TOKEN, "is"}
    assert "a" in model.vocabulary.chars
    assert model.vocabulary.gazetteer.names == {}  # "Ada" and "ada" are one sentence


def test_it_is_for_text() -> None:
    with pytest.raises(ConfigError, match=r"'data\.lowercase' is for text"):
        tiny_config("protein_ss3", data={"lowercase": 0.5})
