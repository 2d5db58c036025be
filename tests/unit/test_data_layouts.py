import json

import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.alignment import Misfits
from bilstm_tagger.errors import DataError

TEXT = "Angela Merkel saw Oslo."
WORDS = ["Angela", "Merkel", "saw", "Oslo", "."]
TAGS = ["B-PER", "I-PER", "O", "B-LOC", "O"]
SPANS = [[0, 13, "PER"], [18, 22, "LOC"]]


def objects(start="start", end="end", label="label", **more):
    return [{start: first, end: last, label: name} | more for first, last, name in SPANS]


@pytest.fixture
def write(tmp_path):
    def write(*values, name="x.jsonl"):
        path = tmp_path / name
        path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
        return path

    return write


def studio(results, **more):
    return {"id": 7, "data": {"text": TEXT, "source": "web"}, "annotations": [{"result": results}], **more}


RESULTS = [
    {"value": {"start": first, "end": last, "text": TEXT[first:last], "labels": [name]}, "type": "labels"}
    for first, last, name in SPANS
]


@pytest.mark.parametrize(
    "value",
    [
        [TEXT, {"entities": SPANS}],
        [TEXT, SPANS],
        {"text": TEXT, "entities": SPANS},
        {"text": TEXT, "ents": objects(), "title": None},
        {"text": TEXT, "spans": objects(), "answer": "accept"},
        {"text": TEXT, "label": SPANS},
        {"text": TEXT, "labels": SPANS, "meta": {}},
        {"text": TEXT, "entities": objects("start_offset", "end_offset", id=1), "relations": []},
        {"text": TEXT, "entities": objects(label="type", name="")},
        {"text": TEXT, "entities": [{"span": span[:2], "type": span[2]} for span in SPANS]},
        {"text": TEXT, "entities": [{"offsets": [span[:2]], "type": span[2], "text": ["x"]} for span in SPANS]},
        {"sentence": TEXT, "entities": [[span[2], span[0], span[1]] for span in SPANS]},
        {"text": TEXT, "entities": {"start": [0, 18], "end": [13, 22], "label": ["PER", "LOC"]}},
        {"text": TEXT, "label": [{"start": span[0], "end": span[1], "labels": [span[2]]} for span in SPANS]},
        {"text": TEXT, "tokens": WORDS, "entities": objects()},
        {"tokens": WORDS, "entities": [{"start": 0, "end": 2, "type": "PER"}, {"start": 3, "end": 4, "type": "LOC"}]},
        {"tokenized_text": WORDS, "ner": [[0, 1, "PER"], [3, 3, "LOC"]]},
        studio(RESULTS),
        studio([*RESULTS, {"type": "choices", "value": {"choices": ["good"]}}]),
        {"data": {"text": TEXT}, "completions": [{"result": [], "was_cancelled": True}, {"result": RESULTS}]},
        {"data": {"body": TEXT}, "annotations": [{"result": RESULTS}]},
    ],
)  # fmt: skip
def test_layouts(write, value):
    assert load_rows(write(value), task="ner")[0]["tags"] == TAGS


def test_what_a_row_of_text_holds(write):
    row = load_rows(write({"id": 3, "doc_id": "d", "text": "É. 🎉Oslo", "label": [[4, 8, "LOC"]]}), task="ner")[0]
    assert row == {
        "id": "3",
        "tokens": ["É", ".", "🎉", "Oslo"],
        "tags": ["O", "O", "O", "B-LOC"],
        "text": "É. 🎉Oslo",
        "offsets": [[0, 1], [1, 2], [3, 4], [4, 8]],
        "document": "d",
    }


def test_tokens_of_prodigy(write):
    tokens = [{"text": "New-", "start": 0, "end": 4, "id": 0}, {"text": "York", "start": 4, "end": 8, "id": 1}]
    value = {"text": "New-York", "tokens": tokens, "spans": [{"start": 4, "end": 8, "label": "X"}]}
    assert load_rows(write(value), task="ner")[0]["tokens"] == ["New-", "York"]
    tokens[1]["start"] = 3
    with pytest.raises(DataError, match=r"x.jsonl:1: a token does not lie in the text after the one before it"):
        load_rows(write(value), task="ner")


