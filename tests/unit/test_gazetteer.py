"""Lists of names: the longest one is marked, sentences side by side are as sentences alone."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bilstm_tagger.features.gazetteer import Gazetteer, names_of_rows

NAMES = [
    ("LOC", ["New", "York"]),
    ("LOC", ["York"]),
    ("LOC", ["Washington"]),
    ("PER", ["Washington"]),
    ("ORG", ["New", "York", "Stock", "Exchange"]),
]
GAZETTEER = Gazetteer.from_names(NAMES)


def marks(sentence: str) -> list[list[int]]:
    """For each token the columns that are 1: LOC has 0 to 3 (single, first, inner, last), ORG 4 to 7, PER 8 to 11."""
    return [np.flatnonzero(row).tolist() for row in GAZETTEER.columns_of(sentence.split())]


def test_the_longest_name_is_marked_with_its_places() -> None:
    assert GAZETTEER.size == 12
    assert marks("in New York City") == [[], [1], [3], []]
    assert marks("New York Stock Exchange York") == [[5], [6], [6], [7], [0]]
    assert marks("New York Stock") == [[1], [3], []]
    assert marks("New new york New") == [[], [], [], []]


def test_a_name_of_several_labels_has_them_all() -> None:
    assert marks("Washington") == [[0, 8]]


def test_nothing_is_marked_in_nothing() -> None:
    assert GAZETTEER.columns_of([]).shape == (0, 12)
    assert Gazetteer().size == 0
    assert Gazetteer().columns_of(["a"]).shape == (1, 0)
    assert Gazetteer.from_names([("LOC", [])]).size == 0


def test_it_survives_json() -> None:
    assert Gazetteer.from_dict(json.loads(json.dumps(GAZETTEER.to_dict()))) == GAZETTEER
    assert Gazetteer.from_dict({}) == Gazetteer()


def naive(sentence: list[str], names: dict[tuple[str, ...], set[str]]) -> dict[tuple[int, int], set[str]]:
    """Begin and end of each marked name, with its labels: the definition."""
    found, begin = {}, 0
    while begin < len(sentence):
        fitting = [end for end in range(begin + 1, len(sentence) + 1) if tuple(sentence[begin:end]) in names]
        if fitting:
            found[begin, fitting[-1]] = names[tuple(sentence[begin : fitting[-1]])]
        begin = fitting[-1] if fitting else begin + 1
    return found


tokens = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)


@given(
    names=st.lists(st.tuples(st.sampled_from(["X", "Y"]), tokens), max_size=6),
    sentences=st.lists(st.lists(st.sampled_from("abcd"), max_size=7), min_size=1, max_size=4),
)
def test_marks_are_those_of_the_definition(names: list[tuple[str, list[str]]], sentences: list[list[str]]) -> None:
    gazetteer = Gazetteer.from_names(names)
    labels = sorted({label for label, _ in names})
    table: dict[tuple[str, ...], set[str]] = {}
    for label, name in names:
        table.setdefault(tuple(name), set()).add(label)
    expected = []
    for sentence in sentences:
        rows = np.zeros((len(sentence), 4 * len(labels)), dtype=np.float32)
        for (begin, end), found in naive(sentence, table).items():
            for label in found:
                column = 4 * labels.index(label)
                for place in range(begin, end):
                    kind = 0 if end == begin + 1 else 1 if place == begin else 3 if place == end - 1 else 2
                    rows[place, column + kind] = 1.0
        expected.append(rows)
    flat = [token for sentence in sentences for token in sentence]
    codes = np.array(["abcd".index(token) for token in flat], dtype=np.int64)
    together = gazetteer.columns("abcd", codes, np.array([len(sentence) for sentence in sentences]))
    np.testing.assert_array_equal(together, np.concatenate(expected))


def test_names_of_rows_are_counted_by_sentence() -> None:
    rows = [
        {"tokens": ["Ada", "Ada", "Byron"], "tags": ["B-PER", "B-PER", "I-PER"]},
        {"tokens": ["Ada", "Ada"], "tags": ["B-PER", "B-PER"]},
        {"tokens": ["Ada", "Byron", "Oslo"], "tags": ["B-LOC", None, "B-LOC"]},
    ]
    assert names_of_rows(rows, sentences=2) == [("PER", ("Ada",))]
    assert ("PER", ("Ada", "Byron")) in names_of_rows(rows, sentences=1)
    assert ("LOC", ("Oslo",)) in names_of_rows(rows, sentences=1)
