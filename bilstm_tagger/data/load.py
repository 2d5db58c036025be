"""Rows from any source: the one function that the rest of the package reads data with."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bilstm_tagger.data import cache
from bilstm_tagger.data.alignment import Align, Misfits, Overlap, check_policies
from bilstm_tagger.data.arrow import DiskStore, MemoryStore, Store, rewrite_tags, write_records
from bilstm_tagger.data.files import read_lines
from bilstm_tagger.data.proteins.chains import ChainFinisher
from bilstm_tagger.data.proteins.profiles import ProfileKind, Profiles, open_profiles
from bilstm_tagger.data.readers.running_text import check_tokenizer
from bilstm_tagger.data.records import Notes, ReadOptions, Record
from bilstm_tagger.data.sources import Source, resolve
from bilstm_tagger.data.tags import SpanTags, parse_scheme
from bilstm_tagger.errors import DataError
from bilstm_tagger.schemes import Scheme
from bilstm_tagger.tasks import Task, get_task

if TYPE_CHECKING:
    import datasets

__all__ = ["Watcher", "load_rows"]

_logger = logging.getLogger("bilstm_tagger.data")


def load_rows(
    source: str | Path | Sequence[str | Path] | datasets.Dataset,
    *,
    task: str | Task,
    split: str = "train",
    format: str = "auto",
    token_column: str | int | None = None,
    tag_column: str | int | None = None,
    separator: str | None = None,
    scheme: str = "auto",
    labels: str | None = None,
    mask: str | None = None,
    exclude: str | None = None,
    deduplicate: bool = False,
    require_tags: bool = True,
    states: str = "standard",
    profiles: str | Path | None = None,
    profile_kinds: Sequence[ProfileKind] = ("pssm",),
    skip_invalid: bool = False,
    tokenizer: str = "auto",
    align: Align = "expand",
    overlap: Overlap = "outermost",
    streaming: bool = False,
    misfits: Misfits | None = None,
    skipped: list[str] | None = None,
    watcher: Watcher | None = None,
) -> datasets.Dataset:
    """Reads a source into rows ``{id, tokens, tags}``, with ``text`` and ``offsets``, and ``dense``, where it has them.

    The rows lie in an Arrow file of the cache folder and are memory-mapped; where that folder cannot be written they
    stay in memory. Rows of span tasks hold IOB2 tags, whatever the source's scheme; what had to be repaired is logged
    once. Rows of proteins hold upper-case residues and states. A tag of None is unknown.

    Args:
        source: A file (.gz, .xz, .bz2, .zip are unpacked), a folder, an archive (.zip, .tar.xz ...) or
            ``ARCHIVE::MEMBER``, a glob, a list of files, ``builtin:NAME/SPLIT``, the id of a hub data set, a folder
            written by ``save_to_disk``, or a ``Dataset``, ``DatasetDict``, pandas ``DataFrame`` or Arrow table.
        task: The task, or its name.
        split: ``train``, ``dev`` or ``test``, chosen where one source holds several.
        format: ``auto``, or one of :func:`format_names`.
        token_column: Number (from 0) or name of the tokens' column or field; found by itself when None.
        tag_column: Number (negative from the end) or name of the tags' column; found by itself when None.
        separator: Of columns; found by itself when None.
        scheme: Of the source's tags; ``auto`` finds it.
        labels: FASTA and running text: the file with the labels. CSV: the column. JSON and tables: the file with the
            names that numbers stand for.
        mask: FASTA: the file of 0 and 1. CSV: the column. Residues with 0 have the tag None.
        exclude: A file whose first column names the ids of the rows to leave out.
        deduplicate: Leave out rows whose tokens an earlier row has.
        require_tags: When False, tags are not read, and all are None.
        states: Proteins: how eight states become three, ``standard``, ``jnet`` or ``sspro``.
        profiles: Proteins: a folder of ``NAME.pssm`` and ``NAME.hhm`` files, or an ``.npz``; see
            :mod:`bilstm_tagger.data.proteins.profiles`. They become the rows' ``dense``.
        profile_kinds: Which of the files of such a folder, side by side.
        skip_invalid: Proteins: leave out chains that cannot be used, and log which, instead of stopping at the first.
        tokenizer: How text with marked spans is cut into tokens: ``words``, ``characters``, ``whitespace``; ``auto``
            is the task's own way.
        align: What is done with spans that cut a token: ``expand``, ``contract``, ``drop`` or ``strict``; see
            :mod:`bilstm_tagger.data.alignment`.
        overlap: Which of several spans that share tokens is kept: ``outermost``, ``longest`` or ``first``.
        streaming: Read a hub data set over the network row by row, instead of fetching all of it first.
        misfits: Gets every span that did not fit; the source is then read anew, cached or not.
        skipped: Gets the reason of every chain that was left out; the source is then read anew, cached or not.
        watcher: Is shown every record as its file has it; the source is then read anew, cached or not.

    Raises:
        DataError: The source is missing, empty, damaged or ill-formed; with file and line.
        ConfigError: An unknown task, format or scheme.
    """
    task = get_task(task) if isinstance(task, str) else task
    asked = parse_scheme(scheme) if task.kind == "spans" else None
    options = ReadOptions(
        task=task,
        split=split,
        token_column=token_column,
        tag_column=tag_column,
        separator=separator,
        labels=labels,
        mask=mask,
        require_tags=require_tags,
        states=states,
        skip_invalid=skip_invalid,
        tokenizer=tokenizer,
        align=align,
        overlap=overlap,
        streaming=streaming,
        notes=Notes(skipped=[] if skipped is None else skipped),
        misfits=Misfits() if misfits is None else misfits,
    )
    check_policies(align, overlap)
    check_tokenizer(tokenizer)
    with ExitStack() as stack:
        found = resolve(source, options, format=format, stack=stack)
        found.tell()
        excluded = _read_ids(Path(exclude).expanduser()) if exclude is not None else frozenset()
        opened = None
        if profiles is not None:
            opened = stack.enter_context(open_profiles(profiles, kinds=profile_kinds))
        fingerprint = None if opened is None else opened.fingerprint()
        key = found.key(asked, sorted(excluded), deduplicate, fingerprint)
        cached = cache.find(key) if watcher is None and misfits is None and skipped is None else None
        if cached is not None:
            return cached
        job = _Job(found, asked, excluded, deduplicate, opened, watcher)
        try:
            with cache.workspace() as folder:
                name = job.run(DiskStore(folder))
                return cache.keep(folder / name, key, job.messages())
        except OSError as error:
            # What cannot be read raises DataError; this is the cache: a read-only or full disk.
            _logger.warning("cannot write to the cache, so rows stay in memory (%s); set BILSTM_TAGGER_CACHE", error)
        store = MemoryStore()
        return store.dataset(job.run(store))


class Watcher(Protocol):
    """Looks at the records of a source while they are read."""

    def begin(self) -> None:
        """The first record comes next; what came before, if anything did, comes again."""

    def add(self, record: Record) -> None:
        """One record, before its tags are rewritten; records that are excluded are not shown, duplicates are."""


class _Job:
    """Turns one source into a stream of rows."""

    def __init__(
        self,
        source: Source,
        scheme: Scheme | None,
        excluded: frozenset[str],
        deduplicate: bool,
        profiles: Profiles | None,
        watcher: Watcher | None,
    ) -> None:
        self._source = source
        self._scheme = scheme
        self._excluded = excluded
        self._deduplicate = deduplicate
        self._profiles = profiles
        self._watcher = watcher
        self._repairs: list[str] = []

    def run(self, store: Store) -> str:
        """Writes the rows and returns the stream's name; spans are read first and rewritten as IOB2 where needed."""
        self._source.options.notes.clear()
        self._source.options.misfits.clear()
        task = self._source.options.task
        spans = SpanTags() if task.kind == "spans" and self._source.options.require_tags else None
        if not write_records(self._records(spans), store.write("read.arrow")):
            raise DataError("there is nothing in it to read", path=self._source.name, accepted="at least one sequence")
        rewrite = None
        if spans is not None:
            _, rewrite, self._repairs = spans.finish(self._scheme)
        name = "read.arrow"
        if rewrite is not None:
            name = "rows.arrow"
            rewrite_tags(store.read("read.arrow"), store.write(name), rewrite)
        for message in self.messages():
            _logger.warning("%s", message)
        return name

    def messages(self) -> list[str]:
        """Returns what was mended, one sentence each."""
        options = self._source.options
        return [*self._repairs, *filter(None, [options.misfits.message()]), *options.notes.messages()]

    def _records(self, spans: SpanTags | None) -> Iterator[Record]:
        options = self._source.options
        chains = ChainFinisher(options, self._profiles) if options.task.kind == "residues" else None
        seen: set[bytes] = set()
        left_out = 0
        if self._watcher is not None:
            self._watcher.begin()
        for read in self._source.records():
            if read.id in self._excluded:
                left_out += 1
                continue
            if self._watcher is not None:
                self._watcher.add(read)
            record = read if chains is None else chains.finish(read)
            if record is None:
                continue
            if self._deduplicate:
                digest = hashlib.blake2b("\0".join(record.tokens).encode("utf-8", "replace"), digest_size=16).digest()
                if digest in seen:
                    left_out += 1
                    continue
                seen.add(digest)
            if spans is not None:
                spans.add(record)
            yield record
        if left_out:
            _logger.info("%s: %d rows left out (excluded or duplicates)", self._source.name, left_out)


def _read_ids(path: Path) -> frozenset[str]:
    """Reads the first column of a file of ids."""
    rows = (line.replace(",", "\t").split("\t")[0].strip() for line in read_lines(path))
    ids = frozenset(name for name in rows if name and not name.startswith("#"))
    if not ids:
        raise DataError("no ids in this file", path=path, accepted="an id on each line, in the first column")
    return ids
