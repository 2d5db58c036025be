"""One search at a time in a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bilstm_tagger.errors import ConfigError

__all__ = ["locked"]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes a folder and holds its lock, which the system drops when the process ends, however it ends.

    Nothing is held on Windows, and where the file system knows no locks.

    Raises:
        ConfigError: Another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "search.lock").open("ab") as file:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"another search is running in {folder}",
                    hint="Wait until it has ended, or give another --output",
                ) from None
            except OSError:
                pass
        yield
