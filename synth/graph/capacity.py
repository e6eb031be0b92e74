"""How many combinations the concepts of a category can bear.

In, units with their concepts; out, two numbers, of which the smaller is what a budget may ask for.

`sets` is how many different sets there are at all, those of too many concepts from one unit left out. Up
to `COUNTED` sets are counted one by one; beyond that some are drawn evenly, and the number is one that the
true one falls short of with a chance below `RISK`.

`spread` is how many sets can differ from each other in all but two concepts. No two such sets share three
concepts; a pool of n has C(n, 3) threes and a set of k uses up C(k, 3) of them, so there are at most
C(n, 3) / C(k, 3). Beyond that number near-repetitions are certain, whatever the sampler. Eight failed
problems of five concepts bear 988 sets; the paper drew 56,404 from them.
"""

from collections.abc import Iterator
from itertools import combinations, islice
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.graph.incidence import Incidence, Numbers
from synth.ids import stream

COUNTED = 200_000
DRAWN = 4_096
RISK = 1e-6
# Sets with so many concepts in common are near-repetitions: what SwS measures of its samples.
COMMON = 3
ROWS = 1 << 14


class Capacity(NamedTuple):
    """What a pool of concepts bears."""

    concepts: int
    sets: int
    spread: int

    @property
    def supports(self) -> int:
        """The most combinations that a budget may ask for."""
        return min(self.sets, self.spread)


def supports(units: Incidence, size: int, most_from_one: int = 0) -> Capacity:
    """What the concepts of some units bear, in sets of `size`; 0 for `most_from_one` sets no limit."""
    concepts = len(units.concepts)
    common = min(COMMON, size)
    spread = comb(concepts, common) // comb(size, common)
    return Capacity(concepts, _allowed(units, size, most_from_one), spread)


def _allowed(units: Incidence, size: int, most: int) -> int:
    concepts = len(units.concepts)
    every = comb(concepts, size)
    if not most or most >= size or units.sizes.max(initial=0) <= most:
        return every
    if every <= COUNTED:
        return sum(int(_fits(units, sets, most).sum()) for sets in _all_sets(concepts, size))
    rng = stream(0, "capacity", f"{concepts}:{size}")
    drawn = np.array([rng.sample(range(concepts), size) for _ in range(DRAWN)])
    return int(every * _at_least(int(_fits(units, drawn, most).sum()), DRAWN))


def _all_sets(concepts: int, size: int) -> Iterator[Numbers]:
    sets = combinations(range(concepts), size)
    while block := list(islice(sets, ROWS)):
        yield np.array(block)


def _fits(units: Incidence, sets: Numbers, most: int) -> NDArray[np.bool_]:
    """Which sets take no more than `most` concepts from any unit."""
    postings = units.postings
    rows = np.repeat(np.arange(len(sets)), postings.sizes[sets].sum(axis=1))
    pairs, held = np.unique(rows * len(units.passages) + postings.of_many(sets.ravel()), return_counts=True)
    fits = np.ones(len(sets), np.bool_)
    fits[pairs[held > most] // len(units.passages)] = False
    return fits


def _at_least(hits: int, draws: int) -> float:
    """The share that is exceeded but for a chance of `RISK` (Clopper and Pearson)."""
    from scipy.stats import beta

    return float(beta.ppf(RISK, hits, draws - hits + 1)) if hits else 0.0
