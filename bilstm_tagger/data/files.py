"""Opening text files: compressed or not, UTF-8 only, with errors that name the file and the line."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from bilstm_tagger.data.archives import BROKEN, UNPACKERS, is_archive, list_members, open_member, split_member
from bilstm_tagger.errors import DataError, suggest

__all__ = [
    "COMPRESSION_SUFFIXES",
    "check_file",
    "has_bare_returns",
    "is_file",
    "open_binary",
    "read_lines",
    "read_text",
    "stem_suffix",
    "wide_encoding",
]

COMPRESSION_SUFFIXES = (".gz", ".xz", ".bz2", ".zip")

_START = 1 << 13
_LONGEST_LINE = 1 << 26
_RECODE = "Perhaps: iconv -f {} -t UTF-8 OLD > NEW"
_MARKS = {b"\xff\xfe\0\0": "UTF-32", b"\0\0\xfe\xff": "UTF-32", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def stem_suffix(path: Path) -> str:
    """Returns the lower-case suffix of a file name, a compression suffix left out: ``.conll`` for ``a.conll.gz``."""
    name = path.name.lower()
    for suffix in COMPRESSION_SUFFIXES:
        name = name.removesuffix(suffix)
    return Path(name).suffix


def is_file(path: Path) -> bool:
    """Says whether there is such a file, also inside an archive."""
    inside = split_member(path)
    if inside is None:
        return path.is_file()
    return is_archive(inside[0]) and inside[1] in list_members(inside[0])


def check_file(path: Path) -> None:
    """Makes sure that a path names a file.

    Raises:
        DataError: It names nothing, or a folder; the nearest name in that folder is suggested.
    """
    inside = split_member(path)
    if inside is not None:
        check_file(inside[0])
        list_members(*inside)
        return
    if path.is_dir():
        raise DataError(
            "this is a folder", path=path, accepted="a file, a glob such as folder/*.conll, or a saved data set"
        )
    if path.is_symlink() and not path.exists():
        raise DataError("a link that leads to no file", path=path)
    if not path.exists():
        folder = path.parent
        try:
            names = sorted(child.name for child in folder.iterdir())
        except OSError:
            raise DataError("no such file; its folder does not exist either", path=path) from None
        raise DataError("no such file", path=path, hint=suggest(path.name, names))


def read_lines(path: Path) -> Iterator[str]:
    """Yields the lines of a text file with their ends, the byte order mark left out.

    Only a line feed ends a line: other separators of Unicode may stand inside tokens. In files that begin with lines
    that a carriage return alone ends, as on old Macs, it ends lines too, and is given as a line feed.

    Raises:
        DataError: The file is missing, a folder, unreadable, damaged, not UTF-8, or packed with a line of 64 million
            characters.
    """
    check_file(path)
    try:
        with open_binary(path) as handle:
            encoding = wide_encoding(handle)
            if encoding is not None:
                raise DataError(
                    f"not UTF-8 but {encoding}",
                    path=path,
                    line=1,
                    accepted="text in UTF-8",
                    hint=_RECODE.format(encoding),
                )
            bare = has_bare_returns(handle)
            with io.TextIOWrapper(handle, encoding="utf-8", newline="" if bare else "\n") as text:
                # A plain file holds no more than its size.
                lines: Iterator[str] = text if type(handle) is io.BufferedReader else _bounded(text, path)
                lines = _with_line_feeds(lines) if bare else lines
                yield from filter(None, [next(lines, "").removeprefix("\ufeff")])
                yield from lines
    except UnicodeDecodeError:
        try:
            found = _find_bad_bytes(path)
        except BROKEN:  # behind the wrong bytes
            found = DataError("damaged: neither text in UTF-8 nor a whole compressed file", path=path)
        raise found from None
    except BROKEN as error:
        raise DataError(f"cannot be read ({type(error).__name__}: {error})", path=path) from None


def has_bare_returns(handle: BinaryIO) -> bool:
    """Says whether the lines with which a file begins end with a carriage return and no line feed."""
    start = cast("io.BufferedReader", handle).peek(_START)[:_START]
    return b"\r" in start[:-1] and b"\n" not in start


def wide_encoding(handle: BinaryIO) -> str | None:
    """Returns UTF-16 or UTF-32 where a file begins with their mark, or with text of which every other byte is zero."""
    start = cast("io.BufferedReader", handle).peek(_START)[:_START]
    for mark, encoding in _MARKS.items():
        if start.startswith(mark):
            return encoding
    pairs = len(start) // 2
    even, odd = start[0 : 2 * pairs : 2].count(0), start[1 : 2 * pairs : 2].count(0)
    if pairs < 2 or max(even, odd) < pairs * 0.4 or min(even, odd) > pairs * 0.1:
        return None
    return "UTF-16LE" if odd > even else "UTF-16BE"


def _bounded(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    """Yields lines, and stops at one that would fill the memory: a packed file of a few kilobytes may hold it."""
    number = 0
    while line := text.readline(_LONGEST_LINE):
        number += 1
        if len(line) == _LONGEST_LINE:
            raise DataError(
                f"a line of {_LONGEST_LINE:,} characters or more",
                path=path,
                line=number,
                received=line[:80],
                hint="A record needs a line of its own",
            )
        yield line


def _with_line_feeds(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield f"{line[:-1]}\n" if line.endswith("\r") else line


def read_text(path: Path) -> str:
    """Returns the whole file; raises as :func:`read_lines` does."""
    return "".join(read_lines(path))


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Opens a file, unpacked where its first bytes say that it is packed; ``ARCHIVE::MEMBER`` is a file too."""
    with ExitStack() as stack:
        inside = split_member(path)
        if inside is None and is_archive(path):
            members = list_members(path)
            if len(members) != 1:
                raise DataError("this archive holds more than one file", path=path, received=members)
            inside = path, members[0]
        raw = stack.enter_context(path.open("rb") if inside is None else open_member(*inside))
        start = raw.read(6)
        raw.seek(0)
        if inside is not None and start.startswith(b"PK\x03\x04"):
            raise DataError("an archive inside an archive", path=path, hint="Unpack the outer one first")
        unpack = next((unpack for mark, unpack in UNPACKERS.items() if start.startswith(mark)), None)
        yield raw if unpack is None else stack.enter_context(unpack(raw))


def _find_bad_bytes(path: Path) -> DataError:
    """Reads a file again, in bytes, for the place that is not UTF-8."""
    with open_binary(path) as handle:
        for number, line in enumerate(handle, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return DataError(
                    f"byte {error.start + 1} of the line is not UTF-8",
                    path=path,
                    line=number,
                    received=line[max(0, error.start - 10) : error.end + 10],
                    accepted="text in UTF-8",
                    hint=_RECODE.format("ISO-8859-1"),
                )
    return DataError("not UTF-8", path=path)
