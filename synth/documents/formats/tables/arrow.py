"""Parquet and Arrow (also Feather, and the folders that `datasets` saves): one document a row.

In: a blob. Out: (place, content or fault) for each row, counted from 0. Tables are gone through batch by
batch, so they may be larger than any one document. One bad row never costs a neighbour.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth.config import DocumentsConfig
from synth.documents.content import Blob, ReadError
from synth.documents.formats.added import Rows
from synth.documents.formats.tables.columns import columns_read, read_row

_BATCH_ROWS = 100
GROUP_FACTOR = 8
_ARROW_FILE = b"ARROW1"
_FAULTS = (pa.ArrowException, OSError, ValueError, OverflowError)


def read_parquet(blob: Blob, config: DocumentsConfig) -> Rows:
    """One document per row.

    Raises:
        ReadError: this is no Parquet, has no column of text, or a row group unpacks to too much.
    """
    try:
        with _seekable(blob) as stream, pq.ParquetFile(stream) as file:
            columns = columns_read(file.schema_arrow.names, config)
            _check_unpacked(file.metadata, columns, config.max_bytes)
            yield from _rows(file.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False), config)
    except MemoryError:
        raise
    except _FAULTS as fault:
        raise ReadError(f"broken Parquet: {fault}") from fault


def read_arrow(blob: Blob, config: DocumentsConfig) -> Rows:
    """One document per row.

    Raises:
        ReadError: this is no Arrow file or stream, or has no column of text.
    """
    try:
        with _seekable(blob) as stream:
            yield from _rows(_batches(stream, config), config)
    except MemoryError:
        raise
    except _FAULTS as fault:
        raise ReadError(f"broken Arrow: {fault}") from fault


def _seekable(blob: Blob) -> BinaryIO:
    """A stream in which one can go back: of what is packed, all of it."""
    stream = blob.open()
    if stream.seekable():
        return stream
    stream.close()
    return io.BytesIO(blob.read())


def _batches(stream: BinaryIO, config: DocumentsConfig) -> Iterator[pa.RecordBatch]:
    """The record batches of a file or a stream, checked: they say themselves where their texts lie."""
    start = stream.read(len(_ARROW_FILE))
    stream.seek(0)
    if start == _ARROW_FILE:
        file = pa.ipc.open_file(stream)
        columns = columns_read(file.schema.names, config)
        batches: Iterable[pa.RecordBatch] = map(file.get_batch, range(file.num_record_batches))
    else:
        batches = reader = pa.ipc.open_stream(stream)
        columns = columns_read(reader.schema.names, config)
    for batch in batches:
        wanted = batch.select(columns)
        wanted.validate(full=True)
        yield wanted


def _rows(batches: Iterable[pa.RecordBatch], config: DocumentsConfig) -> Rows:
    number = 0
    for batch in batches:
        for row in range(batch.num_rows):
            try:
                found = read_row({n: batch.column(n)[row].as_py() for n in batch.schema.names}, config)
            except (ValueError, OverflowError) as fault:
                # Text that is no UTF-8, a date that is none.
                yield f"#{number}", ReadError(f"a broken row: {fault}")
            else:
                yield f"#{number}", found
            number += 1


def _check_unpacked(metadata: Any, columns: Sequence[str], max_bytes: int) -> None:
    """A row group is unpacked as a whole, so that one is what has to fit."""
    for group in (metadata.row_group(i) for i in range(metadata.num_row_groups)):
        chunks = (group.column(i) for i in range(group.num_columns))
        size = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema.split(".")[0] in columns)
        if size > GROUP_FACTOR * max_bytes:
            raise ReadError(
                f"a row group of more than {GROUP_FACTOR * max_bytes:,} bytes unpacked", "too_large"
            )
