"""Clusters of nearly equal documents.

In: the rank and sketch of each text by id, and a way to the text itself. Out: for each the cluster it
belongs to, its nearest relative there, and the one that stands for the cluster. Pairs are confirmed by
exact Jaccard similarity of word 5-grams (`dedup.near`), for which the texts of candidates
alone are fetched; whatever a chain of pairs connects is one cluster.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from synth.dedup.near import Banding, Pair, Sketches, pairs_among
from synth.dedup.ngrams import Hashes, Ngrams
from synth.documents.reading import PERMUTATIONS, SHINGLE_WORDS
from synth.documents.words import words

RECALL = 0.98
# n-grams of so many texts are kept while pairs are confirmed.
_HELD = 512

# How good a text is (smaller is better), and its sketch: key, number of n-grams, MinHash values.
Outline = tuple[tuple[int, ...], tuple[bytes, int, bytes]]


class Member(NamedTuple):
    """Where a document stands in its cluster; alone in it, it has neither relative nor similarity."""

    cluster_id: str
    best: str
    nearest: str | None
    similarity: float | None


def cluster(
    outlines: dict[str, Outline], text_of: Callable[[str], str], threshold: float
) -> dict[str, Member]:
    """The cluster of each text: named by its smallest id, represented by its best text.

    The outlines are used up: of many texts two copies would not fit the memory.
    """
    # Best first, as `pairs_among` wants them.
    keys = sorted(outlines, key=lambda key: (outlines[key][0], key))
    known = Ngrams()

    @lru_cache(_HELD)
    def ngrams_of(place: int) -> Hashes:
        return known.distinct(words(text_of(keys[place])), SHINGLE_WORDS)

    rows = rows_per_band(threshold)
    banding = Banding(PERMUTATIONS // rows, rows, threshold)
    pairs = pairs_among(_sketches(keys, outlines), ngrams_of, banding)
    groups = _connected(len(keys), pairs)
    nearest = _nearest(pairs)
    found = {}
    for i, key in enumerate(keys):
        group = groups[i]
        other, similarity = nearest.get(i, (None, None))
        found[key] = Member(
            cluster_id=min(keys[j] for j in group),
            best=keys[min(group)],
            nearest=None if other is None else keys[other],
            similarity=similarity,
        )
    return found


def _sketches(keys: Sequence[str], outlines: dict[str, Outline]) -> Sketches:
    equal, sizes = [], np.empty(len(keys), np.int64)
    values = np.empty((len(keys), PERMUTATIONS), np.uint32)
    for place, key in enumerate(keys):
        _, (text_key, sizes[place], minhash) = outlines.pop(key)
        # Two texts without a word are not alike for it.
        equal.append(text_key if sizes[place] else key.encode())
        values[place] = np.frombuffer(minhash, np.uint32)
    return Sketches(equal, sizes, values)


def rows_per_band(threshold: float) -> int:
    """Most rows per band with which a pair right at the threshold is found: 1-(1-t^r)^(128/r) >= 0.98."""
    fitting = (r for r in range(12, 1, -1) if 1 - (1 - threshold**r) ** (PERMUTATIONS // r) >= RECALL)
    return next(fitting, 1)


def _connected(size: int, pairs: list[Pair]) -> list[list[int]]:
    """For each index all indices that a chain of pairs leads to; the smaller group joins the larger."""
    groups = [[i] for i in range(size)]
    for pair in pairs:
        small, large = sorted((groups[pair.left], groups[pair.right]), key=len)
        if small is not large:
            large.extend(small)
            for i in small:
                groups[i] = large
    return groups


def _nearest(pairs: list[Pair]) -> dict[int, tuple[int, float]]:
    """The most similar other text of each index; of equally similar ones the better."""
    found: dict[int, tuple[int, float]] = {}
    for pair in pairs:
        for one, other in ((pair.left, pair.right), (pair.right, pair.left)):
            if one not in found or (-pair.jaccard, other) < (-found[one][1], found[one][0]):
                found[one] = (other, pair.jaccard)
    return found
