"""Rejected rows that are made when somebody looks at them, some at a time: each is four kilobytes of Python.

In: a table, and of each row that falls its place and why. Out: a sequence of `Rejected`, in that order.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

import pyarrow as pa

from synth.stages.base import Rejected

# So many rows are made at once.
BATCH = 1_000


class Fall(NamedTuple):
    """Why the row at a place falls; `evidence` is added to the row as it is kept."""

    place: int
    reason: str
    detail: str
    clash_id: str | None = None
    evidence: Mapping[str, Any] = {}


class Fallen(Sequence[Rejected]):
    """Rows of a table that fell; `key` and `source` name the columns with its id and where it came from."""

    def __init__(self, table: pa.Table, key: str, source: str, falls: Iterable[Fall]) -> None:
        self._table, self._key, self._source, self._falls = table, key, source, list(falls)

    def __len__(self) -> int:
        return len(self._falls)

    @overload
    def __getitem__(self, at: int) -> Rejected: ...
    @overload
    def __getitem__(self, at: slice) -> list[Rejected]: ...
    def __getitem__(self, at: int | slice) -> Rejected | list[Rejected]:
        return self._made(self._falls[at]) if isinstance(at, slice) else self._made([self._falls[at]])[0]

    def __iter__(self) -> Iterator[Rejected]:
        for start in range(0, len(self._falls), BATCH):
            yield from self._made(self._falls[start : start + BATCH])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def _made(self, falls: Sequence[Fall]) -> list[Rejected]:
        rows = self._table.take(pa.array([fall.place for fall in falls], pa.int64())).to_pylist()
        return [
            Rejected(
                row[self._key], row[self._source], fall.reason, fall.detail, fall.clash_id,
                {**row, **fall.evidence},
            )
            for row, fall in zip(rows, falls, strict=True)
        ]  # fmt: skip
