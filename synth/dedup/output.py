"""What stays and what goes, as tables: the rows of the input with what was found of them behind.

In: the tables once more, and the fate of each row. Out: `kept.parquet` and `removed.parquet`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth.dedup.input import labels
from synth.dedup.measuring import Numbers
from synth.verify.tables import batches
from synth.writing import atomic

KEPT, REMOVED = "kept.parquet", "removed.parquet"
HOW = ("equal", "near", "twin", "meaning", "judged")
_TWIN = pa.field("twin_of", pa.large_string())
_REMOVED = (
    pa.field("dup_of", pa.large_string()),
    pa.field("jaccard", pa.float64()),
    pa.field("how", pa.string()),
    pa.field("stored", pa.bool_()),
    pa.field("cosine", pa.float64()),
    pa.field("in_file", pa.string()),
    pa.field("in_row", pa.int64()),
)


class Fate(NamedTuple):
    """For each row: what it repeats (its id; null: nothing), how, and which kept row is its twin."""

    ids: pa.Array
    dup_of: pa.Array
    jaccard: NDArray[np.float64]  # not a number where meanings decided
    cosine: NDArray[np.float64]  # not a number elsewhere
    how: NDArray[np.int8]  # place in HOW
    stored: NDArray[np.bool_]  # whether what it repeats is in the index
    twin_of: Numbers  # place of a row, or -1

    @property
    def removed(self) -> NDArray[np.bool_]:
        """Which rows go."""
        return np.asarray(self.dup_of.is_valid().to_numpy(zero_copy_only=False), np.bool_)


def write(paths: Sequence[Path], schema: pa.Schema, out: Path, fate: Fate) -> dict[str, str]:
    """Write both tables; columns of the input that have the name of an added one are renamed, as told."""
    added = [_TWIN.name, *(field.name for field in _REMOVED)]
    renamed = _renamed(schema.names, added)
    mine = [field.with_name(renamed.get(field.name, field.name)) for field in schema]
    removed = fate.removed
    with atomic(out / KEPT) as kept_path, atomic(out / REMOVED) as removed_path:
        kept_schema, removed_schema = pa.schema([*mine, _TWIN]), pa.schema([*mine, *_REMOVED])
        with (
            pq.ParquetWriter(kept_path, kept_schema, compression="zstd") as kept,
            pq.ParquetWriter(removed_path, removed_schema, compression="zstd") as gone,
        ):
            row = 0
            for batch, label, number in _labelled(paths):
                columns = _columns(batch, schema)
                here = slice(row, row + batch.num_rows)
                row += batch.num_rows
                goes, place = pa.array(removed[here]), _place(label, number, batch.num_rows)
                _write(kept, kept_schema, [*columns, _twins(fate, here)], pc.invert(goes))
                _write(gone, removed_schema, [*columns, *_found(fate, here), *place], goes)
    return renamed


def _labelled(paths: Sequence[Path]) -> Iterator[tuple[pa.RecordBatch, str, int]]:
    """The rows of all files, with what the file goes by and the number of the first row there, from 1."""
    for path, label in zip(paths, labels(paths), strict=True):
        number = 1
        for batch in batches([path], []):
            yield batch, label, number
            number += batch.num_rows


def _place(label: str, number: int, rows: int) -> list[pa.Array]:
    return [pa.repeat(pa.scalar(label), rows), pa.array(np.arange(number, number + rows))]


def _write(writer: pq.ParquetWriter, schema: pa.Schema, columns: list[pa.Array], wanted: pa.Array) -> None:
    batch = pa.RecordBatch.from_arrays(columns, schema=schema).filter(wanted)
    if batch.num_rows:
        writer.write_batch(batch)


def _twins(fate: Fate, here: slice) -> pa.Array:
    places = fate.twin_of[here]
    return fate.ids.take(pa.array(np.maximum(places, 0), mask=places < 0))


def _found(fate: Fate, here: slice) -> list[pa.Array]:
    how = pa.DictionaryArray.from_arrays(pa.array(fate.how[here]), pa.array(HOW)).cast(pa.string())
    jaccard, cosine = (pa.array(found[here], from_pandas=True) for found in (fate.jaccard, fate.cosine))
    return [fate.dup_of[here], jaccard, how, pa.array(fate.stored[here]), cosine]


def _columns(batch: pa.RecordBatch, schema: pa.Schema) -> list[pa.Array]:
    """The columns in the types of all files; those that this file lacks are null."""
    places = [(field, batch.schema.get_field_index(field.name)) for field in schema]
    return [
        pa.nulls(batch.num_rows, field.type) if place < 0 else batch.column(place).cast(field.type)
        for field, place in places
    ]


def _renamed(names: Sequence[str], added: Sequence[str]) -> dict[str, str]:
    taken, found = {*names, *added}, {}
    for name in names:
        if name in added:
            new = f"input_{name}"
            while new in taken:
                new = f"input_{new}"
            taken.add(new)
            found[name] = new
    return found
