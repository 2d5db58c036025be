"""Writers of rows: the bytes of each format, and what each says that it cannot hold."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.repairs.changes import ChangeLog
from bilstm_tagger.data.writers.base import WriteOptions, watch_losses
from bilstm_tagger.data.writers.formats import ROW_FORMATS, find_row_format
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks import get_task

NER, POS, SS3 = map(get_task, ("ner", "pos", "protein_ss3"))

OSLO = Record("7", ["Anna", "Lee", "visits", "Oslo", "."], ["B-PER", "I-PER", "O", "B-LOC", "O"], "in.conll", 3)
TEXT = Record(
    "s1",
    ["Anna", "Lee", "visits", "Oslo", "."],
    ["B-PER", "I-PER", "O", "B-LOC", "O"],
    "in.jsonl",
    1,
    text="Anna Lee  visits Oslo.",
    offsets=[(0, 4), (5, 8), (10, 16), (17, 21), (21, 22)],
    document="news",
)
UNKNOWN = Record("2", ["a", "b"], [None, None], "in.jsonl", 2)


def write(name: str, *records: Record, task=NER, **options) -> tuple[str, dict[str, int]]:
    """The text of some rows in a format, and the losses."""
    options = WriteOptions(task=task, **options)
    stream = io.StringIO()
    row_format = ROW_FORMATS[name]
    rows = watch_losses(records, row_format.held(options), options, number=lambda record: records.index(record) + 1)
    row_format.write(rows, stream, options)
    return stream.getvalue(), options.losses.counts


def test_conll() -> None:
    text, lost = write("conll", OSLO, UNKNOWN)
    assert text == "Anna\tB-PER\nLee\tI-PER\nvisits\tO\nOslo\tB-LOC\n.\tO\n\na\t_\nb\t_\n\n"
    assert lost == {"the ids": 1}


def test_conll_in_another_scheme_with_spaces_documents_and_ids() -> None:
    text, lost = write("conll", TEXT, separator=" ", scheme=Scheme.BMES, comments=True)
    assert text == "-DOCSTART- O\n\n# sent_id = s1\nAnna B-PER\nLee E-PER\nvisits O\nOslo S-LOC\n. O\n\n"
    assert lost == {"the running text and the character offsets": 1, "the names of documents": 1}


def test_rows_of_no_document_after_one_are_a_loss() -> None:
    _, lost = write("conll", OSLO._replace(document="1", id="1"), OSLO._replace(id="2"))
    assert lost == {"that rows belong to no document": 1}


@pytest.mark.parametrize("token", ["a\tb", "a\nb", " a", "\ufeffa", "-DOCSTART-", "\rb"])
def test_conll_refuses_what_it_cannot_hold(token: str) -> None:
    with pytest.raises(DataError, match=r"^in.conll:3: the format 'conll' cannot hold this token: .*--repair"):
        write("conll", OSLO._replace(tokens=[token, "c", "d", "e", "f"]))


def test_a_space_is_refused_only_between_columns_of_spaces() -> None:
    record = Record("1", ["New York"], ["B-LOC"], "in", 1)
    assert write("conll", record)[0] == "New York\tB-LOC\n\n"
    with pytest.raises(DataError, match="cannot hold this token"):
        write("conll", record, separator=" ")


def test_what_does_not_fit_is_replaced_where_changes_are_listed() -> None:
    log = ChangeLog()
    record = Record("1", ["New York", "x"], ["B-LOC", "O"], "in", 1, [4, 5])
    assert write("conll", record, separator=" ", changes=log)[0] == "New_York B-LOC\nx O\n\n"
    assert [str(change) for change in log.kept] == ["in:4: token 'New York' -> 'New_York'"]


@pytest.mark.parametrize("tag", ["_", "a\tb"])
def test_tags_that_read_as_something_else_are_refused(tag: str) -> None:
    with pytest.raises(DataError, match="cannot hold this tag"):
        write("conll", Record("1", ["a"], [tag], "in", 1), task=POS)


def test_unknown_states_of_residues_are_question_marks() -> None:
    assert write("conll", Record("1", ["A", "C"], ["H", None], "in", 1), task=SS3)[0] == "A\tH\nC\t?\n\n"


def test_rows_without_tokens_are_a_loss_of_columns() -> None:
    empty = Record("1", [], [], "in.jsonl", 5)
    text, lost = write("conll", empty, OSLO._replace(id="2"))
    assert text.startswith("Anna")
    assert lost == {"rows without tokens": 1}
    assert json.loads(write("jsonl", empty)[0]) == {"id": "1", "tokens": [], "tags": []}


def test_conllu_of_parts_of_speech() -> None:
    record = Record("w1", ["vai", "ao"], ["VERB", "X"], "in", 1, text="vai ao", offsets=[(0, 3), (4, 6)], document="d")
    text, lost = write("conllu", record, task=POS)
    assert text == (
        "# newdoc id = d\n# sent_id = w1\n# text = vai ao\n"
        "1\tvai\t_\tVERB\t_\t_\t_\t_\t_\t_\n2\tao\t_\tX\t_\t_\t_\t_\t_\t_\n\n"
    )
    assert lost == {}


def test_words_that_share_their_place_are_a_multi_word_token() -> None:
    record = Record("1", ["a", "o", "."], ["X"] * 3, "in", 1, text="ao.", offsets=[(0, 2), (0, 2), (2, 3)])
    # "a" and "o" do spell "ao": then their places are not shared, and the text cannot tell.
    assert (
        "offsets that words in a row of text do not give, and with them the text"
        in write("conllu", record, task=POS)[1]
    )
    text, lost = write("conllu", record._replace(tokens=["a", "os", "."]), task=POS)
    assert "1-2\tao\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n" in text
    assert lost == {}


def test_conllu_of_spans_has_a_column_of_the_tasks_name() -> None:
    text, _ = write("conllu", TEXT)
    assert text.startswith(
        "# global.columns = ID FORM NER MISC\n# newdoc id = news\n# sent_id = s1\n# text = Anna Lee  "
    )
    assert "\n4\tOslo\tB-LOC\tSpaceAfter=No\n5\t.\tO\t_\n" in text


def test_conllu_is_not_for_proteins() -> None:
    with pytest.raises(ConfigError, match=r"CoNLL-U is for words: got 'protein_ss3'"):
        write("conllu", OSLO, task=SS3)


def test_csv_quotes_what_has_to_be() -> None:
    record = Record("1", ['"', ",", "a\nb", "c"], ["O", None, "O", "B-X"], "in", 1)
    assert write("csv", record)[0] == 'sentence,word,tags\n1,"""",O\n1,",",\n1,"a\nb",O\n1,c,B-X\n'
    assert write("tsv", Record("1", [","], ["O"], "in", 1))[0] == "sentence\tword\ttags\n1\t,\tO\n"


