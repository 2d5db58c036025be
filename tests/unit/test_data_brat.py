import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.alignment import Misfits
from bilstm_tagger.errors import DataError

TEXT = "Angela Merkel\nmet him.\n\nIn Oslo 🎉\n"
MARKS = "T1\tPER 0 13\tAngela Merkel\nR1\tKnows Arg1:T1 Arg2:T2\nT2\tLOC 27 31\tOslo\n#1\tNote T1\tno\n*\tEquiv T1 T2\n"


@pytest.fixture
def write(tmp_path):
    def write(text=TEXT, marks=MARKS, name="doc"):
        (tmp_path / f"{name}.txt").write_bytes(text.encode())
        (tmp_path / f"{name}.ann").write_bytes(marks.encode())
        return tmp_path / f"{name}.ann"

    return write


def test_a_line_is_a_sequence(write):
    rows = load_rows(write(), task="ner")
    assert rows["id"] == ["doc:1", "doc:2", "doc:4"]
    assert rows["tags"] == [["B-PER", "I-PER"], ["O", "O", "O"], ["O", "B-LOC", "O"]]
    assert rows[2]["text"] == "In Oslo 🎉"
    assert rows[2]["offsets"] == [[0, 2], [3, 7], [8, 9]]
    assert rows["document"] == ["doc"] * 3


def test_either_file_and_folders(write, tmp_path):
    write(name="b")
    path = write()
    assert len(load_rows(path.with_suffix(".txt"), task="ner")) == 3
    assert load_rows(tmp_path, task="ner")["document"] == ["b"] * 3 + ["doc"] * 3
    assert load_rows(path, task="pos", require_tags=False)["tags"][0] == [None, None]


def test_lines_that_a_span_joins(write):
    rows = load_rows(write(marks="T1\tX 7 17\tMerkel met\n"), task="ner")
    assert rows["tags"] == [["O", "B-X", "I-X", "O", "O"], ["O", "O", "O"]]
    assert rows["text"][0] == "Angela Merkel\nmet him."


def test_carriage_returns_count(write):
    assert load_rows(write("a\r\nb c\r\n", "T1\tX 5 6\tc\n"), task="ner")["tags"] == [["O"], ["O", "B-X"]]


def test_pieces_are_reported_with_their_line(write):
    found = Misfits()
    path = write(marks="T1\tPER 0 6;14 17\tAngela met\nT2\tX 99 120\tnowhere\n")
    rows = load_rows(path, task="ner", misfits=found)
    assert rows["tags"][0] == ["B-PER", "I-PER", "I-PER", "O", "O"]
    assert [(misfit.line, misfit.problem) for misfit in found.records] == [
        (1, "in several pieces"),
        (2, "whose text is not at their offsets"),
        (2, "outside their text"),
    ]
    assert found.records[0].source == str(path)


@pytest.mark.parametrize(
    "line", ["T1 PER 0 5", "T1\tPER 0", "T1\t0 5\tx", "T1\tPER 0 five\tx", "Tx\tPER 0 5\tx", "T1\tA -1 5\tx"]
)
def test_ill_formed_entities(write, line):
    with pytest.raises(DataError, match=r"doc.ann:2: this is no entity.*Accepted: T1 TAB LABEL START END TAB TEXT"):
        load_rows(write(marks=f"R1\tx\n{line}\n"), task="ner")


def test_half_a_document(write):
    path = write()
    with pytest.raises(DataError, match=r"BRAT files hold spans, which the task 'pos' has not"):
        load_rows(path, task="pos")
    path.with_suffix(".txt").unlink()
    with pytest.raises(DataError, match=r"doc.ann: there is no text beside it. Accepted: doc.txt in the same folder"):
        load_rows(path, task="ner")
    other = write(name="other")
    other.unlink()
    with pytest.raises(DataError, match=r"other.txt: there are no spans beside it. Accepted: other.ann"):
        load_rows(other.with_suffix(".txt"), task="ner", format="brat")
