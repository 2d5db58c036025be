"""A model as a folder: what it holds, what comes back, and what is said when something is wrong with it."""

from __future__ import annotations

import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import tiny_model

from bilstm_tagger.errors import ConfigError, ModelError
from bilstm_tagger.inference import Model, Tagger
from bilstm_tagger.inference import model as model_module

NEEDED = ("config.json", "tokenizer.json", "vocab.json", "model.safetensors")
FILES = {*NEEDED, "tokenizer_config.json", "metrics.json", "README.md"}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "saved"
    model = tiny_model(shape={"size": 4})
    model.metrics = {"dev": {"metric": 0.5, "name": "f1"}}
    model.save(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "model"))


def refused(folder: Path) -> str:
    """Loads, by both doors; returns what is said."""
    with pytest.raises(ModelError) as caught:
        Tagger.from_pretrained(folder)
    text = str(caught.value)
    assert "\n" not in text
    assert str(folder) in text
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    return text


def change(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    path.write_text(json.dumps(value), encoding="utf-8")


def test_the_folder_holds_text_and_safetensors_only(saved: Path) -> None:
    assert {file.name for file in saved.iterdir()} == FILES
    assert load_file(saved / "model.safetensors")
    for file in saved.iterdir():
        assert file.suffix in {".json", ".safetensors", ".md"}
        assert file.stat().st_mode & stat.S_IRUSR
        if file.suffix == ".json":
            json.loads(file.read_text(encoding="utf-8"))
    assert json.loads((saved / "config.json").read_text())["format_version"] == model_module.FORMAT_VERSION


def test_all_files_have_the_same_permissions(saved: Path) -> None:
    assert len({stat.S_IMODE(file.stat().st_mode) for file in saved.iterdir()}) == 1


def test_what_was_saved_comes_back(saved: Path) -> None:
    model, again = tiny_model(shape={"size": 4}), Model.load(saved)
    assert again.config == model.config
    assert again.vocabulary.words == model.vocabulary.words
    assert (again.vocabulary.chars, again.vocabulary.shapes) == (model.vocabulary.chars, model.vocabulary.shapes)
    assert (again.vocabulary.tags, again.vocabulary.scheme) == (model.vocabulary.tags, model.vocabulary.scheme)
    assert again.network.sizes == model.network.sizes
    assert again.metrics == {"dev": {"metric": 0.5, "name": "f1"}}
    assert again.tokenizer == "words"
    assert not again.network.training
    ours, theirs = model.network.state_dict(), again.network.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert torch.equal(model.network.crf.legal_transitions, again.network.crf.legal_transitions)


def test_saving_again_writes_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    Model.load(saved).save(tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes(), name


def test_the_card_says_what_it_is(saved: Path) -> None:
    card = (saved / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: bilstm-tagger\npipeline_tag: token-classification\n")
    assert "Labels: LOC, PER." in card
    assert "| dev | held out from the training part | 0.5000 |" in card
    assert '"hidden_size": 12' in card


def test_a_folder_without_metrics_is_complete(folder: Path) -> None:
    for name in ("metrics.json", "README.md", "tokenizer_config.json"):
        (folder / name).unlink()
    assert Model.load(folder).metrics == {}


def test_a_missing_folder(tmp_path: Path) -> None:
    text = refused(tmp_path / "nothing")
    assert text.startswith("no such model folder: ")
    assert text.endswith("Train one with: bilstm-tagger train CONFIG.toml.")


def test_a_file_in_place_of_the_folder(folder: Path) -> None:
    assert refused(folder / "config.json").startswith("no such model folder: ")


@pytest.mark.parametrize("name", NEEDED)
def test_each_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"is not a complete model folder: {name} missing" in refused(folder)


def test_several_missing_files_are_named_together(folder: Path) -> None:
    (folder / "vocab.json").unlink()
    (folder / "model.safetensors").unlink()
    assert "vocab.json, model.safetensors missing" in refused(folder)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_format_version(folder: Path, version: object) -> None:
    change(folder / "config.json", lambda config: config.update(format_version=version, library_version="9.9"))
    text = refused(folder)
    assert "has another format version" in text
    assert "Accepted: 1." in text
    assert "written by bilstm-tagger 9.9: install a release that reads it" in text


@pytest.mark.parametrize("keep", [0, 4, 100, -1])
def test_torn_weights(folder: Path, keep: int) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:keep])
    assert "is damaged: SafetensorError: " in refused(folder)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "vocab.json", "metrics.json"])
@pytest.mark.parametrize("content", [b"", b'{"a": ', b"\xff\xfe", b"[1, 2]", b"null"])
def test_files_that_are_no_json_objects_are_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    text = refused(folder)
    assert name in text
    assert "cannot read" in text or "does not hold a JSON object" in text


@pytest.mark.parametrize(
    "edit",
    [
        lambda weights: weights.update({"projection.weight": torch.zeros(2, 2)}),
        lambda weights: weights.pop("projection.weight"),
        lambda weights: weights.update({"another.weight": torch.zeros(2)}),
        lambda weights: weights.clear(),
    ],
    ids=["shape", "missing", "unknown", "none"],
)
def test_weights_that_do_not_fit(folder: Path, edit: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors")
    text = refused(folder)
    assert "is damaged: RuntimeError: " in text
    assert len(text) < 500


@pytest.mark.parametrize(
    ("name", "edit", "problem"),
    [
        ("config.json", lambda value: value.pop("sizes"), "KeyError: 'sizes'"),
        ("config.json", lambda value: value.pop("tokenizer"), "KeyError: 'tokenizer'"),
        ("config.json", lambda value: value.pop("training"), "KeyError: 'training'"),
        ("config.json", lambda value: value["sizes"].pop("num_tags"), "TypeError: "),
        ("config.json", lambda value: value["sizes"].update(hidden=3), "TypeError: "),
        ("config.json", lambda value: value.update(sizes=None), "TypeError: "),
        ("config.json", lambda value: value["tags"].pop(), "ValueError: 8 tags for weights of 9"),
        ("config.json", lambda value: value.update(scheme="XYZ"), "ConfigError: unknown tag scheme: got 'XYZ'"),
        ("config.json", lambda value: value["training"].update(task="dreams"), "unknown task: got 'dreams'"),
        ("config.json", lambda value: value["training"].update(new=1), "config.json: unknown key 'new'"),
        ("vocab.json", lambda value: value["chars"].pop(), "chars for weights of"),
        ("vocab.json", lambda value: value["shapes"].append("?"), "shapes for weights of"),
        ("vocab.json", lambda value: value.pop("shapes"), "KeyError: 'shapes'"),
        ("tokenizer.json", lambda value: value["model"]["vocab"].popitem(), "words for weights of"),
        ("tokenizer.json", lambda value: value.pop("model"), "KeyError: 'model'"),
    ],
)
def test_files_that_do_not_belong_together(
    folder: Path, name: str, edit: Callable[[dict[str, Any]], object], problem: str
) -> None:
    change(folder / name, edit)
    text = refused(folder)
    assert "is damaged: " in text
    assert problem in text


def test_a_device_that_is_not_there_is_no_damage(folder: Path) -> None:
    for device in ("tpu3", "xpu:9"):
        with pytest.raises(ConfigError, match=f"this device cannot be used .*: got '{device}'. Accepted: cpu, cuda"):
            Tagger.from_pretrained(folder, device=device)


def test_a_write_that_fails_leaves_the_old_folder_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def no_space(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(model_module, "save_file", no_space)
    with pytest.raises(OSError, match="No space left"):
        tiny_model(seed=5, shape={"size": 4}).save(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
