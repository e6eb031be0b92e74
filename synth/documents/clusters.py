"""Clusters of nearly equal documents.

In: texts by id. Out: for each the cluster it belongs to, its nearest relative there, and the one
that stands for the cluster. Pairs are confirmed by exact Jaccard similarity of word 5-grams
(`dedup.near`, METHOD 6.4); whatever a chain of pairs connects is one cluster.
"""

from collections.abc import Mapping
from typing import NamedTuple

from synth.dedup.near import Pair, find_pairs

SHINGLE_WORDS = 5
PERMUTATIONS = 128
RECALL = 0.98


class Member(NamedTuple):
    """Where a document stands in its cluster; alone in it, it has neither relative nor similarity."""

    cluster_id: str
    best: str
    nearest: str | None
    similarity: float | None


def find_clusters(texts: Mapping[str, str], threshold: float) -> dict[str, Member]:
    """The cluster of each text: named by its smallest id, represented by its longest text."""
    # Best first, as `find_pairs` wants them.
    keys = sorted(texts, key=lambda key: (-len(texts[key]), key))
    rows = rows_per_band(threshold)
    pairs = find_pairs(
        [texts[key] for key in keys], SHINGLE_WORDS, PERMUTATIONS, PERMUTATIONS // rows, rows, threshold
    )
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
