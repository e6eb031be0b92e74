"""A table of rollouts out of a file of others: Parquet, JSON Lines or CSV, the last two also gzipped.

In: a path. Out: the table, and every row that is not in it with its reason. A row needs `problem`, `response`
and `correct` (true, false or null); the rest may be missing. Further columns are not looked at.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Protocol

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from synth.errors import ConfigError, StoreError
from synth.ids import content_id
from synth.rollouts.settle import settled
from synth.rollouts.tables import ROLLOUTS
from synth.stages.base import Rejected
from synth.text import normalise, one_line

Row = dict[str, Any]
Numbered = tuple[int, Row | str]
NEEDED = ("problem", "response", "correct")
# What the table holds before ids are worked out, and the row of the file that it came from.
RAW = pa.schema([*(f for f in ROLLOUTS.schema if f.name != "rollout_id"), pa.field("row", pa.int64())])
BATCH = 5_000
MAX_TOKENS = 1 << 30
# Longer fields than a response can have are no table; longer lines are not held, as packed ones have no end.
MAX_FIELD = 1 << 27
# More brackets than these may nest deeper than JSON is written.
_BRACKETS = 200
_CHUNK = 1 << 20


class Read(NamedTuple):
    """Rollouts, unique by problem, model, visit and sample; and the rows that fell out."""

    rollouts: pa.Table
    rejected: list[Rejected]


Id = Annotated[str, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
Count = Annotated[int, Field(ge=0, le=MAX_TOKENS)]


class _Rollout(BaseModel):
    """One row of a file, strict: a verdict of 1.0 or "yes" is none."""

    model_config = ConfigDict(strict=True, extra="ignore")

    problem_id: Id | None = Field(default=None, min_length=1)
    problem: str = Field(min_length=1)
    visit: Count = 0
    sample: Count | None = None
    response: str
    answer: str | None = None
    correct: bool | None
    truncated: bool = False
    tokens: Count | None = None
    model: str = ""
    label: str | None = None
    call_id: str | None = None


def read_rollouts(path: Path | str) -> Read:
    """The rollouts of a file.

    Raises:
        ConfigError: there is no such file, it is of another kind, or has not the columns that are needed.
        StoreError: the file is damaged as a whole.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"There is no file {path}; name a table of rollouts (Parquet, JSON Lines or CSV).")
    rejected: list[Rejected] = []
    try:
        batches = list(_batches(path, rejected))
    except (OSError, EOFError, zlib.error, pa.ArrowException) as fault:
        raise StoreError(f"{path} cannot be read ({one_line(str(fault))}); write it again.") from fault
    table = pa.Table.from_batches(batches, RAW)
    rollouts, fallen = settled(table, path.name)
    return Read(rollouts, sorted([*rejected, *fallen], key=lambda row: row.row_id))


def _batches(path: Path, rejected: list[Rejected]) -> Iterator[pa.RecordBatch]:
    name = path.name.lower()
    plain = name.removesuffix(".gz")
    if name.endswith(".parquet"):
        yield from _parquet(path, rejected)
    elif plain.endswith((".jsonl", ".ndjson", ".csv")):
        with gzip.open(path, "rb") if name != plain else path.open("rb") as file:
            text = plain.endswith(".csv")
            rows = csv_rows(file, path, NEEDED) if text else json_rows(file)
            yield from _checked(rows, path.name, rejected, strict=not text)
    else:
        raise ConfigError(
            f"{path} is no table of rollouts: give .parquet, .jsonl, .csv, or the last two gzipped."
        )


