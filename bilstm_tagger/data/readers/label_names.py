"""The names that numbers stand for, where tags are numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bilstm_tagger.data.files import is_file, read_text
from bilstm_tagger.errors import DataError

__all__ = ["NAME_FIELDS", "NAME_FILES", "LabelNames"]

NAME_FIELDS = ("label_names", "tag_names", "names", "id2label")
NAME_FILES = ("labels.txt", "labels.json", "label_names.txt", "tags.txt", "classes.txt", "id2label.json", "config.json")
"""Where names are looked for beside a file whose tags are numbers."""


class LabelNames:
    """The names of numbers: from the record itself, from ``data.labels``, or from a file beside; read when needed.

    Args:
        path: The file whose numbers are to be named; None for data sets.
        labels: The file that the user has named.
    """

    def __init__(self, path: Path | None = None, labels: str | None = None) -> None:
        self._path = path
        self._labels = labels
        self._names: dict[int, str] | None = None

    def learn(self, record: Mapping[str, Any]) -> None:
        """Takes names that a record brings, such as ``{"label_names": ["O", "B-PER"], ...}``."""
        for field in NAME_FIELDS:
            if isinstance(record.get(field), (list, dict)) and (names := _as_names(record[field])):
                self._names = names
                return

    def name(self, number: int, where: Mapping[str, Any]) -> str | None:
        """Returns the name of a number; -1 and -100, the usual marks of an unknown label, have the name None.

        Raises:
            DataError: There are no names, or none for this number.
        """
        if number in (-1, -100):
            return None
        if self._names is None:
            self._names = self._read(number, where)
        if number not in self._names:
            raise DataError(
                "a number that stands for no label",
                **where,
                received=number,
                accepted=f"{min(self._names)} to {max(self._names)}, or -1 and -100 for an unknown tag",
            )
        return self._names[number]

    def _read(self, number: int, where: Mapping[str, Any]) -> dict[int, str]:
        places = [Path(self._labels).expanduser()] if self._labels is not None else []
        if self._labels is None and self._path is not None:
            places = [place for name in NAME_FILES if is_file(place := self._path.with_name(name))]
        for place in places:
            if names := _read_names(place):
                return names
        if self._labels is not None:
            raise DataError("no names of labels in this file", path=self._labels, accepted=_ACCEPTED)
        raise DataError(
            "tags that are numbers cannot be read without the names they stand for",
            **where,
            received=number,
            accepted=f"names in the record ({', '.join(NAME_FIELDS)}) or in a file beside it ({', '.join(NAME_FILES)})",
            hint="Set data.labels to the file of names",
        )


_ACCEPTED = 'a name on each line in the order of the numbers, ["O", "B-PER", ...], or {"0": "O", ...}'


def _read_names(path: Path) -> dict[int, str]:
    text = read_text(path)
    if text.lstrip()[:1] not in ("[", "{"):
        return dict(enumerate(line.split("\t")[0].strip() for line in text.splitlines() if line.strip()))
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not valid JSON ({error})", path=path, accepted=_ACCEPTED) from None
    if isinstance(value, dict):
        value = next((value[field] for field in NAME_FIELDS if field in value), value)
    return _as_names(value)


def _as_names(value: Any) -> dict[int, str]:
    """Returns number to name from a list of names, ``{"0": name}`` or ``{name: 0}``; empty when it is none of them."""
    if isinstance(value, list):
        return dict(enumerate(value)) if all(isinstance(name, str) for name in value) else {}
    names: dict[int, str] = {}
    for key, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, str) and str(key).isdecimal() and len(str(key)) < 10:
            names[int(key)] = item
        elif isinstance(item, int) and isinstance(key, str):
            names[item] = key
        else:
            return {}
    return names