def test_what_nobody_has_marked_is_unknown(write, caplog):
    path = write(
        {"text": "a b", "spans": None}, {"text": "c", "spans": [], "answer": "reject"}, {"text": "d", "spans": []}
    )
    assert load_rows(path, task="ner")["tags"] == [[None, None], [None], ["O"]]
    assert "texts that nobody has annotated or accepted, tags unknown: 2 times" in caplog.text
    studio_path = write({"data": {"text": "a"}, "annotations": []}, name="y.jsonl")
    assert load_rows(studio_path, task="ner")["tags"] == [[None]]


def test_text_alone(write):
    path = write({"text": "a b"}, ["c d", {"entities": []}])
    assert load_rows(path, task="ner", require_tags=False)["tokens"] == [["a", "b"], ["c", "d"]]


def test_named_fields(write):
    path = write({"body": TEXT, "marks": SPANS})
    assert load_rows(path, task="ner", token_column="body", tag_column="marks")[0]["tags"] == TAGS


def test_spans_over_tokens_that_overlap(write):
    found = Misfits()
    value = {
        "tokens": ["a", "b", "c"],
        "spans": [{"start": 0, "end": 1, "label": "X"}, {"start": 0, "end": 3, "label": "Y"}],
    }
    assert load_rows(write(value), task="ner", misfits=found)[0]["tags"] == ["B-Y", "I-Y", "I-Y"]
    assert [misfit.problem for misfit in found.records] == ["nested in another span"]


def test_a_text_that_stands_elsewhere_is_found(write):
    # Offsets that count UTF-16 units, as JavaScript does.
    found = Misfits()
    value = {"text": "🎉🎉 Oslo", "entities": [{"start": 5, "end": 9, "label": "LOC", "text": "Oslo"}]}
    assert load_rows(write(value), task="ner", misfits=found)[0]["tags"] == ["O", "O", "B-LOC"]
    assert found.records[0].action == "moved to 3-7"


@pytest.mark.parametrize(
    ("values", "files"),
    [
        ([{"tokens": ["a", "b"], "ner_tags": [1, 0]}], {"labels.txt": "O\nB-X\n"}),
        ([{"tokens": ["a", "b"], "ner_tags": [1, 0]}], {"labels.json": '["O", "B-X"]'}),
        ([{"tokens": ["a", "b"], "ner_tags": [1, 0]}], {"config.json": '{"id2label": {"0": "O", "1": "B-X"}}'}),
        ([{"tokens": ["a", "b"], "ner_tags": [1, 0], "label_names": ["O", "B-X"]}], {}),
        ([{"tokens": ["a", "b"], "ner_tags": [1, 0], "tag_names": {"O": 0, "B-X": 1}}], {}),
        ([{"text": "a b", "label": [[0, 1, 5]], "names": {"5": "X"}}], {}),
    ],
)
def test_numbers_with_their_names(write, values, files):
    path = write(*values)
    for name, content in files.items():
        path.with_name(name).write_text(content)
    assert load_rows(path, task="ner")["tags"] == [["B-X", "O"]]


def test_a_file_of_names(write, tmp_path):
    path = write({"tokens": ["a", "b"], "ner_tags": [1, -100]}, {"tokens": ["c"], "ner_tags": [2]})
    names = tmp_path / "my-names"
    names.write_text("O\nB-X\n")
    with pytest.raises(DataError, match=r"x.jsonl:2: a number that stands for no label: got 2. Accepted: 0 to 1"):
        load_rows(path, task="ner", labels=str(names))
    names.write_text("O\nB-X\nB-Y\n")
    assert load_rows(path, task="ner", labels=str(names))["tags"] == [["B-X", None], ["B-Y"]]
    for content, message in (("", r"my-names: no names of labels"), ("[1", r"my-names: not valid JSON")):
        names.write_text(content)
        with pytest.raises(DataError, match=message):
            load_rows(path, task="ner", labels=str(names))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"text": "a", "entities": [[0, 1]]}, r"this is no span: got \[0, 1\]. Accepted: \[start, end, \"LABEL\"\]"),
        ({"text": "a", "entities": [["0", 1, "X"]]}, r"this is no span"),
        ({"text": "a", "entities": [{"start": 0, "end": 1}]}, r"this is no span"),
        ({"text": "a", "entities": [{"start": 0, "end": 1, "label": []}]}, r"this is no span"),
        ({"text": "a", "entities": [{"start": 0, "end": True, "label": "X"}]}, r"this is no span"),
        ({"text": "a", "entities": {"start": [0], "end": []}}, r"this is no span"),
        ({"text": "a", "entities": [{"offsets": [[0]], "type": "X"}]}, r"this is no span"),
        ({"text": "a"}, r"no layout that is known.*\['text'\].*Accepted: .*\(spaCy\).*\(Label Studio\)"),
        (["a", "b", "c"], r"no layout that is known"),
        ({"tokens": ["a"], "spans": [{"start": 0, "end": 2, "label": "X"}]}, r"a span lies outside the tokens"),
        ({"data": {"a": "x", "b": "y"}, "annotations": []}, r"a Label Studio task whose text cannot be found"),
        ({"tokens": ["a"], "ner_tags": [3]}, r"tags that are numbers cannot be read without the names"),
    ],
)
def test_errors(write, value, message):
    with pytest.raises(DataError, match=rf"x.jsonl:1: {message}"):
        load_rows(write(value), task="ner")


