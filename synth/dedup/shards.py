"""Rows beyond memory: the plan of two phases over shards, with the result of one machine and one table.

In: measured texts, shard by shard, as files in a scratch folder. Out: the fate of each row.

1. `save`: a shard's shingles and band keys go to files.
2. `linked`: one band at a time, over all shards: rows that share a bucket are linked in a star.
3. `components`: rows that links connect are one component; no bucket reaches out of one.
4. `choose_group`: the shingles of some whole components are gathered, and rows chosen as in memory.

Each step is a function of files and numbers, so that any runner of tasks can do steps 1, 2 and 4 in parallel.
A component keeps all its buckets whole: so the outcome is the same, crowded buckets included.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.dedup.choosing import Chosen, Rules, choose_rows
from synth.dedup.measuring import Gathered, Measured, Numbers, Scheme

_LARGE = ("hashes", "starts", "keys")


def save(folder: Path, number: int, measured: Measured) -> None:
    """Write a shard; the same shard again writes the same files."""
    there = folder / f"shard-{number:05d}"
    there.mkdir(parents=True, exist_ok=True)
    for name, column in measured._asdict().items():
        # A column a band, so that one band is read without the others.
        np.save(there / f"{name}.npy", np.asfortranarray(column) if name == "keys" else column)


def opened(folder: Path, number: int) -> Measured:
    """A shard, of which only what is asked for is read into memory."""
    there = folder / f"shard-{number:05d}"
    columns: dict[str, Any] = {
        name: np.load(there / f"{name}.npy", mmap_mode="r" if name in _LARGE else None)
        for name in Measured._fields
    }
    return Measured(**columns)


def linked(shards: Sequence[Measured], band: int) -> NDArray[np.int64]:
    """Pairs (first row, other row) of each bucket of a band; rows count through all shards.

    The band after the last is that of templates.
    """
    columns = [s.template if band == s.keys.shape[1] else s.keys[:, band] for s in shards]
    filled = np.concatenate([np.diff(s.starts) > 0 for s in shards])
    rows = np.flatnonzero(filled)
    keys = np.concatenate(columns)[rows]
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order][1:] == keys[order][:-1]) + 1
    first = np.arange(len(keys))
    first[same] = 0
    first = np.maximum.accumulate(first)
    return np.column_stack([rows[order[first[same]]], rows[order[same]]])


def components(rows: int, links: Sequence[NDArray[np.int64]], most: int) -> Iterator[Numbers]:
    """Groups of whole components of two rows or more, each group of about `most` rows, each sorted."""
    # Costs half a second to import, which tables that fit the memory need not pay.
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = np.concatenate([np.empty((0, 2), np.int64), *links])
    there = coo_array((np.ones(len(pairs), np.bool_), (pairs[:, 0], pairs[:, 1])), (rows, rows))
    _, label = connected_components(there, directed=False)
    sizes = np.bincount(label, minlength=1)
    shared = np.flatnonzero(sizes > 1)
    group = np.full(len(sizes), -1, np.int64)
    group[shared] = np.cumsum(sizes[shared]) // max(most, 1)
    mine = group[label]
    order = np.argsort(mine, kind="stable")
    order = order[mine[order] >= 0]
    edges = np.flatnonzero(np.diff(mine[order])) + 1
    return (found for found in np.split(order, edges) if len(found))


def choose_group(
    shards: Sequence[Measured], scheme: Scheme, rows: Numbers, rank: Numbers, rules: Rules
) -> Chosen:
    """The fate of some rows, which must be whole components; places in it are places in `rows`.

    `rank` is how preferred each row of all is, from 0; those of -1 are compared with nothing.
    """
    mine = rank[rows]
    order = np.argsort(mine, kind="stable")
    return choose_rows(_taken(shards, scheme, rows), order[mine[order] >= 0], rules)


def _taken(shards: Sequence[Measured], scheme: Scheme, rows: Numbers) -> Measured:
    """Rows of all shards, given by their sorted numbers, as one table."""
    gathered = Gathered(scheme, len(rows))
    before = 0
    for shard in shards:
        size = len(shard.tokens)
        places = rows[(rows >= before) & (rows < before + size)] - before
        if len(places):
            gathered.add(take(shard, places))
        before += size
    return gathered.measured()


def take(measured: Measured, places: Numbers) -> Measured:
    """Some rows of a table, in the order of their places."""
    begins = np.asarray(measured.starts[places])
    counts = np.asarray(measured.starts[places + 1]) - begins
    ends = np.cumsum(counts)
    within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
    return Measured(
        np.asarray(measured.hashes[np.repeat(begins, counts) + within]),
        np.concatenate([np.zeros(1, np.int64), ends]),
        np.asarray(measured.tokens[places]),
        np.asarray(measured.whole[places]),
        np.asarray(measured.template[places]),
        np.asarray(measured.keys[places]),
    )
