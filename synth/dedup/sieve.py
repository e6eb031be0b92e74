"""Which texts of a batch may overlap a benchmark at all: a few passes over arrays for all of them.

In: the rows of items, and of texts. Out: for each text whether it must be looked at. A text that is let
through overlaps nothing; one that is held back may still overlap nothing.
"""

import numpy as np
from numpy.typing import NDArray

from synth.dedup.members import Index, Members
from synth.dedup.ngrams import Hashes
from synth.dedup.rows import Places, Rows, runs, wholes

# A shorter text says nothing whole: "what is the value of x" stands in hundreds of problems.
MIN_CONTAINED = 6

Chosen = NDArray[np.bool_]


def has_template(rows: Rows) -> Chosen:
    """Which texts are told apart by more than their numbers: they have some, and enough besides."""
    numbers = rows.masked.lengths > rows.spare
    return np.asarray(numbers & (rows.spare >= MIN_CONTAINED))


class Sieve:
    """Sets of what can give an overlap away."""

    def __init__(self, items: Rows, index: Index, short: Chosen, ngram: int, jaccard: float) -> None:
        self._ngram, self._half, self._jaccard = ngram, max(1, ngram // 2), jaccard
        self._equal = Members(wholes(items.signed))
        self._templates = Members(wholes(items.masked)[has_template(items)])
        self._ngrams, self._halves = Members(index.values), Members(runs(items.said, self._half)[0])
        inner, holders = runs(items.signed, MIN_CONTAINED)
        first = np.diff(holders, prepend=-1) > 0
        self._within, self._heads = Members(inner), Members(inner[first & short[holders]])

    def left(self, rows: Rows) -> Chosen:
        """Which of the texts must be looked at."""
        signed, said, count = rows.signed, rows.said, len(rows.spare)
        left = self._equal.have(wholes(signed)) & (signed.lengths > 0)
        left |= self._templates.have(wholes(rows.masked)) & has_template(rows)
        ngrams, owners = runs(said, self._ngram)
        left |= _count(owners[self._ngrams.have(ngrams)], count) > 0
        inner, holders = runs(signed, MIN_CONTAINED)
        left |= _count(holders[self._heads.have(inner)], count) > 0
        return left | self._inside(rows, inner, holders) | self._near(rows)

    def _inside(self, rows: Rows, inner: Hashes, holders: Places) -> Chosen:
        """Short texts of which every run stands in some item."""
        short = rows.said.lengths < self._ngram
        mine = short[holders]
        lacks = _count(holders[mine][~self._within.have(inner[mine])], len(short)) > 0
        return np.asarray(short & (rows.signed.lengths >= MIN_CONTAINED) & ~lacks)

    def _near(self, rows: Rows) -> Chosen:
        """Texts of whose half-runs enough stand in items; the rest can be alike to none of them."""
        halves, owners = runs(rows.said, self._half)
        count = len(rows.spare)
        known = _count(owners[self._halves.have(halves)], count)
        long = rows.said.lengths >= self._ngram
        return np.asarray(long & (known > 0) & (known >= self._jaccard * _count(owners, count)))


def _count(owners: Places, count: int) -> Places:
    return np.bincount(owners, minlength=count)
