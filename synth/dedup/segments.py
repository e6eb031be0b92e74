"""A segment of the index: two Parquet files, `rows.parquet` and `bands.parquet`, and maybe a third.

In: ids and measured texts. Out: the files, and the entry that names them in the manifest. The rows hold id,
shingles and hashes of each text; the bands, for each band, the sorted keys and the row of each key. Where
meanings are looked for, `meanings.parquet` has the vector and the numbers of each text whose numbers tell.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from synth.dedup.checking import check_bands, check_meanings, check_rows, check_shingles
from synth.dedup.meanings import Known, Said
from synth.dedup.measuring import Measured, Scheme
from synth.dedup.quantities import Quantities
from synth.errors import StoreError
from synth.writing import atomic

ROWS, BANDS, MEANINGS = "rows.parquet", "bands.parquet", "meanings.parquet"
# The key of an entry that has meanings: the model that embedded them.
EMBEDDER = "embedder"
_GROUP = 200_000
# What reading a damaged file ends in: a footer of one other bit is read as anything.
_FAULTS = (OSError, pa.ArrowException, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)


class Meant(NamedTuple):
    """Texts whose meanings are stored, and the model that embedded them."""

    embedder: str
    known: Known


class Segment:
    """A segment that was read and checked: ids, measured rows without their keys, and the sorted bands."""

    def __init__(self, ids: pa.Array, rows: Measured, bands: pa.Table) -> None:
        self.ids, self.rows = ids, rows
        self._bands = bands

    def band(self, band: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """The keys of a band, sorted, and the row of each."""
        return self._arrays[band]

    @cached_property
    def wholes(self) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """The hashes of whole texts, sorted, and the row of each."""
        order = np.argsort(self.rows.whole, kind="stable").astype(np.uint32)
        return self.rows.whole[order], order

    def crowded(self, most: int) -> int:
        """How many buckets hold more than so many rows."""
        found = 0
        for keys, _ in self._arrays:
            # A key that stands so far behind itself has more rows; it is seen once for each row above that.
            far = keys[most:][keys[most:] == keys[: max(len(keys) - most, 0)]]
            found += len(np.unique(far))
        return found

    @cached_property
    def _arrays(self) -> list[tuple[NDArray[np.uint64], NDArray[np.uint32]]]:
        count = self._bands.num_columns // 2
        numbers = [_numbers(column) for column in self._bands.columns]
        del self._bands
        return [(numbers[2 * band], numbers[2 * band + 1]) for band in range(count)]

    def with_keys(self) -> Measured:
        """The rows as they were measured."""
        keys = np.empty((len(self.rows.tokens), len(self._arrays)), np.uint64)
        for band, (found, rows) in enumerate(self._arrays):
            keys[rows, band] = found
        return self.rows._replace(keys=keys)


def write_segment(
    folder: Path, source: str, ids: Sequence[str], measured: Measured, meant: Meant | None = None
) -> dict[str, Any]:
    """Write a segment, and return its entry: the name is a hash of what it holds.

    Raises:
        StoreError: the disk is full.
    """
    name = _name(source, ids, measured, meant)
    there = folder / "segments" / name
    rows = pa.table(
        {
            "id": pa.array(ids, pa.large_string()),
            "tokens": measured.tokens,
            "whole": measured.whole,
            "template": measured.template,
            "shingles": pa.LargeListArray.from_arrays(pa.array(measured.starts), pa.array(measured.hashes)),
        }
    )
    columns: dict[str, NDArray[Any]] = {}
    for band in range(measured.keys.shape[1]):
        keys = np.ascontiguousarray(measured.keys[:, band])
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        columns[f"key_{band:02d}"], columns[f"row_{band:02d}"] = keys[order], order
    files = {ROWS: _write(there / ROWS, rows), BANDS: _write(there / BANDS, pa.table(columns))}
    entry = {"name": name, "source": source, "rows": len(ids), "files": files}
    if meant is None:
        return entry
    files[MEANINGS] = _write(there / MEANINGS, _meant_table(meant.known))
    return {**entry, EMBEDDER: meant.embedder}


def read_segment(folder: Path, entry: dict[str, Any], scheme: Scheme) -> Segment:
    """Read a segment.

    Raises:
        StoreError: a file is not there, is cut off, or is another.
    """
    with _reading(folder / "segments" / entry["name"]):
        rows, bands = (_read(folder, entry, name) for name in (ROWS, BANDS))
        check_rows(rows, entry["rows"])
        segment = Segment(rows["id"].combine_chunks(), _measured(rows, scheme), bands)
        check_shingles(segment.rows)
        check_bands(bands, [segment.band(band) for band in range(scheme.bands)], entry["rows"])
    return segment


def read_meant(folder: Path, entry: dict[str, Any]) -> Known:
    """The texts of a segment whose meanings are stored.

    Raises:
        StoreError: the file is not there, is cut off, or is another.
    """
    with _reading(folder / "segments" / entry["name"] / MEANINGS):
        table = _read(folder, entry, MEANINGS)
        check_meanings(table)
        vectors = table["vector"].combine_chunks()
        flat = np.asarray(vectors.flatten(), np.float32)
        said = [_said(numbers) for numbers in table["numbers"].to_pylist()]
        return Known(table["id"].to_pylist(), flat.reshape(table.num_rows, vectors.type.list_size), said)


def copy_segment(folder: Path, entry: dict[str, Any], to: Path) -> None:
    """Copy the files of a segment into another index.

    Raises:
        StoreError: one is not there or is cut off, or the disk is full.
    """
    name = str(entry["name"])
    for file in entry["files"]:
        _read(folder, entry, file)  # nothing that is damaged is taken over
        with atomic(to / "segments" / name / file) as temporary:
            shutil.copyfile(folder / "segments" / name / file, temporary)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turns whatever a damaged file leads to into one sentence."""
    try:
        yield
    except _FAULTS as fault:
        raise StoreError(_broken(path, " ".join(str(fault).split())[:200])) from fault


