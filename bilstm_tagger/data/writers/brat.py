"""Rows as a folder of BRAT standoff files: ``NAME.txt``, a row a line, and ``NAME.ann`` with its spans.

Source: https://brat.nlplab.org/standoff.html
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from pathlib import Path

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.writers.base import WriteOptions
from bilstm_tagger.data.writers.json import mark_text
from bilstm_tagger.errors import ConfigError, DataError

__all__ = ["write_brat"]

_LINE_END = re.compile("[\n\r]")


def write_brat(records: Iterable[Record], folder: Path, options: WriteOptions) -> None:
    """Writes a pair of files for each document; rows that tell of none are one document, named as the source.

    Raises:
        ConfigError: The task has no spans.
        DataError: A label is one that BRAT cannot hold, or a span has none.
    """
    if options.task.kind != "spans":
        raise ConfigError("BRAT holds spans", received=options.task.name, accepted="a task with spans, such as ner")
    folder.mkdir()
    taken: set[str] = set()
    before = ""
    for document, rows in itertools.groupby(records, key=lambda record: record.document):
        name = _file_name(options.name if document is None else document, taken)
        unordered = name < before
        before = name
        renamed = document is not None and name != document
        with (
            (folder / f"{name}.txt").open("w", encoding="utf-8", newline="\n") as text,
            (folder / f"{name}.ann").open("w", encoding="utf-8", newline="\n") as marks,
        ):
            position = count = 0
            for record in rows:
                marked = mark_text(record, options)
                if renamed:
                    options.lose("the names of documents", record)
                if unordered:
                    options.lose("the order of documents: files are read by their names", record)
                line = _LINE_END.sub(" ", marked.text)
                if line != marked.text:
                    options.lose("line ends inside the text, now blanks", record)
                if marked.spans is None:
                    options.lose("which rows nobody has annotated: their tags read as O", record)
                text.write(line + "\n")
                for start, end, label, first, _ in marked.spans or ():
                    if re.search(r"\s", label):
                        raise DataError(
                            "BRAT cannot hold this label",
                            path=record.path,
                            line=record.line_of(first),
                            received=label,
                            accepted="labels without blanks",
                        )
                    count += 1
                    marks.write(f"T{count}\t{label} {position + start} {position + end}\t{line[start:end]}\n")
                position += len(line) + 1


def _file_name(document: str, taken: set[str]) -> str:
    """Returns a file name for a document that no earlier one has, in upper or lower case."""
    stem = re.sub(r"[^\w.-]+", "_", document).strip("._")[:100] or "document"
    name = next(
        name
        for name in itertools.chain([stem], (f"{stem}-{i}" for i in itertools.count(2)))
        if name.lower() not in taken
    )
    taken.add(name.lower())
    return name
