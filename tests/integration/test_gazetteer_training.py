"""Lists of names from files and from the training part, in a model that keeps them."""

from __future__ import annotations

import gzip
from pathlib import Path

import datasets
import numpy as np
import pytest

from bilstm_tagger import ConfigError, DataError, ModelError, Tagger, train
from bilstm_tagger.training.names import build_gazetteer
from tests.tiny import PEOPLE, PLACES, ner_rows, tiny_config, tiny_model, write_conll


def lists(folder: Path) -> list[str]:
    """Two files: one named after its label, one with a label on each line."""
    (folder / "LOC.txt").write_text("\n".join(PLACES) + "\nSt. John's\r\n\n", encoding="utf-8")
    with gzip.open(folder / "names.tsv.gz", "wt", encoding="utf-8") as stream:
        stream.write("".join(f"PER\t{name}\n" for name in PEOPLE) + "ORG\tRoyal Society\n")
    return [str(folder / "LOC.txt"), str(folder / "names.tsv.gz")]


def test_files_are_read_and_names_cut_as_text_is(tmp_path: Path) -> None:
    config = tiny_config(gazetteer={"files": lists(tmp_path)})
    gazetteer = build_gazetteer(config, datasets.Dataset.from_list(ner_rows(5)), "words")
    assert list(gazetteer.names) == ["LOC", "ORG", "PER"]
    assert ("St.", "John", "'s") in gazetteer.names["LOC"]
    assert ("Royal", "Society") in gazetteer.names["ORG"]
    assert repr(gazetteer) == "Gazetteer(LOC: 6 names, ORG: 1 names, PER: 5 names)"


def test_names_of_the_training_part_are_listed() -> None:
    rows = datasets.Dataset.from_list(ner_rows(30))
    often = build_gazetteer(tiny_config(gazetteer={"training": 3}), rows, "words")
    once = build_gazetteer(tiny_config(gazetteer={"training": 1}), rows, "words")
    assert list(often.names) == ["LOC", "PER"]
    assert often.names["PER"] < once.names["PER"]


def test_a_model_keeps_its_lists(tmp_path: Path) -> None:
    file = write_conll(tmp_path / "train.conll", ner_rows(30))
    config = tiny_config(
        data={"train": str(file), "dev": str(file)},
        gazetteer={"files": lists(tmp_path), "training": 2},
        training={"epochs": 2},
    )
    result = train(config, output=tmp_path / "run", progress=False)
    for name in ("LOC.txt", "names.tsv.gz", "train.conll"):
        (tmp_path / name).unlink()
    tagger = Tagger.from_pretrained(result.folder)
    assert tagger.model.network.sizes.dense_size == tagger.model.vocabulary.gazetteer.size == 12
    sentences = [row["tokens"] for row in ner_rows(10, seed=5)]
    docs = tagger.tag_batch([*sentences, []])
    assert tagger.tag_words([*sentences, []]) == [doc.tags for doc in docs]
    assert tagger.tag("").tags == []
    report = tagger.evaluate(datasets.Dataset.from_list(ner_rows(10, seed=5)))
    assert report.metric("f1") >= 0


def test_what_is_marked_reaches_the_network() -> None:
    model = tiny_model(gazetteer={"training": 1})
    doc = Tagger(model).tag(["Oslo", "left"], probabilities=True)
    labels = dict.fromkeys(model.vocabulary.gazetteer.names, frozenset[tuple[str, ...]]())
    object.__setattr__(model.vocabulary, "gazetteer", type(model.vocabulary.gazetteer)(labels))
    without = Tagger(model).tag(["Oslo", "left"], probabilities=True)
    assert doc.probabilities is not None
    assert without.probabilities is not None
    assert np.abs(doc.probabilities - without.probabilities).max() > 1e-3


def test_models_with_other_lists_do_not_tag_together() -> None:
    models = [tiny_model(ner_rows(20), gazetteer={"training": number}) for number in (1, 2)]
    with pytest.raises(ModelError, match=r"model 2 has another set of computed columns: got Gazetteer\("):
        Tagger(models)


def test_mistakes_are_named(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_list(ner_rows(5))
    with pytest.raises(DataError, match=r"nowhere\.txt"):
        build_gazetteer(tiny_config(gazetteer={"files": ["nowhere.txt"]}), rows, "words")
    (tmp_path / "LOC.txt").write_text("\n \n")
    with pytest.raises(DataError, match=r"LOC\.txt: the list holds no name"):
        build_gazetteer(tiny_config(gazetteer={"files": [str(tmp_path / "LOC.txt")]}), rows, "words")
    with pytest.raises(ConfigError, match=r"'gazetteer\.files' is not for proteins"):
        tiny_config("protein_ss3", gazetteer={"files": ["a"]})
    with pytest.raises(ConfigError, match=r"'gazetteer\.training' is for tasks with spans: got 'pos'"):
        tiny_config("pos", gazetteer={"training": 2})
