"""A report as aligned tables for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bilstm_tagger.evaluation.classes import ClassTable
from bilstm_tagger.evaluation.residues import ResidueScores
from bilstm_tagger.evaluation.spans import Scores, SpanScores

if TYPE_CHECKING:
    from bilstm_tagger.evaluation.report import Report

__all__ = ["report_text"]

CONFUSIONS_SHOWN = 10
Row = Sequence[str]


def report_text(report: Report) -> str:
    """Returns the tables of a report, headed by what was scored; percent with two decimals, no final line break."""
    blocks = [_heading(report)]
    if report.strict is not None and report.default is not None:
        blocks.append(_span_block(report.strict, report.default))
        blocks.append(f"Token accuracy {_percent(report.accuracy)}")
        if report.strict != report.default:
            blocks.append(
                "Strict and default differ: an I- tag that continues no span of its type begins a span in the "
                "default reading (conlleval's) and none in the strict one."
            )
    if report.classes is not None:
        blocks.append(f"Accuracy {_percent(report.accuracy)}")
        blocks += _class_blocks(report.classes)
    if report.residues is not None:
        blocks += _residue_blocks(report.residues)
    return "\n\n".join(blocks)


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


def _class_blocks(classes: ClassTable, sov: dict[str, float] | None = None) -> list[str]:
    """The table of tags, or of states (with MCC and the SOV'99 of each), and the most frequent mistakes."""
    cells = []
    for name, row in [*classes.per_class.items(), ("macro", classes.macro)]:
        extra = [] if sov is None else [f"{row.mcc:.4f}", _percent(sov[name]) if name in sov else ""]
        cells.append(
            [name, _percent(row.precision), _percent(row.recall), _percent(row.f1), *extra, f"{row.support:,}"]
        )
    name, extra = ("tag", []) if sov is None else ("state", ["MCC", "SOV'99"])
    blocks = [_table([name, "precision", "recall", "F1", *extra, "support"], cells[:-1], cells[-1:])]
    mistakes = classes.confusions(CONFUSIONS_SHOWN)
    if mistakes:
        lines = [[gold, predicted, f"{count:,}"] for gold, predicted, count in mistakes]
        blocks.append("Most frequent confusions\n" + _table(["gold", "predicted", "count"], lines, [], left=2))
    return blocks


def _residue_blocks(residues: ResidueScores) -> list[str]:
    rows: list[Row] = [["Q3", _percent(residues.q3), _percent(residues.q3_chain_mean)]]
    if residues.q8 is not None and residues.q8_chain_mean is not None:
        rows.append(["Q8", _percent(residues.q8), _percent(residues.q8_chain_mean)])
        rows.append(["SOV'99, 8 states", "", _percent(residues.sov99)])
        rows.append(["SOV'99, 3 states", "", _percent(residues.sov99_three_states)])
    else:
        rows.append(["SOV'99", "", _percent(residues.sov99)])
    rows.append(["SOV_refine", "", _percent(residues.sov_refine)])
    summary = _table(["score", "per residue", "mean of chains"], rows, [])
    return [summary, *_class_blocks(residues.classes, residues.sov99_per_state)]


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
