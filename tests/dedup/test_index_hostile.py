"""Indexes of another hand: a sentence for each, and nothing outside of its arrays is read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from synth.dedup.choosing import Rules
from synth.dedup.index import Index
from synth.dedup.meanings import Known, said_of
from synth.dedup.segments import Meant
from synth.errors import ConfigError, StoreError
from tests.dedup.made import SCHEME, edited, measured

ROWS = 50


def filled(folder: Path) -> Path:
    texts = edited(1, ROWS)
    known = Known(["a", "b"], np.eye(2, 5, dtype=np.float32), [said_of("4 hens"), said_of("9 cows")])
    Index(folder, SCHEME).add("one", [f"a{n}" for n in range(ROWS)], measured(texts), Meant("x", known))
    return folder


def searched(folder: Path) -> int:
    index = Index(folder, SCHEME)
    index.known("x")
    return len(index.search(measured(edited(1, ROWS)), Rules(0.7, "alike")))


def lists(column: pa.ChunkedArray, values: pa.Array) -> pa.Array:
    return pa.LargeListArray.from_arrays(column.combine_chunks().offsets, values)


def put(name: str, change: Callable[[pa.ChunkedArray], Any]) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.set_column(table.column_names.index(name), name, change(table[name]))


HARM: dict[str, tuple[str, Callable[[pa.Table], pa.Table]]] = {
    "shingles of a byte": (
        "rows",
        put("shingles", lambda c: lists(c, c.combine_chunks().values.cast(pa.uint8(), safe=False))),
    ),
    "shingles unsorted": (
        "rows",
        put("shingles", lambda c: lists(c, c.combine_chunks().values[::-1])),
    ),
    "shingles null": ("rows", put("shingles", lambda c: pa.nulls(ROWS, c.type))),
    "shingles with nulls": (
        "rows",
        put("shingles", lambda c: lists(c, pa.nulls(len(c.combine_chunks().values), pa.uint64()))),
    ),
    "no shingles": ("rows", lambda table: table.drop_columns(["shingles"])),
    "ids of numbers": ("rows", put("id", lambda c: pa.array(range(ROWS)))),
    "ids null": ("rows", put("id", lambda c: pa.nulls(ROWS, pa.large_string()))),
    "rows cut": ("rows", lambda table: table.slice(0, 3)),
    "bands cut": ("bands", lambda table: table.slice(0, 3)),
    "bands renamed": ("bands", lambda table: table.rename_columns([f"x{n}" for n in range(50)])),
    "bands of text": ("bands", put("row_03", lambda c: pa.array(["x"] * ROWS))),
    "bands null": ("bands", put("key_03", lambda c: pa.nulls(ROWS, pa.uint64()))),
    "keys unsorted": ("bands", put("key_03", lambda c: c.combine_chunks()[::-1])),
    "rows too large": ("bands", put("row_03", lambda c: pa.array(np.full(ROWS, 4_000_000_000, np.uint32)))),
    "rows negative": ("bands", put("row_03", lambda c: pa.array(np.full(ROWS, -ROWS, np.int64)))),
    "rows twice": ("bands", put("row_03", lambda c: pa.array(np.zeros(ROWS, np.uint32)))),
    "vectors of text": ("meanings", put("vector", lambda c: pa.array(["x", "y"]))),
    "numbers null": ("meanings", put("numbers", lambda c: pa.nulls(2, pa.list_(pa.string())))),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_table_of_another_kind_is_refused(tmp_path: Path, harm: str) -> None:
    file, change = HARM[harm]
    (path,) = filled(tmp_path).glob(f"segments/*/{file}.parquet")
    pq.write_table(change(pq.read_table(path)), path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    manifest["segments"][0]["files"][path.name] = path.stat().st_size
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="restore the index from a copy") as fault:
        searched(tmp_path)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "more",
    [
        {"rows": "5"}, {"rows": None}, {"rows": -1}, {"rows": True}, {"files": [1]}, {"files": {}}, {"name": 5},
        {"name": "../../elsewhere"}, {"source": None}, {"embedder": 7},
        {"files": {"rows.parquet": 1, "bands.parquet": 1, "../x": 1}},
    ],
)  # fmt: skip
def test_a_manifest_of_other_entries_is_refused(tmp_path: Path, more: dict[str, Any]) -> None:
    path = filled(tmp_path) / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["segments"][0] |= more
    path.write_text(json.dumps(manifest))
    with pytest.raises(ConfigError, match="no manifest of an index"):
        searched(tmp_path)


@pytest.mark.parametrize("file", ["rows", "bands", "meanings"])
def test_a_bit_of_the_footer_that_flips_is_seen_or_does_not_matter(tmp_path: Path, file: str) -> None:
    assert searched(filled(tmp_path)) == ROWS
    (path,) = tmp_path.glob(f"segments/*/{file}.parquet")
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    refused = 0
    for number, place in enumerate(range(footer, len(content), max((len(content) - footer) // 60, 1))):
        flipped = bytearray(content)
        flipped[place] ^= 1 << number % 8
        path.write_bytes(flipped)
        try:
            assert searched(tmp_path) == ROWS
        except StoreError as fault:
            refused += "\n" not in str(fault)
    assert refused > 5


def test_a_segment_without_rows_is_read(tmp_path: Path) -> None:
    index = Index(tmp_path, SCHEME)
    index.add("none", [], measured([]))
    assert not Index(tmp_path, SCHEME).search(measured(["one two three"]), Rules())
