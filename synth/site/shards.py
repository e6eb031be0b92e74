"""Rows as the site has them: in, Parquet; out, cells cut into pieces of text and mathematics, in JSON shards.

Texts are cut here by the rules of the viewer (`synth.view.text`), so the script knows no marks, and nothing
that it puts in place was ever markup.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from synth.export.sources import batches
from synth.view.profile import Kind, Shape
from synth.view.text import pieces, shown
from synth.writing import write_bytes

# Rows of a page, and of a file of rows; a shard is some whole pages.
PAGE, SHARD = 50, 500
MOST_CHARS, MOST_ITEMS = 20_000, 200

# Of each column: a number, a word, a list of words, or for texts a list of (form, text).
Cells = list[Any]


def rows_of(files: list[Path], columns: list[Shape]) -> Iterator[Cells]:
    """The cells of each row, in the order of the files."""
    for batch in batches(files):
        for row in batch.to_pylist():
            yield [cell(row.get(one.name), one) for one in columns]


def cell(value: Any, shape: Shape) -> Any:
    """One value as JSON can hold it, with what cannot be seen in it named."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if shape.kind is Kind.TAGS:
        return [shown(item)[:400] for item in value[:MOST_ITEMS] if item is not None]
    if shape.kind is Kind.TEXT:
        return [list(piece) for piece in pieces(value, MOST_CHARS)]
    return shown(str(value)[:MOST_CHARS])


class Shards:
    """Files `0.json`, `1.json`, … of so many rows each."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._held, self._made = folder, [], 0  # type: Path, list[Cells], int

    def __enter__(self) -> Self:
        self._folder.mkdir()
        return self

    def add(self, row: Cells) -> None:
        """Add one row to the shard at hand."""
        self._held.append(row)
        if len(self._held) == SHARD:
            self._flush()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if fault is None and self._held:
            self._flush()

    def _flush(self) -> None:
        # ASCII: nothing in it turns or hides, whatever a server says of its encoding.
        told = json.dumps(self._held, separators=(",", ":"), ensure_ascii=True)
        write_bytes(self._folder / f"{self._made}.json", told.encode())
        self._held, self._made = [], self._made + 1
