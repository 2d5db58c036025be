"""The list of what ``convert --repair`` changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Change", "ChangeLog"]


@dataclass(frozen=True, slots=True)
class Change:
    """One place where the rows that were written differ from those that were read.

    Attributes:
        code: The doctor's finding that it belongs to, such as ``D301``; ``FORMAT`` for what the format written to
            could not hold.
        path: The file, or the name of the data set.
        line: The 1-based line, or the row of a data set; None where all of the file is meant.
        what: What was changed.
        old: What it was.
        new: What it is now; None when it was taken out.
    """

    code: str
    path: str
    line: int | None
    what: Literal["tag", "token", "row", "file"]
    old: str
    new: str | None

    def to_dict(self) -> dict[str, Any]:
        """Returns the change as a JSON-ready dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path}:{self.line}"
        return f"{where}: {self.what} {self.old!r} " + ("left out" if self.new is None else f"-> {self.new!r}")


class ChangeLog:
    """Counts changes by their codes, and keeps the first of them.

    Args:
        limit: How many are kept; None keeps all.
    """

    def __init__(self, limit: int | None = 50) -> None:
        self.count = 0
        self.kept: list[Change] = []
        self._limit = limit

    def add(self, change: Change) -> None:
        """Takes a change in."""
        self.count += 1
        if self._limit is None or len(self.kept) < self._limit:
            self.kept.append(change)
