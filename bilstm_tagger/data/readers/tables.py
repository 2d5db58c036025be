"""Tables: Parquet and Arrow files, and rows of data sets; a sequence a row, or a word a row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bilstm_tagger.data.archives import BROKEN
from bilstm_tagger.data.files import check_file, open_binary
from bilstm_tagger.data.readers.csv import read_words
from bilstm_tagger.data.readers.fields import match_field
from bilstm_tagger.data.readers.jsonl import record_from_value
from bilstm_tagger.data.readers.label_names import LabelNames
from bilstm_tagger.data.readers.sentence_rows import WORD_FIELDS, hold_sentences, read_sentences
from bilstm_tagger.data.records import ReadOptions, Record
from bilstm_tagger.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_arrow", "read_parquet", "read_rows"]

_BATCH_ROWS = 1000
_PROBED_ROWS = 20


def read_parquet(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads a Parquet file in batches; numbers that stand for names become names where the file says which.

    Raises:
        DataError: It is no Parquet file, or its columns are not those of tagged sequences.
    """
    import pyarrow as pa
    import pyarrow.parquet

    check_file(path)
    try:
        with open_binary(path) as raw, pyarrow.parquet.ParquetFile(raw) as file:
            batches = file.iter_batches(batch_size=_BATCH_ROWS)
            yield from _read_batches(batches, file.schema_arrow, path, options)
    except (*BROKEN, pa.ArrowException, UnicodeDecodeError) as error:
        raise _unreadable("Parquet", path, error) from None


def read_arrow(path: Path, options: ReadOptions) -> Iterator[Record]:
    """Reads an Arrow file (IPC file or stream, Feather), mapped into memory.

    Raises:
        DataError: It is no Arrow file, or its columns are not those of tagged sequences.
    """
    import pyarrow as pa

    check_file(path)
    try:
        with open_binary(path) as raw, pa.memory_map(str(path)) if path.is_file() else pa.PythonFile(raw) as source:
            if source.read(6) == b"ARROW1":
                reader = pa.ipc.open_file(source)
                batches = (reader.get_batch(index) for index in range(reader.num_record_batches))
            else:
                source.seek(0)
                reader = batches = pa.ipc.open_stream(source)
            yield from _read_batches(batches, reader.schema, path, options)
    except (*BROKEN, pa.ArrowException, UnicodeDecodeError) as error:
        raise _unreadable("Arrow", path, error) from None


def read_rows(
    rows: Iterator[dict[str, Any]],
    features: Mapping[str, Any] | None,
    options: ReadOptions,
    names: LabelNames,
    name: str,
) -> Iterator[Record]:
    """Reads rows of named columns: lists of tokens and tags, text with spans, or a word with its tag.

    Args:
        rows: The rows.
        features: The columns' types as ``datasets`` has them, where they are known.
        options: How to read them.
        names: What numbers stand for, where the types do not say.
        name: The source, for messages.

    Raises:
        DataError: A column is missing or of another type; the "line" is the row's number from 1.
    """
    classes = {column: _class_names(feature) for column, feature in (features or {}).items()}
    classes = {column: found for column, found in classes.items() if found is not None}
    probed = list(itertools.islice(rows, _PROBED_ROWS))
    if not probed:
        return
    columns = list(probed[0])
    named = ((line, _named(row, classes)) for line, row in enumerate(itertools.chain(probed, rows), start=1))
    if options.task.kind != "residues":
        texts = ((line, {key: _as_text(value) for key, value in row.items()}) for line, row in named)
        strings = [{key: value for key, value in row.items() if isinstance(value, str)} for row in probed]
        words = match_field(columns, options.token_column, WORD_FIELDS)
        if options.require_tags and hold_sentences(columns, strings, options):
            yield from read_sentences(texts, columns, name, options, names)
            return
        if words is not None and words in strings[0]:
            yield from read_words(texts, columns, name, options)
            return
    for line, row in named:
        yield record_from_value(row, options, names, path=name, line=line, count=line)


def _read_batches(batches: Any, schema: pa.Schema, path: Path, options: ReadOptions) -> Iterator[Record]:
    rows = (row for batch in batches for row in _checked(batch).to_pylist())
    yield from read_rows(rows, _features(schema), options, LabelNames(path, options.labels), str(path))


def _checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Returns a batch whose offsets lie inside its buffers: reading a damaged file unchecked could crash Python."""
    batch.validate(full=True)
    return batch


def _features(schema: pa.Schema) -> Mapping[str, Any] | None:
    """Returns the types that ``datasets`` wrote into a file, if it did."""
    if b"huggingface" not in (schema.metadata or {}):
        return None
    import datasets

    try:
        features: Mapping[str, Any] = datasets.Features.from_arrow_schema(schema)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # types of a later release; the values themselves can still be read
    return features


def _class_names(feature: Any) -> Any:
    """Returns the names of a column of class labels, a mapping of them for a structure, or None."""
    import datasets

    if isinstance(feature, datasets.ClassLabel):
        return feature.names
    if isinstance(feature, list):
        return _class_names(feature[0]) if feature else None
    if isinstance(feature, Mapping):
        found = {name: _class_names(inner) for name, inner in feature.items()}
        return {name: names for name, names in found.items() if names is not None} or None
    inner = getattr(feature, "feature", None)
    return None if inner is None else _class_names(inner)


def _named(value: Any, names: Any) -> Any:
    """Replaces numbers by names; -1 and -100 are the usual marks of an unknown label."""
    if isinstance(value, list):
        return [_named(item, names) for item in value]
    if isinstance(value, dict):
        return {key: _named(item, names[key]) if key in names else item for key, item in value.items()}
    if isinstance(names, dict) or isinstance(value, bool) or not isinstance(value, int):
        return value
    return names[value] if 0 <= value < len(names) else None


def _as_text(value: Any) -> str:
    return "" if value is None or value != value else str(value)


def _unreadable(kind: str, path: Path, error: Exception) -> DataError:
    return DataError(f"not a readable {kind} file ({' '.join(str(error).split())[:200]})", path=path)
