import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError

WORDS, TAGS = "go to  Oslo\n\nstay\there\n", "O O B-LOC\n\nO _\n"
ROWS = [["O", "O", "B-LOC"], ["O", None]]


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return write


@pytest.mark.parametrize(
    ("words", "tags"), [("seq.in", "seq.out"), ("a.words", "a.tags"), ("a.words.txt", "a.tags.txt")]
)
def test_files_that_lie_side_by_side(write, words, tags):
    write(tags, TAGS)
    rows = load_rows(write(words, WORDS), task="ner")
    assert rows["tokens"] == [["go", "to", "Oslo"], ["stay", "here"]]
    assert rows["tags"] == ROWS


def test_a_named_file_of_tags(write):
    path, tags = write("text.txt", WORDS), write("gold", TAGS)
    assert load_rows(path, task="ner", labels=str(tags))["tags"] == ROWS
    assert load_rows(path, task="pos", labels=str(tags), format="parallel")["tags"][0] == ["O", "O", "B-LOC"]


def test_lines_that_take_turns(write):
    path = write("x.txt", "go to Oslo\nO O B-LOC\n\nstay here\r\nO _\r\n")
    assert load_rows(path, task="ner", format="parallel")["tags"] == ROWS
    found = write("y.txt", "go to Oslo\nO O B-LOC\nstay here\nO O\n")
    assert load_rows(found, task="ner")["tags"] == [["O", "O", "B-LOC"], ["O", "O"]]


def test_columns_do_not_take_turns(write):
    assert load_rows(write("x.txt", "go O\nO O\n\nOslo B-LOC\nB-52 O\n"), task="ner")["tokens"] == [
        ["go", "O"],
        ["Oslo", "B-52"],
    ]


def test_words_alone(write):
    write("a.tags", TAGS)
    assert load_rows(write("a.words", WORDS), task="ner", require_tags=False)["tags"] == [[None] * 3, [None] * 2]


@pytest.mark.parametrize(
    ("words", "tags", "message"),
    [
        (WORDS, "O O\n\nO O\n", r"a.tags:1: 2 tags for the 3 words of a.words:1: got 'O O'"),
        (WORDS, "O O O\n", r"a.words:3: a.tags has no line 3, and a.words has one"),
        ("a\n", "O\nO\n", r"a.tags:2: a.words has no line 2, and a.tags has one"),
        ("a\n\nb\n", "O\nO\n\n", r"a.tags:2: 1 tags for the 0 words"),
    ],
)
def test_errors(write, words, tags, message):
    write("a.tags", tags)
    with pytest.raises(DataError, match=message):
        load_rows(write("a.words", words), task="ner")


def test_a_last_line_without_tags(write):
    with pytest.raises(DataError, match=r"x.txt:3: a line of words without a line of tags below: got 'c d'"):
        load_rows(write("x.txt", "a b\nO O\nc d\n"), task="ner", format="parallel")
