"""Which problems of a pool lie nearest to what a student fails: category by category, each problem once.

In: vectors of length one, and a budget for each category. Out: for each chosen problem of the pool its
category, the failed problem that it is nearest to, and their distance. The search is exact.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.graph.pool import Vectors

# Rows of the pool compared with all failures at a time: 30 MB at 2,000 failures.
BLOCK = 2_048
# Products may differ in their last digits between machines, and with the place in a block.
DIGITS = 6


class Choice(NamedTuple):
    """A problem of the pool by its place; `failed` is the place of the failure that it is nearest to."""

    place: int
    category: str
    failed: int
    distance: float


def distances(pool: Vectors, failed: Vectors) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each row of the pool 1 - cosine to its nearest failure, and which that is: the first of equals."""
    least = np.empty(len(pool))
    nearest = np.empty(len(pool), np.int64)
    columns = failed.astype(np.float64).T
    for start in range(0, len(pool), BLOCK):
        rows = slice(start, start + BLOCK)
        cosines = np.round(pool[rows].astype(np.float64) @ columns, DIGITS)
        nearest[rows] = cosines.argmax(axis=1)
        least[rows] = np.round(1 - cosines.max(axis=1), DIGITS)
    return least, nearest


def choose(
    pool: Vectors, failed: Vectors, categories: Sequence[str], budgets: Mapping[str, int]
) -> list[Choice]:
    """The nearest problems of each category up to its budget, in the order of the pool.

    Row `i` of `failed` is of `categories[i]`. A problem that is near two categories goes to the one that it
    is nearer to, as long as that one has room; of equals the earlier row, then the earlier category, comes
    first. Give both in the order of their ids, so that nothing depends on the order of files.
    """
    names = sorted({name for name in categories if budgets.get(name)})
    if not names or not len(pool):
        return []
    places = {name: np.flatnonzero(np.array(categories) == name) for name in names}
    found = [distances(pool, failed[places[name]]) for name in names]
    left = {name: budgets[name] for name in names}
    chosen: dict[int, Choice] = {}
    # Flat places of (row, category): a stable sort keeps that order among equals.
    table = np.stack([least for least, _ in found], axis=1)
    for flat in np.argsort(table, axis=None, kind="stable").tolist():
        row, column = divmod(flat, len(names))
        name = names[column]
        if row in chosen or not left[name]:
            continue
        failure = int(places[name][found[column][1][row]])
        chosen[row] = Choice(row, name, failure, float(table[row, column]))
        left[name] -= 1
        if not any(left.values()):
            break
    return [chosen[row] for row in sorted(chosen)]
