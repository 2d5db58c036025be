import pytest

from bilstm_tagger.errors import ConfigError
from bilstm_tagger.schemes import (
    EDGE,
    Scheme,
    convert,
    detect_scheme,
    is_legal,
    is_span_tag,
    legal_transitions,
    spans_to_tags,
    split_tag,
    tag_set,
    tags_to_spans,
)

SPANS = [("PER", 0, 2), ("PER", 2, 3), ("LOC", 4, 5), ("ORG", 5, 8)]
WRITTEN = {
    Scheme.IOB1: "I-PER I-PER B-PER O I-LOC I-ORG I-ORG I-ORG",
    Scheme.IOB2: "B-PER I-PER B-PER O B-LOC B-ORG I-ORG I-ORG",
    Scheme.BIOES: "B-PER E-PER S-PER O S-LOC B-ORG I-ORG E-ORG",
    Scheme.BILOU: "B-PER L-PER U-PER O U-LOC B-ORG I-ORG L-ORG",
    Scheme.BMES: "B-PER E-PER S-PER O S-LOC B-ORG M-ORG E-ORG",
}


@pytest.mark.parametrize("scheme", WRITTEN)
def test_spans_in_each_scheme(scheme):
    tags = WRITTEN[scheme].split()
    assert spans_to_tags(SPANS, 8, scheme) == tags
    assert tags_to_spans(tags, scheme) == SPANS
    assert detect_scheme([tags]) is scheme


def test_io_merges_touching_spans_of_one_label():
    tags = spans_to_tags(SPANS, 8, Scheme.IO)
    assert tags == ["I-PER", "I-PER", "I-PER", "O", "I-LOC", "I-ORG", "I-ORG", "I-ORG"]
    assert detect_scheme([tags]) is Scheme.IO
    assert tags_to_spans(tags, Scheme.IO)[0] == ("PER", 0, 3)


@pytest.mark.parametrize(
    ("tags", "spans"),
    [
        # conlleval.pl on ill-formed input: an I- after O, or after another label, starts a chunk.
        (["O", "I-PER", "I-PER"], [("PER", 1, 3)]),
        (["B-PER", "I-LOC"], [("PER", 0, 1), ("LOC", 1, 2)]),
        (["E-PER", "E-PER"], [("PER", 0, 1), ("PER", 1, 2)]),
        (["B-PER", "I-PER", "O"], [("PER", 0, 2)]),
        (["B-PER", "S-PER", "I-PER"], [("PER", 0, 1), ("PER", 1, 2), ("PER", 2, 3)]),
        (["B-PER", None, "I-PER"], [("PER", 0, 1), ("PER", 2, 3)]),
        (["B", "I", "O", "S"], [("", 0, 2), ("", 3, 4)]),
        ([], []),
    ],
)
def test_ill_formed_tags_are_read_as_conlleval_reads_them(tags, spans):
    assert tags_to_spans(tags) == spans


def test_runs_of_states_are_spans_without_a_scheme():
    assert tags_to_spans(["H", "H", "C", None, "C"], Scheme.NONE) == [("H", 0, 2), ("C", 2, 3), ("C", 4, 5)]


def test_convert_repairs_and_keeps_unknown_tags():
    assert convert(["I-PER", None, "I-LOC"], Scheme.IOB2, Scheme.IOB2) == ["B-PER", None, "B-LOC"]
    assert convert(["a", None], Scheme.NONE, Scheme.BIOES) == ["a", None]


@pytest.mark.parametrize(
    ("sequences", "scheme"),
    [
        ([["O", "O"]], Scheme.IOB2),
        ([["B-A", "O"], ["I-A"]], Scheme.IOB2),  # one slip does not make it IOB1
        ([["I-A", "B-A"], ["I-B", "O", "I-A"]], Scheme.IOB1),
        ([["B-A", "M-A", "E-A"]], Scheme.BMES),
        ([["NN", "VB"]], Scheme.NONE),
        ([["B-A", "NN"]], Scheme.NONE),
        ([[None, "I-A"], [None]], Scheme.IO),
        ([], Scheme.IOB2),
    ],
)
def test_detection(sequences, scheme):
    assert detect_scheme(sequences) is scheme


@pytest.mark.parametrize(
    ("name", "scheme"),
    [
        ("bio", Scheme.IOB2),
        ("IOBES", Scheme.BIOES),
        ("BILUO", Scheme.BILOU),
        ("BMEO", Scheme.BMES),
        ("iob1", Scheme.IOB1),
    ],
)
def test_names_of_schemes(name, scheme):
    assert Scheme.parse(name) is scheme


def test_unknown_scheme():
    with pytest.raises(ConfigError, match=r"unknown tag scheme: got 'XYZ'. Accepted: IOB1, IOB2, BIOES"):
        Scheme.parse("XYZ")


def test_split_tag():
    assert [split_tag(tag) for tag in ("O", "B-PER", "I_a-b", "NN", "S", "B-")] == [
        ("O", ""),
        ("B", "PER"),
        ("I", "a-b"),
        ("", "NN"),
        ("S", ""),
        ("B", ""),
    ]
    assert not is_span_tag("PER")
    assert is_span_tag("U-PER")


def test_tag_set():
    assert tag_set(["b", "a", "b"], Scheme.IOB2) == ["O", "B-a", "I-a", "B-b", "I-b"]
    assert tag_set(["b", "a"], Scheme.NONE) == ["a", "b"]
    assert tag_set([""], Scheme.BIOES) == ["O", "B", "I", "E", "S"]


def test_legal_transitions_have_a_row_for_the_tag_before():
    start, transitions, end = legal_transitions(["O", "B-A", "I-A"], Scheme.IOB2)
    assert start.tolist() == [True, True, False]
    assert end.tolist() == [True, True, True]
    assert transitions.tolist() == [[True, True, False], [True, True, True], [True, True, True]]


def test_unknown_neighbours_forbid_nothing():
    assert is_legal(None, "I-A", Scheme.BIOES)
    assert is_legal("B-A", None, Scheme.BIOES)
    assert not is_legal("B-A", EDGE, Scheme.BIOES)
    assert is_legal("I-A", EDGE, Scheme.IOB1)
