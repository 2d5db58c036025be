"""Reader of FASTA: chains with their states and, where known, a mask, in parallel files or in one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import compress
from pathlib import Path
from typing import NamedTuple

from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.proteins.residues import STATES_8, clean_sequence, looks_like_nucleotides, states, without_gaps
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError

__all__ = ["FastaRecord", "read_fasta", "read_fasta_records"]

_SPLITS = {"train": "train", "dev": "dev", "valid": "dev", "validation": "dev", "val": "dev", "test": "test"}


class FastaRecord(NamedTuple):
    """A header and the lines below it, as they are."""

    name: str
    header: str
    body: list[str]
    line: int


def read_fasta_records(path: Path) -> Iterator[FastaRecord]:
    """Yields the records of a FASTA file; ``name`` is the header's first word, ``line`` the header's line.

    Raises:
        DataError: Something other than a comment (``;``) stands before the first header.
    """
    record: FastaRecord | None = None
    for number, line in enumerate(read_lines(path), start=1):
        line = line.rstrip("\r\n")
        if line.startswith(">"):
            if record is not None:
                yield record
            header = line[1:].strip()
            record = FastaRecord(header.split()[0] if header else "", header, [], number)
        elif line.strip() and not line.startswith(";"):
            if record is None:
                raise DataError(
                    "a FASTA file begins with a header", path=path, line=number, received=line, accepted=">NAME"
                )
            record.body.append(line)
    if record is not None:
        yield record


def read_fasta(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads chains with labels from ``options.labels`` and a mask from ``options.mask``, in the same order.

    Gaps of alignments (``-`` and ``.``) are left out. Without a labels file each record holds its sequence and, in as
    many lines again, its states (the ``.fas`` that secondary structure predictors write; lines of numbers below are
    passed over). Where the label headers carry
    ``SET=train|test VALIDATION=True|False`` (FLIP), only the records of ``options.split`` are given. Residues whose
    mask is 0 have no label.

    Raises:
        DataError: A record has a letter that is no residue, differs from its labels or mask in name or length, or
            the file holds nucleotides.
    """
    letters: set[str] = set()
    found: dict[str, int] = {}
    kept = count = 0
    for count, (record, labels, mask) in enumerate(_together(path, options), start=1):
        attributes = record if labels is None else labels
        # A sequence to be tagged is tagged, whatever part of a benchmark its header says it was.
        split = _split(attributes.header) if options.require_tags else None
        try:
            sequence, tags = _chain(record, labels, path, options)
            if mask is not None:
                tags = _apply_mask(tags, mask, options.mask or "")
        except DataError as error:
            options.refuse(error)
            continue
        letters.update(sequence)
        if split is not None:
            found[split] = found.get(split, 0) + 1
            if split != _SPLITS.get(options.split, options.split):
                continue
        kept += 1
        yield Record(record.name or str(count), list(sequence), tags, str(path), record.line)
    if looks_like_nucleotides(letters):
        raise DataError(
            "these are nucleotides (only A, C, G, T, U or N in the whole file), not proteins",
            path=path,
            received="".join(sorted(letters)),
            accepted="amino acid sequences",
            hint="Translate them first",
        )
    if found and not kept:
        sets = ", ".join(f"{name} ({number:,})" for name, number in sorted(found.items()))
        raise DataError("no records of that split", path=path, received=options.split, accepted=sets)


def _together(path: Path, options: ReadOptions) -> Iterator[tuple[FastaRecord, FastaRecord | None, FastaRecord | None]]:
    """Walks the files of sequences, labels and mask side by side; memory does not grow with them."""
    labels = _companion(options.labels if options.require_tags else None)
    mask = _companion(options.mask if options.require_tags else None)
    for record in read_fasta_records(path):
        yield record, _partner(record, labels, path), _partner(record, mask, path)
    for other in (labels, mask):
        extra = next(other[1], None) if other is not None else None
        if other is not None and extra is not None:
            raise DataError(f"a record more than {path} has", path=other[0], line=extra.line, received=extra.name)


