"""Documents that are rows of a table: JSON Lines and Parquet.

In: a blob. Out: (place, content or fault) for each row, rows counted from 0; in JSON Lines a row is a
line, so that a fault can be found with an editor. Tables are gone through row by row, so they may be
larger than any one document. One bad row never costs a neighbour.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth.config import DocumentsConfig
from synth.documents.content import Blob, Content, ReadError, decode
from synth.documents.markup import FIELDS, first_heading, stated_fields

TEXT_COLUMNS = ("text", "content", "body", "document", "passage", "markdown")
_BATCH_ROWS = 100
GROUP_FACTOR = 8

Rows = Iterator[tuple[str, Content | ReadError]]


def read_jsonl(blob: Blob, config: DocumentsConfig) -> Rows:
    """One document per line; blank lines are none."""
    with blob.open() as stream:
        for number, line in enumerate(_lines(stream, blob.max_bytes)):
            if line is None:
                fault = ReadError(f"a line of more than {blob.max_bytes:,} bytes", "too_large")
                yield f"#{number}", fault
            elif line.strip():
                yield f"#{number}", _read_line(line, config)


def _lines(stream: BinaryIO, limit: int) -> Iterator[bytes | None]:
    """The lines of a stream; None for one that is too long, of which no more is held than the limit."""
    while line := stream.readline(limit + 1):
        if len(line) <= limit or line.endswith(b"\n"):
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(limit)
        yield None


def read_parquet(blob: Blob, config: DocumentsConfig) -> Rows:
    """One document per row.

    Raises:
        ReadError: this is no Parquet, has no column of text, or a row group unpacks to too much.
    """
    try:
        with blob.open() as stream, pq.ParquetFile(stream) as file:
            names = file.schema_arrow.names
            wanted = {text_column(names, config)}.union(n for names in FIELDS.values() for n in names)
            columns = [n for n in names if n in wanted]
            _check_unpacked(file.metadata, columns, config.max_bytes)
            batches = file.iter_batches(_BATCH_ROWS, columns=columns, use_threads=False)
            rows = (row for batch in batches for row in batch.to_pylist())
            for number, row in enumerate(rows):
                yield f"#{number}", read_row(row, config)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
        raise ReadError(f"broken Parquet: {fault}") from fault


def text_column(names: Iterable[str], config: DocumentsConfig) -> str:
    """The column that holds the text.

    Raises:
        ReadError: there is none.
    """
    names = list(names)
    wanted = (config.text_column,) if config.text_column else TEXT_COLUMNS
    for name in wanted:
        if name in names:
            return name
    there = ", ".join(names[:20]) or "none"
    raise ReadError(f"no column {' or '.join(wanted)} (there: {there}); set documents.text_column")


def _check_unpacked(metadata: Any, columns: list[str], max_bytes: int) -> None:
    """A row group is unpacked as a whole, so that one is what has to fit."""
    for group in (metadata.row_group(i) for i in range(metadata.num_row_groups)):
        chunks = (group.column(i) for i in range(group.num_columns))
        size = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema in columns)
        if size > GROUP_FACTOR * max_bytes:
            raise ReadError(
                f"a row group of more than {GROUP_FACTOR * max_bytes:,} bytes unpacked", "too_large"
            )


def _read_line(line: bytes, config: DocumentsConfig) -> Content | ReadError:
    try:
        row = json.loads(decode(line))
    except ReadError as fault:
        return fault
    except (ValueError, RecursionError) as fault:
        return ReadError(f"no JSON: {fault}")
    return read_row(row, config) if isinstance(row, dict) else ReadError("not a JSON object")


def read_row(row: Mapping[str, Any], config: DocumentsConfig) -> Content | ReadError:
    """The document of one row, given by its columns."""
    try:
        column = text_column(row, config)
    except ReadError as fault:
        return fault
    text = row[column]
    if not isinstance(text, str | None):
        return ReadError(f"{column} holds no text but {type(text).__name__}")
    fields = stated_fields(row)
    return Content(text or "", **{**fields, "title": fields["title"] or first_heading(text or "")})
