"""Rows to integer arrays: the model's scheme, dense columns, padded batches."""

from __future__ import annotations

import itertools
from typing import Any

import datasets
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bilstm_tagger.errors import DataError, UnknownTagError
from bilstm_tagger.features.encoding import UNKNOWN_TAG, count_forms, encode_rows, tag_values
from bilstm_tagger.features.vocabulary import UNKNOWN, Vocabulary, build_vocabulary
from bilstm_tagger.schemes import Scheme, convert

FEATURES = datasets.Features(
    {
        "tokens": datasets.List(datasets.Value("string")),
        "tags": datasets.List(datasets.Value("string")),
    }
)
SCHEMES = [Scheme.IOB2, Scheme.BIOES, Scheme.BILOU, Scheme.IO]


def dataset(tags: list[list[str | None]], tokens: list[list[str]] | None = None) -> datasets.Dataset:
    tokens = tokens or [[f"w{index}" for index in range(len(sequence))] for sequence in tags]
    return datasets.Dataset.from_dict({"tokens": tokens, "tags": tags}, features=FEATURES)


def vocabulary_of(forms: str = "a b c", labels: str = "PER LOC", **options: Any) -> Vocabulary:
    scheme = options.pop("scheme", Scheme.BIOES)
    return build_vocabulary(dict.fromkeys(forms.split(), 1), labels.split(), scheme=scheme, **options)[0]


tag_lists = st.lists(st.sampled_from(["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", None]), max_size=9)
# As the readers give them: spans written well, each known part of a span cut by an unknown tag being one.
iob2_sequences = tag_lists.map(lambda tags: convert(tags, Scheme.IOB2, Scheme.IOB2))


@settings(max_examples=60, deadline=None)
@given(sequences=st.lists(iob2_sequences, min_size=1, max_size=6), scheme=st.sampled_from(SCHEMES))
def test_tags_are_rewritten_as_schemes_does(sequences: list[list[str | None]], scheme: Scheme) -> None:
    vocabulary = vocabulary_of(scheme=scheme)
    encoded = encode_rows(dataset(sequences), vocabulary)
    assert encoded.tags is not None
    assert encoded.lengths.tolist() == [len(tags) for tags in sequences]
    flat = [None if index == UNKNOWN_TAG else vocabulary.tags[index] for index in encoded.tags.tolist()]
    assert flat == [tag for tags in sequences for tag in expected(tags, scheme)]


def expected(tags: list[str | None], scheme: Scheme) -> list[str | None]:
    """As ``schemes.convert``; but whether a span ends before an unknown tag is open, and with it E, S, L, U."""
    written = convert(tags, Scheme.IOB2, scheme)
    for position, (tag, after) in enumerate(itertools.pairwise(tags)):
        if tag not in ("O", None) and after is None and scheme in (Scheme.BIOES, Scheme.BILOU):
            written[position] = None
    return written


def test_a_span_does_not_cross_sentences() -> None:
    vocabulary = vocabulary_of()
    # The second sentence is as a repair would never leave it: its I must not lengthen the first sentence's span.
    encoded = encode_rows(dataset([["O", "B-PER"], [], ["I-PER", "O"]]), vocabulary)
    assert encoded.tags is not None
    assert vocabulary.tags[encoded.tags[1]] == "S-PER"


def test_what_is_known_of_a_tag_beside_an_unknown_one_is_kept() -> None:
    vocabulary = vocabulary_of()
    encoded = encode_rows(dataset([[None, "I-PER", "I-PER", "O"]]), vocabulary)
    assert encoded.tags is not None
    assert [vocabulary.tags[index] for index in encoded.tags[1:]] == ["I-PER", "E-PER", "O"]


def test_tags_that_are_no_spans_stand_for_themselves() -> None:
    vocabulary = vocabulary_of(labels="NOUN VERB", scheme=Scheme.NONE)
    encoded = encode_rows(dataset([["VERB", None, "NOUN"]]), vocabulary)
    assert encoded.tags is not None
    assert encoded.tags.tolist() == [1, UNKNOWN_TAG, 0]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_an_unknown_tag_names_the_source_the_sequence_and_what_is_known(scheme: Scheme) -> None:
    rows = dataset([["O"], [], ["O", "B-ORG"], ["B-ORG"]])
    with pytest.raises(UnknownTagError) as caught:
        encode_rows(rows, vocabulary_of(scheme=scheme), source="dev.conll")
    text = str(caught.value)
    assert text.startswith("dev.conll: unknown tag in sequence 3: got 'B-ORG'. Accepted: LOC, O, PER.")
    assert caught.value.path == "dev.conll"


def test_forms_are_looked_up_once_each() -> None:
    vocabulary = vocabulary_of("a b", shapes=True)
    encoded = encode_rows(dataset([["O"] * 3, ["O"] * 2], [["a", "B", "a"], ["x", "a"]]), vocabulary)
    assert len(encoded.table.words) == 4
    words = encoded.table.words[encoded.forms]
    a, b = vocabulary.words["a"], vocabulary.words["b"]
    assert words.tolist() == [a, b, a, UNKNOWN, a]
    assert encoded.singletons[encoded.forms].tolist() == [True, True, True, False, True]
    assert (encoded.table.words[0], encoded.table.shapes[0], encoded.table.chars[0].any()) == (0, 0, False)


