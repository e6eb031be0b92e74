"""Passages in the order of their size, for the search of references: in, incidence; out, lists by rank.

Of passages that share as many concepts with a set the smallest is the most like it. Ranks follow size, so
the front of each list holds what can still be among the best, and the rest need not be read.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from synth.graph.incidence import Incidence, Lists, Numbers

# A concept in one of so many passages or more has a row of bits: eight times as fast to look up.
DENSE = 512
Bits = NDArray[np.uint8]
# The bit of each of eight ranks in a byte.
BIT = np.array([128 >> place for place in range(8)], np.uint8)


@dataclass(frozen=True, slots=True)
class Ranking:
    """`passages[r]` is the passage of rank `r`, `sizes[r]` its number of concepts, never falling.

    `postings` holds the ranks of each concept; `first[s]` is the first rank of size `s` or more.
    `row_of` numbers the concepts that have a row of bits, -1 where there is none; rows are filled when they
    are first asked for.
    """

    incidence: Incidence
    passages: NDArray[np.int32]
    postings: Lists
    sizes: NDArray[np.int32]
    first: Numbers
    row_of: NDArray[np.int32]
    rows: Bits
    filled: NDArray[np.bool_]

    @classmethod
    def of(cls, incidence: Incidence) -> Self:
        """The ranking of a graph: costs about a second for each ten million mentions."""
        passages = np.argsort(incidence.sizes, kind="stable").astype(np.int32)
        ranks = np.empty(len(passages), np.int32)
        ranks[passages] = np.arange(len(passages), dtype=np.int32)
        lists = incidence.postings
        return cls.stored(incidence, passages, Lists(lists.start, _within(lists, ranks), lists.sizes))

    @classmethod
    def stored(cls, incidence: Incidence, passages: NDArray[np.int32], postings: Lists) -> Self:
        """The ranking of a graph whose order and lists were made before."""
        sizes = incidence.sizes[passages].astype(np.int32)
        first = sizes.searchsorted(np.arange(int(sizes[-1]) + 2 if len(sizes) else 1))
        dense = np.flatnonzero(postings.sizes * DENSE >= len(sizes))
        row_of = np.full(len(incidence.concepts), -1, np.int32)
        row_of[dense] = np.arange(len(dense), dtype=np.int32)
        # Zeros that nobody has written take no memory yet.
        rows = np.zeros((len(dense), -(-len(sizes) // 8)), np.uint8)
        return cls(incidence, passages, postings, sizes, first, row_of, rows, np.zeros(len(dense), np.bool_))

    def rows_of(self, concepts: Numbers) -> NDArray[np.int32]:
        """The row of each of some concepts, filled; -1 where it has none, or where the concept is -1."""
        found = np.where(concepts >= 0, self.row_of[concepts], -1)
        for concept in np.unique(concepts[found >= 0]).tolist():
            row = self.row_of[concept]
            if not self.filled[row]:
                self._fill(self.rows[row], self.postings.of(concept))
                self.filled[row] = True
        return found

    def _fill(self, row: Bits, ranks: Numbers) -> None:
        if len(ranks) * 16 > len(self.sizes):
            held = np.zeros(len(self.sizes), np.uint8)
            held[ranks] = 1
            row[:] = np.packbits(held)
            return
        begins = np.flatnonzero(np.diff(ranks >> 3, prepend=-1))
        row[ranks[begins] >> 3] = np.bitwise_or.reduceat(BIT[ranks & 7], begins)

    def until(self, concepts: Numbers, largest: Numbers) -> Numbers:
        """How many passages of each concept are of a size or smaller: the front of its list."""
        limit, items = self.first[largest + 1], self.postings.items
        begin, high = self.postings.start[concepts], self.postings.start[concepts + 1]
        low = np.where(limit >= len(self.sizes), high, begin)
        while (going := np.flatnonzero(low < high)).size:
            middle = (low[going] + high[going]) // 2
            under = items[middle] < limit[going]
            low[going] = np.where(under, middle + 1, low[going])
            high[going] = np.where(under, high[going], middle)
        return np.asarray(low - begin)

    def has_bit(self, rows: Numbers, ranks: Numbers) -> NDArray[np.bool_]:
        """Whether passages hold the concepts of some rows of bits."""
        places = rows * self.rows.shape[1] + (ranks >> 3)
        return np.asarray(self.rows.reshape(-1)[places] & BIT[ranks & 7], np.bool_)


def _within(lists: Lists, ranks: NDArray[np.int32]) -> NDArray[np.int32]:
    """The lists with ranks for passages, each ascending again."""
    owners = sparse.csr_array(
        (np.ones(len(lists.items), np.int8), ranks[lists.items], lists.start),
        shape=(len(lists.sizes), len(ranks)),
    )
    return np.asarray(owners.tocsc().tocsr().indices, np.int32)
