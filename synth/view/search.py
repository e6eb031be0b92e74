"""Full-text search: in, a table and words; out, the numbers of the rows that have all of them.

DuckDB's own extension for it has to be downloaded, so the index is SQLite's (FTS5), which Python brings: a file
beside the run, without the texts and without positions of words. Until it is there, rows are read through, with
an end in time and in number.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from synth.view.engine import Engine, TooSlow, quoted
from synth.view.profile import Kind, Shape
from synth.view.sources import Source, Table
from synth.view.state import State

# Without an index no more rows are looked for.
MOST_SCANNED, SCAN_SECONDS = 200, 3.0


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: None where nothing was searched for. `said` tells what is not complete, and why."""

    hits: pa.Table | None = None
    stamp: str = ""
    said: str = ""


class Indexes:
    """The indexes of all tables."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, source: Source, table: Table, shapes: Mapping[str, Shape], state: State) -> Found:
        """The rows that have what is searched for."""
        if not state.search:
            return Found()
        return self._scan(table, shapes, state.search)

    def _scan(self, table: Table, shapes: Mapping[str, Shape], words: str) -> Found:
        texts = searched(shapes)
        if not texts:
            return Found(numbers([]), "none", "This table has no text to search.")
        pattern = "%" + "".join(f"\\{c}" if c in "\\%_" else c for c in words) + "%"
        asked = " OR ".join(f"CAST({quoted(name)} AS VARCHAR) ILIKE ? ESCAPE '\\'" for name in texts)
        sql = f"""
            SELECT CAST(?[file_index + 1] AS BIGINT) + file_row_number
            FROM read_parquet(?, union_by_name = true) WHERE {asked} LIMIT {MOST_SCANNED}
        """  # noqa: S608
        values = [table.bases, table.paths, *([pattern] * len(texts))]
        try:
            rows = sorted(row for (row,) in self._engine.rows(sql, values, SCAN_SECONDS))
        except TooSlow:
            return Found(numbers([]), "slow", "The search took too long without an index.")
        said = f"The first {MOST_SCANNED} rows found." if len(rows) == MOST_SCANNED else ""
        return Found(numbers(rows), "scan", said)


def searched(shapes: Mapping[str, Shape]) -> list[str]:
    """The columns that are searched."""
    return [s.name for s in shapes.values() if s.kind in (Kind.TEXT, Kind.ID, Kind.CATEGORY)]


def numbers(rows: list[int]) -> pa.Table:
    """Numbers of rows as a table that can be joined."""
    return pa.table({"number": pa.array(rows, pa.int64())})
