"""What bad protein input gets: a message with the record and its line, or the rest without it."""

from __future__ import annotations

import gzip
import logging
from pathlib import Path

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.errors import DataError
from bilstm_tagger.tasks import get_task

DNA = "ACGTACGTACGTTTGACCANGTAACGTACG"
ACTIN_LIKE = "ATTAGCNTTAGCATNACTGCKAWEELLLKV"


def write(tmp_path: Path, text: str, name: str = "x.fasta") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


BAD_CHAINS = [
    (">b\n", r"x.fasta:3: record 'b' is empty. Accepted: at least one residue"),
    (">b\nXX\nx\n", r"x.fasta:3: record 'b' has only unknown residues \(X\)"),
    (">a\nGG\n", r"x.fasta:3: record 'a' has the id of another, at line 1. Accepted: each id once"),
    (f">b\n{DNA}\n", r"x.fasta:3: record 'b' is DNA or RNA, not a protein .* Translate it first"),
    (f">b\n{DNA.replace('T', 'u')}R\n", r"x.fasta:3: record 'b' is DNA or RNA"),
    (">b\nM1\n", r"x.fasta:3: residue 2 is not an amino acid: got '1'"),
]


@pytest.mark.parametrize(("record", "message"), BAD_CHAINS)
def test_a_bad_chain_is_named(tmp_path: Path, record: str, message: str) -> None:
    path = write(tmp_path, f">a\nMKV\n{record}>c\nAC\n")
    with pytest.raises(DataError, match=message):
        load_rows(path, task="protein_ss3", require_tags=False)


@pytest.mark.parametrize(("record", "message"), BAD_CHAINS)
def test_the_rest_goes_on_without_it(
    tmp_path: Path, record: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path, f">a\nMKV\n{record}>c\nAC\n")
    for _ in range(2):  # what was skipped is told of cached rows too
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            rows = load_rows(path, task="protein_ss3", require_tags=False, skip_invalid=True)
        assert rows["id"] == ["a", "c"]
        assert len(caplog.messages) == 1
        with pytest.raises(DataError, match=message):
            raise DataError(caplog.messages[0].removeprefix("skipped: "))


def test_a_file_of_nothing_but_dna_is_refused_either_way(tmp_path: Path) -> None:
    path = write(tmp_path, f">a\n{DNA}\n>b\n{DNA[3:]}\n")
    with pytest.raises(DataError, match=r"x.fasta:1: record 'a' is DNA or RNA"):
        load_rows(path, task="protein_ss3", require_tags=False)
    with pytest.raises(DataError, match=r"x.fasta: these are nucleotides"):
        load_rows(path, task="protein_ss3", require_tags=False, skip_invalid=True)


def test_a_protein_of_few_letters_is_no_dna(tmp_path: Path) -> None:
    path = write(tmp_path, f">a\n{ACTIN_LIKE}\n>b\nACGTACGT\n")
    assert load_rows(path, task="protein_ss3", require_tags=False)["id"] == ["a", "b"]


def test_gaps_stops_and_unknown_letters(tmp_path: Path) -> None:
    path = tmp_path / "x.faa.gz"
    path.write_bytes(gzip.compress(b">a\r\nmk--v.\r\nBZUOJ*aX*\r\n"))
    assert load_rows(path, task="protein_ss3", require_tags=False)["tokens"] == [list("MKVBZUOJXAX")]


def test_labels_of_an_alignment_lose_the_columns_of_gaps(tmp_path: Path) -> None:
    labels = write(tmp_path, ">a\nH-EE.C\n>b\nHEC\n", "labels.fasta")
    rows = load_rows(write(tmp_path, ">a\nM-KV.L\n>b\nM-K.V\n"), task="protein_ss3", labels=str(labels))
    assert rows["tokens"] == [list("MKVL"), list("MKV")]
    assert rows["tags"] == [list("HEEC"), list("HEC")]


@pytest.mark.parametrize("what", ["labels", "mask"])
def test_unequal_lengths_are_skipped_too(tmp_path: Path, what: str) -> None:
    texts = {"labels": ">a\nHHH\n>b\nEE\n", "mask": ">a\n111\n>b\n11\n"}
    texts[what] = texts[what].replace("HHH", "HHHH").replace("111", "1111")
    files = {name: str(write(tmp_path, text, f"{name}.fasta")) for name, text in texts.items()}
    path = write(tmp_path, ">a\nMKV\n>b\nGG\n")
    assert load_rows(path, task="protein_ss3", skip_invalid=True, **files)["id"] == ["b"]


def test_csv_goes_on_too(tmp_path: Path) -> None:
    text = "id,sequence,ss3\na,MKV,HHH\nb,MK,HHH\nc,M1,HH\nd,MK,HQ\ne,X,H\na,MK,EE\nf,GG,CC\n"
    path = write(tmp_path, text, "x.csv")
    assert load_rows(path, task="protein_ss3", skip_invalid=True)["id"] == ["a", "f"]
    with pytest.raises(DataError, match=r"x.csv:3: record 'b' has 2 residues and 3 labels"):
        load_rows(path, task="protein_ss3")


def test_profiles_are_skipped_with_their_chains(tmp_path: Path) -> None:
    import numpy as np

    np.savez(tmp_path / "p.npz", a=np.ones((3, 2)), c=np.ones((1, 2)))
    path = write(tmp_path, ">a\nMKV\n>b\nGG\n>c\nAC\n")
    rows = load_rows(path, task="protein_ss3", require_tags=False, profiles=tmp_path / "p.npz", skip_invalid=True)
    assert rows["id"] == ["a"]


def test_files_may_number_their_records_alike(tmp_path: Path) -> None:
    paths = [write(tmp_path, ">1\nMKV\n", name) for name in ("x.fasta", "y.fasta")]
    assert load_rows(paths, task="protein_ss3", require_tags=False)["id"] == ["1", "1"]


@pytest.mark.parametrize(
    ("states", "expected"), [("standard", "HHHEECCC"), ("jnet", "HCCEECCC"), ("sspro", "HHCEECCC")]
)
def test_maps_of_eight_states_to_three(tmp_path: Path, states: str, expected: str) -> None:
    path = write(tmp_path, "id,sequence,dssp8\na,MKVLLAAG,HGIEBTSL\n", "x.csv")
    assert load_rows(path, task="protein_ss3", states=states)["tags"] == [list(expected)]
    assert load_rows(path, task="protein_ss8", states=states)["tags"] == [list("HGIEBTSC")]


def test_chains_of_every_length(tmp_path: Path) -> None:
    path = write(tmp_path, f">short\n{'MKVLAAGGST'}\n>titin\n{'MKVLA' * 7000}\n")
    assert [len(row) for row in load_rows(path, task="protein_ss3", require_tags=False)["tokens"]] == [10, 35_000]


def test_an_error_is_raised_or_listed() -> None:
    error = DataError("wrong", path="x", line=3)
    options = ReadOptions(task=get_task("protein_ss3"))
    with pytest.raises(DataError, match="x:3: wrong"):
        options.refuse(error)
    options = ReadOptions(task=get_task("protein_ss3"), skip_invalid=True)
    options.refuse(error)
    assert options.notes.messages() == ["skipped: x:3: wrong."]
    options.notes.clear()
    assert options.notes.messages() == []
