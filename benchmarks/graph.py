"""Walks on incidence lists against the same walks on a materialised networkx graph, building included."""

from random import Random

import pyarrow as pa

from benchmarks.measure import Figure, interleaved
from synth.config import CombinationsConfig
from synth.graph.export import to_networkx
from synth.graph.incidence import Incidence
from synth.graph.reference import edge_walk
from synth.graph.walk import walk
from synth.schemas import TABLES

PASSAGES, TOPICS, KEY_CONCEPTS, WALKS = 1_000, 400, 2_500, 500


def zipf_incidence(passages: int, topics: int, key_concepts: int, seed: int = 0) -> pa.Table:
    """Passages with 3 topics and 30 key concepts whose frequencies fall as one over their rank."""
    rng = Random(seed)

    def draw(prefix: str, kinds: int, count: int) -> list[str]:
        ranks = {min(kinds, int(kinds ** rng.random())) for _ in range(count)}
        return sorted(f"{prefix}{rank:06d}" for rank in ranks)

    rows = [
        {
            "passage_id": f"psg_{place:07d}",
            "cluster_id": f"doc_{place:07d}",
            "topics": draw("con_t", topics, 3),
            "key_concepts": draw("con_k", key_concepts, 30),
        }
        for place in range(passages)
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["incidence"].schema)


def figures() -> list[Figure]:
    """CPU for each walk."""
    table = zipf_incidence(PASSAGES, TOPICS, KEY_CONCEPTS)
    config = CombinationsConfig()
    known = Incidence.from_table(table)
    numbers = [int(number) for number in known.by_kind["topic"]]
    starts = [known.concepts[number] for number in numbers]

    def on_lists() -> None:
        incidence, rng = Incidence.from_table(table), Random(1)
        for place in range(WALKS):
            walk(rng, incidence, numbers[place % len(numbers)], config)

    def on_edges() -> None:
        graph, rng = to_networkx(Incidence.from_table(table)), Random(1)
        for place in range(WALKS):
            edge_walk(rng, graph, starts[place % len(starts)], config)

    contenders = {"walk on incidence lists": on_lists, "walk on networkx edges, building included": on_edges}
    return interleaved("walk", WALKS, contenders)
