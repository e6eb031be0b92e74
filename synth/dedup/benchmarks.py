"""Benchmark files in, items out: JSON Lines (also gzipped), JSON, CSV and Parquet.

A benchmark that is read in part protects in part, so nothing is skipped: every fault of every file is
reported at once, before anything is paid for.
"""

import csv
import glob
import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError

# The first of these that a file has, whatever its case. `instruction` goes together with `input`.
TEXT_COLUMNS = ("question", "problem", "prompt", "text", "instruction", "query")
ID_COLUMNS = ("id", "item_id", "task_id", "question_id", "problem_id", "unique_id", "qid", "idx")

Row = Mapping[str, Any]


class Item(NamedTuple):
    """One problem of a benchmark; `benchmark` is the file's name without its endings."""

    benchmark: str
    item: str
    text: str


def read_benchmarks(paths: Sequence[str | Path]) -> list[Item]:
    """All items of the files, of the files in the folders, and of the files that globs match.

    Raises:
        ConfigError: a path does not exist, cannot be read, or has no column that holds the question.
    """
    items: list[Item] = []
    faults: list[str] = []
    for given in paths:
        files = _files(Path(given).expanduser())
        if not files:
            faults.append(f"{given} is no benchmark file, nor a folder of some: correct screen.benchmarks.")
        for path in files:
            try:
                items += _items(path)
            except ConfigError as fault:
                faults += fault.faults
    if faults:
        raise ConfigError(*faults)
    return items


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [p for p in sorted(path.rglob("*")) if p.is_file() and _reader(p)]
    if path.exists():
        return [path]
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  (the root may be a pattern)
    return [Path(match) for match in matches if Path(match).is_file()]


def _items(path: Path) -> list[Item]:
    reader = _reader(path)
    if reader is None:
        raise ConfigError(f"{path}: benchmarks are {', '.join(READERS)} files, also gzipped; convert it.")
    try:
        rows = list(reader(_bytes(path)))
    except (OSError, EOFError, ValueError, csv.Error, pa.ArrowException) as fault:
        raise ConfigError(f"{path} cannot be read as a benchmark ({fault}): repair or remove it.") from fault
    name = path.name.split(".")[0]
    found = [(str(number), row, _text(row)) for number, row in enumerate(rows)]
    for number, row, text in found:
        if text is None:
            columns = ", ".join(map(str, row)) or "none"
            raise ConfigError(
                f"{path}, row {number}: none of the columns {columns} holds the question; "
                f"name it {TEXT_COLUMNS[0]}."
            )
    return [Item(name, _first(row, ID_COLUMNS) or number, text or "") for number, row, text in found]


def _text(row: Row) -> str | None:
    """The question of a row: an empty one where its column is empty, None where there is no column."""
    named = {str(column).lower(): value for column, value in row.items()}
    for column in TEXT_COLUMNS:
        if column in named:
            extra = named.get("input") if column == "instruction" else None
            return "\n".join(part for part in (_plain(named[column]), _plain(extra)) if part)
    return None


def _plain(value: Any) -> str:
    """Text of a cell; of a list of chat messages their contents."""
    if isinstance(value, list):
        return "\n".join(_plain(part.get("content") if isinstance(part, dict) else part) for part in value)
    return "" if value is None else str(value)


def _first(row: Row, columns: Iterable[str]) -> str:
    named = {str(column).lower(): value for column, value in row.items()}
    return next((str(named[c]) for c in columns if named.get(c) is not None), "")


def _bytes(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def _reader(path: Path) -> Callable[[bytes], Iterator[Row]] | None:
    return READERS.get(Path(path.name.removesuffix(".gz")).suffix.lower())


def _json_lines(data: bytes) -> Iterator[Row]:
    for line in data.decode("utf-8-sig").split("\n"):
        if line.strip():
            yield _row(json.loads(line))


def _json(data: bytes) -> Iterator[Row]:
    """A list of rows, or an object that holds one (`{"data": […]}`)."""
    whole = json.loads(data.decode("utf-8-sig"))
    if isinstance(whole, dict):
        whole = next((part for part in whole.values() if isinstance(part, list)), [whole])
    yield from (_row(row) for row in whole)


def _csv(data: bytes) -> Iterator[Row]:
    yield from csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))


def _parquet(data: bytes) -> Iterator[Row]:
    yield from pq.read_table(pa.BufferReader(data)).to_pylist()


def _row(value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError(f"a row is {type(value).__name__} instead of an object")
    return value


READERS: dict[str, Callable[[bytes], Iterator[Row]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".parquet": _parquet,
}
