"""What every stage returns, and the two things it may not do: lose a row, or keep it twice."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from synth.errors import SchemaError
from synth.schemas import REASONS, TABLES

# Rejected rows are written as JSON so many at a time.
BATCH = 1_000


class Rejected(NamedTuple):
    """A row that fell out: an input row, or a single output that failed."""

    row_id: str
    source: str
    reason: str
    detail: str
    clash_id: str | None = None
    row: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Output:
    """What a stage made of its input rows.

    `inputs` are the ids of all input rows, `parents` the ids of those that have an output. Every
    other input must be the `row_id` of a rejected row.
    """

    tables: dict[str, pa.Table]
    inputs: frozenset[str]
    parents: frozenset[str]
    rejected: Sequence[Rejected] = field(default_factory=list)

    def check_balance(self, stage: str) -> None:
        """Each input is a parent or rejected: never both, never neither.

        Raises:
            SchemaError: the rows of the stage do not add up.
        """
        fallen = self.inputs & {r.row_id for r in self.rejected}
        lost = self.inputs - self.parents - fallen
        both = self.parents & fallen
        strangers = self.parents - self.inputs
        for ids, fault in ((lost, "lost"), (both, "both kept and rejected"), (strangers, "unknown")):
            if ids:
                raise SchemaError(f"{stage}: {len(ids)} rows are {fault}, for example {min(ids)}.")


def make_table(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """A table of `schemas.TABLES[name]`, in the order of its key.

    Raises:
        SchemaError: a column is missing, of the wrong type or null, or a key stands twice.
    """
    spec = TABLES[name]
    ordered = sorted(rows, key=lambda row: str(row[spec.key]))
    try:
        table = pa.Table.from_pylist(ordered, schema=spec.schema)
        table.validate(full=True)
    except (pa.ArrowException, KeyError) as fault:
        raise SchemaError(f"{name}: {fault}") from fault
    for column in spec.columns:
        if not column.nullable and table[column.name].null_count:
            raise SchemaError(f"{name}.{column.name}: null where none is allowed.")
    for before, after in pairwise(ordered):
        if before[spec.key] == after[spec.key]:
            raise SchemaError(f"{name}: {spec.key} {after[spec.key]} stands twice.")
    return table


def ordered_table(name: str, table: pa.Table) -> pa.Table:
    """The same of rows that are columns already; the key is a text.

    Raises:
        SchemaError: as `make_table`.
    """
    spec = TABLES[name]
    try:
        columns = [table[field.name].cast(field.type) for field in spec.schema]
        table = pa.Table.from_arrays(columns, schema=spec.schema).sort_by(spec.key).combine_chunks()
        table.validate(full=True)
    except (pa.ArrowException, KeyError, ValueError) as fault:
        raise SchemaError(f"{name}: {fault}") from fault
    for column in spec.columns:
        if not column.nullable and table[column.name].null_count:
            raise SchemaError(f"{name}.{column.name}: null where none is allowed.")
    ids = table[spec.key]
    same = pc.index(pc.equal(ids[1:], ids[:-1]), True).as_py() if len(ids) > 1 else -1
    if same >= 0:
        raise SchemaError(f"{name}: {spec.key} {ids[same].as_py()} stands twice.")
    return table


def rejected_table(stage: str, rows: Iterable[Rejected]) -> pa.Table:
    """The rejected rows of a stage, in the order of their ids."""

    def as_row(r: Rejected) -> dict[str, Any]:
        if r.reason not in REASONS:
            raise SchemaError(f"{stage}: {r.reason!r} is not in the list of reasons.")
        row = json.dumps(r.row, sort_keys=True, ensure_ascii=False, default=str)
        return {"stage": stage, **r._asdict(), "row": row}

    schema = TABLES["rejected"].schema
    try:
        made = [pa.Table.from_pylist(some, schema=schema) for some in _batches(map(as_row, rows))]
    except (pa.ArrowException, KeyError) as fault:
        raise SchemaError(f"rejected: {fault}") from fault
    return ordered_table("rejected", pa.concat_tables([schema.empty_table(), *made]))


def _batches(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while some := list(islice(rows, BATCH)):
        yield some
