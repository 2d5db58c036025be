"""What a source names: files, a built-in sample, or a data set."""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bilstm_tagger.data.archives import MEMBER, held_open, is_archive, list_members, split_member
from bilstm_tagger.data.builtin import BUILTINS, SPLITS, open_builtin, parse_builtin
from bilstm_tagger.data.choosing import choose_files, list_folder
from bilstm_tagger.data.files import check_file
from bilstm_tagger.data.formats import find_format, get_reader
from bilstm_tagger.data.readers.beside import beside
from bilstm_tagger.data.records import READER_VERSION, ReadOptions, Record
from bilstm_tagger.errors import ConfigError, DataError, shorten, suggest

if TYPE_CHECKING:
    import datasets

__all__ = ["Source", "resolve"]

_logger = logging.getLogger("bilstm_tagger.data")

_SHOWN_FILES = 10
_WITH_LABELS = ("fasta", "csv", "jsonl", "parquet", "arrow", "parallel")


@dataclass(frozen=True)
class Source:
    """A source that has been found.

    Attributes:
        name: For messages.
        files: The files to read, in order; empty for a data set.
        dataset: The data set to read instead.
        format: A format's name, or ``auto``.
        options: How to read it.
    """

    name: str
    files: tuple[Path, ...]
    dataset: datasets.Dataset | datasets.IterableDataset | None
    format: str
    options: ReadOptions

    def tell(self) -> None:
        """Logs which files are read, where the source is a folder, an archive or a pattern."""
        if self.files and not self.name.startswith("builtin:") and self.files != (Path(self.name).expanduser(),):
            shown = ", ".join(map(str, self.files[:_SHOWN_FILES])) + (" ..." if len(self.files) > _SHOWN_FILES else "")
            _logger.info("%s: %d files of it are read: %s", self.name, len(self.files), shown)

    def records(self) -> Iterator[Record]:
        """Reads all of it, file after file; numbered documents of several files are named after their file too."""
        if self.dataset is not None:
            from bilstm_tagger.data.readers.hub import read_dataset

            yield from read_dataset(self.dataset, self.name, self.options)
        for path in self.files:
            for record in self._read(path):
                if record.document is not None and record.document.isdecimal() and len(self.files) > 1:
                    record = record._replace(document=f"{path.name}:{record.document}")
                yield record

    def _read(self, path: Path) -> Iterator[Record]:
        chosen = find_format(path, self.options) if self.format == "auto" else self.format
        if self.options.labels is not None and chosen not in _WITH_LABELS:
            raise ConfigError(f"data.labels is for {', '.join(_WITH_LABELS)}; {path} is read as {chosen}")
        return get_reader(chosen)(path, self.options)

    def key(self, *more: object) -> str:
        """Returns a hash of everything that the rows depend on; ``more`` are further options."""
        digest = hashlib.blake2b(digest_size=20)
        options = self.options
        described = {field.name: str(getattr(options, field.name)) for field in fields(options) if field.compare}
        described |= {"format": self.format, "version": str(READER_VERSION), "more": str(more)}
        digest.update(json.dumps(described, sort_keys=True).encode())
        if self.dataset is not None:
            # What a streamed set holds is not known before it is read, so its rows are never found in the cache.
            fingerprint = getattr(self.dataset, "_fingerprint", None) or uuid.uuid4().hex
            digest.update(fingerprint.encode())
        # For CSV, labels and mask are names of columns.
        companions = [Path(name) for name in (options.labels, options.mask) if name is not None]
        hashed: set[Path] = set()
        for path in (*self.files, *(path for path in companions if path.is_file())):
            for part in (path, *beside(path)):
                digest.update(f"\0{part}\0".encode("utf-8", "surrogateescape"))
                inside = split_member(part)
                file = part if inside is None else inside[0]
                if file not in hashed:
                    hashed.add(file)
                    _hash_file(file, digest)
        return digest.hexdigest()


