"""What the language model reads, against a slow walk over the characters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bilstm_tagger.features.char_states import BOUNDARY, Alphabet, CharRows
from bilstm_tagger.split_rules import Kind

LETTERS = [BOUNDARY, " ", *"abcé漢🙂"]
WORDS = Alphabet(LETTERS, unit="words")
RESIDUES = Alphabet(LETTERS, unit="residues")


def rows_of(sentences: list[list[str]], alphabet: Alphabet) -> tuple[CharRows, np.ndarray, np.ndarray]:
    lengths = np.array([len(tokens) for tokens in sentences])
    return CharRows.of([t for tokens in sentences for t in tokens], alphabet), np.cumsum(lengths) - lengths, lengths


def test_characters_are_numbered_and_others_are_unknown() -> None:
    assert WORDS.encode("\n b\ud800z\U0010ffff").tolist() == [2, 3, 5, 1, 1, 1]
    assert len(WORDS) == 2 + len(LETTERS)
    assert WORDS.encode("").tolist() == []


def test_an_alphabet_leaves_out_rare_characters_and_always_has_the_boundary() -> None:
    alphabet = Alphabet.of(["aab\n", "ba c"], unit="words", min_count=2)
    assert alphabet.chars == ("\n", "a", "b")
    assert Alphabet.of([], unit="words", min_count=1).chars == ("\n",)


def test_states_stand_where_flair_takes_them() -> None:
    chars, first, lengths = rows_of([["ab", "c"]], WORDS)
    arrays = chars.batch(first, lengths)
    assert arrays.ahead[:, 0].tolist() == WORDS.encode("\nab c\n").tolist()
    assert arrays.back[:, 0].tolist() == WORDS.encode("\nc ba\n").tolist()
    # Ahead behind "\nab " and "\nab c\n"; back behind "\nc ba\n" and "\nc ".
    assert arrays.ahead_at[:, 0].tolist() == [3, 5]
    assert arrays.back_at[:, 0].tolist() == [5, 2]


def test_residues_have_their_states_at_themselves() -> None:
    chars, first, lengths = rows_of([["a", "b", "c"]], RESIDUES)
    arrays = chars.batch(first, lengths)
    assert arrays.ahead[:, 0].tolist() == RESIDUES.encode("\nabc\n").tolist()
    assert arrays.ahead_at[:, 0].tolist() == [1, 2, 3]
    assert arrays.back_at[:, 0].tolist() == [3, 2, 1]


tokens_of = st.lists(st.text(st.sampled_from("abcé漢🙂z "), max_size=4), min_size=1, max_size=5)


@settings(deadline=None)
@given(st.lists(tokens_of, min_size=1, max_size=4), st.sampled_from(["words", "residues"]), st.data())
def test_batches_equal_a_walk_over_each_sentence(sentences: list[list[str]], unit: Kind, data: st.DataObject) -> None:
    alphabet = Alphabet(LETTERS, unit=unit)
    chars, first, lengths = rows_of(sentences, alphabet)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(sentences) - 1), min_size=1, max_size=4)))
    arrays = chars.batch(first[chosen], lengths[chosen])
    texts = [BOUNDARY + alphabet.separator.join(sentences[index]) + BOUNDARY for index in chosen]
    assert chars.lengths(first[chosen], lengths[chosen]).tolist() == [len(text) for text in texts]
    assert arrays.ahead.shape == arrays.back.shape == (max(map(len, texts)), len(texts))
    for column, (index, text) in enumerate(zip(chosen, texts, strict=True)):
        ids = alphabet.encode(text).tolist()
        padding = [0] * (len(arrays.ahead) - len(ids))
        assert arrays.ahead[:, column].tolist() == ids + padding
        assert arrays.back[:, column].tolist() == ids[::-1] + padding
        begin = 1
        for row, token in enumerate(sentences[index]):
            end = begin + len(token)
            # The place of the character behind the token, and of the one before it.
            behind, before = (end, begin - 1) if unit == "words" else (end - 1, begin)
            assert arrays.ahead_at[row, column] == behind
            assert arrays.back_at[row, column] == len(text) - 1 - before
            begin = end + len(alphabet.separator)


@pytest.mark.parametrize("alphabet", [WORDS, RESIDUES])
def test_places_in_the_padding_can_be_read(alphabet: Alphabet) -> None:
    chars, first, lengths = rows_of([["a"], ["b", "c", "abc"]], alphabet)
    arrays = chars.batch(first, lengths)
    for places in (arrays.ahead_at, arrays.back_at):
        assert places.shape == (3, 2)
        assert (places >= 0).all()
        assert (places < len(arrays.ahead)).all()
