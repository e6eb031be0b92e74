"""Scores of histories of unequal length, on flat arrays: no loop over problems.

In: all accuracies one behind the other, and where each history begins. Out: one number a history.
"""

from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
# Accuracies are shares of few attempts, so a slope nearer to a threshold than this is at it: what is left of
# a level history after rounding (1e-17) must not make it rise.
NEAR = 1e-12


class Trend(NamedTuple):
    """What the weakness rule asks about, and what is shown beside it."""

    highest: Floats
    mean: Floats
    last: Floats
    slope: Floats


class Curves:
    """Histories, none of them empty: `values[offsets[i]:offsets[i + 1]]` is the i-th."""

    def __init__(self, values: Floats, offsets: Numbers) -> None:
        self.values = values
        self.starts = offsets[:-1]
        self.lengths = np.diff(offsets)

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def owners(self) -> Numbers:
        """The history of each value."""
        return np.repeat(np.arange(len(self)), self.lengths)

    @cached_property
    def places(self) -> Numbers:
        """The number of the visit of each value, from 0."""
        return np.arange(len(self.values)) - np.repeat(self.starts, self.lengths)

    @cached_property
    def means(self) -> Floats:
        """The mean of each history."""
        return self.sums(self.values) / self.lengths

    def sums(self, values: Floats) -> Floats:
        """The sum of each history."""
        return np.add.reduceat(values, self.starts) if len(self) else np.empty(0)

    def trend(self) -> Trend:
        """Highest, mean and last accuracy, and the slope."""
        highest = np.maximum.reduceat(self.values, self.starts) if len(self) else np.empty(0)
        return Trend(highest, self.means, self.values[self.starts + self.lengths - 1], self.slopes())

    def slopes(self) -> Floats:
        """Least-squares slope over the number of the visit; 0 for a single visit (SwS, weaknesses)."""
        n = self.lengths.astype(float)
        away = self.places - ((n - 1) / 2)[self.owners]
        above = self.sums(away * (self.values - self.means[self.owners]))
        # Sum of the squares of 0 … n-1 from their mean.
        slopes = above / np.where(n > 1, n * (n * n - 1) / 12, 1.0)
        return np.where((n == 1) | (np.abs(slopes) < NEAR), 0.0, slopes)

    def variances(self) -> Floats:
        """Population variance, over the whole history (RECIPES 3)."""
        away = self.values - self.means[self.owners]
        found = self.sums(away * away) / self.lengths
        return np.where(found < NEAR * NEAR, 0.0, found)

    def lim(self, visits: Literal["own", "shortest"] = "own") -> Floats:
        """LIMR's score against the mean curve; not a number where the mean curve is 1 at all its visits.

        The mean of a visit is over the histories that have it. A history is compared over its own visits, or
        all over the visits that every one of them has.
        """
        if not len(self):
            return np.empty(0)
        curve = np.bincount(self.places, self.values) / np.bincount(self.places)
        used = self.places < (self.lengths.min() if visits == "shortest" else self.lengths.max())
        mean = curve[self.places]
        away = self.sums(np.where(used, (self.values - mean) ** 2, 0.0))
        room = self.sums(np.where(used, (1 - mean) ** 2, 0.0))
        return 1 - away / np.where(room > 0, room, np.nan)


def ranked(scores: Floats, ids: list[str] | None = None) -> Numbers:
    """Row numbers by falling score; ties by id where ids are given, else in the order of the rows."""
    if ids is None:
        return np.argsort(-scores, kind="stable")
    return np.lexsort((np.array(ids, dtype=np.str_), -scores))


def shared_ranks(scores: Floats) -> Numbers:
    """How many scores are at least as high as each: ties share their last rank, in any order of rows."""
    return len(scores) - np.searchsorted(np.sort(scores), scores, side="left")
