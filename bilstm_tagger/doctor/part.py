"""One part under examination: its files as bytes, then its records."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from bilstm_tagger.data import load_rows
from bilstm_tagger.data.alignment import Misfits
from bilstm_tagger.data.archives import BROKEN
from bilstm_tagger.data.formats import find_format
from bilstm_tagger.data.records import ReadOptions
from bilstm_tagger.data.sources import Source, resolve
from bilstm_tagger.doctor.columns import ColumnScan, layout_of
from bilstm_tagger.doctor.findings import Finding, Place, Tally, counted
from bilstm_tagger.doctor.profile import PartProfile
from bilstm_tagger.doctor.report import PartSummary, summarize
from bilstm_tagger.doctor.scan import ByteScan, Lines, read_blocks
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks import Task

__all__ = ["Part", "read_options"]

_COLUMN_FORMATS = ("conll", "conllu")
_TRAINING_ONLY = ("exclude", "deduplicate")


def read_options(task: Task, split: str, options: Mapping[str, Any]) -> ReadOptions:
    """Returns those of the options of :func:`load_rows` that readers take."""
    names = {field.name for field in fields(ReadOptions)}
    return ReadOptions(task=task, split=split, **{name: value for name, value in options.items() if name in names})


@dataclass
class Part:
    """One source and what is found in it.

    Attributes:
        name: ``train``, ``dev``, ``test``, or empty for a single source.
        source: What was named.
        task: What it is read for.
        split: The part of a source that has several.
        options: Options of :func:`load_rows` that were given.
        profile: What was seen of its records.
        files: The files that it is.
    """

    name: str
    source: Any
    task: Task
    split: str
    options: Mapping[str, Any]
    profile: PartProfile = field(init=False)
    files: tuple[str, ...] = ()
    _comments: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        respell = str(self.options.get("scheme") or "auto").upper() != Scheme.IO
        self.profile = PartProfile(self.name, self.task, respell=respell)
        if self.name not in ("", "train"):
            # As in training: what is scored is scored whole.
            self.options = {name: value for name, value in self.options.items() if name not in _TRAINING_ONLY}

    def examine(self, asked: Scheme | None) -> Iterator[Finding]:
        """Yields what is found in this part alone.

        Args:
            asked: The scheme that was set; None finds it.
        """
        found: list[Finding] = []
        misfits = Misfits()
        try:
            found += self._scan_files()
            with _silence():
                load_rows(
                    self.source,
                    task=self.task,
                    split=self.split,
                    misfits=misfits,
                    watcher=self.profile,
                    **self.options,
                )
        except DataError as error:
            found += _unreadable(error, self.name, found)
        self.profile.flush()
        yield from found
        yield from _misfits(misfits, self.name)
        yield from self.profile.findings(asked, self._comments)

    def summary(self, asked: Scheme | None, train: PartProfile | None) -> PartSummary:
        """Returns the figures of this part."""
        return summarize(self.profile, str(self.source), self.files, asked, train)

    def _scan_files(self) -> list[Finding]:
        options = read_options(self.task, self.split, self.options)
        with ExitStack() as stack:
            found = resolve(self.source, options, format=self.options.get("format") or "auto", stack=stack)
            self.files = tuple(map(str, found.files))
            companions = [Path(name) for name in (found.options.labels, found.options.mask) if name is not None]
            paths = (*found.files, *(path for path in companions if path.is_file()))
            return [finding for path in paths for finding in self._scan(path, found)]

    def _scan(self, path: Path, found: Source) -> Iterator[Finding]:
        """Looks at one file as bytes, and by lines if it is one of columns."""
        scan, columns = ByteScan(path), None
        try:
            for lines in read_blocks(path):
                if lines.first == 1:
                    columns = _column_scan(path, lines, found)
                scan.add(lines)
                if columns is not None:
                    columns.add(lines)
        except BROKEN:
            # The reader says what is wrong with the file.
            return
        yield from scan.findings(self.name)
        if columns is not None:
            yield from columns.findings(self.name)
            self._comments += [(str(path), line, text) for line, text in columns.hash_lines.items()]


def _column_scan(path: Path, lines: Lines, found: Source) -> ColumnScan | None:
    with suppress(DataError):
        if (find_format(path, found.options) if found.format == "auto" else found.format) in _COLUMN_FORMATS:
            layout = layout_of(lines, path, found.options)
            return None if layout is None else ColumnScan(path, layout)
    return None


def _unreadable(error: DataError, part: str, known: list[Finding]) -> Iterator[Finding]:
    """Yields the reader's error, unless a finding says the same of that line."""
    places = {(place.path, place.line) for finding in known if finding.severity == "error" for place in finding.places}
    if (str(error.path), error.line) not in places:
        place = (Place(str(error.path), error.line, ""),) if error.path is not None else ()
        yield replace(Finding.of("D001", str(error), part=part), places=place)


def _misfits(misfits: Misfits, part: str) -> Iterator[Finding]:
    if not misfits.counts:
        return
    tally = Tally()
    for misfit in misfits.records:
        what = f"{misfit.label} {misfit.start}-{misfit.end} {misfit.text[:40]!r}: {misfit.problem}, {misfit.action}"
        tally.add(misfit.source, misfit.line, what)
    count = sum(misfits.counts.values())
    kinds = "; ".join(f"{number:,} {problem} ({action})" for (problem, action), number in misfits.counts.items())
    message = counted(count, "span does", "spans do") + f" not fit the tokens: {kinds}"
    yield Finding.of("D305", message, part=part, tally=tally, count=count)


@contextmanager
def _silence() -> Iterator[None]:
    """Keeps the log lines of reading back: the report says the same, with places."""
    logger = logging.getLogger("bilstm_tagger.data")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
