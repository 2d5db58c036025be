"""The doctor on real data sets: every quirk that their documentation names is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from bilstm_tagger.doctor import CheckReport, check

pytestmark = pytest.mark.slow


def counts(report: CheckReport) -> dict[tuple[str, str], int]:
    return {(finding.part, finding.code): finding.count for finding in report.findings}


# The counts are those of each set's SOURCE.txt, or were counted with grep and awk.
QUIRKS = [
    ("wnut17/wnut17train.conll", "ner", {"D201": 2394}),
    ("conll2002/ned.train", "ner", {"D202": 287, "D501": 4}),
    ("conll2002/ned.testa", "ner", {"D202": 74}),
    ("conll2002/esp.train", "ner", {"D301": 1, "D501": 3}),
    ("conll2002/esp.testa", "ner", {"D301": 1}),
    ("wikigold/wikigold.en.test.conllu", "ner", {"D301": 17}),
    ("germeval2014-devtest/NER-de-dev.tsv", "ner", {"D203": 1}),
    ("germeval2014-devtest/NER-de-test.tsv", "ner", {"D203": 2, "D205": 1}),
    ("broad-twitter/f.conll", "ner", {"D206": 2}),
    ("ud-en-ewt/en_ewt-ud-test.conllu", "pos", {"D707": 3}),
    ("conll2000/train.txt", "chunking", {"D203": 36}),
]


@pytest.mark.parametrize(("name", "task", "expected"), QUIRKS, ids=[name for name, *_ in QUIRKS])
def test_documented_quirks_are_found(shared_data: Path, name: str, task: str, expected: dict[str, int]) -> None:
    report = check(shared_data / "text" / name)
    assert (report.task, report.guessed) == (task, True)
    found = counts(report)
    assert {code: found.get(("", code)) for code in expected} == expected
    assert report.exit_code() == 0


def test_the_ill_formed_tag_of_the_spanish_set_is_named(shared_data: Path) -> None:
    report = check(shared_data / "text" / "conll2002" / "esp.train", task="ner")
    (finding,) = (finding for finding in report.findings if finding.code == "D301")
    assert [(repair.line, repair.old, repair.new) for repair in finding.repairs] == [(221619, "I-LOC", "B-LOC")]
    longest = next(finding for finding in report.findings if finding.code == "D501").places[0]
    assert longest.text == "1,238 tokens"


def test_iob1_is_found_and_is_no_fault(shared_data: Path) -> None:
    folder = shared_data / "text" / "conll2003-en"
    report = check({"train": folder / "eng.train", "dev": folder / "eng.testa"}, task="ner")
    assert [part.scheme for part in report.parts] == ["IOB1", "IOB1"]
    assert [(part.sequences, part.tokens, part.spans) for part in report.parts] == [
        (14041, 203621, 23499),
        (3250, 51362, 5942),
    ]
    # Two B- tags that nothing of their label precedes.
    assert counts(report)["train", "D301"] == 2


def test_the_duplicates_of_cb6133_are_found(shared_data: Path) -> None:
    report = check(shared_data / "protein" / "cb6133" / "cb6133filtered.npy.csv")
    assert report.task == "protein_ss8"
    assert counts(report)["", "D601"] == 170


def test_crlf_is_found(shared_data: Path, tmp_path: Path) -> None:
    path = tmp_path / "crlf.conll"
    path.write_bytes((shared_data / "text" / "wnut17" / "emerging.dev.conll").read_bytes().replace(b"\n", b"\r\n"))
    assert ("", "D103") in counts(check(path))


def test_a_large_archive_is_checked(shared_data: Path) -> None:
    report = check(shared_data / "text" / "legal-de" / "timex.iob2.tar.xz")
    (part,) = report.parts
    assert (part.sequences, part.tokens, part.spans, len(part.files)) == (66723, 2158977, 35119, 7)
    assert part.lengths["max"] == 1047
    assert report.exit_code() == 0
