"""The table of marked spans that could not be taken as they are."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Misfit", "Misfits"]

_MAX_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Misfit:
    """A span that could not be taken as it is.

    Attributes:
        source: The file or data set.
        line: The line (for data sets the row) of its text, from 1.
        id: The record's name.
        text: The characters at its offsets.
        start: Its first offset as the source has it.
        end: The offset after it as the source has it.
        label: Its type.
        problem: What is wrong with it.
        action: What was done.
    """

    source: str
    line: int
    id: str
    text: str
    start: int
    end: int
    label: str
    problem: str
    action: str

    def to_dict(self) -> dict[str, Any]:
        """Returns the misfit as a JSON-ready dictionary."""
        return asdict(self)


@dataclass(slots=True)
class Misfits:
    """The table of all spans of a source that did not fit.

    Attributes:
        records: The first 10,000 of them.
        spans: How many spans there were, those that fitted included.
        counts: How often each problem was met with each action.
    """

    records: list[Misfit] = field(default_factory=list)
    spans: int = 0
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, misfit: Misfit, kind: str) -> None:
        """Takes a misfit in; ``kind`` is its action without the particulars."""
        if len(self.records) < _MAX_KEPT:
            self.records.append(misfit)
        key = misfit.problem, kind
        self.counts[key] = self.counts.get(key, 0) + 1

    def clear(self) -> None:
        """Forgets everything, for reading anew."""
        self.records.clear()
        self.counts.clear()
        self.spans = 0

    def message(self) -> str | None:
        """Returns one line that sums them up, or None when every span fitted."""
        if not self.counts:
            return None
        first = self.records[0]
        parts = (f"{count:,} {problem} ({action})" for (problem, action), count in self.counts.items())
        return (
            f"{sum(self.counts.values()):,} of {self.spans:,} spans did not fit the tokens: {'; '.join(parts)}; "
            f"first at {first.source}:{first.line}: {first.label} {first.start}-{first.end} {first.text[:40]!r}"
        )
