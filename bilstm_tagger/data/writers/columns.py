"""Rows as lines of columns: CoNLL, CoNLL-U, CSV.

Each writer takes the rows one at a time, so a stream of any length needs little memory, and counts in
``options.losses`` what its format does not hold. What it writes, the reader of the same name reads back.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple, TextIO

from bilstm_tagger.data.readers.columns import UNKNOWN_STATE, UNKNOWN_TAG
from bilstm_tagger.data.records import Record
from bilstm_tagger.data.writers.base import Cells, Documents, WriteOptions, in_scheme
from bilstm_tagger.errors import ConfigError

__all__ = ["write_conll", "write_conllu", "write_csv", "write_tsv"]

# What ends a line or a column, is cut from a line's ends by the reader, or leaves nothing to see.
_CONLL = r"[\t\n]|\A[ \r\ufeff]|[ \r]\Z|\A\s*\Z|\A-DOCSTART-\Z"
_CONLLU = r"[\t\n]|\r\Z|\A\s*\Z"
_CSV = r"\A\s*\Z"


def write_conll(records: Iterable[Record], stream: TextIO, options: WriteOptions) -> None:
    """Writes ``token TAB tag`` lines, and a blank line after each sentence.

    An unknown tag is ``_``, for residues ``?``. With ``options.comments`` a line ``# sent_id = ...`` keeps the id.
    """
    separator = options.separator or "\t"
    # A space stands for runs of spaces and TABs.
    cells = Cells(f"{re.escape(separator)}|{_CONLL}", "conll", options)
    unknown = UNKNOWN_STATE if options.task.kind == "residues" else UNKNOWN_TAG
    documents = Documents(options)
    for record in records:
        tokens, tags = cells.tokens(record), cells.tags(record, in_scheme(record, options), unknown)
        if documents.begins(record):
            if record.document != str(documents.count):
                options.lose("the names of documents", record)
            stream.write(f"-DOCSTART-{separator}O\n\n")
        if options.comments:
            stream.write(f"# sent_id = {_one_line(record, record.id, options)}\n")
        stream.write("".join([f"{token}{separator}{tag}\n" for token, tag in zip(tokens, tags, strict=True)]))
        stream.write("\n")


def write_conllu(records: Iterable[Record], stream: TextIO, options: WriteOptions) -> None:
    """Writes CoNLL-U: the tags in UPOS, or, for spans, CoNLL-U Plus with the tags in a column of the task's name.

    The text stands in ``# text``, and the words' places in ``SpaceAfter=No`` and in the lines of multi-word tokens:
    words that share their offsets are one such token. Where the reader would not find all offsets again from that,
    the text is left out.
    """
    task = options.task
    if task.kind == "residues":
        raise ConfigError(
            "CoNLL-U is for words", received=task.name, accepted="fasta, csv, jsonl or conll for proteins"
        )
    row = "{}\t{}\t_\t{}\t_\t_\t_\t_\t_\t{}\n"
    if task.kind == "spans":
        row = "{}\t{}\t{}\t{}\n"
        stream.write(f"# global.columns = ID FORM {task.name.upper()} MISC\n")
    cells = Cells(_CONLLU, "conllu", options)
    documents = Documents(options)
    for record in records:
        tokens, tags = cells.tokens(record), cells.tags(record, in_scheme(record, options), UNKNOWN_TAG)
        lines = []
        if documents.begins(record):
            lines.append(f"# newdoc id = {_one_line(record, record.document or '', options)}\n")
        lines.append(f"# sent_id = {_one_line(record, record.id, options)}\n")
        units = _units(record, tokens)
        if units is not None:
            lines.append(f"# text = {record.text}\n")
        elif record.text is not None:
            options.lose("offsets that words in a row of text do not give, and with them the text", record)
        for unit in units or [_Unit(i, i + 1, token, False) for i, token in enumerate(tokens)]:
            misc = "SpaceAfter=No" if unit.glued else "_"
            if unit.end - unit.start > 1:
                lines.append(row.format(f"{unit.start + 1}-{unit.end}", unit.form, UNKNOWN_TAG, misc))
                misc = "_"
            for i in range(unit.start, unit.end):
                lines.append(row.format(i + 1, tokens[i], tags[i], misc))
        stream.write("".join(lines) + "\n")


class _Unit(NamedTuple):
    """What stands in the text: one word, or the words ``[start, end)`` of a multi-word token."""

    start: int
    end: int
    form: str
    glued: bool


def _units(record: Record, tokens: list[str]) -> list[_Unit] | None:
    """Returns what stands in the text, or None where the text and these forms do not give the offsets back."""
    text, offsets = record.text, record.offsets
    if not text or offsets is None or text != text.strip() or set("\n\r") & set(text):
        return None
    units: list[_Unit] = []
    position = 0
    for (start, end), group in itertools.groupby(range(len(tokens)), key=lambda i: tuple(offsets[i])):
        words = list(group)
        form = text[start:end]
        spelled = len(words) == 1 and form == tokens[words[0]]
        shared = len(words) > 1 and form != "".join(tokens[i] for i in words)
        if text[position:start].strip() or start < position or not (spelled or shared):
            return None
        if not form or form[0].isspace() or set("\t\n") & set(form):
            return None
        if units and start > position:
            units[-1] = units[-1]._replace(glued=False)
        units.append(_Unit(words[0], words[-1] + 1, form, True))
        position = end
    if position != len(text):
        return None
    return [*units[:-1], units[-1]._replace(glued=False)]


def write_csv(records: Iterable[Record], stream: TextIO, options: WriteOptions) -> None:
    """Writes a word a line with its sentence's id and its tag; for proteins a chain a line with states and mask.

    An unknown tag is an empty field. A sentence without an id of its own, different from its neighbours', gets its
    number.
    """
    line = _CsvLines(options.separator or ",")
    if options.task.kind == "residues":
        stream.write(line("id", "sequence", "labels", *(["mask"] if options.unknown else [])))
        for record in records:
            states = "".join(tag or "C" for tag in record.tags)
            mask = ["".join("0" if tag is None else "1" for tag in record.tags)] if options.unknown else []
            stream.write(line(record.id, "".join(record.tokens), states, *mask))
        return
    cells = Cells(_CSV, "csv", options, bad_tag=r"\A\s|\s\Z|\A\Z")
    stream.write(line("sentence", "word", "tags"))
    previous = ""
    for number, record in enumerate(records, start=1):
        name = record.id.strip()
        if name != record.id or name in ("", previous):
            options.lose("ids that are empty, or those of the sentence before", record)
            name = str(number) if str(number) != previous else f"{number}-2"
        previous = name
        words, tags = cells.tokens(record), in_scheme(record, options)
        stream.write("".join(line(name, word, tag or "") for word, tag in zip(words, tags, strict=True)))


def write_tsv(records: Iterable[Record], stream: TextIO, options: WriteOptions) -> None:
    """Writes as :func:`write_csv` does, with TABs."""
    write_csv(records, stream, replace(options, separator=options.separator or "\t"))


class _CsvLines:
    """Makes lines of CSV: fields in quotes where they hold the delimiter, a quote or a line's end."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter
        self._special = re.compile(f'[{re.escape(delimiter)}"\r\n]')

    def __call__(self, *fields: str) -> str:
        quoted = ['"' + field.replace('"', '""') + '"' if self._special.search(field) else field for field in fields]
        return self._delimiter.join(quoted) + "\n"


def _one_line(record: Record, name: str, options: WriteOptions) -> str:
    """Returns a name as a comment can hold it."""
    line = " ".join(name.split("\n")).strip()
    if line != name or not line:
        options.lose("white space in names", record)
    return line
