"""Tables of responses and gold answers, a batch at a time: Parquet, JSON Lines (also gzipped), CSV.

In: paths. Out: Arrow batches of bounded size. What the files hold in their columns is kept; those of one name
have one type, or the files do not fit together.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError

BATCH_ROWS = 5_000
_SHOWN = 20
_MAX_FIELD = 100_000_000
_LINES = (".jsonl", ".ndjson", ".json")
_COMMAS = (".csv", ".tsv")


def batches(paths: Sequence[Path], needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The rows of all files in order; each file is checked for its columns before its first row.

    Raises:
        ConfigError: a file is none of these, cannot be read, or lacks a column.
    """
    for path in paths:
        yield from _of_file(path, needed)


def check(paths: Sequence[Path], needed: Sequence[str]) -> pa.Schema:
    """The columns of all files, by a look at the first rows of each.

    Raises:
        ConfigError: a file is not there, is none of these, is empty, or lacks a column; columns do not fit.
    """
    schemas = []
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"{path} is no file; give Parquet, JSON Lines (also .gz) or CSV.")
        first = next(_of_file(path, needed), None)
        if first is not None:
            schemas.append(first.schema)
    if not schemas:
        raise ConfigError(f"{', '.join(map(str, paths))}: there is no row in it; give a table with rows.")
    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as fault:
        raise ConfigError(
            f"The columns of the files do not fit together: {fault}; verify them one by one."
        ) from fault


def _of_file(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    kind = next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")
    try:
        if kind == ".parquet":
            yield from _parquet(path, needed)
        elif kind in _LINES:
            yield from _rows(path, _json_rows, needed)
        elif kind in _COMMAS:
            yield from _rows(path, _csv_rows, needed)
        else:
            raise ConfigError(f"{path}: no table that can be read; give .parquet, .jsonl, .jsonl.gz or .csv.")
    except (pa.ArrowException, UnicodeDecodeError, EOFError, gzip.BadGzipFile, csv.Error) as fault:
        raise ConfigError(
            f"{path} cannot be read: {_short(fault)}; is it whole, and of the kind its name says?"
        ) from fault


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200].rstrip(".")


def _parquet(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _has(path, file.schema_arrow.names, needed)
        yield from file.iter_batches(BATCH_ROWS)


def _rows(path: Path, read: Any, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Batches of rows that come one by one; a column that the first batch lacks is not kept of later ones."""
    schema: pa.Schema | None = None
    with _opened(path) as file:
        rows = read(file, path)
        while taken := list(islice(rows, BATCH_ROWS)):
            names = list(dict.fromkeys(name for row in taken for name in row))
            if schema is None:
                _has(path, names, needed)
                schema = pa.schema([(name, _type([row.get(name) for row in taken])) for name in names])
            columns = [pa.array([_value(row.get(f.name), f.type) for row in taken], f.type) for f in schema]
            yield pa.record_batch(columns, schema=schema)


def _opened(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _json_rows(file: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise ConfigError(f"{path}, line {number}: no JSON object; give one object a line.")
        yield row


def _csv_rows(file: TextIO, path: Path) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(_MAX_FIELD)
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    for row in csv.DictReader(file, delimiter=delimiter):
        yield {name: value for name, value in row.items() if name is not None}


def _type(values: Sequence[Any]) -> pa.DataType:
    """The type of a column: that of its values where they are plain and alike, else text."""
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) == 1 and (kind := kinds.pop()) in _TYPES:
        return _TYPES[kind]
    return pa.float64() if kinds == {int, float} else pa.string()


_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def _value(value: Any, kind: pa.DataType) -> Any:
    """A value as its column holds it: what does not fit becomes text, and in columns of numbers null."""
    if value is None:
        return None
    if pa.types.is_string(kind):
        return text_of(value)
    if pa.types.is_boolean(kind):
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if pa.types.is_integer(kind):
        return value if isinstance(value, int) and -(2**63) <= value < 2**63 else None
    return float(value)


def text_of(value: Any) -> str | None:
    """A cell as text; what is no text is written as JSON, and half of a surrogate pair becomes a mark."""
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "replace").decode("utf-8")


def _has(path: Path, names: Sequence[str], needed: Sequence[str]) -> None:
    for name in needed:
        if name not in names:
            more = ", …" if len(names) > _SHOWN else ""
            there = ", ".join(map(str, names[:_SHOWN])) + more or "none"
            raise ConfigError(f"{path}: there is no column {name!r}; there are: {there}.")