def test_an_empty_token_is_a_word_and_no_padding() -> None:
    encoded = encode_rows(dataset([["O", "O"]], [["", "a"]]), vocabulary_of())
    assert (encoded.forms > 0).all()
    assert encoded.table.words[encoded.forms[0]] == UNKNOWN


def test_batches_collect_exactly_what_they_should() -> None:
    vocabulary = vocabulary_of("a bb", shapes=True)
    tokens = [["a", "bb"], [], ["ccc"], ["bb", "a", "a"]]
    rows = dataset([["O", "B-PER"], [], [None], ["B-LOC", "I-LOC", "O"]], tokens)
    encoded = encode_rows(rows, vocabulary)
    batch = encoded.batch([3, 0])
    o, per = vocabulary.tag_ids["O"], vocabulary.tag_ids["S-PER"]
    begin, end = vocabulary.tag_ids["B-LOC"], vocabulary.tag_ids["E-LOC"]
    assert batch.lengths.tolist() == [3, 2]
    assert batch.tags is not None
    assert batch.tags.tolist() == [[begin, o], [end, per], [o, UNKNOWN_TAG]]
    a, bb = vocabulary.words["a"], vocabulary.words["bb"]
    assert batch.words[batch.forms].tolist() == [[bb, a], [a, bb], [a, 0]]
    assert batch.chars is not None
    assert batch.chars.dtype == np.int64
    ids = vocabulary.chars
    assert batch.chars[batch.forms][:, 1].tolist() == [[ids["a"], 0], [ids["b"], ids["b"]], [0, 0]]
    assert batch.shapes is not None
    assert batch.shapes[batch.forms].tolist() == [
        [vocabulary.shapes["xx"], vocabulary.shapes["x"]],
        [vocabulary.shapes["x"], vocabulary.shapes["xx"]],
        [vocabulary.shapes["x"], 0],
    ]
    assert batch.singletons is not None
    assert batch.singletons[batch.forms].tolist() == [[True, True], [True, True], [True, False]]
    # Only the forms of the batch are in its table, and padding.
    assert len(batch.words) == 3
    alone = encoded.batch(np.array([2]))
    assert alone.tags is not None
    assert alone.tags.tolist() == [[UNKNOWN_TAG]]
    assert alone.words[alone.forms].tolist() == [[UNKNOWN]]


def test_without_characters_shapes_and_tags_batches_have_none() -> None:
    vocabulary = vocabulary_of(characters=False)
    encoded = encode_rows(dataset([["O", "O"]]).remove_columns("tags"), vocabulary)
    batch = encoded.batch([0])
    assert (batch.chars, batch.tags, batch.dense) == (None, None, None)


def test_rows_may_be_chosen_from_a_larger_data_set() -> None:
    rows = dataset([["O"], ["B-PER", "I-PER"], [], ["B-LOC"]]).select([3, 1])
    vocabulary = vocabulary_of()
    encoded = encode_rows(rows, vocabulary)
    assert encoded.tags is not None
    assert [vocabulary.tags[index] for index in encoded.tags] == ["S-LOC", "B-PER", "E-PER"]
    assert encoded.lengths.tolist() == [1, 2]
    assert tag_values(rows) == {"B-PER", "I-PER", "B-LOC"}


def test_rows_without_tokens_are_allowed() -> None:
    encoded = encode_rows(dataset([[], []]), vocabulary_of())
    assert (len(encoded), encoded.lengths.tolist(), len(encoded.forms)) == (2, [0, 0], 0)
    assert encoded.tags is not None
    assert encoded.tags.tolist() == []


def test_forms_and_tags_are_counted() -> None:
    rows = dataset([["O", "B-PER"], [None, "O"]], [["a", "b"], ["a", "A"]])
    assert count_forms(rows) == {"a": 2, "b": 1, "A": 1}
    assert tag_values(rows) == {"O", "B-PER"}


def with_dense(dense: list[list[list[float]]]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({"tokens": [["a", "b"], [], ["c"]], "dense": dense})


def test_dense_columns_are_padded_with_zeros() -> None:
    rows = with_dense([[[1, 2], [3, 4]], [], [[5, 6]]])
    batch = encode_rows(rows, vocabulary_of(), dense_size=2).batch([2, 0])
    assert batch.dense is not None
    assert batch.dense.dtype == np.float32
    assert batch.dense.tolist() == [[[5, 6], [1, 2]], [[0, 0], [3, 4]]]


def test_dense_columns_are_left_out_where_the_model_has_none() -> None:
    assert encode_rows(with_dense([[[1.0], [2.0]], [], [[3.0]]]), vocabulary_of()).dense is None


@pytest.mark.parametrize(
    ("dense", "problem"),
    [
        ([[[1.0], [2.0]], [], [[3.0]]], r"x\.jsonl: wrong number of dense columns: got 1\. Accepted: 2\."),
        (
            [[[1.0, 2.0], [2.0, float("nan")]], [], [[3.0, 4.0]]],
            r"x\.jsonl: a dense column holds a number that is not finite\.",
        ),
    ],
)
def test_dense_columns_of_another_shape_are_refused(dense: list[list[list[float]]], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        encode_rows(with_dense(dense), vocabulary_of(), source="x.jsonl", dense_size=2)


def test_missing_dense_columns_are_refused() -> None:
    with pytest.raises(DataError, match=r"the rows have no dense columns\. Accepted: 2 numbers a token"):
        encode_rows(dataset([["O"]]), vocabulary_of(), dense_size=2)
