"""Whether the files of an index are what `segments` writes: the kernel believes the numbers that it is given.

In: tables that were read, and their arrays. Out: nothing, or `ValueError` with what is wrong. An index may
come from another machine, so types, lengths, nulls, ranges and orders are looked at, each once.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth.dedup.measuring import Measured

_ROWS = pa.schema(
    {
        "id": pa.large_string(),
        "tokens": pa.int32(),
        "whole": pa.uint64(),
        "template": pa.uint64(),
        "shingles": pa.large_list(pa.uint64()),
    }
)
_NAME = re.compile("[0-9a-f]{24}")  # the name of a segment is a hash, and leads to no other folder
_NEEDED = {"rows.parquet", "bands.parquet"}
_MEANINGS = "meanings.parquet"


def check_rows(rows: pa.Table, count: int) -> None:
    """The table of rows has its columns, so many rows, and no null.

    Raises:
        ValueError: what is wrong.
    """
    if [(field.name, field.type) for field in rows.schema] != [(f.name, f.type) for f in _ROWS]:
        raise ValueError("its columns are others")
    if rows.num_rows != count:
        raise ValueError("its files do not fit the manifest")
    values = rows["shingles"].combine_chunks().values
    if any(column.null_count for column in (*rows.columns, values)):
        raise ValueError("there are nulls in it")


def check_shingles(rows: Measured) -> None:
    """The shingles of each row lie in the array, sorted, each once.

    Raises:
        ValueError: what is wrong.
    """
    starts, hashes = rows.starts, rows.hashes
    if starts[0] < 0 or starts[-1] > len(hashes) or np.any(np.diff(starts) < 0):
        raise ValueError("its lists lie outside of it")
    # Where a hash is no larger than the one before it, a row must begin.
    falls = np.flatnonzero(hashes[1:] <= hashes[:-1]) + 1
    if not np.all(np.isin(falls, starts)):
        raise ValueError("its lists are not sorted")


def check_bands(bands: pa.Table, arrays: Sequence[tuple[NDArray[Any], NDArray[Any]]], count: int) -> None:
    """Each band has a sorted key for each row.

    Raises:
        ValueError: what is wrong.
    """
    names = [name for band in range(len(arrays)) for name in (f"key_{band:02d}", f"row_{band:02d}")]
    if bands.column_names != names or bands.num_rows != count:
        raise ValueError("its files do not fit the manifest")
    for keys, rows in arrays:
        if keys.dtype != np.uint64 or rows.dtype != np.uint32:
            raise ValueError("its columns are others")
        if np.any(keys[1:] < keys[:-1]):
            raise ValueError("its keys are not sorted")
        if count and (int(rows.max()) >= count or np.bincount(rows, minlength=count).max() > 1):
            raise ValueError("its rows are not those of the other file")


def check_meanings(table: pa.Table) -> None:
    """Each text has an id, a vector and numbers.

    Raises:
        ValueError: what is wrong.
    """
    kinds = {field.name: field.type for field in table.schema}
    vector = kinds.get("vector", pa.null())
    if not pa.types.is_fixed_size_list(vector) or vector.value_type != pa.float32():
        raise ValueError("its columns are others")
    if kinds != {"id": pa.large_string(), "vector": vector, "numbers": pa.list_(pa.string())}:
        raise ValueError("its columns are others")
    lists = [table[name].combine_chunks() for name in ("vector", "numbers")]
    if any(column.null_count for column in (*table.columns, *(found.flatten() for found in lists))):
        raise ValueError("there are nulls in it")


def is_entry(entry: object) -> bool:
    """Whether the manifest may name a segment so."""
    if not isinstance(entry, dict):
        return False
    files, name = entry.get("files"), entry.get("name")
    return (
        isinstance(name, str)
        and _NAME.fullmatch(name) is not None
        and isinstance(entry.get("source"), str)
        and _is_count(entry.get("rows"))
        and isinstance(entry.get("embedder", ""), str)
        and isinstance(files, dict)
        and _NEEDED <= files.keys() <= {*_NEEDED, _MEANINGS}
        and all(map(_is_count, files.values()))
        and ("embedder" in entry) == (_MEANINGS in files)
    )


def _is_count(value: object) -> bool:
    return type(value) is int and value >= 0
