"""The walk of SynthLLM, level 3: in, a start topic; out, topics and key concepts (METHOD 2.6.2-2.6.4).

The paper leaves open how long, whether concepts may come again, and what happens at a dead end. Here
lengths are uniform over their ranges, nothing comes again, and a phase that cannot go on ends early.
Sampling needs no edges: a pair (passage with the node, wanted concept in it) drawn uniformly gives
each neighbour in proportion to the passages it shares with the node, as softmax over log counts does.
"""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from synth.config import CombinationsConfig
from synth.graph.incidence import Incidence, Kind, Lists

DEAD_END = "dead_end"


class Step(NamedTuple):
    """One step: how it came, the concept it reached, and the passage behind it.

    Phases are `start`, `topic`, `cross`, `key_concept`; and `dead_end`, which names the concept
    from which a phase could not go on.
    """

    phase: str
    concept: int
    passage: int | None


@dataclass(frozen=True, slots=True)
class Walk:
    """Concepts drawn together, and the steps that led to them."""

    topics: tuple[int, ...]
    key_concepts: tuple[int, ...]
    steps: tuple[Step, ...]

    @property
    def dead_end(self) -> bool:
        """Whether a phase ended early."""
        return any(step.phase == DEAD_END for step in self.steps)

    @property
    def concepts(self) -> tuple[int, ...]:
        """Topics, then key concepts."""
        return self.topics + self.key_concepts


def step(
    rng: Random,
    incidence: Incidence,
    node: int,
    kind: Kind,
    exclude: Collection[int] = (),
    among: Lists | None = None,
) -> tuple[int, int] | None:
    """The next concept and the passage that links it; None where no neighbour is left.

    The chance of a neighbour is the number of passages it shares with the node, over the sum of
    these numbers for all neighbours of the kind that are not excluded. With `among`, lists that leave
    some concepts out everywhere, only what they hold is a neighbour.
    """
    lists = among or incidence.lists(kind)
    passages = incidence.postings.of(node)
    open_concepts = lists.sizes[passages]
    barred = {*exclude, node}
    for concept in barred:
        if incidence.is_topic[concept] == (kind == "topic") and (
            among is None or _has(lists, incidence, concept)
        ):
            open_concepts -= 1 if concept == node else incidence.holds(concept, passages)
    ends = open_concepts.cumsum()
    if not ends[-1]:
        return None
    # One whole number picks passage and concept: no rounding, so the shares are exact.
    pick = rng.randrange(int(ends[-1]))
    place = int(ends.searchsorted(pick, side="right"))
    left = [c for c in lists.of(int(passages[place])).tolist() if c not in barred]
    return left[pick - int(ends[place])], int(passages[place])  # counted from the end of `left`


def _has(lists: Lists, incidence: Incidence, concept: int) -> bool:
    """Whether lists that leave concepts out everywhere, or nowhere, hold one: a single passage tells."""
    return concept in lists.of(int(incidence.postings.of(concept)[0]))


def walk(rng: Random, incidence: Incidence, start_topic: int, config: CombinationsConfig) -> Walk:
    """A walk over topics, one step across to a key concept, then a walk over key concepts."""
    topic_steps = rng.randint(*config.topic_steps)
    key_concept_steps = rng.randint(*config.key_concept_steps)
    topics, key_concepts = [start_topic], list[int]()
    steps = [Step("start", start_topic, None)]
    _phase(rng, incidence, "topic", topic_steps, topics, steps)
    _phase(rng, incidence, "cross", 1, key_concepts, steps)
    if key_concepts:
        _phase(rng, incidence, "key_concept", key_concept_steps, key_concepts, steps)
    return Walk(tuple(topics), tuple(key_concepts), tuple(steps))


def _phase(
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


def uniform(rng: Random, incidence: Incidence, start_topic: int, config: CombinationsConfig) -> Walk:
    """The control: as many concepts as a walk from the same start, drawn from all of their kind."""
    shape = walk(rng, incidence, start_topic, config)
    pool = incidence.by_kind["topic"]
    drawn = [int(pool[i]) for i in rng.sample(range(len(pool)), len(shape.topics))]
    # One more than needed is drawn, as the start may be among them: what is left is still uniform.
    topics = [start_topic, *(t for t in drawn if t != start_topic)][: len(shape.topics)]
    pool = incidence.by_kind["key_concept"]
    key_concepts = [int(pool[i]) for i in rng.sample(range(len(pool)), len(shape.key_concepts))]
    steps = [Step("start", start_topic, None)]
    steps += [Step("topic", t, None) for t in topics[1:]]
    steps += [Step("key_concept", c, None) for c in key_concepts]
    return Walk(tuple(topics), tuple(key_concepts), tuple(steps))
