"""A protein's part of a page: its drawing row by row, its figures, and the same as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from bilstm_tagger.drawing.chain import Chain, describe, draw_row, rows_of, segments
from bilstm_tagger.drawing.glyphs import CELL, NAMES, segment_paths
from bilstm_tagger.drawing.shapes import Drawing
from bilstm_tagger.drawing.svg import body

__all__ = ["chain_index", "chain_legend", "chain_section"]


def chain_legend(chains: Sequence[Chain]) -> str:
    """Returns a sample of each state that occurs, with its name."""
    present = {state for chain in chains for state in (*chain.states, *(chain.gold or "")) if state}
    items = []
    for state, name in NAMES.items():
        if state in present:
            width = (4 if state in "HIE" else 3) * CELL
            sample = body(Drawing(width, 26, segment_paths(state, 0, width, 13, ends=True), []))
            picture = f'<svg viewBox="-1 0 {width + 2:g} 26" width="{width + 2:g}" height="26" aria-hidden="true">'
            items.append(f"<li>{picture}{sample}</svg>{state} {name}</li>")
    if any(chain.gold is not None for chain in chains):
        items.append('<li><span class="differs" aria-hidden="true"></span>framed: differs from gold</li>')
    return f'<ul class="legend" aria-label="Legend">{"".join(items)}</ul>'


def chain_index(chains: Sequence[Chain]) -> str:
    """Returns a table of all chains with links to them."""
    gold = any(chain.gold is not None for chain in chains)
    heads = ["chain", "residues", "helix", "strand", "coil", "confidence", *(["as gold"] if gold else [])]
    rows = []
    for number, chain in enumerate(chains, start=1):
        cells = "".join(f"<td>{cell}</td>" for cell in _figures(chain, gold=gold))
        rows.append(f'<tr><th scope="row"><a href="#c{number}">{escape(chain.name)}</a></th>{cells}</tr>')
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    return f'<nav aria-label="Chains"><div class="scroll" tabindex="0">{table}</div></nav>'


def _figures(chain: Chain, *, gold: bool) -> list[str]:
    length = max(len(chain.sequence), 1)
    shares = [sum(map(chain.states.count, states)) / length for states in ("HGI", "EB", "CTS")]
    confidence = f"{sum(chain.scores) / length:.2f}" if chain.scores else "-"
    figures = [f"{len(chain.sequence):,}", *(f"{share:.0%}" for share in shares), confidence]
    return [*figures, _agreement(chain)] if gold else figures


def _agreement(chain: Chain) -> str:
    known = sum(state is not None for state in chain.gold or ())
    return f"{1 - sum(chain.wrong) / known:.1%}" if known else "-"


def chain_section(chain: Chain, number: int) -> Iterator[str]:
    """Yields the HTML of one chain, a row at a time."""
    length, helix, strand, coil, confidence = _figures(chain, gold=False)
    told = f"{length} residues: {helix} helix, {strand} strand, {coil} coil; mean confidence {confidence}"
    told += f"; {_agreement(chain)} as gold" if chain.gold is not None else ""
    name = escape(chain.name)
    yield f'<section id="c{number}" aria-labelledby="h{number}"><h2 id="h{number}">{name}</h2><p>{told}</p>\n'
    yield f'<div class="scroll" tabindex="0" role="region" aria-label="Drawing of {name}">\n'
    for start, end in rows_of(chain):
        drawing = draw_row(chain, start, end)
        label = f"Residues {start + 1} to {end}. {describe(chain, start, end)}"
        yield (
            f'<svg class="row" viewBox="0 0 {drawing.width:g} {drawing.height:g}" width="{drawing.width:g}" '
            f'height="{drawing.height:g}" role="img" aria-label="{escape(label)}">{body(drawing)}</svg>\n'
        )
    yield f"</div>\n<details><summary>The same as text</summary>\n{_as_text(chain)}</details></section>\n"


def _as_text(chain: Chain) -> str:
    """Rows of letters, and a table of the segments other than coil."""
    digits = "".join(str(min(int(10 * score), 9)) for score in chain.scores)
    gold = None if chain.gold is None else "".join(state or "." for state in chain.gold)
    lines = []
    for start, end in rows_of(chain):
        lines.append(f"      {start + 1} to {end}")
        tracks = {"gold": gold, "seq": chain.sequence, "pred": chain.states, "conf": digits}
        lines += [f"{name:<5} {track[start:end]}" for name, track in tracks.items() if track]
        lines.append("")
    rows = []
    for segment in segments(chain.states):
        if segment.state is not None and segment.state != "C":
            scores = chain.scores[segment.start : segment.end]
            mean = f"{sum(scores) / len(scores):.2f}" if scores else "-"
            cells = (NAMES[segment.state], segment.start + 1, segment.end, segment.end - segment.start, mean)
            rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    head = "".join(f'<th scope="col">{name}</th>' for name in ("segment", "from", "to", "residues", "confidence"))
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>" if rows else ""
    return f'<pre tabindex="0">{escape(chr(10).join(lines))}</pre><div class="scroll" tabindex="0">{table}</div>'
