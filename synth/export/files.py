"""Files of rows: JSON Lines or Parquet, split into train and test, each whole or not there at all.

In: rows, one after the other, each with the split that it belongs to. Out: files. Rows are written in
batches, so memory does not grow with them, except for Parquet of a form whose types nobody stated.
"""

import json
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from synth.errors import StoreError
from synth.export.options import Kind, Row
from synth.ids import DIGEST_BYTES, digest
from synth.store import ROW_GROUP
from synth.writing import atomic

TRAIN, TEST = "train", "test"
SUFFIXES: dict[str, Kind] = {".jsonl": "jsonl", ".parquet": "parquet"}


def split_of(problem_id: str, test_share: float, seed: int) -> str:
    """The split of all rows of a problem: by its id alone, so that more rows move none to the other side."""
    place = int(digest("split", seed, problem_id), 16) / (1 << 8 * DIGEST_BYTES)
    return TEST if place < test_share else TRAIN


class Files:
    """The files of an export, by split; a file is begun with its first row."""

    def __init__(self, paths: dict[str, Path], kind: Kind, schema: pa.Schema | None) -> None:
        self.paths = paths
        self.rows = dict.fromkeys(paths, 0)
        self._kind, self._schema = kind, schema
        self._held: dict[str, list[Row]] = {split: [] for split in paths}
        self._open: dict[str, Any] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def write(self, split: str, row: Row) -> None:
        """Add one row; its place in the file is `rows[split]`."""
        held = self._held[split]
        held.append(row)
        self.rows[split] += 1
        if len(held) == ROW_GROUP and (self._schema is not None or self._kind == "jsonl"):
            self._flush(split)

    def write_batch(self, split: str, batch: pa.RecordBatch) -> None:
        """Add rows that are Arrow already."""
        if self._kind == "jsonl":
            for row in batch.to_pylist():
                self.write(split, row)
        elif batch.num_rows:
            self.rows[split] += batch.num_rows
            self._parquet(split, batch.schema).write_batch(batch, row_group_size=ROW_GROUP)

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for split in self.paths if fault is None else ():
                self._flush(split)
        except BaseException as late:
            self._stack.__exit__(type(late), late, late.__traceback__)
            raise
        self._stack.__exit__(kind, fault, trace)

    def _flush(self, split: str) -> None:
        rows, self._held[split] = self._held[split], []
        if not rows:
            return
        if self._kind == "jsonl":
            self._lines(split).writelines(map(_line, rows))
            return
        table = _table(rows, self._schema)
        self._parquet(split, table.schema).write_table(table, row_group_size=ROW_GROUP)

    def _lines(self, split: str) -> Any:
        if split not in self._open:
            path = self._stack.enter_context(atomic(self.paths[split]))
            self._open[split] = self._stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))
        return self._open[split]

    def _parquet(self, split: str, schema: pa.Schema) -> Any:
        if split not in self._open:
            path = self._stack.enter_context(atomic(self.paths[split]))
            writer = pq.ParquetWriter(path, schema, compression="zstd")
            self._open[split] = self._stack.enter_context(writer)
        return self._open[split]


def _line(row: Row) -> str:
    try:
        return json.dumps(row, ensure_ascii=False) + "\n"
    except (TypeError, ValueError) as fault:
        raise StoreError(f"A row cannot be written as JSON ({fault}); mend the form that made it.") from fault


def _table(rows: list[Row], schema: pa.Schema | None) -> pa.Table:
    try:
        return pa.Table.from_pylist(rows, schema)
    except (pa.ArrowException, TypeError) as fault:
        raise StoreError(f"The rows do not fit one table ({fault}); export them with --as jsonl.") from fault
