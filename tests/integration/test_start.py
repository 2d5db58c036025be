"""Runs that begin with a trained model's weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch

from bilstm_tagger import ConfigError, ModelError, train
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.inference import Model
from bilstm_tagger.inference.decoding import to_batch
from bilstm_tagger.inference.language_model import LanguageModel
from bilstm_tagger.nn.char_lm import CharLanguageModel
from bilstm_tagger.training.build import build_model
from bilstm_tagger.training.parts import encode_part
from tests.tiny import ner_rows, pos_rows, protein_rows, sections, tiny_config, tiny_model, write_conll

OLD = {"shape": {"size": 5}}


@pytest.fixture
def start(tmp_path: Path) -> tuple[Path, Model]:
    model = tiny_model(ner_rows(), **OLD)
    model.save(tmp_path / "start")
    return tmp_path / "start", model


def built(folder: Path, rows: list[dict[str, Any]], task: str = "ner", **changes: Any) -> Model:
    config = tiny_config(task, **sections(OLD, {"training": {"start": str(folder)}}, changes))
    torch.manual_seed(99)
    model = build_model(config, datasets.Dataset.from_list(rows))
    model.network.eval()
    return model


def emissions(model: Model, rows: list[dict[str, Any]]) -> torch.Tensor:
    encoded = encode_part(model, datasets.Dataset.from_list(rows), "rows")
    with torch.no_grad():
        return model.network.emissions(to_batch(encoded.batch(np.arange(len(encoded)))))


def test_on_the_same_data_it_is_the_same_model(start: tuple[Path, Model]) -> None:
    folder, model = start
    again = built(folder, ner_rows())
    rows = ner_rows(10, seed=3)
    assert torch.equal(emissions(again, rows), emissions(model, rows))
    for name, value in model.network.crf.state_dict().items():
        assert torch.equal(again.network.crf.state_dict()[name], value)


def test_words_characters_shapes_and_tags_are_matched_by_name(start: tuple[Path, Model]) -> None:
    folder, old = start
    # New words, characters and shapes; one label is gone, one is new; what the old model knew besides is kept.
    rows = [{"id": "0", "tokens": ["Ångström", "met", "Ada", "B2B"], "tags": ["B-SCI", "O", "B-PER", "O"]}]
    new = built(folder, rows)
    for name in ("met", "Ada", "Quito"):
        vectors = [
            model.network.word(torch.tensor(model.vocabulary.word_id(name)))  # type: ignore[misc]
            for model in (old, new)
        ]
        torch.testing.assert_close(vectors[0], vectors[1], atol=1e-3, rtol=1e-3)  # words not in the rows: float16
    assert new.vocabulary.word_id("Ångström") != new.vocabulary.word_id("unheard-of")
    for table, names in (("char.embedding", "chars"), ("shape", "shapes")):
        weights = [dict(model.network.named_parameters())[f"{table}.weight"] for model in (old, new)]
        known, more = (getattr(model.vocabulary, names) for model in (old, new))
        assert set(known) < set(more)
        for name, row in known.items():
            assert torch.equal(weights[1][more[name]], weights[0][row])
    before, now = old.vocabulary.tag_ids, new.vocabulary.tag_ids
    assert "B-LOC" not in now
    assert "B-SCI" not in before
    for tag in ("O", "S-PER", "B-PER"):
        assert torch.equal(new.network.projection.weight[now[tag]], old.network.projection.weight[before[tag]])
        assert new.network.crf.transitions[now[tag], now["O"]] == old.network.crf.transitions[before[tag], before["O"]]
    assert bool((new.network.crf.transitions[now["S-SCI"]] == 0).all())  # fresh


def test_a_run_starts_where_the_other_ended(tmp_path: Path) -> None:
    data = {"train": str(write_conll(tmp_path / "train.conll", ner_rows(60)))}
    data["dev"] = str(write_conll(tmp_path / "dev.conll", ner_rows(20, seed=1)))
    first = train(
        tiny_config(data=data, training={"epochs": 15, "learning_rate": 0.02, "batch_tokens": 64}),
        output=tmp_path / "a",
    )
    assert first.best_score > 0.9
    barely = {"epochs": 1, "learning_rate": 1e-9, "start": str(tmp_path / "a")}
    second = train(tiny_config(data=data, training=barely), output=tmp_path / "b")
    assert second.best_score == first.best_score
    card = (tmp_path / "b" / "README.md").read_text(encoding="utf-8")
    assert f"The weights began as those of {tmp_path / 'a'}." in card


def test_another_task_takes_all_but_the_tags(start: tuple[Path, Model]) -> None:
    folder, old = start
    new = built(folder, pos_rows(), task="pos")
    for name, value in old.network.encoder.state_dict().items():
        assert torch.equal(new.network.encoder.state_dict()[name], value)
    assert "NOUN" in new.vocabulary.tags


def test_other_sizes_are_refused_by_name(start: tuple[Path, Model]) -> None:
    with pytest.raises(ConfigError, match=r"got 'encoder.hidden_size = 13'. Accepted: 12"):
        built(start[0], ner_rows(), encoder={"hidden_size": 13})
    with pytest.raises(ConfigError, match=r"char\.kind"):
        built(start[0], ner_rows(), char={"kind": "lstm"})


def lm_folder(folder: Path, *, chars: str = "abcdefgh", size: int = 4, seed: int = 0) -> str:
    torch.manual_seed(seed)
    alphabet = Alphabet(["\n", " ", *chars], unit="words")
    LanguageModel(alphabet, CharLanguageModel(len(alphabet), size=size, hidden_size=6)).save(folder)
    return str(folder)


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        ({"size": 5}, r"got 'lm\.model \(width of its characters\) = 5'"),
        ({"chars": "stuvwxyz"}, r"the alphabet of lm\.model must be as in the model"),
        ({"seed": 1}, r"'lm\.model' is another language model than that of training\.start"),
    ],
)
def test_another_language_model_is_refused(tmp_path: Path, other: dict[str, Any], problem: str) -> None:
    tiny_model(ner_rows(), **OLD, lm={"model": lm_folder(tmp_path / "lm")}).save(tmp_path / "start")
    built(tmp_path / "start", ner_rows(), lm={"model": str(tmp_path / "lm")})
    with pytest.raises(ConfigError, match=problem):
        built(tmp_path / "start", ner_rows(), lm={"model": lm_folder(tmp_path / "other", **other)})


def test_a_gazetteer_of_other_labels_is_refused(tmp_path: Path) -> None:
    for name in ("PER", "LOC"):
        (tmp_path / f"{name}.txt").write_text("Ada\nOslo\n")
    tiny_model(ner_rows(), **OLD, gazetteer={"files": [str(tmp_path / "PER.txt")]}).save(tmp_path / "start")
    with pytest.raises(ConfigError, match="the labels of the gazetteer must be as in the model"):
        built(tmp_path / "start", ner_rows(), gazetteer={"files": [str(tmp_path / "LOC.txt")]})


def test_residues_and_words_do_not_mix(tmp_path: Path) -> None:
    tiny_model(task="protein_ss3").save(tmp_path / "chains")
    with pytest.raises(ConfigError, match="reads residues, and the task 'ner' reads words"):
        built(tmp_path / "chains", ner_rows())


def test_chains_start_too(tmp_path: Path) -> None:
    old = tiny_model(task="protein_ss3", char={"kind": "none"}, **OLD)
    old.save(tmp_path / "chains")
    rows = protein_rows(10, seed=2)
    new = built(tmp_path / "chains", rows, task="protein_ss3", char={"kind": "none"})
    assert torch.equal(emissions(new, rows), emissions(old, rows))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such model folder"):
        built(tmp_path / "nothing", ner_rows())
