"""Properties of splitting that hold for any string."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bilstm_tagger.errors import InputError
from bilstm_tagger.features.splitting import AMINO_ACIDS, Splitter, build_tokenizer
from bilstm_tagger.split_rules import KINDS

VOCABULARY = {"<pad>": 0, "<unk>": 1}
TOKENIZERS = {kind: build_tokenizer(kind, VOCABULARY) for kind in KINDS}
SPLITTERS = {kind: Splitter(tokenizer) for kind, tokenizer in TOKENIZERS.items()}

# What the rules look at, in every order; and any Unicode, lone surrogates included.
ASCII = "a B can not don n't 's ' U. Mr. http:// www. .com / @ # _ . .. - -- : ) ( ;D <3 & &amp; $ % + 1 23 , ! ? '60s"
UNICODE = (
    "é ß ж ש م हि 한 東 カ ﾞ 。 😀 👩 🏽 🇩 ’ ’s ¯\\_(ツ)_/¯ \u20e3 \u0301 \ufe0f \u0600 \ue000 \U0001d400 \U000e0067"
)
BLANK = " |\t|\r\n|\u2028|\x00|\x1c|\u200d|\u200c|\u00ad|\ufeff|\u202e|\U0001bca0"
PIECES = [*ASCII.split(" "), *UNICODE.split(" "), *BLANK.split("|"), "\ud800", "\udfff", "\U000110bd", "\U0010ffff"]
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.text(st.characters(exclude_categories=()), max_size=30),
    st.text(st.characters(max_codepoint=127), max_size=30),
)


def is_blank(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cc", "Cf")


@pytest.mark.parametrize("kind", ["words", "characters", "whitespace"])
@given(text=TEXTS)
@settings(max_examples=400, deadline=None)
def test_tokens_are_slices_and_cover_all_that_is_visible(kind: str, text: str) -> None:
    tokens, offsets = SPLITTERS[kind].split(text)
    assert len(tokens) == len(offsets)
    position = 0
    for token, (start, end) in zip(tokens, offsets, strict=True):
        assert position <= start < end <= len(text)
        assert all(is_blank(char) for char in text[position:start])
        assert text[start:end] == token
        assert not any(char.isspace() for char in token)
        position = end
    assert all(is_blank(char) for char in text[position:])


@pytest.mark.parametrize("kind", ["words", "characters", "whitespace"])
@given(text=TEXTS)
@settings(max_examples=400, deadline=None)
def test_rust_gives_the_same_tokens(kind: str, text: str) -> None:
    # Rust has no lone surrogates
    clean = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    clean = "".join("\ufffd" if 0xD800 <= ord(char) < 0xE000 else char for char in clean)
    pieces = TOKENIZERS[kind].pre_tokenizer.pre_tokenize_str(clean)
    assert SPLITTERS[kind].split(clean)[1] == [offsets for _, offsets in pieces]


@given(text=TEXTS)
@settings(max_examples=400, deadline=None)
def test_a_lone_surrogate_is_cut_like_the_replacement_character(text: str) -> None:
    clean = "".join("\ufffd" if 0xD800 <= ord(char) < 0xE000 else char for char in text)
    assert SPLITTERS["words"].split(text)[1] == SPLITTERS["words"].split(clean)[1]


@given(text=TEXTS)
@settings(max_examples=400, deadline=None)
def test_whitespace_is_python_s_split(text: str) -> None:
    assert SPLITTERS["whitespace"].split(text)[0] == text.split()


@given(text=TEXTS)
@example(text="can't_")
@example(text="it's_ cannot_ get 'em__")
@settings(max_examples=400, deadline=None)
def test_a_token_given_alone_stays_whole(text: str) -> None:
    for token in SPLITTERS["words"].split(text)[0]:
        assert SPLITTERS["words"].split(token)[0] == [token]


@given(words=st.lists(st.text(st.characters(categories=["Ll", "Lu"], max_codepoint=0x24F), min_size=1), max_size=10))
@settings(deadline=None)
def test_letters_between_spaces_stay_whole(words: list[str]) -> None:
    merged = ("cannot", "gonna", "wanna", "gotta", "lemme", "gimme")
    words = [word for word in words if word.lower() not in merged]
    assert SPLITTERS["words"].split(" ".join(words))[0] == words


@given(text=st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@settings(max_examples=400, deadline=None)
def test_a_mark_never_begins_a_token_after_a_visible_character(text: str) -> None:
    for start, _ in SPLITTERS["characters"].split(text)[1]:
        if unicodedata.category(text[start])[0] == "M":
            assert start == 0 or is_blank(text[start - 1])


@given(letters=st.text(st.sampled_from(AMINO_ACIDS + AMINO_ACIDS.lower() + " \n"), max_size=60))
@settings(deadline=None)
def test_residues_are_the_letters_in_upper_case(letters: str) -> None:
    plain = "".join(letters.split())
    try:
        tokens, offsets = SPLITTERS["residues"].split(letters)
    except InputError:
        assert len(plain) >= 20
        assert set(plain.upper()) <= set("ACGTUN")
        return
    assert "".join(tokens) == plain.upper()
    assert "".join(letters[start:end] for start, end in offsets) == plain


@given(text=TEXTS)
@settings(max_examples=300, deadline=None)
def test_residues_raise_input_errors_only(text: str) -> None:
    try:
        tokens, _ = SPLITTERS["residues"].split(text)
    except InputError:
        return
    assert set(tokens) <= set(AMINO_ACIDS)
