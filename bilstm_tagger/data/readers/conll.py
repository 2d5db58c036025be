"""Reader of column files: a token and its tag on each line, blank lines between sentences (CoNLL, IOB, WNUT ...)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.readers.columns import UNKNOWN_STATE, UNKNOWN_TAG, Layout, find_layout, is_comment, split_line
from bilstm_tagger.data.records import UNKNOWN_TOKEN, Notes, ReadOptions, Record
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import is_span_tag

__all__ = ["read_conll"]

_SAMPLE_LINES = 5000
_NO_VALUE = ("", "_", "-", "-X-", "O")
_DOCUMENT = "-DOCSTART-"
_SENTENCE_ID = re.compile(r"#\s*sent_id\s*=\s*(.+)")


def read_conll(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads a column file; see :mod:`bilstm_tagger.data.readers.columns` for how columns are found.

    A comment stands before a sentence, begins with ``#`` and a space and is no row of columns; ``# sent_id = X``
    names the sentence. Lines of ``-DOCSTART-`` begin a document; they are counted, and the number is the ``document``
    of the sentences after them. A first line that names the columns is left out. An empty token becomes U+FFFD. The
    tag ``_`` is unknown, except for residues.

    Raises:
        DataError: The layout is unclear, or a line has another number of columns.
    """
    lines = (line.strip(" \r\n") for line in read_lines(path))
    sample: list[str] = []
    content = 0
    for line in lines:
        sample.append(line)
        content += not line.isspace() and line != ""
        if content == _SAMPLE_LINES:
            break
    if all(not line or line.isspace() or (is_comment(line) and "\t" not in line) for line in sample):
        return
    layout = find_layout(sample, path, options)
    names = []
    if layout.header is not None:
        names = split_line(sample[layout.header], layout.separator)
        sample[layout.header] = ""
    _note_unread(sample, names, layout, path, options.notes)
    yield from read_conll_lines(itertools.chain(sample, lines), layout, path, options)


def read_conll_lines(lines: Iterator[str], layout: Layout, path: Path, options: ReadOptions) -> Iterator[Record]:
    """Cuts lines into sentences of a known layout."""
    columns, separator, token_column, tag_column = layout.columns, layout.separator, layout.token, layout.tag
    spans = options.task.kind == "spans"
    block = _Block(path, options, tagged=tag_column is not None)
    for number, line in enumerate(lines, start=1):
        if not line or line.isspace():
            yield from block.close()
            continue
        fields = split_line(line, separator)
        if not block.tokens and line[0] == "#" and _comments(fields, line, layout, spans=spans):
            block.comment(line)
            continue
        if len(fields) != columns:
            fields = _mend(fields, line, layout, path, number)
        if layout.indexed and not fields[0].isdecimal():
            _check_index(fields[0], path, number)
            continue
        block.tokens.append(fields[token_column])
        block.numbers.append(number)
        if tag_column is not None:
            block.tags.append(fields[tag_column])
    yield from block.close()


