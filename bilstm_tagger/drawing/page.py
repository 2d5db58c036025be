"""A page that stands alone: no script, no network, light or dark as the reader's system is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TextIO

from bilstm_tagger.drawing.chain_html import chain_index, chain_legend, chain_section
from bilstm_tagger.drawing.predictions import Kind, Shown, as_chain
from bilstm_tagger.drawing.shapes import DARK, LIGHT
from bilstm_tagger.drawing.svg import MONOSPACE, style_sheet
from bilstm_tagger.drawing.text_html import HUES, sentence_article, text_classes, text_legend

__all__ = ["write_page"]


def write_page(shown: Sequence[Shown], stream: TextIO, *, kind: Kind, title: str, left_out: int = 0) -> None:
    """Writes predictions as HTML.

    Args:
        shown: At least one.
        stream: A text file.
        kind: What they are.
        title: Of the page, such as the file's name.
        left_out: How many more there were, to be said.

    Raises:
        InputError: A chain holds something that is no residue with its state.
    """

    def put(text: str) -> None:
        # JSON can hold halves of characters, which have no UTF-8.
        stream.write(_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text))

    count = f"{len(shown):,} {'chain' if kind == 'residues' else 'sentence'}{'' if len(shown) == 1 else 's'}"
    rest = f"; {left_out:,} more are not shown" if left_out else ""
    put(
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_style()}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(title)}</h1><p>{count}{rest}</p>\n"
    )
    if kind == "residues":
        chains = [as_chain(item, number) for number, item in enumerate(shown, start=1)]
        index = chain_index(chains) if len(chains) > 1 else ""
        put(f"{chain_legend(chains)}\n{index}</header>\n<main>\n")
        for number, chain in enumerate(chains, start=1):
            for part in chain_section(chain, number):
                put(part)
    else:
        spans = kind == "spans"
        classes = text_classes(shown, spans=spans)
        legend = text_legend(shown, classes) if spans else ""
        filter_box = _FILTER if any(item.gold is not None for item in shown) else ""
        put(f"{legend}{filter_box}</header>\n<main>\n")
        for number, item in enumerate(shown, start=1):
            put(sentence_article(item, number, classes, spans=spans))
    put("</main>\n</body>\n</html>\n")


def _style() -> str:
    def variables(colours: Mapping[str, str]) -> str:
        return "".join(f"--{name}:{value};" for name, value in colours.items())

    return (
        f":root{{color-scheme:light dark;{variables(LIGHT)}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}\n"
        f"{_LAYOUT.replace('MONOSPACE', MONOSPACE)}{style_sheet('var(--{})'.format)}\n{_labels()}"
    )


def _labels() -> str:
    light = "".join(
        f".k{index}{{--tint:hsl({hue} 75% 90%);--edge:hsl({hue} 60% 33%)}}" for index, hue in enumerate(HUES)
    )
    dark = "".join(
        f".k{index}{{--tint:hsl({hue} 40% 22%);--edge:hsl({hue} 75% 75%)}}" for index, hue in enumerate(HUES)
    )
    return f"{light}\n@media (prefers-color-scheme:dark){{{dark}}}\n"


_SURROGATES = re.compile("[\ud800-\udfff]")
_FILTER = '<p><label><input type="checkbox" id="only"> Only sentences that differ from gold</label></p>'

_LAYOUT = """\
body{margin:0 auto;padding:1.5rem clamp(.75rem,3vw,2rem) 4rem;max-width:60rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.4rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.05rem;margin:0;overflow-wrap:anywhere}
header p,section>p{margin:.25rem 0 .75rem;color:var(--faint)}
section{margin-top:2.25rem;content-visibility:auto;contain-intrinsic-size:auto 30rem}
a{color:inherit}
:focus-visible{outline:2px solid var(--strand);outline-offset:2px}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;margin:0 0 1rem;padding:0;font-size:.875rem}
.legend li{display:flex;align-items:center;gap:.5rem}
.differs{display:inline-block;width:1.1rem;height:1.1rem;background:var(--wrong);border:1px solid var(--wrong-edge)}
.scroll{overflow-x:auto}
.row{display:block}
table{border-collapse:collapse;font-size:.875rem;font-variant-numeric:tabular-nums}
th,td{padding:.15rem .9rem .15rem 0;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--faint);font-weight:500;border-bottom:1px solid var(--line)}
tbody th{font-weight:500}
details{margin:.5rem 0;font-size:.875rem}
summary{color:var(--faint);cursor:pointer}
pre{overflow-x:auto;font:12.5px/1.35 MONOSPACE}
article{padding:.75rem .3rem;border-bottom:1px solid var(--line);content-visibility:auto;
contain-intrinsic-size:auto 4rem}
article p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;line-height:2.1}
main{margin-top:1.5rem}
body:has(#only:checked) article:not(.differing){display:none}
article h2{font-size:.75rem;font-weight:400;color:var(--faint)}
.note{font-size:.75rem;color:var(--faint);margin-inline-start:.6em}
.pair .note{margin:0}
.pair{display:grid;grid-template-columns:4.75rem 1fr;align-items:baseline}
mark{background:var(--tint);color:var(--ink);padding:.15em .3em;border-radius:.3em;border-bottom:2px solid var(--edge);
-webkit-box-decoration-break:clone;box-decoration-break:clone}
.tag{font-size:.68em;font-weight:600;letter-spacing:.02em;color:var(--edge);margin:0 .3em 0 .5em;white-space:nowrap}
.p{font-weight:400;font-variant-numeric:tabular-nums}
.problem{font-style:italic;text-decoration:underline}
.bad{outline:2px dashed var(--wrong-edge);outline-offset:1px}
.words{line-height:1.2}
.word{display:inline-flex;flex-direction:column;align-items:center;vertical-align:top;
padding:.1rem .25rem;margin:.2rem 0}
.word small{font-size:.65em;color:var(--faint)}
.word.bad{outline-width:1px;outline-offset:-1px}
.word.bad small:last-child{color:var(--wrong-edge);font-weight:600}
@media print{section,article{content-visibility:visible}.row{break-inside:avoid}}
"""
