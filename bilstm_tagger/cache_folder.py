"""Where things that can be made again are kept between runs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

__all__ = ["cache_folder"]


def cache_folder() -> Path:
    """Returns the cache folder, which need not exist yet.

    It is ``$BILSTM_TAGGER_CACHE``; or ``bilstm-tagger`` in ``$XDG_CACHE_HOME``, in ``~/.cache``, or, for a user
    without a home, in the folder of temporary files.
    """
    if chosen := os.environ.get("BILSTM_TAGGER_CACHE"):
        return Path(chosen).expanduser()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "bilstm-tagger"
    try:
        return Path.home() / ".cache" / "bilstm-tagger"
    except RuntimeError:
        return Path(tempfile.gettempdir()) / "bilstm-tagger"
