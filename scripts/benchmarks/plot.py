"""The results as one picture (extra ``viz``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.comparison import row_names
from benchmarks.sides import BASELINE, OURS, SIDES
from bilstm_tagger.errors import ConfigError

__all__ = ["draw"]

_OURS, _BASELINE, _PEER = "#2a6f97", "#c8553d", "#9a9a9a"
_LINES = ("#2a6f97", "#6a994e", "#8e6bbf", "#bc8a00", "#4a4e69", "#3a9188", "#b5568a", "#777777")
_UNITS = {"seconds": "seconds", "memory": "MB of 10^6 bytes", "tokens/s": "tokens a second"}
_SHORT = {": words to tags": ": tags", ": words to tags, spans, scores": ": + spans, scores"}
_SHORT |= {": text to spans, offsets, scores": ": from text, + offsets"}


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draws a panel for each section that was measured.

    Raises:
        ImportError: matplotlib is not installed.
        ConfigError: No section was measured that has a panel.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = _panels(results)
    if not panels:
        raise ConfigError("nothing was measured that can be drawn", hint="Ask for other --sections")
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(5.6 * columns, 3.9 * rows), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False).flat
    for panel, place in zip(panels, axes, strict=False):
        panel(place)
        place.spines[["top", "right"]].set_visible(False)
        place.grid(alpha=0.25)
        place.set_axisbelow(True)
    for place in list(axes)[len(panels) :]:
        place.remove()
    machine = results["machine"]
    threads = results["settings"]["threads"]
    many = f"{threads} threads" if threads > 1 else "1 thread"
    figure.suptitle(f"{machine['processor']}, {many}, torch {machine['torch']}")
    figure.savefig(path, dpi=150)


def _panels(results: Mapping[str, Any]) -> list[Callable[[Any], None]]:
    summary = results["comparison"]
    panels: list[Callable[[Any], None]] = []
    for figure, title, unit in (
        ("training tokens/s", "Training", "thousand tokens a second"),
        ("tagging tokens/s", "Tagging a file", "thousand tokens a second"),
        ("latency ms", "One sentence of 20 tokens: median, 95 %", "milliseconds"),
    ):
        if any(figure in found for found in summary.values()):
            panels.append(lambda axes, f=figure, t=title, u=unit: _bars(axes, summary, f, t, u))  # type: ignore[misc]
    if results.get("length"):
        for key, title in (
            ("seconds", "One long sentence: time"),
            ("memory", "One long sentence: memory above the idle process"),
        ):
            panels.append(
                lambda axes, k=key, t=title: _lines(axes, results["length"], k, t, "tokens in the sentence")  # type: ignore[misc]
            )
    if results.get("crf"):
        panels.append(lambda axes: _ratios(axes, results["crf"]))
    if results.get("batch"):
        panels.append(
            lambda axes: _lines(
                axes, results["batch"], "tokens/s", "Tagging by what is handed over together", "sentences at a time"
            )
        )
    if results.get("corpus"):
        for key, title in (("tokens/s", "Corpora: speed"), ("memory", "Corpora: memory above the idle process")):
            panels.append(
                lambda axes, k=key, t=title: _lines(axes, results["corpus"], k, t, "tokens in the corpus")  # type: ignore[misc]
            )
    return panels


def _bars(axes: Any, summary: Mapping[str, Any], figure: str, title: str, unit: str) -> None:
    order = [row for side in SIDES for row in row_names(side) if figure in summary.get(row, {})][::-1]
    scale = 1 if figure == "latency ms" else 1e-3
    values = [scale * summary[row][figure]["median"] for row in order]
    colours = [_BASELINE if row == BASELINE else _OURS if row.startswith(OURS) else _PEER for row in order]
    bars = axes.barh(
        [row.split(":")[0] if figure == "training tokens/s" else _shorten(row) for row in order], values, color=colours
    )
    if figure == "latency ms":
        worst = [summary[row][figure]["p95"] for row in order]
        axes.hlines(range(len(order)), values, worst, color="#333333", linewidth=1)
        axes.plot(worst, range(len(order)), "|", color="#333333", markersize=9)
        axes.bar_label(bars, [f" {v:.2f}, {w:.2f}" for v, w in zip(values, worst, strict=True)], label_type="edge")
        for text, place in zip(axes.texts, worst, strict=True):
            text.xy = (place, text.xy[1])
    else:
        baseline = summary.get(BASELINE, {}).get(figure, {}).get("median")
        ratios = [f"  x {value / scale / baseline:.1f}" if baseline else "" for value in values]
        axes.bar_label(bars, [f" {v:,.{int(v < 10)}f}{r}" for v, r in zip(values, ratios, strict=True)])
    axes.margins(x=0.3)
    axes.set(title=title, xlabel=unit)
    axes.grid(visible=False, axis="y")


def _lines(axes: Any, growth: Mapping[str, Mapping[str, Any]], key: str, title: str, unit: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    colours = iter(_LINES)
    for row, found in growth.items():
        sizes = sorted(found, key=int)
        # A logarithmic axis has no place for what was too small to be measured.
        values = [max(found[size][key], 0.1 if key == "memory" else 0.0) for size in sizes]
        colour = _BASELINE if row == BASELINE else next(colours)
        width = 2.2 if row.startswith((BASELINE, OURS)) else 1.2
        axes.plot(list(map(int, sizes)), values, ".-", label=_shorten(row), color=colour, linewidth=width)
    axes.set(title=title, xlabel=unit, ylabel=_UNITS[key], xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", labelrotation=30)
    axes.legend(fontsize=7, framealpha=0.8, edgecolor="none")


def _ratios(axes: Any, crf: Mapping[str, Any]) -> None:
    counts = sorted(crf, key=int)
    for index, work in enumerate(next(iter(crf.values()))):
        ratios = [crf[count][work]["ratio"] for count in counts]
        axes.plot([int(count) for count in counts], ratios, ".-", label=work, color=(_OURS, _PEER)[index % 2])
    axes.axhline(1.0, color="#333333", linewidth=0.8)
    axes.set(title="CRF layer: times as fast as torchcrf", xlabel="tags", ylabel="ratio", ylim=(0, None))
    axes.legend(frameon=False)


def _shorten(row: str) -> str:
    side, colon, mode = row.partition(": ")
    return side + _SHORT.get(colon + mode, colon + mode)
