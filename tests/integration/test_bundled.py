"""The models that come with the package work right after installation, without files or a network."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path

import pytest

from bilstm_tagger import ModelError, Tagger, load_rows
from bilstm_tagger.inference.bundled import bundled_folder, bundled_names
from tests.tiny import tiny_tagger
from tests.unit.cli_helpers import run

TOP7 = "MGDIQVQVNIDDNGKNFDYTYTVTTESELQKVLNELMDYIKKQGAKRVRISITARTKKEAEKFAAILIKVFAELGYNDINVTFDGDTVTVEGQL"


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was called")

    monkeypatch.setattr(socket, "socket", refuse)


def test_their_names() -> None:
    assert bundled_names() == ("protein-ss3", "protein-ss8")
    assert bundled_folder("protein-ss4") is None


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(("name", "states"), [("protein-ss3", 3), ("protein-ss8", 8)])
def test_they_tag_without_a_network(name: str, states: int) -> None:
    doc = Tagger.from_pretrained(name).tag(TOP7)
    assert doc.probabilities is not None
    assert doc.probabilities.shape == (len(TOP7), states)
    assert {span.label for span in doc.spans} >= {"H", "E"}


@pytest.mark.parametrize(("name", "least"), [("protein-ss3", 0.72), ("protein-ss8", 0.70)])
def test_q3_on_chains_that_training_never_saw(name: str, least: float) -> None:
    # NEW364 has no homolog at 25 % identity in either training set; states of eight are mapped to three.
    rows = load_rows("builtin:flip/test", task="protein_ss3")
    report = Tagger.from_pretrained(name).evaluate(rows)
    assert report.metric("q3") > least


def test_a_folder_of_the_same_name_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_tagger().save_pretrained(tmp_path / "protein-ss3")
    monkeypatch.chdir(tmp_path)
    assert Tagger.from_pretrained("protein-ss3").task.name == "ner"


def test_a_mistyped_name_is_told_the_right_one() -> None:
    with pytest.raises(ModelError, match=r"protein-ss3, protein-ss8\. Did you mean 'protein-ss3'\?"):
        Tagger.from_pretrained("protein_ss3")


def test_the_command_writes_what_psipred_writes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(f">1QYS\n{TOP7}\n".encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    assert run("tag", "protein-ss3", "-", "--output-format", "ss2", "--quiet") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# PSIPRED VFORMAT")
    assert [line.split()[1] for line in lines[2:]] == list(TOP7)


@pytest.mark.parametrize("name", ["protein-ss3", "protein-ss8"])
def test_they_say_where_they_come_from_and_name_no_folder_of_a_machine(name: str) -> None:
    folder = bundled_folder(name)
    assert folder is not None
    assert "Licence" in (folder / "SOURCE.txt").read_text(encoding="utf-8")
    for file in (*folder.glob("*.json"), *folder.glob("*.md")):
        assert '"/' not in file.read_text(encoding="utf-8")
