"""Data sets of the Hugging Face hub, saved ``datasets`` folders and ``Dataset`` objects."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.data.jsonl import record_from_fields
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError

if TYPE_CHECKING:
    import datasets

__all__ = ["is_saved_dataset", "load_hub", "load_saved", "looks_like_hub_id", "read_dataset"]

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?(:[\w.-]+)?")
_FILE_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,8}(:|$)")
_SYNONYMS = {"dev": ("validation", "dev", "valid", "val"), "train": ("train",), "test": ("test",)}


def looks_like_hub_id(source: str) -> bool:
    """Says whether a name that is no file can be one of the hub: ``NAME``, ``OWNER/NAME``, ``OWNER/NAME:CONFIG``."""
    return _HUB_ID.fullmatch(source) is not None and _FILE_SUFFIX.search(source) is None


def is_saved_dataset(folder: Path) -> bool:
    """Says whether a folder was written by ``save_to_disk``."""
    return (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file()


def load_saved(folder: Path, split: str) -> datasets.Dataset:
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


def load_hub(name: str, split: str) -> datasets.Dataset:
    """Fetches a data set of the hub (or its local copy); no code of the data set is run.

    Args:
        name: ``OWNER/NAME``, with ``:CONFIG`` behind it where there are several configurations.
        split: ``train``, ``dev`` or ``test``, or the data set's own name of a split.

    Raises:
        DataError: There is no such data set or split, or the hub cannot be reached.
    """
    import datasets

    path, _, config = name.partition(":")
    try:
        loaded = datasets.load_dataset(path, config or None)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            "no such file, and the hub has no such data set or cannot be reached",
            received=name,
            accepted="a file, a glob, builtin:NAME/SPLIT, or the id of a data set such as owner/name:config",
            hint=f"The hub's answer: {type(error).__name__}: {reason[:300]}",
        ) from None
    return _choose(dict(loaded), split, name)


def _choose(splits: dict[Any, datasets.Dataset], split: str, name: str) -> datasets.Dataset:
    for candidate in (split, *_SYNONYMS.get(split, ())):
        if candidate in splits:
            return splits[candidate]
    raise DataError("no such split", path=name, received=split, accepted=[str(key) for key in splits])


def read_dataset(dataset: datasets.Dataset, name: str, options: ReadOptions) -> Iterator[Record]:
    """Reads the rows of a data set; numbers that stand for names (``ClassLabel``) become these names.

    Raises:
        DataError: A column is missing or of another type; the "line" is the row's number from 1.
    """
    names = {column: _class_names(feature) for column, feature in dataset.features.items()}
    for count, row in enumerate(dataset, start=1):
        values = {
            column: _named(value, labels) if (labels := names[column]) else value for column, value in row.items()
        }
        yield record_from_fields(values, options, path=name, line=count, count=count)


def _class_names(feature: Any) -> list[str] | None:
    """Returns the names of a column of class labels, or of a list of them."""
    import datasets

    inner = getattr(feature, "feature", feature)
    return inner.names if isinstance(inner, datasets.ClassLabel) else None


def _named(value: Any, names: list[str]) -> Any:
    """Replaces numbers by names; -1 and -100 are the usual marks of an unknown label."""
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    return names[value] if isinstance(value, int) and value >= 0 else None
