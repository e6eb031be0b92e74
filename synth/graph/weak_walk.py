"""Walks that start from what was failed: in, the graph of documents and its weak concepts; out, walks.

Neither paper has it. SynthLLM walks from a topic; SwS samples the concepts of failed problems, which have
no documents behind them. Here a weak concept, drawn by how often it was failed, starts a walk of
SynthLLM's, so that what is asked about it stands in passages:

- `start`: the weak concept. A topic walks as in SynthLLM. A key concept takes one step `up` to a topic
  that shares passages with it, by the same chances, and counts as one of the set's key concepts.
- `topic`, `cross`, `key_concept`: as in SynthLLM; after `up`, one key-concept step less, so that the set
  is as large as one that starts at a topic.
- While fewer than `min_weak` weak concepts are in the set, a step goes to a weak neighbour, if one is
  left, with the chances that weak neighbours have among themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synth.config import CombinationsConfig
from synth.graph.incidence import Incidence, Kind, Lists, Numbers
from synth.graph.walk import DEAD_END, Step, Walk, step

UP = "up"


@dataclass(frozen=True, slots=True)
class Weak:
    """A graph of documents in which some concepts are weak.

    `lists` holds the weak concepts of each passage; `starts` are the weak concepts, `ends` their
    weights, summed up.
    """

    graph: Incidence
    is_weak: NDArray[np.bool_]
    lists: dict[Kind, Lists]
    starts: Numbers
    ends: Numbers

    @classmethod
    def of(cls, graph: Incidence, weights: Mapping[str, int]) -> Self:
        """The weak concepts of a graph by their ids, with how often each was failed (1 or more).

        Raises:
            KeyError: the graph has no such concept.
        """
        numbers = {graph.number(concept): weight for concept, weight in sorted(weights.items())}
        starts = np.array(sorted(numbers), np.int64)
        is_weak = np.zeros(len(graph.concepts), np.bool_)
        is_weak[starts] = True
        kinds: tuple[Kind, ...] = ("topic", "key_concept")
        lists = {kind: _only(graph.lists(kind), is_weak) for kind in kinds}
        return cls(
            graph, is_weak, lists, starts, np.array([numbers[int(s)] for s in starts], np.int64).cumsum()
        )

    def count(self, walk: Walk) -> int:
        """Weak concepts of a walk."""
        return int(self.is_weak[list(walk.concepts)].sum())


def _only(lists: Lists, wanted: NDArray[np.bool_]) -> Lists:
    owners = np.repeat(np.arange(len(lists.sizes)), lists.sizes)
    keep = wanted[lists.items]
    return Lists.of_pairs(owners[keep], lists.items[keep], len(lists.sizes))


def weights(frequency: Mapping[str, int], found: Mapping[str, str]) -> dict[str, int]:
    """Weights of a graph's concepts: the failed problems that list the weak concepts found there.

    `frequency` counts problems by weak concept, `found` is that of `matching.usable`.
    """
    summed: dict[str, int] = {}
    for weak, concept in found.items():
        summed[concept] = summed.get(concept, 0) + frequency.get(weak, 0)
    return {concept: weight for concept, weight in sorted(summed.items()) if weight}


def enough(weak: Weak, config: CombinationsConfig, min_weak: int) -> Callable[[Walk], bool]:
    """Whether a walk has enough concepts, a key concept and `min_weak` weak ones; for `draws.sample`."""

    def fits(walk: Walk) -> bool:
        large = len(walk.concepts) >= config.min_concepts and bool(walk.key_concepts)
        return large and weak.count(walk) >= min_weak

    return fits


def weak_walk(rng: Random, weak: Weak, config: CombinationsConfig, min_weak: int) -> Walk:
    """A walk from a weak concept, drawn by weight; nothing comes twice, and a phase may end early."""
    if not len(weak.starts):
        return Walk((), (), ())
    start = int(weak.starts[weak.ends.searchsorted(rng.randrange(int(weak.ends[-1])), side="right")])
    topic_steps = rng.randint(*config.topic_steps)
    key_concept_steps = rng.randint(*config.key_concept_steps)
    steps, at_topic = [Step("start", start, None)], bool(weak.graph.is_topic[start])
    reached = [start]
    if at_topic or _phase(rng, weak, UP, 1, min_weak, reached, steps):
        _phase(rng, weak, "topic", topic_steps, min_weak, reached, steps)
    crossed = _phase(rng, weak, "cross", 1, min_weak, reached, steps)
    if crossed:
        _phase(rng, weak, "key_concept", key_concept_steps - (not at_topic), min_weak, reached, steps)
    is_topic = weak.graph.is_topic
    return Walk(
        tuple(c for c in reached if is_topic[c]), tuple(c for c in reached if not is_topic[c]), tuple(steps)
    )


def _phase(
    rng: Random, weak: Weak, phase: str, count: int, min_weak: int, reached: list[int], steps: list[Step]
) -> bool:
    """Take `count` steps from the last concept, adding what is reached; False where it ended early."""
    kind: Kind = "topic" if phase in (UP, "topic") else "key_concept"
    for _ in range(count):
        node = steps[-1].concept
        lacking = int(weak.is_weak[reached].sum()) < min_weak
        drawn = step(rng, weak.graph, node, kind, reached, weak.lists[kind]) if lacking else None
        drawn = drawn or step(rng, weak.graph, node, kind, reached)
        if drawn is None:
            steps.append(Step(DEAD_END, node, None))
            return False
        reached.append(drawn[0])
        steps.append(Step(phase, *drawn))
    return True