def _parquet(path: Path, rejected: list[Rejected]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        _need(file.schema_arrow.names, path, NEEDED)
        names = [field.name for field in RAW if field.name in file.schema_arrow.names]
        start = 0
        for batch in file.iter_batches(BATCH, columns=names):
            fast = _as_it_is(batch, start)
            rows = enumerate(batch.to_pylist(), start) if fast is None else ()
            yield from _checked(rows, path.name, rejected) if fast is None else [fast]
            start += batch.num_rows


def _as_it_is(batch: pa.RecordBatch, start: int) -> pa.RecordBatch | None:
    """A batch of exactly our columns and types, with nothing to find fault with; else None."""
    for field in RAW:
        if field.name == "row":
            continue
        if field.name not in batch.schema.names or batch.schema.field(field.name).type != field.type:
            return None
        values = batch[field.name]
        if not field.nullable and values.null_count:
            return None
        if pa.types.is_integer(field.type) and (pc.min(values).as_py() or 0) < 0:
            return None
    if any(pc.any(pc.equal(batch[name], "")).as_py() for name in ("problem", "problem_id")):
        return None
    numbers = pa.array(range(start, start + batch.num_rows), pa.int64())
    return pa.RecordBatch.from_arrays([*(batch[f.name] for f in RAW if f.name != "row"), numbers], schema=RAW)


class Lined(Protocol):
    """What lines are read from: a file, packed or not."""

    def readline(self, size: int, /) -> bytes:
        """The next line, or so much of it."""


def lines(file: Lined, limit: int) -> Iterator[bytes]:
    """The lines of a file; of one longer than `limit` bytes the first `limit + 1`, without the rest."""
    while line := file.readline(limit + 1):
        yield line
        if len(line) > limit:
            while line and not line.endswith(b"\n"):
                line = file.readline(_CHUNK)


def json_rows(file: Lined) -> Iterator[Numbered]:
    """The rows of JSON Lines with their numbers; of a line that is no object, what is wrong with it."""
    for number, line in enumerate(lines(file, MAX_FIELD)):
        if line.strip():
            yield number, _json_row(line)


def _json_row(line: bytes) -> Row | str:
    if len(line) > MAX_FIELD:
        return f"longer than {MAX_FIELD:,} bytes"
    try:
        row = orjson.loads(line)
        if line.count(b"[") + line.count(b"{") > _BRACKETS:
            orjson.dumps(row)  # what cannot be written again is not gone on with
    except orjson.JSONDecodeError as fault:
        return f"no JSON ({fault})"
    except orjson.JSONEncodeError:
        return "nested too deep"
    return row if isinstance(row, dict) else "no JSON object"


def csv_rows(file: Lined, path: Path, needed: Iterable[str]) -> Iterator[Numbered]:
    """The rows of a CSV with their numbers; of a row that is none, what is wrong with it.

    Raises:
        ConfigError: it has no head, or lacks a column that is needed.
    """
    csv.field_size_limit(MAX_FIELD)
    # What is not UTF-8 costs its own row: it becomes half a pair, which no Arrow string can hold.
    text = (line.decode(errors="surrogateescape") for line in lines(file, MAX_FIELD))
    rows = csv.DictReader((line.removeprefix("\ufeff") for line in text), strict=True)
    try:
        names = rows.fieldnames or ()
    except csv.Error as fault:
        said = one_line(str(fault).partition(" - ")[0])
        raise ConfigError(
            f"{path}: its first line is no head of a CSV ({said}); write the file again."
        ) from fault
    _need(names, path, needed)
    for number in count():
        try:
            row = next(rows, None)
        except csv.Error as fault:
            yield number, f"no CSV ({fault})"
            continue
        if row is None:
            return
        yield number, _fields(row)


def _fields(row: dict[str | Any, str | Any]) -> Row | str:
    """A row of texts as one with nulls, which CSV has not: what is empty is null, but for a response."""
    if None in row or None in row.values():
        return "another number of fields than the head"
    if any("\udc80" <= char <= "\udcff" for value in row.values() for char in value):
        return "not UTF-8"
    return {"correct": None} | {key: value for key, value in row.items() if value or key == "response"}


def _checked(
    rows: Iterable[Numbered], name: str, rejected: list[Rejected], strict: bool = True
) -> Iterator[pa.RecordBatch]:
    kept: list[Row] = []
    for number, row in rows:
        try:
            kept.append(_row(number, row, strict))
        except ValueError as fault:
            rejected.append(reject(name, number, "unreadable", _said(fault), row))
        if len(kept) == BATCH:
            yield pa.RecordBatch.from_pylist(kept, RAW)
            kept = []
    yield pa.RecordBatch.from_pylist(kept, RAW)


def _row(number: int, row: Row | str, strict: bool) -> Row:
    if isinstance(row, str):
        raise ValueError(row)
    made = _Rollout.model_validate(row, strict=strict).model_dump()
    made["problem_id"] = made["problem_id"] or content_id("p", normalise(made["problem"]))
    return {**made, "row": number}


def _said(fault: ValueError) -> str:
    if not isinstance(fault, ValidationError):
        return str(fault)
    first = fault.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg'][0].lower()}{first['msg'][1:]}"


def reject(name: str, number: int, reason: str, detail: str, row: Row | str) -> Rejected:
    """A row of a file that fell out, named by its place."""
    shown = row if isinstance(row, dict) else {}
    row_id = f"{name}#{number:09d}"
    return Rejected(row_id, name, reason, detail, None, json.loads(orjson.dumps(shown, default=str)))


def _need(names: Iterable[str], path: Path, needed: Iterable[str]) -> None:
    if missing := [name for name in needed if name not in names]:
        raise ConfigError(f"{path} has no column {', '.join(missing)}; a table of rollouts needs it.")
