"""From strings to row numbers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bilstm_tagger.features.vectors import Vectors
from bilstm_tagger.features.vocabulary import (
    PADDING,
    PADDING_TOKEN,
    UNKNOWN,
    UNKNOWN_TOKEN,
    build_vocabulary,
    span_labels,
    word_shape,
)
from bilstm_tagger.schemes import Scheme


def build(counts: dict[str, int], **options: object):
    return build_vocabulary(counts, ["PER"], scheme=Scheme.BIOES, **options)  # type: ignore[arg-type]


def vectors(*words: str) -> Vectors:
    """Word ``i`` has the vector ``(i + 1, -(i + 1))``."""
    rows = np.arange(1, len(words) + 1, dtype=np.float32)
    return Vectors(list(words), np.stack([rows, -rows], axis=1), "toy")


def test_words_are_numbered_by_frequency_then_alphabet_after_padding_and_unknown() -> None:
    vocabulary, matrix, frozen = build({"rare": 1, "b": 2, "a": 2, "often": 9})
    assert list(vocabulary.words) == [PADDING_TOKEN, UNKNOWN_TOKEN, "often", "a", "b", "rare"]
    assert list(vocabulary.words.values()) == list(range(6))
    assert vocabulary.trained_words == 6
    assert (matrix, frozen) == (None, None)


def test_lookup_takes_the_form_then_its_lower_case_then_unknown() -> None:
    vocabulary, _, _ = build({"May": 1, "may": 1, "oslo": 1})
    assert vocabulary.word_id("May") == vocabulary.words["May"]
    assert vocabulary.word_id("may") == vocabulary.words["may"]
    assert vocabulary.word_id("MAY") == vocabulary.words["may"]
    assert vocabulary.word_id("OSLO") == vocabulary.words["oslo"]
    assert vocabulary.word_id("Lima") == vocabulary.word_id("") == UNKNOWN


def test_capitals_are_not_found_from_lower_case() -> None:
    vocabulary, _, _ = build({"Oslo": 1})
    assert vocabulary.word_id("oslo") == UNKNOWN


def test_digits_are_looked_up_as_zero_only_when_asked_for() -> None:
    counts = {"1987": 1, "2024": 1, "A4": 1}
    zeros, _, _ = build(counts)
    assert zeros.word_id("1066") == zeros.word_id("2024") == zeros.words["0000"]
    assert zeros.word_id("a4") == UNKNOWN
    exact, _, _ = build(counts, digits_to_zero=False)
    assert exact.word_id("1066") == UNKNOWN
    assert exact.word_id("2024") == exact.words["2024"]


def test_forms_that_become_one_are_counted_together() -> None:
    vocabulary, _, _ = build({"1987": 1, "2024": 1, "17": 1}, min_count=2)
    assert list(vocabulary.words)[2:] == ["0000"]
    assert vocabulary.singletons == frozenset()


def test_rare_words_without_a_vector_are_unknown() -> None:
    vocabulary, _, _ = build({"a": 5, "b": 1, "C": 1}, min_count=2, vectors=vectors("c"), keep=0)
    assert list(vocabulary.words)[2:] == ["a", "C"]
    assert vocabulary.word_id("b") == UNKNOWN


def test_singletons_are_the_rows_of_words_seen_once() -> None:
    vocabulary, _, _ = build({"a": 2, "b": 1, "c": 1})
    assert vocabulary.singletons == {vocabulary.words["b"], vocabulary.words["c"]}


def test_a_word_with_a_vector_is_no_singleton() -> None:
    vocabulary, _, _ = build({"a": 2, "b": 1, "C": 1, "d": 1}, vectors=vectors("b", "c"))
    assert vocabulary.singletons == {vocabulary.words["d"]}


def test_trained_words_get_their_vector_that_of_their_lower_case_or_none() -> None:
    vocabulary, matrix, frozen = build({"May": 3, "OSLO": 2, "zzz": 1}, vectors=vectors("may", "May", "oslo", "other"))
    assert matrix is not None
    assert frozen is not None
    assert matrix.shape == (5, 2)
    assert matrix[vocabulary.words["May"]].tolist() == [2, -2]
    assert matrix[vocabulary.words["OSLO"]].tolist() == [3, -3]
    for row in (PADDING, UNKNOWN, vocabulary.words["zzz"]):
        assert np.isnan(matrix[row]).all()


def test_pretrained_words_that_training_never_saw_get_rows_of_their_own() -> None:
    vocabulary, _, frozen = build({"May": 1}, vectors=vectors("may", "May", "oslo", "other"))
    assert vocabulary.trained_words == 3
    assert list(vocabulary.words)[3:] == ["may", "oslo", "other"]
    assert frozen is not None
    assert frozen.dtype == np.float16
    assert frozen[:, 0].tolist() == [1, 3, 4]
    # Row r of the vocabulary is row r - trained_words of the second table.
    assert frozen[vocabulary.word_id("Oslo") - vocabulary.trained_words].tolist() == [3, -3]


def test_special_tokens_and_words_that_are_never_looked_up_are_not_kept() -> None:
    vocabulary, _, frozen = build({"a": 1}, vectors=vectors(UNKNOWN_TOKEN, PADDING_TOKEN, "1987", "b", "0.0"))
    assert list(vocabulary.words)[3:] == ["b", "0.0"]
    assert vocabulary.word_id("7.5") == vocabulary.words["0.0"]
    assert frozen is not None
    assert frozen[:, 0].tolist() == [4, 5]
    exact, _, _ = build({"a": 1}, vectors=vectors("1987", "b"), digits_to_zero=False)
    assert list(exact.words)[3:] == ["1987", "b"]


@pytest.mark.parametrize(("keep", "kept"), [(0, []), (2, ["x", "y"]), (None, ["x", "y", "z"]), (99, ["x", "y", "z"])])
def test_keep_takes_the_first_of_the_file_that_training_lacks(keep: int | None, kept: list[str]) -> None:
    vocabulary, _, frozen = build({"a": 1}, vectors=vectors("x", "a", "y", "z"), keep=keep)
    assert list(vocabulary.words)[3:] == kept
    assert frozen is not None
    assert frozen.shape == (len(kept), 2)


def test_a_word_of_the_training_text_that_is_called_like_a_special_one_is_unknown() -> None:
    vocabulary, matrix, _ = build({UNKNOWN_TOKEN: 4, "a": 1}, vectors=vectors(UNKNOWN_TOKEN))
    assert vocabulary.word_id(UNKNOWN_TOKEN) == UNKNOWN
    assert list(vocabulary.words.values()) == [0, 1, 2]
    assert matrix is not None
    assert np.isnan(matrix[UNKNOWN]).all()


def test_characters_come_from_the_forms_as_they_stand() -> None:
    vocabulary, _, _ = build({"b7": 1, "a": 1})
    assert vocabulary.chars == {"7": 2, "a": 3, "b": 4}
    assert vocabulary.lookup(["ab", "7?", ""]).chars.tolist() == [[3, 4], [2, UNKNOWN], [PADDING, PADDING]]
    without, _, _ = build({"b7": 1}, characters=False)
    assert without.chars == {}
    assert without.lookup(["ab"]).chars.shape == (1, 0)


@pytest.mark.parametrize(("limit", "cut"), [(6, "abcdef"), (5, "abcef"), (4, "abef"), (3, "abf"), (2, "af"), (1, "a")])
def test_long_words_keep_head_and_tail(limit: int, cut: str) -> None:
    vocabulary, _, _ = build({"abcdef": 1}, word_length=limit)
    names = {index: char for char, index in vocabulary.chars.items()}
    ids = vocabulary.lookup(["abcdef", "b"]).chars
    assert "".join(names[index] for index in ids[0].tolist()) == cut
    assert ids[1].tolist() == [vocabulary.chars["b"]] + [PADDING] * (limit - 1)


@pytest.mark.parametrize(
    ("word", "shape"),
    [
        ("McDonald's", "XxXxx'x"),
        ("B-52s", "X-ddx"),
        ("USA", "XX"),
        ("2024", "dd"),
        ("...", ".."),
        ("Ärger", "Xxx"),
        ("東京都", "xx"),
        ("", ""),
        ("a" * 19 + "BC" * 9, "xxX"),
    ],
)
def test_shapes(word: str, shape: str) -> None:
    assert word_shape(word) == shape


def test_shapes_are_numbered_and_new_ones_are_unknown() -> None:
    vocabulary, _, _ = build({"Ada": 1, "Bob": 1, "7": 1}, shapes=True)
    assert vocabulary.shapes == {"Xxx": 2, "d": 3}
    assert vocabulary.lookup(["Eve", "USA", "8"]).shapes.tolist() == [2, UNKNOWN, 3]
    without, _, _ = build({"Ada": 1})
    assert without.lookup(["Eve"]).shapes.tolist() == [0]


def test_tags_are_those_of_the_scheme() -> None:
    assert build({})[0].tags == ("O", "B-PER", "I-PER", "E-PER", "S-PER")
    plain, _, _ = build_vocabulary({}, ["VERB", "NOUN"], scheme=Scheme.NONE)
    assert plain.tags == ("NOUN", "VERB")
    assert plain.tag_ids == {"NOUN": 0, "VERB": 1}


def test_labels_of_span_tags() -> None:
    assert span_labels(["O", None, "B-PER", "I-PER", "B-LOC", "B"]) == {"PER", "LOC", ""}


def test_a_vocabulary_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        build({})[0].trained_words = 3  # type: ignore[misc]
