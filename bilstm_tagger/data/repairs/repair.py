"""A change to a data file that mends it: proposed by ``check``, made and listed by ``convert --repair``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Repair"]


@dataclass(frozen=True, slots=True)
class Repair:
    """One tag or token, what stands there and what should.

    Attributes:
        code: The finding that it belongs to, such as ``D301``; docs/doctor.md lists them.
        path: The file, or the name of the data set.
        line: The 1-based line, or the row of a data set.
        what: What is replaced.
        position: Index of the token in its sequence.
        old: What stands there.
        new: What to write.
    """

    code: str
    path: str
    line: int
    what: Literal["tag", "token"]
    position: int
    old: str
    new: str

    def to_dict(self) -> dict[str, Any]:
        """Returns the repair as a JSON-ready dictionary."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what} {self.old} -> {self.new}"
