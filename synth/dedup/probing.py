"""New texts against a segment of the index: which stored ones they repeat.

In: a segment, measured texts, rules. Out: rows of the texts, each with a stored one that is like it. Stored
texts that are equal once normalised are all looked at, those that share a bucket as far as it is not crowded.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth.dedup.choosing import Rules, similarities
from synth.dedup.measuring import Measured, Numbers
from synth.dedup.segments import Segment

# So many pairs of a new and a stored row lie in memory at once.
_PAIRS = 2_000_000


class Match(NamedTuple):
    """The stored text that a new one repeats: its id, how alike they are, and how it repeats it."""

    id: str
    jaccard: float
    how: str


def matches(
    segment: Segment, new: Measured, rules: Rules, partly: NDArray[np.bool_]
) -> Iterator[tuple[int, Match]]:
    """Rows of `new`, and what they repeat; those with a crowded bucket are marked in `partly`."""
    filled = np.flatnonzero(np.diff(new.starts) > 0)
    places = [_placed(segment.wholes[0], new.whole[filled])]
    for band in range(new.keys.shape[1]):
        starts, counts = _placed(segment.band(band)[0], new.keys[filled, band])
        crowded = counts > rules.crowded
        partly[filled[crowded]] = True
        places.append((starts, np.where(crowded, rules.leaders, counts)))
    # Texts that are equal stand in their own order, which no bucket cuts short.
    orders = [segment.wholes[1], *(segment.band(band)[1] for band in range(new.keys.shape[1]))]
    pairs = np.sum([counts for _, counts in places], axis=0)
    for some in _shares(pairs):
        left, right = _pairs(filled[some], [(s[some], c[some]) for s, c in places], orders)
        yield from _compared(segment, new, rules, left, right)


def _compared(
    segment: Segment, new: Measured, rules: Rules, left: Numbers, right: Numbers
) -> Iterator[tuple[int, Match]]:
    """Those of the pairs that are alike."""
    equal = segment.rows.whole[right] == new.whole[left]
    twins = (segment.rows.template[right] == new.template[left]) & ~equal
    if rules.twins == "keep":
        left, right, equal, twins = left[~twins], right[~twins], equal[~twins], twins[~twins]
    alike = similarities(new, segment.rows, left, right)
    near = alike >= rules.threshold
    if rules.twins == "remove":
        near |= twins
    left, right, equal, twins, alike = left[near], right[near], equal[near], twins[near], alike[near]
    names = segment.ids.take(pa.array(right)).to_pylist()
    for row, name, same, twin, jaccard in zip(left, names, equal, twins, alike, strict=True):
        how = "equal" if same else "twin" if twin else "near"
        yield int(row), Match(name, float(jaccard), how)


def _placed(keys: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> tuple[Numbers, Numbers]:
    """Where each key begins among sorted ones, and how often it stands there."""
    order = np.argsort(wanted)  # looked up in their order, they stand near each other in memory
    starts, ends = np.empty(len(wanted), np.int64), np.empty(len(wanted), np.int64)
    starts[order] = np.searchsorted(keys, wanted[order], "left")
    ends[order] = np.searchsorted(keys, wanted[order], "right")
    return starts, ends - starts


def _shares(pairs: Numbers) -> Iterator[slice]:
    """Rows in shares of bounded numbers of pairs, each of one row at least."""
    before = np.concatenate([[0], np.cumsum(pairs)])
    first = 0
    while first < len(pairs):
        last = max(int(np.searchsorted(before, before[first] + _PAIRS, "right")) - 1, first + 1)
        yield slice(first, last)
        first = last


def _pairs(
    rows: Numbers, places: Sequence[tuple[Numbers, Numbers]], orders: Sequence[NDArray[np.uint32]]
) -> tuple[Numbers, Numbers]:
    """Each pair of a new row and a stored one that stands at one of its places, once."""
    found = []
    for (starts, counts), order in zip(places, orders, strict=True):
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        right = order[np.repeat(starts, counts) + offsets].astype(np.int64)
        found.append(np.repeat(rows, counts) * len(order) + right)
    return np.divmod(np.unique(np.concatenate(found)), max(len(orders[0]), 1))
