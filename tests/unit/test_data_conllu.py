import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError

TEXT = """\
# newdoc
# sent_id = s-1
# text = Im Haus, don't.
1-2\tIm\t_\t_\t_\t_\t_\t_\t_\t_
1\tIn\tin\tADP\tIN\t_\t_\t_\t_\t_
2\tdem\tder\tDET\tDT\t_\t_\t_\t_\t_
3\tHaus\tHaus\tNOUN\tNN\t_\t_\t_\t_\tSpaceAfter=No
4\t,\t,\tPUNCT\t,\t_\t_\t_\t_\t_
5-6\tdon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
5\tdo\tdo\tAUX\tVB\t_\t_\t_\t_\t_
6\tn't\tnot\tPART\tRB\t_\t_\t_\t_\t_
6.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_
7\t.\t.\t_\t.\t_\t_\t_\t_\t_

1\tHej\thej\tINTJ\tUH\t_\t_\t_\t_\tFoo=1|SpaceAfter=No
2\t!\t!\tPUNCT\t.\t_\t_\t_\t_\t_
"""


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_words_tags_text_and_offsets(path):
    first, second = load_rows(path, task="pos")
    assert first["id"] == "s-1"
    assert first["tokens"] == ["In", "dem", "Haus", ",", "do", "n't", "."]
    assert first["tags"] == ["ADP", "DET", "NOUN", "PUNCT", "AUX", "PART", None]
    assert first["text"] == "Im Haus, don't."
    # The words of "Im" do not spell it, those of "don't" do.
    assert first["offsets"] == [[0, 2], [0, 2], [3, 7], [7, 8], [9, 11], [11, 14], [14, 15]]
    assert second == {
        "id": "2",
        "tokens": ["Hej", "!"],
        "tags": ["INTJ", "PUNCT"],
        "text": "Hej!",
        "offsets": [[0, 3], [3, 4]],
        "document": "1",
    }


def test_documents(tmp_path):
    path = tmp_path / "x.conllu"
    sentence = "1\ta" + "\t_" * 8 + "\n\n"
    path.write_text(sentence + "# newdoc id = web-1\n" + sentence * 2 + "# newdoc\n" + sentence, encoding="utf-8")
    assert load_rows(path, task="pos")["document"] == [None, "web-1", "web-1", "2"]


def test_a_key_of_a_column_as_the_tag(tmp_path):
    path = tmp_path / "x.conllu"
    lines = [
        "1\ta b\t_\tX\t_\tCase=Nom|Number=Sing\t_\t_\t_\tNE=B-PER|SpaceAfter=No",
        "2\tc\t_\tX\t_\t_\t_\t_\t_\tNE=I-PER",
    ]
    path.write_text("\n".join([*lines, "3\td" + "\t_" * 8]), encoding="utf-8")
    [row] = load_rows(path, task="ner", tag_column="misc:NE")
    assert (row["tokens"], row["tags"], row["text"]) == (["a b", "c", "d"], ["B-PER", "I-PER", "O"], "a bc d")
    assert load_rows(path, task="pos", tag_column="FEATS:Number")["tags"] == [["Sing", None, None]]


def test_a_text_that_does_not_fit_is_made_anew(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text(TEXT.replace("# text = Im Haus", "# text = Am Haus"), encoding="utf-8")
    assert load_rows(path, task="pos")[0]["text"] == "Im Haus, don't."


@pytest.mark.parametrize(
    ("options", "tags"),
    [
        ({"tag_column": "xpos"}, ["UH", "."]),
        ({"tag_column": 2}, ["hej", "!"]),
        ({"tag_column": "-8"}, ["hej", "!"]),
        ({"require_tags": False}, [None, None]),
    ],
)
def test_any_column_can_be_the_tags(path, options, tags):
    assert load_rows(path, task="pos", **options)[1]["tags"] == tags


def test_spans_in_a_named_column(tmp_path):
    path = tmp_path / "x.conllup"
    path.write_text("# global.columns = ID FORM NER\n1\ta\tI-X\n2\tb\tO\n", encoding="utf-8")
    assert load_rows(path, task="ner", tag_column="NER")[0]["tags"] == ["B-X", "O"]


@pytest.mark.parametrize(
    ("old", "new", "options", "message"),
    [
        ("2\t!\t!\t", "2\t!\t", {}, r"x.conllu:16: wrong number of columns: 9 instead of 10.*Accepted: ID FORM LEMMA"),
        ("2\t!\t!\t", "b\t!\t!\t", {}, r"x.conllu:16: wrong index: got 'b'"),
        ("", "", {"tag_column": "UPSO"}, r"asks for: got 'UPSO'.*Did you mean 'UPOS'\?"),
        ("", "", {"task": "ner"}, r"no column for the task 'ner' of its own.*Set data.tag_column"),
    ],
)
def test_errors(tmp_path, old, new, options, message):
    path = tmp_path / "x.conllu"
    path.write_text(TEXT.replace(old, new) if old else TEXT, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_rows(path, **{"task": "pos"} | options)


def test_a_sentence_without_words(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text("1.1" + "\t_" * 9 + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"x.conllu:1: a sentence without words"):
        load_rows(path, task="pos")


def test_ten_columns_with_a_wrong_first_index(tmp_path):
    path = tmp_path / "x.conllu"
    path.write_text("x\ta" + "\t_" * 8 + "\n")
    with pytest.raises(DataError, match=r"x.conllu:1: wrong index: got 'x'"):
        load_rows(path, task="pos")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("UPSO", r"no such column as data.tag_column asks for: got 'UPSO'.*Did you mean 'UPOS'"),
        (10, r"no such column as data.tag_column asks for: got 10. Accepted: ID, FORM"),
    ],
)
def test_columns_that_are_not_there(tmp_path, column, message):
    path = tmp_path / "x.conllu"
    path.write_text("1\ta" + "\t_" * 8 + "\n")
    with pytest.raises(DataError, match=message):
        load_rows(path, task="ner", tag_column=column)
