"""How much sampled sets repeat each other: in, sets of concepts; out, shares (SwS, sampling).

Sets that have three concepts in common have a three in common. So threes are counted, ten for a set of
five, and no two sets are ever compared.
"""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.graph.incidence import Numbers

COMMON = 3
# Threes counted at one time: about half a gigabyte.
BLOCK = 20_000_000
TOP = 0.01
_MOST = 1 << 21


class Overlap(NamedTuple):
    """Shares of the sets, but for `top_mass`.

    `distinct`: different sets over all sets. `identical`: sets that another one equals. `overlapping`:
    sets with three concepts or more in common with another one, equal ones included. `top_mass`: the
    share of all places that the most used hundredth of the pool's concepts takes.
    """

    sets: int
    distinct: float
    identical: float
    overlapping: float
    top_mass: float


def overlap(sets: Sequence[Collection[int]], pool: int) -> Overlap:
    """Figures for the sets drawn from a pool of so many concepts; 0 throughout where there are none."""
    if not sets:
        return Overlap(0, 0.0, 0.0, 0.0, 0.0)
    keys = [tuple(sorted(set(one))) for one in sets]
    seen: dict[tuple[int, ...], int] = {}
    first = np.array([seen.setdefault(key, place) for place, key in enumerate(keys)])
    copies = np.bincount(first, minlength=len(keys))[first]
    concepts, used = np.unique(np.concatenate([np.array(key, np.int64) for key in keys]), return_counts=True)
    top = max(1, round(pool * TOP))
    return Overlap(
        sets=len(keys),
        distinct=len(seen) / len(keys),
        identical=float((copies > 1).mean()),
        overlapping=float(((copies > 1) | _near(list(seen), concepts)[_place(first)]).mean()),
        top_mass=float(np.sort(used)[::-1][:top].sum() / used.sum()),
    )


def _place(first: Numbers) -> Numbers:
    """For each set, the place of its key among the different keys."""
    return np.unique(first, return_inverse=True)[1]


def _near(keys: list[tuple[int, ...]], concepts: Numbers) -> NDArray[np.bool_]:
    """Which of some different sets have three concepts in common with another of them."""
    if len(concepts) > _MOST:
        raise ValueError(f"overlap: {len(concepts)} different concepts, more than {_MOST}; give fewer sets.")
    near = np.zeros(len(keys), np.bool_)
    threes, owners = _threes(keys, concepts)
    # A part holds all copies of its threes, as they are told apart by their first concept.
    parts = -(-len(threes) // BLOCK)
    of_part = (threes >> 42) % parts if parts > 1 else None
    for part in range(parts):
        inside = slice(None) if of_part is None else of_part == part
        _, place, counts = np.unique(threes[inside], return_inverse=True, return_counts=True)
        near[owners[inside][counts[place] > 1]] = True
    return near


def _threes(keys: list[tuple[int, ...]], concepts: Numbers) -> tuple[Numbers, Numbers]:
    """Every three of every set as one number of three times 21 bits, and the set it is of."""
    threes, owners = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    sizes = np.array([len(key) for key in keys])
    for size in np.unique(sizes[sizes >= COMMON]).tolist():
        rows = np.flatnonzero(sizes == size)
        places = concepts.searchsorted(np.array([keys[row] for row in rows.tolist()]))
        for a, b, c in combinations(range(size), COMMON):
            threes.append(places[:, a] << 42 | places[:, b] << 21 | places[:, c])
            owners.append(rows)
    return np.concatenate(threes), np.concatenate(owners)
