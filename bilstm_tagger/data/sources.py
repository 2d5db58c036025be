"""What a source names: files, a built-in sample, or a data set."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bilstm_tagger.data.builtin import BUILTINS, open_builtin, parse_builtin
from bilstm_tagger.data.files import check_file
from bilstm_tagger.data.formats import find_format, get_reader
from bilstm_tagger.data.records import READER_VERSION, ReadOptions, Record
from bilstm_tagger.errors import ConfigError, DataError, suggest

if TYPE_CHECKING:
    import datasets

__all__ = ["Source", "resolve"]


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
    dataset: datasets.Dataset | None
    format: str
    options: ReadOptions

    def records(self) -> Iterator[Record]:
        """Reads all of it, file after file."""
        if self.dataset is not None:
            from bilstm_tagger.data.hub import read_dataset

            yield from read_dataset(self.dataset, self.name, self.options)
        for path in self.files:
            chosen = find_format(path, self.options) if self.format == "auto" else self.format
            if self.options.labels is not None and chosen not in ("fasta", "csv"):
                raise ConfigError(f"data.labels is for FASTA and CSV; {path} is read as {chosen}")
            yield from get_reader(chosen)(path, self.options)

    def key(self, *more: object) -> str:
        """Returns a hash of everything that the rows depend on; ``more`` are further options."""
        digest = hashlib.blake2b(digest_size=20)
        options = self.options
        described = {field.name: str(getattr(options, field.name)) for field in fields(options) if field.compare}
        described |= {"format": self.format, "version": str(READER_VERSION), "more": str(more)}
        digest.update(json.dumps(described, sort_keys=True).encode())
        if self.dataset is not None:
            digest.update(self.dataset._fingerprint.encode())
        # For CSV, labels and mask are names of columns.
        companions = [Path(name) for name in (options.labels, options.mask) if name is not None]
        for path in (*self.files, *(path for path in companions if path.is_file())):
            digest.update(f"\0{path}\0".encode("utf-8", "surrogateescape"))
            _hash_file(path, digest)
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
        source: A file, a glob, several of them, ``builtin:NAME/SPLIT``, a folder of ``save_to_disk``, a hub id
            (``hub:`` in front of it makes that certain), or a data set.
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
    import datasets

    if not isinstance(source, datasets.Dataset):
        raise DataError(
            "this is no source",
            received=type(source).__name__,
            accepted="a path, a list of paths, builtin:NAME/SPLIT, a hub id, or a datasets.Dataset",
        )
    return Source("the data set", (), source, format, options)


def _resolve_one(source: str | Path, options: ReadOptions, format: str, stack: ExitStack) -> Source:
    name = str(source)
    if name.startswith("builtin:"):
        sample, split = parse_builtin(name, options.split)
        files = open_builtin(sample, split, options.task, stack)
        labels, mask = (*map(str, files[1:]), None, None)[:2]
        options = replace(options, split=split, separator=None, labels=labels, mask=mask)
        return Source(name, (files[0],), None, BUILTINS[sample].format, options)
    from bilstm_tagger.data import hub

    if name.startswith("hub:"):
        return Source(name, (), hub.load_hub(name.removeprefix("hub:"), options.split), format, options)
    path = Path(name).expanduser()
    if path.is_dir() and hub.is_saved_dataset(path):
        return Source(name, (), hub.load_saved(path, options.split), format, options)
    if not path.exists():
        if any(character in name for character in "*?["):
            matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True) if Path(match).is_file())
            if not matches:
                raise DataError("no file matches this pattern", path=name)
            return Source(name, tuple(matches), None, format, options)
        if isinstance(source, str) and hub.looks_like_hub_id(name) and _stands_nowhere(path):
            return Source(name, (), hub.load_hub(name, options.split), format, options)
    check_file(path)
    return Source(name, (path,), None, format, options)


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
