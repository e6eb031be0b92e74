"""Benchmark files in, items out: JSON Lines, JSON, CSV, TSV, all also gzipped, and Parquet.

A benchmark that is read in part protects in part, so nothing is skipped: every fault of every file is
reported at once, before anything is paid for. Faults name columns and rows, and quote no item.
"""

import csv
import glob
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import ConfigError

# The first of these that a file has, whatever its case. `instruction` goes together with `input`.
TEXT_COLUMNS = ("question", "problem", "prompt", "text", "instruction", "query")
ID_COLUMNS = ("id", "item_id", "task_id", "question_id", "problem_id", "unique_id", "qid", "idx")
# Ids are shown, and items must not be: what is long, or has spaces, other scripts or many words, may be one.
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,64}")
_BETWEEN_WORDS = re.compile(r"[._:/-]|(?<=[a-z])(?=[A-Z])")
_MOST_WORDS = 6
_SHOWN = 20
_MAX_FIELD = 1 << 27
_BATCH = 5_000

Row = Mapping[str, Any]
# A file, and the column of the question where it is named.
Reader = Callable[[IO[bytes], str | None], "Iterator[Row]"]


class Item(NamedTuple):
    """One problem of a benchmark; `benchmark` is the file's name without its endings."""

    benchmark: str
    item: str
    text: str


def read_benchmarks(paths: Sequence[str | Path], column: str | None = None) -> list[Item]:
    """All items of the files, of the files in the folders, and of the files that globs match.

    `column` names that of the question; a file without it has one of the usual names.

    Raises:
        ConfigError: a path does not exist, cannot be read, or has no item or no column of questions.
    """
    given = {path: _files(Path(path).expanduser()) for path in paths}
    files = list(dict.fromkeys(file for found in given.values() for file in found))
    names = dict(zip(files, _names(files), strict=True))
    items: list[Item] = []
    faults: list[str] = []
    for path, found in given.items():
        if not found:
            faults.append(f"{path} is no benchmark file, nor a folder of some: correct the path.")
        for file in found:
            if name := names.pop(file, None):
                try:
                    items += _items(file, name, column)
                except ConfigError as fault:
                    faults += fault.faults
    if faults:
        raise ConfigError(*faults)
    return items


def named(paths: Sequence[str | Path]) -> dict[str, Path]:
    """The files that are read, by what each goes by."""
    found = (file for path in paths for file in _files(Path(path).expanduser()))
    files = list(dict.fromkeys(found))
    return dict(zip(_names(files), files, strict=True))


def repeated(items: Iterable[Item]) -> list[tuple[str, str]]:
    """Benchmarks that hold the same problems as one before them, with that one: overlaps count for it."""
    texts: dict[str, set[str]] = {}
    for item in items:
        texts.setdefault(item.benchmark, set()).add(item.text)
    first: dict[frozenset[str], str] = {}
    pairs = [(name, first.setdefault(frozenset(held), name)) for name, held in texts.items()]
    return [(name, other) for name, other in pairs if name != other]


def question_columns(names: Iterable[str], column: str | None = None) -> list[str]:
    """The columns that make up the question, as they are written there; none where there is none.

    A column that is named is looked for first and as it is written, the usual ones whatever their case: one
    odd benchmark must not shut out all others.
    """
    there = list(names)
    if column is not None and column in there:
        return [column]
    lower = {name.lower(): name for name in reversed(there)}
    for known in TEXT_COLUMNS:
        if known in lower:
            more = [lower["input"]] if known == "instruction" and "input" in lower else []
            return [lower[known], *more]
    return []


def question_of(row: Row, columns: Sequence[str]) -> str:
    """The question of a row, its parts a line each."""
    return "\n".join(part for part in (_plain(row.get(column)) for column in columns) if part)


def id_of(row: Row) -> str | None:
    """The id that a row has, if it is one that may be shown."""
    named = {str(column).lower(): value for column, value in row.items()}
    found = next((str(named[c]) for c in ID_COLUMNS if named.get(c) is not None), "")
    return found if is_shown(found) else None


def is_shown(name: str) -> bool:
    """Whether an id or the name of a column may be written: it cannot be the text of an item."""
    words = sum(len(part) > 1 and part.isalpha() for part in _BETWEEN_WORDS.split(name))
    return bool(_ID.fullmatch(name)) and words <= _MOST_WORDS


def names_shown(names: Iterable[str]) -> str:
    """The columns that a file has, for a fault: the first line of a file without names is an item."""
    found = list(names)
    known = [name for name in found if is_shown(name)][:_SHOWN]
    hidden = len(found) - len(known)
    return ", ".join([*known, f"{hidden} more"] if hidden else known) or "none"


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [p for p in sorted(path.rglob("*")) if p.is_file() and _reader(p)]
    if path.exists():
        return [path]
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  (the root may be a pattern)
    return [Path(match) for match in matches if Path(match).is_file()]


