"""Sets whose references are sought, and candidates for them: in, sets of concepts; out, arrays by rarity."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from synth.graph.incidence import Numbers
from synth.graph.ranking import Ranking

Floats = NDArray[np.float64]


def near_each_other(ranking: Ranking, sets: Numbers) -> Numbers:
    """An order in which sets that look up the same rows of bits follow each other; what is found is the same.

    Most is read of the rarest list that has a row, and looked up in the row of the next: a row that was
    just read is near the processor, and ten times the corpus has rows ten times as long.
    """
    if not sets.size:
        return np.arange(len(sets))
    has_row = (sets >= 0) & (ranking.row_of[sets] >= 0)
    sizes = np.where(has_row, ranking.postings.sizes[sets], np.iinfo(np.int64).max)
    rows = np.take_along_axis(sets, np.argsort(sizes, axis=1, kind="stable")[:, :2], axis=1)
    return np.lexsort((rows[:, 0], rows[:, -1]))


class Found(NamedTuple):
    """Candidates: the set each is for, its rank, which of the set's concepts it holds (bits by column).

    `column` is the next one to be looked up.
    """

    who: Numbers
    ranks: Numbers
    held: Numbers
    column: Numbers

    def only(self, stay: NDArray[np.bool_]) -> "Found":
        """Some of them."""
        return Found(*(values[stay] for values in self))

    @property
    def shared(self) -> Numbers:
        """How many concepts of its set each is known to hold."""
        return np.bitwise_count(self.held).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Sought:
    """Some sets, the concepts of each from the rarest on, padded with -1.

    `rows` are rows of bits; columns from `dense` on have one. `count` is the size of each set.
    """

    concepts: Numbers
    rows: Numbers
    count: Numbers
    dense: Numbers

    @classmethod
    def of(cls, ranking: Ranking, sets: Numbers) -> Self:
        """Sort each set by how many passages have its concepts."""
        sizes = np.where(sets >= 0, ranking.postings.sizes[sets], np.iinfo(np.int64).max)
        concepts = np.take_along_axis(sets, np.argsort(sizes, axis=1, kind="stable"), axis=1)
        rows = ranking.rows_of(concepts).astype(np.int64)
        count = (sets >= 0).sum(axis=1)
        return cls(concepts, rows, count, count - (rows >= 0).sum(axis=1))

    def rare(self, ranking: Ranking, most: int) -> Iterator[Found]:
        """Every passage in the lists without bits, once for each set; about `most` places at a time."""
        columns = np.arange(self.concepts.shape[1])
        is_rare = columns < self.dense[:, None]
        sizes = np.where(is_rare, ranking.postings.sizes[self.concepts], 0)
        ends = sizes.sum(axis=1).cumsum()
        first = 0
        while first < len(ends):
            before = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(ends.searchsorted(before + most, side="right")))
            rows, places = np.nonzero(is_rare[first:last])
            yield self._merged(ranking, rows + first, places)
            first = last

    def _merged(self, ranking: Ranking, rows: Numbers, places: Numbers) -> Found:
        """The passages of some lists, of which each is named by its set and its column."""
        concepts = self.concepts[rows, places]
        sizes = ranking.postings.sizes[concepts]
        ranks = ranking.postings.of_many(concepts)
        keys = np.repeat(rows * len(ranking.sizes), sizes) + ranks
        held = np.repeat(np.int64(1) << places, sizes)
        order = np.argsort(keys, kind="stable")
        keys, held = keys[order], held[order]
        begins = np.flatnonzero(np.concatenate((np.ones(min(len(keys), 1), bool), keys[1:] != keys[:-1])))
        held = np.bitwise_or.reduceat(held, begins) if len(begins) else held
        who, ranks = np.divmod(keys[begins], max(len(ranking.sizes), 1))
        return Found(who, ranks, held, self.dense[who])
