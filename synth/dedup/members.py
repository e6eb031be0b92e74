"""Sets of 64-bit hashes that are asked for millions at a time, and which items each of them stands in.

In: hashes, for an index with the item of each. Out: which of other hashes are among them; the items of a
few. A table of bits by the leading bits of a hash answers most questions with one look into the cache.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from synth.dedup.ngrams import Hashes
from synth.dedup.rows import Places

Chosen = NDArray[np.bool_]

# Bits of the table for each hash, and its least and largest size as powers of two.
_SPARE, _LEAST, _MOST = 4, 16, 28


class Members:
    """A set of hashes; `distinct` ones are sorted and have no repeats already."""

    def __init__(self, values: Hashes, distinct: bool = False) -> None:
        self.values: Hashes = np.ascontiguousarray(values if distinct else np.unique(values), np.uint64)
        power = min(max(len(self.values).bit_length() + _SPARE, _LEAST), _MOST)
        self.shift = 64 - power
        cells = np.zeros(1 << power, np.bool_)
        cells[self.values >> np.uint64(self.shift)] = True
        self.bits: NDArray[np.uint8] = np.packbits(cells, bitorder="little")

    def have(self, asked: Hashes) -> Chosen:
        """Which of the hashes are in the set."""
        cells = asked >> np.uint64(self.shift)
        marks = self.bits[cells >> np.uint64(3)] >> (cells & np.uint64(7)).astype(np.uint8)
        found: Chosen = (marks & 1).astype(np.bool_)
        likely = np.flatnonzero(found)
        if len(likely):
            places = np.searchsorted(self.values, asked[likely])
            places[places == len(self.values)] = 0
            found[likely] = self.values[places] == asked[likely]
        return found


class First:
    """Hashes of texts, each with the first of the texts that have it."""

    def __init__(self, hashes: Hashes, places: Places) -> None:
        self.hashes, first = np.unique(hashes[places], return_index=True)
        self.places = places[first]

    def of(self, asked: Hashes) -> list[int]:
        """The texts of those hashes that are known."""
        if not len(self.hashes):
            return []
        at = np.minimum(np.searchsorted(self.hashes, asked), len(self.hashes) - 1)
        found: list[int] = self.places[at[self.hashes[at] == asked]].tolist()
        return found


class Index:
    """Hashes with the items that each stands in; of one that stands in more than `common` items, with none.

    `owners` name the items, in ascending order.
    """

    def __init__(self, values: Hashes, owners: NDArray[np.int32], common: int | None = None) -> None:
        order = np.argsort(values, kind="stable")
        values, owners = values[order], owners[order]
        del order
        again = np.concatenate([[False], (values[1:] == values[:-1]) & (owners[1:] == owners[:-1])])
        if again[1:].any():
            values, owners = values[~again], owners[~again]
        first = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]])[: len(values)])
        self.values: Hashes = values[first]
        sizes = np.diff(first, append=len(values))
        if common is not None and (sizes > common).any():
            owners = owners[np.repeat(sizes <= common, sizes)]
            sizes[sizes > common] = 0
        self.owners: NDArray[np.int32] = owners
        self._starts = np.concatenate([[0], np.cumsum(sizes)])

    def members(self, rare: bool = False) -> Members:
        """The hashes as a set, if so wanted without those that are common."""
        chosen = np.diff(self._starts) > 0
        return Members(self.values if not rare or chosen.all() else self.values[chosen], distinct=True)

    def counts(self, asked: Hashes) -> Places:
        """In how many items each hash stands."""
        left, right = self._ranges(asked)
        return right - left

    def items(self, asked: Hashes, most: int) -> list[int]:
        """Items that hold most of the hashes first, of equals the first; at most so many."""
        left, right = self._ranges(asked)
        there = np.flatnonzero(right > left)
        if not len(there):
            return []
        held = self._owners(zip(left[there].tolist(), right[there].tolist(), strict=True))
        owners, counts = np.unique(np.concatenate(held), return_counts=True)
        found: list[int] = owners[np.argsort(-counts, kind="stable")[:most]].tolist()
        return found

    def _owners(self, ranges: Iterable[tuple[int, int]]) -> list[NDArray[np.int32]]:
        return [self.owners[left:right] for left, right in ranges]

    def _ranges(self, asked: Hashes) -> tuple[Places, Places]:
        if not len(self.values):
            return np.zeros(len(asked), np.int64), np.zeros(len(asked), np.int64)
        at = np.minimum(np.searchsorted(self.values, asked), len(self.values) - 1)
        known = self.values[at] == asked
        return self._starts[at], np.where(known, self._starts[at + 1], self._starts[at])
