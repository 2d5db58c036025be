from importlib import resources

import pytest

from bilstm_tagger.data import builtin_names, load_rows
from bilstm_tagger.errors import DataError


@pytest.mark.parametrize(
    ("name", "task", "counts"),
    [
        ("wnut17", "ner", {"train": (3394, 62730), "dev": (1009, 15733), "test": (1287, 23394)}),
        ("ewt", "pos", {"train": (2500, 40591), "dev": (500, 6389), "test": (500, 5899)}),
        ("flip", "protein_ss3", {"train": (1500, 378083), "dev": (200, 54194), "test": (364, 84541)}),
        ("cb6133", "protein_ss8", {"train": (1200, 251262), "dev": (150, 28389), "test": (150, 30040)}),
    ],
)
def test_samples(name, task, counts):
    seen = set()
    for split, expected in counts.items():
        rows = load_rows(f"builtin:{name}/{split}", task=task)
        assert (len(rows), sum(map(len, rows["tokens"]))) == expected
        assert all(len(tokens) == len(tags) for tokens, tags in zip(rows["tokens"], rows["tags"], strict=True))
        if name in ("flip", "cb6133"):
            chains = {"".join(tokens) for tokens in rows["tokens"]}
            assert len(chains) == len(rows)
            assert not chains & seen
            seen |= chains


def test_the_mask_hides_what_was_not_resolved():
    tags = [tag for row in load_rows("builtin:flip/test", task="protein_ss3")["tags"] for tag in row]
    assert sum(tag is not None for tag in tags) == 75402
    assert {tag for tag in tags if tag} == {"C", "E", "H"}


def test_text_and_offsets_of_ewt():
    row = load_rows("builtin:ewt", task="pos", split="dev")[0]
    assert [row["text"][start:end] for start, end in row["offsets"]] == row["tokens"]


def test_splits_and_their_other_names():
    assert len(load_rows("builtin:wnut17", task="ner", split="validation")) == 1009
    assert len(load_rows("builtin:wnut17/testb", task="ner")) == 1287


def test_eight_states_serve_three():
    tags = load_rows("builtin:cb6133/dev", task="protein_ss3")["tags"]
    assert {tag for row in tags for tag in row} == {"C", "E", "H"}


@pytest.mark.parametrize(
    ("source", "task", "message"),
    [
        ("builtin:wnut", "ner", r"no such built-in sample: got 'wnut'. Accepted: wnut17, ewt.*Did you mean 'wnut17'\?"),
        ("builtin:wnut17/tset", "ner", r"no such split of builtin:wnut17: got 'tset'.*Did you mean 'test'\?"),
        ("builtin:wnut17/train", "pos", r"builtin:wnut17 has no labels for the task 'pos'. Accepted: builtin:ewt"),
        ("builtin:flip/train", "protein_ss8", r"no labels for the task 'protein_ss8'. Accepted: builtin:cb6133"),
    ],
)
def test_errors(source, task, message):
    with pytest.raises(DataError, match=message):
        load_rows(source, task=task)


@pytest.mark.parametrize("name", builtin_names())
def test_each_sample_says_where_it_is_from(name):
    text = (resources.files("bilstm_tagger.data") / "samples" / name / "README.txt").read_text(encoding="utf-8")
    assert all(word in text for word in ("Authors", "Source", "Licence", "Changes", "Cite"))
