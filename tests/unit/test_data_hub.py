import datasets
import pytest

from bilstm_tagger.data import load_rows
from bilstm_tagger.errors import DataError


@pytest.fixture
def dataset():
    names = datasets.ClassLabel(names=["O", "B-PER", "I-PER"])
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "tokens": datasets.List(datasets.Value("string")),
            "ner_tags": datasets.List(names),
        }
    )
    rows = {"id": ["x", "y"], "tokens": [["Ann", "Lee"], []], "ner_tags": [[1, 2], []]}
    return datasets.Dataset.from_dict(rows, features=features)


EXPECTED = {"id": ["x", "y"], "tokens": [["Ann", "Lee"], []], "tags": [["B-PER", "I-PER"], []]}


def test_class_labels_become_names(dataset):
    assert load_rows(dataset, task="ner")[:] == EXPECTED


def test_rows_pass_through_unchanged(dataset):
    rows = load_rows(dataset, task="ner")
    assert load_rows(rows, task="ner")[:] == EXPECTED


def test_unknown_labels():
    features = datasets.Features(
        {
            "words": datasets.List(datasets.Value("string")),
            "upos": datasets.List(datasets.ClassLabel(names=["X", "Y"])),
        }
    )
    dataset = datasets.Dataset.from_dict({"words": [["a", "b"]], "upos": [[1, -1]]}, features=features)
    assert load_rows(dataset, task="pos")["tags"] == [["Y", None]]


def test_saved_folders(dataset, tmp_path):
    dataset.save_to_disk(tmp_path / "one")
    assert load_rows(tmp_path / "one", task="ner")[:] == EXPECTED
    datasets.DatasetDict({"validation": dataset}).save_to_disk(tmp_path / "several")
    assert load_rows(tmp_path / "several", task="ner", split="dev")[:] == EXPECTED
    with pytest.raises(DataError, match=r"several: no such split: got 'test'. Accepted: validation"):
        load_rows(tmp_path / "several", task="ner", split="test")
    (tmp_path / "one" / "state.json").write_text("{")
    with pytest.raises(DataError, match=r"one: not a readable saved data set"):
        load_rows(tmp_path / "one", task="ner")


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("someone/corpus", ("someone/corpus", None)),
        ("someone/corpus:english", ("someone/corpus", "english")),
        ("hub:conll2003", ("conll2003", None)),
        ("conll2003", ("conll2003", None)),
    ],
)
def test_hub_ids(dataset, monkeypatch, tmp_path, source, asked):
    monkeypatch.chdir(tmp_path)
    calls = []

    def load_dataset(path, name, *, streaming):
        assert not streaming
        calls.append((path, name))
        return datasets.DatasetDict({"train": dataset})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_rows(source, task="ner")[:] == EXPECTED
    assert calls == [asked]


@pytest.mark.parametrize(
    "error", [ConnectionError("no route to host"), FileNotFoundError("none"), ValueError("no config")]
)
def test_hub_out_of_reach(monkeypatch, error):
    def load_dataset(path, name, *, streaming):
        raise error

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(
        DataError, match=rf"no such file, and the hub has no such data set.*{type(error).__name__}: {error}"
    ):
        load_rows("someone/corpus", task="ner")


def test_a_hub_set_is_streamed(dataset, monkeypatch):
    def load_dataset(path, name, *, streaming):
        assert streaming
        return datasets.IterableDatasetDict({"train": dataset.to_iterable_dataset()})

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load_rows("hub:someone/corpus", task="ner", streaming=True)[:] == EXPECTED


def test_a_misspelt_file_never_asks_the_hub(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delattr(datasets, "load_dataset")
    (tmp_path / "train").write_text("a O\n")
    with pytest.raises(DataError, match=r"trian: no such file. Did you mean 'train'\?"):
        load_rows("trian", task="ner")
    with pytest.raises(DataError, match=r"data.conll: no such file"):
        load_rows("nowhere/data.conll", task="ner")


def test_a_column_is_missing(dataset):
    with pytest.raises(DataError, match=r"the data set:1: no layout that is known \(no data.tag_column\)"):
        load_rows(dataset, task="pos")


def test_a_data_frame_with_a_sentence_a_row():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"sentence": ["EU acts", "Oslo"], "word_labels": ["B-ORG,O", "B-LOC"], "n": [1, 2]})
    rows = load_rows(frame, task="ner")
    assert (rows["tokens"], rows["tags"]) == ([["EU", "acts"], ["Oslo"]], [["B-ORG", "O"], ["B-LOC"]])


def test_a_hub_without_a_name():
    with pytest.raises(DataError, match=r"no name of a data set: got 'hub:'. Accepted: hub:OWNER/NAME"):
        load_rows("hub:", task="ner")
