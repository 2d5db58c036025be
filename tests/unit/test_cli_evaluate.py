"""``bilstm-tagger evaluate``: the report on standard output, as JSON where asked for, whole or not at all."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import tiny
from cli_helpers import run

from bilstm_tagger.errors import DataError


class FakeTagger:
    """Records what it is asked to score."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, dict[str, object]]] = []

    def evaluate(self, source: str, split: str = "test", **options: object) -> SimpleNamespace:
        self.calls.append((source, split, options))
        if source == "bad.conll":
            raise DataError("wrong number of columns", path=source, line=3, received=1, accepted="2")
        figures = {"task": "ner", "accuracy": 0.75, "note": "Zoë"}
        return SimpleNamespace(
            to_text=lambda details: "all the tables" if details else "accuracy 75.0", to_dict=lambda: figures
        )


@pytest.fixture
def tagger(monkeypatch: pytest.MonkeyPatch) -> FakeTagger:
    fake = FakeTagger()
    monkeypatch.setattr("bilstm_tagger.inference.Tagger", SimpleNamespace(from_pretrained=lambda folder, **where: fake))
    return fake


def test_the_report_is_printed_and_options_not_given_are_left_to_the_model(tagger, capsys) -> None:
    assert run("evaluate", "model", "--data", "builtin:wnut17/test") == 0
    assert capsys.readouterr().out == "accuracy 75.0\n"
    assert tagger.calls == [("builtin:wnut17/test", "test", {})]


def test_details_are_printed_where_asked_for(tagger, capsys) -> None:
    assert run("evaluate", "model", "--data", "x", "--details") == 0
    assert capsys.readouterr().out == "all the tables\n"


def test_a_model_of_eight_states_is_compared_on_gold_of_three(capsys) -> None:
    data = ("--data", "builtin:flip/dev", "--quiet")
    assert run("evaluate", "protein-ss3", *data, "--against", "protein-ss8") == 0
    out = capsys.readouterr().out
    assert "model           q3" in out
    assert "chains differ" in out


def test_two_models_are_compared(tmp_path, capsys) -> None:
    rows = tiny.ner_rows(30)
    data = tiny.write_conll(tmp_path / "test.conll", rows)
    for seed in (0, 1):
        tiny.tiny_tagger(rows, seed=seed).save_pretrained(tmp_path / f"model{seed}")
    file = tmp_path / "report.json"
    options = ("--data", data, "--against", tmp_path / "model1", "--json", file)
    assert run("evaluate", tmp_path / "model0", *options) == 0
    out = capsys.readouterr().out
    assert "approximate randomisation, two-sided" in out
    assert str(tmp_path / "model1") in out
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["comparison"]["score"] == "strict.f1"
    assert found["comparison"]["first"] == pytest.approx(found["strict"]["f1"])
    assert found["comparison"]["against"] == str(tmp_path / "model1")


def test_the_reader_options_are_handed_on(tagger) -> None:
    options = (
        "--split dev --format conll --token-column 1 --tag-column NER --scheme IOB1 --labels a --mask b --exclude c"
    )
    assert run("evaluate", "model", "--data", "x", "--separator", r"\t", *options.split()) == 0
    ((_, split, given),) = tagger.calls
    assert split == "dev"
    assert given == {
        "format": "conll",
        "token_column": 1,
        "tag_column": "NER",
        "separator": "\t",
        "scheme": "IOB1",
        "labels": "a",
        "mask": "b",
        "exclude": "c",
    }


def test_a_negative_column_is_a_number(tagger) -> None:
    assert run("evaluate", "model", "--data", "x", "--tag-column", "-1") == 0
    assert tagger.calls[0][2] == {"tag_column": -1}


def test_json_holds_the_figures(tagger, tmp_path) -> None:
    file = tmp_path / "report.json"
    assert run("evaluate", "model", "--data", "x", "--json", file) == 0
    assert json.loads(file.read_text(encoding="utf-8")) == {"task": "ner", "accuracy": 0.75, "note": "Zoë"}
    assert list(tmp_path.iterdir()) == [file]


def test_a_mistake_in_the_data_leaves_no_file(tagger, tmp_path, capsys) -> None:
    assert run("evaluate", "model", "--data", "bad.conll", "--json", tmp_path / "report.json") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: bad.conll:3: wrong number of columns: got 1. Accepted: 2.\n"
    assert list(tmp_path.iterdir()) == []


def test_a_json_file_that_cannot_be_written_is_refused_before_the_work(tagger, tmp_path, capsys) -> None:
    assert run("evaluate", "model", "--data", "x", "--json", tmp_path / "no" / "report.json") == 2
    assert "the output's folder does not exist" in capsys.readouterr().err
    assert tagger.calls == []


def test_a_source_is_required(tagger, capsys) -> None:
    assert run("evaluate", "model") == 2
    assert "--data" in capsys.readouterr().err
