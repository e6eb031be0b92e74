"""Rows of a table in a state. In: table and state. Out: how many there are, which, and what stands in them.

First the places of the rows are found (file and row in it), which reads only what is filtered or sorted by;
then those rows alone are read whole. So a page costs the same at either end of a million rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from synth.view import slowly
from synth.view.engine import ONE_FILE, PARQUET, Engine, TooLarge, quoted
from synth.view.profile import Kind, Shape
from synth.view.sources import Table
from synth.view.state import BadRequest, Filter, State

Row = dict[str, Any]
# In order: number of the file, number of the row in it.
Place = tuple[int, int]
HITS = "hits"
# What a reader wants to see of a rejected row: the first of these that it has.
READ_FIRST = ("question", "problem", "reply", "answer", "name", "text", "title")
FEW = 1_000
# The number of a row in the whole table; its value is the numbers of the first row of each file.
NUMBER = "CAST(? AS BIGINT[])[CAST(file_index AS BIGINT) + 1] + CAST(file_row_number AS BIGINT)"


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows that a state selects, as a FROM clause with its values; `hits` are the rows a search found."""

    table: Table
    sql: str
    values: list[Any]
    hits: pa.Table | None = None


def select(
    table: Table, shapes: Mapping[str, Shape], state: State, hits: pa.Table | None, besides: str = ""
) -> Selection:
    """The rows of a state; `besides` names a column whose own conditions are left out, for its facet."""
    values: list[Any] = [table.paths]
    asked = ["true"]
    if hits is not None and hits.num_rows <= FEW and len(table.files) == 1:
        # Numbers that stand in the statement let whole groups of rows be passed over.
        said = ", ".join(str(int(number)) for number in hits["number"].to_pylist())
        asked.append(f"file_row_number IN ({said})" if said else "false")
    elif hits is not None:
        # Of one file its own numbers will do, by which groups of rows can be passed over again.
        number = "file_row_number" if len(table.files) == 1 else NUMBER
        asked.append(f"{number} IN (SELECT number FROM {HITS})")
        values += [] if len(table.files) == 1 else [table.bases]
    for column in dict.fromkeys(f.column for f in state.filters if f.column != besides):
        parts = [_condition(shapes[column], filter, values) for filter in state.on(column)]
        asked.append(f"({' OR '.join(parts)})")
    return Selection(table, f"FROM {PARQUET} WHERE {' AND '.join(asked)}", values, hits)


def _condition(shape: Shape, filter: Filter, values: list[Any]) -> str:
    column = quoted(shape.name)
    if filter.kind == "none":
        return f"{column} IS NULL"
    if filter.kind == "range":
        values += [filter.low, filter.high]
        return f"{column} BETWEEN ? AND ?"
    values.append(filter.value)
    if shape.kind is Kind.TAGS:
        return f"list_contains({column}, ?)"
    return f"{column} = CAST(? AS BOOLEAN)" if shape.kind is Kind.FLAG else f"{column} = ?"


