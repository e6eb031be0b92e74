"""The columns of tables that duplicates are found by: texts, and ids and quality where they are named.

In: paths of tables (`verify.tables`). Out: batches of bounded size; of Parquet these columns alone are read.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth.errors import ConfigError
from synth.verify.tables import batches, text_of

BATCH_ROWS = 10_000


class Columns(NamedTuple):
    """Which columns hold the texts, the ids of rows, and how good they are (more is better)."""

    text: str
    id: str | None = None
    quality: str | None = None

    @property
    def needed(self) -> list[str]:
        """Those that were named."""
        return list(dict.fromkeys(name for name in self if name))


class Piece(NamedTuple):
    """Some rows of one file, in order."""

    texts: pa.Array
    ids: pa.Array
    quality: NDArray[np.float64] | None


def labels(paths: Sequence[Path]) -> list[str]:
    """What each file goes by: its name; where several have one, their folders too, as far as it takes."""
    found = [path.name for path in paths]
    for depth in range(2, max((len(path.parts) for path in paths), default=0) + 1):
        many = Counter(found)
        found = [
            name if many[name] == 1 else "/".join(path.parts[-depth:]).replace("//", "/")
            for name, path in zip(found, paths, strict=True)
        ]
    return found


def read(paths: Sequence[Path], columns: Columns, named: Sequence[str] | None = None) -> Iterator[Piece]:
    """The rows of all files. A row without an id is called by its file (`named`) and number, from 1.

    Raises:
        ConfigError: a file cannot be read, lacks a column, or its quality is no number.
    """
    for path, label in zip(paths, named or labels(paths), strict=True):
        done = 0
        for batch in _batches(path, columns.needed):
            texts = _text(batch, columns.text)
            numbers = range(done + 1, done + batch.num_rows + 1)
            done += batch.num_rows
            if columns.id:
                ids = _text(batch, columns.id)
                missing = np.flatnonzero(ids.is_null())
            else:
                ids, missing = pa.nulls(batch.num_rows, pa.large_string()), np.arange(batch.num_rows)
            if len(missing):
                named = [f"{label}:{numbers[place]}" for place in missing]
                ids = _filled(ids, named)
            yield Piece(texts, ids, _quality(batch, columns.quality, path) if columns.quality else None)


def rows_of(paths: Sequence[Path]) -> int | None:
    """How many rows there are, where the files say it themselves."""
    if any(path.suffix.lower() != ".parquet" for path in paths):
        return None
    return sum(int(pq.read_metadata(path).num_rows) for path in paths)


def _batches(path: Path, needed: list[str]) -> Iterator[pa.RecordBatch]:
    if path.suffix.lower() != ".parquet":
        yield from batches([path], needed)
        return
    try:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH_ROWS, columns=needed, use_threads=False)
    except (pa.ArrowException, OSError) as fault:
        said = " ".join(str(fault).split())[:200].rstrip(".")
        raise ConfigError(f"{path} cannot be read: {said}; is it whole?") from fault


def _text(batch: pa.RecordBatch, name: str) -> pa.Array:
    """A column as text; what is no text as JSON."""
    column = batch.column(batch.schema.get_field_index(name))
    if pa.types.is_large_string(column.type):
        return column
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        return column.cast(pa.large_string())
    return pa.array([text_of(cell) for cell in column.to_pylist()], pa.large_string())


def _filled(ids: pa.Array, named: list[str]) -> pa.Array:
    left = iter(named)
    return pa.array([one if one is not None else next(left) for one in ids.to_pylist()], pa.large_string())


def _quality(batch: pa.RecordBatch, name: str, path: Path) -> NDArray[np.float64]:
    """Numbers, of which none (null or not a number) is worst."""
    column = batch.column(batch.schema.get_field_index(name))
    try:
        found = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as fault:
        raise ConfigError(
            f"{path}: the column {name!r} holds no numbers; name one that says how good rows are."
        ) from fault
    return np.where(np.isnan(found), -np.inf, found)