def _read(folder: Path, entry: dict[str, Any], name: str) -> pa.Table:
    path = folder / "segments" / entry["name"] / name
    with _reading(path):
        if path.stat().st_size != entry["files"][name]:
            raise ValueError("it has another length than the manifest says")
        table = pq.read_table(path, page_checksum_verification=True)
        table.validate(full=True)
    return table


def _meant_table(known: Known) -> pa.Table:
    size = known.vectors.shape[1] if known.vectors.ndim > 1 else 0
    flat = pa.array(np.ascontiguousarray(known.vectors, np.float32).ravel())
    numbers = pa.array([list(said.order) for said in known.said], pa.list_(pa.string()))
    vectors = pa.FixedSizeListArray.from_arrays(flat, max(size, 1))
    return pa.table({"id": pa.array(known.ids, pa.large_string()), "vector": vectors, "numbers": numbers})


def _said(numbers: Sequence[str]) -> Said:
    """What is stored tells by its numbers, and has no formula."""
    return Said(tuple(numbers), Quantities(frozenset(numbers), Counter(), False), True)


def _measured(rows: pa.Table, scheme: Scheme) -> Measured:
    lists = rows["shingles"].combine_chunks()
    starts = np.array(lists.offsets, np.int64)
    hashes = np.asarray(lists.values)
    tokens, whole, template = (_numbers(rows[name]) for name in ("tokens", "whole", "template"))
    return Measured(hashes, starts, tokens, whole, template, np.empty((0, scheme.bands), np.uint64))


def _numbers(column: pa.ChunkedArray) -> NDArray[Any]:
    return np.ascontiguousarray(column.to_numpy())


def _write(path: Path, table: pa.Table) -> int:
    """Write a file whole; its length. Hashes are noise, which no compression makes smaller."""
    with atomic(path) as temporary:
        pq.write_table(
            table, temporary, compression="none", use_dictionary=False, write_statistics=False,
            row_group_size=_GROUP, write_page_checksum=True,
        )  # fmt: skip
        return temporary.stat().st_size


def _name(source: str, ids: Sequence[str], measured: Measured, meant: Meant | None) -> str:
    digest = hashlib.sha256(source.encode())
    if meant is not None:
        digest.update(meant.embedder.encode() + b"\0" + meant.known.vectors.tobytes())
    for text in ids:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0")
    digest.update(measured.whole.tobytes())
    return digest.hexdigest()[:24]


def _broken(path: Path, why: str) -> str:
    return f"{path} cannot be read: {why}; restore the index from a copy, or build it anew."
