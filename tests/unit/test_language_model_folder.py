"""A language model as a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from bilstm_tagger.errors import ModelError
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.inference.language_model import LanguageModel
from bilstm_tagger.nn.char_lm import CharLanguageModel


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    alphabet = Alphabet(["\n", "a", "é", "🙂"], unit="residues")
    LanguageModel(alphabet, CharLanguageModel(len(alphabet), size=3, hidden_size=4), {"x": 1}).save(tmp_path)
    return tmp_path


def change(folder: Path, **values: Any) -> None:
    path = folder / "lm.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | values), encoding="utf-8")


def test_what_is_saved_is_loaded(folder: Path, tmp_path: Path) -> None:
    first = LanguageModel.load(folder)
    first.save(tmp_path / "again")
    second = LanguageModel.load(tmp_path / "again")
    assert second.alphabet.chars == ("\n", "a", "é", "🙂")
    assert second.alphabet.unit == "residues"
    assert second.facts == {"x": 1}
    for name, value in first.network.state_dict().items():
        assert torch.equal(second.network.state_dict()[name], value)
    assert len({path.stat().st_mode for path in folder.glob("lm.*")}) == 1
    assert {path.name for path in folder.iterdir()} == {"lm.json", "lm.safetensors", "again"}


@pytest.mark.parametrize("name", ["lm.json", "lm.safetensors"])
def test_a_folder_without_a_language_model_is_told(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ModelError, match=r"no character language model in .*pretrain-lm"):
        LanguageModel.load(folder)


def test_another_format_version_is_told(folder: Path) -> None:
    change(folder, format_version=99)
    with pytest.raises(ModelError, match=r"another format version: got 99\. Accepted: 1"):
        LanguageModel.load(folder)


@pytest.mark.parametrize("text", ["", "[]", "{}", "\x00"])
def test_a_damaged_description_is_told(folder: Path, text: str) -> None:
    (folder / "lm.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"cannot read .*lm\.json"):
        LanguageModel.load(folder)


@pytest.mark.parametrize("values", [{"hidden_size": 5}, {"chars": ["\n"]}, {"chars": 3}, {"size": None}])
def test_weights_that_do_not_fit_are_told(folder: Path, values: dict[str, Any]) -> None:
    change(folder, **values)
    with pytest.raises(ModelError, match="is damaged"):
        LanguageModel.load(folder)


def test_torn_weights_are_told(folder: Path) -> None:
    path = folder / "lm.safetensors"
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ModelError, match="is damaged"):
        LanguageModel.load(folder)
