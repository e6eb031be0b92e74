"""igraph's random walk on the materialised graph, in igraph's own environment: in, passages and walks.

    python -m benchmarks.peers.with_igraph PASSAGES WALKS

A walk goes over topics, one step across, then over key concepts, on one graph for each; igraph may come back
to a concept, which the others may not. Edges are counted by one sparse product, which is the quickest there is.
"""

import json
import random
import resource
import sys
import time

import igraph
import numpy as np
from scipy import sparse

from benchmarks.zipf import corpus


def graphs(passages: int) -> tuple[igraph.Graph, igraph.Graph, igraph.Graph, float]:
    """Topics, topics with key concepts, key concepts; and the CPU time at which the corpus was there."""
    drawn = corpus(passages)
    rows = np.arange(passages)
    topics, keys = (
        sparse.csr_array(
            (np.ones(len(items), np.int32), (np.repeat(rows, sizes), items)), shape=(passages, count)
        )
        for sizes, items, count in (
            (drawn.topic_sizes, drawn.topic_items, drawn.topics),
            (drawn.key_sizes, drawn.key_items, drawn.key_concepts),
        )
    )
    began = time.process_time()
    made = []
    for one, other, shift in ((topics, topics, 0), (topics, keys, drawn.topics), (keys, keys, 0)):
        counts = sparse.coo_array(one.T @ other)
        keep = counts.row < counts.col + shift if shift else counts.row < counts.col
        edges = np.column_stack((counts.row[keep], counts.col[keep] + shift))
        count = one.shape[1] + (other.shape[1] if shift else 0)
        made.append(
            igraph.Graph(n=count, edges=edges, edge_attrs={"weight": counts.data[keep].astype(float)})
        )
    return (*made, began)


def main() -> None:
    """Build, walk from all topics in turns, and print CPU seconds and peak memory."""
    passages, walks = map(int, sys.argv[1:])
    on_topics, across, on_keys, began = graphs(passages)
    built = time.process_time() - began
    rng, topics = random.Random(0), on_topics.vcount()
    for walk in range(walks):
        reached = on_topics.random_walk(walk % topics, rng.randint(1, 2), weights="weight", stuck="return")
        crossed = across.random_walk(reached[-1], 1, weights="weight", stuck="return")
        if len(crossed) > 1:
            on_keys.random_walk(crossed[1] - topics, rng.randint(3, 4), weights="weight", stuck="return")
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(json.dumps({"build_s": built, "walks_s": spent - built, "memory_mb": peak}))


if __name__ == "__main__":
    main()
