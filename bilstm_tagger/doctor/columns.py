"""What the lines of a column file say: separators of sentences, documents, comments, numbers of columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bilstm_tagger.data.readers.columns import Layout, find_layout, is_comment, split_line
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.data.repairs.oddities import visible
from bilstm_tagger.doctor.findings import Finding, Tally, counted
from bilstm_tagger.doctor.scan import Lines
from bilstm_tagger.errors import DataError, shorten

__all__ = ["ColumnScan", "layout_of"]

_SAMPLE = 5000
_MAX_HASHES = 10_000
_DOCUMENT = b"-DOCSTART-"
_DOCUMENT_LINE = re.compile(rb"^[^\n]*-DOCSTART-[^\n]*$", re.MULTILINE)
_BLANKS = re.compile(rb"^[ \t]+\r?$", re.MULTILINE)
_HASH = re.compile(rb"^#[^\n]*$", re.MULTILINE)


def layout_of(lines: Lines, path: Path, options: ReadOptions) -> Layout | None:
    """Returns how a column file is laid out, by its first lines; None when the reader will say that it cannot tell."""
    sample = [lines.text(index).strip(" ") for index in range(min(_SAMPLE, len(lines.starts)))]
    try:
        return find_layout(sample, path, options) if any(line.strip() for line in sample) else None
    except DataError:
        return None


class ColumnScan:
    """Looks at the lines of one column file.

    Args:
        path: The file.
        layout: How it is laid out.

    Attributes:
        hash_lines: Lines of data or comments, which of the two only the reader can say: number to text.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self._path = str(path)
        self._layout = layout
        self._blanks, self._documents, self._wrong, self._surplus = Tally(), Tally(), Tally(), Tally()
        # The last line of the block before, and the document line that it is, if it is one.
        self._before = ""
        self._document: tuple[int, str] | None = None
        self.hash_lines: dict[int, str] = {}

    def add(self, lines: Lines) -> None:
        """Looks at the next lines."""
        if b"\n\t" in lines.data or b"\n " in lines.data or lines.data.startswith((b"\t", b" ")):
            for match in _BLANKS.finditer(lines.data):
                text = visible(match.group().decode())
                self._blanks.add(self._path, lines.first + lines.index_of(match.start()), text)
        self._find_documents(lines)
        self._find_hashes(lines)
        self._find_widths(lines)
        self._before = lines.text(len(lines.starts) - 1)

    def _find_documents(self, lines: Lines) -> None:
        if self._document is not None and lines.text(0).strip():
            self._documents.add(self._path, *self._document)
        self._document = None
        if _DOCUMENT not in lines.data:
            return
        for match in _DOCUMENT_LINE.finditer(lines.data):
            index = lines.index_of(match.start())
            text = lines.text(index)
            if index + 1 == len(lines.starts):
                self._document = lines.first + index, text
            elif lines.text(index + 1).strip():
                self._documents.add(self._path, lines.first + index, text)

    def _find_hashes(self, lines: Lines) -> None:
        """Keeps the lines that look like comments and have as many fields as the data."""
        # Where a column counts the tokens, a comment is never taken for one.
        if self._layout.indexed or not (b"\n#" in lines.data or lines.data.startswith(b"#")):
            return
        layout = self._layout
        for match in _HASH.finditer(lines.data):
            text = match.group().decode("utf-8", "replace").rstrip("\r")
            columns = len(split_line(text.strip(" "), layout.separator)) if is_comment(text) else 0
            if columns == layout.columns and len(self.hash_lines) < _MAX_HASHES:
                self.hash_lines[lines.first + lines.index_of(match.start())] = text

    def _find_widths(self, lines: Lines) -> None:
        """Counts separators in each line, and looks closer at the lines that do not have the right number."""
        layout = self._layout
        separator = layout.separator.encode()
        if len(separator) != 1:
            return
        data = np.frombuffer(lines.data, dtype=np.uint8)
        before = np.concatenate([[0], np.cumsum(data == separator[0])])
        counts = before[lines.ends] - before[lines.starts]
        for index in np.flatnonzero((lines.ends > lines.starts) & (counts != layout.columns - 1)).tolist():
            text = lines.text(index)
            fields = split_line(text.strip(" "), layout.separator)
            if not text.strip() or len(fields) == layout.columns or text.startswith(_DOCUMENT.decode()):
                continue
            if text.startswith("#") and self._stands_before_sentence(lines, index):
                continue
            kept = len(fields)
            while kept > layout.columns and not fields[kept - 1].strip():
                kept -= 1
            tally = self._surplus if kept == layout.columns else self._wrong
            tally.add(self._path, lines.first + index, counted(len(fields), "column", "columns") + f": {shorten(text)}")

    def _stands_before_sentence(self, lines: Lines, index: int) -> bool:
        before = lines.text(index - 1) if index else self._before
        return not before.strip() or before.startswith("#")

    def findings(self, part: str) -> Iterator[Finding]:
        """Yields what was found, once all lines were looked at."""
        path, columns = self._path, self._layout.columns
        if self._blanks.count:
            message = f"{path}: {counted(self._blanks.count, 'line', 'lines')} between sentences with blanks or TABs"
            yield Finding.of("D201", message, part=part, tally=self._blanks)
        if self._documents.count:
            lines = counted(self._documents.count, "line", "lines")
            message = f"{path}: {lines} of -DOCSTART- without an empty line after it"
            yield Finding.of("D202", message, part=part, tally=self._documents)
        if self._wrong.count:
            lines = counted(self._wrong.count, "line does", "lines do")
            message = f"{path}: {lines} not have {columns} columns, as the others do"
            yield Finding.of("D204", message, part=part, tally=self._wrong)
        if self._surplus.count:
            message = f"{path}: {counted(self._surplus.count, 'line ends', 'lines end')} with empty columns"
            yield Finding.of("D205", message, part=part, tally=self._surplus)
