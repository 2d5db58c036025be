"""A report as aligned tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bilstm_tagger.evaluation.bootstrap import Comparison, Intervals
from bilstm_tagger.evaluation.calibration import Calibration, Threshold
from bilstm_tagger.evaluation.classes import ClassTable
from bilstm_tagger.evaluation.residues import LengthBin, ResidueScores
from bilstm_tagger.evaluation.spans import Scores, SpanScores

if TYPE_CHECKING:
    from bilstm_tagger.evaluation.report import Report

__all__ = ["comparison_text", "report_text"]

CONFUSIONS_SHOWN = 10
Row = Sequence[str]


def report_text(report: Report, *, details: bool = False) -> str:
    """Returns the tables of a report, headed by what was scored; percent with two decimals, no final line break."""
    blocks = [_heading(report)]
    found = report.intervals
    if report.strict is not None and report.default is not None:
        blocks.append(_span_block(report.strict, report.default))
        blocks.append(_span_intervals(found) + f"Token accuracy {_percent(report.accuracy)}")
        if report.strict != report.default:
            blocks.append(
                "Strict and default differ: an I- tag that continues no span of its type begins a span in the "
                "default reading (conlleval's) and none in the strict one."
            )
    if report.classes is not None:
        blocks.append(f"Accuracy {_percent(report.accuracy)}{_bounds(found, 'accuracy', '  95%: {}')}")
        blocks += _class_blocks(report.classes, details=details)
    if report.residues is not None:
        blocks += _residue_blocks(report.residues, found, details=details)
    if details:
        blocks += [_reliability(judged) for judged in report.calibration]
        blocks += [_trade(report.thresholds)] if report.thresholds else []
    notes = [_calibration_line(report.calibration)] if report.calibration else []
    notes += [_interval_note(found)] if found is not None else []
    return "\n\n".join([*blocks, "\n".join(notes)] if notes else blocks)


def comparison_text(comparison: Comparison, first: str, second: str) -> str:
    """Returns what a comparison found, in a few lines; no final line break."""
    found = comparison
    rows = [
        [first, _percent(found.first), ""],
        [second, _percent(found.second), ""],
        ["difference", f"{100 * found.difference:+.2f}", f"{100 * found.low:+.2f} to {100 * found.high:+.2f}"],
    ]
    p_value = "< 0.001" if found.p_value < 0.001 else f"= {found.p_value:.3f}"
    return (
        _table(["model", found.score, f"{found.level:.0%} interval"], rows[:2], rows[2:])
        + f"\n\np {p_value}: approximate randomisation, two-sided; {found.units:,} {found.unit} differ"
    )


def _heading(report: Report) -> str:
    parts = [_count(report.sequences, "sequence"), _count(report.tokens, "token")]
    if report.unknown_tokens:
        parts.append(f"{report.unknown_tokens:,} of them without a gold tag and not scored")
    if report.seconds is not None:
        parts.append(f"{report.seconds:.2f} s")
    unit = "percent" if report.residues is None else "percent; MCC from -1 to 1"
    return f"{report.title}: {', '.join(parts)} ({unit})"


def _span_block(strict: SpanScores, default: SpanScores) -> str:
    nothing = Scores(0.0, 0.0, 0.0, 0)

    def row(name: str, first: Scores, second: Scores) -> Row:
        return [name, *_span_cells(first), "|", *_span_cells(second)]

    columns = ["precision", "recall", "F1", "support"]
    types = sorted({*strict.per_type, *default.per_type})
    table = _table(
        ["type", *columns, "|", *columns],
        [row(name, strict.per_type.get(name, nothing), default.per_type.get(name, nothing)) for name in types],
        [row("micro", strict.micro, default.micro), row("macro", strict.macro, default.macro)],
    )
    # The headings stand over the first column of each reading.
    header = table.partition("\n")[0]
    first, second = header.index("precision"), header.rindex("precision")
    return f"{'':{first}}{'strict':{second - first}}default\n{table}"


def _span_cells(scores: Scores) -> Row:
    return [_percent(scores.precision), _percent(scores.recall), _percent(scores.f1), f"{scores.support:,}"]


def _span_intervals(found: Intervals | None) -> str:
    bounds = _bounds(found, "strict.f1", "F1 95%: strict {}") + _bounds(found, "default.f1", ", default {}")
    return bounds + "\n" if bounds else ""


def _class_blocks(classes: ClassTable, sov: dict[str, float] | None = None, *, details: bool) -> list[str]:
    """The table of tags, or of states (with MCC and the SOV'99 of each), and the mistakes or the frequent ones."""
    cells = []
    for name, row in [*classes.per_class.items(), ("macro", classes.macro)]:
        extra = [] if sov is None else [f"{row.mcc:.4f}", _percent(sov[name]) if name in sov else ""]
        cells.append(
            [name, _percent(row.precision), _percent(row.recall), _percent(row.f1), *extra, f"{row.support:,}"]
        )
    name, extra = ("tag", []) if sov is None else ("state", ["MCC", "SOV'99"])
    blocks = [_table([name, "precision", "recall", "F1", *extra, "support"], cells[:-1], cells[-1:])]
    if details:
        labels = list(classes.per_class)
        counts = [
            [label, *(f"{count:,}" for count in row)] for label, row in zip(labels, classes.confusion, strict=True)
        ]
        return [*blocks, "Confusions: rows are gold, columns predicted\n" + _table(["", *labels], counts, [])]
    mistakes = classes.confusions(CONFUSIONS_SHOWN)
    if mistakes:
        lines = [[gold, predicted, f"{count:,}"] for gold, predicted, count in mistakes]
        blocks.append("Most frequent confusions\n" + _table(["gold", "predicted", "count"], lines, [], left=2))
    return blocks


def _residue_blocks(residues: ResidueScores, found: Intervals | None, *, details: bool) -> list[str]:
    bounded = found is not None

    def row(title: str, per_residue: str | None, chain_mean: str | None) -> Row:
        cells = [title]
        for name in (per_residue, chain_mean):
            cells.append("" if name is None else _percent(getattr(residues, name)))
            cells += ["" if name is None else _bounds(found, name, "{}")] if bounded else []
        return cells

    rows = [row("Q3", "q3", "q3_chain_mean")]
    if residues.q3_summed is not None:
        rows.append(row("Q3, summed", "q3_summed", None))
    if residues.q8 is not None:
        rows.append(row("Q8", "q8", "q8_chain_mean"))
        rows.append(row("SOV'99, 8 states", None, "sov99"))
        rows.append(row("SOV'99, 3 states", None, "sov99_three_states"))
    else:
        rows.append(row("SOV'99", None, "sov99"))
    rows.append(row("SOV_refine", None, "sov_refine"))
    level = ["95%"] if bounded else []
    blocks = [_table(["score", "per residue", *level, "mean of chains", *level], rows, [])]
    blocks += _class_blocks(residues.classes, residues.sov99_per_state, details=details)
    return [*blocks, _length_table(residues.lengths)] if details else blocks


def _length_table(lengths: Sequence[LengthBin]) -> str:
    rows = [
        [
            f"{row.shortest}-{row.longest}" if row.longest else f"{row.shortest} and more",
            f"{row.chains:,}",
            f"{row.residues:,}",
            _percent(row.accuracy),
        ]
        for row in lengths
    ]
    return "Accuracy by chain length\n" + _table(["residues of chain", "chains", "residues", "accuracy"], rows, [])


def _reliability(judged: Calibration) -> str:
    rows = [
        [f"{row.low:.1f}-{row.high:.1f}", f"{row.count:,}", _percent(row.confidence), _percent(row.accuracy)]
        for row in judged.bins
        if row.count
    ]
    ending = ["all", f"{judged.count:,}", _percent(judged.confidence), _percent(judged.accuracy)]
    table = _table(["probability", judged.of, "mean", "right"], rows, [ending])
    return f"Calibration of the {judged.of}; Brier score {judged.brier:.4f}\n{table}"


def _trade(thresholds: Sequence[Threshold]) -> str:
    rows = [
        [f"{row.probability:.2f}", f"{row.kept:,}", _percent(row.precision), _percent(row.recall), _percent(row.f1)]
        for row in thresholds
    ]
    return "Spans of at least a probability\n" + _table(["at least", "kept", "precision", "recall", "F1"], rows, [])


def _calibration_line(calibrations: Sequence[Calibration]) -> str:
    parts = [
        f"{judged.of} {_percent(judged.error)} (say {_percent(judged.confidence)}, are {_percent(judged.accuracy)})"
        for judged in calibrations
    ]
    return f"Expected calibration error: {', '.join(parts)}"


def _interval_note(found: Intervals) -> str:
    drawn = f"{found.resamples:,} resamples of {found.units:,} {found.unit}"
    return f"{found.level:.0%} intervals: percentile bootstrap, {drawn}"


def _bounds(found: Intervals | None, name: str, template: str) -> str:
    """Fills a template with ``low-high``; empty where there is no such interval."""
    if found is None or name not in found.bounds:
        return ""
    low, high = found.bounds[name]
    return template.format(f"{_percent(low)}-{_percent(high)}")


def _table(header: Row, rows: Sequence[Row], footer: Sequence[Row], *, left: int = 1) -> str:
    """Aligns columns, the first ``left`` to the left; a rule above the footer."""
    widths = [max(map(len, column)) for column in zip(header, *rows, *footer, strict=True)]

    def line(cells: Row) -> str:
        padded = [
            cell.ljust(width) if index < left else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(padded).rstrip()

    rule = ["-" * (sum(widths) + 2 * (len(widths) - 1))]
    body = [line(row) for row in rows]
    ending = [*rule, *(line(row) for row in footer)] if footer else []
    return "\n".join([line(header), *rule, *body, *ending])


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
