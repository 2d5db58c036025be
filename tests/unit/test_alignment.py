import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.alignment import CharSpan, Misfits, align_spans, choose_spans
from bilstm_tagger.errors import ConfigError, DataError
from bilstm_tagger.schemes import tags_to_spans

TEXT = "Angela Merkel visited New-York."
OFFSETS = [(0, 6), (7, 13), (14, 21), (22, 30), (30, 31)]


def align(*spans, **options):
    misfits = Misfits()
    tags = align_spans(TEXT, OFFSETS, [CharSpan(*span) for span in spans], misfits=misfits, **options)
    return tags, [(misfit.problem, misfit.action) for misfit in misfits.records]


def test_spans_that_fit():
    assert align((22, 30, "LOC"), (0, 13, "PER")) == (["B-PER", "I-PER", "O", "B-LOC", "O"], [])
    assert align() == (["O"] * 5, [])


@pytest.mark.parametrize(
    ("policy", "tags", "action"),
    [
        ("expand", ["B-X", "I-X", "O", "O", "O"], "expanded to 0-13"),
        ("contract", ["O", "B-X", "O", "O", "O"], "contracted to 7-13"),
        ("drop", [None, None, "O", "O", "O"], "left out"),
    ],
)
def test_a_span_that_cuts_a_token(policy, tags, action):
    assert align((3, 13, "X"), align=policy) == (tags, [("that cut a token", action)])


def test_strict_is_an_error():
    with pytest.raises(DataError, match=r"f:7: 'a' has a span that cut a token: got \('X', 3, 13, 'ela Merkel'\)"):
        align((3, 13, "X"), align="strict", source="f", line=7, id="a")
    for span in ((0, 6, "X", "Oslo"), (5, 99, "X"), (6, 7, "X")):
        with pytest.raises(DataError, match=r"the text:1: a span"):
            align(span, align="strict")
    assert align((0, 7, "X"), align="strict")[0][0] == "B-X"  # only white space too much


def test_nothing_to_contract_to():
    assert align((23, 25, "X"), align="contract") == (["O"] * 5, [("that cut a token", "left out")])


def test_a_dropped_span_leaves_the_tags_of_others():
    tags, _ = align((3, 13, "X"), (7, 13, "Y"), align="drop")
    assert tags == [None, "B-Y", "O", "O", "O"]


@pytest.mark.parametrize(
    ("span", "problem", "action"),
    [
        ((0, 99, "X"), "outside their text", "left out"),
        ((-1, 3, "X"), "outside their text", "left out"),
        ((3, 2, "X"), "outside their text", "left out"),
        ((4, 4, "X"), "empty", "left out"),
        ((6, 7, "X"), "empty", "left out"),
        ((6, 14, "X"), "with white space at an edge", "trimmed"),
        ((1, 7, "X", "Merkel"), "whose text is not at their offsets", "moved to 7-13"),
        ((0, 6, "X", "Oslo"), "whose text is not at their offsets", "read at their offsets"),
    ],
)
def test_spans_that_are_odd_whatever_the_tokens(span, problem, action):
    tags, table = align(span)
    assert table == [(problem, action)]
    assert ("B-X" in tags) == (action != "left out")


def test_a_span_over_characters_that_are_in_no_token():
    assert align_spans("a\u200bb", [(0, 1), (2, 3)], [CharSpan(1, 2, "X")]) == ["O", "O"]


def test_pieces():
    spans = [(0, 21, "X", None, ((0, 6), (14, 21)))]
    assert align(*spans) == (["B-X", "I-X", "I-X", "O", "O"], [("in several pieces", "expanded to 0-21")])
    assert align(*spans, align="contract") == (
        ["O", "O", "B-X", "O", "O"],
        [("in several pieces", "contracted to 14-21")],
    )
    assert align(*spans, align="drop") == ([None] * 3 + ["O"] * 2, [("in several pieces", "left out")])


NESTED = [("A", 1, 3), ("B", 0, 4), ("C", 3, 6), ("B", 0, 4), ("D", 0, 4), ("E", 6, 7)]


