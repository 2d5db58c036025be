"""Files and folders that appear whole or not at all, compressed where their name says so."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, TextIO, cast

from bilstm_tagger.data.files import COMPRESSION_SUFFIXES
from bilstm_tagger.errors import ConfigError, DataError

__all__ = ["check_output", "open_binary", "open_text", "staged"]


def check_output(path: Path, *, force: bool) -> None:
    """Makes sure that an output can be written, before any work is done.

    Raises:
        ConfigError: It is there already and ``force`` is off; it is a folder that holds something; the folder that
            it shall lie in does not exist; or its compression is one that cannot be written.
    """
    if not path.parent.is_dir():
        raise ConfigError(
            "the output's folder does not exist", received=str(path), accepted="a name in an existing folder"
        )
    if path.is_file() and not force:
        raise ConfigError("the output is there already", received=str(path), hint="Use --force to replace it")
    if path.is_dir() and any(path.iterdir()):
        # What a folder holds is never deleted, whatever was asked for.
        raise ConfigError("the output is a folder that is not empty", received=str(path), accepted="a new name")
    suffix = path.suffix.lower()
    if suffix in COMPRESSION_SUFFIXES and suffix not in _COMPRESSORS:
        raise ConfigError("this compression can be read, not written", received=suffix, accepted=list(_COMPRESSORS))


@contextmanager
def staged(path: Path) -> Iterator[Path]:
    """Gives a temporary place of the same name, and moves what was put there to ``path`` when the block ends.

    A device or a pipe, such as ``/dev/null``, is given itself.

    Raises:
        DataError: Something cannot be written.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path
        return
    folder: str | None = None
    try:
        # A folder of its own rather than a temporary file: what is made in it has the usual permissions.
        folder = tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".part")
        yield Path(folder, path.name)
        os.replace(Path(folder, path.name), path)
    except OSError as error:
        raise DataError(f"cannot be written ({error.strerror or error})", path=path) from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Opens a UTF-8 text file for writing, with the same bytes on every system, compressed by its name."""
    with open_binary(path) as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="\n") as text:
        yield text


@contextmanager
def open_binary(path: Path) -> Iterator[BinaryIO]:
    """Opens a file for writing bytes, compressed by its name."""
    compress = _COMPRESSORS.get(path.suffix.lower())
    with path.open("wb") as raw:
        if compress is None:
            yield raw
            return
        with compress(raw) as packed:
            yield cast("BinaryIO", packed)


def _gzip(raw: BinaryIO) -> IO[bytes]:
    # Neither name nor time goes in: the same rows give the same bytes.
    return cast("IO[bytes]", gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=raw, mtime=0))


def _xz(raw: BinaryIO) -> IO[bytes]:
    return lzma.LZMAFile(raw, "wb")


def _bz2(raw: BinaryIO) -> IO[bytes]:
    return bz2.BZ2File(raw, "wb")


_COMPRESSORS = {".gz": _gzip, ".xz": _xz, ".bz2": _bz2}
