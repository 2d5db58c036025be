"""Several models that tag together: one is itself, and several are the mean that enumeration gives."""

from __future__ import annotations

import itertools
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bilstm_tagger import ModelError, Tagger
from bilstm_tagger.inference import Model
from bilstm_tagger.inference.scorer import NetworkScorer
from tests.tiny import ner_rows, protein_rows, tiny_model
from tests.unit.cli_helpers import run

SENTENCES = [row["tokens"] for row in ner_rows(6, seed=9)] + [["Ada"], []]


def members() -> list[Model]:
    """Models of the same tags that share little else."""
    return [
        tiny_model(seed=1),
        tiny_model(seed=2, encoder={"kind": "gru", "hidden_size": 5}),
        tiny_model(ner_rows(60, seed=3), seed=3, char={"kind": "none"}, shape={"size": 4}),
    ]


def same(one: Tagger, other: Tagger, items: list[Any]) -> None:
    for left, right in zip(
        one.tag_batch(items, probabilities=True), other.tag_batch(items, probabilities=True), strict=True
    ):
        assert left.tags == right.tags
        assert [(span.label, span.start, span.end) for span in left.spans] == [
            (span.label, span.start, span.end) for span in right.spans
        ]
        assert [span.score for span in left.spans] == pytest.approx([span.score for span in right.spans], abs=1e-5)
        assert left.score == pytest.approx(right.score, abs=1e-5)
        np.testing.assert_allclose(left.probabilities, right.probabilities, atol=1e-5)


def log_probabilities(model: Model, tokens: list[str]) -> dict[tuple[int, ...], float]:
    """The log-probability of each tag sequence, by the CRF's likelihood of one after the other."""
    scorer = NetworkScorer(model.network, model.vocabulary)
    emissions, _ = scorer.emissions([tokens], np.array([len(tokens)]))
    paths = list(itertools.product(range(len(model.vocabulary.tags)), repeat=len(tokens)))
    tags = torch.tensor(paths).T  # (seq_len, num_paths)
    with torch.no_grad():
        scores = model.network.crf(emissions.expand(-1, len(paths), -1).double(), tags, reduction="none")
    return dict(zip(paths, scores.tolist(), strict=True))


def test_an_ensemble_of_one_is_the_model_itself() -> None:
    model = tiny_model(seed=4)
    same(Tagger([model]), Tagger(model), SENTENCES)
    assert Tagger([model]).models == Tagger(model).models


def test_an_ensemble_of_a_model_with_itself_is_the_model() -> None:
    model = tiny_model(seed=4)
    same(Tagger([model, model]), Tagger(model), SENTENCES)


def test_probabilities_are_the_geometric_mean_of_all_sequences() -> None:
    models = members()
    tokens = ["Ada", "met", "Alan"]
    tables = [log_probabilities(model, tokens) for model in models]
    mean = {path: sum(table[path] for table in tables) / len(models) for path in tables[0]}
    weights = {path: np.exp(value) for path, value in mean.items()}
    total = sum(weights.values())
    best = max(weights, key=weights.__getitem__)
    doc = Tagger(models).tag(tokens, probabilities=True)
    assert doc.score == pytest.approx(weights[best] / total, rel=1e-4)
    for place, tag in itertools.product(range(3), range(len(models[0].vocabulary.tags))):
        expected = sum(weight for path, weight in weights.items() if path[place] == tag) / total
        assert doc.probabilities is not None
        assert doc.probabilities[place, tag] == pytest.approx(expected, abs=1e-5)


def test_all_ways_of_tagging_agree() -> None:
    tagger = Tagger(members())
    docs = tagger.tag_batch(SENTENCES)
    assert tagger.tag_words(SENTENCES) == [doc.tags for doc in docs]
    assert [doc.tags for doc in tagger.stream(iter(SENTENCES))] == [doc.tags for doc in docs]
    assert [doc.tags for doc in Tagger(members(), threads=2).tag_batch(SENTENCES)] == [doc.tags for doc in docs]
    same(pickle.loads(pickle.dumps(tagger)), tagger, SENTENCES)


def test_a_folder_holds_all_members(tmp_path: Path) -> None:
    tagger = Tagger(members())
    tagger.save_pretrained(tmp_path / "all")
    again = Tagger.from_pretrained(tmp_path / "all")
    assert len(again.models) == 3
    same(again, tagger, SENTENCES)
    folders = [tmp_path / "all" / f"member-{number}" for number in (1, 2, 3)]
    same(Tagger.from_pretrained(folders), tagger, SENTENCES)
    # An ensemble among others is each of its members.
    assert len(Tagger.from_pretrained([tmp_path / "all", folders[0]]).models) == 4


