"""Documents that are rows of a table: JSON Lines and Parquet.

In: bytes. Out: (row, content or fault) for each row, rows counted from 0; in JSON Lines a row is a
line, so that a fault can be found with an editor. One bad row never costs a neighbour.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from synth.config import DocumentsConfig
from synth.documents.content import Content, ReadError, decode
from synth.documents.markup import FIELDS, first_heading, stated_fields

TEXT_COLUMNS = ("text", "content", "body", "document", "passage", "markdown")
_BATCH_ROWS = 1000

Rows = Iterator[tuple[int, Content | ReadError]]


def read_jsonl(raw: bytes, config: DocumentsConfig) -> Rows:
    """One document per line; blank lines are none."""
    for number, line in enumerate(raw.split(b"\n")):
        if line.strip():
            yield number, _read_line(line, config)


def read_parquet(raw: bytes, config: DocumentsConfig) -> Rows:
    """One document per row.

    Raises:
        ReadError: this is no Parquet, has no column of text, or its columns unpack to too much.
    """
    try:
        file = pq.ParquetFile(BytesIO(raw))
        names = file.schema_arrow.names
        wanted = {text_column(names, config)}.union(n for names in FIELDS.values() for n in names)
        columns = [n for n in names if n in wanted]
        _check_unpacked(file.metadata, columns, config.max_bytes)
        batches = file.iter_batches(_BATCH_ROWS, columns=columns)
        rows = (row for batch in batches for row in batch.to_pylist())
        yield from enumerate(_read_row(row, config) for row in rows)
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
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    chunks = (group.column(i) for group in groups for i in range(group.num_columns))
    size = sum(c.total_uncompressed_size for c in chunks if c.path_in_schema in columns)
    if size > max_bytes:
        raise ReadError(f"more than {max_bytes:,} bytes unpacked", "too_large")


def _read_line(line: bytes, config: DocumentsConfig) -> Content | ReadError:
    try:
        row = json.loads(decode(line))
    except ReadError as fault:
        return fault
    except (ValueError, RecursionError) as fault:
        return ReadError(f"no JSON: {fault}")
    return _read_row(row, config) if isinstance(row, dict) else ReadError("not a JSON object")


def _read_row(row: Mapping[str, Any], config: DocumentsConfig) -> Content | ReadError:
    try:
        column = text_column(row, config)
    except ReadError as fault:
        return fault
    text = row[column]
    if not isinstance(text, str | None):
        return ReadError(f"{column} holds no text but {type(text).__name__}")
    fields = stated_fields(row)
    return Content(text or "", **{**fields, "title": fields["title"] or first_heading(text or "")})
