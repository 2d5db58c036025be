"""Tokens that are no words, and what is done about them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_tagger.data.records import UNKNOWN_TOKEN, Record
from bilstm_tagger.data.repairs.mending import mend
from bilstm_tagger.data.repairs.oddities import LONG_TOKEN, find_oddity, visible
from bilstm_tagger.data.repairs.repair import Repair
from bilstm_tagger.schemes import Scheme

WORDS = [
    "a",
    "AT&T",
    "<Hrsg.>",
    "<3",
    "http://x.org/a?b",
    "ß",
    "naïve",
    "été",
    "काठमांडू",
    "👨\u200d👩",
    "&",
    "Ã",
    "x" * 100,
]
ODD = [
    (UNKNOWN_TOKEN, "D206", None),
    ("x\u200b", "D701", "x"),
    ("Auswir\u00adkungen", "D701", "Auswirkungen"),
    ("a\x07b", "D701", "ab"),
    ("\x96", "D701", "–"),
    ("\ufe0f", "D701", None),
    ("\u200b", "D701", None),
    (f"a{UNKNOWN_TOKEN}b", "D702", None),
    ("&amp;", "D703", "&"),
    ("sagen&ldquo;", "D703", "sagen“"),
    ("&#39;", "D703", "'"),
    ("&nbsp;", "D703", None),
    ("<br/>", "D703", None),
    ("x</div>", "D703", None),
    ("Ã©tÃ©", "D704", "été"),
    ("â€œ", "D704", "“"),
    (" \x1b", "D701", None),
    ("34 470", "D705", None),
    ("😉\u00a0", "D705", "😉"),
    ("texthttp://x.org", "D706", None),
    ("x" * (LONG_TOKEN + 1), "D707", None),
    ("e\u0301", "D708", "é"),
]


@pytest.mark.parametrize("word", WORDS)
def test_words_are_not_odd(word: str) -> None:
    assert find_oddity(word) is None


@pytest.mark.parametrize(("token", "code", "new"), ODD, ids=[repr(token)[:20] for token, *_ in ODD])
def test_odd_tokens_are_told_and_mended(token: str, code: str, new: str | None) -> None:
    assert find_oddity(token) == (code, new)


@given(st.text(min_size=1, max_size=12))
def test_what_is_proposed_is_a_token_and_another_one(token: str) -> None:
    oddity = find_oddity(token)
    if oddity is not None and oddity.new is not None:
        assert oddity.new != token
        assert oddity.new.strip()


def test_what_cannot_be_seen_is_written_out() -> None:
    assert visible("a\u200bb\tc\x00") == "a<U+200B>b<U+0009>c<U+0000>"


def record(tokens: list[str], tags: list[str | None], **more: object) -> Record:
    return Record("1", tokens, tags, "f.conll", 3, range(3, 3 + len(tokens)), **more)


def test_mending_changes_tags_and_tokens_and_lists_both() -> None:
    mended, repairs = mend(record(["&amp;", "b", "c"], ["O", "I-X", "I-X"]), Scheme.IOB2)
    assert mended.tokens == ["&", "b", "c"]
    assert mended.tags == ["O", "B-X", "I-X"]
    assert repairs == [
        Repair("D301", "f.conll", 4, "tag", 1, "I-X", "B-X"),
        Repair("D703", "f.conll", 3, "token", 0, "&amp;", "&"),
    ]
    assert str(repairs[0]) == "f.conll:4: tag I-X -> B-X"
    assert repairs[0].to_dict()["new"] == "B-X"


def test_a_sound_record_is_given_back_itself() -> None:
    sound = record(["a", "b"], ["B-X", "I-X"])
    assert mend(sound, Scheme.IOB2) == (sound, [])
    assert mend(sound, Scheme.IOB2)[0] is sound


def test_tokens_of_a_running_text_stay_and_tags_of_no_scheme_stay() -> None:
    marked = record(["&amp;"], ["I-X"], text="&amp;", offsets=[(0, 5)])
    assert mend(marked, None) == (marked, [])


@pytest.mark.parametrize(
    ("scheme", "tags", "expected"),
    [
        (Scheme.IOB1, ["O", "B-X", "B-X"], ["O", "I-X", "B-X"]),
        (Scheme.BIOES, ["B-X", "I-X", "O", "I-Y"], ["B-X", "E-X", "O", "S-Y"]),
        (Scheme.BILOU, ["B-X", "O"], ["U-X", "O"]),
        (Scheme.IOB2, [None, "O", "I-Y"], [None, "O", "B-Y"]),
    ],
)
def test_tags_are_mended_in_their_own_scheme(
    scheme: Scheme, tags: list[str | None], expected: list[str | None]
) -> None:
    mended, repairs = mend(record(["a"] * len(tags), tags), scheme)
    changed = [position for position, pair in enumerate(zip(tags, expected, strict=True)) if pair[0] != pair[1]]
    assert [repair.position for repair in repairs] == changed
    assert mended.tags == expected
    assert mend(mended, scheme)[1] == []
