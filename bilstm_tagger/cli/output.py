"""Files that appear whole or not at all, and the console on standard error."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from bilstm_tagger.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["SOME_SKIPPED", "end_with_skipped", "replacing", "stderr_console"]

SOME_SKIPPED = 1
"""Exit code when all was done but what --skip-invalid left out."""


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Opens a new UTF-8 file that takes the name ``path`` when the block ends, and vanishes when it fails.

    Raises:
        InputError: The folder of ``path`` does not exist, or ``path`` is a folder.
    """
    if path.is_dir() or not path.parent.is_dir():
        problem = "the output is a folder" if path.is_dir() else "the output's folder does not exist"
        raise InputError(problem, received=str(path), accepted="a file name in an existing folder")
    if path.exists() and not path.is_file():
        # A pipe or a device such as /dev/null is written to; a rename would put a plain file in its place.
        with path.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with open(descriptor, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.chmod(temporary, _mode(path))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """The mode that ``open`` would leave; a temporary file is its owner's alone."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def stderr_console(*, quiet: bool = False) -> Console:
    """A console on standard error: progress and notes, so that standard output holds results alone."""
    from rich.console import Console

    return Console(stderr=True, quiet=quiet)


def end_with_skipped(reasons: Sequence[str]) -> None:
    """Lists what --skip-invalid left out, and ends the command with its exit code; goes on where that is nothing."""
    if not reasons:
        return
    typer.echo(f"Skipped, as they cannot be used: {len(reasons):,}", err=True)
    for reason in reasons:
        typer.echo(f"  {reason}", err=True)
    raise typer.Exit(SOME_SKIPPED)
