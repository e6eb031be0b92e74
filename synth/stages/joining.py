"""Rows of one table beside those of another, a stretch at a time.

In: a table, its key, and keys that are asked for, in an order of their own. Out: the rows for any stretch of
these, as Python objects; all of them at once would weigh many times what the table does.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Row = dict[str, Any]


class Joined:
    """One row for each key that is asked for: of None where the table lacks it, empty without a table."""

    def __init__(self, table: pa.Table | None, key: str, wanted: pa.ChunkedArray) -> None:
        self._table = table
        if table is not None:
            self._places = pc.index_in(wanted, value_set=table[key].combine_chunks())

    def some(self, first: int, end: int) -> list[Row]:
        """The rows for the keys from `first` to before `end`."""
        return [*self.table(first, end).to_pylist()] if self._table is not None else [{}] * (end - first)

    def table(self, first: int, end: int) -> pa.Table:
        """The same as a table, which there has to be."""
        assert self._table is not None
        return self._table.take(self._places.slice(first, end - first))


class JoinedLists:
    """The same where each row asks for a list of keys."""

    def __init__(self, table: pa.Table | None, key: str, wanted: pa.ChunkedArray) -> None:
        self._ends = np.cumsum([0, *pc.fill_null(pc.list_value_length(wanted), 0).to_numpy()])
        self._joined = Joined(table, key, pc.list_flatten(wanted))

    def some(self, first: int, end: int) -> list[list[Row]]:
        """For each list from `first` to before `end` its rows."""
        ends = self._ends[first : end + 1]
        rows = self._joined.some(int(ends[0]), int(ends[-1]))
        places = ends - ends[0]
        return [rows[places[at] : places[at + 1]] for at in range(len(places) - 1)]
