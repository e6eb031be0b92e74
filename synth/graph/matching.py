"""Weak concepts found again in the graph of documents: in, names and vectors; out, pairs to look at.

A weak concept is first looked for by its canonical name. What has no name there is taken for
the nearest concept of the graph, where it is near enough. Each pair keeps how it came about and its
score, and what was too far keeps its nearest as well, so that the threshold can be judged.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synth.graph.names import canonical
from synth.graph.pool import Vectors

NAME, EMBEDDING, NONE = "name", "embedding", "none"
# Weak concepts compared with the whole graph at a time: 200 MB at 200,000 concepts.
BLOCK = 256
# Cosines of float32 differ by less between machines; what is nearer than this is worked out again.
SLACK = 1e-4
DIGITS = 6


class Match(NamedTuple):
    """A weak concept, and the concept of the graph that is it, or is nearest to it.

    `tier` is `name`, `embedding`, or `none` where nothing is near enough; `score` is the cosine, 1 for
    a name, and 0 with `concept_id` None where there is nothing to compare with.
    """

    weak_id: str
    concept_id: str | None
    tier: str
    score: float


def by_name(weak: Mapping[str, str], concepts: pa.Table) -> dict[str, Match]:
    """The weak concepts (id -> name) whose canonical name the graph has; key concepts go before topics."""
    known: dict[str, str] = {}
    columns = (concepts[name].to_pylist() for name in ("kind", "concept_id", "name"))
    for _, concept, name in sorted(zip(*columns, strict=True)):  # "key_concept" sorts before "topic"
        known.setdefault(canonical(name), concept)
    known.pop("", None)  # nothing but brackets and signs is no name
    found = {weak_id: known.get(canonical(name)) for weak_id, name in weak.items()}
    return {w: Match(w, concept, NAME, 1.0) for w, concept in sorted(found.items()) if concept is not None}


def by_vector(
    weak: Sequence[str], vectors: Vectors, concepts: pa.Table, known: Vectors, min_similarity: float
) -> dict[str, Match]:
    """The nearest concept of the graph to each weak one; row `i` of `vectors` is of `weak[i]`.

    Rows of `known` are those of `concepts`. Vectors have length one or zero. The search is exact; of
    concepts equally near, a key concept goes before a topic, then the smaller id.
    """
    ids = np.array(concepts["concept_id"].to_pylist(), str)
    ranks = np.empty(len(ids), np.int64)
    ranks[np.lexsort((ids, np.array(concepts["kind"].to_pylist(), str)))] = np.arange(len(ids))
    found: dict[str, Match] = {}
    for first in range(0, len(weak), BLOCK):
        cosines = vectors[first : first + BLOCK] @ known.T
        for offset, row in enumerate(cosines):
            place, score = _nearest(vectors[first + offset], row, known, ranks)
            tier = EMBEDDING if score >= min_similarity else NONE
            concept = None if place is None else str(ids[place])
            found[weak[first + offset]] = Match(weak[first + offset], concept, tier, score)
    return found


def _nearest(
    vector: NDArray[Any], cosines: NDArray[Any], known: Vectors, ranks: NDArray[np.int64]
) -> tuple[int | None, float]:
    """The nearest row and its cosine, worked out anew in full precision among those nearly as near."""
    if not len(cosines) or not vector.any():
        return None, 0.0
    close = np.flatnonzero(cosines >= cosines.max() - SLACK)
    exact = np.einsum("ij,j->i", known[close].astype(np.float64), vector.astype(np.float64)).round(DIGITS)
    best = int(close[np.lexsort((ranks[close], -exact))[0]])
    return best, float(exact.max())


def usable(matches: Mapping[str, Match]) -> dict[str, str]:
    """Weak concept -> concept of the graph, without those that have none."""
    return {w: m.concept_id for w, m in matches.items() if m.tier != NONE and m.concept_id is not None}
