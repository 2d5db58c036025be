"""The folder of Arrow files that rows are mapped from.

A file's name is a hash of the source's content and of the options it was read with, so a changed source is read
anew. Files are written in a folder of their own (``tmp-*``) and then moved, so a torn one is never seen. When the
files together grow beyond ``MAX_BYTES``, those not used for longest are deleted; ``clear_cache()``, or deleting the
folder, removes all. The states of language models (``lm-*``), which are kept beside them, count and go with them.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from bilstm_tagger.cache_folder import cache_folder
from bilstm_tagger.folder_lock import lock_folder

if TYPE_CHECKING:
    import datasets

__all__ = ["MAX_BYTES", "cache_folder", "clear_cache", "find", "keep", "move_in", "workspace"]

MAX_BYTES = 8 * 2**30

_PREFIX = "tmp-"
_logger = logging.getLogger("bilstm_tagger.data")


def clear_cache() -> int:
    """Deletes all cached rows and states of language models, and returns how many files they were.

    Those in use stay readable where the system allows deleting an open file; those that are being written stay.
    """
    removed = 0
    for path in _cached(cache_folder()):
        with suppress(OSError):
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
            removed += 1
    _remove_abandoned(cache_folder())
    return removed


def find(key: str) -> datasets.Dataset | None:
    """Returns the cached rows of that key, memory-mapped, or None; says again what was mended when they were read."""
    path = cache_folder() / f"{key}.arrow"
    if not path.is_file():
        return None
    import datasets

    # A damaged or just deleted file is no cached file.
    with suppress(OSError, ValueError):
        dataset = datasets.Dataset.from_file(str(path))
        messages = path.with_suffix(".json")
        if messages.is_file():
            for message in json.loads(messages.read_text(encoding="utf-8")):
                _logger.warning("%s", message)
        with suppress(OSError):
            os.utime(path)
        return dataset
    return None


@contextmanager
def workspace() -> Iterator[Path]:
    """Gives a folder inside the cache folder, deleted at the end, or by the next process where this one is killed.

    Raises:
        OSError: The cache folder cannot be written.
    """
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    place = Path(tempfile.mkdtemp(dir=folder, prefix="new-"))
    try:
        with lock_folder(place):
            # Locked before others can find it.
            place = place.rename(folder / f"{_PREFIX}{place.name}")
            yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def move_in(file: Path, name: str) -> Path:
    """Moves a finished file from a workspace into the cache, and returns its place.

    Raises:
        OSError: The cache folder cannot be written.
    """
    target = cache_folder() / name
    os.replace(file, target)
    _prune(target)
    return target


def keep(rows: Path, key: str, messages: list[str]) -> datasets.Dataset:
    """Moves finished rows into the cache and opens them.

    Args:
        rows: An Arrow file in a workspace.
        key: Its name from now on.
        messages: What was mended, to be said again whenever the rows are used.

    Raises:
        OSError: The cache folder cannot be written.
    """
    import datasets

    if messages:
        note = rows.with_suffix(".json")
        note.write_text(json.dumps(messages, ensure_ascii=False), encoding="utf-8")
        os.replace(note, cache_folder() / f"{key}.json")
    return datasets.Dataset.from_file(str(move_in(rows, f"{key}.arrow")))


def _prune(newest: Path) -> None:
    """Deletes what was not used for longest until the files together take at most ``MAX_BYTES``."""
    sizes: dict[Path, tuple[float, int]] = {}
    for path in _cached(newest.parent):
        with suppress(OSError):
            status = path.stat()
            sizes[path] = status.st_mtime, status.st_size
    total = sum(size for _, size in sizes.values())
    for path, (_, size) in sorted(sizes.items(), key=lambda item: item[1]):
        if total <= MAX_BYTES:
            break
        if path != newest:
            with suppress(OSError):
                path.unlink()
                path.with_suffix(".json").unlink(missing_ok=True)
                total -= size


def _remove_abandoned(folder: Path) -> None:
    """Deletes the workspaces of processes that were killed."""
    for workspace in _files(folder, f"{_PREFIX}*"):
        if _is_abandoned(workspace):
            shutil.rmtree(workspace, ignore_errors=True)


def _is_abandoned(workspace: Path) -> bool:
    """Whether nobody holds a workspace's lock; no, where there are no locks."""
    try:
        with lock_folder(workspace) as held:
            return held
    except OSError:
        return False


def _cached(folder: Path) -> list[Path]:
    return [*_files(folder, "*.arrow"), *_files(folder, "lm-*")]


def _files(folder: Path, pattern: str) -> list[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else []
