"""Vectors that are not there: an error, or a training without them that says so."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest

from bilstm_tagger.errors import DataError
from bilstm_tagger.training.build import build_model
from tests.tiny import ner_rows, tiny_config


def build(vectors: list[str], **word: str):
    return build_model(tiny_config(word={"vectors": vectors, **word}), datasets.Dataset.from_list(ner_rows(10)))


@pytest.fixture
def toy(tmp_path: Path) -> str:
    path = tmp_path / "toy.txt"
    path.write_text("oslo 1 2 3\nparis 4 5 6\n")
    return str(path)


def test_by_default_it_is_an_error(toy: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such vectors file"):
        build([toy, str(tmp_path / "other.txt")])


def test_skipped_ones_are_named(toy: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    other = str(tmp_path / "other.txt")
    assert build([toy, other], missing="skip").network.sizes.word_size == 3
    assert f"training without the vectors '{other}'" in caplog.text


def test_without_any_the_words_are_random(tmp_path: Path) -> None:
    model = build([str(tmp_path / "other.txt")], missing="skip", size=7)
    assert model.network.sizes.word_size == 7


def test_a_damaged_file_is_an_error_all_the_same(toy: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.txt"
    damaged.write_text("oslo 1 2 3\nparis 4 x 6\n")
    with pytest.raises(DataError, match=r"damaged\.txt:2"):
        build([toy, str(damaged)], missing="skip")
