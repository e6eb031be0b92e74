"""Tables without the rows that overlap a benchmark: `synth decontaminate`, for any table.

In: tables, items, tiers. Out, in a folder: `kept.parquet`, the other rows as they were; `removed.parquet`,
for each removed row where it stood and which item it overlaps, by which tier; `report.json`. The text of a
removed row is mostly the benchmark's, so none of it is written. Batches are streamed: memory holds the
benchmark and some thousand rows.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from synth.dedup.benchmarks import (
    ID_COLUMNS,
    TEXT_COLUMNS,
    Item,
    id_of,
    names_shown,
    question_columns,
    question_of,
)
from synth.dedup.contamination import Hit
from synth.dedup.splitting import strings
from synth.dedup.tiers import TIERS, Settings, Tiers, described
from synth.errors import ConfigError
from synth.verify.tables import batches, check, text_of, write_rejected
from synth.writing import atomic, write_json

KEPT, REMOVED, REPORT = "kept.parquet", "removed.parquet", "report.json"
EVIDENCE = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("id", pa.string()),
        *((name, pa.string()) for name in ("benchmark", "item", "tier")),
        ("score", pa.float64()),
    ]
)

Progress = Callable[[int], None]
Row = dict[str, Any]


class Summary(NamedTuple):
    """What came of it; `found` has the removed rows of each benchmark by tier.

    `rejected`: lines that are no rows, beside them.
    """

    out: Path
    rows: int
    kept: int
    removed: int
    empty: int
    items: dict[str, int]
    found: dict[str, dict[str, int]]
    rejected: int


def decontaminate(
    inputs: Sequence[Path],
    items: Sequence[Item],
    tiers: Tiers,
    settings: Settings,
    out: Path,
    columns: Sequence[str] = (),
    progress: Progress = lambda rows: None,
    force: bool = False,
    told: Mapping[str, Any] = MappingProxyType({}),
) -> Summary:
    """Write the rows that overlap no item, evidence of the others, and a report.

    `columns` hold the texts, each looked at by itself; without them the column of the question. `told` are
    further settings for the report, such as who embeds.

    Raises:
        ConfigError: a file cannot be read or has no column of texts; `out` is a file or has results.
        StoreError: the disk is full, or not to be written on.
    """
    schema = _together([check([path], columns) for path in inputs])
    for path in inputs:  # before anything is written
        _columns(path, next(batches([path], columns), None), columns)
    _claim(out, force)
    counts: Counter[tuple[str, str]] = Counter()
    rows = kept = empty = 0
    with ExitStack() as stack:
        writers = [_writer(stack, out / name, kind) for name, kind in ((KEPT, schema), (REMOVED, EVIDENCE))]
        for path in inputs:
            start = 0
            for batch in batches([path], columns):
                texts = _texts(batch, _columns(path, batch, columns))
                hits = _hits(tiers, texts)
                fallen = [_evidence(path, batch, start, n, hit) for n, hit in enumerate(hits) if hit]
                good = batch.filter(pa.array([hit is None for hit in hits], pa.bool_()))
                writers[0].write_batch(_fitting(good, schema))
                writers[1].write_batch(pa.RecordBatch.from_pylist(fallen, schema=EVIDENCE))
                counts.update((row["benchmark"], row["tier"]) for row in fallen)
                empty += sum(not any(text.strip() for text in row) for row in texts)
                start += batch.num_rows
                rows, kept = rows + batch.num_rows, kept + good.num_rows
                progress(rows)
    known = Counter(item.benchmark for item in items)
    found = {name: _by_tier(counts, name) for name in sorted(known)}
    bad = write_rejected(inputs, out, with_text=False)  # which may be that of a benchmark
    done = Summary(out, rows, kept, rows - kept, empty, dict(sorted(known.items())), found, bad)
    more = {"text": list(columns), **told}
    write_json(out / REPORT, _report(done, settings, tiers, inputs, more))
    return done


def _claim(out: Path, force: bool) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out}: this is a file; name a folder.")
    there = [name for name in (KEPT, REMOVED, REPORT) if (out / name).exists()]
    if there and not force:
        raise ConfigError(
            f"{out / there[0]} exists already; choose another --out, or overwrite it with --force."
        )
    out.mkdir(parents=True, exist_ok=True)


def _writer(stack: ExitStack, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    temporary = stack.enter_context(atomic(path))
    return stack.enter_context(pq.ParquetWriter(temporary, schema, compression="zstd"))


def _columns(path: Path, batch: pa.RecordBatch | None, wanted: Sequence[str]) -> list[list[str]]:
    """The columns of each text of a row: a question may be an instruction and its input."""
    if wanted:
        return [[name] for name in wanted]
    names = batch.schema.names if batch is not None else []
    found = question_columns(names)
    if not found and batch is not None:
        raise ConfigError(
            f"{path}: of the columns {names_shown(names)} none is called {' or '.join(TEXT_COLUMNS)}; name"
            " those that hold the texts with --text."
        )
    return [found]


def _texts(batch: pa.RecordBatch, columns: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The texts of each row."""
    names = [name for part in columns for name in part]
    cells = {name: _cells(batch, name) for name in names}
    parts = [
        [question_of({name: cells[name][row] for name in part}, part) for row in range(batch.num_rows)]
        for part in columns
    ]
    return list(zip(*parts, strict=True))


