"""The formats by name, and how a file's format is found."""

from __future__ import annotations

import importlib
import itertools
import json
from pathlib import Path

from bilstm_tagger.data.files import is_file, read_lines, stem_suffix
from bilstm_tagger.data.readers.beside import tags_beside
from bilstm_tagger.data.readers.dssp import STRUCTURE_SUFFIXES, is_classic_dssp
from bilstm_tagger.data.readers.fields import tag_fields, token_fields
from bilstm_tagger.data.readers.parallel import takes_turns
from bilstm_tagger.data.readers.sentence_rows import WORD_FIELDS
from bilstm_tagger.data.records import Reader, ReadOptions
from bilstm_tagger.errors import ConfigError, suggest

__all__ = ["find_format", "format_names", "get_reader"]

# The module of each format, with a function read_NAME.
_FORMATS = {
    "conll": "conll",
    "conllu": "conllu",
    "csv": "csv",
    "dssp": "dssp",
    "fasta": "fasta",
    "jsonl": "jsonl",
    "brat": "brat",
    "parallel": "parallel",
    "parquet": "tables",
    "arrow": "tables",
}
_SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".ndjson": "jsonl",
    ".fasta": "fasta",
    ".fa": "fasta",
    ".faa": "fasta",
    ".fas": "fasta",
    ".csv": "csv",
    ".dssp": "dssp",
    ".ann": "brat",
    ".words": "parallel",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    **dict.fromkeys(STRUCTURE_SUFFIXES, "dssp"),
}


def format_names() -> tuple[str, ...]:
    """Returns the names of the formats that can be read."""
    return tuple(_FORMATS)


def get_reader(name: str) -> Reader:
    """Returns the reader of a format.

    Raises:
        ConfigError: There is no such format.
    """
    if name not in _FORMATS:
        raise ConfigError(
            "unknown format", received=name, accepted=("auto", *_FORMATS), hint=suggest(str(name), _FORMATS)
        )
    reader: Reader = getattr(importlib.import_module(f"bilstm_tagger.data.readers.{_FORMATS[name]}"), f"read_{name}")
    return reader


def find_format(path: Path, options: ReadOptions) -> str:
    """Finds a file's format by its name, and by its first lines where the name says too little.

    ``.conllu`` alone is not believed: many column files of three columns carry it.
    """
    known = _SUFFIXES.get(stem_suffix(path))
    if known is not None:
        return known
    if tags_beside(path) is not None:
        return "parallel"
    if stem_suffix(path) == ".txt" and is_file(path.with_suffix(".ann")):
        return "brat"
    start = [line.strip(" \r\n") for line in itertools.islice(read_lines(path), 200)]
    content = [line for line in start if line.strip()]
    if not content:
        return "conll"
    first = content[0]
    if is_classic_dssp(first):
        return "dssp"
    if first.startswith(">") and options.task.kind == "residues":
        return "fasta"
    if first[0] in "{[" and _is_record(first):
        return "jsonl"
    if options.task.kind == "spans" and (options.labels is not None or takes_turns(content)):
        return "parallel"
    names = {name.strip().lower() for name in first.split("\t")}
    words, tags = {*token_fields(options), *WORD_FIELDS, "text"}, {*tag_fields(options), "tag", "word_labels"}
    if stem_suffix(path) == ".tsv" and names & words and names & tags:
        return "csv"
    rows = [line for line in content if not line.startswith("#")]
    universal = rows and len(rows[0].split("\t")) == 10 and (rows[0][:1].isdecimal() or stem_suffix(path) == ".conllu")
    return "conllu" if universal or (first.startswith("# global.columns") and "ID" in first.split()[3:4]) else "conll"


def _is_record(line: str) -> bool:
    """Says whether a line is JSON that can hold a record, or begins an array of such."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return line in ("[", "[{")
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[-1], (dict, list)))
