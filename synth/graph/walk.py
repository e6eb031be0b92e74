"""One step of a walk on incidence lists, exact to the count: in, a concept; out, the next.

Sampling needs no edges: a pair (passage with the node, wanted concept in it) drawn uniformly gives
each neighbour in proportion to the passages it shares with the node, as softmax over log counts does. This
step looks at every passage of a concept; `steps` takes many at a time and looks at few.
"""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

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
