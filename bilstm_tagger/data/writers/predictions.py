"""Tagged sequences as text: CoNLL, JSONL, a table for the eye, FASTA with labels, PSIPRED's ``.ss2`` and ``.horiz``.

Sequences are written one at a time, so a stream of any length needs little memory. In one stream the ``.ss2`` or
``.horiz`` of several chains follow one another, each with its header, in input order; those formats hold no ids, and
their readers expect one chain a file, which `write_folder` gives.

Nothing in a token or an id can break the lines: control characters and line breaks are replaced, also blanks in
CoNLL tokens. JSONL alone keeps every character.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from bilstm_tagger.data.writers import proteins as protein_writers
from bilstm_tagger.errors import ConfigError, DataError, suggest
from bilstm_tagger.tasks import Task, get_task
from bilstm_tagger.types import TaggedSequence

__all__ = ["OUTPUT_FORMATS", "OutputFormat", "json_line", "write", "write_folder"]

# What ends a line or moves the cursor for some reader: C0 and C1 controls, line and paragraph separators; surrogates
# cannot be encoded at all.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One way to write tagged sequences.

    Attributes:
        name: As in ``--output-format``.
        suffix: Ending of its files, with the dot.
        title: What it is, in a few words.
        render: Takes a sequence, its number (from 1) and the task's kind if known; returns whole lines.
        heading: What stands once before the first sequence of a file.
    """

    name: str
    suffix: str
    title: str
    render: Callable[[TaggedSequence, int, str | None], str]
    heading: Callable[[TaggedSequence], str] | None = None


def write(
    docs: Iterable[TaggedSequence], stream: TextIO, *, format: str = "conll", task: str | Task | None = None
) -> int:
    """Writes tagged sequences, one after the other, as they come.

    Args:
        docs: The sequences; read once.
        stream: An open text file. Opened as UTF-8 with ``newline=""`` it has the same bytes on every system.
        format: A name in ``OUTPUT_FORMATS``.
        task: The task that the tags belong to. It says which formats there are, and how the table looks.

    Returns:
        How many sequences were written.

    Raises:
        ConfigError: There is no such format or task, or the task does not have this format.
        InputError: A sequence cannot be written in this format, such as ``ss2`` without probabilities.
    """
    chosen, kind = _choose(format, task)
    number = 0
    for number, doc in enumerate(docs, start=1):
        if number == 1 and chosen.heading is not None:
            stream.write(chosen.heading(doc))
        stream.write(chosen.render(doc, number, kind))
    return number


def write_folder(
    docs: Iterable[TaggedSequence], folder: str | Path, *, format: str, task: str | Task | None = None
) -> list[Path]:
    """Writes each sequence to a file of its own, named by its id, or ``sequence_N`` where it has none.

    Args:
        docs: The sequences; read once.
        folder: Made if it is not there. Files of the same names are replaced, each in one step.
        format: A name in ``OUTPUT_FORMATS``.
        task: As for `write`.

    Returns:
        The files, in input order.

    Raises:
        ConfigError: As for `write`.
        InputError: As for `write`.
        DataError: A file cannot be written.
    """
    chosen, kind = _choose(format, task)
    folder = Path(folder)
    paths: list[Path] = []
    taken: set[str] = set()
    for number, doc in enumerate(docs, start=1):
        path = folder / (_file_name(doc, number, taken) + chosen.suffix)
        heading = "" if chosen.heading is None else chosen.heading(doc)
        text = heading + chosen.render(doc, number, kind)
        partial = path.with_name(path.name + ".partial")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8", newline="\n")
            os.replace(partial, path)
        except OSError as error:
            raise DataError(f"cannot be written ({error.strerror or error})", path=path) from None
        finally:
            with suppress(OSError):  # it is there only if something went wrong
                partial.unlink()
        paths.append(path)
    return paths


def _choose(name: str, task: str | Task | None) -> tuple[OutputFormat, str | None]:
    task = get_task(task) if isinstance(task, str) else task
    accepted = tuple(OUTPUT_FORMATS) if task is None else task.outputs
    if name not in OUTPUT_FORMATS or name not in accepted:
        where = "" if task is None else f" for the task '{task.name}'"
        raise ConfigError(
            f"there is no such output format{where}", received=name, accepted=accepted, hint=suggest(name, accepted)
        )
    return OUTPUT_FORMATS[name], None if task is None else task.kind


