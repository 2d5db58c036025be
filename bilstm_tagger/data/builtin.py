"""The samples that lie inside the package; their licences and authors stand in ``samples/NAME/README.txt``."""

from __future__ import annotations

import importlib.resources
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from bilstm_tagger.errors import DataError, suggest
from bilstm_tagger.tasks.base import Task

__all__ = ["BUILTINS", "Builtin", "builtin_names", "open_builtin", "parse_builtin"]

SPLITS = {
    "train": "train",
    "dev": "dev",
    "valid": "dev",
    "validation": "dev",
    "val": "dev",
    "testa": "dev",
    "test": "test",
    "testb": "test",
}


@dataclass(frozen=True)
class Builtin:
    """One sample.

    Attributes:
        kind: The kind of task that it is for.
        format: Its format.
        files: File names, ``{split}`` replaced: the rows, and for FASTA the labels and the mask.
        states: The labels that it has, for proteins.
        options: Reader options that it needs.
    """

    kind: Literal["spans", "tokens", "residues"]
    format: str
    files: tuple[str, ...]
    states: str = ""
    options: dict[str, str] = field(default_factory=dict)


BUILTINS = {
    "wnut17": Builtin("spans", "conll", ("{split}.conll.xz",)),
    "ewt": Builtin("tokens", "conllu", ("{split}.conllu.xz",)),
    "flip": Builtin("residues", "fasta", ("sequences.fasta.xz", "labels.fasta.xz", "mask.fasta.xz"), states="CEH"),
    "cb6133": Builtin("residues", "csv", ("{split}.csv.xz",), states="BCEGHIST"),
}


def builtin_names() -> tuple[str, ...]:
    """Returns the names of the samples; ``builtin:NAME/train`` (``dev``, ``test``) is a source."""
    return tuple(BUILTINS)


def parse_builtin(source: str, split: str) -> tuple[str, str]:
    """Reads ``builtin:NAME`` or ``builtin:NAME/SPLIT``; the split may also be called validation or the like.

    Raises:
        DataError: There is no such sample or split.
    """
    name, _, part = source.removeprefix("builtin:").partition("/")
    if name not in BUILTINS:
        raise DataError("no such built-in sample", received=name, accepted=BUILTINS, hint=suggest(name, BUILTINS))
    part = part or split
    if part not in SPLITS:
        raise DataError(
            f"no such split of builtin:{name}", received=part, accepted="train, dev, test", hint=suggest(part, SPLITS)
        )
    return name, SPLITS[part]


def open_builtin(name: str, split: str, task: Task, stack: ExitStack) -> list[Path]:
    """Returns the files of a sample, which stay there until ``stack`` is closed.

    Raises:
        DataError: The sample is for another kind of task.
    """
    sample = BUILTINS[name]
    if sample.kind != task.kind or (sample.states and not set(task.tags or ()) <= set(sample.states)):
        fitting = [f"builtin:{other}" for other, it in BUILTINS.items() if it.kind == task.kind]
        if task.kind == "residues":
            fitting = [f"builtin:{other}" for other, it in BUILTINS.items() if set(task.tags or ()) <= set(it.states)]
        raise DataError(f"builtin:{name} has no labels for the task '{task.name}'", accepted=fitting)
    folder = importlib.resources.files("bilstm_tagger.data") / "samples" / name
    return [
        stack.enter_context(importlib.resources.as_file(folder / file.format(split=split))) for file in sample.files
    ]
