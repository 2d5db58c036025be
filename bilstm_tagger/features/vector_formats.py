"""Parsing files of word vectors: GloVe and word2vec text, word2vec binary.

The numbers of a block of lines are parsed by NumPy together. Only a block in which that fails is read line by line,
for the words that contain spaces and for an error with its line number.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import DataError, shorten

__all__ = ["Progress", "VectorTable", "read_binary", "read_text"]

logger = logging.getLogger("bilstm_tagger.features.vectors")

Progress = Callable[[int], None]

_LONGEST_LINE = 64 << 20
_LONGEST_WORD = 64 << 10


class VectorTable:
    """Collects words and rows; a word that occurs again is passed over.

    Attributes:
        rows_read: The rows so far, those passed over included.
    """

    def __init__(self, *, limit: int | None, progress: Progress | None) -> None:
        self._words: list[str] = []
        self._seen: set[str] = set()
        self._matrix: NDArray[np.float32] = np.empty((0, 0), dtype=np.float32)
        self._limit = limit
        self._progress = progress
        self.rows_read = 0

    @property
    def full(self) -> bool:
        """Whether the limit is reached."""
        return self._limit is not None and len(self._words) >= self._limit

    def add(self, words: list[bytes], rows: NDArray[np.float32]) -> None:
        """Adds words and their ``rows``, ``(len(words), size)``."""
        # One call for the whole block; no word holds a line end.
        decoded = b"\n".join(words).decode("utf-8", "replace").split("\n")
        self.rows_read += len(words)
        if len(set(decoded)) < len(decoded) or not self._seen.isdisjoint(decoded):
            first = {word: row for row, word in reversed(list(enumerate(decoded))) if word not in self._seen}
            kept = sorted(first.values())
            decoded, rows = [decoded[row] for row in kept], rows[kept]
        if self._limit is not None:
            room = self._limit - len(self._words)
            decoded, rows = decoded[:room], rows[:room]
        self._seen.update(decoded)
        start, end = len(self._words), len(self._words) + len(decoded)
        if end > len(self._matrix):
            # realloc moves pages, it does not copy them: the peak stays near the matrix's own size
            self._matrix.resize((max(end, len(self._matrix) * 5 // 4), rows.shape[1]), refcheck=False)
        self._matrix[start:end] = rows
        self._words += decoded
        if self._progress is not None:
            self._progress(len(self._words))

    def result(self) -> tuple[list[str], NDArray[np.float32]]:
        """Returns the words and their vectors, ``(num_words, size)``."""
        self._matrix.resize((len(self._words), self._matrix.shape[1]), refcheck=False)
        return self._words, self._matrix


def read_text(first: bytes, blocks: Iterator[bytes], path: Path, table: VectorTable) -> None:
    """Reads GloVe's or word2vec's text format from the blocks of a file into ``table``."""
    count = size = None
    number = 1
    for lines in _line_blocks(first, blocks, path):
        start = number
        number += len(lines)
        if size is None:
            header = _header(lines[0])
            if header is not None:
                count, size = header
                lines, start = lines[1:], start + 1
            else:
                size = _count_numbers(lines[0], path)
        if lines:
            words, rows = _parse_lines(lines, size, path, start)
            if words:
                table.add(words, rows)
        if table.full:
            return
    if table.rows_read == 0:
        raise DataError("the vectors file holds no vectors", path=path)
    if count is not None and count != table.rows_read:
        logger.warning("%s: the first line announces %d words, the file holds %d", path, count, table.rows_read)


def _line_blocks(first: bytes, blocks: Iterator[bytes], path: Path) -> Iterator[list[bytes]]:
    """Yields the lines of each block; a line that ends in the next block goes to that one."""
    rest, block = b"", first
    while block:
        cut = block.rfind(b"\n") + 1
        if cut:
            yield (rest + block[: cut - 1]).replace(b"\r\n", b"\n").removesuffix(b"\r").split(b"\n")
            rest = block[cut:]
        else:
            rest += block
        if len(rest) > _LONGEST_LINE:
            raise DataError("no line ends within 64 MB: this is not a text file of vectors", path=path)
        block = next(blocks, b"")
    if rest:
        yield [rest.removesuffix(b"\r")]


def _header(line: bytes) -> tuple[int, int] | None:
    """Returns ``(count, size)`` when a line consists of these two numbers."""
    fields = line.split()
    if len(fields) == 2 and all(field.isdigit() for field in fields):
        return int(fields[0]), int(fields[1])
    return None


def _count_numbers(line: bytes, path: Path) -> int:
    """Returns how many fields at the end of the first line are numbers; the word is at least one field."""
    fields = line.split()
    size = 0
    while size < len(fields) - 1 and _number(fields[-1 - size]) is not None:
        size += 1
    if size == 0:
        raise DataError(
            "the first line is not a word and its vector",
            path=path,
            line=1,
            received=line[:80].decode("utf-8", "replace"),
            accepted="lines of a word and numbers, separated by spaces; or first a line with the count and the size",
            hint="A word2vec binary file must be named .bin" if b"\0" in line else None,
        )
    return size


def _number(field: bytes) -> float | None:
    try:
        return None if b"_" in field else float(field)
    except ValueError:
        return None


def _parse_lines(lines: list[bytes], size: int, path: Path, start: int) -> tuple[list[bytes], NDArray[np.float32]]:
    """Parses lines, the first of which is line ``start`` of the file."""
    parts = [line.partition(b" ") for line in lines]
    try:
        numbers = b"\n".join([part[2] for part in parts]).decode("ascii")
        rows = np.loadtxt(numbers.split("\n"), dtype=np.float32, comments=None, ndmin=2) if numbers.strip() else None
    except ValueError:
        rows = None
    # loadtxt passes over empty lines, so the shape has to be looked at too.
    if rows is not None and rows.shape == (len(lines), size) and np.isfinite(rows).all():
        return [part[0] for part in parts], rows
    return _parse_line_by_line(lines, size, path, start)


def _parse_line_by_line(
    lines: list[bytes], size: int, path: Path, start: int
) -> tuple[list[bytes], NDArray[np.float32]]:
    words: list[bytes] = []
    rows = np.empty((len(lines), size), dtype=np.float32)
    for number, line in enumerate(lines, start):
        if line.strip():
            word, values = _parse_line(line, size, path, number)
            rows[len(words)] = values
            words.append(word)
    return words, rows[: len(words)]


def _parse_line(line: bytes, size: int, path: Path, number: int) -> tuple[bytes, list[float]]:
    fields: Sequence[bytes] = line.rsplit(None, size)
    if len(fields) == size and line[:1] in (b" ", b"\t"):
        fields = [b"", *fields]  # an empty word
    if len(fields) != size + 1:
        raise DataError(
            f"wrong number of fields: {len(fields)}",
            path=path,
            line=number,
            accepted=f"a word and {size} numbers",
            hint="The file may have been cut off here",
        )
    values: list[float] = []
    for field in fields[1:]:
        value = _number(field)
        if value is None or not abs(value) <= float(np.finfo(np.float32).max):
            problem = "not a number" if value is None else "not a finite 32-bit number"
            received = shorten(field.decode("utf-8", "replace"), 40)
            raise DataError(f"{problem}: {received}", path=path, line=number, accepted=f"a word and {size} numbers")
        values.append(value)
    return fields[0], values


def read_binary(first: bytes, blocks: Iterator[bytes], path: Path, table: VectorTable) -> None:
    """Reads word2vec's binary format: ``count size``, then each word, a space, little-endian floats."""
    line, newline, buffer = first.partition(b"\n")
    header = _header(line) if newline else None
    if header is None or 0 in header:
        raise DataError(
            "not a word2vec binary file",
            path=path,
            received=line[:40],
            accepted="a first line with the count and the size",
            hint="If it is text, name it .txt or .vec",
        )
    count, size = header
    wanted = count
    while not table.full:
        words, rows, used = _parse_records(buffer, size, wanted, path)
        if words:
            matrix = np.frombuffer(b"".join(rows), dtype="<f4").reshape(-1, size)
            if not np.isfinite(matrix).all():
                row = table.rows_read + int(np.argmin(np.isfinite(matrix).all(axis=1))) + 1
                raise DataError(f"the vector of word {row} holds a number that is not finite", path=path)
            table.add(words, matrix)
        wanted -= len(words)
        buffer = buffer[used:]
        block = next(blocks, b"")
        if wanted == 0:
            if (buffer + block).strip(b"\n"):
                raise DataError(f"the file goes on after the {count} words that its first line announces", path=path)
            return
        if not block and not table.full:
            raise DataError(
                f"the file ends after {count - wanted} of {count} words",
                path=path,
                hint="The download may be incomplete; if it is text, name it .txt or .vec",
            )
        buffer += block


def _parse_records(buffer: bytes, size: int, wanted: int, path: Path) -> tuple[list[bytes], list[bytes], int]:
    """Returns the words and the raw vectors of the whole records in a buffer, and the bytes they take."""
    words: list[bytes] = []
    rows: list[bytes] = []
    position, width = 0, 4 * size
    while len(words) < wanted:
        space = buffer.find(b" ", position, position + _LONGEST_WORD)
        if space < 0 and len(buffer) - position >= _LONGEST_WORD:
            raise DataError("not a word2vec binary file: a word has no end", path=path)
        if space < 0 or space + 1 + width > len(buffer):
            break
        words.append(buffer[position:space].lstrip(b"\n").replace(b"\n", b" "))
        rows.append(buffer[space + 1 : space + 1 + width])
        position = space + 1 + width
    return words, rows, position
