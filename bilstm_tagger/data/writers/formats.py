"""The formats that rows can be written in, what each of them holds, and how one is found by a file's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bilstm_tagger.data.files import COMPRESSION_SUFFIXES, stem_suffix
from bilstm_tagger.data.records import Record
from bilstm_tagger.data.writers.arrow import write_arrow, write_parquet
from bilstm_tagger.data.writers.base import WriteOptions
from bilstm_tagger.data.writers.brat import write_brat
from bilstm_tagger.data.writers.columns import write_conll, write_conllu, write_csv, write_tsv
from bilstm_tagger.data.writers.fasta import write_fasta
from bilstm_tagger.data.writers.json import write_json, write_jsonl
from bilstm_tagger.errors import ConfigError, suggest

__all__ = ["ROW_FORMATS", "RowFormat", "find_row_format"]


@dataclass(frozen=True, slots=True)
class RowFormat:
    """One format for rows.

    Attributes:
        name: As in ``--to``.
        suffixes: Endings of its files; none for a folder.
        kind: What ``write`` is given: an open text file, an open binary file, or the path of a folder to make.
        holds: Which of ``ids``, ``text`` (with offsets), ``dense``, ``documents`` and ``empty`` (rows without tokens)
            it holds. What else it loses, the writer counts.
        write: Takes the rows (of spans: IOB2), where to write, and the options.
    """

    name: str
    suffixes: tuple[str, ...]
    kind: Literal["text", "binary", "folder"]
    holds: frozenset[str]
    write: Callable[[Iterable[Record], Any, WriteOptions], None]

    def held(self, options: WriteOptions) -> frozenset[str]:
        """Returns what it holds as these options have it written."""
        held = self.holds
        if self.name == "conll" and options.comments:
            held |= {"ids"}
        if self.name in ("jsonl", "json") and options.layout != "tokens":
            held -= {"dense", "empty"}
        if options.task.kind == "residues":
            # A chain is its own text.
            held |= {"text"}
        return held


_ALL = frozenset(["ids", "text", "dense", "documents", "empty"])
_TEXT = frozenset(["ids", "text", "documents"])

_FORMATS = (
    RowFormat(
        "conll", (".conll", ".txt", ".bio", ".iob", ".iob2", ".bmes"), "text", frozenset(["documents"]), write_conll
    ),
    RowFormat("conllu", (".conllu", ".conllup"), "text", _TEXT, write_conllu),
    RowFormat("jsonl", (".jsonl", ".ndjson"), "text", _ALL, write_jsonl),
    RowFormat("json", (".json",), "text", _ALL, write_json),
    RowFormat("csv", (".csv",), "text", frozenset(["ids"]), write_csv),
    RowFormat("tsv", (".tsv",), "text", frozenset(["ids"]), write_tsv),
    RowFormat("parquet", (".parquet",), "binary", _ALL, write_parquet),
    RowFormat("arrow", (".arrow",), "binary", _ALL, write_arrow),
    RowFormat("fasta", (".fasta", ".fa", ".fas", ".faa"), "text", frozenset(["ids"]), write_fasta),
    RowFormat("brat", (), "folder", frozenset(["text", "documents"]), write_brat),
)

ROW_FORMATS: Mapping[str, RowFormat] = {item.name: item for item in _FORMATS}
"""The formats by name."""


def find_row_format(path: Path | None, name: str | None) -> RowFormat:
    """Returns the format of that name, or the one that a file's ending means; a name without an ending is a folder.

    Args:
        path: What will be written; None is standard output.
        name: What was asked for.

    Raises:
        ConfigError: There is no such format or ending, or it cannot be written to that place.
    """
    if name is not None and name not in ROW_FORMATS:
        raise ConfigError(
            "unknown format to write", received=name, accepted=ROW_FORMATS, hint=suggest(name, ROW_FORMATS)
        )
    found = _by_suffix(path) if name is None else ROW_FORMATS[name]
    if path is None and found.kind != "text":
        raise ConfigError(f"{found.name} cannot go to standard output", accepted="a name to write to")
    if found.kind == "binary" and path is not None and path.suffix.lower() in COMPRESSION_SUFFIXES:
        raise ConfigError(
            f"{found.name} files are compressed inside", received=path.name, accepted=f"a name with {found.suffixes[0]}"
        )
    return found


def _by_suffix(path: Path | None) -> RowFormat:
    if path is None:
        return ROW_FORMATS["conll"]
    suffix = stem_suffix(path)
    if not suffix:
        return ROW_FORMATS["brat"]
    for item in _FORMATS:
        if suffix in item.suffixes:
            return item
    endings = [suffix for item in _FORMATS for suffix in item.suffixes]
    raise ConfigError(
        "this ending does not tell the format to write",
        received=path.name,
        accepted=endings,
        hint="Name the format with --to",
    )
