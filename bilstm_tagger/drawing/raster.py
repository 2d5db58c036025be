"""Shapes as PNG, by matplotlib; loaded only when a PNG is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline

from bilstm_tagger.drawing.shapes import LIGHT, STYLES, Drawing, Letters, Path
from bilstm_tagger.drawing.svg import FONTS

__all__ = ["draw_png"]

_POINTS = 72.0  # matplotlib's units in an inch; one of them is one of our pixels


def draw_png(
    sheet: Iterable[tuple[float, Drawing]],
    stream: BinaryIO,
    *,
    width: float,
    height: float,
    left: float,
    scale: int,
) -> None:
    """Draws a sheet on white paper.

    Args:
        sheet: Drawings, each with its top.
        stream: A binary file.
        width: Of the sheet.
        height: Of the sheet.
        left: Margin.
        scale: Pixels of the file for one of the sheet.
    """
    figure = Figure(figsize=(width / _POINTS, height / _POINTS), dpi=_POINTS * scale, facecolor=LIGHT["paper"])
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    outlines: dict[str, list[Outline]] = {}
    for top, drawing in sheet:
        for path in drawing.paths:
            outlines.setdefault(path.style, []).append(_outline(path, left, top))
        for letters in drawing.letters:
            size, colour = FONTS[letters.style]
            family = "DejaVu Sans" if letters.style in ("note", "title") else "DejaVu Sans Mono"
            weight = "bold" if letters.style in ("residue", "title") else "normal"
            for text, x in _pieces(letters):
                note = axes.text(left + x, top + letters.y, text, ha=_ALIGN[letters.anchor], parse_math=False)
                note.set(size=size, weight=weight, family=family, color=LIGHT[colour])
    for order, (name, style) in enumerate(STYLES.items()):
        if name in outlines:
            axes.add_collection(
                PathCollection(
                    outlines[name],
                    facecolors=LIGHT[style.fill] if style.fill else "none",
                    edgecolors=LIGHT[style.stroke] if style.stroke else "none",
                    linewidths=style.width,
                    linestyles=(0, style.dash) if style.dash else "solid",
                    zorder=order / len(STYLES),
                ),
                autolim=False,
            )
    figure.savefig(stream, format="png", metadata={"Software": None})


_ALIGN = {"start": "left", "middle": "center", "end": "right"}


def _pieces(letters: Letters) -> Iterable[tuple[str, float]]:
    if len(letters.places) == 1:
        return [(letters.text, letters.places[0])]
    return zip(letters.text, letters.places, strict=True)


def _outline(path: Path, left: float, top: float) -> Outline:
    points, codes = [path.begin], [Outline.MOVETO]
    for step in path.steps:
        points += step
        codes += [Outline.LINETO if len(step) == 1 else Outline.CURVE4] * len(step)
    if path.closed:
        points.append(path.begin)
        codes.append(Outline.CLOSEPOLY)
    return Outline([(left + x, top + y) for x, y in points], codes)
