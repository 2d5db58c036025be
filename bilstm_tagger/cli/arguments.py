"""Values that several commands read alike."""

from __future__ import annotations

from bilstm_tagger.errors import ConfigError

__all__ = ["column", "seed_numbers"]


def column(text: str | None) -> str | int | None:
    """Reads a column that was given as a number or a name."""
    try:
        return None if text is None else int(text)
    except ValueError:
        return text


def seed_numbers(text: str) -> list[int]:
    """Reads ``1,2,3``."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise ConfigError("--seeds takes numbers", received=text, accepted="--seeds 1,2,3")
    return list(map(int, parts))
