"""Rows as Arrow streams and Parquet files, in batches: they hold everything that a row has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from bilstm_tagger.data.arrow import row_batches, row_schema
from bilstm_tagger.data.records import Record
from bilstm_tagger.data.writers.base import WriteOptions, in_scheme

__all__ = ["write_arrow", "write_parquet"]


def write_arrow(records: Iterable[Record], stream: BinaryIO, options: WriteOptions) -> None:
    """Writes an Arrow stream, which ``datasets.Dataset.from_file`` maps.

    Raises:
        DataError: A token is not valid Unicode, or rows have dense columns of different widths.
    """
    import pyarrow as pa

    schema = row_schema(text=options.text, dense=options.dense > 0, document=options.documents)
    with pa.ipc.new_stream(stream, schema) as writer:
        for batch in row_batches(_in_scheme(records, options), schema, width=options.dense or None):
            writer.write_batch(batch)


def write_parquet(records: Iterable[Record], stream: BinaryIO, options: WriteOptions) -> None:
    """Writes a Parquet file.

    Raises:
        DataError: As for `write_arrow`.
    """
    import pyarrow.parquet as pq

    schema = row_schema(text=options.text, dense=options.dense > 0, document=options.documents)
    with pq.ParquetWriter(stream, schema) as writer:
        for batch in row_batches(_in_scheme(records, options), schema, width=options.dense or None):
            writer.write_batch(batch)


def _in_scheme(records: Iterable[Record], options: WriteOptions) -> Iterator[Record]:
    return (record._replace(tags=in_scheme(record, options)) for record in records)
