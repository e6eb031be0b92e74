"""Which texts of a batch may overlap a benchmark at all: a few passes over arrays for all of them.

In: the rows of items, and of texts. Out: for each text whether it must be looked at. A text that is let
through overlaps nothing; one that is held back may still overlap nothing.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.kernel import at, kernel
from synth.dedup.members import First, Index, Members
from synth.dedup.ngrams import Hashes
from synth.dedup.rows import Flat, Places, Rows, runs, runs_of, wholes

# A shorter text says nothing whole: "what is the value of x" stands in hundreds of problems.
MIN_CONTAINED = 6

Chosen = NDArray[np.bool_]


def has_template(rows: Rows) -> Chosen:
    """Which texts are told apart by more than their numbers: they have some, and enough besides."""
    numbers = rows.masked.lengths > rows.spare
    return np.asarray(numbers & (rows.spare >= MIN_CONTAINED))


class Indexes(NamedTuple):
    """Whole items, also with numbers masked; their n-grams that count, half ones, and least runs."""

    equal: First
    templates: First
    ngrams: Index
    halves: Index
    within: Index


class Sieve:
    """Sets of what can give an overlap away. `short` items have no n-gram that counts."""

    def __init__(self, signed: Flat, indexes: Indexes, short: Chosen, ngram: int, jaccard: float) -> None:
        self._ngram, self._half, self._jaccard = ngram, max(1, ngram // 2), jaccard
        self._equal = Members(indexes.equal.hashes, distinct=True)
        self._templates = Members(indexes.templates.hashes, distinct=True)
        self._ngrams, self._halves = indexes.ngrams.members(rare=True), indexes.halves.members()
        self._within, self._heads = indexes.within.members(), Members(_heads(signed, short))
        self._kernel = kernel()

    def left(self, rows: Rows) -> Chosen:
        """Which of the texts must be looked at."""
        return self._by_python(rows) if self._kernel is None else self._by_kernel(rows)

    def has_head(self, signed: Hashes) -> bool:
        """Whether a text holds the first run of a short item."""
        return bool(self._heads.have(runs_of(signed, MIN_CONTAINED)).any())

    def _by_kernel(self, rows: Rows) -> Chosen:
        sets = [self._equal, self._templates, self._ngrams, self._halves, self._within, self._heads]
        packed = np.array([(at(s.values), at(s.bits), len(s.values), s.shift) for s in sets], np.int64)
        widths = np.array([self._ngram, self._half, MIN_CONTAINED], np.int64)
        left = np.empty(len(rows.spare), np.bool_)
        arrays = [array for flat in rows[:3] for array in flat]
        self._kernel.synth_left(
            at(packed), at(widths), self._jaccard, *map(at, arrays), at(rows.spare), len(left), at(left)
        )
        return left

    def _by_python(self, rows: Rows) -> Chosen:
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


def _heads(signed: Flat, short: Chosen) -> Hashes:
    """The first run of each short item."""
    lengths = np.minimum(signed.lengths, MIN_CONTAINED) * short
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    values = signed.values[np.repeat(signed.starts[:-1], lengths) + within]
    return wholes(Flat(values, np.concatenate([[0], np.cumsum(lengths)])))[short]


def _count(owners: Places, count: int) -> Places:
    return np.bincount(owners, minlength=count)
