"""``bilstm-tagger benchmark``: what it measures, on what data, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import run
from tiny import PLACES, ner_rows, pos_rows, tiny_tagger, write_conll


@pytest.fixture
def model(tmp_path: Path) -> Path:
    tiny_tagger().save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def table(text: str) -> dict[str, str]:
    pairs = (line.split("  ", 1) for line in text.splitlines())
    return {name: value.strip() for name, value in pairs}


def test_a_labelled_file_is_tagged_whatever_its_tags(model, tmp_path, capsys) -> None:
    rows = ner_rows(6)
    data = write_conll(tmp_path / "data.conll", rows)
    file = tmp_path / "speed.json"
    assert run("benchmark", model, "--data", data, "--repeats", 2, "--threads", 1, "--json", file, "-q") == 0
    out, err = capsys.readouterr()
    tokens = sum(len(row["tokens"]) for row in rows)
    shown = table(out)
    assert err == ""
    assert shown["inputs"] == "6"
    assert shown["tokens"] == f"{tokens} ({tokens / 6:.1f} an input)"
    figures = json.loads(file.read_text(encoding="utf-8"))
    assert (figures["inputs"], figures["tokens"]) == (6, tokens)
    assert 0 < figures["slowest"] <= figures["tokens_per_second"] <= figures["fastest"]
    assert 0 < figures["latency_p50_ms"] <= figures["latency_p95_ms"]
    assert 10 < figures["memory_loaded_mb"] <= figures["memory_peak_mb"]
    assert shown["memory, at most"] == f"{figures['memory_peak_mb']:,.0f} MB"
    assert shown["words to tags alone"] == f"{figures['words_per_second']:,.0f} tokens/s"


def test_a_text_file_has_a_sentence_on_each_line(model, tmp_path, capsys) -> None:
    data = tmp_path / "news.txt"
    data.write_text(f"Ada met Alan.\n\n{PLACES[0]} is far\n", encoding="utf-8")
    assert run("benchmark", model, "--data", data, "--repeats", 1, "-q") == 0
    assert table(capsys.readouterr().out)["inputs"] == "2"


def test_limit_takes_the_first_inputs(model, tmp_path, capsys) -> None:
    data = write_conll(tmp_path / "data.conll", ner_rows(6))
    assert run("benchmark", model, "--data", data, "--repeats", 1, "--limit", 2, "-q") == 0
    assert table(capsys.readouterr().out)["inputs"] == "2"


@pytest.mark.parametrize("task", ["ner", "pos", "protein_ss3", "protein_ss8"])
def test_each_task_has_a_built_in_sample(task, tmp_path, capsys) -> None:
    rows = pos_rows(20) if task == "pos" else None
    tiny_tagger(rows, task=task).save_pretrained(tmp_path / task)
    assert run("benchmark", tmp_path / task, "--repeats", 1, "--limit", 3, "-q") == 0
    assert table(capsys.readouterr().out)["inputs"] == "3"


def test_rows_with_numbers_are_tagged_as_rows(tmp_path, capsys) -> None:
    rows = [row | {"dense": [[0.5, 1.0]] * len(row["tokens"])} for row in ner_rows(4)]
    tiny_tagger(rows).save_pretrained(tmp_path / "model")
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert run("benchmark", tmp_path / "model", "--data", data, "--repeats", 1, "-q") == 0
    assert table(capsys.readouterr().out)["words to tags alone"] == "-"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.txt", "\n \n", "there is nothing in it to tag"),
        ("empty.jsonl", '{"tokens": [], "tags": []}\n', "there is nothing in it to tag"),
    ],
)
def test_nothing_to_tag_is_said(model, tmp_path, capsys, name, content, message) -> None:
    data = tmp_path / name
    data.write_text(content, encoding="utf-8")
    assert run("benchmark", model, "--data", data, "--json", tmp_path / "speed.json", "-q") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {data}")
    assert message in err
    assert not (tmp_path / "speed.json").exists()


def test_a_missing_file_is_said(model, tmp_path, capsys) -> None:
    assert run("benchmark", model, "--data", tmp_path / "none.txt", "-q") == 2
    assert "none.txt" in capsys.readouterr().err
