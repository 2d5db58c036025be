"""Hashes by which a run knows whether it is still the same one: of its data, and of all else that it begins with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bilstm_tagger.config import Config
from bilstm_tagger.features.encoding import EncodedRows
from bilstm_tagger.features.vectors import vector_files
from bilstm_tagger.inference.find import find_folder

__all__ = ["data_fingerprint", "source_fingerprints"]

_BLOCK = 1 << 20
# What a model, an ensemble and a language model are made of; scores, cards and histories change nothing.
_MODEL_FILES = ("config.json", "ensemble.json", "lm.json", "tokenizer.json", "vocab.json")
_WEIGHTS = "*.safetensors"


def source_fingerprints(config: Config) -> dict[str, str]:
    """Returns a hash of what each key names outside the data section: models, vectors, lists of names.

    Raises:
        ModelError: A model that is fetched from the hub is not there. What is missing on this machine has a hash
            like any other: whoever reads it says so.
    """
    found: dict[str, str] = {}
    models = {
        "training.start": config.training.start,
        "distill.teacher": config.distill.teacher,
        "lm.model": config.lm.model,
    }
    for key, names in models.items():
        if names:
            found[key] = _hash(f for name in _listed(names) for f in _model_files(find_folder(name)))
    if config.word.vectors and config.word.size:
        found["word.vectors"] = _hash(f for name in _listed(config.word.vectors) for f in vector_files(name))
    if config.gazetteer.files:
        found["gazetteer.files"] = _hash(map(Path, config.gazetteer.files))
    return found


def data_fingerprint(rows: EncodedRows) -> str:
    """Returns a hash of encoded rows: words, characters, tags, dense columns.

    What models say of them is left out: it follows from the rows and the models, whose own hashes are compared, and its
    last digits differ between processors.
    """
    digest = hashlib.blake2b(digest_size=16)
    arrays = (
        rows.offsets,
        rows.forms,
        rows.table.words,
        rows.table.chars,
        rows.table.shapes,
        rows.tags,
        rows.dense,
    )
    for array in arrays:
        digest.update(b"none" if array is None else str(array.shape).encode())
        if array is not None:
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _listed(names: str | list[str]) -> list[str]:
    return [names] if isinstance(names, str) else names


def _model_files(folder: Path) -> list[Path]:
    """Returns the files that a model, an ensemble or a language model is made of, in a fixed order."""
    places = [folder, *sorted(folder.glob("member-*"))]
    return [file for place in places for name in (*_MODEL_FILES, _WEIGHTS) for file in sorted(place.glob(name))]


def _hash(files: Iterable[Path]) -> str:
    """Returns a hash of names and contents."""
    digest = hashlib.blake2b(digest_size=16)
    for file in files:
        digest.update(file.name.encode())
        try:
            with file.open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
        except OSError:
            digest.update(b"(missing)")
    return digest.hexdigest()
