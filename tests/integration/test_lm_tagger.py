"""Taggers that build on a language model."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch

from bilstm_tagger import Config, Tagger, train
from bilstm_tagger.cache_folder import cache_folder
from bilstm_tagger.errors import ConfigError, ModelError
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.inference import Model
from bilstm_tagger.inference import lm_states as lm_states_module
from bilstm_tagger.inference.decoding import decode_rows, to_batch
from bilstm_tagger.inference.language_model import LanguageModel
from bilstm_tagger.nn.char_lm import CharLanguageModel
from bilstm_tagger.split_rules import Kind
from bilstm_tagger.training.parts import encode_part
from tests.tiny import ner_rows, protein_rows, tiny_config, tiny_model, write_conll

VARIANTS: dict[str, dict[str, Any]] = {
    "frozen": {},
    "projected": {"projection": 5, "dropout": 0.2},
    "fine-tuned": {"fine_tune": True},
}


def language_model(folder: Path, *, unit: Kind = "words") -> str:
    """An untrained language model of printable ASCII."""
    torch.manual_seed(5)
    alphabet = Alphabet(["\n", *map(chr, range(32, 127))], unit=unit)
    LanguageModel(alphabet, CharLanguageModel(len(alphabet), size=8, hidden_size=16)).save(folder)
    return str(folder)


def model_with(tmp_path: Path, variant: str, **changes: Any) -> Model:
    return tiny_model(lm={"model": language_model(tmp_path / "lm"), **VARIANTS[variant]}, **changes)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_tagger_is_trained_and_is_whole_without_the_language_model(tmp_path: Path, variant: str) -> None:
    files = {part: str(write_conll(tmp_path / part, ner_rows(40, seed=index))) for index, part in enumerate(("a", "b"))}
    config = tiny_config(
        data={"train": files["a"], "dev": files["b"]},
        word={"size": 0},
        char={"kind": "none"},
        lm={"model": language_model(tmp_path / "lm"), **VARIANTS[variant]},
        training={"epochs": 8, "learning_rate": 0.02, "batch_sequences": 4},
    )
    result = train(config, output=tmp_path / "run", progress=False)
    # Without words and characters, all that is known of a token is what the language model says.
    assert result.best_score > 0.4
    shutil.rmtree(tmp_path / "lm")
    tagger = Tagger.from_pretrained(tmp_path / "run")
    strict = tagger.evaluate(files["b"]).strict
    assert strict is not None
    assert strict.micro.f1 == pytest.approx(result.best_score)


@pytest.mark.parametrize("variant", VARIANTS)
def test_saved_models_are_the_same_after_loading(tmp_path: Path, variant: str) -> None:
    model = model_with(tmp_path, variant)
    model.save(tmp_path / "model")
    loaded = Model.load(tmp_path / "model")
    assert loaded.vocabulary.alphabet is not None
    assert model.vocabulary.alphabet is not None
    assert loaded.vocabulary.alphabet.chars == model.vocabulary.alphabet.chars
    assert loaded.network.sizes == model.network.sizes
    for name, value in model.network.state_dict().items():
        assert torch.equal(loaded.network.state_dict()[name], value), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_a_fine_tuned_language_model_is_trained(tmp_path: Path, variant: str) -> None:
    model = model_with(tmp_path, variant)
    rows = encode_part(model, datasets.Dataset.from_list(ner_rows(6)), "rows")
    assert (rows.lm_states is None) == (variant == "fine-tuned")
    model.network.train()
    model.network.log_likelihood(to_batch(rows.batch([0, 1, 2]))).sum().backward()
    for name, parameter in model.network.named_parameters():
        reader = name.startswith(("lm.ahead.", "lm.back."))
        assert (parameter.grad is not None) == (not reader or variant == "fine-tuned"), name
        assert parameter.grad is None or bool(parameter.grad.any()), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_sentences_are_tagged_alike_in_a_batch_and_alone(tmp_path: Path, variant: str) -> None:
    tagger = Tagger(model_with(tmp_path, variant))
    sentences = [row["tokens"] for row in ner_rows(12)] + [["é" * 70, "", "\U0001f642"], [" "], ["a\nb", "\ud800"]]
    together = tagger.tag_batch(sentences, probabilities=True)
    for tokens, doc in zip(sentences, together, strict=True):
        alone = tagger.tag(tokens, probabilities=True)
        assert alone.tags == doc.tags
        np.testing.assert_allclose(alone.probabilities, doc.probabilities, atol=2e-3)
    assert tagger.tag([]).tags == []


def test_cached_states_are_those_of_tagging_and_are_computed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_with(tmp_path, "frozen")
    data = datasets.Dataset.from_list([*ner_rows(10), {"id": "empty", "tokens": [], "tags": []}])
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path / "cache"))
    rows = encode_part(model, data, "rows")
    uncached = lm_states_module.replace(rows, lm_states=None)
    network, (cached, computed) = model.network, (to_batch(part.batch(range(10))) for part in (rows, uncached))
    tokens = cached.forms > 0
    assert bool(network.lm_states(cached)[tokens].any())
    torch.testing.assert_close(network.lm_states(computed)[tokens], network.lm_states(cached)[tokens])
    torch.testing.assert_close(network.emissions(computed)[tokens], network.emissions(cached)[tokens])
    assert [path.tolist() for path in decode_rows(model.network, rows)] == [
        path.tolist() for path in decode_rows(model.network, uncached)
    ]
    monkeypatch.setattr(lm_states_module, "_compute", None)
    again = encode_part(model, data, "rows")
    assert again.lm_states is not None
    assert rows.lm_states is not None
    np.testing.assert_array_equal(again.lm_states, rows.lm_states)
    assert len(list(cache_folder().iterdir())) == 1


def test_other_weights_have_other_states(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path / "cache"))
    model = model_with(tmp_path, "frozen")
    data = datasets.Dataset.from_list(ner_rows(3))
    first = encode_part(model, data, "rows").lm_states
    assert model.network.lm is not None
    with torch.no_grad():
        model.network.lm.back.embedding.weight.mul_(2.0)
    second = encode_part(model, data, "rows").lm_states
    assert first is not None
    assert second is not None
    assert not np.array_equal(first, second)


def test_without_a_writable_cache_states_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model, data = model_with(tmp_path, "frozen"), datasets.Dataset.from_list(ner_rows(3))
    kept = encode_part(model, data, "rows").lm_states
    (tmp_path / "file").touch()
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path / "file"))
    np.testing.assert_array_equal(encode_part(model, data, "rows").lm_states, kept)
    assert [message.split(" (")[0] for message in caplog.messages if "memory" in message] == [
        "cannot write to the cache, so the language model's states stay in memory"
    ]


@pytest.mark.parametrize("when", ["before", "on the way"])
def test_a_disk_that_fills_up_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, when: str
) -> None:
    model, data = model_with(tmp_path, "frozen"), datasets.Dataset.from_list(ner_rows(3))
    kept = encode_part(model, data, "rows").lm_states

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path / "cache"))
    if when == "before":
        monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    else:
        monkeypatch.setattr(lm_states_module, "_digest", full)
    np.testing.assert_array_equal(encode_part(model, data, "rows").lm_states, kept)
    assert "No space left on device" in caplog.text
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:60],
        lambda content: content[:-1],
        lambda content: content + b"0",
        lambda content: bytes(len(content) - 16) + content[-16:],
    ],
)
def test_damaged_states_are_computed_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[bytes], bytes]
) -> None:
    monkeypatch.setenv("BILSTM_TAGGER_CACHE", str(tmp_path / "cache"))
    model, data = model_with(tmp_path, "frozen"), datasets.Dataset.from_list(ner_rows(3))
    whole = np.array(encode_part(model, data, "rows").lm_states)
    [file] = cache_folder().iterdir()
    content = file.read_bytes()
    file.write_bytes(damage(content))
    np.testing.assert_array_equal(encode_part(model, data, "rows").lm_states, whole)
    assert file.read_bytes() == content


def test_proteins_have_language_models_of_residues(tmp_path: Path) -> None:
    lm = language_model(tmp_path / "lm", unit="residues")
    tagger = Tagger(tiny_model(protein_rows(5), task="protein_ss3", lm={"model": lm}))
    assert len(tagger.tag("MKTAYIAK").tags) == 8


@pytest.mark.parametrize(("unit", "task"), [("residues", "ner"), ("words", "protein_ss3")])
def test_a_language_model_of_other_units_is_refused(tmp_path: Path, unit: Kind, task: str) -> None:
    with pytest.raises(ConfigError, match=r"the language model .* reads .*Pretrain one with: .*--unit"):
        tiny_model(task=task, lm={"model": language_model(tmp_path / "lm", unit=unit)})


def test_a_language_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no character language model in"):
        tiny_model(lm={"model": str(tmp_path / "none")})


def test_the_folder_is_found_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "lm").mkdir()
    path = tmp_path / "a.toml"
    path.write_text('task = "ner"\n[lm]\nmodel = "lm"\n', encoding="utf-8")
    assert Config.load(path).lm.model == str(tmp_path / "lm")


def test_an_alphabet_that_does_not_fit_the_weights_is_told(tmp_path: Path) -> None:
    model_with(tmp_path, "frozen").save(tmp_path / "model")
    path = tmp_path / "model" / "vocab.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"~"', '"~", "¡"'), encoding="utf-8")
    with pytest.raises(ModelError, match="characters of the language model"):
        Model.load(tmp_path / "model")
