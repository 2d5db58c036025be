"""Reader of JSON: tokens with tags, or text with marked spans, in the layouts of the annotation tools."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bilstm_tagger.data.readers.json_values import read_json_values
from bilstm_tagger.data.readers.label_names import LabelNames
from bilstm_tagger.data.readers.layouts import KNOWN_LAYOUTS, find_marked_text
from bilstm_tagger.data.readers.named_fields import has_tokens, record_from_fields
from bilstm_tagger.data.readers.running_text import record_from_text
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError

__all__ = ["read_jsonl", "record_from_value"]


def read_jsonl(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads ``{"tokens": [...], "tags": [...]}`` a line; ``id``, ``text`` with ``offsets``, and ``dense`` if present.

    Other common names of the fields are understood (``words``, ``ner_tags``, ``labels``, ``sequence``, ``ss3`` ...),
    and for proteins strings instead of lists. A tag of null is unknown; tags may be numbers where their names stand
    in the record or in a file beside. Text with character spans is read in the layouts of
    :mod:`bilstm_tagger.data.readers.layouts`, whose offsets count characters. The file may also be one array.

    Raises:
        DataError: A value has none of these layouts, or its lists are of different lengths.
    """
    names = LabelNames(path, options.labels)
    for count, (line, value) in enumerate(read_json_values(path), start=1):
        yield record_from_value(value, options, names, path=str(path), line=line, count=count)


def record_from_value(
    value: Any, options: ReadOptions, names: LabelNames, *, path: str, line: int, count: int
) -> Record:
    """Makes a record of a JSON value or of a row of a table, whichever layout it has.

    Args:
        value: The value.
        options: How to read it.
        names: What numbers stand for.
        path: The source, for messages.
        line: Its line, for messages.
        count: The number of the record, for records without a name.

    Raises:
        DataError: It has no layout that is known, or something in it is wrong.
    """
    where: dict[str, Any] = {"path": path, "line": line}
    if isinstance(value, dict):
        names.learn(value)
    if options.task.kind != "residues" and not (isinstance(value, dict) and has_tokens(value, options)):
        marked = find_marked_text(value, options, names, where)
        if marked is not None:
            if marked.spans is None and options.require_tags:
                options.notes.add("texts that nobody has annotated or accepted, tags unknown", f"{path}:{line}")
            return record_from_text(marked, options, path=path, line=line, count=count)
    if not isinstance(value, dict):
        raise DataError("no layout that is known", **where, received=value, accepted=" | ".join(KNOWN_LAYOUTS))
    return record_from_fields(value, options, names=names, path=path, line=line, count=count)
