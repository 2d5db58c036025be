"""What a reader is asked for and what it gives: plain data between the formats and the Arrow rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.data.alignment import Align, Misfits, Overlap
from bilstm_tagger.errors import DataError
from bilstm_tagger.tasks.base import Task

__all__ = ["READER_VERSION", "UNKNOWN_TOKEN", "Notes", "ReadOptions", "Reader", "Record", "as_column_number"]

READER_VERSION = 5
"""Goes into the cache key; raise it whenever a reader's output changes."""

UNKNOWN_TOKEN = "\ufffd"
"""Stands for a token that is empty or white space in its file, so that every tag keeps its place."""


class Record(NamedTuple):
    """One sequence as its file has it.

    Attributes:
        id: The record's name; its 1-based number where the file gives none.
        tokens: The tokens, ``seq_len`` of them.
        tags: One a token; None where unknown.
        path: The file, for messages.
        line: The 1-based line of the first token.
        lines: The line of each token, where tokens stand on lines of their own.
        text: The running text.
        offsets: ``(start, end)`` of each token in ``text``.
        dense: Numbers given with each token, ``(seq_len, width)``.
        document: The name or number of the document that the sequence belongs to, where the source tells.
    """

    id: str
    tokens: list[str]
    tags: Sequence[str | None]
    path: str
    line: int
    lines: Sequence[int] | None = None
    text: str | None = None
    offsets: list[tuple[int, int]] | None = None
    dense: list[list[float]] | list[NDArray[np.float32]] | None = None
    document: str | None = None

    def line_of(self, position: int) -> int:
        """Returns the line of the token at ``position``."""
        return self.line if self.lines is None else self.lines[position]


@dataclass(slots=True)
class Notes:
    """What a reader mended, counted, to be said in one line each at the end.

    Attributes:
        counts: How often each thing was mended.
        first: Where it first stood.
        skipped: The errors of records that were left out.
        unread: Columns and fields that hold neither tokens nor tags, and where each first stood; conversions lose them.
    """

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)

    def add(self, what: str, where: str, count: int = 1) -> None:
        """Counts ``what``, and keeps where it was first seen."""
        self.counts[what] = self.counts.get(what, 0) + count
        self.first.setdefault(what, where)

    def clear(self) -> None:
        """Forgets everything, for reading anew."""
        self.counts.clear()
        self.first.clear()
        self.skipped.clear()
        self.unread.clear()

    def messages(self) -> list[str]:
        """Returns one sentence for each kind of repair, and one for each record that was left out."""
        repairs = [f"{what}: {count:,} times, first at {self.first[what]}" for what, count in self.counts.items()]
        return repairs + [f"skipped: {reason}" for reason in self.skipped]


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read a file. The names are those of the ``data`` section of the configuration.

    Attributes:
        task: The task that the rows are for.
        split: ``train``, ``dev`` or ``test``: chosen where one source holds several.
        token_column: Number or name of the tokens' column.
        tag_column: Number or name of the tags' column.
        separator: Column separator; found by itself when None.
        labels: FASTA and running text: the file of labels. CSV: the column of labels. JSON and tables: the file
            with the names that numbers stand for.
        mask: FASTA: the file of 0 and 1. CSV: the column of 0 and 1.
        require_tags: Whether the source has to have tags; without, all tags are None.
        tokenizer: How running text is cut into tokens; ``auto`` is the task's own way.
        streaming: Read a hub data set over the network row by row, instead of fetching all of it first.
        align: What is done with spans that do not fit the tokens; see :mod:`bilstm_tagger.data.alignment`.
        overlap: Which of several spans that share tokens is kept.
        states: How eight states of proteins become three, for tasks of three: a name in ``STATE_MAPS``.
        skip_invalid: Leave out protein chains that cannot be used, instead of stopping at the first.
        notes: Where repairs are counted, and chains that were left out are listed.
        misfits: Where spans that did not fit are listed.
    """

    task: Task
    split: str = "train"
    token_column: str | int | None = None
    tag_column: str | int | None = None
    separator: str | None = None
    labels: str | None = None
    mask: str | None = None
    require_tags: bool = True
    tokenizer: str = "auto"
    streaming: bool = False
    align: Align = "expand"
    overlap: Overlap = "outermost"
    states: str = "standard"
    skip_invalid: bool = False
    notes: Notes = field(default_factory=Notes, compare=False)
    misfits: Misfits = field(default_factory=Misfits, compare=False)

    def refuse(self, error: DataError) -> None:
        """Lists a record that cannot be used, so that reading goes on without it.

        Raises:
            DataError: ``error``, unless such records are to be skipped.
        """
        if not self.skip_invalid:
            raise error
        self.notes.skipped.append(str(error))


Reader = Callable[[Path, ReadOptions], Iterator[Record]]
"""Reads one file. Raises DataError with file and line."""


def as_column_number(column: str | int | None) -> int | None:
    """Returns a column given as a number (or as a number in quotes), or None when it is a name or missing."""
    if isinstance(column, str):
        digits = column.strip()
        return int(digits) if digits.removeprefix("-").isdecimal() else None
    return column
