"""Records to Arrow streams and back, in batches: memory does not grow with the source."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bilstm_tagger.data.records import Record
from bilstm_tagger.data.tags import Rewrite
from bilstm_tagger.errors import DataError

if TYPE_CHECKING:
    import datasets
    import pyarrow as pa

__all__ = ["DiskStore", "MemoryStore", "Store", "rewrite_tags", "row_batches", "row_schema", "write_records"]

_BATCH_TOKENS = 50_000
_logger = logging.getLogger("bilstm_tagger.data")


class Store(Protocol):
    """A place for streams by name."""

    def write(self, name: str) -> Any:
        """Opens a stream for writing."""

    def read(self, name: str) -> Any:
        """Opens a stream that was written."""


class DiskStore:
    """Streams as files of a folder; reading maps them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str) -> Any:
        """Opens a new file."""
        import pyarrow as pa

        return pa.OSFile(str(self.folder / name), "wb")

    def read(self, name: str) -> Any:
        """Maps a file that was written."""
        import pyarrow as pa

        return pa.memory_map(str(self.folder / name))


class MemoryStore:
    """Streams in memory, for when no folder can be written."""

    def __init__(self) -> None:
        self._streams: dict[str, Any] = {}

    def write(self, name: str) -> Any:
        """Opens a new buffer."""
        import pyarrow as pa

        self._streams[name] = pa.BufferOutputStream()
        return self._streams[name]

    def read(self, name: str) -> Any:
        """Opens a buffer that was written."""
        import pyarrow as pa

        return pa.BufferReader(self._streams[name].getvalue())

    def dataset(self, name: str) -> datasets.Dataset:
        """Returns the rows of a stream that was written."""
        import datasets

        return datasets.Dataset.from_buffer(self._streams[name].getvalue())


def write_records(records: Iterable[Record], sink: Any) -> int:
    """Writes records as rows; which optional columns there are is what the first 50,000 tokens have.

    Args:
        records: The records.
        sink: A binary Arrow output stream, closed at the end.

    Returns:
        The number of rows.

    Raises:
        DataError: A record has dense numbers of another width than the first, or text that is not valid Unicode.
    """
    import pyarrow as pa

    iterator = iter(records)
    with sink:
        chunk = next(_chunks(iterator), [])
        if not chunk:
            return 0
        width = len(chunk[0].dense[0]) if chunk[0].dense else None
        schema = row_schema(
            text=any(record.text is not None for record in chunk),
            dense=chunk[0].dense is not None,
            document=any(record.document is not None for record in chunk),
        )
        count = 0
        with pa.ipc.new_stream(sink, schema) as writer:
            records = itertools.chain(chunk, _watched(iterator, schema.names))
            for batch in row_batches(records, schema, width=width):
                writer.write_batch(batch)
                count += batch.num_rows
    return count


def _watched(records: Iterable[Record], columns: Sequence[str]) -> Iterator[Record]:
    """Passes records on, and says once when one has a part for which there is no column."""
    said = "text" in columns and "document" in columns
    for record in records:
        if not said and any(getattr(record, name) is not None and name not in columns for name in ("text", "document")):
            said = True
            _logger.warning(
                "%s:%d: texts or documents that begin here, behind 50,000 tokens without them, are not kept",
                record.path,
                record.line,
            )
        yield record


def row_batches(records: Iterable[Record], schema: pa.Schema, *, width: int | None) -> Iterator[pa.RecordBatch]:
    """Yields records as batches of rows of a :func:`row_schema`.

    Raises:
        DataError: A record has another number of dense columns than ``width``, or text that is not valid Unicode.
    """
    for chunk in _chunks(iter(records)):
        for record in chunk:
            _check_width(record, width)
        yield _batch(chunk, schema)


def rewrite_tags(source: Any, sink: Any, rewrite: Rewrite) -> None:
    """Copies a stream of rows with ``rewrite`` applied to the tags of each."""
    import pyarrow as pa

    with source, sink, pa.ipc.open_stream(source) as reader, pa.ipc.new_stream(sink, reader.schema) as writer:
        position = reader.schema.get_field_index("tags")
        for batch in reader:
            tags = [list(rewrite(row)) for row in batch.column(position).to_pylist()]
            columns = batch.columns
            columns[position] = pa.array(tags, reader.schema.field(position).type)
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=reader.schema))


def row_schema(*, text: bool, dense: bool, document: bool = False) -> pa.Schema:
    """Returns the columns of rows: id, tokens, tags, and where asked for text with offsets, dense, document."""
    import pyarrow as pa

    strings = pa.list_(pa.string())
    fields = [("id", pa.string()), ("tokens", strings), ("tags", strings)]
    if text:
        fields += [("text", pa.string()), ("offsets", pa.list_(pa.list_(pa.int64())))]
    if dense:
        fields += [("dense", pa.list_(pa.list_(pa.float32())))]
    if document:
        fields += [("document", pa.string())]
    return pa.schema(fields)


def _chunks(records: Iterator[Record]) -> Iterator[list[Record]]:
    chunk: list[Record] = []
    size = 0
    for record in records:
        chunk.append(record)
        size += len(record.tokens)
        if size >= _BATCH_TOKENS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _batch(chunk: list[Record], schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    try:
        columns = [pa.array([getattr(record, field.name) for record in chunk], field.type) for field in schema]
    except UnicodeEncodeError:
        for record in chunk:
            given = (record.text, record.document, *record.tags)
            text = "".join([record.id, *record.tokens, *filter(None, given)])
            if any("\ud800" <= character <= "\udfff" for character in text):
                raise DataError(
                    "half of a surrogate pair, which is no character", path=record.path, line=record.line
                ) from None
        raise
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _check_width(record: Record, width: int | None) -> None:
    received = len(record.dense[0]) if record.dense else None
    if received != width and record.tokens:
        raise DataError(
            "another number of dense columns than in the first row",
            path=record.path,
            line=record.line,
            received=0 if received is None else received,
            accepted=str(width or 0),
        )