@pytest.mark.parametrize(
    ("overlap", "kept", "lost"),
    [
        ("outermost", {1, 5}, {0: "nested in", 2: "overlapping", 3: "repeated", 4: "with two labels"}),
        ("longest", {1, 5}, {0: "nested in", 2: "overlapping", 3: "repeated", 4: "with two labels"}),
        ("first", {0, 2, 5}, {1: "overlapping", 3: "overlapping", 4: "overlapping"}),
    ],
)
def test_spans_that_share_tokens(overlap, kept, lost):
    found, others = choose_spans(NESTED, overlap)
    assert set(found) == kept
    assert {index: problem.split(" another")[0].split(" on ")[0] for index, problem in others} == lost


def test_the_longest_may_begin_later():
    assert choose_spans([("A", 0, 2), ("B", 1, 5)], "outermost")[0] == [0]
    assert choose_spans([("A", 0, 2), ("B", 1, 5)], "longest")[0] == [1]


@st.composite
def texts(draw):
    """A text of words and single spaces, and spans at any places."""
    words = draw(st.lists(st.text("ab", min_size=1, max_size=4), max_size=6))
    text = " ".join(words)
    offsets, at = [], 0
    for word in words:
        offsets.append((at, at + len(word)))
        at += len(word) + 1
    places = st.integers(-2, len(text) + 2)
    return text, offsets, draw(st.lists(st.tuples(places, places, st.sampled_from("XY")), max_size=5))


@given(texts(), st.sampled_from(["expand", "contract", "drop"]), st.sampled_from(["outermost", "longest", "first"]))
def test_every_span_is_kept_or_reported(case, policy, overlap):
    text, offsets, spans = case[0], case[1], [CharSpan(*span) for span in case[2]]
    misfits = Misfits()
    tags = align_spans(text, offsets, spans, align=policy, overlap=overlap, misfits=misfits)
    kept = tags_to_spans(tags)
    assert len(tags) == len(offsets)
    assert misfits.spans == len(spans)
    assert len(kept) + sum(misfit.action == "left out" for misfit in misfits.records) == len(spans)
    for label, first, last in kept:
        start, end = offsets[first][0], offsets[last - 1][1]
        near = [span for span in spans if span.label == label and span.start < end and start < span.end]
        if policy == "expand":
            assert any(start <= span.start + 1 and span.end - 1 <= end for span in near)
        else:
            assert any(span.start <= start and end <= span.end for span in near)


def test_the_table_is_bounded_and_summed_up(monkeypatch):
    monkeypatch.setattr("bilstm_tagger.data.misfits._MAX_KEPT", 2)
    misfits = Misfits()
    align_spans(TEXT, OFFSETS, [CharSpan(4, 5, "X")] * 3, misfits=misfits, source="f", line=2)
    assert len(misfits.records) == 2
    assert misfits.message() == (
        "5 of 3 spans did not fit the tokens: 3 that cut a token (expanded); 2 repeated (left out); first at f:2: "
        "X 4-5 'l'"
    )
    assert misfits.records[0].to_dict()["action"] == "expanded to 0-6"
    misfits.clear()
    assert misfits.message() is None


def test_policies_reach_the_readers(tmp_path, caplog):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "ab cd", "entities": [[0, 1, "X"], [0, 5, "Y"]]}\n', encoding="utf-8")
    found = Misfits()
    for _ in range(2):  # also when the rows are in the cache
        caplog.clear()
        assert load_rows(path, task="ner", overlap="first", misfits=found)["tags"] == [["B-X", "O"]]
        assert len(found.records) == 2
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert "2 of 2 spans did not fit the tokens: 1 that cut a token (expanded); 1 overlapping" in record.message
    assert load_rows(path, task="ner", align="drop")["tags"] == [["B-Y", "I-Y"]]
    assert load_rows(path, task="ner", tokenizer="characters", align="strict")["tags"][0][:2] == ["B-Y", "I-Y"]
    with pytest.raises(DataError, match=r"x.jsonl:1: '1' has a span that cut a token.*Set data.align to expand"):
        load_rows(path, task="ner", align="strict")
    with pytest.raises(ConfigError, match=r"'data.align': got 'expnd'. Accepted: strict.*Did you mean 'expand'"):
        load_rows(path, task="ner", align="expnd")
    with pytest.raises(ConfigError, match=r"'data.overlap': got 'inner'"):
        load_rows(path, task="ner", overlap="inner")
    with pytest.raises(ConfigError, match=r"'data.tokenizer': got 'word'. Accepted: auto, words"):
        load_rows(path, task="ner", tokenizer="word")
