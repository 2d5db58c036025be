"""What the doctor says of files: one small file for each quirk."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest

from bilstm_tagger.data.readers.columns import Layout
from bilstm_tagger.doctor import CheckReport, Finding, check
from bilstm_tagger.doctor import scan as scan_module
from bilstm_tagger.doctor.columns import ColumnScan


def examine(folder: Path, content: bytes, name: str = "x.conll", **options: object) -> CheckReport:
    path = folder / name
    path.write_bytes(content)
    return check(path, task=options.pop("task", "ner"), **options)


def only(report: CheckReport, code: str) -> Finding:
    (finding,) = (finding for finding in report.findings if finding.code == code)
    return finding


def lines_of(finding: Finding) -> list[int | None]:
    return [place.line for place in finding.places]


CLEAN = b"Ada\tB-PER\nslept\tO\n\nBob\tB-PER\nin\tO\nOslo\tB-LOC\n"


def codes(report: CheckReport) -> set[str]:
    return {finding.code for finding in report.findings}


def test_a_clean_file_is_clean_but_for_its_size(tmp_path) -> None:
    report = examine(tmp_path, CLEAN)
    assert codes(report) == {"D401"}
    assert report.exit_code(strict=True) == 0
    (part,) = report.parts
    assert (part.sequences, part.tokens, part.spans, part.words) == (2, 5, 3, 5)
    assert (part.scheme, part.scheme_fit, part.labels) == ("IOB2", 1.0, {"PER": 2, "LOC": 1})
    assert part.lengths == {"min": 2, "median": 2, "p95": 3, "p99": 3, "max": 3}


def test_a_byte_order_mark(tmp_path) -> None:
    assert only(examine(tmp_path, b"\xef\xbb\xbf" + CLEAN), "D102").severity == "note"


def test_crlf_alone_is_a_note_and_mixed_a_warning(tmp_path) -> None:
    assert only(examine(tmp_path, CLEAN.replace(b"\n", b"\r\n")), "D103").count == 6
    mixed = only(examine(tmp_path, CLEAN.replace(b"\n", b"\r\n", 2)), "D104")
    assert (mixed.severity, mixed.count) == ("warning", 2)
    assert "4 with LF" in mixed.message


def test_carriage_returns_inside_lines(tmp_path) -> None:
    assert lines_of(only(examine(tmp_path, CLEAN.replace(b"slept", b"sl\rept")), "D106")) == [2]


def test_carriage_returns_alone_end_lines_where_nothing_else_does(tmp_path, monkeypatch) -> None:
    for block in (1 << 20, 7):
        monkeypatch.setattr(scan_module, "_BLOCK", block)
        report = examine(tmp_path, CLEAN.replace(b"\n", b"\r") + b"\r \r#\tO")
        assert codes(report) == {"D106", "D201", "D203", "D401"}
        assert only(report, "D106").count == 8
        assert "8 lines end with a carriage return alone" in only(report, "D106").message
        assert lines_of(only(report, "D201")) == [8]
        assert (report.parts[0].sequences, report.exit_code()) == (3, 0)


def test_nul_bytes(tmp_path) -> None:
    report = examine(tmp_path, CLEAN.replace(b"slept", b"sl\0\0ept"))
    finding = only(report, "D105")
    assert (lines_of(finding), finding.count) == ([2], 2)
    assert [repair.new for repair in only(report, "D701").repairs] == ["slept"]


@pytest.mark.parametrize(
    ("content", "lines", "encoding"),
    [
        ("Zoë\tB-PER\nslept\tO\nZoë\tB-PER\n".encode("latin-1"), [1, 3], "ISO-8859-1"),
        ("“\tO\nslept\tO\n".encode("cp1252"), [1], "Windows-1252"),
        ("Zoë\tB-PER\n".encode("utf-16"), [1], "UTF-16"),
    ],
)
def test_other_encodings_are_named_with_all_lines(tmp_path, content: bytes, lines: list[int], encoding: str) -> None:
    report = examine(tmp_path, content)
    finding = only(report, "D101")
    assert lines_of(finding) == lines
    assert encoding in finding.message
    # The reader's own error says the same of the first line.
    assert "D001" not in codes(report)
    assert report.exit_code() == 2


def test_separator_lines_that_hold_a_tab_or_blanks(tmp_path) -> None:
    finding = only(examine(tmp_path, CLEAN.replace(b"\n\n", b"\n\t\n") + b"  \nx\tO\n"), "D201")
    assert lines_of(finding) == [3, 7]
    assert finding.places[0].text == "<U+0009>"


def test_a_document_line_without_an_empty_line_after_it(tmp_path) -> None:
    content = b"-DOCSTART- -DOCSTART- O\nAda N B-PER\nslept V O\n\n-DOCSTART- -DOCSTART- O\n\nBob N B-PER\n"
    finding = only(examine(tmp_path, content), "D202")
    assert lines_of(finding) == [1]
    assert examine(tmp_path, content).parts[0].sequences == 2


def test_a_hash_is_a_token_or_a_comment(tmp_path) -> None:
    content = b"# note\nAda B-PER\n# O\n\n# comment\nBob B-PER\n\n# O\nis O\n"
    finding = only(examine(tmp_path, content), "D203")
    assert finding.severity == "note"
    assert {place.line: place.text for place in finding.places} == {
        3: "read as a token, tagged O",
        8: "read as a token, tagged O",
        1: "# note",
        5: "# comment",
    }


def test_every_line_with_a_wrong_number_of_columns_is_named(tmp_path) -> None:
    report = examine(tmp_path, CLEAN + b"lost\n\nx\tO\ty\n# inside\n")
    finding = only(report, "D204")
    assert lines_of(finding) == [7, 9, 10]
    assert report.exit_code() == 2
    assert "D001" not in codes(report)


def test_empty_columns_at_the_end_are_a_warning(tmp_path) -> None:
    assert lines_of(only(examine(tmp_path, CLEAN + b"x\tO\t\n"), "D205")) == [7]


def test_empty_tokens(tmp_path) -> None:
    report = examine(tmp_path, CLEAN + b"\tO\n\tO\n")
    assert lines_of(only(report, "D206")) == [7, 8]
    assert report.exit_code(strict=True) == 1
    assert report.exit_code() == 0


@pytest.mark.parametrize("name", ["missing.conll", "empty.conll", "cut.conll.xz", "one.conll"])
def test_what_cannot_be_read_is_an_error_in_the_report(tmp_path, name: str) -> None:
    (tmp_path / "empty.conll").touch()
    (tmp_path / "cut.conll.xz").write_bytes(lzma.compress(CLEAN)[:-12])
    (tmp_path / "one.conll").write_bytes(b"word\n")
    report = check(tmp_path / name, task="ner")
    finding = only(report, "D001")
    assert str(tmp_path / name) in finding.message
    assert report.exit_code() == 2
    assert report.parts[0].sequences == 0


MANY_QUIRKS = (
    b"-DOCSTART- O\nAda B-PER\r\n\n# x\n# O\nlost\n \t\nz\xc3\xab O\n-DOCSTART- O\nx O\n# O\n\n-DOCSTART- O\n\n"
    b"a\0 O\n\xff O\nw\rw O\n# inside a sentence\n\n# a comment of words\ny O a\n\t"
)


def test_findings_do_not_depend_on_where_blocks_end(tmp_path, monkeypatch) -> None:
    path = tmp_path / "x.conll"
    path.write_bytes(MANY_QUIRKS)

    def findings() -> list[Finding]:
        scan, columns = scan_module.ByteScan(path), ColumnScan(path, Layout(" ", 2, 0, 1, indexed=False))
        for lines in scan_module.read_blocks(path):
            scan.add(lines)
            columns.add(lines)
        assert columns.hash_lines == {4: "# x", 5: "# O", 11: "# O"}
        return [*scan.findings(""), *columns.findings("")]

    whole = findings()
    assert {finding.code: lines_of(finding) for finding in whole} == {
        "D101": [16],
        "D104": [],
        "D105": [15],
        "D106": [17],
        "D201": [7, 22],
        "D202": [1, 9],
        "D204": [6, 18, 21],
    }
    for size in range(1, len(MANY_QUIRKS)):
        monkeypatch.setattr(scan_module, "_BLOCK", size)
        assert findings() == whole
