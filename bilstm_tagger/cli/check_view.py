"""A check's report on a terminal, or as plain lines in a pipe: the worst first, each with a few places."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from bilstm_tagger.doctor import CheckReport, Finding, PartSummary

__all__ = ["print_report"]

_STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
_LABELS_SHOWN = 15
_PIPE_WIDTH = 200


def print_report(report: CheckReport, *, examples: int) -> None:
    """Prints a report to standard output.

    Args:
        report: What was found.
        examples: How many places of each finding are shown.
    """
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_PIPE_WIDTH)
    guessed = " (guessed; --task sets it)" if report.guessed else ""
    console.print(f"Checked for the task {report.task}{guessed}", markup=False, soft_wrap=True)
    if any(part.sequences for part in report.parts):
        _print_parts(console, report.parts)
        _print_labels(console, report.parts)
    for severity in ("error", "warning", "note"):
        found = [finding for finding in report.findings if finding.severity == severity]
        if found:
            console.print()
            console.print(f"{severity.capitalize()}s", style=_STYLES[severity])
        for finding in found:
            _print_finding(console, finding, examples)
    counts = ", ".join(_count(report.count(severity), severity) for severity in ("error", "warning", "note"))
    console.print(f"\n{counts} in {report.seconds:.1f} s", soft_wrap=True)
    if any(finding.repairs for finding in report.findings):
        console.print("What has an arrow is changed by: bilstm-tagger convert IN OUT --repair", soft_wrap=True)


def _print_parts(console: Console, parts: list[PartSummary]) -> None:
    from rich.table import Table

    from bilstm_tagger.doctor.report import part_figures

    rows = [part_figures(part) for part in parts]
    # A column that says nothing is left out.
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for position, name in enumerate(names):
        table.add_column(name, justify="right" if position else "left")
    for row in rows:
        table.add_row(*(row[name] for name in names))
    console.print()
    console.print(table)


def _print_labels(console: Console, parts: list[PartSummary]) -> None:
    from rich.markup import escape
    from rich.table import Table

    totals = sum((Counter(part.labels) for part in parts), Counter[str]())
    if not totals:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("label", overflow="fold")
    for part in parts:
        table.add_column(part.name or "count", justify="right")
    shown = [label for label, _ in totals.most_common(_LABELS_SHOWN)]
    for label in shown:
        table.add_row(escape(label), *(f"{part.labels.get(label, 0):,}" for part in parts))
    console.print()
    console.print(table)
    if len(totals) > len(shown):
        console.print(f"and {len(totals) - len(shown):,} more labels")


def _print_finding(console: Console, finding: Finding, examples: int) -> None:
    from rich.text import Text

    head = Text(f"{finding.code} ", style=_STYLES[finding.severity])
    head.append(f"{finding.title}{f' [{finding.part}]' if finding.part else ''}: ", style="bold")
    head.append(finding.message, style="default")
    console.print(head, soft_wrap=True)
    # What the reader says begins with the place.
    places = finding.places[:examples] if finding.code != "D001" else ()
    for place in places:
        console.print(Text(f"       {place}", style="dim"), soft_wrap=True)
    if finding.count > len(places) > 0:
        more = finding.count - len(places)
        console.print(Text(f"       and {more:,} more", style="dim"), soft_wrap=True)
    console.print(Text(f"       {finding.advice}."), soft_wrap=True)


def _count(count: int, word: str) -> str:
    return f"1 {word}" if count == 1 else f"{count:,} {word}s"
