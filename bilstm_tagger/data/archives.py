"""Files inside archives (zip, tar and its compressed kinds), named ``ARCHIVE::MEMBER``."""

from __future__ import annotations

import bz2
import fnmatch
import gzip
import lzma
import re
import shutil
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from bilstm_tagger.errors import DataError, suggest

__all__ = ["BROKEN", "MEMBER", "UNPACKERS", "held_open", "is_archive", "list_members", "open_member", "split_member"]

MEMBER = "::"
"""What stands between the name of an archive and that of a file in it."""

BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, zipfile.BadZipFile, tarfile.TarError)
"""What the libraries raise for files that are torn or no such files."""

_TAR = re.compile(r"\.(tar(\.(gz|xz|bz2))?|tgz|txz|tbz2?)", re.IGNORECASE)
UNPACKERS: dict[bytes, Callable[[BinaryIO], BinaryIO]] = {
    b"\x1f\x8b": lambda raw: cast("BinaryIO", gzip.GzipFile(fileobj=raw)),
    b"\xfd7zXZ\x00": lambda raw: cast("BinaryIO", lzma.LZMAFile(raw)),  # noqa: SIM115 - whoever asks closes it
    b"BZh": lambda raw: cast("BinaryIO", bz2.BZ2File(raw)),
}
"""How a compressed stream is unpacked, by its first bytes."""


@dataclass(frozen=True)
class _Archive:
    """An archive that is open: its files in order, and how one of them is opened."""

    members: tuple[str, ...]
    open: Callable[[str], BinaryIO]


# Archives that `held_open` keeps at hand; a member that is read without it costs unpacking all before it.
_held: dict[Path, _Archive] = {}


def is_archive(path: Path) -> bool:
    """Says whether a file is an archive: a zip file by its first bytes, a tar file by its name."""
    if not path.is_file():
        return False
    if _is_tar(path):
        return True
    try:
        with path.open("rb") as raw:
            return raw.read(4) in (b"PK\x03\x04", b"PK\x05\x06")
    except OSError:
        return False


def split_member(path: Path) -> tuple[Path, str] | None:
    """Cuts ``ARCHIVE::MEMBER`` in two; None for other names, and for a file that happens to be called so."""
    archive, separator, member = str(path).partition(MEMBER)
    return (Path(archive), member) if separator and member and not path.exists() else None


def list_members(path: Path, pattern: str | None = None) -> list[str]:
    """Returns the names of the files in an archive, in its order; hidden files are left out.

    Args:
        path: The archive.
        pattern: A name, or a pattern such as ``*.conll``; None is all.

    Raises:
        DataError: It cannot be read, or has no such file.
    """
    with _opened(path) as archive:
        members = list(archive.members)
    if pattern is None:
        found = members
    else:
        found = [name for name in members if name == pattern] or fnmatch.filter(members, pattern)
    if not found:
        raise DataError(
            "no such file in this archive",
            path=path,
            received=pattern,
            accepted=members[:20] or "an archive that holds files",
            hint=suggest(pattern or "", members),
        )
    return found


@contextmanager
def held_open(path: Path) -> Iterator[None]:
    """Keeps an archive unpacked for as long as the block lasts, so that each of its files opens at once.

    Raises:
        DataError: It is damaged.
    """
    if path in _held:
        yield
        return
    with _opened(path) as archive:
        _held[path] = archive
        try:
            yield
        finally:
            del _held[path]


@contextmanager
def open_member(path: Path, member: str) -> Iterator[BinaryIO]:
    """Opens a file of an archive.

    Raises:
        DataError: There is no such file, or it cannot be read.
    """
    with _opened(path) as archive:
        if member not in archive.members:
            list_members(path, member)
        with archive.open(member) as handle:
            yield handle


@contextmanager
def _opened(path: Path) -> Iterator[_Archive]:
    if path in _held:
        yield _held[path]
        return
    if not is_archive(path):
        raise DataError("this is no archive", path=path, accepted=".zip, .tar, .tar.gz, .tar.xz, .tar.bz2")
    with ExitStack() as stack:
        try:
            archive = _open_tar(path, stack) if _is_tar(path) else _open_zip(path, stack)
        except (*BROKEN, RuntimeError, ValueError) as error:  # also of later versions, or with names in no encoding
            raise DataError(f"cannot be read ({type(error).__name__}: {error})", path=path) from None
        yield archive


def _is_tar(path: Path) -> bool:
    return _TAR.fullmatch("".join(path.suffixes[-2:])) is not None or _TAR.fullmatch(path.suffix) is not None


def _open_tar(path: Path, stack: ExitStack) -> _Archive:
    raw: BinaryIO = stack.enter_context(path.open("rb"))
    start = raw.read(6)
    raw.seek(0)
    unpack = next((unpack for mark, unpack in UNPACKERS.items() if start.startswith(mark)), None)
    if unpack is not None:
        # A compressed file cannot be entered in the middle.
        plain = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile()))  # noqa: SIM115
        with unpack(raw) as packed:
            shutil.copyfileobj(packed, plain, 1 << 20)
        plain.seek(0)
        raw = plain
    archive = stack.enter_context(tarfile.open(fileobj=raw, mode="r:"))  # noqa: SIM115
    members = archive.getmembers()
    raw.seek(archive.offset)
    if any(raw.read(tarfile.BLOCKSIZE)) or raw.tell() < archive.offset + tarfile.BLOCKSIZE:
        # The library takes what follows a torn place for the end.
        raise tarfile.ReadError("the archive ends too early, or is damaged in the middle")
    infos = {info.name: info for info in members if info.isfile() and _is_visible(info.name)}
    return _Archive(tuple(infos), lambda name: cast("BinaryIO", archive.extractfile(infos[name])))


def _open_zip(path: Path, stack: ExitStack) -> _Archive:
    archive = stack.enter_context(zipfile.ZipFile(path))
    names = tuple(name for name in archive.namelist() if not name.endswith("/") and _is_visible(name))

    def open_name(name: str) -> BinaryIO:
        try:
            return cast("BinaryIO", archive.open(name))
        except RuntimeError as error:  # encrypted, or a compression that Python does not have
            raise DataError(f"cannot be read ({error})", path=f"{path}{MEMBER}{name}") from None

    return _Archive(names, open_name)


def _is_visible(name: str) -> bool:
    return not any(part.startswith(".") or part == "__MACOSX" for part in name.removeprefix("./").split("/"))
