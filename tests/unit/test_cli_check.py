"""``bilstm-tagger check``: exit codes, what is printed, JSON and HTML, what is refused."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cli_helpers import run

SOUND = "".join(f"Ada\tB-PER\nslept\tO\nin\tO\nOslo\tB-LOC\nat\tO\n{hour}\tO\n\n" for hour in range(12))


@pytest.fixture
def sound(tmp_path) -> Path:
    path = tmp_path / "sound.conll"
    path.write_text(SOUND, encoding="utf-8")
    return path


@pytest.fixture
def quirky(tmp_path) -> Path:
    path = tmp_path / "quirky.conll"
    path.write_text(SOUND + "&amp;\tO\n<em>\tI-LOC\n\t\n[red]\tB-PER\n", encoding="utf-8")
    return path


def test_a_clean_source_ends_with_0_even_when_strict(sound, capsys) -> None:
    assert run("check", sound, "--strict") == 0
    out, err = capsys.readouterr()
    assert out.startswith("Checked for the task ner (guessed; --task sets it)\n")
    assert "0 errors, 0 warnings, 0 notes" in out
    assert "IOB2 100%" in out
    assert err == ""


def test_warnings_end_with_1_when_strict_only(quirky, capsys) -> None:
    assert run("check", quirky, "--task", "ner") == 0
    assert run("check", quirky, "--task", "ner", "--strict") == 1
    out = capsys.readouterr().out
    assert "guessed" not in out
    assert f"{quirky}:86: I-LOC -> B-LOC" in out
    assert f"{quirky}:85: &amp; -> &" in out
    assert "convert IN OUT --repair" in out


def test_what_cannot_be_read_ends_with_2(tmp_path, capsys) -> None:
    assert run("check", tmp_path / "no.conll") == 2
    out, err = capsys.readouterr()
    assert "D001 cannot be read" in out
    assert "no such file" in out
    assert err == ""


def test_the_worst_comes_first(quirky, capsys) -> None:
    quirky.write_text(quirky.read_text(encoding="utf-8") + "\n\ufeff\tO\n# \tO\nlost\n", encoding="utf-8")
    assert run("check", quirky) == 2
    out = capsys.readouterr().out
    assert out.index("\nErrors\n") < out.index("\nWarnings\n")


def test_examples_are_as_many_as_asked_for_and_the_rest_is_counted(tmp_path, capsys) -> None:
    path = tmp_path / "x.conll"
    path.write_text(SOUND + "\n".join(["&amp;\tO"] * 30), encoding="utf-8")
    run("check", path, "--examples", "2")
    out = capsys.readouterr().out
    assert out.count("&amp; -> &") == 2
    assert "and 28 more" in out
    run("check", path, "--examples", "0")
    assert "x.conll:85" not in capsys.readouterr().out


def test_parts_are_compared(sound, quirky, capsys) -> None:
    assert run("check", sound, "--dev", quirky, "--test", sound) == 0
    out = capsys.readouterr().out
    assert "[train, dev]" in out
    assert "12 of 14 sequences of dev (85.7%) stand in train too" in out
    assert re.search(r"^label +train +dev +test$", out, re.MULTILINE)


def test_a_configuration_is_checked_whole(tmp_path, sound, capsys) -> None:
    config = tmp_path / "run.toml"
    config.write_text('task = "ner"\n[data]\ntrain = "sound.conll"\ndev = "no.conll"\n', encoding="utf-8")
    assert run("check", config) == 2
    out = capsys.readouterr().out
    assert out.startswith("Checked for the task ner\n")
    assert "no.conll: no such file" in out
    assert run("check", config, "--tag-column", "1", "--task", "pos") == 2
    assert "--task, --tag-column is for a source" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--split", "dev", "--dev", "x"], "--split is for a source alone"),
        (["--task", "nerr"], "unknown task"),
        (["--format", "connl"], "unknown format"),
        (["--scheme", "XY"], "unknown tag scheme"),
        (["--json", "no/such/x.json"], "folder does not exist"),
        (["--html", "no/such/x.html"], "folder does not exist"),
    ],
)
def test_mistakes_are_explained(sound, capsys, arguments: list[str], message: str) -> None:
    assert run("check", sound, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_reader_options_reach_the_reader(tmp_path, capsys) -> None:
    path = tmp_path / "x.txt"
    path.write_text("B-PER|x|Ada\nO|y|slept\n", encoding="utf-8")
    options = ("--separator", "|", "--token-column", "2", "--tag-column", "0", "--task", "ner", "--json", "-")
    assert run("check", path, *options) == 0
    assert json.loads(capsys.readouterr().out)["parts"][0]["labels"] == {"PER": 1}


def test_json_to_a_file_or_alone_on_standard_output(quirky, tmp_path, capsys) -> None:
    file = tmp_path / "report.json"
    assert run("check", quirky, "--json", file, "--quiet") == 0
    assert capsys.readouterr().out == ""
    written = json.loads(file.read_text(encoding="utf-8"))
    assert run("check", quirky, "--json", "-") == 0
    printed = json.loads(capsys.readouterr().out)
    assert {**printed, "seconds": 0} == {**written, "seconds": 0}
    assert {"D301", "D703"} <= {finding["code"] for finding in printed["findings"]}


class Page(HTMLParser):
    """Checks that elements nest, and keeps what is loaded from elsewhere and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_self_contained_and_escapes_the_data(quirky, tmp_path) -> None:
    file = tmp_path / "report.html"
    assert run("check", quirky, "--html", file, "--quiet") == 0
    source = file.read_text(encoding="utf-8")
    page = Page(source)
    assert page.open == []
    assert page.links == []
    assert not {"script", "link", "img", "em"} & page.tags
    assert "<em>" in page.text
    assert "&amp;amp;" in source
    assert "prefers-color-scheme: dark" in source
    assert '<html lang="en">' in source
    assert "D301" in page.text
    assert "I-LOC" in page.text


def test_markup_in_labels_is_shown_as_it_is(tmp_path, capsys) -> None:
    path = tmp_path / "x.conll"
    path.write_text("[red]\tB-[bold]\nx\tO\n", encoding="utf-8")
    assert run("check", path) == 0
    assert "[bold]" in capsys.readouterr().out


def test_policies_for_spans(tmp_path, capsys):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "Osloer", "label": [[0, 4, "LOC"]]}\n', encoding="utf-8")
    assert run("check", path, "--align", "drop", "--json", "-") == 0
    assert "left out" in capsys.readouterr().out
    assert run("check", path, "--align", "strict") == 2
    assert run("check", path, "--overlap", "first", "--tokenizer", "characters", "-q") == 0
    assert run("check", path, "--align", "nonsense") == 2
