"""Twins: texts that are equal but for their numbers. They are told, and removed only where that is asked for.

In: measured texts and which of them stay, in order of preference. Out: for each text that stays the first
one of the same template that stays too.
"""

import numpy as np
from numpy.typing import NDArray

from synth.dedup.measuring import Numbers
from synth.dedup.ngrams import Hashes


def first_twins(
    template: Hashes, tokens: NDArray[np.int32], kept: NDArray[np.bool_], order: Numbers
) -> Numbers:
    """For each row the place of its first twin, or -1; a row that is first itself has none."""
    found = np.full(len(template), -1, np.int64)
    rows = order[kept[order] & (tokens[order] > 0)]
    _, first, group = np.unique(template[rows], return_index=True, return_inverse=True)
    leaders = rows[first][group]  # `unique` tells the first place of each, and rows are in order
    later = leaders != rows
    found[rows[later]] = leaders[later]
    return found
