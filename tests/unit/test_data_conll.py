import logging

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError


@pytest.fixture
def read(tmp_path):
    """Writes a column file and reads it: ``read(text, task="ner", **options)`` gives (tokens, tags) pairs."""

    def read(text, task="ner", name="file.conll", **options):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        rows = load_rows(path, task=task, **options)
        return [(row["tokens"], row["tags"]) for row in rows]

    return read


PLAIN = [(["Angela", "Merkel", "spoke"], ["B-PER", "I-PER", "O"]), (["Oslo"], ["B-LOC"])]


@pytest.mark.parametrize(
    "text",
    [
        "Angela\tB-PER\nMerkel\tI-PER\nspoke\tO\n\nOslo\tB-LOC\n",
        "Angela B-PER\nMerkel I-PER\nspoke O\n\nOslo B-LOC",
        "\n\nAngela    B-PER\nMerkel  I-PER  \nspoke \t O\n \t \nOslo B-LOC\n\n\n",
        "\ufeffAngela\tB-PER\r\nMerkel\tI-PER\r\nspoke\tO\r\n\r\nOslo\tB-LOC\r\n",
        "-DOCSTART- O\n\nAngela B-PER\nMerkel I-PER\nspoke O\n-DOCSTART- O\nOslo B-LOC\n",
        "-DOCSTART-\nAngela NNP B-PER\nMerkel NNP I-PER\nspoke VBD O\n\nOslo NNP B-LOC\n",
        "# a comment\nAngela\tB-PER\nMerkel\tI-PER\nspoke\tO\n\t\n# another one\nOslo\tB-LOC\n",
        "# note\nAngela B-PER\nMerkel I-PER\nspoke O\n\n# note\nOslo B-LOC\n",
        "0\tAngela\tB-PER\n1\tMerkel\tI-PER\n2\tspoke\tO\n\n0\tOslo\tB-LOC\n",
        "1\tAngela\tB-PER\n2-3\tMerkelspoke\t_\n2\tMerkel\tI-PER\n3\tspoke\tO\n3.1\tx\tO\n\n1\tOslo\tB-LOC\n",
        "Angela NNP I-NP B-PER\nMerkel NNP I-NP I-PER\nspoke VBD I-VP O\n\nOslo NNP I-NP B-LOC\n",
        "1\tAngela\tB-PER\t-\tann\n2\tMerkel\tI-PER\t-\tann\n3\tspoke\tO\t-\t-\n\n1\tOslo\tB-LOC\t-\t-\n",
        "#\thttp://x\t[2010]\t\n1\tAngela\tB-PER\tO\n2\tMerkel\tI-PER\tB-OTH\n3\tspoke\tO\tO\n\n1\tOslo\tB-LOC\tO\t\n",
    ],
)
def test_layouts_that_are_found(read, text):
    assert read(text) == PLAIN


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (
            "B-PER|Angela|x\nI-PER|Merkel|y\nO|spoke|z\n\nB-LOC|Oslo|x\n",
            {"separator": "|", "token_column": 1, "tag_column": 0},
        ),
        (
            "x\tAngela\tB-PER\tp\nx\tMerkel\tI-PER\tp\nx\tspoke\tO\tp\n\nx\tOslo\tB-LOC\tp\n",
            {"token_column": "1", "tag_column": -2},
        ),
        ("Angela\tB-PER\nMerkel\tI-PER\nspoke\tO\n\nOslo\tB-LOC\n", {"separator": "space"}),
    ],
)
def test_layouts_that_are_given(read, text, options):
    assert read(text, **options) == PLAIN


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a,B-X\nb,O\n\nc,O\n", {}),
        ("a|||B-X\nb|||O\n\nc|||O\n", {}),
        ("a;X;B-X\nb;X;O\n\nc;X;O\n", {"separator": "semicolon"}),
        ("token tag\na B-X\nb O\n\nc O\n", {}),
        ("# global.columns = NER FORM\nB-X\ta\nO\tb\n\nO\tc\n", {}),
        ("# a note\nWord\tPOS\tNER\na\tY\tB-X\nb\tY\tO\n\nc\tY\tO\n", {}),
        ("gold surface\nB-X a\nO b\n\nO c\n", {"token_column": "Surface", "tag_column": "gold"}),
        ("a B-Y B-X\nb B-Y O\n\nc O O\n", {"tag_column": 2}),
    ],
)
def test_names_and_separators(read, text, options):
    assert read(text, **options) == [(["a", "b"], ["B-X", "O"]), (["c"], ["O"])]


