"""Data sets of the Hugging Face hub, saved ``datasets`` folders and ``Dataset`` objects."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.data.readers.label_names import LabelNames
from bilstm_tagger.data.readers.tables import read_rows
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "as_dataset",
    "is_saved_dataset",
    "load_hub",
    "load_saved",
    "looks_like_hub_id",
    "read_dataset",
]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(:[\w.-]+)?")
_FILE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}(:|$)")
_SYNONYMS = {"dev": ("validation", "dev", "valid", "val"), "train": ("train",), "test": ("test",)}


def looks_like_hub_id(source: str) -> bool:
    """Says whether a name that is no file can be one of the hub: ``NAME``, ``OWNER/NAME``, ``OWNER/NAME:CONFIG``."""
    return _HUB_ID.fullmatch(source) is not None and _FILE_SUFFIX.search(source) is None


def is_saved_dataset(folder: Path) -> bool:
    """Says whether a folder was written by ``save_to_disk``."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def load_saved(folder: Path, split: str) -> Any:
    """Opens what ``save_to_disk`` wrote.

    Raises:
        DataError: It cannot be read, or has no such split.
    """
    import datasets

    try:
        loaded = datasets.load_from_disk(str(folder))
    except (OSError, ValueError) as error:
        raise DataError(f"not a readable saved data set ({error})", path=folder) from None
    return loaded if isinstance(loaded, datasets.Dataset) else _choose(dict(loaded), split, str(folder))


def load_hub(name: str, split: str, *, streaming: bool = False) -> Any:
    """Fetches a data set of the hub (or its local copy); no code of the data set is run.

    Args:
        name: ``OWNER/NAME``, with ``:CONFIG`` behind it where there are several configurations.
        split: ``train``, ``dev`` or ``test``, or the data set's own name of a split.
        streaming: Read the rows over the network as they are needed, instead of fetching all files first.

    Raises:
        DataError: There is no such data set or split, or the hub cannot be reached.
    """
    import datasets

    path, _, config = name.partition(":")
    if not path.strip():
        raise DataError(
            "no name of a data set", received=f"hub:{name}", accepted="hub:OWNER/NAME, hub:OWNER/NAME:CONFIG"
        )
    try:
        loaded = datasets.load_dataset(path, config or None, streaming=streaming)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            "no such file, and the hub has no such data set or cannot be reached",
            received=name,
            accepted="a file, a glob, builtin:NAME/SPLIT, or the id of a data set such as owner/name:config",
            hint=f"The hub's answer: {type(error).__name__}: {reason[:300]}",
        ) from None
    return _choose(dict(loaded), split, name)


def _choose(splits: Mapping[Any, Any], split: str, name: str) -> Any:
    """Returns the part of that name, or of a name that means the same (``dev`` is ``validation``).

    Raises:
        DataError: There is none.
    """
    for candidate in (split, *_SYNONYMS.get(split, ())):
        if candidate in splits:
            return splits[candidate]
    raise DataError("no such split", path=name, received=split, accepted=[str(key) for key in splits])


def as_dataset(given: object, split: str) -> Any | None:
    """Returns the data set that an object of ``datasets``, pandas or pyarrow holds, or None for anything else.

    Raises:
        DataError: It has no such split, or columns of mixed types.
    """
    import datasets

    if isinstance(given, (datasets.Dataset, datasets.IterableDataset)):
        return given
    if isinstance(given, dict) and all(
        isinstance(part, (datasets.Dataset, datasets.IterableDataset)) for part in given.values()
    ):
        return _choose(given, split, "the data set")
    module, name = type(given).__module__.split(".")[0], type(given).__name__
    if (module, name) not in (("pandas", "DataFrame"), ("pyarrow", "Table")):
        return None
    import pyarrow as pa

    try:
        table = given if isinstance(given, pa.Table) else pa.Table.from_pandas(_as_strings(given), preserve_index=False)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise DataError(
            f"columns of mixed types ({' '.join(str(error).split())[:200]})",
            path="the data frame",
            accepted="a column of lists of words with one of lists of tags, or a word and a tag a row",
        ) from None
    return datasets.Dataset(table, fingerprint=_fingerprint(table))


def _as_strings(frame: Any) -> Any:
    """Returns a data frame whose columns of strings hold nothing else: a word 7 in them is the word "7"."""
    mixed = [
        name
        for name in frame.columns
        if frame[name].dtype == object and isinstance(next(iter(frame[name].dropna()), None), str)
    ]
    return frame.assign(**{name: frame[name].map(str, na_action="ignore") for name in mixed}) if mixed else frame


def read_dataset(dataset: Any, name: str, options: ReadOptions) -> Iterator[Record]:
    """Reads the rows of a data set, streamed or not; numbers that stand for names (``ClassLabel``) become names.

    Raises:
        DataError: A column is missing or of another type, or the rows cannot be fetched; the "line" is the row's
            number from 1.
    """
    rows = _fetched(iter(dataset), name)
    # A streamed set may not know its types before it is read.
    yield from read_rows(rows, dataset.features, options, LabelNames(None, options.labels), name)


def _fetched(rows: Iterator[dict[str, Any]], name: str) -> Iterator[dict[str, Any]]:
    try:
        yield from rows
    except (OSError, ValueError) as error:
        # A streamed set is read over the network while the rows are asked for.
        raise DataError(f"a row cannot be read ({type(error).__name__}: {error})", path=name) from None


def _fingerprint(table: pa.Table) -> str:
    """Returns a hash of a table's content."""
    import pyarrow as pa

    sink = _HashingSink()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        writer.write_table(table)
    return sink.digest.hexdigest()


class _HashingSink:
    """A file for writing that keeps nothing but a hash."""

    closed = False

    def __init__(self) -> None:
        self.digest = hashlib.blake2b(digest_size=16)

    def write(self, block: Any) -> int:
        self.digest.update(block)
        return len(block)

    def flush(self) -> None:
        """Nothing waits to be written."""
