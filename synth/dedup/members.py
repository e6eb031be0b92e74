"""Sets of 64-bit hashes that are asked for millions at a time, and which items each of them stands in.

In: hashes, for an index with the item of each. Out: which of other hashes are among them; the items of a
few. A table of bits by the leading bits of a hash answers most questions with one look into the cache.
"""

import numpy as np
from numpy.typing import NDArray

from synth.dedup.ngrams import Hashes
from synth.dedup.rows import Places

# Bits of the table for each hash, and its least and largest size as powers of two.
_SPARE, _LEAST, _MOST = 4, 16, 27


class Members:
    """A set of hashes."""

    def __init__(self, values: Hashes) -> None:
        self.values: Hashes = np.unique(values)
        power = min(max(len(self.values).bit_length() + _SPARE, _LEAST), _MOST)
        self._shift = np.uint64(64 - power)
        self._table = np.zeros(1 << power, np.bool_)
        self._table[self.values >> self._shift] = True

    def have(self, asked: Hashes) -> NDArray[np.bool_]:
        """Which of the hashes are in the set."""
        found: NDArray[np.bool_] = self._table[asked >> self._shift]
        likely = np.flatnonzero(found)
        if len(likely):
            places = np.searchsorted(self.values, asked[likely])
            places[places == len(self.values)] = 0
            found[likely] = self.values[places] == asked[likely]
        return found


class Index:
    """Hashes with the items that each stands in; what stands in more than `common` items is left out."""

    def __init__(self, values: Hashes, owners: Places, common: int | None = None) -> None:
        order = np.lexsort((owners, values))
        values, owners = values[order], owners[order]
        if len(values):
            first = np.ones(len(values), np.bool_)
            first[1:] = (values[1:] != values[:-1]) | (owners[1:] != owners[:-1])
            values, owners = values[first], owners[first]
        if common is not None and len(values):
            _, back, counts = np.unique(values, return_inverse=True, return_counts=True)
            rare = counts[back] <= common
            values, owners = values[rare], owners[rare]
        self.values: Hashes = values
        self.owners = owners.astype(np.int32)

    def counts(self, asked: Hashes) -> Places:
        """In how many items each hash stands."""
        left = np.searchsorted(self.values, asked, "left")
        return np.asarray(np.searchsorted(self.values, asked, "right") - left, np.int64)

    def items(self, asked: Hashes, most: int) -> list[int]:
        """Items that hold most of the hashes first, of equals the first; at most so many."""
        left = np.searchsorted(self.values, asked, "left")
        right = np.searchsorted(self.values, asked, "right")
        there = np.flatnonzero(right > left)
        if not len(there):
            return []
        held = [self.owners[a:b] for a, b in zip(left[there].tolist(), right[there].tolist(), strict=True)]
        owners, counts = np.unique(np.concatenate(held), return_counts=True)
        found: list[int] = owners[np.argsort(-counts, kind="stable")[:most]].tolist()
        return found
