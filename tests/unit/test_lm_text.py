"""Running text as the language model gets it."""

from __future__ import annotations

import numpy as np
import pytest

from bilstm_tagger.errors import InputError
from bilstm_tagger.features.char_states import Alphabet
from bilstm_tagger.features.lm_text import LmText, lm_documents
from bilstm_tagger.features.splitting import Splitter, build_tokenizer
from bilstm_tagger.split_rules import Kind


def documents(text: str, unit: Kind = "words") -> list[str]:
    splitter = Splitter(build_tokenizer(unit, {"<pad>": 0, "<unk>": 1}))
    return list(lm_documents(text.splitlines(keepends=True), splitter))


def test_text_is_tokenised_and_cut_into_sentences() -> None:
    text = 'He said: "Stop!" They did not (why?). The U.S. firm grew.\n'
    assert documents(text) == ['He said : " Stop ! "\nThey did not ( why ? ) .\nThe U.S. firm grew .\n']


def test_no_sentence_begins_in_lower_case_or_ends_before_what_closes_it() -> None:
    assert documents('a . b . " C\n') == ['a . b . "\nC\n']
    assert documents("a . . B\n") == ["a . .\nB\n"]


def test_blank_lines_and_many_sentences_end_a_document() -> None:
    assert documents("a b\nc\n\n  \nd\r\n") == ["a b\nc\n", "d\n"]
    assert [text.count("\n") for text in documents("a\n" * 450)] == [200, 200, 50]


@pytest.mark.parametrize("text", ["", "\n", " \n\t\n"])
def test_nothing_comes_of_nothing(text: str) -> None:
    assert documents(text) == []
    assert documents(text, "residues") == []


def test_each_line_or_fasta_record_is_a_chain() -> None:
    assert documents("mkt\nGA V\n\nC\n", "residues") == ["MKT\n", "GAV\n", "C\n"]
    assert documents(">a b\nMK\nTA\n>c\n>d\nGG\n", "residues") == ["MKTA\n", "GG\n"]


def test_a_line_that_is_no_chain_is_refused() -> None:
    with pytest.raises(InputError, match="not an amino acid"):
        documents("MKT\nM-K\n", "residues")


def test_documents_are_encoded_and_shuffled_whole() -> None:
    alphabet = Alphabet(["\n", *"abc"], unit="words")
    texts = ["ab\n", "c\n", "\n", "bb\n"]
    encoded = LmText.encode(texts, alphabet)
    assert encoded.offsets.tolist() == [0, 3, 5, 6, 9]
    assert encoded.chars.tolist() == alphabet.encode("".join(texts)).tolist()
    mixed = encoded.shuffled(np.random.default_rng(3))
    assert sorted(mixed.tolist()) == sorted(encoded.chars.tolist())
    again = {tuple(encoded.shuffled(np.random.default_rng(seed)).tolist()) for seed in range(20)}
    assert len(again) > 1
    # Every order is one of whole documents: each text is found, end to end.
    drawn = "".join("?" if number < 2 else "\nabc"[number - 2] for number in mixed.tolist())
    assert sorted(drawn.splitlines(keepends=True)) == sorted(texts)
