"""Opening files of word vectors: plain or compressed, text or binary.

A file is read in large blocks, the next one while the last is parsed: decompression runs outside Python's lock.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.errors import DataError, suggest
from bilstm_tagger.features.vector_formats import Progress, VectorTable, read_binary, read_text

__all__ = ["read_vectors"]

_BLOCK = 8 << 20
_FASTTEXT_MAGIC = struct.pack("<i", 793712314)
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError, NotImplementedError)


def read_vectors(
    path: Path, *, member: str | None = None, limit: int | None = None, progress: Progress | None = None
) -> tuple[list[str], NDArray[np.float32]]:
    """Reads a file of word vectors.

    The format follows from the name: ``.bin`` (before a compression suffix) is word2vec's binary format, all else is
    text. In text the last ``size`` fields of a line are the numbers and what stands before them is the word, spaces
    included. Bytes of a word that are not UTF-8 become U+FFFD; of words that occur twice the first is kept.

    Args:
        path: The file.
        member: The file inside, for a ``.zip`` with several.
        limit: Read no more than so many words.
        progress: Called with the number of words read so far, after each block.

    Returns:
        The words and their vectors, ``(num_words, size)``.

    Raises:
        DataError: For a file that cannot be read, is damaged, empty or of another format; with the line, for text.
    """
    with contextlib.ExitStack() as stack:
        try:
            stream, name = _open(stack, path, member)
        except _DAMAGE as error:
            raise _damaged(path, error) from None
        blocks = stack.enter_context(contextlib.closing(_read_ahead(stream, path)))
        first = next(blocks, b"")
        if first[:4] == _FASTTEXT_MAGIC:
            raise DataError(
                "this is a fastText model (.bin), whose format is not word2vec's",
                path=path,
                hint="Use the text file (.vec) that fastText gives with it",
            )
        if not first.strip():
            raise DataError("the vectors file is empty", path=path)
        table = VectorTable(limit=limit, progress=progress)
        if name.lower().endswith(".bin"):
            read_binary(first, blocks, path, table)
        else:
            read_text(first.removeprefix(b"\xef\xbb\xbf"), blocks, path, table)
    return table.result()


def _open(stack: contextlib.ExitStack, path: Path, member: str | None) -> tuple[IO[bytes], str]:
    """Opens a file; returns the stream of its decompressed bytes and its name without the compression suffix."""
    match path.suffix.lower():
        case ".zip":
            archive = stack.enter_context(zipfile.ZipFile(path))
            name = _choose_member(archive, path, member)
            return stack.enter_context(archive.open(name)), name
        case ".gz":
            return cast(IO[bytes], stack.enter_context(gzip.open(path))), path.stem
        case ".xz":
            return stack.enter_context(lzma.open(path)), path.stem
        case ".bz2":
            return stack.enter_context(bz2.open(path)), path.stem
        case _:
            return stack.enter_context(path.open("rb")), path.name


def _choose_member(archive: zipfile.ZipFile, path: Path, member: str | None) -> str:
    names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX/")]
    if member is None and len(names) == 1:
        return names[0]
    if member is not None and member in names:
        return member
    if not names:
        raise DataError("the archive is empty", path=path)
    if member is None:
        raise DataError(
            "the archive holds several files", path=path, accepted=names, hint=f"Name one, such as {path}/{names[0]}"
        )
    raise DataError(
        "the archive has no such member", path=path, received=member, accepted=names, hint=suggest(member, names)
    )


def _read_ahead(stream: IO[bytes], path: Path) -> Generator[bytes]:
    """Yields blocks; a thread reads the next one while the caller works on the last."""
    with ThreadPoolExecutor(1, thread_name_prefix="vectors") as pool:
        ahead = pool.submit(stream.read, _BLOCK)
        while True:
            try:
                block = ahead.result()
            except _DAMAGE as error:
                raise _damaged(path, error) from None
            if not block:
                return
            ahead = pool.submit(stream.read, _BLOCK)
            yield block


def _damaged(path: Path, error: Exception) -> DataError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DataError(f"cannot be read, it may be damaged or incomplete ({reason})", path=path)
