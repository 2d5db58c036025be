"""Reader of CSV: a chain a line with its states, or a word a line with its sentence's name."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.proteins.residues import clean_sequence
from bilstm_tagger.data.readers.fields import ID_FIELDS, MASK_FIELDS, find_field, tag_fields, token_fields
from bilstm_tagger.data.readers.label_names import LabelNames
from bilstm_tagger.data.readers.sentence_rows import WORD_FIELDS, hold_sentences, read_sentences
from bilstm_tagger.data.records import UNKNOWN_TOKEN, ReadOptions, Record
from bilstm_tagger.errors import ConfigError, DataError

__all__ = ["find_delimiter", "read_csv", "read_words"]

_SENTENCES = ("sentence", "sentence #", "sentence_id", "sent_id", "sentence_idx", "id")
_SAMPLE_LINES = 1000
_PROBED_ROWS = 20
_LONGEST_FIELD = 1 << 24


def find_delimiter(header: str) -> str:
    """Returns the delimiter that a header line holds most often: a comma, a semicolon or a TAB."""
    return max(",;\t", key=header.count)


def read_csv(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads a CSV file with a header; the columns are found by name, or set by ``token_column`` and ``tag_column``.

    For proteins each line is a chain: ``input`` (or sequence, seq) and ``expected`` (or labels, ss3, sst8, dssp ...),
    with ``id`` and a column of 0 and 1 (``mask``) if present. For text each line is a word: ``sentence``, ``word``
    and ``tag``; the sentence's name may stand on its first line only. Or each line is a sentence with its tags, see
    :mod:`bilstm_tagger.data.readers.sentence_rows`. ``*`` inside a chain (non-standard residues) is read as X.

    Raises:
        DataError: There is no such column, a line is too short, or a chain and its states differ in length.
    """
    lines = read_lines(path)
    header, above = next(lines, ""), 0
    while header and not header.strip():
        header, above = next(lines, ""), above + 1
    if not header:
        return
    delimiter = {"\\t": "\t", "tab": "\t"}.get(options.separator or "", options.separator) or find_delimiter(header)
    if len(delimiter) != 1:
        raise ConfigError("CSV has a separator of one character", received=delimiter, accepted=r", ; | \t")
    sample = list(itertools.islice(lines, _SAMPLE_LINES))
    # In TAB-separated text a quotation mark is mostly a word.
    quoting: Literal[0, 3] = (
        csv.QUOTE_NONE if delimiter == "\t" and not _is_quoted(header, sample) else csv.QUOTE_MINIMAL
    )
    try:
        names = next(csv.reader([header.rstrip("\r\n")], delimiter=delimiter, quoting=quoting))
    except csv.Error as error:
        raise DataError(f"not valid CSV ({error})", path=path, line=above + 1) from None
    twice = next((name for name, count in Counter(names).items() if count > 1 and name.strip()), None)
    if twice is not None:
        raise DataError("two columns have one name", path=path, line=above + 1, received=twice)
    rows = _rows(itertools.chain(sample, lines), names, delimiter, quoting, path, above + 1)
    if options.task.kind == "residues":
        yield from _chains(((line, row) for line, row in rows if row), names, path, options)
    else:
        probed = list(itertools.islice(rows, _PROBED_ROWS))
        rows = itertools.chain(probed, rows)
        if hold_sentences(names, [row for _, row in probed], options):
            yield from read_sentences(rows, names, str(path), options, LabelNames(path))
        else:
            yield from read_words(rows, names, str(path), options)


def _is_quoted(header: str, lines: Sequence[str]) -> bool:
    """Says whether quotation marks around TAB-separated fields leave each row as many fields as the header."""
    try:
        rows = [row for row in csv.reader([header, *lines], delimiter="\t", strict=True) if row]
    except csv.Error:
        return False
    return all(len(row) == len(rows[0]) for row in rows)


