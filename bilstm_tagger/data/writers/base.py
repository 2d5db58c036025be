"""What the writers of rows share: their options, what a format loses, and what it cannot hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TextIO, cast

from bilstm_tagger.data.records import Notes, Record
from bilstm_tagger.data.repairs.changes import Change, ChangeLog
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import Scheme, convert
from bilstm_tagger.tasks.base import Task

__all__ = ["Cells", "Documents", "WriteOptions", "in_scheme", "watch_losses"]

_LOSSES = {
    "ids": "the ids",
    "text": "the running text and the character offsets",
    "dense": "the dense columns",
    "documents": "the document that a row belongs to",
}
"""What a row may have, and how its loss is told."""


@dataclass(frozen=True, kw_only=True)
class WriteOptions:
    """How rows are written.

    Attributes:
        task: The task that the tags belong to.
        scheme: Scheme of the written tags of spans.
        separator: Between columns; None is the format's own.
        comments: CoNLL: whether ``# sent_id = ...`` lines keep the ids.
        layout: JSON: how an object is laid out.
        text: Whether some row has running text.
        dense: How many dense columns there are; 0 for none.
        unknown: Whether some tag is unknown.
        documents: Whether some row tells its document.
        mask: FASTA: where the mask goes.
        name: The source's name, for documents without one.
        losses: Where it is counted what the format does not hold.
        changes: Where replaced tokens are listed; None refuses what the format cannot hold.
    """

    task: Task
    scheme: Scheme = Scheme.IOB2
    separator: str | None = None
    comments: bool = False
    layout: str = "tokens"
    text: bool = False
    dense: int = 0
    unknown: bool = False
    documents: bool = False
    mask: TextIO | None = None
    name: str = "document"
    losses: Notes = field(default_factory=Notes)
    changes: ChangeLog | None = None

    def lose(self, what: str, record: Record) -> None:
        """Counts a row that loses something."""
        self.losses.add(what, f"{record.path}:{record.line}")


def watch_losses(
    records: Iterable[Record],
    holds: frozenset[str],
    options: WriteOptions,
    *,
    number: Callable[[Record], int],
) -> Iterator[Record]:
    """Passes records on, and counts those that have something which the format does not hold.

    Args:
        records: The records.
        holds: What the format holds, as in ``RowFormat``.
        options: Where the losses are counted.
        number: Gives the number that the id of a record is where its source gives none.
    """
    for record in records:
        if not record.tokens and "empty" not in holds:
            options.lose("rows without tokens", record)
            continue
        has = {
            "ids": record.id != str(number(record)),
            "text": record.text is not None,
            "dense": record.dense is not None,
            "documents": record.document is not None,
        }
        for what, present in has.items():
            if present and what not in holds:
                options.lose(_LOSSES[what], record)
        yield record


def in_scheme(record: Record, options: WriteOptions) -> list[str | None]:
    """Returns a record's tags in the scheme to write; rows have IOB2."""
    if options.task.kind != "spans" or options.scheme is Scheme.IOB2:
        return list(record.tags)
    tags = convert(record.tags, Scheme.IOB2, options.scheme)
    if convert(tags, options.scheme, Scheme.IOB2) != list(record.tags):
        options.lose(f"where {options.scheme} cannot tell, which tokens are one span", record)
    return tags


class Documents:
    """Says where documents begin, for formats that mark their beginnings only."""

    def __init__(self, options: WriteOptions) -> None:
        self._options = options
        self._name: str | None = None
        self.count = 0

    def begins(self, record: Record) -> bool:
        """Says whether a row is the first of a document; rows of no document after one are counted as a loss."""
        if record.document == self._name:
            return False
        if record.document is None:
            self._options.lose("that rows belong to no document", record)
            return False
        self._name = record.document
        self.count += 1
        return True


class Cells:
    """The strings of one format: each is fit to stand in its place, or refused, or made fit as a repair.

    Args:
        bad: What a token must not hold.
        format: The format's name, for messages.
        options: As for the writer.
        bad_tag: What a tag must not hold; the same by default.
    """

    def __init__(self, bad: str, format: str, options: WriteOptions, *, bad_tag: str | None = None) -> None:
        self._bad = re.compile(bad)
        self._bad_tag = self._bad if bad_tag is None else re.compile(bad_tag)
        self._format = format
        self._changes = options.changes

    def tokens(self, record: Record) -> list[str]:
        """Returns the tokens, fit."""
        if not any(map(self._bad.search, record.tokens)):
            return record.tokens
        return [self._fit(token, "token", record, position) for position, token in enumerate(record.tokens)]

    def tags(self, record: Record, tags: list[str | None], unknown: str) -> list[str]:
        """Returns the tags, fit, with ``unknown`` for unknown ones."""
        if None not in tags and unknown not in tags and not any(map(self._bad_tag.search, cast("list[str]", tags))):
            return cast("list[str]", tags)
        return [
            unknown if tag is None else self._fit(tag, "tag", record, position, unknown)
            for position, tag in enumerate(tags)
        ]

    def _fit(
        self, value: str, what: Literal["token", "tag"], record: Record, position: int, unknown: str | None = None
    ) -> str:
        bad = self._bad if what == "token" else self._bad_tag
        if bad.search(value) is None and value != unknown:
            return value
        new = bad.sub("_", value)
        if self._changes is None or new in ("", unknown):
            # A tag that reads as "unknown" has no like.
            raise self._error(value, what, record, position)
        self._changes.add(Change("FORMAT", record.path, record.line_of(position), what, value, new))
        return new

    def _error(self, value: str, what: str, record: Record, position: int) -> DataError:
        return DataError(
            f"the format '{self._format}' cannot hold this {what}",
            path=record.path,
            line=record.line_of(position),
            received=value,
            hint="--repair replaces what does not fit, and lists it; jsonl holds everything",
        )
