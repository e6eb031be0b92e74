"""Logs in blocks of columns: Parquet, JSON Lines or CSV, the last two also gzipped.

In: paths, and which columns hold what. Out: blocks of the columns that are needed and of no others: the
responses of ten million attempts are never read. Texts that repeat come once a block.
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError
from synth.rollouts.read import Lined, Numbered, csv_rows, json_rows, reject
from synth.stages.base import Rejected
from synth.sws.roles import NAMES, Roles, roles_of
from synth.sws.scores import Numbers
from synth.text import one_line

TEXTS = ("problem", "category", "label", "model", "answer", "log")
# Blocks are joined up to so many rows or bytes before their texts are looked up: row groups may be small.
BLOCK_ROWS = 1_000_000
BLOCK_BYTES = 1 << 28
BATCH = 1 << 16
LINES = 50_000
LINE_BYTES = 1 << 26
# JSON may name another column in each line: the others are not looked for, nor shown.
MOST_NAMES = 1_000
_ENDINGS = (".parquet", ".jsonl", ".ndjson", ".csv", ".jsonl.gz", ".ndjson.gz", ".csv.gz")
# Of the cells of a log too: strings that are not UTF-8, numbers too large, types that nobody thought of.
_FAULTS = (OSError, EOFError, zlib.error, pa.ArrowException, UnicodeError, OverflowError, RecursionError)


class Block(NamedTuple):
    """Some rows of a log: their numbers in the file, and an array for each role."""

    rows: Numbers
    columns: dict[str, pa.Array]


class Log(NamedTuple):
    """One file, the name it goes by in tables, and the folder that makes it part of one log with others."""

    path: Path
    name: str
    folder: Path


def logs(paths: Sequence[Path]) -> list[Log]:
    """All files that were named, those of a folder in the order of their names.

    Raises:
        ConfigError: there is no such file, it is no table, or it was named twice.
    """
    files = [file for path in paths for file in _files(path)]
    resolved = [file.resolve() for file in files]
    times = Counter(resolved)
    if twice := {file for file, full in zip(files, resolved, strict=True) if times[full] > 1}:
        raise ConfigError(f"{min(twice)} is named twice; name each log once.")
    names = Counter(file.name for file in files)
    shown = [f"{full.parent.name}/{full.name}" if names[full.name] > 1 else full.name for full in resolved]
    alike, before = Counter(shown), Counter[str]()
    for n, name in enumerate(shown):
        if alike[name] > 1:
            shown[n] = f"{name}~{before[name]}"
            before[name] += 1
    return [Log(f, name, full.parent) for f, name, full in zip(files, shown, resolved, strict=True)]


def _files(path: Path) -> list[Path]:
    found = (
        sorted(p for p in path.rglob("*") if p.name.lower().endswith(_ENDINGS) and p.is_file())
        if path.is_dir()
        else [path]
    )
    if not found or not found[0].is_file():
        raise ConfigError(f"There is no log {path}; name Parquet, JSON Lines or CSV, or a folder of them.")
    if not found[0].name.lower().endswith(_ENDINGS):
        raise ConfigError(f"{path} is no log; give .parquet, .jsonl, .csv, or the last two gzipped.")
    return found


def blocks(
    log: Log, given: Mapping[str, str], rejected: list[Rejected], seen: Roles | None = None
) -> Iterator[Block]:
    """The rows of a log; `seen` is filled with the column of each role.

    Raises:
        ConfigError: the file is damaged, or lacks a column.
    """
    roles = {} if seen is None else seen
    with readable(log):
        if log.path.name.lower().endswith(".parquet"):
            yield from _parquet(log, given, roles)
        else:
            yield from _rows(log, given, roles, rejected)


@contextmanager
def readable(log: Log) -> Iterator[None]:
    """Whatever a log holds that cannot be read ends in a sentence.

    Raises:
        ConfigError: it is damaged, or holds what no log holds.
    """
    try:
        yield
    except _FAULTS as fault:
        said = one_line(str(fault)).rstrip(".")
        raise ConfigError(
            f"{log.path} cannot be read ({said}); is it whole, and what its name says?"
        ) from fault


def _parquet(log: Log, given: Mapping[str, str], roles: Roles) -> Iterator[Block]:
    schema = pq.read_schema(log.path)
    roles |= roles_of(log.path, schema.names, given)
    roles.pop("response", None)
    wanted = sorted(set(roles.values()))
    texts = [roles[r] for r in TEXTS if r in roles and _is_text(schema.field(roles[r]).type)]
    # Buffering ahead would hold the columns of all row groups.
    with pq.ParquetFile(log.path, read_dictionary=texts, pre_buffer=False) as file:
        start = 0
        for table in _joined(file.iter_batches(BATCH, columns=wanted)):
            columns = {role: _one(table[name]) for role, name in roles.items()}
            yield Block(np.arange(start, start + table.num_rows), columns)
            start += table.num_rows


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        held.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= BLOCK_ROWS or size >= BLOCK_BYTES:
            yield pa.Table.from_batches(held).unify_dictionaries()
            held, rows, size = [], 0, 0
    if rows:
        yield pa.Table.from_batches(held).unify_dictionaries()


def _one(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else joined.chunk(0)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind))


def _rows(log: Log, given: Mapping[str, str], roles: Roles, rejected: list[Rejected]) -> Iterator[Block]:
    with _opened(log.path) as file:
        names = _present(_numbered(log, file), {*given.values(), *chain(*NAMES.values())})
    with _opened(log.path) as file:
        counted, start = _Counted(file), 0
        numbers: list[int] = []
        kept: list[list[Any]] = []
        for number, row in _numbered(log, counted):
            if isinstance(row, str):
                rejected.append(reject(log.name, number, "unreadable", row, row))
                continue
            if not roles:
                roles |= roles_of(log.path, names, given)
            numbers.append(number)
            kept.append([row.get(name) for role, name in roles.items() if role != "response"])
            if len(kept) == LINES or counted.bytes - start >= LINE_BYTES:
                yield _block(numbers, kept, roles)
                numbers, kept, start = [], [], counted.bytes
        if kept:
            yield _block(numbers, kept, roles)


class _Counted:
    """A file, and how many bytes of it were read."""

    def __init__(self, file: Lined) -> None:
        self._file, self.bytes = file, 0

    def readline(self, size: int, /) -> bytes:
        line = self._file.readline(size)
        self.bytes += len(line)
        return line


def _numbered(log: Log, file: Lined) -> Iterator[Numbered]:
    return csv_rows(file, log.path, ()) if ".csv" in log.path.suffixes[-2:] else json_rows(file)


def _present(rows: Iterable[Numbered], known: Set[str]) -> list[str]:
    """The columns that hold something in any row: were it the first rows alone, their order would decide.

    What CSV has no value for is put in by name; a log need not have that column.
    """
    names: dict[str, None] = {}
    for _, row in rows:
        if isinstance(row, dict) and not row.keys() <= names.keys():
            new = (name for name, value in row.items() if value is not None)
            names |= dict.fromkeys(name for name in new if name in known or len(names) < MOST_NAMES)
    return list(names)


def _block(numbers: Sequence[int], rows: Sequence[Sequence[Any]], roles: Roles) -> Block:
    wanted = (role for role in roles if role != "response")
    columns = zip(*rows, strict=True)
    return Block(
        np.array(numbers, np.int64),
        {role: _array(list(column)) for role, column in zip(wanted, columns, strict=True)},
    )


def _array(values: list[Any]) -> pa.Array:
    """Values of one kind as they are; mixed ones as text, from which numbers are read as well."""
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        texts = list(map(_as_text, values))
        return pa.array(texts, pa.string())


def _as_text(value: Any) -> str | None:
    """A value as Arrow would write it in a column of its kind: 7.0 is `7` beside texts as beside numbers."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(pa.scalar(value).cast(pa.string()).as_py())
    return orjson.dumps(value, default=str).decode()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
        yield file  # type: ignore[misc]