@pytest.mark.parametrize("decoding", ["viterbi", "marginal"])
def test_proteins(decoding: str) -> None:
    models = [tiny_model(task="protein_ss3", seed=seed, crf={"decoding": decoding}) for seed in (1, 2)]
    chain = "".join(protein_rows(1, seed=5)[0]["tokens"])
    doc = Tagger(models).tag(chain)
    assert doc.probabilities is not None
    assert len(doc.tags) == len(chain)
    if decoding == "marginal":
        assert [models[0].vocabulary.tags[index] for index in doc.probabilities.argmax(axis=1)] == doc.tags


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: tiny_model(task="pos"), "model 2 has another task: got 'pos'. Accepted: ner"),
        (lambda: tiny_model([{"id": "0", "tokens": ["Oslo"], "tags": ["B-LOC"]}]), "model 2 has another tag set"),
        (lambda: tiny_model(crf={"scheme": "IOB2"}), "model 2 has another tag set"),
        (lambda: tiny_model(crf={"constraints": False}), r"model 2 has another crf\.constraints: got False"),
        (lambda: tiny_model(data={"tokenizer": "whitespace"}), "model 2 has another tokenizer: got 'whitespace'"),
    ],
)
def test_models_that_do_not_go_together_are_refused(other: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        Tagger([tiny_model(), other()])


def test_no_model_is_no_ensemble() -> None:
    with pytest.raises(ModelError, match="needs at least one model"):
        Tagger([])


def test_a_damaged_ensemble_is_named(tmp_path: Path) -> None:
    Tagger(members()[:2]).save_pretrained(tmp_path)
    path = tmp_path / "ensemble.json"
    text = path.read_text(encoding="utf-8")
    for content, message in (
        ("{", "ensemble.json is damaged: JSONDecodeError"),
        ("[]", "ensemble.json is damaged: TypeError"),
        (json.dumps(json.loads(text) | {"format_version": 9}), "has another format version: got 9"),
        (text.replace("member-2", "member-7"), "no such model folder: .*member-7"),
    ):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ModelError, match=message):
            Tagger.from_pretrained(tmp_path)


def test_a_model_is_not_hidden_by_an_ensemble(tmp_path: Path) -> None:
    models = members()[:2]
    Tagger(models[0]).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="holds a model, which an ensemble would hide"):
        Tagger(models).save_pretrained(tmp_path)


def test_a_smaller_ensemble_leaves_no_member_of_the_larger_one(tmp_path: Path) -> None:
    models = members()
    Tagger(models).save_pretrained(tmp_path)
    models[0].save(tmp_path / "member-4")  # not of this ensemble
    (tmp_path / "notes").mkdir()
    Tagger(models[:2]).save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ensemble.json", "member-1", "member-2", "member-4", "notes"}
    same(Tagger.from_pretrained(tmp_path), Tagger(models[:2]), SENTENCES)


def test_only_what_is_a_member_is_deleted(tmp_path: Path) -> None:
    models = members()
    folder = tmp_path / "all"
    Tagger(models).save_pretrained(folder)
    models[0].save(tmp_path / "elsewhere")
    (folder / "member-3" / "config.json").unlink()
    path = folder / "ensemble.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(values | {"members": ["../elsewhere", "member-3"]}), encoding="utf-8")
    Tagger(models[:2]).save_pretrained(folder)
    assert (tmp_path / "elsewhere" / "config.json").exists()
    assert (folder / "member-3").exists()


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = []
    for number, model in enumerate(members()):
        model.save(tmp_path / str(number))
        folders.append(tmp_path / str(number))
    assert run("ensemble", *folders, "--output", tmp_path / "all") == 0
    assert capsys.readouterr().out == f"Ensemble of 3 models: {tmp_path / 'all'}\n"
    text = tmp_path / "text.txt"
    text.write_text("Ada met Alan in Oslo .\n")
    assert run("tag", tmp_path / "all", text) == 0
    assert run("ensemble", *folders, "--output", folders[0]) == 2
    assert "would hide" in capsys.readouterr().err
    assert run("ensemble", folders[0], "--output", tmp_path / "one") == 2
    assert "an ensemble needs at least two models" in capsys.readouterr().err
    assert not (tmp_path / "one").exists()
    # An ensemble's folder holds several.
    assert run("ensemble", tmp_path / "all", "--output", tmp_path / "copy") == 0
