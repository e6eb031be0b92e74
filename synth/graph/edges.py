"""Edges on demand: in, incidence lists; out, shards of pairs with the passages they share (level 3).

A walk needs no edges, so none are kept. Who wants them all, for other tools, has them made a range of
concepts at a time: memory follows the range, not the edges, and each range is a file of its own.
"""

import json
import shutil
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from synth.errors import StoreError
from synth.graph.incidence import Incidence, Numbers
from synth.graph.statistics import as_matrix, blocks
from synth.writing import write_bytes

MANIFEST = "edges.json"
# Pairs of concepts in passages that are counted at a time: some 200 MB.
PAIRS = 5_000_000
SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), False, {"description": "concept id, the smaller of the two"}),
        pa.field("target", pa.string(), False, {"description": "concept id, the larger of the two"}),
        pa.field("kinds", pa.string(), False, {"description": "`topic_topic` and so on, in order of kinds"}),
        pa.field("passages", pa.int32(), False, {"description": "passages that hold both"}),
    ]
)
KINDS = ("topic_topic", "topic_key_concept", "key_concept_key_concept")
Edges = tuple[Numbers, Numbers, Numbers]


def edge_blocks(graph: Incidence, pairs: int = PAIRS) -> Iterator[Edges]:
    """Every pair of concepts that share a passage, once: the smaller number, the larger, the passages.

    They come in order, in blocks of so many pairs; a concept in very many passages is a block alone.
    """
    matrix = as_matrix(graph)
    turned = sparse.csr_array(matrix.T)
    for first, last in blocks(graph, pairs):
        shared = sparse.csr_array(matrix[first:last] @ turned)
        shared.sort_indices()
        ones = np.repeat(np.arange(first, last), np.diff(shared.indptr))
        others = shared.indices.astype(np.int64)
        keep = ones < others
        if keep.any():
            yield ones[keep], others[keep], shared.data[keep]


def write_edges(graph: Incidence, folder: str | PathLike[str], pairs: int = PAIRS) -> int:
    """Write all edges as Parquet shards, whole or not at all, and say how many there are.

    What lay in the folder is replaced, if it is edges too. The rows of all shards, one after the other, are
    the same whatever `pairs` is.

    Raises:
        StoreError: the folder holds something else, or cannot be written.
    """
    target = Path(folder)
    if target.is_file() or (target.is_dir() and not (target / MANIFEST).is_file() and any(target.iterdir())):
        raise StoreError(f"{target} holds something else than edges; choose a new folder.")
    partial, counts = target.with_name(f".{target.name}.tmp"), list[int]()
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for number, edges in enumerate(edge_blocks(graph, pairs)):
            table = _table(graph, edges)
            pq.write_table(table, partial / f"edges-{number:05d}.parquet", compression="zstd")
            counts.append(table.num_rows)
        said = {"edges": sum(counts), "shards": counts, "concepts": len(graph.concepts)}
        write_bytes(partial / MANIFEST, json.dumps(said).encode())
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    except OSError as fault:
        raise StoreError(
            f"Cannot write edges to {target}: {fault.strerror}; choose another folder."
        ) from fault
    return sum(counts)


def _table(graph: Incidence, edges: Edges) -> pa.Table:
    ones, others, counts = edges
    first, last = int(ones[0]), int(others.max()) + 1
    names = pa.array([graph.concepts[number] for number in range(first, last)])
    kinds = (~graph.is_topic[ones]).astype(np.int8) + (~graph.is_topic[others]).astype(np.int8)
    columns = (
        names.take(pa.array(ones - first)),
        names.take(pa.array(others - first)),
        pa.array(KINDS).take(pa.array(kinds)),
        pa.array(counts.astype(np.int32)),
    )
    return pa.table(list(columns), schema=SCHEMA)
