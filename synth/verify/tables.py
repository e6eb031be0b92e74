"""Tables of responses and gold answers, a batch at a time: Parquet, JSON Lines (also gzipped), CSV.

In: paths. Out: Arrow batches of bounded size. What the files hold in their columns is kept; those of one name
have one type, or the files do not fit together. The columns of JSON Lines and their types are those of all
rows, for which each file is read once before its first batch.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError

BATCH_ROWS = 5_000
_SHOWN = 20
# More names than this are no columns, but data that stands where names belong.
_MOST_COLUMNS = 10_000
# Up to here a float holds every whole number.
_EXACT = 2**53
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
    """The columns of all files; those of JSON Lines take reading each file once.

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
            yield from _json_batches(path, needed)
        elif kind in _COMMAS:
            yield from _csv_batches(path, needed)
        else:
            raise ConfigError(f"{path}: no table that can be read; give .parquet, .jsonl, .jsonl.gz or .csv.")
    except (pa.ArrowException, UnicodeError, EOFError, gzip.BadGzipFile, csv.Error) as fault:
        raise ConfigError(
            f"{path} cannot be read: {_short(fault)}; is it whole, and of the kind its name says?"
        ) from fault


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200].rstrip(".")


def _parquet(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _has(path, file.schema_arrow.names, needed)
        yield from file.iter_batches(BATCH_ROWS)


def _json_batches(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    schema = _schema(path)
    if not schema:
        return
    _has(path, schema.names, needed)
    with _opened(path) as file:
        yield from _rows(path, _json_rows(file, path), schema)


def _csv_batches(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Of CSV each row has the columns of the first line, and all of them are text."""
    with _opened(path) as file:
        rows = _csv_rows(file, path)
        first = next(rows, None)
        if first is not None:
            _has(path, list(first), needed)
            schema = pa.schema([(name, pa.string()) for name in first])
            yield from _rows(path, chain([first], rows), schema)


def _rows(path: Path, rows: Iterator[dict[str, Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches of rows that come one by one."""
    names = frozenset(schema.names)
    while taken := list(islice(rows, BATCH_ROWS)):
        if any(not names.issuperset(row) for row in taken):
            raise ConfigError(_CHANGED.format(path))
        columns = [pa.array([_value(path, row.get(f.name), f.type) for row in taken], f.type) for f in schema]
        yield pa.record_batch(columns, schema=schema)


def _schema(path: Path) -> pa.Schema:
    """The columns of a file of JSON Lines; none where it has no rows."""
    there = path.stat()
    return _schema_of(path.absolute(), path, (there.st_ino, there.st_size, there.st_mtime_ns))


@lru_cache(maxsize=256)
def _schema_of(place: Path, path: Path, state: tuple[int, ...]) -> pa.Schema:
    """The same; a command reads a file several times, and looks for its columns once while it is the same."""
    kinds: dict[str, set[type]] = {}
    with _opened(path) as file:
        for row in _json_rows(file, path):
            for name, value in row.items():
                kinds.setdefault(name, set()).add(_kind(value))
            if len(kinds) > _MOST_COLUMNS:
                raise ConfigError(
                    f"{path}: there are more than {_MOST_COLUMNS:,} columns; give rows that share names."
                )
    return pa.schema([(name, _type(found)) for name, found in kinds.items()])


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


class _Large(int):
    """Stands for whole numbers that no float holds exactly."""


class _Huge(int):
    """Stands for whole numbers of more than 64 bits."""


def _kind(value: Any) -> type:
    if type(value) is int and not -_EXACT <= value <= _EXACT:
        return _Large if -(2**63) <= value < 2**63 else _Huge
    return type(value)


def _type(kinds: set[type]) -> pa.DataType:
    """The type of a column: the narrowest that holds all its values as they are, else text."""
    found = kinds - {type(None)}
    for kind, narrower in _TYPES:
        if found and found <= narrower:
            return kind
    return pa.string()


_TYPES: tuple[tuple[pa.DataType, set[type]], ...] = (
    (pa.bool_(), {bool}),
    (pa.int64(), {int, _Large}),
    (pa.float64(), {int, float}),
)
_CHANGED = "{} was changed while it was read; run it again."


def _value(path: Path, value: Any, kind: pa.DataType) -> Any:
    """A value as its column holds it."""
    if value is None:
        return None
    if pa.types.is_string(kind):
        return text_of(value)
    if _type({_kind(value)}) == kind:
        return value
    if pa.types.is_floating(kind) and _kind(value) is int:
        return float(value)
    raise ConfigError(_CHANGED.format(path))


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
