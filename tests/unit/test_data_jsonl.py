import json

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError


@pytest.fixture
def write(tmp_path):
    def write(*objects, name="x.jsonl"):
        path = tmp_path / name
        lines = (item if isinstance(item, str) else json.dumps(item) for item in objects)
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    "record",
    [
        {"tokens": ["EU"], "tags": ["B-ORG"]},
        {"words": ["EU"], "ner_tags": ["B-ORG"], "pos_tags": ["NNP"]},
        {"Tokens": ["EU"], "labels": ["I-ORG"]},
    ],
)
def test_names_of_fields(write, record):
    assert load_rows(write(record), task="ner")[:] == {"id": ["1"], "tokens": [["EU"]], "tags": [["B-ORG"]]}


def test_everything_a_row_can_hold(write):
    record = {"id": 7, "text": "a b", "offsets": [[0, 1], [2, 3]], "tokens": ["a", "b"], "tags": ["X", None]}
    record["dense"] = [[0.5, 1], [2, 3]]
    row = load_rows(write(record, "", record), task="pos")[1]
    assert row == record | {"id": "7"}


def test_proteins_as_strings_with_a_mask(write):
    path = write({"id": "p", "sequence": "mkv", "label": "HEC", "resolved": "011"})
    assert load_rows(path, task="protein_ss3")[0] == {"id": "p", "tokens": list("MKV"), "tags": [None, "E", "C"]}


def test_one_array(write):
    path = write('[{"tokens": ["a"], "tags": ["O"]},', '{"tokens": ["b"], "tags": ["O"]}]', name="x.json")
    assert load_rows(path, task="ner")["tokens"] == [["a"], ["b"]]


def test_named_fields_and_no_tags(write):
    path = write({"form": ["a"], "gold": ["O"]}, name="data.txt")
    assert load_rows(path, task="ner", token_column="form", tag_column="gold")["tags"] == [["O"]]
    assert load_rows(path, task="ner", token_column="form", require_tags=False)["tags"] == [[None]]


@pytest.mark.parametrize(
    ("records", "message"),
    [
        (['{"tokens": ["a"]'], r"x.jsonl:1: not valid JSON at column"),
        (['[{"tokens": ]'], r"x.jsonl:1: not valid JSON at column"),
        (["3"], r"x.jsonl:1: no layout that is known: got 3"),
        ([{"tokens": ["a"]}], r"no layout that is known \(no data.tag_column\): got \['tokens'\]. Accepted: .*tags"),
        ([{"tags": ["O"]}], r"no layout that is known \(no data.token_column\).*Set data.token_column"),
        ([{"tokens": ["a"], "tags": ["O", "O"]}], r"x.jsonl:1: 2 tags for 1 tokens"),
        ([{"tokens": ["a"], "tags": [[3]]}], r"this is no span: got \[3\]"),
        ([{"tokens": ["a"], "tags": [1.5]}], r"'tags' is not a list of strings"),
        ([{"tokens": "a b", "tags": ["O"]}], r"'tokens' is not a list of strings"),
        ([{"tokens": [None], "tags": ["O"]}], r"a token is null"),
        ([{"tokens": ["a"], "tags": ["O"], "text": "a", "offsets": [[0, 5]]}], r"an offset lies outside the text"),
        ([{"tokens": ["a"], "tags": ["O"], "text": "a", "offsets": [3]}], r"offsets are no pairs of numbers"),
        (
            ['{"tokens": ["a"], "tags": ["O"], "text": "a", "offsets": [[0, 1e999]]}'],
            r"offsets are no pairs of numbers",
        ),
        ([{"tokens": ["a"], "tags": ["O"], "text": "a", "offsets": []}], r"0 offsets for 1 tokens"),
        ([{"tokens": ["a"], "tags": ["O"], "dense": [1]}], r"dense is no list of rows of one width"),
        ([{"tokens": ["a"], "tags": ["O"], "dense": [["x"]]}], r"dense holds something other than numbers"),
        ([{"tokens": ["a"], "tags": ["O"], "dense": [[1], [2]]}], r"2 rows of dense for 1 tokens"),
        (
            [{"tokens": ["a"], "tags": ["O"], "dense": [[1]]}, {"tokens": ["a"], "tags": ["O"]}],
            r"x.jsonl:2: another number of dense columns than in the first row: got 0. Accepted: 1",
        ),
        (['{"tokens": ["\\ud800"], "tags": ["O"]}'], r"x.jsonl:1: half of a surrogate pair"),
    ],
)
def test_errors(write, records, message):
    with pytest.raises(DataError, match=message):
        load_rows(write(*records), task="ner")


@pytest.mark.parametrize("key", ["token_column", "tag_column"])
def test_a_field_that_was_asked_for_is_missing(write, key):
    with pytest.raises(DataError, match=rf"x.jsonl:1: there is no field for data.{key}.*Accepted: gold"):
        load_rows(write({"tokens": ["a"], "tags": ["O"]}), task="ner", **{key: "gold"})


def test_documents(write):
    path = write({"tokens": ["a"], "tags": ["O"], "document": "x"}, {"tokens": ["b"], "tags": ["O"], "document": 2})
    assert load_rows(path, task="ner")["document"] == ["x", "2"]


def test_empty_tokens_keep_their_tags(write, caplog):
    assert load_rows(write({"tokens": ["", "a"], "tags": ["O", "O"]}), task="ner")["tokens"] == [["\ufffd", "a"]]
    assert "empty tokens, read as U+FFFD: 1 times" in caplog.text


@pytest.mark.parametrize("number", ["NaN", "Infinity", "9" * 400, "1e39"])
def test_numbers_that_single_precision_cannot_hold(tmp_path, number):
    path = tmp_path / "x.jsonl"
    path.write_text(f'{{"tokens": ["a"], "tags": ["O"], "dense": [[{number}]]}}\n')
    with pytest.raises(DataError, match=r"x.jsonl:1: dense holds something other than numbers"):
        load_rows(path, task="ner")
