"""Recall at a size where the exact join of all rows takes too long: all true pairs of some rows.

`python -m benchmarks.duplicates.sampled CORPUS ROWS SAMPLE` prints how many pairs there are, the share that the
bands see, and how many of them have both rows kept.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from synth.dedup.choosing import Rules, choose_rows
from synth.dedup.measuring import Measured, Measurer, Numbers, Scheme


def pairs_of(found: Measured, sample: Numbers, threshold: float = 0.7) -> tuple[Numbers, Numbers]:
    """The pairs of the sampled rows (left) with any row, by counting the shingles they share."""
    sizes = np.diff(found.starts)
    owners = np.repeat(np.arange(len(sample)), sizes[sample])
    mine = np.concatenate([found.shingles(int(row)) for row in sample])
    order = np.argsort(mine, kind="stable")
    mine, owners = mine[order], owners[order]
    low = np.searchsorted(mine, found.hashes, "left").astype(np.int32)
    hit = np.flatnonzero(mine[np.minimum(low, len(mine) - 1)] == found.hashes)
    rows = np.searchsorted(found.starts, hit, "right") - 1
    begin = low[hit].astype(np.int64)
    count = np.searchsorted(mine, found.hashes[hit], "right") - begin
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    keys = owners[np.repeat(begin, count) + within] * len(sizes) + np.repeat(rows, count)
    met, shared = np.unique(keys, return_counts=True)
    left, right = sample[met // len(sizes)], met % len(sizes)
    alike = shared / (sizes[left] + sizes[right] - shared)
    wanted = (alike >= threshold) & (left != right)
    return left[wanted], right[wanted]


if __name__ == "__main__":
    texts = pq.read_table(Path(sys.argv[1]), columns=["text"])["text"][: int(sys.argv[2])].combine_chunks()
    measured = Measurer(Scheme()).measure(texts)
    del texts
    drawn = np.random.Generator(np.random.PCG64(1)).choice(
        len(measured.tokens), int(sys.argv[3]), replace=False
    )
    left, right = pairs_of(measured, drawn)
    order = np.lexsort((np.arange(len(measured.tokens)), -measured.tokens.astype(np.int64)))
    gone = choose_rows(measured, order, Rules(0.7, "alike")).dup_of >= 0
    seen = (measured.keys[left] == measured.keys[right]).any(axis=1)
    print(
        json.dumps(
            {
                "pairs": len(left),
                "seen": float(seen.mean()),
                "both kept": int((~gone[left] & ~gone[right]).sum()),
            }
        )
    )