def _cells(batch: pa.RecordBatch, name: str) -> list[Any]:
    place = batch.schema.get_field_index(name)
    if place < 0:
        return [None] * batch.num_rows
    column = batch.column(place)
    # Parquet may hold texts that are no UTF-8; elsewhere they are read with marks in them as well.
    is_text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return strings(column) if is_text else list(column.to_pylist())


def _hits(tiers: Tiers, texts: Sequence[tuple[str, ...]]) -> list[Hit | None]:
    """For each row what the first of its texts overlaps that overlaps anything."""
    found = iter(tiers.check_all([text for row in texts for text in row]))
    return [next(filter(None, [next(found) for _ in row]), None) for row in texts]


def _evidence(path: Path, batch: pa.RecordBatch, start: int, number: int, hit: Hit) -> Row:
    row = batch.slice(number, 1)
    known = id_of({name: _cells(row, name)[0] for name in batch.schema.names if name.lower() in ID_COLUMNS})
    return {"file": path.name, "row": start + number, "id": known, **hit._asdict()}


def _together(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The columns of all files; where one has several types that do not fit together, as text."""
    try:
        return pa.unify_schemas(schemas, promote_options="permissive")
    except pa.ArrowException:
        kinds: dict[str, set[pa.DataType]] = {}
        for field in (field for schema in schemas for field in schema):
            kinds.setdefault(field.name, set()).add(field.type)
        return pa.schema(
            [(name, found.pop() if len(found) == 1 else pa.string()) for name, found in kinds.items()]
        )


def _fitting(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with the columns of all files, in their types."""
    return pa.RecordBatch.from_arrays([_column(batch, field) for field in schema], schema=schema)


def _column(batch: pa.RecordBatch, field: pa.Field) -> pa.Array:
    if field.name not in batch.schema.names:
        return pa.nulls(batch.num_rows, field.type)
    column = batch.column(field.name)
    if column.type == field.type:
        return column
    if pa.types.is_string(field.type):
        return pa.array([text_of(value) for value in column.to_pylist()], field.type)
    return column.cast(field.type)


def _by_tier(counts: Counter[tuple[str, str]], benchmark: str) -> dict[str, int]:
    return {tier: counts[benchmark, tier] for tier in TIERS if counts[benchmark, tier]}


def _report(
    done: Summary, settings: Settings, tiers: Tiers, inputs: Sequence[Path], more: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "inputs": [path.name for path in inputs],
        "rows": done.rows,
        "kept": done.kept,
        "removed": done.removed,
        "without_text": done.empty,
        "rejected": done.rejected,
        "benchmarks": {
            name: {"items": count, "removed": done.found[name]} for name, count in done.items.items()
        },
        "settings": {**settings._asdict(), "paraphrases": tiers.embeds, "judge": tiers.judges, **more},
        "tiers": described(tiers.names(), settings.ngram),
    }


def tier_rows(found: dict[str, dict[str, int]]) -> Iterator[tuple[str, dict[str, int]]]:
    """Benchmarks with their removed rows, those with most first."""
    yield from sorted(found.items(), key=lambda pair: (-sum(pair[1].values()), pair[0]))
