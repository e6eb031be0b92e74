"""The rows of a state as code: in, a table and a state; out, lines for pandas, DuckDB and polars.

Every value is written as a literal of its language, so that copied code does what is shown and no more.
"""

import json
import math
from collections.abc import Mapping

from synth.view.engine import quoted
from synth.view.profile import Kind, Shape
from synth.view.sources import Table
from synth.view.state import Filter, State

# Of pandas: every type as the file has it, and no columns from the names of folders.
AS_THEY_ARE = 'dtype_backend="pyarrow", partitioning=None'


def snippets(table: Table, shapes: Mapping[str, Shape], state: State) -> dict[str, str]:
    """Code for each library; a search is not part of it, as its index is the viewer's own."""
    return {
        "pandas": _pandas(table, shapes, state),
        "DuckDB": _duckdb(table, shapes, state),
        "polars": _polars(table, shapes, state),
    }


def _files(table: Table) -> str:
    return json.dumps([str(file) for file in table.files], ensure_ascii=True)


def _grouped(state: State) -> list[tuple[Filter, ...]]:
    return [state.on(column) for column in dict.fromkeys(f.column for f in state.filters)]


def _pandas(table: Table, shapes: Mapping[str, Shape], state: State) -> str:
    lines = ["import pandas as pd", "", f"rows = pd.read_parquet({_files(table)}, {AS_THEY_ARE})"]
    for group in _grouped(state):
        lines.append(f"rows = rows[{' | '.join(f'({_in_pandas(f, shapes[f.column])})' for f in group)}]")
    if state.sort:
        lines.append(f'rows = rows.sort_values({state.sort!a}, ascending={not state.down}, kind="stable")')
    return "\n".join(lines)


def _in_pandas(filter: Filter, shape: Shape) -> str:
    column = f"rows[{filter.column!a}]"
    if filter.kind == "none":
        return f"{column}.isna()"
    if filter.kind == "range":
        return f"{column}.between({_bound(filter.low)}, {_bound(filter.high)})"
    if shape.kind is Kind.TAGS:
        return f"[{filter.value!a} in (items if items is not None else ()) for items in {column}]"
    return f"{column} == {_literal(filter, shape)}"


def _duckdb(table: Table, shapes: Mapping[str, Shape], state: State) -> str:
    files = ", ".join(_sql(str(file)) for file in table.files)
    lines = [f"SELECT * FROM read_parquet([{files}], union_by_name = true, hive_partitioning = false)"]
    conditions = [" OR ".join(_in_sql(f, shapes[f.column]) for f in group) for group in _grouped(state)]
    if conditions:
        lines.append("WHERE " + "\n  AND ".join(f"({condition})" for condition in conditions))
    if state.sort:
        lines.append(f"ORDER BY {quoted(state.sort)} {'DESC' if state.down else 'ASC'} NULLS LAST")
    return "\n".join(lines)


def _in_sql(filter: Filter, shape: Shape) -> str:
    column = quoted(filter.column)
    if filter.kind == "none":
        return f"{column} IS NULL"
    if filter.kind == "range":
        low, high = (f"'{n}'::DOUBLE" if math.isinf(n) else repr(n) for n in (filter.low, filter.high))
        return f"{column} BETWEEN {low} AND {high}"
    if shape.kind is Kind.TAGS:
        return f"list_contains({column}, {_sql(filter.value)})"
    return f"{column} = {filter.value if shape.kind is Kind.FLAG else _sql(filter.value)}"


def _polars(table: Table, shapes: Mapping[str, Shape], state: State) -> str:
    lines = ["import polars as pl", "", f"rows = pl.scan_parquet({_files(table)})"]
    for group in _grouped(state):
        lines.append(
            f"rows = rows.filter({' | '.join(f'({_in_polars(f, shapes[f.column])})' for f in group)})"
        )
    if state.sort:
        lines.append(f"rows = rows.sort({state.sort!a}, descending={state.down}, nulls_last=True)")
    return "\n".join([*lines, "rows = rows.collect()"])


def _in_polars(filter: Filter, shape: Shape) -> str:
    column = f"pl.col({filter.column!a})"
    if filter.kind == "none":
        return f"{column}.is_null()"
    if filter.kind == "range":
        return f"{column}.is_between({_bound(filter.low)}, {_bound(filter.high)})"
    if shape.kind is Kind.TAGS:
        return f"{column}.list.contains({filter.value!a})"
    return f"{column} == {_literal(filter, shape)}"


def _literal(filter: Filter, shape: Shape) -> str:
    return str(filter.value == "true") if shape.kind is Kind.FLAG else ascii(filter.value)


def _bound(number: float) -> str:
    return f'float("{number}")' if math.isinf(number) else repr(number)


def _sql(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
