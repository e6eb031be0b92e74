"""Sets of 64-bit hashes that are asked for millions at a time, and which items each of them stands in.

In: hashes, for an index with the item of each. Out: which of other hashes are among them; the items of a
few. A table of bits by the leading bits of a hash answers most questions with one look into the cache.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synth.dedup.kernel import at, kernel
from synth.dedup.ngrams import Hashes
from synth.dedup.rows import Places
from synth.numbers import uniques

Chosen = NDArray[np.bool_]

# Bits of the table for each hash, and its least and largest size as powers of two.
_SPARE, _LEAST, _MOST = 4, 16, 28


class Members:
    """A set of hashes; `distinct` ones are sorted and have no repeats already."""

    def __init__(self, values: Hashes, distinct: bool = False) -> None:
        self.values: Hashes = np.ascontiguousarray(values if distinct else uniques(values), np.uint64)
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
        values, owners = in_order(values, owners)
        new = values[1:] != values[:-1]
        again = ~new & (owners[1:] == owners[:-1])
        if again.any():
            kept = np.concatenate([[True], ~again])
            values, owners, new = values[kept], owners[kept], new[~again]
        self._starts = _places(np.flatnonzero(new) + 1, len(values))
        self.values: Hashes = values[self._starts[:-1]]
        self.owners = owners
        if common is not None and ((sizes := np.diff(self._starts)) > common).any():
            self.owners = owners[np.repeat(sizes <= common, sizes)]
            ends = np.cumsum(np.where(sizes <= common, sizes, 0))
            self._starts = _places(ends[:-1], len(self.owners))

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
        left = self._starts[at].astype(np.int64)
        return left, np.where(known, self._starts[at + 1], left)


def in_order(values: Hashes, owners: NDArray[np.int32]) -> tuple[Hashes, NDArray[np.int32]]:
    """The hashes sorted, and with each the item that it had; of equal hashes in the order they had."""
    library = kernel()
    if library is None:
        order = np.argsort(values, kind="stable")
        return values[order], owners[order]
    values, owners = values.copy(), owners.copy()
    if library.synth_sort_pairs(at(values), at(owners), len(values)):
        raise MemoryError(f"There is not enough memory to sort {len(values):,} hashes.")
    return values, owners


def _places(inner: Places, count: int) -> NDArray[Any]:
    """Where groups begin, and where the last of them ends, in as few bytes as that takes."""
    ends: list[int] = [count] if count or len(inner) else []
    return np.concatenate([[0], inner, ends]).astype(np.int32 if count < 2**31 else np.int64)