def test_csv_gives_numbers_to_rows_that_share_an_id() -> None:
    text, lost = write("csv", *[Record("2", ["a"], ["O"], "in", line) for line in (1, 2, 3)])
    assert [line.split(",")[0] for line in text.splitlines()] == ["sentence", "2", "2-2", "2"]
    assert lost == {"ids that are empty, or those of the sentence before": 1}


def test_csv_of_chains() -> None:
    chain = Record("1abc", ["A", "C"], ["H", None], "in", 1)
    assert write("csv", chain, task=SS3, unknown=True)[0] == "id,sequence,labels,mask\n1abc,AC,HC,10\n"
    assert write("csv", chain._replace(tags=["H", "E"]), task=SS3)[0] == "id,sequence,labels\n1abc,AC,HE\n"


def test_jsonl_holds_all() -> None:
    record = TEXT._replace(dense=[[0.5]] * 5)
    text, lost = write("jsonl", record)
    row = json.loads(text)
    assert list(row) == ["id", "document", "tokens", "tags", "text", "offsets", "dense"]
    assert (row["id"], row["document"], row["dense"][0], row["offsets"][1]) == ("s1", "news", [0.5], [5, 8])
    assert lost == {}


def test_json_is_one_array() -> None:
    assert [row["id"] for row in json.loads(write("json", OSLO, UNKNOWN)[0])] == ["7", "2"]
    assert json.loads(write("json")[0]) == []


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("spacy", {"ents": [{"start": 0, "end": 8, "label": "PER"}, {"start": 17, "end": 21, "label": "LOC"}]}),
        ("doccano", {"label": [[0, 8, "PER"], [17, 21, "LOC"]]}),
        (
            "hf",
            {
                "entities": [
                    {"entity_group": "PER", "word": "Anna Lee", "start": 0, "end": 8},
                    {"entity_group": "LOC", "word": "Oslo", "start": 17, "end": 21},
                ]
            },
        ),
    ],
)
def test_layouts(layout: str, expected: dict) -> None:
    row = json.loads(write("jsonl", TEXT, layout=layout)[0])
    assert {"id": "s1", "document": "news", "text": TEXT.text}.items() <= row.items()
    assert expected.items() <= row.items()


def test_prodigy_and_label_studio() -> None:
    row = json.loads(write("jsonl", TEXT, layout="prodigy")[0])
    assert row["tokens"][3] == {"text": "Oslo", "start": 17, "end": 21, "id": 3, "ws": False}
    assert row["spans"][0] == {"start": 0, "end": 8, "token_start": 0, "token_end": 1, "label": "PER"}
    assert row["answer"] == "accept"
    task = json.loads(write("jsonl", TEXT, layout="label-studio")[0])
    assert task["data"] == {"text": TEXT.text}
    assert task["annotations"][0]["result"][1] == {
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {"start": 17, "end": 21, "text": "Oslo", "labels": ["LOC"]},
    }


