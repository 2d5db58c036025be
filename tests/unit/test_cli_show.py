"""``bilstm-tagger show``: from a file or a model to a page or a picture, whole or not at all."""

from __future__ import annotations

import json

import pytest
from cli_helpers import feed, run
from tiny import ner_rows, protein_rows, tiny_tagger, write_conll


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    tiny_tagger().save_pretrained(folder / "model")
    write_conll(folder / "test.conll", ner_rows(5))
    return folder


@pytest.fixture(scope="module")
def proteins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proteins")
    rows = protein_rows(3, unknown=0.0)
    tiny_tagger(task="protein_ss3").save_pretrained(folder / "model")
    records = [f">c{row['id']}\n{''.join(row['tokens'])}\n{''.join(row['tags'])}\n" for row in rows]
    (folder / "gold.fasta").write_text("".join(records))
    return folder


def test_a_model_and_what_it_tags(proteins, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert run("show", proteins / "model", proteins / "gold.fasta", "--output", page) == 0
    assert capsys.readouterr().err.endswith(f"Drew 3 sequences: {page}\n")
    text = page.read_text(encoding="utf-8")
    assert "<title>gold.fasta</title>" in text
    assert text.count('class="row"') == 3
    assert "as gold" not in text


def test_gold_beside_the_prediction(proteins, tmp_path):
    page = tmp_path / "page.html"
    gold = proteins / "gold.fasta"
    assert run("show", proteins / "model", gold, "--gold", gold, "--output", page) == 0
    assert "as gold" in page.read_text(encoding="utf-8")


def test_a_gold_source_is_input_enough(names, tmp_path):
    page = tmp_path / "page.html"
    assert run("show", names / "model", "--gold", names / "test.conll", "--output", page) == 0
    text = page.read_text(encoding="utf-8")
    assert "<title>test.conll</title>" in text
    assert text.count("<article") == 5


def test_predictions_that_tag_wrote(names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ("--output", "said.jsonl", "--output-format", "jsonl")
    assert run("tag", names / "model", names / "test.conll", *options) == 0
    assert run("show", "said.jsonl", "--gold", names / "test.conll") == 0
    text = (tmp_path / "said.html").read_text(encoding="utf-8")
    assert "<title>said.jsonl</title>" in text
    assert text.count("<article") == 5
    assert "in gold" in text


def test_the_first_so_many(proteins, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert run("show", proteins / "model", proteins / "gold.fasta", "--limit", "1", "--output", page) == 0
    assert "Drew 1 sequence: " in (err := capsys.readouterr().err)
    assert "2 more are not shown (--limit)" in err
    assert "1 chain; 2 more are not shown" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("suffix", "begin"), [("svg", b"<svg "), ("png", b"\x89PNG"), ("HTML", b"<!DOCTYPE html>")])
def test_pictures(proteins, tmp_path, suffix, begin):
    pytest.importorskip("matplotlib")
    file = tmp_path / f"chains.{suffix}"
    assert run("show", proteins / "model", proteins / "gold.fasta", "--output", file) == 0
    assert file.read_bytes().startswith(begin)


def test_standard_input_to_standard_output(names, monkeypatch, capsys):
    feed(monkeypatch, "Ada met Alan.\n")
    assert run("show", names / "model", "-", "--output", "-") == 0
    out = capsys.readouterr().out
    assert out.startswith("<!DOCTYPE html>")
    assert out.endswith("</html>\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{names}/model", "{names}/test.conll", "--output", "x.pdf"), "no kind of picture: got 'x.pdf'"),
        (("{names}/model", "{names}/test.conll", "--output", "{out}/x.svg"), "text is drawn as a page only"),
        (("{names}/nothing.jsonl",), "no such file of predictions"),
        (("{names}/model",), "With a model: bilstm-tagger show MODEL INPUT"),
        (("{names}/model", "{names}/nothing.txt"), "no such file"),
        (("{names}/model", "{names}/test.conll", "--labels", "x"), "--labels and --mask belong to --gold"),
        (("{names}/test.conll",), "test.conll:1: not valid JSON"),
        (("{names}/model", "{names}/test.conll", "--output", "{out}/no/x.html"), "folder does not exist"),
    ],
)
def test_mistakes_leave_no_file(names, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert run("show", *(argument.format(names=names, out=tmp_path) for argument in arguments)) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_draw(names, tmp_path, monkeypatch, capsys):
    feed(monkeypatch, "")
    assert run("show", names / "model", "-", "--output", tmp_path / "x.html") == 2
    assert "there is nothing to draw" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_states_of_predictions_decide_how_gold_is_read(proteins, tmp_path):
    """Predictions of three states meet gold of eight: gold becomes three."""
    (tmp_path / "gold.fasta").write_text(">a\nMKTA\nGHTE\n")
    record = {
        "id": "a", "text": "MKTA", "tokens": list("MKTA"), "tags": list("HHCE"), "spans": [],
        "offsets": [[i, i + 1] for i in range(4)], "tag_scores": [0.9] * 4, "score": 0.5,
    }  # fmt: skip
    (tmp_path / "p.jsonl").write_text(json.dumps(record))
    page = tmp_path / "page.html"
    assert run("show", tmp_path / "p.jsonl", "--gold", tmp_path / "gold.fasta", "--output", page) == 0
    assert "100.0% as gold" in page.read_text(encoding="utf-8")
