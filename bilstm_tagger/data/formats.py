"""The formats by name, and how a file's format is found."""

from __future__ import annotations

import importlib
import itertools
import json
from pathlib import Path

from bilstm_tagger.data.fields import tag_fields, token_fields
from bilstm_tagger.data.files import read_lines, stem_suffix
from bilstm_tagger.data.records import Reader, ReadOptions
from bilstm_tagger.errors import ConfigError, suggest

__all__ = ["find_format", "format_names", "get_reader"]

# One module a format, named as the format, with a function read_NAME.
_FORMATS = ("conll", "conllu", "csv", "fasta", "jsonl")
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".fasta": "fasta",
    ".fa": "fasta",
    ".faa": "fasta",
    ".fas": "fasta",
    ".csv": "csv",
}


def format_names() -> tuple[str, ...]:
    """Returns the names of the formats that can be read."""
    return _FORMATS


def get_reader(name: str) -> Reader:
    """Returns the reader of a format.

    Raises:
        ConfigError: There is no such format.
    """
    if name not in _FORMATS:
        raise ConfigError(
            "unknown format", received=name, accepted=("auto", *_FORMATS), hint=suggest(str(name), _FORMATS)
        )
    reader: Reader = getattr(importlib.import_module(f"bilstm_tagger.data.{name}"), f"read_{name}")
    return reader


def find_format(path: Path, options: ReadOptions) -> str:
    """Finds a file's format by its name, and by its first lines where the name says too little.

    ``.conllu`` alone is not believed: many column files of three columns carry it.
    """
    known = _SUFFIXES.get(stem_suffix(path))
    if known is not None:
        return known
    start = [line.strip(" \r\n") for line in itertools.islice(read_lines(path), 200)]
    content = [line for line in start if line.strip()]
    if not content:
        return "conll"
    first = content[0]
    if first.startswith(">") and options.task.kind == "residues":
        return "fasta"
    if first.startswith("{") and _is_object(first):
        return "jsonl"
    names = {name.strip().lower() for name in first.split("\t")}
    if stem_suffix(path) == ".tsv" and names & set(token_fields(options)) and names & set(tag_fields(options)):
        return "csv"
    rows = [line for line in content if not line.startswith("#")]
    universal = rows and len(rows[0].split("\t")) == 10 and rows[0][:1].isdecimal()
    return "conllu" if universal or first.startswith("# global.columns") else "conll"


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except json.JSONDecodeError:
        return False