def resolve(
    source: str | Path | Sequence[str | Path] | datasets.Dataset,
    options: ReadOptions,
    *,
    format: str,
    stack: ExitStack,
) -> Source:
    """Finds out what a source names.

    Args:
        source: A file, a folder, an archive or ``ARCHIVE::MEMBER``, a glob, several of them, ``builtin:NAME/SPLIT``,
            a folder of ``save_to_disk``, a hub id (``hub:`` in front of it makes that certain), a data set, or a
            data frame.
        options: How to read it.
        format: A format's name, or ``auto``.
        stack: Holds what has to stay open while reading.

    Raises:
        ConfigError: Unknown format.
        DataError: There is no such source.
    """
    if format != "auto":
        get_reader(format)
    if isinstance(source, (str, Path)):
        return _resolve_one(source, options, format, stack)
    if isinstance(source, Sequence):
        parts = [_resolve_one(item, options, format, stack) for item in source]
        if not parts or any(part.dataset is not None or part.name.startswith("builtin:") for part in parts):
            raise DataError("a list of sources holds files or globs only", received=list(source))
        return Source(parts[0].name, tuple(path for part in parts for path in part.files), None, format, options)
    from bilstm_tagger.data.readers.hub import as_dataset

    dataset = as_dataset(source, options.split)
    if dataset is None:
        raise DataError(
            "this is no source",
            received=type(source).__name__,
            accepted="a path, a list of paths, builtin:NAME/SPLIT, a hub id, a Dataset or DatasetDict, or a DataFrame",
        )
    return Source("the data set", (), dataset, format, options)


def _resolve_one(source: str | Path, options: ReadOptions, format: str, stack: ExitStack) -> Source:
    name = str(source)
    if name.startswith("builtin:"):
        sample, split = parse_builtin(name, options.split)
        files = open_builtin(sample, split, options.task, stack)
        labels, mask = (*map(str, files[1:]), None, None)[:2]
        options = replace(options, split=split, separator=None, labels=labels, mask=mask)
        return Source(name, (files[0],), None, BUILTINS[sample].format, options)
    from bilstm_tagger.data.readers import hub

    if name.startswith("hub:"):
        loaded = hub.load_hub(name.removeprefix("hub:"), options.split, streaming=options.streaming)
        return Source(name, (), loaded, format, options)
    path = Path(name).expanduser()
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        pass  # looked for in other places
    except OSError as error:  # no right to look there, a name that is too long, a link to itself
        raise DataError(f"cannot be read ({error.strerror})", path=shorten(name)) from None
    if path.is_dir() and hub.is_saved_dataset(path):
        return Source(name, (), hub.load_saved(path, options.split), format, options)
    found = _find_files(path, options, stack)
    if found is not None:
        return Source(name, tuple(found), None, format, options)
    if isinstance(source, str) and hub.looks_like_hub_id(name) and _stands_nowhere(path):
        return Source(name, (), hub.load_hub(name, options.split, streaming=options.streaming), format, options)
    check_file(path)
    return Source(name, (path,), None, format, options)


def _find_files(path: Path, options: ReadOptions, stack: ExitStack) -> list[Path] | None:
    """Returns the files of a folder, an archive, a pattern or a plain path; None when there is nothing of that name."""
    split = SPLITS.get(options.split, options.split)
    if path.is_dir():
        chosen = [path / name for name in choose_files(list_folder(path), split, f"{path}/")]
        return [file for name in chosen for file in _find_files(name, options, stack) or ()]
    inside = split_member(path)
    archive = path if inside is None else inside[0]
    if is_archive(archive):
        stack.enter_context(held_open(archive))
        members = list_members(archive, None if inside is None else inside[1])
        if inside is None and len(members) > 1:
            members = choose_files(members, split, f"{archive}{MEMBER}")
        # An archive stands for its only file: its name tells the format, as that of any compressed file.
        alone = inside is None and len(members) == 1
        return [path] if alone else [Path(f"{archive}{MEMBER}{name}") for name in members]
    if path.is_file():
        return [path]
    if path.exists():
        raise DataError(
            "this is neither a file nor a folder",
            path=path,
            accepted="a file: pipes and devices cannot be read twice",
            hint="Write it to a file first",
        )
    if any(character in str(path) for character in "*?[") and inside is None:
        matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
        if not matches:
            raise DataError("no file matches this pattern", path=path)
        return matches
    return None


def _stands_nowhere(path: Path) -> bool:
    """Says whether a name cannot be a misspelt file: its folder does not exist, or nothing there has a similar name."""
    if path.parent != Path("."):
        return not path.parent.exists()
    return suggest(path.name, (child.name for child in Path().iterdir())) is None


def _hash_file(path: Path, digest: hashlib.blake2b) -> None:
    check_file(path)
    try:
        with path.open("rb") as handle:
            while block := handle.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise DataError(f"cannot be read ({error})", path=path) from None
