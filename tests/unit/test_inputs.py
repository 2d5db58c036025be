"""What may be given to a tagger, and what is said of everything else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bilstm_tagger.errors import InputError
from bilstm_tagger.features.splitting import Splitter, build_tokenizer
from bilstm_tagger.inference.inputs import Prepared, prepare

SPECIAL = {"<unk>": 1, "<pad>": 0}
WORDS = Splitter(build_tokenizer("words", SPECIAL))
RESIDUES = Splitter(build_tokenizer("residues", SPECIAL))


def refused(item: Any, splitter: Splitter = WORDS, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        prepare(item, splitter, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_string_is_cut_into_tokens() -> None:
    assert prepare("Ada  met Alan.", WORDS) == Prepared(
        "Ada  met Alan.", ["Ada", "met", "Alan", "."], [(0, 3), (5, 8), (9, 13), (13, 14)]
    )


@pytest.mark.parametrize("text", ["", "  \r\n\t"])
def test_nothing_to_tag_is_no_error(text: str) -> None:
    assert prepare(text, WORDS) == Prepared(text, [], [])


@pytest.mark.parametrize("kind", [list, tuple])
def test_words_are_taken_as_they_are(kind: type) -> None:
    prepared = prepare(kind(["New York", "", "É"]), WORDS)
    assert prepared == Prepared("New York  É", ["New York", "", "É"], [(0, 8), (9, 9), (10, 11)])
    assert [prepared.text[start:end] for start, end in prepared.offsets] == prepared.tokens


def test_the_caller_keeps_the_list() -> None:
    words = ["a", "b"]
    prepare(words, WORDS).tokens.append("c")
    assert words == ["a", "b"]


def test_rows_of_tokens_or_of_text() -> None:
    assert prepare({"tokens": ["a", "b"], "id": 7}, WORDS) == Prepared("a b", ["a", "b"], [(0, 1), (2, 3)], "7")
    assert prepare({"text": "a b"}, WORDS) == Prepared("a b", ["a", "b"], [(0, 1), (2, 3)])
    assert prepare({"tokens": ["a"], "tags": ["O"], "text": None}, WORDS).tokens == ["a"]


def test_rows_with_offsets_keep_their_text() -> None:
    row = {"tokens": ["can", "not"], "text": "He cannot", "offsets": [[3, 6], [6, 9]]}
    assert prepare(row, WORDS) == Prepared("He cannot", ["can", "not"], [(3, 6), (6, 9)])
    without = prepare({"tokens": ["can", "not"], "text": "He cannot"}, WORDS)
    assert without.text == "can not"


def test_dense_columns_come_with_the_row() -> None:
    row = {"tokens": ["a", "b"], "dense": [[1, 2], [3, 4]]}
    dense = prepare(row, WORDS, dense_size=2).dense
    assert dense is not None
    assert dense.dtype == np.float32
    assert dense.tolist() == [[1, 2], [3, 4]]
    assert prepare(row, WORDS).dense is None
    empty = prepare({"tokens": [], "dense": []}, WORDS, dense_size=2).dense
    assert empty is not None
    assert empty.shape == (0, 2)
    assert prepare([], WORDS, dense_size=2).tokens == []


@pytest.mark.parametrize("item", [3, 2.5, b"bytes", bytearray(b"x"), {"a", "b"}, iter(["a"]), np.array(["a"])])
def test_other_types_are_refused_with_what_is_accepted(item: Any) -> None:
    text = refused(item)
    assert text.startswith("this cannot be tagged: got ")
    assert "Accepted: a string; a list of words; a row such as" in text
    assert refused(None).startswith("this cannot be tagged. Accepted: a string;")


@pytest.mark.parametrize("inner", [["Ada", "met"], ("Ada",), {"tokens": ["Ada"]}])
def test_a_list_of_inputs_is_no_input(inner: Any) -> None:
    text = refused([inner, inner])
    assert text.startswith("word 0 is not a string: got ")
    assert text.endswith("For several sequences use tag_batch.")


@pytest.mark.parametrize("word", [3, 2.5, b"x"])
def test_words_that_are_no_strings_are_named(word: Any) -> None:
    text = refused(["Ada", word])
    assert text.startswith(f"word 1 is not a string: got {word!r}.")
    assert "tag_batch" not in text
    assert refused([None]).startswith("word 0 is not a string.")


@pytest.mark.parametrize(
    "row", [{}, {"words": ["a"]}, {"tokens": None}, {"tokens": "Ada"}, {"tokens": 5}, {"text": 5}, {1: 2, "a": 3}]
)
def test_rows_without_tokens_and_text_are_refused(row: dict[Any, Any]) -> None:
    assert refused(row).startswith("the row has neither a list 'tokens' nor a string 'text': got ")


@pytest.mark.parametrize(
    "offsets", [[[0, 1]], [[0, 1], [2]], [[0, 1], [2, 99]], [[0, 1], [3, 2]], [[-1, 0], [1, 2]], 7, [[0, 1], "ab"]]
)
def test_offsets_that_do_not_fit_are_refused(offsets: Any) -> None:
    row = {"tokens": ["a", "b"], "text": "a b", "offsets": offsets}
    assert refused(row).startswith("the offsets do not fit the text: got ")


@pytest.mark.parametrize(
    ("dense", "problem"),
    [
        (None, "the model reads 2 dense columns and the input has none."),
        ([[1, 2]], "'dense' has another shape: got (1, 2). Accepted: 2 rows of 2 finite numbers."),
        ([[1], [2]], "'dense' has another shape: got (2, 1)."),
        ([1, 2], "'dense' has another shape: got (2,)."),
        ([], "'dense' has another shape: got (0,)."),
        ([[1, 2], [3]], "'dense' is no table of numbers"),
        ([["a", "b"], ["c", "d"]], "'dense' is no table of numbers"),
        ({"a": 1}, "'dense' is no table of numbers"),
        ([[1, 2], [3, float("nan")]], "'dense' holds a number that is not finite"),
        ([[1, 2], [3, 1e99]], "'dense' holds a number that is not finite"),
    ],
)
def test_dense_columns_that_do_not_fit_are_refused(dense: Any, problem: str) -> None:
    assert refused({"tokens": ["a", "b"], "dense": dense}, dense_size=2).startswith(problem)


def test_a_string_has_no_dense_columns() -> None:
    assert "has none" in refused("Ada met Alan", dense_size=2)


def test_residues_are_upper_cased_and_white_space_left_out() -> None:
    prepared = prepare("mkT\n ay", RESIDUES)
    assert prepared.tokens == list("MKTAY")
    assert prepared.text == "mkT\n ay"
    assert prepared.offsets == [(0, 1), (1, 2), (2, 3), (5, 6), (6, 7)]
    assert prepare(["m", "K"], RESIDUES).tokens == ["M", "K"]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        ("MKT4", "not an amino acid at position 4: got '4'"),
        ("MK-T", "Gaps of an alignment"),
        (["M", "!"], "not an amino acid at position 2: got '!'"),
        ({"text": "MKTÄ"}, "not an amino acid at position 4"),
        ("ATGGCCATTGTAATGGGCCGC", "not a protein but a nucleotide sequence"),
        (list("ATGGCCATTGTAATGGGCCGC"), "not a protein but a nucleotide sequence"),
    ],
)
def test_what_is_no_protein_is_refused(item: Any, problem: str) -> None:
    assert problem in refused(item, RESIDUES)


def test_a_list_of_chains_is_no_chain() -> None:
    with pytest.raises(InputError, match=r"token 1 is not one residue: got 'KV'.*tag_batch"):
        prepare(["M", "KV"], RESIDUES)
