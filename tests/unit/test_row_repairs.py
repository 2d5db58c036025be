"""Repairs that look at more than one row, and files that are not UTF-8."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bilstm_tagger.data.conversion.recode import recode
from bilstm_tagger.data.conversion.staging import check_output, staged
from bilstm_tagger.data.records import UNKNOWN_TOKEN, Record
from bilstm_tagger.data.repairs.changes import ChangeLog
from bilstm_tagger.data.repairs.rows import RowRepairs, spellings
from bilstm_tagger.errors import ConfigError, DataError


def test_spellings() -> None:
    tags = Counter({"B-PER": 9, "I-per": 2, "b-PER": 1, "B-Per": 1, " O": 1, "o": 1, "0": 1, "O": 50, "B_LOC": 3})
    assert spellings(tags) == {
        "I-per": "I-PER", "b-PER": "B-PER", "B-Per": "B-PER", " O": "O", "o": "O", "0": "O"
    }  # fmt: skip
    assert spellings(Counter({"B-PER": 1, "I-PER": 1, "O": 1, "NP": 1, "": 1, "b-": 1})) == {}


def test_everything_of_an_empty_token_is_left_out() -> None:
    record = Record(
        "1", ["a", UNKNOWN_TOKEN, "\u200b", "b"], ["O", "B-X", None, "I-X"], "in", 3, [3, 4, 5, 6],
        text="a b", offsets=[(0, 1), (1, 1), (1, 1), (2, 3)], dense=[[1.0], [2.0], [3.0], [4.0]],
    )  # fmt: skip
    log = ChangeLog()
    mended = RowRepairs({})(record, log)
    assert mended is not None
    assert mended[1:3] == (["a", "b"], ["O", "I-X"])
    assert (mended.lines, mended.offsets, mended.dense) == ([3, 6], [(0, 1), (2, 3)], [[1.0], [4.0]])
    assert [(change.code, change.line, change.new) for change in log.kept] == [("D206", 4, None), ("D701", 5, None)]


def test_a_row_of_empty_tokens_is_left_out() -> None:
    assert RowRepairs({})(Record("1", [UNKNOWN_TOKEN], ["O"], "in", 1), ChangeLog()) is None


def test_only_rows_with_the_same_tags_are_repeated() -> None:
    repairs, log = RowRepairs({}), ChangeLog()
    rows = [Record(str(i), ["a"], [tag], "in", i) for i, tag in enumerate(["O", "B-X", None, "O"], start=1)]
    assert [repairs(row, log) is None for row in rows] == [False, False, False, True]
    assert [str(change) for change in log.kept] == ["in:4: row 'a' left out"]


def test_a_log_keeps_the_first_and_counts_all() -> None:
    log = ChangeLog(1)
    repairs = RowRepairs({"o": "O"})
    repairs(Record("1", ["a", "b"], ["o", "o"], "in", 1, [1, 2]), log)
    assert (log.count, [change.to_dict()["line"] for change in log.kept]) == (2, [1])


@pytest.mark.parametrize(
    ("content", "expected", "codes"),
    [
        (b"a\n", None, []),
        ("é\n".encode(), None, []),
        ("\ufeffa\r\nb\n".encode(), None, ["D102", "D103"]),
        ("é\n".encode() + b"\xe9\n\x80\n", "é\né\n€\n", ["D101"]),
        (b"\x81\n", "\x81\n", ["D101"]),
        ("aé\n".encode("utf-16"), "aé\n", ["D101"]),
        ("aé\n".encode("utf-16-be"), "aé\n", ["D101"]),
    ],
)
def test_recode(content: bytes, expected: str | None, codes: list[str], tmp_path: Path) -> None:
    path, copy, log = tmp_path / "in.txt", tmp_path / "copy", ChangeLog()
    path.write_bytes(content)
    found = recode(path, copy, log)
    assert [change.code for change in log.kept] == codes
    assert (found == path) is (expected is None)
    if expected is not None:
        assert copy.read_bytes().decode() == expected


def test_files_that_are_no_text_are_left_alone(tmp_path: Path) -> None:
    log = ChangeLog()
    (tmp_path / "x.parquet").write_bytes(b"\xff\xfe")
    assert recode(tmp_path / "x.parquet", tmp_path / "copy", log) == tmp_path / "x.parquet"
    assert log.count == 0


def test_staged_files_appear_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with staged(path) as place:
        place.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"

    def fail() -> None:
        with staged(path) as place:
            place.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert (path.read_text(), list(tmp_path.iterdir())) == ("new", [path])
    with pytest.raises(DataError, match=r"gone.x: cannot be written \(No such file"), staged(tmp_path / "gone" / "x"):
        raise AssertionError


def test_outputs_are_checked_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the output's folder does not exist"):
        check_output(tmp_path / "no" / "x", force=True)
    with pytest.raises(ConfigError, match="this compression can be read, not written"):
        check_output(tmp_path / "x.zip", force=True)
