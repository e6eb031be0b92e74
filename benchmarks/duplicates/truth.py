"""All pairs of rows whose shingles are at least so much alike: an exact join, by the rarest shingles first.

In: measured texts. Out: pairs of places and their similarity. A row of n shingles that is at least t alike to
another has one of its n - ceil(t n) + 1 rarest shingles in common with the rarest ones of the other.
"""

import numpy as np

from synth.dedup.choosing import similarities
from synth.dedup.measuring import Measured, Numbers

MOST_PAIRS = 4_000_000


def exact_pairs(found: Measured, threshold: float = 0.7) -> tuple[Numbers, Numbers]:
    """Places of the pairs, the smaller first."""
    sizes = np.diff(found.starts)
    rows = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    _, names, counts = np.unique(found.hashes, return_inverse=True, return_counts=True)
    names = names.astype(np.int32)
    # Rare ones first within each row; those of one row alone are the rarest.
    by_rarity = np.argsort(counts, kind="stable")
    rank = np.empty(len(counts), np.int32)
    rank[by_rarity] = np.arange(len(counts), dtype=np.int32)
    order = np.argsort(rows.astype(np.int64) << 32 | rank[names])
    within = np.arange(len(order)) - np.repeat(found.starts[:-1], sizes)
    prefix = sizes - np.ceil(threshold * sizes - 1e-9).astype(np.int64) + 1
    taken = order[(within < np.repeat(prefix, sizes))]
    taken = taken[counts[names[taken]] > 1]
    left, right = _meeting(names[taken], rows[taken], sizes, threshold)
    alike = np.concatenate(
        [similarities(found, found, a, b) for a, b in _slices(left, right)] or [np.empty(0)]
    )
    return left[alike >= threshold], right[alike >= threshold]


def _meeting(names: Numbers, rows: Numbers, sizes: Numbers, threshold: float) -> tuple[Numbers, Numbers]:
    """Distinct pairs of rows that have a name in common, and are long enough for each other."""
    order = np.argsort(names, kind="stable")
    names, rows = names[order], rows[order].astype(np.int64)
    kept = np.empty(0, np.int64)
    pending: list[Numbers] = []
    waiting, step = 0, 1
    while True:
        met = np.flatnonzero(names[step:] == names[:-step])
        if not len(met):
            break
        a, b = rows[met], rows[met + step]
        low, high = np.minimum(a, b), np.maximum(a, b)
        fits = np.minimum(sizes[a], sizes[b]) >= threshold * np.maximum(sizes[a], sizes[b]) - 1e-9
        pending.append(low[fits] * len(sizes) + high[fits])
        waiting += len(pending[-1])
        if waiting > MOST_PAIRS:
            kept, pending, waiting = np.unique(np.concatenate([kept, *pending])), [], 0
        step += 1
    left, right = np.divmod(np.unique(np.concatenate([kept, *pending])), max(len(sizes), 1))
    return left, right


def _slices(left: Numbers, right: Numbers) -> list[tuple[Numbers, Numbers]]:
    return [
        (np.ascontiguousarray(left[i : i + MOST_PAIRS]), np.ascontiguousarray(right[i : i + MOST_PAIRS]))
        for i in range(0, len(left), MOST_PAIRS)
    ]
