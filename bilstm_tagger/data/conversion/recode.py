"""Text files as UTF-8 without a byte order mark, with a list of what they were."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from bilstm_tagger.data.files import open_binary, stem_suffix, wide_encoding
from bilstm_tagger.data.repairs.changes import Change, ChangeLog

__all__ = ["recode"]

_BINARY = (".arrow", ".feather", ".npz", ".parquet")


@dataclass(slots=True)
class _Lines:
    """What the lines of a file are."""

    wide: str | None = None
    mark: bool = False
    crlf: int = 0
    foreign: int = 0
    first_foreign: int = 0


def recode(path: Path, copy: Path, log: ChangeLog) -> Path:
    """Looks at the bytes of a file, and writes it anew if they are not UTF-8.

    UTF-16 and UTF-32 are known by their byte order marks, or by their zeros. Otherwise each line that is not UTF-8 is
    read as Windows-1252, or, where that has no such character, as ISO-8859-1: a line in one of these is hardly ever
    valid UTF-8.

    Args:
        path: The file.
        copy: Where to write it.
        log: Gets what was found: the encoding, a byte order mark, CRLF line ends.

    Returns:
        ``path`` itself, or ``copy`` where one had to be made.
    """
    if stem_suffix(path) in _BINARY:
        return path
    found = _look(path)
    name = str(path)
    if found.wide is not None:
        log.add(Change("D101", name, None, "file", found.wide, "UTF-8"))
        with (
            open_binary(path) as raw,
            io.TextIOWrapper(raw, encoding=found.wide, errors="replace", newline="\n") as lines,
            copy.open("w", encoding="utf-8", newline="\n") as out,
        ):
            out.writelines(lines)
        return copy
    if found.mark:
        log.add(Change("D102", name, 1, "file", "byte order mark", None))
    if found.crlf:
        log.add(Change("D103", name, None, "file", f"CRLF at the end of {found.crlf:,} line(s)", "LF"))
    if not found.foreign:
        return path
    old = f"{found.foreign:,} line(s) in Windows-1252 or ISO-8859-1"
    log.add(Change("D101", name, found.first_foreign, "file", old, "UTF-8"))
    with open_binary(path) as raw, copy.open("wb") as out:
        for line in raw:
            out.write(_as_utf8(line))
    return copy


def _look(path: Path) -> _Lines:
    found = _Lines()
    with open_binary(path) as raw:
        found.wide = wide_encoding(raw)
        if found.wide is not None:
            return found
        for number, line in enumerate(raw, start=1):
            if number == 1:
                found.mark = line.startswith(b"\xef\xbb\xbf")
            found.crlf += line.endswith(b"\r\n")
            if not line.isascii() and _as_utf8(line) is not line:
                found.foreign += 1
                found.first_foreign = found.first_foreign or number
    return found


def _as_utf8(line: bytes) -> bytes:
    """Returns the line itself when it is UTF-8."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        pass
    else:
        return line
    try:
        return line.decode("cp1252").encode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1").encode("utf-8")
