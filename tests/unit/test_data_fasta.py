import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError

SEQUENCES = ">a some words\nMKV\nLA*\n; a comment\n\n>b\nggx b\n>c\nMM\n"
LABELS = ">a SET=train VALIDATION=False\nHHEEC\n>b SET=train VALIDATION=True\nTGIL\n>c SET=test VALIDATION=False\nCC\n"
MASK = ">a\n01\n111\n>b\n1111\n>c\n00\n"


@pytest.fixture
def write(tmp_path):
    def write(text, name="x.fasta"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def triple(write):
    def triple(sequences=SEQUENCES, labels=LABELS, mask=MASK, **options):
        companions = {"labels": str(write(labels, "labels.fasta")), "mask": str(write(mask, "mask.fasta"))}
        return load_rows(write(sequences), **{"task": "protein_ss3"} | companions | options)[:]

    return triple


@pytest.mark.parametrize(
    ("split", "expected"),
    [
        ("train", {"id": ["a"], "tokens": [list("MKVLA")], "tags": [[None, "H", "E", "E", "C"]]}),
        ("validation", {"id": ["b"], "tokens": [list("GGXB")], "tags": [["C", "H", "H", "C"]]}),
        ("test", {"id": ["c"], "tokens": [["M", "M"]], "tags": [[None, None]]}),
    ],
)
def test_three_parallel_files(triple, split, expected):
    assert triple(split=split) == expected


def test_eight_states(triple):
    assert triple(task="protein_ss8", split="dev")["tags"] == [["T", "G", "I", "C"]]


def test_labels_in_the_same_record(write):
    text = ">1QYS\nMGDI\nQVQ\nCCHH\nEEC\n0.9 0.8 0.1\n\n>2\nMK\nee\n"
    rows = load_rows(write(text, "x.fas"), task="protein_ss3")
    assert rows["tokens"] == [list("MGDIQVQ"), list("MK")]
    assert rows["tags"] == [list("CCHHEEC"), list("EE")]


def test_sequences_alone(write):
    rows = load_rows(write(">a\nmkv l\nAAA\n>\nW\n"), task="protein_ss3", require_tags=False)
    assert rows["tokens"] == [list("MKVLAAA"), ["W"]]
    assert rows["tags"] == [[None] * 7, [None]]
    assert rows["id"] == ["a", "2"]


def test_a_fasta_file_by_its_content(write):
    assert load_rows(write(">a\nMK\nHH\n", "chains.txt"), task="protein_ss3")["tokens"] == [["M", "K"]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"sequences": SEQUENCES.replace("MKV", "M1V")},
            r"x.fasta:1: residue 2 is not an amino acid: got '1'. Accepted: ACDEF",
        ),
        ({"labels": LABELS.replace("HHEEC", "HHEE")}, r"labels.fasta:1: record 'a' has 5 residues and 4 labels"),
        (
            {"labels": LABELS.replace("HHEEC", "HHQEC")},
            r"x.fasta:1: residue 3 of 'a' has a label that is no state: got 'Q'",
        ),
        (
            {"labels": LABELS.replace(">b", ">z")},
            r"labels.fasta:3: another record than at .*x.fasta:6: got 'z'. Accepted: b",
        ),
        ({"mask": MASK.replace(">c\n00\n", "")}, r"mask.fasta: fewer records than .*x.fasta: got 'c'"),
        ({"mask": MASK + ">d\n1\n"}, r"mask.fasta:8: a record more than .*x.fasta has: got 'd'"),
        ({"mask": MASK.replace("111", "112", 1)}, r"mask.fasta:1: the mask of record 'a' does not fit 5 residues"),
        (
            {"labels": LABELS.replace("SET=test", "SET=train"), "split": "test"},
            r"no records of that split: got 'test'. Accepted: dev \(1\), train \(2\)",
        ),
        ({"sequences": "MKV\n" + SEQUENCES}, r"x.fasta:1: a FASTA file begins with a header: got 'MKV'"),
    ],
)
def test_errors_of_triples(triple, options, message):
    with pytest.raises(DataError, match=message):
        triple(**options)


def test_missing_labels_file(write, tmp_path):
    with pytest.raises(DataError, match=r"nowhere.fasta: no such file"):
        load_rows(write(SEQUENCES), task="protein_ss3", labels=str(tmp_path / "nowhere.fasta"))


def test_missing_labels(write):
    with pytest.raises(DataError, match=r"x.fasta:1: record 'a' has no labels.*Set data.labels"):
        load_rows(write(SEQUENCES), task="protein_ss3")


def test_nucleotides_are_refused(write):
    path = write(">gene\nACGTACGTNNAC\n>other\nacgtt\n")
    with pytest.raises(DataError, match=r"these are nucleotides \(only A, C, G, T, U or N.*got 'ACGNT'"):
        load_rows(path, task="protein_ss3", require_tags=False)


def test_a_labels_file_is_no_use_to_columns(write):
    path = write("a O\n", "x.conll")
    with pytest.raises(Exception, match=r"data.labels is for fasta, csv, jsonl, .*; .*x.conll is read as conll"):
        load_rows(path, task="ner", labels=str(path), format="conll")
