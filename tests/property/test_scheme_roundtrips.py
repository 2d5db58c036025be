import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bilstm_tagger.schemes import (
    EDGE,
    Scheme,
    convert,
    detect_scheme,
    is_legal,
    legal_transitions,
    spans_to_tags,
    tag_pairs,
    tag_set,
    tags_to_spans,
)

EXACT = [Scheme.IOB1, Scheme.IOB2, Scheme.BIOES, Scheme.BILOU, Scheme.BMES]
LABELS = st.sampled_from(["PER", "LOC", "a-b", "人名", ""])


@st.composite
def sequences(draw):
    """Spans that do not overlap, and the length of their sequence."""
    spans, position = [], 0
    for gap, size, label in draw(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 3), LABELS), max_size=6)):
        spans.append((label, position + gap, position + gap + size))
        position += gap + size
    return spans, position + draw(st.integers(0, 2))


@given(sequences(), st.sampled_from(EXACT))
def test_spans_survive_writing_and_reading(sequence, scheme):
    spans, length = sequence
    assert tags_to_spans(spans_to_tags(spans, length, scheme), scheme) == spans


@given(sequences(), st.sampled_from(EXACT), st.sampled_from(EXACT))
def test_conversion_there_and_back_is_the_identity(sequence, source, target):
    tags = spans_to_tags(*sequence, source)
    there = convert(tags, source, target)
    assert there == spans_to_tags(*sequence, target)
    assert convert(there, target, source) == tags


@given(sequences(), st.sampled_from([*EXACT, Scheme.IO]))
def test_what_is_written_is_legal(sequence, scheme):
    tags = spans_to_tags(*sequence, scheme)
    assert all(is_legal(before, after, scheme) for before, after in tag_pairs(tags))


@given(st.lists(sequences(), min_size=1, max_size=4), st.sampled_from(EXACT))
def test_the_detected_scheme_reads_the_same_spans(several, scheme):
    written = [spans_to_tags(*sequence, scheme) for sequence in several]
    detected = detect_scheme(written)
    assert [tags_to_spans(tags, detected) for tags in written] == [spans for spans, _ in several]


@given(st.lists(st.sampled_from([*tag_set(["A", "B"], Scheme.BIOES), None, "L-A", "U-B"]), max_size=8))
def test_repaired_tags_are_well_formed_and_mean_the_same(tags):
    repaired = convert(tags, Scheme.IOB2, Scheme.IOB2)
    spans = tags_to_spans(tags)
    assert tags_to_spans(repaired) == spans
    assert [tag is None for tag in repaired] == [tag is None for tag in tags]


@pytest.mark.parametrize("scheme", EXACT)
def test_legal_transitions_allow_exactly_the_well_formed_sequences(scheme):
    # A sequence is well-formed when writing the spans that it holds gives it back.
    tags = tag_set(["A", "B"], scheme)
    start, transitions, end = legal_transitions(tags, scheme)
    for length in range(1, 5 if len(tags) < 6 else 4):
        for path in itertools.product(range(len(tags)), repeat=length):
            legal = start[path[0]] and end[path[-1]] and all(transitions[a, b] for a, b in itertools.pairwise(path))
            sequence = [tags[i] for i in path]
            well_formed = spans_to_tags(tags_to_spans(sequence, scheme), length, scheme) == sequence
            assert legal == well_formed, sequence


@pytest.mark.parametrize("scheme", [Scheme.IO, Scheme.NONE])
def test_schemes_that_forbid_nothing(scheme):
    tags = tag_set(["A", "B"], scheme)
    assert all(is_legal(before, after, scheme) for before in [*tags, EDGE] for after in [*tags, EDGE])
    assert all(array.all() for array in legal_transitions(tags, scheme))
