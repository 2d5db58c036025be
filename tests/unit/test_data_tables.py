"""Parquet and Arrow files, data frames and data sets."""

import zipfile

import datasets
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError

COLUMNS = {"id": ["x", "y"], "tokens": [["Ann", "Lee"], ["Oslo"]], "ner_tags": [["B-PER", "I-PER"], ["B-LOC"]]}
ROWS = {"id": ["x", "y"], "tokens": COLUMNS["tokens"], "tags": COLUMNS["ner_tags"]}
NAMES = datasets.ClassLabel(names=["O", "B-PER", "I-PER", "B-LOC"])
NUMBERED = datasets.Dataset.from_dict(
    COLUMNS | {"ner_tags": [[1, 2], [3]]},
    features=datasets.Features(
        {
            "id": datasets.Value("string"),
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(NAMES),
        }
    ),
)


def write_arrow(path, *, stream):
    table = pa.table(COLUMNS)
    new = pa.ipc.new_stream if stream else pa.ipc.new_file
    with new(str(path), table.schema) as writer:
        writer.write_table(table)
    return path


def test_parquet(tmp_path):
    pyarrow.parquet.write_table(pa.table(COLUMNS), tmp_path / "x.parquet")
    assert load_rows(tmp_path / "x.parquet", task="ner")[:] == ROWS
    NUMBERED.to_parquet(str(tmp_path / "y.parquet"))
    assert load_rows(tmp_path / "y.parquet", task="ner")[:] == ROWS  # the names stand in the file
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.write(tmp_path / "x.parquet", "a.parquet")
        archive.write(tmp_path / "y.parquet", "b.parquet")
    assert len(load_rows(tmp_path / "z.zip", task="ner")) == 4


@pytest.mark.parametrize("stream", [True, False])
def test_arrow(tmp_path, stream):
    path = write_arrow(tmp_path / "x.arrow", stream=stream)
    assert load_rows(path, task="ner")[:] == ROWS
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.write(path, "a.arrow")
        archive.write(path, "b.arrow")
    assert len(load_rows(tmp_path / "z.zip", task="ner")) == 4


def test_numbers_with_a_file_of_names(tmp_path):
    pyarrow.parquet.write_table(pa.table(COLUMNS | {"ner_tags": [[1, 2], [3]]}), tmp_path / "x.parquet")
    (tmp_path / "labels.txt").write_text("O\nB-PER\nI-PER\nB-LOC\n")
    assert load_rows(tmp_path / "x.parquet", task="ner")[:] == ROWS


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
@pytest.mark.parametrize("content", [b"", b"no such file", b"ARROW1 no", b"PAR1PAR1"])
def test_damaged_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: (not a readable (Parquet|Arrow) file|cannot be read)"):
        load_rows(tmp_path / name, task="ner")


def test_offsets_outside_the_buffers_are_found(tmp_path):
    path = write_arrow(tmp_path / "x.arrow", stream=True)
    data = path.read_bytes()
    broken = data.replace(b"\0\0\0\0\x03\0\0\0\x06\0\0\0", b"\0\0\0\0\x03\0\0\0\xff\xff\0\0", 1)
    assert broken != data
    path.write_bytes(broken)
    with pytest.raises(DataError, match=r"not a readable Arrow file"):
        load_rows(path, task="ner")


def test_data_frames():
    frame = pd.DataFrame(COLUMNS)
    assert load_rows(frame, task="ner")[:] == ROWS
    assert load_rows(pa.table(COLUMNS), task="ner")[:] == ROWS
    words = pd.DataFrame(
        {"Sentence #": ["1", None, "2"], "Word": ["Ann", "Lee", 7], "POS": ["X", "Y", "Z"], "Tag": ["B-PER", None, "O"]}
    )
    rows = load_rows(words, task="ner")
    assert rows["tokens"] == [["Ann", "Lee"], ["7"]]
    assert rows["tags"] == [["B-PER", None], ["O"]]
    assert load_rows(words, task="pos")["tags"] == [["X", "Y"], ["Z"]]
    assert load_rows(words, task="ner", token_column="POS", tag_column="Tag")["tokens"] == [["X", "Y"], ["Z"]]
    with pytest.raises(DataError, match=r"the data frame: columns of mixed types"):
        load_rows(pd.DataFrame({"tokens": [["a"], 3], "tags": ["O", "O"]}), task="ner")


def test_a_frame_that_changes_is_read_anew():
    frame = pd.DataFrame(COLUMNS)
    load_rows(frame, task="ner")
    frame.loc[1, "id"] = "z"
    assert load_rows(frame, task="ner")["id"] == ["x", "z"]


def test_several_splits():
    parts = datasets.DatasetDict({"train": NUMBERED, "validation": NUMBERED.select([1])})
    assert load_rows(parts, task="ner")[:] == ROWS
    assert load_rows(parts, task="ner", split="dev")["id"] == ["y"]
    with pytest.raises(DataError, match=r"the data set: no such split: got 'test'. Accepted: train, validation"):
        load_rows(parts, task="ner", split="test")


def test_streamed_sets():
    streamed = NUMBERED.to_iterable_dataset()
    for _ in range(2):
        assert load_rows(streamed, task="ner")[:] == ROWS
    unknown = datasets.IterableDataset.from_generator(lambda: iter([{"tokens": ["a"], "tags": ["O"]}]))
    assert load_rows(unknown, task="ner")["tags"] == [["O"]]
    assert load_rows(datasets.IterableDatasetDict({"train": streamed}), task="ner")[:] == ROWS

    def fails():
        yield {"tokens": ["a"], "tags": ["O"]}
        raise ConnectionError("gone")

    with pytest.raises(DataError, match=r"the data set: a row cannot be read \(ConnectionError: gone\)"):
        load_rows(datasets.IterableDataset.from_generator(fails), task="ner")


def test_spans_with_class_labels():
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "entities": datasets.List(
                {
                    "start": datasets.Value("int64"),
                    "end": datasets.Value("int64"),
                    "label": datasets.ClassLabel(names=["PER"]),
                }
            ),
        }
    )
    rows = {"text": ["Ann Lee", "no"], "entities": [[{"start": 0, "end": 7, "label": 0}], []]}
    dataset = datasets.Dataset.from_dict(rows, features=features)
    assert load_rows(dataset, task="ner")["tags"] == [["B-PER", "I-PER"], ["O"]]


def test_an_empty_table():
    with pytest.raises(DataError, match=r"the data set: there is nothing in it to read"):
        load_rows(pd.DataFrame({"tokens": [], "tags": []}), task="ner")
