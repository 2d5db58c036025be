"""Everything that this package raises on purpose.

The tree::

    TaggerError
    ├── ConfigError                a configuration key or value
    ├── DataError                  a data file or data set; carries ``path`` and ``line``
    │   └── UnknownTagError        a tag that training never had
    ├── InputError                 what was given to ``tag``: type, alphabet (also a ``ValueError``)
    ├── ModelError                 a model folder: incomplete, torn, of another format version
    └── MissingDependencyError     an optional package (also an ``ImportError``)

Each message says what was wrong, what was received, what is accepted and how to mend it. The command line
prints it without a traceback and ends with exit code 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "ConfigError",
    "DataError",
    "InputError",
    "MissingDependencyError",
    "ModelError",
    "TaggerError",
    "UnknownTagError",
    "shorten",
    "suggest",
]


class TaggerError(Exception):
    """The root of all errors of this package.

    Args:
        problem: What was wrong, without a full stop.
        received: The offending value; shown with ``repr`` and shortened.
        accepted: What would have been right, as a sentence part or the list of allowed values.
        hint: What to do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        received: object = None,
        accepted: str | Iterable[str] | None = None,
        hint: str | None = None,
    ) -> None:
        parts = [problem if received is None else f"{problem}: got {shorten(received)}"]
        if accepted is not None:
            parts.append(f"Accepted: {accepted if isinstance(accepted, str) else ', '.join(accepted)}")
        if hint is not None:
            parts.append(hint)
        super().__init__(" ".join(part if part.endswith((".", "?")) else f"{part}." for part in parts))


class ConfigError(TaggerError):
    """A configuration key or value is not acceptable."""


class DataError(TaggerError):
    """A data file or data set cannot be read as asked.

    Attributes:
        path: The file (or the data set's name), if known.
        line: The 1-based line number in it, if known.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: str | Path | None = None,
        line: int | None = None,
        received: object = None,
        accepted: str | Iterable[str] | None = None,
        hint: str | None = None,
    ) -> None:
        self.path = path
        self.line = line
        where = "" if path is None else f"{path}: " if line is None else f"{path}:{line}: "
        super().__init__(where + problem, received=received, accepted=accepted, hint=hint)


class UnknownTagError(DataError):
    """A data set holds a tag that the model (or the training data) does not know."""


class InputError(TaggerError, ValueError):
    """What was given to a tagger is not something it can tag."""


class ModelError(TaggerError):
    """A model folder is missing, incomplete, torn, or of a format version that this release cannot read."""


class MissingDependencyError(TaggerError, ImportError):
    """An optional dependency is needed and not installed.

    Args:
        package: The missing package's import name.
        extra: The extra of this package that brings it.
        purpose: What it is needed for.
    """

    def __init__(self, package: str, *, extra: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed",
            hint=f"Install it with: pip install 'bilstm-tagger[{extra}]'",
        )


def suggest(name: str, known: Iterable[str]) -> str | None:
    """Returns ``did you mean 'x'?`` for the known name nearest to ``name``, or None when nothing is near."""
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean '{nearest[0]}'?" if nearest else None


def shorten(value: object, limit: int = 120) -> str:
    """Returns ``repr(value)``, cut in the middle when it is longer than ``limit`` characters."""
    text = repr(value)
    if len(text) <= limit:
        return text
    half = (limit - 5) // 2
    return f"{text[:half]} ... {text[-half:]}"
