"""Values that several commands read alike."""

from __future__ import annotations

__all__ = ["column"]


def column(text: str | None) -> str | int | None:
    """Reads a column that was given as a number or a name."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return text
