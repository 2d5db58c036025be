"""Reader of CSV: a chain a line with its states, or a word a line with its sentence's name."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from bilstm_tagger.data.fields import ID_FIELDS, MASK_FIELDS, find_field, tag_fields, token_fields
from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.records import UNKNOWN_TOKEN, ReadOptions, Record
from bilstm_tagger.data.residues import clean_sequence
from bilstm_tagger.errors import DataError

__all__ = ["find_delimiter", "read_csv"]

_SENTENCES = ("sentence", "sentence #", "sentence_id", "sent_id", "sentence_idx", "id")
_WORDS = ("word", "token", "words", "tokens", "form")


def find_delimiter(header: str) -> str:
    """Returns the delimiter that a header line holds most often: a comma, a semicolon or a TAB."""
    return max(",;\t", key=header.count)


def read_csv(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads a CSV file with a header; the columns are found by name, or set by ``token_column`` and ``tag_column``.

    For proteins each line is a chain: ``input`` (or sequence, seq) and ``expected`` (or labels, ss3, sst8, dssp ...),
    with ``id`` and a column of 0 and 1 (``mask``) if present. For text each line is a word: ``sentence``, ``word``
    and ``tag``; the sentence's name may stand on its first line only. ``*`` inside a chain (non-standard residues)
    is read as X.

    Raises:
        DataError: There is no such column, a line is too short, or a chain and its states differ in length.
    """
    lines = read_lines(path)
    header = next(lines, "")
    if not header.strip():
        return
    delimiter = {"\\t": "\t", "tab": "\t"}.get(options.separator or "", options.separator) or find_delimiter(header)
    names = next(csv.reader([header], delimiter=delimiter))
    rows = _rows(lines, names, delimiter, path)
    read = _chains if options.task.kind == "residues" else _words
    yield from read(rows, names, path, options)


def _rows(lines: Iterator[str], names: list[str], delimiter: str, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for row in reader:
            if not row:
                continue
            line = reader.line_num + 1
            if len(row) != len(names):
                raise DataError(
                    f"wrong number of columns: {len(row)} instead of {len(names)}",
                    path=path,
                    line=line,
                    received=delimiter.join(row),
                    accepted=f"{len(names)} columns, as the header has",
                )
            yield line, dict(zip(names, row, strict=True))
    except csv.Error as error:
        raise DataError(f"not valid CSV ({error})", path=path, line=reader.line_num + 1) from None


def _chains(
    rows: Iterator[tuple[int, dict[str, str]]], names: list[str], path: Path, options: ReadOptions
) -> Iterator[Record]:
    token = find_field(names, options.token_column, token_fields(options), key="token_column", path=str(path), line=1)
    asked = options.labels if options.tag_column is None else options.tag_column
    tag = mask = None
    if options.require_tags:
        tag = find_field(names, asked, tag_fields(options), key="tag_column", path=str(path), line=1)
        mask = find_field(names, options.mask, MASK_FIELDS, key="mask", path=str(path), line=1, required=False)
    identifier = find_field(names, None, ID_FIELDS, key="id", path=str(path), required=False)
    for count, (line, row) in enumerate(rows, start=1):
        sequence = row[token or ""].strip().removesuffix("*").replace("*", "X")
        chain = clean_sequence(sequence, path=path, line=line)
        name = row[identifier].strip() if identifier else str(count)
        labels: list[str | None] = [None] * len(chain)
        if tag is not None:
            text = row[tag] if len(row[tag]) == len(chain) else row[tag].strip()
            labels = list(text)
            _check_length(len(labels), len(chain), "labels", name, path, line)
        if mask is not None:
            flags = row[mask].replace(",", " ").split()
            flags = list(flags[0]) if len(flags) == 1 and len(chain) > 1 else flags
            _check_length(len(flags), len(chain), "mask values", name, path, line)
            if not {"0", "1", "0.0", "1.0"}.issuperset(flags):
                raise DataError("the mask holds something other than 0 and 1", path=path, line=line, received=row[mask])
            labels = [label if float(flag) else None for label, flag in zip(labels, flags, strict=True)]
        yield Record(name, list(chain), labels, str(path), line)


def _check_length(length: int, residues: int, what: str, name: str, path: Path, line: int) -> None:
    if length != residues:
        raise DataError(
            f"record '{name}' has {residues} residues and {length} {what}",
            path=path,
            line=line,
            accepted="one for each residue",
        )


def _words(
    rows: Iterator[tuple[int, dict[str, str]]], names: list[str], path: Path, options: ReadOptions
) -> Iterator[Record]:
    token = find_field(names, options.token_column, _WORDS, key="token_column", path=str(path), line=1)
    tag = None
    if options.require_tags:
        usual = ("tag", *tag_fields(options)) if options.task.kind == "spans" else (*tag_fields(options), "tag")
        tag = find_field(names, options.tag_column, usual, key="tag_column", path=str(path), line=1)
    sentence = find_field(names, None, _SENTENCES, key="sentence", path=str(path), line=1)
    name = ""
    tokens: list[str] = []
    tags: list[str | None] = []
    lines: list[int] = []
    for line, row in rows:
        new = row[sentence or ""].strip()
        if new and new != name and tokens:
            yield Record(name, tokens, tags, str(path), lines[0], lines)
            tokens, tags, lines = [], [], []
        name = new or name
        word = row[token or ""]
        if not word or word.isspace():
            options.notes.add("empty tokens, read as U+FFFD", f"{path}:{line}")
            word = UNKNOWN_TOKEN
        tokens.append(word)
        tags.append(row[tag].strip() or None if tag is not None else None)
        lines.append(line)
    if tokens:
        yield Record(name, tokens, tags, str(path), lines[0], lines)
