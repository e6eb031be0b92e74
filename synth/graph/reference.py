"""The samplers as the papers write them: the yardsticks for `walk` and `cooccurrence`.

The walk (SynthLLM, level 3; MathScale) takes a networkx graph of `export.to_networkx` with counts as
weights, the scores of SwS take lists of names; out come concept ids. Slow and plain on
purpose: tests show that sampling without edges, and without the whole sum, has the same distribution.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from synth.config import CombinationsConfig
from synth.config_targets import TargetsConfig
from synth.graph.export import EPSILON
from synth.graph.incidence import Incidence, Kind
from synth.graph.walk import DEAD_END, Step, Walk, step

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


def list_walk(rng: Random, incidence: Incidence, start_topic: int, config: CombinationsConfig) -> Walk:
    """A walk of `walks.graph_walk`, one step after the other, from a stream of its own."""
    topic_steps = rng.randint(*config.topic_steps)
    key_concept_steps = rng.randint(*config.key_concept_steps)
    topics, key_concepts = [start_topic], list[int]()
    steps = [Step("start", start_topic, None)]
    _list_phase(rng, incidence, "topic", topic_steps, topics, steps)
    _list_phase(rng, incidence, "cross", 1, key_concepts, steps)
    if key_concepts:
        _list_phase(rng, incidence, "key_concept", key_concept_steps, key_concepts, steps)
    return Walk(tuple(topics), tuple(key_concepts), tuple(steps))


def _list_phase(
    rng: Random, incidence: Incidence, phase: str, count: int, reached: list[int], steps: list[Step]
) -> None:
    """Take `count` steps from the last concept, adding what is reached to both lists."""
    kind: Kind = "topic" if phase == "topic" else "key_concept"
    for _ in range(count):
        node = steps[-1].concept
        drawn = step(rng, incidence, node, kind, reached)
        if drawn is None:
            steps.append(Step(DEAD_END, node, None))
            return
        reached.append(drawn[0])
        steps.append(Step(phase, *drawn))


def cooccurrence_chances(
    lists: Sequence[Collection[str]],
    vectors: Mapping[str, Sequence[float]],
    chosen: Sequence[str],
    config: TargetsConfig,
) -> dict[str, float]:
    """The chance of each concept to be drawn next; without chosen ones, by frequency."""
    names = sorted({name for listed in lists for name in listed})
    often = {name: sum(name in listed for listed in lists) for name in names}
    if not chosen:
        return {name: often[name] / sum(often.values()) for name in names}
    units = [[x / (math.hypot(*vectors[name]) or 1) for x in vectors[name]] for name in chosen]
    mean = [sum(column) / len(chosen) for column in zip(*units, strict=True)]
    scores = {}
    for name in names:
        counts = [sum(name in listed and other in listed for listed in lists) for other in chosen]
        alike = cosine(vectors[name], mean)
        if config.mode == "paper":
            scores[name] = sum(counts) + alike
        else:
            shares = [n / math.sqrt(often[name] * often[o]) for n, o in zip(counts, chosen, strict=True)]
            scores[name] = config.alpha * sum(shares) / len(chosen) + (1 - config.alpha) * alike
    spent = _spent(lists, chosen, config)
    top = max((score for name, score in scores.items() if name not in spent), default=0.0)
    weights = {n: 0.0 if n in spent else math.exp((s - top) / config.tau) for n, s in scores.items()}
    return {name: weight / (sum(weights.values()) or 1) for name, weight in weights.items()}


def _spent(lists: Sequence[Collection[str]], chosen: Sequence[str], config: TargetsConfig) -> set[str]:
    """What may not be drawn: the chosen, and what is listed with as many of them as one list may give."""
    if config.mode == "paper" or not config.most_from_one:
        return set(chosen)
    full = [listed for listed in lists if len(set(listed) & set(chosen)) >= config.most_from_one]
    return set(chosen).union(*full)


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    """The cosine of two vectors, 0 where one has no length."""
    lengths = math.hypot(*one) * math.hypot(*other)
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths > 1e-6 else 0.0
