"""Tables of responses and gold answers, a batch at a time: Parquet, JSON Lines (also gzipped), CSV.

In: paths. Out: Arrow batches of bounded size. What the files hold in their columns is kept; those of one name
have one type, or the files do not fit together. The columns of JSON Lines and their types are those of all
rows, for which each file is read once before its first batch. A line that is no row costs itself only:
batches leave it out, `bad_lines` tells of it, and `write_rejected` writes it down.
"""

import csv
import gzip
import io
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError
from synth.writing import atomic

BATCH_ROWS = 5_000
_SHOWN = 20
# More names than this are no columns, but data that stands where names belong.
_MOST_COLUMNS = 10_000
# Up to here a float holds every whole number.
_EXACT = 2**53
_MAX_FIELD = 100_000_000
REJECTED = "rejected.parquet"
_NO_OBJECT = "no JSON object"
_LINES = (".jsonl", ".ndjson", ".json")
_COMMAS = (".csv", ".tsv")


class Bad(NamedTuple):
    """A line that is no row: its file, its number from 1 (of CSV that of its end), why, and what it says."""

    file: str
    line: int
    reason: str
    row: str


def bad_lines(paths: Sequence[Path]) -> Iterator[Bad]:
    """The lines of JSON Lines and CSV that are no rows, in order; CSV is read once more for it."""
    for path in paths:
        kind = _kind_of(path)
        if kind in _LINES and _schema(path)[1]:
            with _opened(path) as file:
                yield from (row for row in _json_lines(file, path) if isinstance(row, Bad))
        elif kind in _COMMAS:
            with _opened(path) as file:
                yield from (row for row in _csv_lines(file, path) if isinstance(row, Bad))


def write_rejected(paths: Sequence[Path], out: Path, with_text: bool = True) -> int:
    """Write the lines that are no rows, where there are any; how many there are.

    What an earlier try has written goes. Without text where what they say may be what nobody is to see.
    """
    count = 0
    found = bad_lines(paths)
    (out / REJECTED).unlink(missing_ok=True)
    some = list(islice(found, BATCH_ROWS))
    if not some:
        return 0
    with atomic(out / REJECTED) as path, pq.ParquetWriter(path, _BAD, compression="zstd") as writer:
        while some:
            count += len(some)
            writer.write_table(pa.Table.from_pylist([_told(bad, with_text) for bad in some], _BAD))
            some = list(islice(found, BATCH_ROWS))
    return count


def _told(bad: Bad, with_text: bool) -> dict[str, Any]:
    return bad._asdict() | ({} if with_text else {"row": None})


_BAD = pa.schema([("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("row", pa.string())])


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
            raise ConfigError(f"There is no file {path}; give Parquet, JSON Lines (also .gz) or CSV.")
        first = next(_of_file(path, needed), None)
        if first is not None:
            schemas.append(first.schema)
    if not schemas:
        raise ConfigError(f"{', '.join(map(str, paths))}: there is no row in it; give a table with rows.")
    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException as fault:
        raise ConfigError(
            f"The columns of the files do not fit together: {fault}; give them one by one."
        ) from fault


def _of_file(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    kind = _kind_of(path)
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


def _kind_of(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((suffix for suffix in reversed(suffixes) if suffix != ".gz"), "")


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200].rstrip(".")


def _parquet(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _has(path, file.schema_arrow.names, needed)
        yield from file.iter_batches(BATCH_ROWS)


def _json_batches(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    schema, bad = _schema(path)
    if not schema:
        if bad:
            raise ConfigError(
                f"{path}, line {bad[0]}: {_NO_OBJECT}, nor is any other; give one object a line."
            )
        return
    _has(path, schema.names, needed)
    found: list[int] = []
    with _opened(path) as file:
        yield from _rows(path, _good(_json_lines(file, path), found), schema)
    if found != bad:
        raise ConfigError(_CHANGED.format(path))


def _csv_batches(path: Path, needed: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Of CSV each row has the columns of the first line, and all of them are text."""
    with _opened(path) as file:
        rows = _good(_csv_lines(file, path))
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


def _schema(path: Path) -> tuple[pa.Schema, list[int]]:
    """The columns of a file of JSON Lines, none where it has no rows; which lines are no rows."""
    there = path.stat()
    return _schema_of(path.absolute(), path, (there.st_ino, there.st_size, there.st_mtime_ns))


@lru_cache(maxsize=256)
def _schema_of(place: Path, path: Path, state: tuple[int, ...]) -> tuple[pa.Schema, list[int]]:
    """The same; a command reads a file several times, and looks for its columns once while it is the same."""
    kinds: dict[str, set[type]] = {}
    bad: list[int] = []
    with _opened(path) as file:
        for row in _json_lines(file, path):
            if isinstance(row, Bad):
                bad.append(row.line)
                continue
            for name, value in row.items():
                kinds.setdefault(name, set()).add(_kind(value))
            if len(kinds) > _MOST_COLUMNS:
                raise ConfigError(
                    f"{path}: there are more than {_MOST_COLUMNS:,} columns; give rows that share names."
                )
    return pa.schema([(name, _type(found)) for name, found in kinds.items()]), bad


def _opened(path: Path) -> TextIO:
    if path.suffix.lower() == ".gz":
        return io.TextIOWrapper(gzip.open(path), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _good(rows: Iterator[dict[str, Any] | Bad], bad: list[int] | None = None) -> Iterator[dict[str, Any]]:
    """Those that are rows; `bad` takes the numbers of the other lines."""
    for row in rows:
        if not isinstance(row, Bad):
            yield row
        elif bad is not None:
            bad.append(row.line)


def _json_lines(file: TextIO, path: Path) -> Iterator[dict[str, Any] | Bad]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield row if isinstance(row, dict) else Bad(path.name, number, _NO_OBJECT, _whole(line))


def _csv_lines(file: TextIO, path: Path) -> Iterator[dict[str, Any] | Bad]:
    """Rows; one with more cells than there are columns has lost a quote: none of its cells can be trusted."""
    csv.field_size_limit(_MAX_FIELD)
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    reader = csv.DictReader(file, delimiter=delimiter)
    for row in reader:
        if None in row:
            cells = [cell for name, cell in row.items() if name is not None]
            yield Bad(
                path.name, reader.line_num, "more cells than columns", delimiter.join([*cells, *row[None]])
            )
        else:
            yield row


def _whole(line: str) -> str:
    return line.rstrip("\r\n").encode("utf-8", "replace").decode()


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
