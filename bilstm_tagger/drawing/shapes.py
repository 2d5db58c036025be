"""What a drawing is made of, whatever it is written as: filled or stroked paths, and letters at their places.

Lengths are in CSS pixels, y grows downwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["DARK", "LIGHT", "STYLES", "Curve", "Drawing", "Letters", "Path", "Point", "Style", "polygon"]

Point = tuple[float, float]
Curve = tuple[Point, Point, Point, Point]
"""A cubic Bezier curve: begin, two control points, end."""

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "faint": "#5b6470",
    "line": "#d5dae0",
    "helix": "#d9572b",
    "helix-back": "#9c3512",
    "thin-helix": "#e39a3b",
    "thin-helix-back": "#a8681a",
    "strand": "#2f74c0",
    "strand-edge": "#1b4a80",
    "coil": "#5b6470",
    "confidence": "#d3dee9",
    "confidence-edge": "#6b8199",
    "wrong": "#fdecc8",
    "wrong-edge": "#a15c00",
}
DARK: Mapping[str, str] = {
    "paper": "#14171b",
    "ink": "#e8ebee",
    "faint": "#a3adb8",
    "line": "#3a424c",
    "helix": "#f0794e",
    "helix-back": "#a8421d",
    "thin-helix": "#f0b056",
    "thin-helix-back": "#a8701f",
    "strand": "#5b9ee6",
    "strand-edge": "#a9cdf5",
    "coil": "#a3adb8",
    "confidence": "#33414f",
    "confidence-edge": "#8ba3bb",
    "wrong": "#4a3510",
    "wrong-edge": "#f0b056",
}
"""Colours by name, on light and on dark paper."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a path is painted; colours are names.

    Attributes:
        fill: Colour of the inside, or None.
        stroke: Colour of the line, or None.
        width: Of the line.
        dash: Lengths of dashes and gaps; empty for a whole line.
    """

    fill: str | None = None
    stroke: str | None = None
    width: float = 0.0
    dash: tuple[float, ...] = ()


STYLES: Mapping[str, Style] = {
    "wrong": Style("wrong", "wrong-edge", 0.8),
    "confidence": Style("confidence"),
    "axis": Style(None, "line", 0.8),
    "half": Style(None, "faint", 0.6, (1, 4)),
    "confidence-edge": Style(None, "confidence-edge", 1.2),
    "coil": Style(None, "coil", 2.2),
    "unknown": Style(None, "faint", 1.0, (1, 4)),
    "helix-back": Style("helix-back", "helix-back", 0.6),
    "helix": Style("helix", "helix-back", 0.6),
    "thin-helix-back": Style("thin-helix-back", "thin-helix-back", 0.6),
    "thin-helix": Style("thin-helix", "thin-helix-back", 0.6),
    "strand": Style("strand", "strand-edge", 0.8),
}
"""Styles by class, in the order in which they are painted."""


@dataclass(frozen=True, slots=True)
class Path:
    """A line or an outline.

    Attributes:
        style: A key of ``STYLES``.
        begin: Where it begins.
        steps: Where it goes: a point by a straight line, three points by a cubic Bezier curve.
        closed: Whether it goes back to the beginning.
    """

    style: str
    begin: Point
    steps: Sequence[tuple[Point] | tuple[Point, Point, Point]]
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Letters:
    """Text: one letter at each place, or all of it at one place.

    Attributes:
        style: ``residue``, ``state`` or ``note``; says the font.
        text: The letters.
        places: The middle of each letter, or one place where all of the text begins, ends or has its middle.
        y: The base line.
        anchor: ``middle``, ``start`` or ``end``.
    """

    style: str
    text: str
    places: Sequence[float]
    y: float
    anchor: str = "middle"


@dataclass(frozen=True, slots=True)
class Drawing:
    """Paths and text on one sheet, ``width`` by ``height``."""

    width: float
    height: float
    paths: Sequence[Path]
    letters: Sequence[Letters]


def polygon(style: str, *points: Point) -> Path:
    """A closed outline of straight lines."""
    return Path(style, points[0], [(point,) for point in points[1:]], closed=True)