class _Block:
    """The lines of one sentence, gathered."""

    def __init__(self, path: Path, options: ReadOptions, *, tagged: bool) -> None:
        self.path = path
        self.notes = options.notes
        self.tagged = tagged
        self.unknown = UNKNOWN_TAG if options.task.kind != "residues" else UNKNOWN_STATE
        self.id: str | None = None
        self.count = 0
        self.documents = 0
        self.tokens: list[str] = []
        self.tags: list[str] = []
        self.numbers: list[int] = []

    def comment(self, line: str) -> None:
        if match := _SENTENCE_ID.match(line):
            self.id = match[1].strip()

    def close(self) -> Iterator[Record]:
        """Yields the sentence, if there is one, and begins the next; a document's first line cuts it."""
        if not self.tokens:
            return
        start = 0
        if _DOCUMENT in self.tokens:
            for position, token in enumerate(self.tokens):
                if token == _DOCUMENT:
                    yield from self._record(start, position)
                    start = position + 1
                    self.documents += 1
        yield from self._record(start, len(self.tokens))
        self.id = None
        self.tokens, self.tags, self.numbers = [], [], []

    def _record(self, start: int, end: int) -> Iterator[Record]:
        if start == end:
            return
        self.count += 1
        tokens, numbers = self.tokens[start:end], self.numbers[start:end]
        if "" in tokens or any(map(str.isspace, tokens)):
            for position, token in enumerate(tokens):
                if not token or token.isspace():
                    tokens[position] = UNKNOWN_TOKEN
                    self.notes.add("empty tokens, read as U+FFFD", f"{self.path}:{numbers[position]}")
        tags: list[str | None] = list(self.tags[start:end]) if self.tagged else [None] * len(tokens)
        if self.unknown in tags:
            tags = [None if tag == self.unknown else tag for tag in tags]
        document = str(self.documents) if self.documents else None
        yield Record(self.id or str(self.count), tokens, tags, str(self.path), numbers[0], numbers, document=document)


def _note_unread(sample: Sequence[str], names: Sequence[str], layout: Layout, path: Path, notes: Notes) -> None:
    """Notes the columns that are not read and hold something, by number and name, or by number and first value."""
    unread = {*range(layout.columns)} - {layout.token, layout.tag, 0 if layout.indexed else layout.token}
    for number, line in enumerate(sample, start=1) if unread else ():
        fields = split_line(line, layout.separator)
        if len(fields) != layout.columns or line.startswith((_DOCUMENT, "#")):
            continue
        for column in sorted(unread):
            if fields[column] not in _NO_VALUE:
                shown = names[column] if names else f"such as {fields[column]}"
                notes.unread[f"column {column} ({shown})"] = f"{path}:{number}"
                unread.discard(column)


def _comments(fields: list[str], line: str, layout: Layout, *, spans: bool) -> bool:
    """Says whether a line that begins with ``#``, before a sentence, is a comment rather than a row."""
    if layout.indexed:
        return not fields[0].isdecimal()
    if not is_comment(line):
        return False
    if len(fields) != layout.columns:
        return True
    # "# note" has as many fields as "# O": only the tag tells them apart.
    return spans and layout.tag is not None and not is_span_tag(fields[layout.tag])


def _mend(fields: list[str], line: str, layout: Layout, path: Path, number: int) -> list[str]:
    """Drops empty fields at the end of a line with too many; a document's first line may have too few."""
    while len(fields) > layout.columns and not fields[-1].strip():
        fields = fields[:-1]
    if line.startswith(_DOCUMENT):
        return [_DOCUMENT] * layout.columns
    if len(fields) != layout.columns:
        _refuse(fields, line, layout, path, number)
    return fields


def _refuse(fields: list[str], line: str, layout: Layout, path: Path, number: int) -> NoReturn:
    separator = {"\t": "TABs", " ": "spaces"}.get(layout.separator, repr(layout.separator))
    hint = None
    if is_comment(line):
        hint = "Comments stand before a sentence, not inside it"
    elif layout.separator == " " and len(fields) > layout.columns:
        hint = "Set data.separator if the columns are separated by something else"
    raise DataError(
        f"wrong number of columns: {len(fields)} instead of {layout.columns}, separated by {separator}",
        path=path,
        line=number,
        received=line,
        accepted=f"{layout.columns} columns, as the other lines have",
        hint=hint,
    )


def _check_index(index: str, path: Path, number: int) -> None:
    """Lets the lines of multi-word tokens (``1-2``) and empty nodes (``8.1``) pass, and refuses anything else."""
    if not re.fullmatch(r"\d+[-.]\d+", index):
        raise DataError(
            "the first column numbers the tokens; this is no number",
            path=path,
            line=number,
            received=index,
            accepted="1, 2, 3 ...",
        )
