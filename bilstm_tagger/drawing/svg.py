"""Shapes as SVG: paths of one style are one element, and text is text that can be selected and searched."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape

from bilstm_tagger.drawing.shapes import STYLES, Drawing, Letters, Path

__all__ = ["FONTS", "MONOSPACE", "body", "stacked", "style_sheet"]

MONOSPACE = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"
_ADVANCE = 0.6  # width of a letter of these fonts, in font sizes
FONTS = {"residue": (12.5, "ink"), "state": (8.0, "faint"), "note": (9.5, "faint"), "title": (13.0, "ink")}
"""Size in pixels and colour by style of letters."""


def style_sheet(colour: Callable[[str], str]) -> str:
    """Returns the CSS rules of all styles.

    Args:
        colour: Gives a colour by its name, as CSS.
    """
    rules = []
    for name, style in STYLES.items():
        fill = "none" if style.fill is None else colour(style.fill)
        rule = f"fill:{fill}"
        if style.stroke is not None:
            rule += f";stroke:{colour(style.stroke)};stroke-width:{style.width:g};stroke-linejoin:round"
        if style.dash:
            rule += f";stroke-dasharray:{' '.join(f'{length:g}' for length in style.dash)}"
        rules.append(f".d-{name}{{{rule}}}")
    for name, (size, ink) in FONTS.items():
        family = "sans-serif" if name in ("note", "title") else MONOSPACE
        weight = ";font-weight:600" if name in ("residue", "title") else ""
        rules.append(f".d-{name}{{font:{size:g}px {family};fill:{colour(ink)}{weight}}}")
    return "\n".join(rules)


def body(drawing: Drawing) -> str:
    """Returns the elements of a drawing, without the ``svg`` around them."""
    by_style: dict[str, list[Path]] = {}
    for path in drawing.paths:
        by_style.setdefault(path.style, []).append(path)
    parts = [
        f'<path class="d-{style}" d="{"".join(map(_outline, by_style[style]))}"/>'
        for style in STYLES
        if style in by_style
    ]
    return "".join([*parts, *map(_text, drawing.letters)])


def _outline(path: Path) -> str:
    commands = [f"M{_numbers(path.begin)}"]
    for step in path.steps:
        commands.append(("L" if len(step) == 1 else "C") + _numbers(*step))
    return "".join(commands) + ("Z" if path.closed else "")


def _text(letters: Letters) -> str:
    places = letters.places
    anchor = "" if letters.anchor == "start" else f' text-anchor="{letters.anchor}"'
    if len(places) > 1:
        # Not every program centres letters that have places of their own, so where each begins is said.
        half, anchor = _ADVANCE * FONTS[letters.style][0] / 2, ""
        places = [place - half for place in places]
    x = " ".join(map(_number, places))
    return f'<text class="d-{letters.style}" x="{x}" y="{_number(letters.y)}"{anchor}>{escape(letters.text)}</text>'


def _numbers(*points: tuple[float, float]) -> str:
    return " ".join(_number(value) for point in points for value in point)


def _number(value: float) -> str:
    """With one decimal at most: a tenth of a pixel is more than anyone sees."""
    return f"{value:.1f}".removesuffix(".0")


def stacked(drawings: Iterable[tuple[float, Drawing]]) -> str:
    """Returns drawings below one another, each moved down by its number."""
    return "\n".join(f'<g transform="translate(0 {_number(top)})">{body(drawing)}</g>' for top, drawing in drawings)
