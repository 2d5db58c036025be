"""Rows from one format to another: read twice, to know them and to write them, in memory that does not grow."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bilstm_tagger.data.alignment import Misfit
from bilstm_tagger.data.conversion.passes import Passes
from bilstm_tagger.data.conversion.recode import recode
from bilstm_tagger.data.conversion.staging import check_output, open_binary, open_text, staged
from bilstm_tagger.data.records import Notes, ReadOptions, Record
from bilstm_tagger.data.repairs.changes import Change, ChangeLog
from bilstm_tagger.data.sources import Source, resolve
from bilstm_tagger.data.writers.base import WriteOptions, watch_losses
from bilstm_tagger.data.writers.formats import RowFormat
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import Scheme

__all__ = ["Conversion", "convert_rows"]


@dataclass(slots=True)
class Conversion:
    """What a conversion did.

    Attributes:
        source: The source's name.
        files: What was written; empty for standard output.
        format: The format that was written.
        task: The task's name.
        found_scheme: Scheme of the source's tags; None where they are no spans.
        rows: How many sequences were written.
        tokens: How many tokens they have.
        last: The last of them, for messages.
        losses: What the format does not hold: how many rows lose it, and where the first of them stands.
        notes: What was mended on reading, a sentence each.
        misfits: The character spans that did not fit the tokens.
        repairs: How many changes ``repair`` made.
        changes: Those changes; the first ones only, where the caller asked for no more.
    """

    source: str
    format: str
    task: str
    files: list[str] = field(default_factory=list)
    found_scheme: str | None = None
    rows: int = 0
    tokens: int = 0
    last: Record | None = None
    losses: Notes = field(default_factory=Notes)
    notes: list[str] = field(default_factory=list)
    misfits: list[Misfit] = field(default_factory=list)
    repairs: int = 0
    changes: list[Change] = field(default_factory=list)

    def count(self, rows: Iterator[Record]) -> Iterator[Record]:
        """Passes rows on and counts them."""
        for record in rows:
            self.last = record
            self.rows += 1
            self.tokens += len(record.tokens)
            yield record

    def to_dict(self) -> dict[str, Any]:
        """Returns the report as a JSON-ready dictionary."""
        losses = [
            {"what": what, "rows": count, "first": self.losses.first[what]}
            for what, count in self.losses.counts.items()
        ]
        return {
            "source": self.source,
            "files": self.files,
            "format": self.format,
            "task": self.task,
            "found_scheme": self.found_scheme,
            "rows": self.rows,
            "tokens": self.tokens,
            "losses": losses,
            "notes": self.notes,
            "misfits": [misfit.to_dict() for misfit in self.misfits],
            "repairs": self.repairs,
            "changes": [change.to_dict() for change in self.changes],
        }


def convert_rows(
    source: str,
    output: Path | None,
    row_format: RowFormat,
    *,
    read: ReadOptions,
    write: WriteOptions,
    format: str = "auto",
    found_scheme: Scheme | None = None,
    repair: ChangeLog | None = None,
    shown: Mapping[str, str] = MappingProxyType({}),
    force: bool = False,
) -> Conversion:
    """Writes the rows of a source in another format.

    Args:
        source: A file, a glob, ``builtin:NAME/SPLIT``, a folder or a hub id, as for ``load_rows``.
        output: What to write, whole or not at all; None is standard output.
        row_format: The format to write.
        read: How to read.
        write: How to write; what it says of the rows' own features is found out here.
        format: The format to read, or ``auto``.
        found_scheme: Scheme of the source's tags, where it shall not be found.
        repair: Where the changes are listed that mend the rows; None changes nothing but ill-formed tags of spans,
            whose count is one of the notes.
        shown: Names to show instead of those of temporary files.
        force: Whether a file that is there is replaced.

    Raises:
        DataError: The source cannot be read, or holds what the format cannot hold.
        ConfigError: The output is there already, or the format is not for this task.
    """
    if output is not None:
        check_output(output, force=force)
    names = dict(shown)
    with ExitStack() as stack:
        found = resolve(source, read, format=format, stack=stack)
        found.tell()
        if repair is not None:
            found = _recoded(found, Path(stack.enter_context(tempfile.TemporaryDirectory())), names, repair)
        stack.enter_context(_named(names))
        reading = Passes(found, names, found_scheme, repair)
        survey = reading.survey()
        result = Conversion(names.get(source, source), row_format.name, read.task.name)
        result.found_scheme = None if reading.scheme is None else str(reading.scheme)
        write = replace(
            write,
            text=survey.text,
            dense=survey.dense,
            unknown=survey.unknown,
            documents=survey.documents,
            name=_stem(result.source),
            losses=result.losses,
            changes=repair,
        )
        rows = watch_losses(
            result.count(reading.rows()), row_format.held(write), write, number=lambda record: reading.number
        )
        try:
            result.files = _write(rows, output, row_format, write, force=force)
        except UnicodeEncodeError:
            raise _torn(result.last) from None
        for what, first in reading.unread().items():
            result.losses.add(f"{what}, neither tokens nor tags", first, result.rows)
        result.notes, result.misfits = reading.notes(), read.misfits.records
    if repair is not None:
        result.repairs, result.changes = repair.count, repair.kept
    return result


def _torn(record: Record | None) -> DataError:
    path, line = (None, None) if record is None else (record.path, record.line)
    return DataError("half of a surrogate pair, which is no character", path=path, line=line)


def _recoded(source: Source, folder: Path, names: dict[str, str], log: ChangeLog) -> Source:
    """Returns a source whose files are UTF-8, and adds to ``names`` what its temporary files stand for."""
    files = []
    for number, path in enumerate(source.files):
        copy = folder / str(number) / path.name
        copy.parent.mkdir()
        files.append(recode(path, copy, log))
        names[str(copy)] = names.get(str(path), str(path))
    return replace(source, files=tuple(files))


@contextmanager
def _named(names: Mapping[str, str]) -> Iterator[None]:
    """Puts the user's names for temporary files into messages."""
    try:
        yield
    except DataError as error:
        message = str(error)
        for temporary, name in names.items():
            message = message.replace(temporary, name)
        raise DataError(message.removesuffix("."), line=error.line) from None


def _write(
    rows: Iterator[Record], output: Path | None, row_format: RowFormat, write: WriteOptions, *, force: bool
) -> list[str]:
    """Writes the rows and returns the names of the files."""
    if output is None:
        row_format.write(rows, sys.stdout, write)
        return []
    with ExitStack() as stack:
        mask = mask_name(output)
        if row_format.name == "fasta" and write.unknown:
            check_output(mask, force=force)
            write = replace(write, mask=stack.enter_context(open_text(stack.enter_context(staged(mask)))))
        place = stack.enter_context(staged(output))
        if row_format.kind == "folder":
            row_format.write(rows, place, write)
        else:
            opened = open_text(place) if row_format.kind == "text" else open_binary(place)
            with opened as stream:
                row_format.write(rows, stream, write)
    return [str(output)] if write.mask is None else [str(output), str(mask)]


def mask_name(output: Path) -> Path:
    """Returns the name of the mask beside a FASTA file: ``chains.mask.fasta.gz`` for ``chains.fasta.gz``."""
    stem, *endings = output.name.split(".")
    return output.with_name(".".join([stem, "mask", *endings]))


def _stem(source: str) -> str:
    return Path(source).name.split(".")[0] or "document"
