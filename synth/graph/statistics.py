"""What the concept graph is like, in numbers: in, concepts and incidence; out, a plain mapping.

Edges are counted exactly and never kept: the product of the incidence matrix with its transpose is
made in blocks of bounded size (SynthLLM, level 3, has the three sub-graphs).
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from synth.graph.incidence import Incidence, Lists, Numbers

# Pairs of concepts counted at a time: about 100 MB at the most.
BLOCK_PAIRS = 5_000_000
QUANTILES = {"min": 0.0, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "max": 1.0}


def neighbour_counts(incidence: Incidence) -> tuple[Numbers, Numbers]:
    """For each concept: the topics, and the key concepts, that share a passage with it."""
    matrix = as_matrix(incidence)
    turned = sparse.csr_array(matrix.T)  # once: a product turns what it is given, each time
    topics = np.zeros(len(incidence.concepts), np.int64)
    every = np.zeros(len(incidence.concepts), np.int64)
    for first, last in blocks(incidence, BLOCK_PAIRS):
        shared = sparse.csr_array(matrix[first:last] @ turned)
        every[first:last] = np.diff(shared.indptr)
        rows = np.repeat(np.arange(first, last), every[first:last])
        topics += np.bincount(rows[incidence.is_topic[shared.indices]], minlength=len(topics))
    # A concept shares every passage of its own with itself, and is no neighbour of itself.
    return topics - incidence.is_topic, every - topics - ~incidence.is_topic


def statistics(concepts: pa.Table, incidence: pa.Table) -> dict[str, Any]:
    """Nodes, edges, degrees and how evenly concepts are used; shares are 0 for an empty graph."""
    graph = Incidence.from_table(incidence)
    topics, key_concepts = neighbour_counts(graph)
    passages = concepts["passages"].to_numpy()
    return {
        "topics": len(graph.by_kind["topic"]),
        "key_concepts": len(graph.by_kind["key_concept"]),
        "passages": len(graph.passages),
        "edges": {
            "topic_topic": int(topics[graph.is_topic].sum()) // 2,
            "topic_key_concept": int(key_concepts[graph.is_topic].sum()),
            "key_concept_key_concept": int(key_concepts[~graph.is_topic].sum()) // 2,
        },
        "degree": _quantiles(concepts["degree"].to_numpy()),
        "singleton_share": float((passages == 1).mean()) if len(passages) else 0.0,
        "gini": gini(passages),
        "top_mass": top_mass(passages),
        "largest_component_share": _largest_component(graph),
        "isolated_topics": int((topics[graph.is_topic] == 0).sum()),
    }


def gini(counts: NDArray[Any]) -> float:
    """How unevenly concepts are used: 0 where all are found equally often, near 1 where few are."""
    ordered = np.sort(np.asarray(counts, np.float64))
    n, total = len(ordered), ordered.sum()
    if not total:
        return 0.0
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / (n * total))


def top_mass(counts: NDArray[Any], share: float = 0.01) -> float:
    """The share of all uses that falls on the most used hundredth of concepts, at least on one."""
    ordered = np.sort(np.asarray(counts, np.float64))[::-1]
    total = ordered.sum()
    return float(ordered[: max(1, round(len(ordered) * share))].sum() / total) if total else 0.0


def coverage(concepts: pa.Table, used: Mapping[str, int], most: int = 50) -> list[dict[str, Any]]:
    """The topics of the most passages, with how many questions name each; `used` counts them by name."""
    rows = concepts.select(["kind", "name", "passages", "documents"]).to_pylist()
    topics = sorted(
        (-row["passages"], row["name"], row["documents"]) for row in rows if row["kind"] == "topic"
    )
    return [
        {"name": name, "passages": -passages, "documents": documents, "questions": used.get(name, 0)}
        for passages, name, documents in topics[:most]
    ]


def _quantiles(values: NDArray[Any]) -> dict[str, float]:
    if not len(values):
        return dict.fromkeys(QUANTILES, 0.0)
    return {name: float(np.quantile(values, q)) for name, q in QUANTILES.items()}


def _largest_component(graph: Incidence) -> float:
    """Share of concepts that some chain of passages joins to the largest group of concepts."""
    count = len(graph.concepts)
    if not count:
        return 0.0
    matrix = as_matrix(graph)
    both = sparse.block_array([[None, matrix], [matrix.T, None]])
    labels = sparse.csgraph.connected_components(both, directed=False)[1]
    return float(np.bincount(labels[:count]).max() / count)


def as_matrix(incidence: Incidence) -> Any:
    """Concepts by passages, 1 where a passage holds a concept."""
    lists: Lists = incidence.postings
    shape = (len(incidence.concepts), len(incidence.passages))
    return sparse.csr_array((np.ones(len(lists.items), np.int32), lists.items, lists.start), shape=shape)


def blocks(incidence: Incidence, most: int) -> Iterator[tuple[int, int]]:
    """Ranges of concepts whose passages hold about so many pairs together."""
    lists = incidence.postings
    pairs = np.concatenate(([0], np.cumsum(incidence.sizes[lists.items])))[lists.start]
    first = 0
    while first < len(incidence.concepts):
        last = int(pairs.searchsorted(pairs[first] + most, side="right")) - 1
        last = max(first + 1, last)
        yield first, last
        first = last