def test_text_with_spans_is_for_tasks_of_spans(write):
    with pytest.raises(DataError, match=r"the task 'pos' has a tag for each token, and this is text with marked spans"):
        load_rows(write([TEXT, {"entities": SPANS}]), task="pos")


A, B = {"tokens": ["a"], "tags": ["O"]}, {"tokens": ["b"], "tags": ["B-X"]}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps([A, B]),
        json.dumps([A, B], indent=2),
        "[\n" + json.dumps(A) + ",\n" + json.dumps(B) + "\n]\n",
        json.dumps({"version": 1, "data": [A, B]}),
        json.dumps({"data": [A, B]}, indent=1),
        json.dumps(A, indent=1) + "\n\n" + json.dumps(B, indent=1),
        json.dumps(A) + "\r\n\r\n" + json.dumps(B) + "\r\n",
        "\ufeff" + json.dumps([A, B]),
        json.dumps([["a", []], ["b", [[0, 1, "X"]]]]),
        json.dumps([["a", []], ["b", [[0, 1, "X"]]]], indent=1),
        json.dumps({"classes": ["X"], "annotations": [["a", {"entities": []}], ["b", {"entities": [[0, 1, "X"]]}]]}),
    ],
)
def test_files_of_json(tmp_path, text):
    for name, format in (("x.json", "auto"), ("x.txt", "jsonl")):
        (tmp_path / name).write_bytes(text.encode())
        assert load_rows(tmp_path / name, task="ner", format=format)["tags"] == [["O"], ["B-X"]]


def test_a_long_array_is_read_piece_by_piece(tmp_path):
    path = tmp_path / "x.json"
    records = [{"tokens": ["é" * 50] * (i % 7), "tags": ["O"] * (i % 7), "id": str(i)} for i in range(3000)]
    path.write_text(json.dumps(records, indent=1), encoding="utf-8")
    rows = load_rows(path, task="ner")
    assert rows["id"] == [str(i) for i in range(3000)]
    path.write_text(json.dumps(records, indent=1).replace('"2000"', '"2000'), encoding="utf-8")
    line = next(i for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1) if '"2000' in line)
    with pytest.raises(DataError, match=rf"x.json:{line}: not valid JSON") as caught:
        load_rows(path, task="ner")
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[{"tokens": ["a"], "tags": ["O"]}', r"x.json:1: not valid JSON at column \d+ \(the array is not closed"),
        ('[\n{"tokens": ["a"], "tags": ["O"]}\n{"tokens"', r"x.json:3: not valid JSON at column 1 \(Expecting ','"),
        ("[" * 100_000, r"x.json:1: JSON that is nested too deeply"),
        ('{"id": ' + "9" * 5000 + "}", r"x.json:1: not valid JSON \(Exceeds the limit"),
        ('{"tokens": ["a"], "tags": ["O"]}\n{"tokens": ', r"x.json:2: not valid JSON at column"),
        ('{\n"tokens": ["a"],\n"tags" ["O"]}', r"x.json:3: not valid JSON at column 8"),
    ],
)
def test_json_that_is_none(tmp_path, text, message):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_rows(path, task="ner")
