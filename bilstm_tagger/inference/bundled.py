"""Models that come with the package: what works right after installation."""

from __future__ import annotations

from pathlib import Path

__all__ = ["bundled_folder", "bundled_names"]

_FOLDER = Path(__file__).parent / "models"


def bundled_names() -> tuple[str, ...]:
    """Returns the names that ``Tagger.from_pretrained`` knows without a file or a network."""
    return tuple(sorted(path.name for path in _FOLDER.iterdir() if path.is_dir())) if _FOLDER.is_dir() else ()


def bundled_folder(name: str) -> Path | None:
    """Returns the folder of a bundled model, or None when there is none of that name."""
    return _FOLDER / name if name in bundled_names() else None