def _rows(
    lines: Iterator[str], names: list[str], delimiter: str, quoting: Literal[0, 3], path: Path, above: int
) -> Iterator[tuple[int, dict[str, str]]]:
    # Strict: a quotation mark that nothing closes would swallow all lines after it.
    reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    # One setting for the whole process: long sentences in one field need more than what Python begins with.
    csv.field_size_limit(max(csv.field_size_limit(), _LONGEST_FIELD))
    try:
        for row in reader:
            line = reader.line_num + above
            if not row or not any(map(str.strip, row)):
                yield line, {}
                continue
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
        raise DataError(f"not valid CSV ({error})", path=path, line=reader.line_num + above) from None


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
        name = row[identifier].strip() if identifier else str(count)
        fields = row[token or ""], None if tag is None else row[tag], None if mask is None else row[mask]
        try:
            record = _chain(name, *fields, path, line)
        except DataError as error:
            options.refuse(error)
            continue
        yield record


def _chain(name: str, sequence: str, states: str | None, mask: str | None, path: Path, line: int) -> Record:
    """Makes a record of the fields of one line."""
    chain = clean_sequence(sequence, path=path, line=line)
    labels: list[str | None] = [None] * len(chain)
    if states is not None:
        labels = list(states if len(states) == len(chain) else states.strip())
        _check_length(len(labels), len(chain), "labels", name, path, line)
    if mask is not None:
        flags = mask.replace(",", " ").split()
        flags = list(flags[0]) if len(flags) == 1 and len(chain) > 1 else flags
        _check_length(len(flags), len(chain), "mask values", name, path, line)
        if not {"0", "1", "0.0", "1.0"}.issuperset(flags):
            raise DataError("the mask holds something other than 0 and 1", path=path, line=line, received=mask)
        labels = [label if float(flag) else None for label, flag in zip(labels, flags, strict=True)]
    return Record(name, list(chain), labels, str(path), line)


def _check_length(length: int, residues: int, what: str, name: str, path: Path, line: int) -> None:
    if length != residues:
        raise DataError(
            f"record '{name}' has {residues} residues and {length} {what}",
            path=path,
            line=line,
            accepted="one for each residue",
        )


def read_words(
    rows: Iterator[tuple[int, Mapping[str, str]]], names: list[str], path: str, options: ReadOptions
) -> Iterator[Record]:
    """Reads rows of a word with its tag and, by name, its sentence; without that column empty rows end sentences.

    Args:
        rows: The line of each row, and its cells by name; an empty row has no cells.
        names: The names of the columns.
        path: The source, for messages.
        options: How to read them.

    Raises:
        DataError: There is no column of words or of tags.
    """
    where: dict[str, Any] = {"path": path, "line": 1}
    token = find_field(names, options.token_column, WORD_FIELDS, key="token_column", **where)
    tag = None
    if options.require_tags:
        usual = ("tag", *tag_fields(options)) if options.task.kind == "spans" else (*tag_fields(options), "tag")
        tag = find_field(names, options.tag_column, usual, key="tag_column", **where)
    sentence = find_field(names, None, _SENTENCES, key="sentence", required=False, **where)
    options.notes.unread |= {
        f"column {column}": f"{path}:1" for column in names if column.strip() and column not in (token, tag, sentence)
    }
    name = ""
    count = 0
    tokens: list[str] = []
    tags: list[str | None] = []
    lines: list[int] = []
    for line, row in rows:
        new = row.get(sentence or "", "").strip()
        if tokens and ((new and new != name) or (not row and sentence is None)):
            count += 1
            yield Record(name or str(count), tokens, tags, path, lines[0], lines)
            tokens, tags, lines = [], [], []
        name = new or name
        if not row:
            continue
        word = row[token or ""]
        if "\n" in word:
            raise DataError(
                "a line break inside a word",
                path=path,
                line=line,
                received=word,
                hint="Perhaps a quotation mark before it is not closed; a mark inside quotes is written twice",
            )
        if not word or word.isspace():
            options.notes.add("empty tokens, read as U+FFFD", f"{path}:{line}")
            word = UNKNOWN_TOKEN
        tokens.append(word)
        tags.append(row[tag].strip() or None if tag is not None else None)
        lines.append(line)
    if tokens:
        yield Record(name or str(count + 1), tokens, tags, path, lines[0], lines)