def run(engine: Engine, chosen: Selection, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The rows of a statement over a selection."""
    return engine.rows(sql, values, tables={HITS: chosen.hits})


def few(engine: Engine, chosen: Selection, columns: Sequence[Shape], most: int) -> pa.Table | None:
    """Some columns of all selected rows, read once; None where there are more than `most` of them."""
    said = ", ".join(quoted(column.name) for column in columns)
    sql = f"SELECT {said} {chosen.sql} LIMIT {most + 1:d}"
    found = engine.table(sql, chosen.values, tables={HITS: chosen.hits})
    return found if found.num_rows <= most else None


def count(engine: Engine, chosen: Selection, state: State) -> int:
    """How many rows are selected."""
    if not state.filters:
        return chosen.table.rows if chosen.hits is None else chosen.hits.num_rows
    return int(run(engine, chosen, f"SELECT count(*) {chosen.sql}", chosen.values)[0][0])


def places(engine: Engine, chosen: Selection, state: State, first: int, size: int) -> list[Place]:
    """Where some rows of a state lie, in its order, from number `first` on."""
    if state.is_plain:
        return _natural(chosen.table, range(first, min(first + size, chosen.table.rows)))
    order = ""
    if state.sort:
        column, way = quoted(state.sort), "DESC" if state.down else "ASC"
        order = f"ORDER BY {column} {way} NULLS LAST, file_index, file_row_number"
    sql = f"SELECT file_index, file_row_number {chosen.sql} {order} LIMIT ? OFFSET ?"
    return [(int(f), int(r)) for f, r in run(engine, chosen, sql, [*chosen.values, size, first])]


def _natural(table: Table, numbers: range) -> list[Place]:
    return [place_of(table, number) for number in numbers]


def place_of(table: Table, number: int) -> Place:
    """Where the row of a number lies.

    Raises:
        BadRequest: the table has no such row.
    """
    for file, (base, count) in enumerate(zip(table.bases, table.counts, strict=True)):
        if base <= number < base + count:
            return file, number - base
    raise BadRequest(f"The table has {table.rows:,} rows, and none of the number {number:,}.")


def number_of(table: Table, place: Place) -> int:
    """The number of a row from its place."""
    return table.bases[place[0]] + place[1]


def preview(
    engine: Engine, table: Table, wanted: Sequence[Place], columns: Sequence[Shape], chars: int
) -> list[Row]:
    """The rows at some places as a table shows them: the beginnings of texts, the first items of lists."""
    said = {column.name: _start(column, chars) for column in columns}
    if table.name == "rejected" and "row" in said:  # JSON: what a reader wants to see of it
        read = ", ".join(f"""json_extract_string("row", '$.{name}')""" for name in READ_FIRST)
        said["row"] = f"""CASE WHEN json_valid("row") THEN left(coalesce({read}), {chars}) END"""
    return fetch(engine, table, wanted, [c.name for c in columns], said)


def _start(shape: Shape, chars: int) -> str:
    column = quoted(shape.name)
    if shape.kind is Kind.TAGS:
        return f"list_transform({column}[:8], lambda item: left(item, {chars}))"
    if shape.kind in (Kind.NUMBER, Kind.FLAG):
        return column
    return f"left(CAST({column} AS VARCHAR), {chars})"


def fetch(
    engine: Engine,
    table: Table,
    wanted: Sequence[Place],
    columns: Sequence[str],
    said: Mapping[str, str] | None = None,
) -> list[Row]:
    """Some columns of the rows at some places, in that order; `said` has another expression for a column."""
    found: dict[Place, Row] = {}
    for file, rows in _by_file(wanted):
        present = table.columns_of(file)
        cells = [(said or {}).get(c, quoted(c)) if c in present else "NULL" for c in columns]
        try:
            for number, *values in engine.rows(*_at(table.paths[file], rows, cells)):
                found[file, int(number)] = dict(zip(columns, values, strict=True))
        except TooLarge:
            there = [c for c in columns if c in present]
            for number, row in slowly.rows(table.files[file], rows, there, engine.seconds):
                found[file, number] = {c: _begun(row.get(c)) if said else row.get(c) for c in columns}
    return [found[place] for place in wanted if place in found]


def fetch_arrow(engine: Engine, table: Table, wanted: Sequence[Place], schema: pa.Schema) -> pa.Table:
    """All columns of the rows at some places, in that order, by the types of `schema`."""
    parts: list[pa.Table] = []
    found: list[Place] = []
    for file, rows in _by_file(wanted):
        there = [name for name in schema.names if name in table.columns_of(file)]
        read = engine.table(*_at(table.paths[file], rows, [quoted(name) for name in there]))
        found += [(file, number) for number in read["file_row_number"].to_pylist()]
        named = dict(zip(there, read.columns[1:], strict=True))
        cells = [
            named[one.name].cast(one.type) if one.name in named else pa.nulls(read.num_rows, one.type)
            for one in schema
        ]
        parts.append(pa.table(cells, schema=schema))
    at = {place: i for i, place in enumerate(found)}
    return pa.concat_tables(parts).take([at[place] for place in wanted if place in at])


def _by_file(wanted: Sequence[Place]) -> Iterator[tuple[int, list[int]]]:
    for file in dict.fromkeys(file for file, _ in wanted):
        yield file, [row for at, row in wanted if at == file]


def _at(path: str, rows: list[int], cells: Sequence[str]) -> tuple[str, list[Any]]:
    """A statement for some cells of some rows of a file, after the number of each; with its values."""
    near = max(rows) - min(rows) < 2 * len(rows)
    asked = "BETWEEN ? AND ?" if near else f"IN ({', '.join('?' * len(rows))})"
    sql = f"SELECT {', '.join(['file_row_number', *cells])} FROM {ONE_FILE} WHERE file_row_number {asked}"
    return sql, [path, *((min(rows), max(rows)) if near else rows)]


def _begun(value: Any) -> Any:
    """The beginning of a cell that was read whole."""
    if isinstance(value, list):
        return [_begun(item) for item in value[:8]]
    return value[:1_000] if isinstance(value, str) else value


def by_key(engine: Engine, table: Table, column: str, value: str) -> Place | None:
    """Where the first row with a value in a column lies; statistics of the files make that quick for keys."""
    sql = f"""
        SELECT file_index, file_row_number FROM {PARQUET}
        WHERE {quoted(column)} = ? LIMIT 1
    """
    files = table.having(column, [value])
    rows = engine.rows(sql, [[table.paths[file] for file in files], value]) if files else []
    return (files[int(rows[0][0])], int(rows[0][1])) if rows else None
