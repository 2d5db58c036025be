"""A run goes on only as what it was: what differs is shown and refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from bilstm_tagger import ConfigError, train
from bilstm_tagger.training.checkpoint import differences
from bilstm_tagger.training.output import hold_folder
from tests.killed import Killed, config_of, fingerprint, kill_after, stopped
from tests.tiny import ner_rows, write_conll


def test_what_changed_is_shown_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, folder = stopped(tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match=r"training\.epochs: 4 -> 5.*start anew without --resume"):
        train(config_of(tmp_path, {"epochs": 5}), output=folder, progress=False, resume=True)
    write_conll(tmp_path / "train.conll", ner_rows(41))
    with pytest.raises(ConfigError, match=r"data\.train: '\w+' -> '\w+'"):
        train(config_of(tmp_path, {}), output=folder, progress=False, resume=True)


def test_a_renamed_label_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    for name in ("train", "dev"):
        path = tmp_path / f"{name}.conll"
        path.write_text(path.read_text().replace("-PER", "-ZZZ"))
    with pytest.raises(ConfigError, match=r"data\.dev: '\w+' -> '\w+'; data\.train: '\w+' -> '\w+'\. "):
        train(config, output=folder, progress=False, resume=True)


def test_other_fixed_weights_are_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("".join(f"{word} 0.1 0.2 0.3\n" for word in ("Ada", "Oslo", "unseen")))
    config = config_of(tmp_path, {}, word={"vectors": str(vectors)})
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            train(config, output=tmp_path / "run", progress=False)
    vectors.write_text(vectors.read_text().replace("unseen 0.1", "unseen 0.9"))
    with pytest.raises(ConfigError, match=r"something changed: sources\.word\.vectors: '\w+' -> '\w+'\. "):
        train(config, output=tmp_path / "run", progress=False, resume=True)


def test_another_start_is_a_change_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = config_of(tmp_path, {"epochs": 1})
    train(first, output=tmp_path / "first", progress=False)
    config = config_of(tmp_path, {"start": str(tmp_path / "first")})
    with monkeypatch.context() as patch:
        kill_after(patch, 3)
        with pytest.raises(Killed):
            train(config, output=tmp_path / "run", progress=False)
    train(first.model_copy(update={"seed": 9}), output=tmp_path / "first", progress=False)
    with pytest.raises(ConfigError, match=r"something changed: sources\.training\.start: '\w+' -> '\w+'\. "):
        train(config, output=tmp_path / "run", progress=False, resume=True)


def test_another_release_is_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, folder = stopped(tmp_path, monkeypatch)
    monkeypatch.setattr("bilstm_tagger.__version__", "9.9")
    with pytest.raises(ConfigError, match=r"versions\.bilstm-tagger: '\S+' -> '9\.9'"):
        train(config, output=folder, progress=False, resume=True)


def test_another_configuration_starts_anew_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _, folder = stopped(tmp_path, monkeypatch)
    other = config_of(tmp_path, {"learning_rate": 0.01})
    train(other, output=folder, progress=False)
    assert "starting anew" in caplog.text
    train(other, output=tmp_path / "whole", progress=False)
    assert fingerprint(folder) == fingerprint(tmp_path / "whole")


@pytest.mark.parametrize("wrong", [{"freeze": ["wrod"]}, {"rates": {"wrod": 1.0}}])
def test_a_refused_configuration_costs_no_earlier_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    config, folder = stopped(tmp_path, monkeypatch, count=9)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(ConfigError, match="wrod"):
        train(config_of(tmp_path, wrong), output=folder, progress=False)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    train(config, output=folder, progress=False, resume=True)


@pytest.mark.parametrize("name", ["README.md", "config.json", "model.safetensors"])
def test_files_of_others_are_not_overwritten(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / name).write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match=rf"training would overwrite: {name}\. Name another folder"):
        train(config_of(tmp_path, {"epochs": 1}), output=folder, progress=False)
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_text() == '{"model_type": "bert"}'


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of folders")
def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    config, folder = config_of(tmp_path, {}), tmp_path / "run"

    def meanwhile(record: dict[str, Any]) -> bool:
        with pytest.raises(BlockingIOError, match=f"another process is writing into {folder}"):
            train(config, output=folder, progress=False)
        return False

    assert train(config, output=folder, progress=False, on_epoch=meanwhile).epochs == 4


@pytest.mark.skipif(sys.platform == "win32", reason="there are no locks of folders")
def test_a_refused_process_leaves_the_folder_to_the_other(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "one"
    with hold_folder(folder):
        for _ in range(2):
            with pytest.raises(BlockingIOError), hold_folder(folder):
                pass
            assert folder.exists()
    assert not folder.parent.exists()


def test_only_folders_that_a_refused_run_made_are_removed(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="wrod"):
        train(config_of(tmp_path, {"freeze": ["wrod"]}), output=tmp_path / "mine", progress=False)
    assert (tmp_path / "mine").exists()
    with pytest.raises(ConfigError, match="wrod"):
        train(config_of(tmp_path, {"freeze": ["wrod"]}), output=tmp_path / "runs" / "new", progress=False)
    assert not (tmp_path / "runs").exists()


def test_a_model_is_replaced_with_or_without_its_record(tmp_path: Path) -> None:
    config, folder = config_of(tmp_path, {"epochs": 1}), tmp_path / "run"
    train(config, output=folder, progress=False)
    (folder / "run.json").unlink()
    train(config, output=folder, progress=False)
    (folder / "config.json").write_text("torn")
    assert train(config, output=folder, progress=False).report is not None


def test_nothing_to_resume_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no unfinished run in"):
        train(config_of(tmp_path, {}), output=tmp_path / "run", progress=False, resume=True)
    train(config_of(tmp_path, {"epochs": 1}), output=tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match=r"is finished.*train anew without --resume"):
        train(config_of(tmp_path, {"epochs": 1}), output=tmp_path / "run", progress=False, resume=True)


def test_differences_name_the_leaves() -> None:
    old = {"a": {"b": 1, "c": 2}, "d": [1]}
    assert differences(old, {"a": {"b": 1, "c": 3}, "d": [1, 2]}) == ["a.c: 2 -> 3", "d: [1] -> [1, 2]"]
    assert differences(old, old) == []
    assert differences(old, {"a": {"b": 1, "c": 2}}) == ["d: [1] -> None"]
    # What follows from the rest is named where nothing else differs.
    encoded = {**old, "encoded": {"train": "a"}}
    assert differences(encoded, {**old, "encoded": {"train": "b"}}) == ["encoded.train: 'a' -> 'b'"]
    assert differences(encoded, {**old, "d": [2], "encoded": {"train": "b"}}) == ["d: [1] -> [2]"]
