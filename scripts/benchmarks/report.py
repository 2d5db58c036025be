"""Samples to medians, and medians to tables that are read as text and as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.comparison import Samples, row_names
from benchmarks.sides import BASELINE, SIDES

__all__ = ["Summary", "report", "spread", "summarise", "table"]

Summary = dict[str, dict[str, dict[str, float]]]
"""Row, then figure, then ``median``, ``low``, ``high``, ``p95`` and ``count``."""


def summarise(samples: Samples) -> Summary:
    """Returns what is printed and kept of the samples."""
    return {
        row: {
            name: {
                "median": statistics.median(values),
                "low": min(values),
                "high": max(values),
                "p95": float(np.quantile(values, 0.95)),
                "count": len(values),
            }
            for name, values in figures.items()
            if values
        }
        for row, figures in samples.items()
    }


def spread(summary: Summary, figure: str) -> tuple[float, float] | None:
    """Returns half the range of the repeats, as a share of the median: the middle row's, and the worst row's."""
    shares = [
        (found["high"] - found["low"]) / 2 / found["median"]
        for found in (figures[figure] for figures in summary.values() if figure in figures)
        if found["count"] > 1
    ]
    return (statistics.median(shares), max(shares)) if shares else None


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Gives the lines of a Markdown table with aligned columns, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "| " + " | ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]) + " |"

    yield line(header)
    yield "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    yield from map(line, rows)


def report(results: Mapping[str, Any]) -> Iterator[str]:
    """Gives all lines of a run's report; ``results`` is what ``--json`` writes."""
    parts: list[list[str]] = []
    if results["comparison"]:
        parts.append([*_comparison(results["comparison"]), *_notes(results["comparison"])])
    if "limit" in results:
        parts.append(list(_limit(results["limit"], results["comparison"])))
    if results.get("crf"):
        parts.append(["CRF layer, 32 sequences of 15 to 30 tokens, milliseconds", "", *_crf(results["crf"])])
    growing: dict[str, tuple[str, Callable[[Mapping[str, float]], str]]] = {
        "length": ("One sentence of so many tokens: seconds, MB above the idle process", _seconds_and_memory),
        "batch": ("Tagging, so many sentences handed over at a time: tokens/s", lambda cell: _count(cell["tokens/s"])),
        "corpus": ("Corpora of so many tokens: tokens/s, MB above the idle process", _rate_and_memory),
    }
    for name, (title, cell) in growing.items():
        if results.get(name):
            parts.append([title, "", *_growth(results[name], cell)])
    if results["problems"]:
        parts.append(["What did not work:", *(f"- {line}" for line in results["problems"])])
    for index, part in enumerate(parts):
        yield from ["", *part] if index else part


_COLUMNS: tuple[tuple[str, str, str, str], ...] = (
    # heading, figure, which number of it, format; a heading that is a sign alone is a ratio to the baseline
    ("training tokens/s", "training tokens/s", "median", "count"),
    ("x", "training tokens/s", "ratio", "ratio"),
    ("dev F1", "dev F1", "median", "one"),
    ("tagging tokens/s", "tagging tokens/s", "median", "count"),
    ("x", "tagging tokens/s", "ratio", "ratio"),
    ("20 tokens p50 ms", "latency ms", "median", "two"),
    ("p95 ms", "latency ms", "p95", "two"),
    ("x", "latency ms", "inverse", "ratio"),
    ("MB training", "training MB", "median", "count"),
    ("MB tagging", "tagging MB", "median", "count"),
    ("import s", "import s", "median", "two"),
    ("load s", "load s", "median", "two"),
    ("first s", "first s", "median", "two"),
    ("cold s", "cold s", "median", "two"),
)


def _comparison(summary: Summary) -> Iterator[str]:
    columns = [column for column in _COLUMNS if any(column[1] in figures for figures in summary.values())]
    baseline = summary.get(BASELINE, {})
    rows = [[row, *(_cell(summary[row], baseline, *column[1:]) for column in columns)] for row in _order(summary)]
    return table(["", *(column[0] for column in columns)], rows)


