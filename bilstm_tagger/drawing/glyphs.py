"""Segments of secondary structure as shapes: helices as ribbons, strands as arrows, the rest as lines.

A helix turns once in 3.6 residues and is right-handed: what is in front falls from left to right. A strand's arrow
points to the end of the chain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bilstm_tagger.drawing.shapes import Curve, Path, Point, polygon

__all__ = ["CELL", "NAMES", "segment_paths"]

CELL = 13.0
"""Width of a residue."""

NAMES: Mapping[str, str] = {
    "H": "helix",
    "G": "3-10 helix",
    "I": "pi helix",
    "E": "strand",
    "B": "bridge",
    "T": "turn",
    "S": "bend",
    "C": "coil",
}
"""What each state is called."""

# Half a turn of an alpha, a 3-10 and a pi helix, in residues; and half the height of its ribbon.
_HALF_TURN = {"H": 1.8, "G": 1.5, "I": 2.2}
_AMPLITUDE = {"H": 11.0, "G": 7.5, "I": 11.0}
_RIBBON = 0.62  # width of the ribbon, in half turns
_COSINE = 0.3642  # how far the control points of half a cosine lie from its ends
_BODY, _HEAD = 5.0, 10.0  # half the height of an arrow's shaft and of its head


def segment_paths(state: str, left: float, right: float, y: float, *, ends: bool) -> list[Path]:
    """Draws one segment, or the part of it that lies in a row.

    Args:
        state: One of the eight states.
        left: Where it begins.
        right: Where it ends.
        y: The middle of the track.
        ends: Whether the segment ends here, so that an arrow has its head.
    """
    return _SHAPES[state](state, left, right, y, ends)


def _helix(state: str, left: float, right: float, y: float, ends: bool) -> list[Path]:
    high, width = _AMPLITUDE[state], right - left
    style = "thin-helix" if state == "G" else "helix"
    turns = max(1, round(width / (_HALF_TURN[state] * CELL)) - 1)
    # A quarter turn from the middle line, half turns from edge to edge, and a quarter turn back to the middle.
    half = width / (turns + 1 + _RIBBON)
    ribbon = _RIBBON * half
    curves = [_cut(_half_turn(left - half / 2, half, y + high, y - high))[1]]
    for index in range(turns):
        above = index % 2 == 0
        begin, end = (y - high, y + high) if above else (y + high, y - high)
        curves.append(_half_turn(left + half / 2 + index * half, half, begin, end))
    last = curves[-1][3]
    curves.append(_cut(_half_turn(last[0], half, last[1], 2 * y - last[1]))[0])
    bands = [_band(curve, ribbon) for curve in curves]
    behind = [Path(f"{style}-back", begin, steps, closed=True) for begin, steps in bands[::2]]
    return behind + [Path(style, begin, steps, closed=True) for begin, steps in bands[1::2]]


def _half_turn(left: float, width: float, begin: float, end: float) -> Curve:
    """Half a cosine."""
    pull = _COSINE * width
    return (left, begin), (left + pull, begin), (left + width - pull, end), (left + width, end)


def _cut(curve: Curve) -> tuple[Curve, Curve]:
    """Cuts a curve in its middle (de Casteljau)."""
    first, second, third, fourth = curve
    one, two, three = _between(first, second), _between(second, third), _between(third, fourth)
    before, after = _between(one, two), _between(two, three)
    middle = _between(before, after)
    return (first, one, before, middle), (middle, after, three, fourth)


def _between(first: Point, second: Point) -> Point:
    return (first[0] + second[0]) / 2, (first[1] + second[1]) / 2


def _band(curve: Curve, width: float) -> tuple[Point, list[tuple[Point] | tuple[Point, Point, Point]]]:
    """The outline of a band that a curve sweeps when it is moved to the right."""
    a, b, c, d = curve
    moved_a, moved_b, moved_c, moved_d = ((x + width, y) for x, y in curve)
    return a, [(b, c, d), (moved_d,), (moved_c, moved_b, moved_a)]


def _strand(state: str, left: float, right: float, y: float, ends: bool) -> list[Path]:
    if not ends:
        return [_block(state, left, right, y, ends)]
    neck = max(left, right - 1.5 * CELL)
    head = [(neck, y - _HEAD), (right, y), (neck, y + _HEAD)]
    shaft = [(left, y - _BODY), (neck, y - _BODY)], [(neck, y + _BODY), (left, y + _BODY)]
    return [polygon("strand", *shaft[0], *head, *shaft[1])] if neck > left else [polygon("strand", *head)]


def _block(state: str, left: float, right: float, y: float, ends: bool) -> Path:
    return polygon("strand", (left, y - _BODY), (right, y - _BODY), (right, y + _BODY), (left, y + _BODY))


def _bridge(state: str, left: float, right: float, y: float, ends: bool) -> list[Path]:
    return [*_line(state, left, right, y, ends), _block(state, left + 1.5, right - 1.5, y, ends)]


def _line(state: str, left: float, right: float, y: float, ends: bool) -> list[Path]:
    return [Path("coil", (left, y), [((right, y),)])]


def _turn(state: str, left: float, right: float, y: float, ends: bool) -> list[Path]:
    """An arch."""
    third, top = (right - left) / 4, y - 12
    return [Path("coil", (left, y), [((left + third, top), (right - third, top), (right, y))])]


def _bend(state: str, left: float, right: float, y: float, ends: bool) -> list[Path]:
    """A corner for each residue."""
    count = max(1, round((right - left) / CELL))
    step = (right - left) / count
    corners = [((left + (index / 2) * step, y + (5 if index % 2 else 0)),) for index in range(1, 2 * count + 1)]
    return [Path("coil", (left, y), corners)]


_SHAPES: Mapping[str, Callable[[str, float, float, float, bool], list[Path]]] = {
    "H": _helix,
    "G": _helix,
    "I": _helix,
    "E": _strand,
    "B": _bridge,
    "T": _turn,
    "S": _bend,
    "C": _line,
}
