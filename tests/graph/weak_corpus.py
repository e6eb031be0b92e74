"""Small pools of failed problems for the tests of targeted combinations."""

from collections.abc import Mapping, Sequence
from random import Random

import numpy as np
from hypothesis import strategies as st

from synth.graph.pool import Pool, aligned, units_of

Lists = Sequence[Sequence[str]]
Vectors = Mapping[str, Sequence[float]]

# Counts from 0 to 3, a pair that is never listed together, and a problem with all that one may give.
FAILED: Lists = ["abcd", "abc", "abe", "de", "cf", "fg", "gh", "h", "ah"]


def made_up(names: str, seed: int, size: int = 3) -> dict[str, list[float]]:
    rng = Random(seed)
    return {name: [rng.gauss(0.2, 1) for _ in range(size)] for name in sorted(set(names))}


def pool_of(lists: Lists, vectors: Vectors | None = None) -> Pool:
    """The pool of some problems; vectors are handed over in another order than that of the concepts."""
    units = units_of({f"u{place:02d}": list(listed) for place, listed in enumerate(lists)})
    if vectors is None:
        return Pool.of(units)
    ids = sorted(vectors, reverse=True)
    return Pool.of(units, aligned(units.concepts, ids, np.array([vectors[name] for name in ids])))


def zipf_pool(concepts: int, problems: int, seed: int = 0) -> Pool:
    """Problems of five concepts whose frequencies fall as one over their rank, with vectors in groups."""
    rng = np.random.default_rng(seed)
    ranks = np.minimum((concepts + 1.0) ** rng.random((problems, 5)), concepts).astype(int)
    units = units_of({f"u{i:06d}": [f"c{rank:06d}" for rank in row] for i, row in enumerate(ranks.tolist())})
    groups = rng.normal(size=(20, 32))[rng.integers(0, 20, len(units.concepts))]
    vectors = 0.3 + groups / 2 + rng.normal(size=groups.shape)
    return Pool.of(units, aligned(units.concepts, units.concepts, vectors))


def problems(most: int = 8) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(
        st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=5, unique=True), min_size=1, max_size=most
    )
