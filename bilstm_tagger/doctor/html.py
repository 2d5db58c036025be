"""A check's report as one page for a browser: no scripts, nothing loaded, light and dark, readable aloud."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape

from bilstm_tagger.data.repairs.oddities import visible
from bilstm_tagger.doctor.findings import SEVERITIES, Finding
from bilstm_tagger.doctor.report import CheckReport, PartSummary, part_figures

__all__ = ["report_page"]

_MAX_LABELS = 60
_MAX_REPAIRS = 200
_FEW = 3
# Reached by the keyboard, so that what does not fit can be scrolled to without a mouse.
_SCROLL = '<div class="scroll" tabindex="0" role="region" aria-label="Table">'

_STYLE = """
:root { color-scheme: light dark; --text: #1b1f24; --soft: #57606a; --page: #ffffff; --card: #f6f8fa; --line: #d0d7de;
  --error: #a40e26; --warning: #7a4b00; --note: #0550ae; --bar: #9ec5f0; --code: #eaeef2; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6edf3; --soft: #9da7b1; --page: #0d1117; --card: #161b22; --line: #30363d;
    --error: #ff8f88; --warning: #e6b450; --note: #79b8ff; --bar: #1f4b7a; --code: #21262d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.2rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; } .soft { color: var(--soft); }
.counts { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1rem 0; padding: 0; list-style: none; }
.counts li { padding: .5rem 1rem; background: var(--card); border: 1px solid var(--line); border-left-width: 5px;
  border-radius: 6px; } .counts b { font-size: 1.3rem; }
.error { border-left-color: var(--error) !important; } .warning { border-left-color: var(--warning) !important; }
.note { border-left-color: var(--note) !important; }
.error .badge { color: var(--error); } .warning .badge { color: var(--warning); } .note .badge { color: var(--note); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th.number, td.number { text-align: right; white-space: nowrap; } tbody th { white-space: nowrap; }
.bar { display: inline-block; height: .7rem; background: var(--bar); border-radius: 2px; }
article { margin: .75rem 0; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-left-width: 5px; border-radius: 6px; }
article h3 { margin: 0; font-size: 1rem; } .badge { font-weight: 600; margin-right: .5rem; }
details { margin-top: .5rem; } summary { cursor: pointer; }
summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--note); outline-offset: 2px; }
code { font: .9em/1.4 ui-monospace, monospace; background: var(--code); padding: .1em .3em; border-radius: 4px;
  overflow-wrap: anywhere; }
"""


def report_page(report: CheckReport) -> str:
    """Returns the page."""
    sources = ", ".join(f"{part.name}: {part.source}" if part.name else part.source for part in report.parts)
    guessed = ", guessed from the data" if report.guessed else ""
    body = [
        "<header><h1>Data check</h1>",
        f"<p>{_code(sources)}</p>",
        f'<p class="soft">Task: {escape(report.task)}{guessed}. {report.seconds:.1f} s.</p></header>',
        "<main>",
        _counts(report),
        _parts(report.parts),
        _labels(report.parts),
        *(_findings(report.findings, severity) for severity in SEVERITIES),
        "</main>",
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Data check: {escape(sources)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, body))
        + "\n</body>\n</html>\n"
    )


def _counts(report: CheckReport) -> str:
    items = "".join(
        f'<li class="{severity}"><b>{report.count(severity):,}</b> '
        f'<span class="badge">{severity}{"" if report.count(severity) == 1 else "s"}</span></li>'
        for severity in SEVERITIES
    )
    return f'<ul class="counts">{items}</ul>'


def _parts(parts: Sequence[PartSummary]) -> str:
    rows = [part_figures(part) for part in parts]
    names = [name for name in rows[0] if any(row[name] for row in rows)]
    return "<h2>Parts</h2>" + _table(names, ([escape(row[name]) for name in names] for row in rows))


def _labels(parts: Sequence[PartSummary]) -> str:
    totals = sum((Counter(part.labels) for part in parts), Counter[str]())
    if not totals:
        return ""
    shown = [label for label, _ in totals.most_common(_MAX_LABELS)]
    most = totals[shown[0]]
    rows = (
        [
            _code(label),
            *(f"{part.labels.get(label, 0):,}" for part in parts),
            # Drawn for the eye alone: the numbers stand beside it.
            f'<span class="bar" aria-hidden="true" style="width:{12 * totals[label] / most:.2f}rem"></span>',
        ]
        for label in shown
    )
    more = f"<p>And {len(totals) - len(shown):,} more labels.</p>" if len(totals) > len(shown) else ""
    names = ["label", *(part.name or "count" for part in parts), ""]
    return "<h2>Labels</h2>" + _table(names, rows) + more


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a table whose cells are HTML already; all columns but the first hold numbers."""
    kinds = ["", *(' class="number"' if name else "" for name in names[1:])]
    head = "".join(
        f'<th scope="col"{kind}>{escape(name)}</th>' if name else "<td></td>"
        for kind, name in zip(kinds, names, strict=True)
    )
    body = "".join(
        f'<tr><th scope="row">{row[0]}</th>'
        + "".join(f"<td{kind}>{cell}</td>" for kind, cell in zip(kinds[1:], row[1:], strict=True))
        + "</tr>"
        for row in rows
    )
    return f"{_SCROLL}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _findings(findings: Sequence[Finding], severity: str) -> str:
    chosen = [finding for finding in findings if finding.severity == severity]
    if not chosen:
        return ""
    return f"<h2>{severity.capitalize()}s</h2>" + "".join(map(_finding, chosen))


def _finding(finding: Finding) -> str:
    part = f' <span class="soft">({escape(finding.part)})</span>' if finding.part else ""
    places = ""
    # Repairs say where too, unless some of the places have none.
    if len(finding.repairs) < len(finding.places):
        rest = finding.count - len(finding.places)
        more = f"<li>and {rest:,} more</li>" if rest > 0 else ""
        items = "".join(f"<li>{_code(str(place))}</li>" for place in finding.places)
        title = "1 place" if len(finding.places) == 1 else f"{len(finding.places)} places"
        places = f"<details{_opened(finding)}><summary>{title}</summary><ul>{items}{more}</ul></details>"
    badge = f'<span class="badge">{finding.code}</span>'
    return (
        f'<article class="{finding.severity}"><h3>{badge}{escape(finding.title)}{part}'
        f'</h3><p>{escape(finding.message)}.</p><p class="soft">{escape(finding.advice)}.</p>{places}'
        f"{_repairs(finding)}</article>"
    )


def _repairs(finding: Finding) -> str:
    if not finding.repairs:
        return ""
    rows = (
        [_code(f"{repair.path}:{repair.line}"), _code(visible(repair.old)), _code(visible(repair.new))]
        for repair in finding.repairs[:_MAX_REPAIRS]
    )
    body = "".join(f'<tr><th scope="row">{where}</th><td>{old}</td><td>{new}</td></tr>' for where, old, new in rows)
    head = '<tr><th scope="col">where</th><th scope="col">is</th><th scope="col">should be</th></tr>'
    rest = finding.count - min(len(finding.repairs), _MAX_REPAIRS)
    more = f"<p>And {rest:,} more.</p>" if rest > 0 else ""
    return (
        f"<details{_opened(finding)}><summary>Proposed repairs</summary>{_SCROLL}<table><thead>{head}</thead>"
        f"<tbody>{body}</tbody></table></div>{more}</details>"
    )


def _opened(finding: Finding) -> str:
    return " open" if finding.severity == "error" or finding.count <= _FEW else ""


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"