def test_the_task_chooses_among_named_columns(read):
    text = "word pos chunk ner\na X B-NP B-PER\n"
    tags = [read(text, task)[0][1] for task in ("pos", "chunking", "ner")]
    assert tags == [["X"], ["B-NP"], ["B-PER"]]
    assert read(text, "ner", tag_column="chunk")[0][1] == ["B-NP"]


def test_a_first_line_of_data_is_no_header(read):
    assert read("text O\nlabel B-X\n") == [(["text", "label"], ["O", "B-X"])]


def test_bmes(read):
    assert read("a B-X\nb M-X\nc E-X\nd S-Y\n") == [(list("abcd"), ["B-X", "I-X", "I-X", "B-Y"])]


def test_documents(tmp_path):
    path = tmp_path / "x.conll"
    for text, documents in (
        ("a O\n\n-DOCSTART- O\n\nb B-X\n\nc O\n\n-DOCSTART- O\nd O\n", [None, "1", "1", "2"]),
        ("-DOCSTART- -X- O\n\na X O\n-DOCSTART- -X- O\nb X B-X\n", ["1", "2"]),
    ):
        path.write_text(text)
        assert load_rows(path, task="ner")["document"] == documents
    path.write_text("a O\n")
    assert "document" not in load_rows(path, task="ner").column_names


def test_tokens_that_look_like_comments_are_kept(read):
    rows = read("#\tO\n# 1\tO\n#hashtag\tB-X\n\n#first\tO\n")
    assert rows == [(["#", "# 1", "#hashtag"], ["O", "O", "B-X"]), (["#first"], ["O"])]
    numbered = read("#\tsource\tO\n1\t#\tO\n2\tb\tB-X\n")
    assert numbered == [(["#", "b"], ["O", "B-X"])]


def test_only_spaces_and_tabs_separate(read):
    assert read("10\u00a0000 O\nx\u2028y B-A\n") == [(["10\u00a0000", "x\u2028y"], ["O", "B-A"])]
    assert read("Theory Versa\tB-PER\nbe\tO\n") == [(["Theory Versa", "be"], ["B-PER", "O"])]


def test_empty_tokens_keep_their_tags(read, caplog):
    with caplog.at_level(logging.WARNING):
        assert read("a\tO\n\tB-X\n \tO\n\u00a0\tO\n") == [(["a", "\ufffd", "\ufffd", "\ufffd"], ["O", "B-X", "O", "O"])]
    assert [record.message.split("/")[0] for record in caplog.records] == [
        "empty tokens, read as U+FFFD: 3 times, first at "
    ]
    assert "file.conll:2" in caplog.text


CHUNKED = "EU NNP B-NP B-ORG\nrejects VBZ B-VP O\n"


@pytest.mark.parametrize(
    ("task", "tags"), [("ner", ["B-ORG", "O"]), ("chunking", ["B-NP", "B-VP"]), ("pos", ["NNP", "VBZ"])]
)
def test_each_task_finds_its_column(read, task, tags):
    assert read(CHUNKED, task) == [(["EU", "rejects"], tags)]


def test_spans_of_the_other_kind_serve_when_there_are_no_others(read):
    assert read("EU NNP B-NP\n", "ner") == [(["EU"], ["B-NP"])]
    assert read("EU NNP B-ORG\n", "chunking") == [(["EU"], ["B-ORG"])]


def test_the_last_column_is_the_part_of_speech(read):
    assert read("runs run VERB\n\nit it _\n", "pos") == [(["runs"], ["VERB"]), (["it"], [None])]


