"""Reference passages of a combination: in, its concepts; out, the most similar passages (METHOD 2.6.5).

SynthLLM takes the two passages with the highest Jaccard similarity of concept sets and says nothing of
ties or of copies. Here ties go to the larger overlap, then to a seeded order; and, when asked, no two
references come from one near-duplicate cluster.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from synth.graph.incidence import Incidence, Numbers
from synth.ids import digest


def tie_order(incidence: Incidence, seed: int) -> Numbers:
    """Each passage's place in a seeded order of their ids, to be made once for many combinations."""
    hashed = np.array([digest(seed, "references", passage) for passage in incidence.passages], str)
    places = np.empty(len(hashed), np.int64)
    places[np.argsort(hashed)] = np.arange(len(hashed))
    return places


def top_references(
    incidence: Incidence, concepts: Collection[int], k: int, different_clusters: bool, order: Numbers
) -> list[tuple[int, float]]:
    """The `k` passages most like a set of concepts, best first, with their Jaccard similarity.

    Exact: only passages that share a concept can score. `order` is that of `tie_order`. Fewer than
    `k` come back where fewer share a concept, or where they come from fewer clusters.
    """
    if not concepts:
        return []
    postings = [incidence.postings.of(concept) for concept in concepts]
    passages, shared = np.unique(np.concatenate(postings), return_counts=True)
    scores = shared / (len(concepts) + incidence.sizes[passages] - shared)
    # Most passages share one concept and score low: sort only what can be among the best.
    for most in (4 * k, len(passages)):
        near = _at_least(scores, most)
        ranked = near[np.lexsort((order[passages[near]], -shared[near], -scores[near]))]
        best = _first_of_each_cluster(incidence, passages, ranked) if different_clusters else ranked.tolist()
        if len(best) >= k:
            break
    return [(int(passages[i]), float(scores[i])) for i in best[:k]]


def _at_least(scores: NDArray[np.float64], most: int) -> Numbers:
    """Where the scores are that no fewer than `most` reach; all where there are no more."""
    if most >= len(scores):
        return np.arange(len(scores))
    return np.flatnonzero(scores >= np.partition(scores, -most)[-most])


def _first_of_each_cluster(incidence: Incidence, passages: Numbers, ranked: Numbers) -> list[int]:
    firsts: dict[int, int] = {}
    for place in ranked.tolist():
        firsts.setdefault(int(incidence.clusters[passages[place]]), place)
    return list(firsts.values())
