"""Locks of folders, which leave no file and which the system drops when a process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["lock_folder"]


@contextmanager
def lock_folder(folder: Path) -> Iterator[bool]:
    """Holds the lock of a folder that is there, under whatever name it has later.

    Yields:
        Whether there is a lock: Windows and some network disks have none.

    Raises:
        BlockingIOError: Another process holds it.
        OSError: There is no such folder.
    """
    if sys.platform == "win32":
        yield False
        return
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        held = True
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError:
            held = False
        if not _is(folder, descriptor):
            raise BlockingIOError(f"another process has just removed {folder}")
        yield held
    finally:
        os.close(descriptor)


def _is(folder: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
