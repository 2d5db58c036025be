"""Where a model of some name is: a folder, inside the package, or on the hub."""

from __future__ import annotations

import re
from pathlib import Path

from bilstm_tagger.errors import ModelError
from bilstm_tagger.inference.bundled import bundled_folder, bundled_names

__all__ = ["find_folder"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def find_folder(name: str | Path) -> Path:
    """Returns the folder of a model, fetched from the hub where it has to be.

    Raises:
        ModelError: The hub has no such model.
    """
    folder = Path(name)
    if not folder.exists():
        folder = bundled_folder(str(name)) or folder
    # "runs/nmaes" is a mistyped folder when there is a folder "runs": the network is left alone.
    if not folder.exists() and not folder.parent.is_dir() and _HUB_ID.fullmatch(str(name)):
        return _download(str(name))
    return folder


def _download(repository: str) -> Path:
    """Fetches a model from the hub into its cache; returns the folder."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, allow_patterns=["*.json", "*.safetensors", "*.md"]))
    except Exception as error:  # the hub's client raises many kinds, the transport's among them
        raise ModelError(
            f"no folder '{repository}', and no model of that name on the hub: {type(error).__name__}",
            accepted=f"a model folder, a bundled model ({', '.join(bundled_names())}), or a hub id owner/name",
            hint="Train one with: bilstm-tagger train CONFIG.toml",
        ) from None