def test_unknown_tags_in_a_span_column(read):
    assert read("a\tB-X\nb\t_\nc\tI-X\n") == [(["a", "b", "c"], ["B-X", None, "I-X"])]


def test_residues_in_columns(read):
    assert read("m\t_\nK\th\nV\tG\n", "protein_ss3") == [(["M", "K", "V"], ["C", "H", "H"])]


def test_ids_come_from_the_file_or_are_numbers(tmp_path):
    path = tmp_path / "file.iob2"
    path.write_text("# sent_id = doc-7\n# text = a\n1\ta\tO\n\n1\tb\tB-X\n")
    assert load_rows(path, task="ner")["id"] == ["doc-7", "2"]


def test_tokens_alone(read):
    assert read("a\nb\n\nc\n", require_tags=False) == [(["a", "b"], [None, None]), (["c"], [None])]
    assert read("a X\nb oops\n", require_tags=False) == [(["a", "b"], [None, None])]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("a O\nb O\nc\n", {}, r"file.conll:3: wrong number of columns: 1 instead of 2, separated by spaces: got 'c'"),
        ("a\tO\nb\tO\tO\n\nb\tO\n", {}, r"file.conll:2: wrong number of columns: 3 instead of 2, separated by TABs"),
        ("a\tO\n# note\nb\tO\n", {}, r"file.conll:2: .*Comments stand before a sentence"),
        ("a\tO\nb\tO\n\n#tag\n", {}, r"file.conll:4: wrong number of columns: 1 instead of 2"),
        ("a O\nb O\nc d O\n", {}, r"file.conll:3: .*Set data.separator"),
        ("a\nb\n", {}, r"there is no column of tags: got 'a'. Accepted: a token and a tag on each line"),
        ("a O\n", {"tag_column": 2}, r"data.tag_column asks for: got 2. Accepted: 0 to 1, or -1 to -2"),
        (
            "a O\n",
            {"token_column": "FORM"},
            r"data.token_column asks for: got 'FORM'.*the file does not name its columns",
        ),
        ("word tag\na O\n", {"tag_column": "tga"}, r"asks for: got 'tga'.*or a name: word, tag. Did you mean 'tag'\?"),
        ("a O\n", {"tag_column": 0}, r"there is no column of tags"),
    ],
)
def test_errors_name_file_and_line(read, text, options, message):
    with pytest.raises(DataError, match=message):
        read(text, **options)


def test_a_number_too_long_to_be_an_index(read):
    text = "1\ta\tO\n2\tb\tB-X\n\n" * 2 + "9" * 5000 + "\tc\tO\n"
    assert [tokens for tokens, _ in read(text)] == [["a", "b"], ["a", "b"], ["c"]]


def test_a_broken_index_far_down(read):
    text = "1\ta\tO\n2\tb\tB-X\n\n" * 2000 + "1\ta\tO\nx\tb\tO\n"
    with pytest.raises(DataError, match=r"file.conll:6002: the first column numbers the tokens.*got 'x'"):
        read(text)


@pytest.mark.parametrize(
    ("text", "line", "value"),
    [
        ("a B-PER\nb PER\nc I-PER\nd O\n", 2, "PER"),
        ("a PER\nb PER\nc PER\nd I-PER\n", 4, "I-PER"),
        ("a B-PER\nb -\nc I-PER\nd O\n", 2, "-"),
    ],
)
def test_a_mix_of_tags_with_and_without_prefixes(read, text, line, value):
    with pytest.raises(
        DataError, match=rf"file.conll:{line}: this is not a tag of the same scheme.*got '{value}'"
    ) as caught:
        read(text)
    assert caught.value.line == line


def test_a_column_of_words_is_no_column_of_tags(read):
    with pytest.raises(DataError, match=r"more than 1,000 different tags; this is no column of tags"):
        read("".join(f"a word{i}\n\n" for i in range(1100)))


def test_a_sentence_of_fifty_thousand_tokens(read):
    [(tokens, tags)] = read("a\tB-X\nb\tI-X\n" * 25_000)
    assert len(tokens) == len(tags) == 50_000
