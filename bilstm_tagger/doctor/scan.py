"""What the bytes of a text file say, before any reader mends them: encoding and line ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.data.files import has_bare_returns, open_binary
from bilstm_tagger.doctor.findings import Finding, Tally, counted

__all__ = ["ByteScan", "Lines", "read_blocks"]

_BLOCK = 1 << 20
_LONGEST_LINE = 1 << 26
_BOM = b"\xef\xbb\xbf"
_LONE_CR = re.compile(rb"\r(?!\n)")


class Lines(NamedTuple):
    """Some whole lines of a file.

    Attributes:
        data: Their bytes, ends included.
        first: The 1-based number of the first.
        starts: ``(num_lines,)`` where each begins.
        ends: ``(num_lines,)`` where each ends, its line feed left out.
        marked: Whether a byte order mark of UTF-8, not in ``data``, stands before them.
        bare: Whether the file has carriage returns where ``data`` has line feeds.
    """

    data: bytes
    first: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    marked: bool
    bare: bool = False

    def text(self, index: int) -> str:
        """Returns one line without its end."""
        return self.data[self.starts[index] : self.ends[index]].decode("utf-8", "replace").rstrip("\r")

    def index_of(self, offset: int) -> int:
        """Returns which line a byte lies in."""
        return int(np.searchsorted(self.starts, offset, side="right")) - 1


def read_blocks(path: Path) -> Iterator[Lines]:
    """Yields a file, unpacked, in blocks of about a megabyte of whole lines."""
    number = 1
    with open_binary(path) as handle:
        bare = has_bare_returns(handle)
        for data in _whole_lines(handle, bare=bare):
            marked = number == 1 and data.startswith(_BOM) and data != _BOM
            data = data.removeprefix(_BOM) if marked else data
            ends = np.flatnonzero(np.frombuffer(data, dtype=np.uint8) == ord("\n"))
            if not data.endswith(b"\n"):
                ends = np.append(ends, len(data))
            starts = np.concatenate([[0], ends[:-1] + 1])
            yield Lines(data, number, starts, ends, marked, bare)
            number += len(ends)


def _whole_lines(handle: BinaryIO, *, bare: bool) -> Iterator[bytes]:
    rest = b""
    while data := handle.read(_BLOCK):
        if not bare:
            yield data if data.endswith(b"\n") else data + handle.readline(_LONGEST_LINE)
            continue
        data, feed, rest = (rest + _LONE_CR.sub(b"\n", data)).rpartition(b"\n")
        if feed:
            yield data + feed
    if rest:
        yield rest


class ByteScan:
    """Looks for what is wrong with the encoding and the line ends of one file."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)
        self._marked = self._utf16 = self._bare = False
        self._line_feeds = self._crlf = 0
        self._lone = Tally()
        self._nul = Tally()
        self._undecodable = Tally()
        self._windows = False

    def add(self, lines: Lines) -> None:
        """Looks at the next lines."""
        data = lines.data
        if lines.first == 1:
            self._bare = lines.bare
            self._marked, self._utf16 = lines.marked, data.startswith((b"\xff\xfe", b"\xfe\xff"))
        self._line_feeds += data.count(b"\n")
        if b"\r" in data:
            self._crlf += data.count(b"\r\n")
            for match in _LONE_CR.finditer(data):
                self._note(self._lone, lines, match.start())
        if b"\0" in data:
            for match in re.finditer(rb"\0+", data):
                self._note(self._nul, lines, match.start(), match.end() - match.start())
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            self._find_undecodable(lines)

    def _note(self, tally: Tally, lines: Lines, offset: int, count: int = 1) -> None:
        if tally.full:
            tally.count += count
            return
        index = lines.index_of(offset)
        tally.add(self._path, lines.first + index, f"byte {offset - lines.starts[index] + 1}", count)

    def _find_undecodable(self, lines: Lines) -> None:
        for index, (start, end) in enumerate(zip(lines.starts.tolist(), lines.ends.tolist(), strict=True)):
            line = lines.data[start:end]
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                around = line[max(0, error.start - 10) : error.end + 10]
                self._undecodable.add(self._path, lines.first + index, f"byte {error.start + 1}: {around!r}")
                self._windows |= any(0x80 <= byte < 0xA0 for byte in line[error.start : error.end])

    def findings(self, part: str) -> Iterator[Finding]:
        """Yields what was found, once all lines were looked at."""
        if self._undecodable.count:
            encoding = "UTF-16" if self._utf16 else "Windows-1252" if self._windows else "ISO-8859-1"
            lines = counted(self._undecodable.count, "line is", "lines are")
            message = f"{self._path}: {lines} not UTF-8, perhaps {encoding}"
            yield Finding.of("D101", message, part=part, tally=self._undecodable)
        if self._marked:
            yield Finding.of("D102", f"{self._path}: begins with a byte order mark", part=part)
        yield from self._line_ends(part)
        if self._nul.count:
            yield Finding.of(
                "D105", f"{self._path}: {counted(self._nul.count, 'NUL byte', 'NUL bytes')}", part=part, tally=self._nul
            )

    def _line_ends(self, part: str) -> Iterator[Finding]:
        bare = self._line_feeds - self._crlf
        if self._bare:
            ends = counted(bare, "line ends", "lines end") + " with a carriage return alone, as on old Macs"
            yield Finding.of("D106", f"{self._path}: {ends}", part=part, count=bare)
        if self._lone.count:
            what = counted(self._lone.count, "carriage return stands", "carriage returns stand") + " inside lines"
            yield Finding.of("D106", f"{self._path}: {what}", part=part, tally=self._lone)
        if self._crlf:
            ends = counted(self._crlf, "line ends with CRLF", "lines end with CRLF") + (
                f", {bare:,} with LF" if bare else ""
            )
            code = "D104" if bare else "D103"
            yield Finding.of(code, f"{self._path}: {ends}", part=part, count=self._crlf)