def _file_name(doc: TaggedSequence, number: int, taken: set[str]) -> str:
    """A plain ASCII name that no earlier sequence has, in upper or lower case."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", doc.id or "").strip("._")[:100] or f"sequence_{number}"
    name, count = stem, 1
    while name.lower() in taken:
        count += 1
        name = f"{stem}-{count}"
    taken.add(name.lower())
    return name


def _conll(doc: TaggedSequence, number: int, kind: str | None) -> str:
    """``token TAB tag`` lines and a blank line. Blanks and control characters in a token or tag become ``_``."""
    pairs = zip(doc.tokens, doc.tags, strict=True)
    lines = [f"{_BLANK.sub('_', token) or '_'}\t{_BLANK.sub('_', tag)}\n" for token, tag in pairs]
    return "".join(lines) + "\n"


def json_line(value: Any) -> str:
    """Returns a value as one line of JSON with its end; only what breaks lines or encodings is escaped."""
    record = json.dumps(value, ensure_ascii=False)
    # Some readers break lines at these, and lone surrogates have no UTF-8; escaped they are safe everywhere.
    return _CONTROL.sub(lambda match: json.dumps(match.group())[1:-1], record) + "\n"


def _jsonl(doc: TaggedSequence, number: int, kind: str | None) -> str:
    """One JSON object a line: ``TaggedSequence.to_dict``."""
    return json_line(doc.to_dict())


def _table(doc: TaggedSequence, number: int, kind: str | None) -> str:
    """For the eye: residues in blocks, tags below one another, or the text and its spans."""
    if kind == "residues":
        return protein_writers.table(doc, _name(doc, number))
    if kind == "tokens":
        rows = [
            (_clean(token), tag, f"{score:.3f}")
            for token, tag, score in zip(doc.tokens, doc.tags, doc.tag_scores, strict=True)
        ]
        return _aligned(rows, "", numbers=(2,)) + "\n"
    spans = [(span.label, f"{span.start}-{span.end}", f"{span.score:.3f}", _clean(span.text)) for span in doc.spans]
    body = _aligned(spans, "  ", numbers=(1, 2)) if spans else "  no spans\n"
    return f"{_clean(doc.text)}\n{body}\n"


def _fasta(doc: TaggedSequence, number: int, kind: str | None) -> str:
    return protein_writers.fasta(doc, _name(doc, number))


def _csv(doc: TaggedSequence, number: int, kind: str | None) -> str:
    return protein_writers.csv(doc, _name(doc, number))


def _ss2(doc: TaggedSequence, number: int, kind: str | None) -> str:
    return protein_writers.ss2(doc)


def _horiz(doc: TaggedSequence, number: int, kind: str | None) -> str:
    return protein_writers.horiz(doc)


def _name(doc: TaggedSequence, number: int) -> str:
    """The id on one line, or ``sequence_N``."""
    return _clean(doc.id or "").strip() or f"sequence_{number}"


def _clean(text: str) -> str:
    return _CONTROL.sub(" ", text)


def _aligned(rows: Sequence[tuple[str, ...]], indent: str, *, numbers: tuple[int, ...]) -> str:
    """Lines with aligned columns: ``numbers`` to the right, the others to the left."""
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = []
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            padding = " " * (width - _width(cell))
            cells.append(padding + cell if index in numbers else cell + padding)
        lines.append(indent + "  ".join(cells).rstrip() + "\n")
    return "".join(lines)


def _width(text: str) -> int:
    """Columns on a terminal: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


_ALL = (
    OutputFormat("conll", ".conll", "token and tag columns", _conll),
    OutputFormat("jsonl", ".jsonl", "one JSON object a sequence, with spans, offsets and scores", _jsonl),
    OutputFormat("table", ".txt", "for the eye", _table),
    OutputFormat("fasta", ".fasta", "id, sequence and states of proteins", _fasta),
    OutputFormat("csv", ".csv", "a line a residue, with all probabilities", _csv, protein_writers.csv_heading),
    OutputFormat("ss2", ".ss2", "PSIPRED's vertical format with probabilities", _ss2),
    OutputFormat("horiz", ".horiz", "PSIPRED's horizontal format", _horiz),
)

OUTPUT_FORMATS: Mapping[str, OutputFormat] = {item.name: item for item in _ALL}
"""The output formats by name."""