def _names(files: Sequence[Path]) -> list[str]:
    """What each file goes by: its name without endings; where several have one, also folder, then endings."""
    short = [path.name.split(".")[0] or path.name for path in files]
    folders = [path.resolve().parent.name for path in files]
    longer = [f"{folder}/{name}" for folder, name in zip(folders, short, strict=True)]
    whole = [f"{folder}/{path.name}" for folder, path in zip(folders, files, strict=True)]
    counts = [Counter(names) for names in (short, longer, whole)]
    return [
        next(
            (name for name, count in zip(names, counts, strict=True) if count[name] == 1), f"{names[-1]}~{n}"
        )
        for n, names in enumerate(zip(short, longer, whole, strict=True), 1)
    ]


def _items(path: Path, name: str, column: str | None) -> list[Item]:
    reader = _reader(path)
    if reader is None:
        raise ConfigError(f"{path}: benchmarks are {', '.join(READERS)} files, also gzipped; convert it.")
    try:
        with _opened(path) as file:
            items = [
                Item(name, id_of(row) or str(number), _question(row, path, number, column))
                for number, row in enumerate(reader(file, column))
            ]
    except (OSError, EOFError, ValueError, RecursionError, csv.Error, zlib.error, pa.ArrowException) as fault:
        said = " ".join(str(fault).split())[:200].rstrip(".")
        raise ConfigError(f"{path} cannot be read as a benchmark ({said}): repair or remove it.") from fault
    if not items:  # mostly a download that failed: a table would pass as clean of it
        raise ConfigError(f"{path} holds no item: give the whole file, or leave it out.")
    if not any(item.text.strip() for item in items):
        raise ConfigError(f"{path}: all {len(items):,} questions are empty; name the column that holds them.")
    return items


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _question(row: Row, path: Path, number: int, column: str | None) -> str:
    columns = question_columns(map(str, row), column)
    if not columns:
        wanted = f"none is called {' or '.join([*([column] if column else []), *TEXT_COLUMNS])}"
        raise ConfigError(
            f"{path}, row {number}: of the columns {names_shown(map(str, row))} {wanted}; name the one that"
            " holds the question (--benchmark-column, in a recipe screen.benchmark_column)."
        )
    return question_of(row, columns)


def _plain(value: Any) -> str:
    """Text of a cell; of a list of chat messages their contents."""
    if isinstance(value, list):
        return "\n".join(_plain(part.get("content") if isinstance(part, dict) else part) for part in value)
    # JSON can write half of a pair of surrogates, which no embedder and no table takes.
    return "" if value is None else str(value).encode("utf-8", "replace").decode()


def _reader(path: Path) -> Reader | None:
    name = path.name.lower().removesuffix(".gz")
    return READERS.get(Path(name).suffix)


def _json_lines(file: IO[bytes], _: str | None = None) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        if text.strip():
            yield _row(_json_of(text, f"line {number} is no JSON"))


def _json(file: IO[bytes], _: str | None = None) -> Iterator[Row]:
    """A list of rows, or an object that holds one (`{"data": […]}`)."""
    whole = _json_of(file.read().decode("utf-8-sig"), "it is no JSON")
    if isinstance(whole, dict):
        whole = next((part for part in whole.values() if isinstance(part, list)), [whole])
    if not isinstance(whole, list):
        raise ValueError(f"it holds {type(whole).__name__} instead of a list of objects")
    yield from (_row(row) for row in whole)


def _json_of(text: str, said: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(said) from None  # the fault of the parser may quote the text


def _csv(file: IO[bytes], _: str | None = None, delimiter: str = ",") -> Iterator[Row]:
    csv.field_size_limit(_MAX_FIELD)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    for row in csv.DictReader(text, delimiter=delimiter):
        yield {name: value for name, value in row.items() if name is not None}


def _tsv(file: IO[bytes], _: str | None = None) -> Iterator[Row]:
    return _csv(file, delimiter="\t")


def _parquet(file: IO[bytes], column: str | None = None) -> Iterator[Row]:
    """Only the columns that count: a benchmark may come with pictures."""
    with pq.ParquetFile(file) as table:
        known = {*TEXT_COLUMNS, *ID_COLUMNS, "input"}
        names = table.schema_arrow.names
        wanted = [name for name in names if name.lower() in known or name == column]
        found = wanted if question_columns(wanted, column) else names
        for batch in table.iter_batches(_BATCH, columns=found):
            yield from batch.to_pylist()


def _row(value: Any) -> Row:
    if not isinstance(value, dict):
        raise ValueError(f"a row is {type(value).__name__} instead of an object")
    return value


READERS: dict[str, Reader] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _csv,
    ".tsv": _tsv,
    ".parquet": _parquet,
}
