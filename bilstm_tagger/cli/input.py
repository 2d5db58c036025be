"""What ``bilstm-tagger tag`` reads: one item after the other, in bounded memory, from a file or standard input.

Text and JSON Lines are read here, since they need neither tokens nor tags, and as they come from a pipe. The other
formats have their readers in ``bilstm_tagger.data``; those look at a file twice, so a pipe is copied to one first.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.errors import DataError, InputError, suggest

if TYPE_CHECKING:
    from bilstm_tagger.data.proteins.profiles import Profiles
    from bilstm_tagger.data.records import ReadOptions
    from bilstm_tagger.tasks import Task

__all__ = ["FORMATS", "STDIN", "Item", "check_format", "guess_format", "read_items"]

FORMATS = ("text", "jsonl", "conll", "conllu", "fasta", "csv", "dssp")
# Lines of a file that say what it is.
_LOOKED_AT = 100

STDIN = Path("standard input")
"""Stands for standard input, in messages too."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to tag.

    Attributes:
        content: What the tagger takes: raw text, or a row with ``tokens`` or ``text``, ``id`` and ``dense``.
        line: The line of the input on which it begins, from 1.
    """

    content: str | dict[str, Any]
    line: int


def check_format(format: str) -> str:
    """Returns ``format`` if it is one.

    Raises:
        InputError: It is none; the message names the nearest.
    """
    if format not in FORMATS:
        raise InputError("unknown input format", received=format, accepted=FORMATS, hint=suggest(format, FORMATS))
    return format


def guess_format(path: Path, task: Task) -> str:
    """Returns the format that a file's suffix says, else FASTA for proteins and text for the rest.

    Raises:
        InputError: The suffix is that of a format which is not tagged as it is.
    """
    from bilstm_tagger.data.files import stem_suffix

    suffix = stem_suffix(path)
    if suffix in _NOT_TAGGED:
        raise InputError(
            f"'tag' does not read files like {path.name}",
            accepted=FORMATS,
            hint=f"Convert it first: bilstm-tagger convert {path} {path.with_suffix('.jsonl').name}",
        )
    if suffix == ".tsv":
        return "csv" if task.kind == "residues" else _guess_tsv(path, task)
    return _SUFFIXES.get(suffix, "fasta" if task.kind == "residues" else "text")


def _guess_tsv(path: Path, task: Task) -> str:
    """A table where the first line names a column of words or text; else a token a line; else text."""
    from bilstm_tagger.data.files import read_lines

    lines = (line for line in read_lines(path) if line.strip() and not line.startswith(("#", "-DOCSTART-")))
    first, *others = [*islice(lines, _LOOKED_AT), ""]
    if _is_header([cell.strip() for cell in first.split("\t")], task):
        return "csv"
    if "\t" in first:
        return "conll"
    # Columns between blanks end with a tag; a token a line has no blank.
    rows = [line.split() for line in (first, *others) if line]
    columns = {len(row) for row in rows}
    return (
        "conll" if columns == {1} or (len(columns) == 1 and all(_looks_like_tag(row[-1]) for row in rows)) else "text"
    )


def _is_header(cells: list[str], task: Task) -> bool:
    """Whether a line names columns, one of words or text among them, and is no token with its tag."""
    from bilstm_tagger.data.readers.fields import token_fields
    from bilstm_tagger.data.readers.sentence_rows import WORD_FIELDS
    from bilstm_tagger.data.records import ReadOptions

    names = {*token_fields(ReadOptions(task=task)), *WORD_FIELDS, "text"}
    if len(cells) == 1:
        return cells[0] in names  # not the first word of a sentence
    others = [cell for cell in cells if cell.lower() not in names]
    return len(others) < len(cells) and not any(map(_looks_like_tag, others))


def _looks_like_tag(cell: str) -> bool:
    return cell.isupper() or cell[1:2] == "-"


def read_items(path: Path, format: str, options: ReadOptions, *, profiles: Profiles | None = None) -> Iterator[Item]:
    """Reads the items of an input.

    Args:
        path: The file, perhaps compressed, or ``STDIN``.
        format: One of ``FORMATS``.
        options: The task they are for, and how to read what the formats' own readers read.
        profiles: Of protein chains, by id.

    Raises:
        DataError: The input is not UTF-8, or not in that format; with file and line.
    """
    from bilstm_tagger.data.files import read_lines, stem_suffix

    # Such a file may be one array.
    if format == "text" or (format == "jsonl" and stem_suffix(path) != ".json"):
        lines = _decoded(sys.stdin.buffer) if path is STDIN else read_lines(path)
        items = _LINE_READERS[format](lines, path, options.task)
    else:
        read = _read_piped if path is STDIN else _read_file
        items = read(path, format, options)
    return _finished_chains(items, path, options, profiles) if options.task.kind == "residues" else items


def _finished_chains(
    items: Iterator[Item], path: Path, options: ReadOptions, profiles: Profiles | None
) -> Iterator[Item]:
    """Refuses bad chains here, where their lines are known; the tagger could only say that there are some."""
    from bilstm_tagger.data.proteins.chains import ChainFinisher
    from bilstm_tagger.data.proteins.residues import clean_sequence
    from bilstm_tagger.data.records import Record

    chains = ChainFinisher(options, profiles)
    for item in items:
        row: dict[str, Any] = {"text": item.content} if isinstance(item.content, str) else item.content
        name = row.get("id")
        try:
            # A chain is one string: the blanks that join words have no place in it.
            text = "".join(row["tokens"] if "tokens" in row else row["text"])
            sequence = clean_sequence(text, path=path, line=item.line)
        except DataError as error:
            options.refuse(error)
            continue
        label = f"line {item.line}" if name is None else str(name)
        record = Record(label, list(sequence), [None] * len(sequence), str(path), item.line, dense=row.get("dense"))
        chain = chains.finish(record)
        if chain is not None:
            yield Item({"id": name, "text": sequence, "dense": chain.dense}, item.line)


def _decoded(raw_lines: Iterable[bytes]) -> Iterator[str]:
    for number, raw in enumerate(raw_lines, start=1):
        try:
            yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"byte {error.start + 1} of the line is not UTF-8",
                path=STDIN,
                line=number,
                received=raw[max(0, error.start - 10) : error.end + 10],
                accepted="text in UTF-8",
            ) from None


def _read_text(lines: Iterable[str], path: Path, task: Task) -> Iterator[Item]:
    """A sentence a line; an empty line is an empty sentence."""
    for number, line in enumerate(lines, start=1):
        yield Item(line.removesuffix("\n").removesuffix("\r"), number)


def _read_jsonl(lines: Iterable[str], path: Path, task: Task) -> Iterator[Item]:
    """An object a line with ``tokens`` (strings) or ``text`` (a string), perhaps ``id``, ``offsets``, ``dense``."""
    from bilstm_tagger.data.readers.fields import token_fields
    from bilstm_tagger.data.records import ReadOptions

    # Tokens first: cutting the text anew could cut it otherwise.
    names = (*token_fields(ReadOptions(task=task)), "text")
    accepted = 'an object with "text", a string, or "tokens", a list of strings'
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            problem = f"not valid JSON at column {error.colno} ({error.msg})"
            raise DataError(problem, path=path, line=number, received=line.strip(), accepted=accepted) from None
        fields = row if isinstance(row, dict) else {}
        content = next((fields[name] for name in names if name in fields), None)
        content_row = {name: fields[name] for name in ("id", "offsets", "dense") if name in fields}
        if isinstance(content, str):
            content_row["text"] = content
        elif isinstance(content, list) and all(isinstance(word, str) for word in content):
            content_row |= {"tokens": content, "text": fields.get("text")}
        else:
            raise DataError("nothing to tag", path=path, line=number, received=row, accepted=accepted)
        yield Item(content_row, number)


def _read_file(path: Path, format: str, options: ReadOptions) -> Iterator[Item]:
    from bilstm_tagger.data.formats import get_reader

    for record in get_reader(format)(path, options):
        names = ("id", "tokens", "text", "offsets", "dense")
        yield Item({name: getattr(record, name) for name in names}, record.line)


def _read_piped(path: Path, format: str, options: ReadOptions) -> Iterator[Item]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "stdin")
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        try:
            yield from _read_file(copy, format, options)
        except DataError as error:
            # The copy's name says nothing to the user.
            raise DataError(str(error).replace(str(copy), str(STDIN)), line=error.line) from None


_LINE_READERS: dict[str, Callable[[Iterable[str], Path, Task], Iterator[Item]]] = {
    "text": _read_text,
    "jsonl": _read_jsonl,
}
_NOT_TAGGED = (".parquet", ".pq", ".arrow", ".feather", ".ann", ".words")
_SUFFIXES = {
    ".txt": "text",
    ".json": "jsonl",
    ".bmes": "conll",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".conll": "conll",
    ".iob": "conll",
    ".iob2": "conll",
    ".bio": "conll",
    ".conllu": "conllu",
    ".fasta": "fasta",
    ".fas": "fasta",
    ".fa": "fasta",
    ".faa": "fasta",
    ".csv": "csv",
    ".dssp": "dssp",
    ".pdb": "dssp",
    ".ent": "dssp",
    ".cif": "dssp",
    ".mmcif": "dssp",
}
