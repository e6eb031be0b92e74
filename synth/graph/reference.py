"""The walk as the papers write it, over edges: the yardstick for `walk` (METHOD 2.6.2; MathScale, 1.3).

In, a networkx graph of `export.to_networkx` with counts as weights; out, concept ids. Slow and plain on
purpose: tests show that sampling without edges has the same distribution.
"""

import math
from collections.abc import Collection
from random import Random
from typing import TYPE_CHECKING

from synth.config import CombinationsConfig
from synth.graph.export import EPSILON
from synth.graph.incidence import Kind

if TYPE_CHECKING:
    import networkx as nx


def neighbours(
    graph: "nx.Graph[str]", node: str, kind: Kind, exclude: Collection[str] = ()
) -> dict[str, float]:
    """The chance of each neighbour of a kind that is not excluded: softmax over log(count + 1e-5)."""
    logs = {
        other: math.log(edge["weight"] + EPSILON)
        for other, edge in graph[node].items()
        if graph.nodes[other]["kind"] == kind and other not in exclude
    }
    total = sum(map(math.exp, logs.values()))
    return {other: math.exp(weight) / total for other, weight in sorted(logs.items())}


def edge_step(
    rng: Random, graph: "nx.Graph[str]", node: str, kind: Kind, exclude: Collection[str] = ()
) -> str | None:
    """The next concept; None where no neighbour is left."""
    chances = neighbours(graph, node, kind, exclude)
    return rng.choices(list(chances), list(chances.values()))[0] if chances else None


def edge_walk(
    rng: Random, graph: "nx.Graph[str]", start_topic: str, config: CombinationsConfig
) -> tuple[list[str], list[str]]:
    """Topics and key concepts of one walk, in the order they were reached."""
    topic_steps = rng.randint(*config.topic_steps)
    key_concept_steps = rng.randint(*config.key_concept_steps)
    topics = _extend(rng, graph, [start_topic], "topic", topic_steps)
    first = edge_step(rng, graph, topics[-1], "key_concept")
    key_concepts = [] if first is None else [first]
    return topics, _extend(rng, graph, key_concepts, "key_concept", key_concept_steps if first else 0)


def _extend(rng: Random, graph: "nx.Graph[str]", reached: list[str], kind: Kind, count: int) -> list[str]:
    for _ in range(count):
        drawn = edge_step(rng, graph, reached[-1], kind, reached)
        if drawn is None:
            break
        reached.append(drawn)
    return reached