def _companion(name: str | None) -> tuple[Path, Iterator[FastaRecord]] | None:
    return None if name is None else (Path(name), read_fasta_records(Path(name)))


def _partner(record: FastaRecord, other: tuple[Path, Iterator[FastaRecord]] | None, path: Path) -> FastaRecord | None:
    if other is None:
        return None
    partner = next(other[1], None)
    if partner is None:
        raise DataError(f"fewer records than {path}", path=other[0], received=record.name, accepted="the same records")
    if partner.name != record.name:
        raise DataError(
            f"another record than at {path}:{record.line}",
            path=other[0],
            line=partner.line,
            received=partner.name,
            accepted=f"{record.name}: both files hold the same records in the same order",
        )
    return partner


def _chain(
    record: FastaRecord, labels: FastaRecord | None, path: Path, options: ReadOptions
) -> tuple[str, list[str | None]]:
    """Returns the residues and their labels, of one length."""
    body, below = record.body, None
    if labels is None:
        body, below = _cut(record)
    if not options.require_tags:
        body = body if below is not None and set(below.upper()) <= set("HEC-") else record.body
        sequence = clean_sequence(without_gaps("".join(body))[0], path=path, line=record.line)
        return sequence, [None] * len(sequence)
    if labels is not None:
        below = "".join(line.strip("\r\n") for line in labels.body)
    if below is None:
        raise DataError(
            f"record '{record.name}' has no labels",
            path=path,
            line=record.line,
            accepted="a labels file, or in each record the sequence and as many letters of states below it",
            hint="Set data.labels to the FASTA file with the labels",
        )
    row, kept = without_gaps("".join(body))
    sequence = clean_sequence(row, path=path, line=record.line)
    if labels is not None and len(below) != len(sequence):
        below = below.strip()
    if len(below) == len(kept) != len(row):
        # Labels of an alignment's row have a letter for each of its columns.
        below = "".join(compress(below, kept))
    if len(below) != len(sequence):
        where, line = (path, record.line) if labels is None else (options.labels, labels.line)
        raise DataError(
            f"record '{record.name}' has {len(sequence)} residues and {len(below)} labels",
            path=where,
            line=line,
            accepted="one label for each residue",
        )
    return sequence, list(below)


def _cut(record: FastaRecord) -> tuple[list[str], str | None]:
    """Cuts a record in sequence and states, where its second half is as long as the first and spells states."""
    lines = [line for line in record.body if not line.lstrip()[0].isdigit()]
    half = len(lines) // 2
    sequence, labels = "".join(lines[:half]).strip(), "".join(lines[half:]).strip()
    if lines and len(lines) % 2 == 0 and len(sequence) == len(labels) and states(labels, STATES_8)[1] is None:
        return lines[:half], labels
    return record.body, None


def _apply_mask(tags: list[str | None], mask: FastaRecord, path: str) -> list[str | None]:
    flags = "".join("".join(mask.body).split())
    if len(flags) != len(tags) or not set(flags) <= {"0", "1"}:
        raise DataError(
            f"the mask of record '{mask.name}' does not fit {len(tags)} residues",
            path=path,
            line=mask.line,
            received=flags,
            accepted="one 0 or 1 for each residue",
        )
    return [tag if flag == "1" else None for tag, flag in zip(tags, flags, strict=True)]


def _split(header: str) -> str | None:
    """Reads ``SET`` and ``VALIDATION`` of a FLIP header; None where there is no ``SET``."""
    attributes = dict(word.split("=", 1) for word in header.split() if "=" in word)
    if "SET" not in attributes:
        return None
    split = attributes["SET"].lower()
    return "dev" if attributes.get("VALIDATION", "").lower() == "true" else _SPLITS.get(split, split)