def _order(summary: Summary) -> list[str]:
    """Returns the rows, the baseline first."""
    return [row for side in SIDES for row in row_names(side) if row in summary]


def _cell(figures: Mapping[str, Any], baseline: Mapping[str, Any], figure: str, number: str, form: str) -> str:
    if figure not in figures:
        return "-"
    if number in ("ratio", "inverse"):
        if figure not in baseline:
            return "-"
        ratio = figures[figure]["median"] / baseline[figure]["median"]
        value = ratio if number == "ratio" else 1 / ratio
    else:
        value = figures[figure][number]
    return {"count": _count, "ratio": "{:.1f}".format, "one": "{:.1f}".format, "two": "{:.2f}".format}[form](value)


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _notes(summary: Summary) -> Iterator[str]:
    yield ""
    yield "x: times as fast as the hand-written loop. Medians; each figure taken in turn with the other sides'."
    again = "tagging the same again, tokens/s"
    if any(again in figures for figures in summary.values()):
        rates = (f"{row} {_count(summary[row][again]['median'])}" for row in _order(summary) if again in summary[row])
        yield "Tagging starts with empty caches. The same text once more, tokens/s: " + "; ".join(rates) + "."
    for figure in ("training tokens/s", "tagging tokens/s", "cold s"):
        if (shares := spread(summary, figure)) is not None:
            middle, worst = shares
            yield f"The repeats of '{figure}' spread by +-{middle:.0%} around the median (worst row: +-{worst:.0%})."
    yield from (f"{side}: {info.note}." for side, info in SIDES.items() if info.note and side in summary)


def _limit(limit: Mapping[str, Any], summary: Summary) -> Iterator[str]:
    rate = limit["GFLOP/s"]
    needed = limit["FLOP a token, tagging"] / 1e6
    yield f"Matrix product: {rate:,.0f} GFLOP/s. Tagging a token needs {needed:.2f} MFLOP, training three times that."
    limits = (f"{_count(limit[figure])} {figure}" for figure in ("training tokens/s", "tagging tokens/s"))
    yield f"The limit: {', '.join(limits)}."
    for figure in ("training tokens/s", "tagging tokens/s"):
        # The other tools' networks are not of these sizes, or not quite.
        shares = [
            f"{row} {summary[row][figure]['median'] / limit[figure]:.0%}"
            for row in _order(summary)
            if figure in summary[row] and row.split(":")[0] in (BASELINE, "bilstm-tagger")
        ]
        if shares:
            yield f"Share of the limit, {figure.split()[0]}: " + "; ".join(shares) + "."


def _crf(figures: Mapping[str, Any]) -> Iterator[str]:
    works = list(next(iter(figures.values())))
    header = ["tags", *(text for work in works for text in (f"{work}: torchcrf", "ours", "x"))]
    rows = [
        [
            count,
            *(
                text
                for work in works
                for text in (
                    f"{found[work]['torchcrf ms']:.2f}",
                    f"{found[work]['ours ms']:.2f}",
                    f"{found[work]['ratio']:.1f}",
                )
            ),
        ]
        for count, found in figures.items()
    ]
    return table(header, rows)


def _growth(growth: Mapping[str, Mapping[str, Any]], cell: Callable[[Mapping[str, float]], str]) -> Iterator[str]:
    sizes = sorted({int(size) for found in growth.values() for size in found})
    rows = [[row, *(cell(found[str(n)]) if str(n) in found else "-" for n in sizes)] for row, found in growth.items()]
    return table(["", *(_count(size) for size in sizes)], rows)


def _seconds_and_memory(cell: Mapping[str, float]) -> str:
    seconds = cell["seconds"]
    return f"{seconds:.{3 if seconds < 1 else 1}f} s, {cell['memory']:,.0f} MB"


def _rate_and_memory(cell: Mapping[str, float]) -> str:
    return f"{_count(cell['tokens/s'])}, {cell['memory']:,.0f} MB"
