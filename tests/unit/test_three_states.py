"""Eight states as three: sums of probabilities, the largest one as tag."""

from __future__ import annotations

import numpy as np
import pytest

from bilstm_tagger.data.proteins.three_states import in_three_states
from bilstm_tagger.errors import InputError
from bilstm_tagger.types import TaggedSequence

LABELS = ("B", "C", "E", "G", "H", "I", "S", "T")


def doc(rows: list[dict[str, float]]) -> TaggedSequence:
    table = np.array([[row.get(label, 0.0) for label in LABELS] for row in rows], dtype=np.float32).reshape(-1, 8)
    tags = [max(row, key=lambda state: row[state]) for row in rows]
    text = "MKVLAG"[: len(rows)]
    offsets = [(place, place + 1) for place in range(len(rows))]
    return TaggedSequence(text, list(text), tags, [], [0.5] * len(rows), 0.1, offsets, "a", LABELS, table)


ROWS = [
    {"C": 0.4, "H": 0.3, "G": 0.3},  # helix is likelier than the likeliest of eight states
    {"H": 0.9, "I": 0.1},
    {"I": 0.6, "T": 0.4},
    {"E": 0.5, "B": 0.3, "S": 0.2},
]


@pytest.mark.parametrize(
    ("state_map", "tags", "first"),
    [("standard", "HHHE", 0.6), ("sspro", "HHCE", 0.6), ("jnet", "CHCE", 0.3)],
)
def test_the_largest_sum_is_the_tag(state_map: str, tags: str, first: float) -> None:
    three = in_three_states(doc(ROWS), state_map=state_map)
    assert "".join(three.tags) == tags
    assert three.labels == ("C", "E", "H")
    assert three.probabilities is not None
    np.testing.assert_allclose(three.probabilities.sum(axis=1), 1, rtol=1e-6)
    assert three.probabilities[0, 2] == pytest.approx(first)
    assert three.tag_scores == pytest.approx(three.probabilities.max(axis=1).tolist())


def test_segments_are_runs_of_a_state() -> None:
    spans = in_three_states(doc(ROWS)).spans
    assert [(span.text, span.label, span.token_start, span.token_end) for span in spans] == [
        ("MKV", "H", 0, 3),
        ("L", "E", 3, 4),
    ]
    assert [span.score for span in spans] == pytest.approx([0.6, 0.8])


def test_an_empty_chain() -> None:
    three = in_three_states(doc([]))
    assert (three.tags, three.spans, three.tag_scores) == ([], [], [])


def test_probabilities_are_needed() -> None:
    from dataclasses import replace

    with pytest.raises(InputError, match=r"sums of probabilities, and this sequence has none: got 'a'"):
        in_three_states(replace(doc(ROWS), probabilities=None))
