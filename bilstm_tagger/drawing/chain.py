"""A chain in rows of 60 residues: gold structure above the sequence, the prediction below, and how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from bilstm_tagger.drawing.glyphs import CELL, NAMES, segment_paths
from bilstm_tagger.drawing.shapes import Drawing, Letters, Path, Point, polygon
from bilstm_tagger.tasks.protein_ss3 import THREE_STATES

__all__ = ["ROW", "Chain", "Segment", "describe", "draw_row", "rows_of", "segments"]

ROW = 60
"""Residues in a row."""

_LEFT = 64.0
_WIDTH = _LEFT + ROW * CELL + 40.0
_GOLD = 36.0  # height of the gold track


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of one state, ``start`` to ``end`` (exclusive) from 0; ``state`` is None where it is not known."""

    state: str | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain to draw.

    Attributes:
        name: For headings.
        sequence: One letter a residue.
        states: The predicted states, letters of DSSP with coil written C.
        scores: Probability of each state; empty where there are none.
        gold: The true states, None where unknown; or None where there are none to compare with.
    """

    name: str
    sequence: str
    states: str
    scores: Sequence[float]
    gold: Sequence[str | None] | None = None

    @property
    def wrong(self) -> list[bool]:
        """Where the prediction differs from what is known; in three states where gold has no more."""
        if self.gold is None:
            return [False] * len(self.sequence)
        three = {state for state in self.gold if state is not None} <= set("CEH")
        states = "".join(map(THREE_STATES.__getitem__, self.states)) if three else self.states
        return [true is not None and true != guess for true, guess in zip(self.gold, states, strict=True)]


def segments(states: Sequence[str | None]) -> list[Segment]:
    """Returns the maximal runs of one state."""
    found, start = [], 0
    for state, run in groupby(states):
        end = start + sum(1 for _ in run)
        found.append(Segment(state, start, end))
        start = end
    return found


def rows_of(chain: Chain) -> Iterator[tuple[int, int]]:
    """Yields where each row begins and ends."""
    for start in range(0, len(chain.sequence), ROW):
        yield start, min(start + ROW, len(chain.sequence))


def draw_row(chain: Chain, start: int, end: int) -> Drawing:
    """Draws the residues from ``start`` to ``end``."""
    paths: list[Path] = []
    centres = [_LEFT + (index + 0.5) * CELL for index in range(end - start)]
    tens = [place for place in range(start + 1, end + 1) if place % 10 == 0]
    letters = [Letters("note", str(place), [centres[place - 1 - start]], 9) for place in tens]
    y = 14.0
    if chain.gold is not None:
        paths += _wrong_marks(chain, start, end, y + 1, y + _GOLD + 20 + 43)
        letters += [_heading("gold", y + 18), *_states(chain.gold[start:end], centres, y + 34)]
        paths += _track(chain.gold, start, end, y + 13)
        y += _GOLD
    letters.append(Letters("residue", chain.sequence[start:end], centres, y + 14))
    letters += [
        Letters("note", str(start + 1), [_LEFT - 6], y + 14, "end"),
        Letters("note", str(end), [_LEFT + (end - start) * CELL + 6], y + 14, "start"),
    ]
    y += 20
    letters += [_heading("predicted", y + 17), *_states(chain.states[start:end], centres, y + 36)]
    paths += _track(chain.states, start, end, y + 13)
    y += 44
    if chain.scores:
        letters += [
            _heading("confidence", y + 15),
            Letters("note", "1", [_LEFT + (end - start) * CELL + 6], y + 6, "start"),
            Letters("note", "0", [_LEFT + (end - start) * CELL + 6], y + 24, "start"),
        ]
        paths += _confidence(chain.scores[start:end], y + 2, y + 22)
        y += 26
    return Drawing(_WIDTH, y + 14, paths, letters)


def _heading(text: str, y: float) -> Letters:
    return Letters("note", text, [0.0], y, "start")


def _states(states: Sequence[str | None], centres: Sequence[float], y: float) -> list[Letters]:
    return [Letters("state", "".join(state or "\N{MIDDLE DOT}" for state in states), centres, y)]


def _track(states: Sequence[str | None], start: int, end: int, y: float) -> list[Path]:
    """The glyphs of a row. Whether a segment goes on in the next row decides where its arrow has a head."""
    paths: list[Path] = []
    for segment in segments(states[start:end]):
        left, right = _LEFT + segment.start * CELL, _LEFT + segment.end * CELL
        if segment.state is None:
            paths.append(Path("unknown", (left + 2, y), [((right - 2, y),)]))
            continue
        after = start + segment.end
        goes_on = after == end and after < len(states) and states[after] == segment.state
        paths += segment_paths(segment.state, left, right, y, ends=not goes_on)
    return paths


def _wrong_marks(chain: Chain, start: int, end: int, top: float, bottom: float) -> list[Path]:
    """A frame around each run of residues that are predicted otherwise."""
    marks = []
    for run in segments(["wrong" if wrong else None for wrong in chain.wrong[start:end]]):
        if run.state:
            left, right = _LEFT + run.start * CELL, _LEFT + run.end * CELL
            marks.append(polygon("wrong", (left, top), (right, top), (right, bottom), (left, bottom)))
    return marks


def _confidence(scores: Sequence[float], top: float, bottom: float) -> list[Path]:
    """Steps as high as the probability, over lines at 0, 0.5 and 1."""
    right = _LEFT + len(scores) * CELL
    outline: list[Point] = [(_LEFT, bottom)]
    for index, score in enumerate(scores):
        height = bottom - (bottom - top) * min(max(score, 0.0), 1.0)
        outline += [(_LEFT + index * CELL, height), (_LEFT + (index + 1) * CELL, height)]
    lines = {"axis": (top, bottom), "half": ((top + bottom) / 2,)}
    grid = [Path(style, (_LEFT, y), [((right, y),)]) for style, heights in lines.items() for y in heights]
    edge = Path("confidence-edge", outline[1], [(point,) for point in outline[2:]])
    return [polygon("confidence", *outline, (right, bottom)), *grid, edge]


def describe(chain: Chain, start: int, end: int) -> str:
    """Says in words what a row shows, for those who do not see it; residues counted from 1."""
    parts = [
        f"{NAMES[segment.state]} {start + segment.start + 1}-{start + segment.end}"
        for segment in segments(chain.states[start:end])
        if segment.state is not None and segment.state != "C"
    ]
    differing = sum(chain.wrong[start:end])
    told = f"Predicted: {', '.join(parts) or 'coil'}."
    return f"{told} {differing} residues differ from gold." if chain.gold is not None else told
