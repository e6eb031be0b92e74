"""Rows of which DuckDB would need too much memory. In: a file, numbers of rows. Out: their cells.

DuckDB reads a column by two thousand values at once, whichever are asked for; where each of them is a book,
that is too much. Here a group of rows is read from its beginning, a few at a time.
"""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from synth.view.engine import TooLarge, TooSlow

AT_ONCE, BUFFER = 8, 1 << 20
# Columns of a group that are larger are not read: one text of it could be as large.
MOST_BYTES = 1 << 30


def rows(
    file: Path, wanted: Sequence[int], columns: Sequence[str], seconds: float
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Some columns of the rows of some numbers, each with its number.

    Raises:
        TooLarge: so much is not read.
        TooSlow: it took longer than `seconds`.
    """
    over = threading.Event()
    timer = threading.Timer(seconds, over.set)
    timer.daemon = True
    timer.start()
    try:
        with pq.ParquetFile(file, pre_buffer=False, buffer_size=BUFFER) as opened:
            first = 0
            for group in range(opened.num_row_groups):
                last = first + opened.metadata.row_group(group).num_rows
                if mine := {number - first for number in wanted if first <= number < last}:
                    for number, row in _of_group(opened, group, mine, columns, over):
                        yield first + number, row
                first = last
    finally:
        timer.cancel()


def _of_group(
    opened: pq.ParquetFile, group: int, wanted: set[int], columns: Sequence[str], over: threading.Event
) -> Iterator[tuple[int, dict[str, Any]]]:
    told = opened.metadata.row_group(group)
    sizes = [told.column(i) for i in range(told.num_columns)]
    if (
        sum(c.total_uncompressed_size for c in sizes if c.path_in_schema.split(".")[0] in columns)
        > MOST_BYTES
    ):
        raise TooLarge("These rows take more memory than the viewer may use.")
    number = 0
    for batch in opened.iter_batches(AT_ONCE, row_groups=[group], columns=list(columns), use_threads=False):
        if over.is_set():
            raise TooSlow("This took too long and was stopped; narrow it down by a filter.")
        for at in sorted(one for one in wanted if number <= one < number + len(batch)):
            yield at, batch.slice(at - number, 1).to_pylist()[0]
        number += len(batch)
        if number > max(wanted):
            return
