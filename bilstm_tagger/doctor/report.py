"""What a check found, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bilstm_tagger.doctor.findings import Finding
from bilstm_tagger.doctor.profile import PartProfile
from bilstm_tagger.doctor.splits import unknown_words, unseen_spans
from bilstm_tagger.schemes import Scheme

__all__ = ["CheckReport", "PartSummary", "part_figures", "summarize"]

_QUANTILES = {"min": 0.0, "median": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


@dataclass(frozen=True, kw_only=True)
class PartSummary:
    """The figures of one part.

    Attributes:
        name: ``train``, ``dev``, ``test``, or empty for a single source.
        source: What was named.
        files: The files that it is.
        sequences: Number of sentences or chains.
        tokens: Number of tokens.
        words: Number of different tokens.
        unlabelled: Number of tokens without a tag.
        spans: Number of spans; None for tasks without.
        scheme: Scheme of the tags; None for tasks without spans.
        scheme_fit: Share of the neighbouring tags that the scheme allows.
        labels: Number of spans with each label, or of tokens with each tag, the most frequent first.
        lengths: Number of tokens of a sequence: min, median, p95, p99, max.
        unknown_words: Share of tokens whose word training has not.
        unseen_spans: Share of spans whose text training has not.
    """

    name: str
    source: str
    files: tuple[str, ...]
    sequences: int
    tokens: int
    words: int
    unlabelled: int
    spans: int | None
    scheme: str | None
    scheme_fit: float | None
    labels: dict[str, int]
    lengths: dict[str, int]
    unknown_words: float | None
    unseen_spans: float | None


@dataclass(frozen=True)
class CheckReport:
    """What the doctor found.

    Attributes:
        task: The task that the data were read for.
        guessed: Whether the task was guessed.
        parts: The figures of each part.
        findings: The worst first.
        seconds: How long it took.
    """

    task: str
    guessed: bool
    parts: list[PartSummary]
    findings: list[Finding]
    seconds: float

    def count(self, severity: str) -> int:
        """Returns the number of findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def exit_code(self, *, strict: bool = False) -> int:
        """Returns 2 with errors, 1 with warnings where they count (``strict``), else 0."""
        if self.count("error"):
            return 2
        return int(strict and self.count("warning") > 0)

    def to_dict(self) -> dict[str, Any]:
        """Returns all of it, JSON-ready."""
        return {
            "task": self.task,
            "task_guessed": self.guessed,
            "parts": [asdict(part) for part in self.parts],
            "errors": self.count("error"),
            "warnings": self.count("warning"),
            "notes": self.count("note"),
            "findings": [finding.to_dict() for finding in self.findings],
            "seconds": round(self.seconds, 3),
        }


def summarize(
    profile: PartProfile, source: str, files: Sequence[str], asked: Scheme | None, train: PartProfile | None
) -> PartSummary:
    """Returns the figures of a part.

    Args:
        profile: The part.
        source: What was named.
        files: Its files.
        asked: The scheme that was set.
        train: The part to compare it with, if there is one.
    """
    found = profile.scheme(asked)
    spans = profile.task.kind == "spans"
    lengths = profile.sequences.lengths
    quantiles = np.quantile(lengths, list(_QUANTILES.values()), method="nearest").tolist() if len(lengths) else []
    compared = train is not None and train is not profile and profile.task.kind != "residues" and bool(len(lengths))
    return PartSummary(
        name=profile.name,
        source=source,
        files=tuple(files),
        sequences=len(profile.sequences),
        tokens=profile.tokens,
        words=len(profile.words.counts) or len(profile.chains.residues),
        unlabelled=profile.unlabelled,
        spans=profile.spans.labels.total() if spans else None,
        scheme=None if found is None else str(found.scheme),
        scheme_fit=None if found is None else found.fit,
        labels=dict(profile.labels.most_common()),
        lengths=dict(zip(_QUANTILES, map(int, quantiles), strict=False)),
        unknown_words=unknown_words(profile, train) if compared and train is not None else None,
        unseen_spans=unseen_spans(profile, train) if compared and train is not None and spans else None,
    )


def part_figures(part: PartSummary) -> dict[str, str]:
    """Returns the figures of a part as a table shows them; empty where a task has none."""
    fit = "" if part.scheme_fit is None else f" {_share(part.scheme_fit)}"
    return {
        "part": part.name or "all",
        "sequences": f"{part.sequences:,}",
        "tokens": f"{part.tokens:,}",
        "different": f"{part.words:,}",
        "without tag": f"{part.unlabelled:,}" if part.unlabelled else "",
        "spans": "" if part.spans is None else f"{part.spans:,}",
        "scheme": "" if part.scheme is None else part.scheme + fit,
        "median length": f"{part.lengths.get('median', 0):,}",
        "99%": f"{part.lengths.get('p99', 0):,}",
        "longest": f"{part.lengths.get('max', 0):,}",
        "new words": "" if part.unknown_words is None else _share(part.unknown_words),
        "new spans": "" if part.unseen_spans is None else _share(part.unseen_spans),
    }


def _share(value: float) -> str:
    """Writes a share in percent; only all is 100%."""
    return "100%" if value == 1 else f"{min(value, 0.9999):.2%}" if value > 0.99 else f"{value:.1%}"
