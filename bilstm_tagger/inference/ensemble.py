"""Several models that tag together, and their folder: ``ensemble.json`` beside a model folder for each member."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import bilstm_tagger
from bilstm_tagger.errors import ModelError
from bilstm_tagger.inference.model import Model, replace_all
from bilstm_tagger.inference.scorer import MixedScorer, NetworkScorer, Scorer

__all__ = ["check_members", "load_models", "make_scorer", "save_ensemble"]

_NAME = "ensemble.json"
_FORMAT_VERSION = 1
_MEMBER = re.compile(r"member-[0-9]+")


def make_scorer(models: Sequence[Model]) -> Scorer:
    """Returns what scores with one model, or with the mean of several."""
    scorers = [NetworkScorer(model.network, model.vocabulary) for model in models]
    return scorers[0] if len(scorers) == 1 else MixedScorer(scorers)


def check_members(models: Sequence[Model]) -> None:
    """Makes sure that models can tag together: the same task and tags, read from the same tokens.

    Words, characters, vectors, sizes and kinds of layers may differ.

    Raises:
        ModelError: They cannot, or there are none.
    """
    if not models:
        raise ModelError("an ensemble needs at least one model")
    first = _must_agree(models[0])
    for number, model in enumerate(models[1:], start=2):
        for name, value in _must_agree(model).items():
            if value != first[name]:
                raise ModelError(
                    f"the models cannot tag together: model {number} has another {name}",
                    received=value,
                    accepted=str(first[name]),
                )


def _must_agree(model: Model) -> dict[str, Any]:
    sizes = model.network.sizes
    return {
        "task": model.config.task,
        "tag set": model.vocabulary.tags,
        "scheme": str(model.vocabulary.scheme),
        "crf.constraints": sizes.constraints,
        "crf.decoding": model.config.decoding,
        "tokenizer": model.splitter.kind,
        "number of dense columns": sizes.dense_size,
        "set of computed columns": model.vocabulary.computed,
    }


def save_ensemble(models: Sequence[Model], folder: Path) -> None:
    """Writes a folder that holds the members; ``ensemble.json``, which makes it an ensemble, comes after them.

    Further members of the ensemble that the folder held before are deleted.

    Raises:
        ModelError: The folder is a model's.
    """
    if (folder / "config.json").exists():
        raise ModelError(f"{folder} holds a model, which an ensemble would hide", hint="Give another folder")
    earlier = _earlier_members(folder)
    names = [f"member-{number}" for number in range(1, len(models) + 1)]
    for name, model in zip(names, models, strict=True):
        model.save(folder / name)
    values = {
        "format_version": _FORMAT_VERSION,
        "library": "bilstm-tagger",
        "library_version": bilstm_tagger.__version__,
        "task": models[0].config.task,
        "members": names,
    }
    text = json.dumps(values, indent=2) + "\n"
    replace_all(folder, {_NAME: lambda path: path.write_text(text, encoding="utf-8")})
    for name in set(earlier) - set(names):
        shutil.rmtree(folder / name)


def _earlier_members(folder: Path) -> list[str]:
    """Returns the members of the ensemble in a folder that are there, under the names that ``save_ensemble`` gives."""
    try:
        names = _read_members(folder)
    except ModelError:
        return []
    return [name for name in names if _MEMBER.fullmatch(name) and (folder / name / "config.json").is_file()]


def load_models(folder: Path, *, device: str | torch.device = "cpu") -> list[Model]:
    """Reads a model folder, or all members of an ensemble's.

    Raises:
        ModelError: As ``Model.load`` does, or ``ensemble.json`` is damaged or of another format version.
    """
    if not (folder / _NAME).is_file() or (folder / "config.json").is_file():
        return [Model.load(folder, device=device)]
    return [Model.load(folder / name, device=device) for name in _read_members(folder)]


def _read_members(folder: Path) -> list[str]:
    """Returns the names of an ensemble's members.

    Raises:
        ModelError: ``ensemble.json`` is missing, damaged or of another format version.
    """
    path = folder / _NAME
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        version, names = values["format_version"], [str(name) for name in values["members"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is damaged: {type(error).__name__}") from None
    if version != _FORMAT_VERSION:
        raise ModelError(
            f"{folder} has another format version",
            received=version,
            accepted=str(_FORMAT_VERSION),
            hint="Install a release of bilstm-tagger that reads it",
        )
    return names
