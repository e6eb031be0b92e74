"""Full-text search: in, a table and words; out, the numbers of the rows that have all of them.

DuckDB's own extension for it has to be downloaded, so the index is SQLite's (FTS5), which Python brings: a
file beside the run, without the texts and without positions of words. Until it is there, rows are read
through, with an end in time and in number, and it is built meanwhile.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from synth.errors import SynthError
from synth.view import index
from synth.view.engine import PARQUET, Engine, TooSlow, quoted
from synth.view.profile import Kind, Shape
from synth.view.rows import NUMBER
from synth.view.sources import Source, Table
from synth.view.state import State

# Without an index no more rows are looked for.
MOST_SCANNED, SCAN_SECONDS = 200, 3.0
# With one, the page of a word that nearly every row has shows so many of them, and says so.
MOST_FOUND = 50_000
# A table of so few rows is indexed at once; a larger one in the background.
SMALL = 20_000
# Rows are cheap to write and dear to index: a small file can hold a thousand million of one value.
MOST_INDEXED = 10_000_000


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found: None where nothing was searched for. `said` tells what is missing, and why."""

    hits: pa.Table | None = None
    stamp: str = ""
    said: str = ""
    share: float | None = None


class Indexes:
    """The indexes of all tables: found beside their runs, or built when they are first asked for."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._building: dict[str, float] = {}
        self._failed: dict[str, str] = {}
        self._mutex = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def close(self) -> None:
        """End what is being built: a thread inside a database as Python ends would bring the process down."""
        self._stop.set()
        self._engine.interrupt()
        for thread in self._threads:
            thread.join()

    def find(
        self,
        source: Source,
        table: Table,
        shapes: Mapping[str, Shape],
        state: State,
        *,
        all_of_them: bool = False,
    ) -> Found:
        """The rows that have what is searched for; of very many the first, if nothing else is asked."""
        texts = searched(shapes)
        if not state.search:
            return Found()
        if not texts or not table.rows:
            return Found(numbers([]), "none", "" if texts else "This table has no text to search.")
        path = index.path_of(source, table)
        if not index.is_there(path):
            self._begin(source, table, texts)
        if index.is_there(path):
            if all_of_them or state.filters or state.sort:
                return Found(numbers(index.find(path, state.search, table.rows)), f"index {table.stamp}")
            return _first(index.find(path, state.search, MOST_FOUND + 1), f"index {table.stamp}")
        return self._meanwhile(table, texts, state.search)

    def prepare(
        self, source: Source, table: Table, shapes: Mapping[str, Shape], count: Callable[[int], None]
    ) -> bool:
        """Build the index of a table now, if it is not there and there are texts; whether it was built."""
        texts = searched(shapes)
        if not texts or not table.rows or index.is_there(index.path_of(source, table)):
            return False
        index.build(self._engine, source, table, texts, count)
        return True

    def _begin(self, source: Source, table: Table, texts: list[str]) -> None:
        """Build the index: now where that is quick, else in a thread of its own, once."""
        with self._mutex:
            if table.stamp in self._building or table.stamp in self._failed or self._stop.is_set():
                return
            if table.rows > MOST_INDEXED:
                self._failed[table.stamp] = f"of more than {MOST_INDEXED:,} rows only `synth index` makes one"
                return
            self._building[table.stamp] = 0.0
        if table.rows <= SMALL:
            self._build(source, table, texts)
        else:
            thread = threading.Thread(target=self._build, args=(source, table, texts), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _build(self, source: Source, table: Table, texts: list[str]) -> None:
        def count(done: int) -> None:
            self._building[table.stamp] = done / table.rows

        try:
            index.build(self._engine, source, table, texts, count, self._stop)
        except (SynthError, OSError) as fault:
            self._failed[table.stamp] = str(fault)
        finally:
            self._building.pop(table.stamp, None)

    def _meanwhile(self, table: Table, texts: list[str], words: str) -> Found:
        share = self._building.get(table.stamp)
        said = ""
        if share is not None:
            said = f"The search index is being made ({share:.0%}); until then only some rows are found."
        elif fault := self._failed.get(table.stamp):
            said = f"There is no search index ({fault}), so rows are read through."
        try:
            rows = self._scan(table, texts, words)
        except TooSlow:
            return Found(
                numbers([]), f"slow {share}", said or "The search took too long without an index.", share
            )
        if not said and len(rows) == MOST_SCANNED:
            said = f"These are the first {MOST_SCANNED} rows that were found."
        return Found(numbers(rows), f"scan {share}", said, share)

    def _scan(self, table: Table, texts: list[str], words: str) -> list[int]:
        pattern = "%" + "".join(f"\\{c}" if c in "\\%_" else c for c in words) + "%"
        asked = " OR ".join(f"CAST({quoted(name)} AS VARCHAR) ILIKE ? ESCAPE '\\'" for name in texts)
        sql = f"""
            SELECT {NUMBER} FROM {PARQUET} WHERE {asked} LIMIT {MOST_SCANNED}
        """
        values = [table.bases, table.paths, *([pattern] * len(texts))]
        return sorted(row for (row,) in self._engine.rows(sql, values, SCAN_SECONDS))


def _first(rows: list[int], stamp: str) -> Found:
    said = ""
    if len(rows) > MOST_FOUND:
        said = f"More than {MOST_FOUND:,} rows have these words; these are the first of them. Add a word."
    return Found(numbers(rows[:MOST_FOUND]), stamp, said)


def searched(shapes: Mapping[str, Shape]) -> list[str]:
    """The columns that are searched: texts, and lists of them that are no ids."""
    return [s.name for s in shapes.values() if s.kind is Kind.TEXT or (s.kind is Kind.TAGS and s.facets)]


def numbers(rows: list[int]) -> pa.Table:
    """Numbers of rows as a table that can be joined."""
    return pa.table({"number": pa.array(rows, pa.int64())})
