"""Chains as one picture for a paper or a slide: SVG, or PNG by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import BinaryIO, TextIO

from bilstm_tagger.drawing.chain import Chain, describe, draw_row, rows_of
from bilstm_tagger.drawing.shapes import LIGHT, Drawing, Letters
from bilstm_tagger.drawing.svg import stacked, style_sheet
from bilstm_tagger.errors import InputError, MissingDependencyError

__all__ = ["write_png", "write_svg"]

_MARGIN = 16.0
_TITLE = 24.0
_TALLEST = 30_000  # pixels: beyond, a picture takes hundreds of megabytes of memory to make or to open


def write_svg(chains: Sequence[Chain], stream: TextIO) -> None:
    """Writes chains below one another, on white paper, with plain colours that every program understands.

    Args:
        chains: At least one.
        stream: A text file.
    """
    sheet, width, height = _layout(chains)
    title = ", ".join(chain.name for chain in chains[:3]) + (", ..." if len(chains) > 3 else "")
    told = " ".join(f"{chain.name}: {describe(chain, 0, len(chain.sequence))}" for chain in chains)
    stream.write(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-labelledby="t d">\n'
        f'<title id="t">Secondary structure of {escape(title)}</title>\n<desc id="d">{escape(told)}</desc>\n'
        f"<style>{style_sheet(LIGHT.__getitem__)}</style>\n"
        f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/>\n'
        f'<g transform="translate({_MARGIN:g} {_MARGIN:g})">\n{stacked(sheet)}\n</g>\n</svg>\n'
    )


def write_png(chains: Sequence[Chain], stream: BinaryIO) -> None:
    """Writes the same picture as PNG, at twice the size where that is not too tall.

    Args:
        chains: At least one.
        stream: A binary file.

    Raises:
        InputError: The picture would be taller than programs open.
        MissingDependencyError: matplotlib is not installed.
    """
    sheet, width, height = _layout(chains)
    if height > _TALLEST:
        raise InputError(
            f"a PNG of {sum(len(chain.sequence) for chain in chains):,} residues would be {height:,.0f} pixels tall",
            accepted=f"at most {_TALLEST:,}",
            hint="Write .html or .svg, or fewer chains",
        )
    try:
        from bilstm_tagger.drawing.raster import draw_png
    except ModuleNotFoundError as error:
        package = (error.name or "matplotlib").partition(".")[0]
        raise MissingDependencyError(package, extra="viz", purpose="Writing PNG") from None
    moved = [(top + _MARGIN, drawing) for top, drawing in sheet]
    draw_png(moved, stream, width=width, height=height, left=_MARGIN, scale=2 if 2 * height <= _TALLEST else 1)


def _layout(chains: Sequence[Chain]) -> tuple[list[tuple[float, Drawing]], float, float]:
    """Returns each drawing with its top, and the size of the sheet with its margins."""
    placed: list[tuple[float, Drawing]] = []
    top = width = 0.0
    for chain in chains:
        heading = f"{chain.name}  ({len(chain.sequence):,} residues)"
        placed.append((top, Drawing(0, _TITLE, [], [Letters("title", heading, [0.0], 14, "start")])))
        top += _TITLE
        for start, end in rows_of(chain):
            drawing = draw_row(chain, start, end)
            placed.append((top, drawing))
            top += drawing.height
            width = max(width, drawing.width)
    return placed, max(width, 400.0) + 2 * _MARGIN, top + 2 * _MARGIN
