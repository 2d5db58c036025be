"""Tags of spans in other spellings: understood, told, never taken for labels."""

from __future__ import annotations

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.spelling import find_spellings, is_span_column
from bilstm_tagger.doctor import check


@pytest.mark.parametrize(
    ("tags", "usual"),
    [
        ("b-per i-per o", "B-per I-per O"),
        ("PER-B PER-I O", "B-PER I-PER O"),
        ("PER_S PER_B O", "S-PER B-PER O"),
        ("BEGIN-PER Inside_PER OUTSIDE", "B-PER I-PER O"),
        ("Begin_PER Last_PER Unit_LOC Outside", "B-PER L-PER U-LOC O"),
        ("B:PER I:PER O", "B-PER I-PER O"),
        ("B-PER b-PER o 0", "B-PER B-PER O O"),
        ("b i o", "B I O"),
        ("B-PER I_PER O", "B-PER I_PER O"),  # that one is understood as it stands
        ("PER LOC o", "PER LOC O"),
        ("e-mail phone O", "e-mail phone O"),
        ("e-mail O", "e-mail O"),
        ("start_time end_time O", "start_time end_time O"),
        ("B-PER o NNP", "B-PER O NNP"),
        ("b- -b O", "b- -b O"),
    ],
)
def test_spellings(tags: str, usual: str) -> None:
    spelling = find_spellings(tags.split())
    assert [spelling.get(tag, tag) for tag in tags.split()] == usual.split()
    assert all(old != new for old, new in spelling.items())


def test_blanks_around_tags_do_not_count() -> None:
    assert find_spellings([" B-PER", "O\u00a0", "", " "]) == {" B-PER": "B-PER", "O\u00a0": "O"}


@pytest.mark.parametrize(
    ("values", "spans"), [("b-x o", True), ("B-X O", True), ("0", False), ("o", False), ("", False), ("NN B", False)]
)
def test_columns(values: str, spans: bool) -> None:
    assert is_span_column(values.split()) is spans


SPELT = "Anna {0}\nLee {1}\nin {2}\n\nOslo {0}\n"


@pytest.mark.parametrize("tags", ["b-PER i-PER o", "PER-B PER-I O", "PER_B PER_I O", "BEGIN-PER INSIDE-PER OUTSIDE"])
def test_they_are_read_and_told(tags: str, tmp_path, caplog) -> None:
    path = tmp_path / "x.conll"
    path.write_text(SPELT.format(*tags.split()), encoding="utf-8")
    assert load_rows(path, task="ner")["tags"] == [["B-PER", "I-PER", "O"], ["B-PER"]]
    first, *more = tags.split()
    [message] = caplog.messages
    count = 3 + (more[-1] != "O")
    assert message.startswith(f"{path}:1: tags in another spelling, ")
    assert f"'{first}' as B-PER" in message
    assert message.endswith(f": {count} in this source")
    report = check(path)
    [finding] = (finding for finding in report.findings if finding.code == "D306")
    assert (report.task, finding.count) == ("ner", count)
    assert [repair.old for repair in finding.repairs] == [tag for tag in [*tags.split(), first] if tag != "O"]
    assert report.parts[0].labels == {"PER": 2}


def test_with_the_scheme_io_they_are_labels(tmp_path, caplog) -> None:
    path = tmp_path / "x.conll"
    path.write_text(SPELT.format("b-PER", "i-PER", "O"), encoding="utf-8")
    assert load_rows(path, task="ner", scheme="IO")["tags"] == [["B-b-PER", "B-i-PER", "O"], ["B-b-PER"]]
    assert not caplog.messages
    assert "D306" not in {finding.code for finding in check(path, task="ner", scheme="IO").findings}


def test_more_spellings_than_are_shown(tmp_path, caplog) -> None:
    path = tmp_path / "x.conll"
    path.write_text("".join(f"w b-{label}\n" for label in "uvwxyz"), encoding="utf-8")
    load_rows(path, task="ner")
    assert "'b-u' as B-u, 'b-v' as B-v, 'b-w' as B-w, 'b-x' as B-x and 2 more: 6 in this source" in caplog.text


def test_the_column_of_names_beside_one_of_chunks(tmp_path) -> None:
    path = tmp_path / "x.conll"
    path.write_text("Anna NNP B-NP PER-B\nLee NNP I-NP PER-I\nin IN B-PP O\n", encoding="utf-8")
    assert load_rows(path, task="ner")["tags"] == [["B-PER", "I-PER", "O"]]
    assert load_rows(path, task="chunking")["tags"] == [["B-NP", "I-NP", "B-PP"]]