def test_spans_without_a_text_are_told_as_a_loss() -> None:
    text, lost = write("jsonl", OSLO, layout="doccano")
    assert json.loads(text)["text"] == "Anna Lee visits Oslo ."
    assert lost == {"which tokens had no blank between them: the text is the tokens joined by blanks": 1}


def test_rows_that_nobody_annotated_have_no_spans() -> None:
    assert json.loads(write("jsonl", UNKNOWN, layout="hf")[0])["entities"] is None
    assert json.loads(write("jsonl", UNKNOWN, layout="label-studio")[0])["annotations"] == []
    half = UNKNOWN._replace(tags=["B-X", None])
    assert "which tags are unknown: they read as O" in write("jsonl", half, layout="hf")[1]


def test_layouts_of_spans_need_spans_with_labels() -> None:
    with pytest.raises(ConfigError, match="the layout 'hf' holds spans, and the task 'pos' has none"):
        write("jsonl", OSLO, layout="hf", task=POS)
    with pytest.raises(DataError, match=r"^in:4: a span without a label: got 'B'"):
        write("jsonl", Record("1", ["a"], ["B"], "in", 4), layout="hf")


def test_io_says_which_rows_cannot_be_told_apart() -> None:
    text, lost = write("conll", Record("1", ["a", "b"], ["B-X", "B-X"], "in", 1), scheme=Scheme.IO)
    assert text == "a\tI-X\nb\tI-X\n\n"
    assert lost == {"where IO cannot tell, which tokens are one span": 1}


def test_fasta() -> None:
    chain = Record("1abc A", ["A", "C"], ["H", None], "in", 1)
    mask = io.StringIO()
    text, lost = write("fasta", chain, task=SS3, unknown=True, mask=mask)
    assert (text, mask.getvalue()) == (">1abc_A\nAC\nHC\n", ">1abc_A\n10\n")
    assert lost == {"white space in ids": 1}
    with pytest.raises(ConfigError, match="some states are unknown, and a FASTA file needs a second one"):
        write("fasta", chain, task=SS3, unknown=True)
    with pytest.raises(ConfigError, match=r"FASTA is for proteins: got 'ner'"):
        write("fasta", OSLO)


def test_brat(tmp_path: Path) -> None:
    options = WriteOptions(task=NER, name="all")
    folder = tmp_path / "brat"
    rows = [TEXT, TEXT._replace(text=TEXT.text.replace("  ", " \n")), OSLO, TEXT._replace(document="a/b")]
    ROW_FORMATS["brat"].write(rows, folder, options)
    assert sorted(path.name for path in folder.iterdir()) == [
        "a_b.ann",
        "a_b.txt",
        "all.ann",
        "all.txt",
        "news.ann",
        "news.txt",
    ]
    assert (folder / "news.txt").read_text() == "Anna Lee  visits Oslo.\n" * 2
    assert (folder / "news.ann").read_text().splitlines() == [
        "T1\tPER 0 8\tAnna Lee",
        "T2\tLOC 17 21\tOslo",
        "T3\tPER 23 31\tAnna Lee",
        "T4\tLOC 40 44\tOslo",
    ]
    assert options.losses.counts["line ends inside the text, now blanks"] == 1
    assert options.losses.counts["the names of documents"] == 1
    assert "the order of documents: files are read by their names" in options.losses.counts


def test_brat_has_spans_and_labels_without_blanks(tmp_path: Path) -> None:
    options = WriteOptions(task=NER)
    with pytest.raises(DataError, match=r"^in:1: BRAT cannot hold this label: got 'a b'"):
        ROW_FORMATS["brat"].write([Record("1", ["a"], ["B-a b"], "in", 1)], tmp_path / "x", options)
    with pytest.raises(ConfigError, match=r"BRAT holds spans: got 'pos'"):
        ROW_FORMATS["brat"].write([], tmp_path / "y", WriteOptions(task=POS))


def test_formats_by_ending() -> None:
    for name, ending in [
        ("conll", "a.txt"), ("conll", "a.bio.gz"), ("conllu", "a.conllu.xz"), ("json", "a.json"), ("tsv", "a.tsv"),
        ("parquet", "a.parquet"), ("fasta", "a.fa"), ("brat", "folder"),
    ]:  # fmt: skip
        assert find_row_format(Path(ending), None).name == name
    assert find_row_format(None, None).name == "conll"
    assert find_row_format(Path("a.txt"), "jsonl").name == "jsonl"


@pytest.mark.parametrize(
    ("path", "name", "message"),
    [
        ("a.xml", None, r"this ending does not tell the format to write: got 'a.xml'.*--to"),
        ("a.txt", "jsnl", r"unknown format to write: got 'jsnl'.*Did you mean 'jsonl'"),
        (None, "parquet", "parquet cannot go to standard output"),
        ("a.arrow.gz", None, "arrow files are compressed inside"),
    ],
)
def test_formats_that_are_none(path: str | None, name: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_row_format(None if path is None else Path(path), name)
