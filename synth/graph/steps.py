"""Many steps at a time: in, the concepts that walks have reached; out, the next ones (SynthLLM, level 3).

A step draws a passage of the concept evenly, and a place in it below the widest of these passages; where
there is no concept at that place, or none that may come, both are drawn anew. So each pair of a passage
and a wanted concept in it is as likely as any other, which gives each neighbour in proportion to the
passages in common, as softmax over log counts does. It costs a few random reads, however many passages a
concept has. Where too many draws fail, and wherever the temperature is not 1, the edges of the one concept
are made.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from synth.graph.incidence import Incidence, Kind, Numbers
from synth.graph.words import WHOLE, Words, below, counted, mixed, upper
from synth.numbers import uniques

Floats = NDArray[np.float64]
# Draws before the edges of a concept are made instead; the words of a step are as many, twice.
TRIES = 64
EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Stepper:
    """A graph with what its concepts weigh: `chance` is 1 for the heaviest, 0 for what never comes.

    The chance of a neighbour is (passages in common + epsilon) ** (1 / temperature) * chance, over the sum.
    """

    graph: Incidence
    chance: Floats
    temperature: float = 1.0

    @classmethod
    def of(
        cls,
        graph: Incidence,
        temperature: float = 1.0,
        hub_cap: int = 0,
        min_passages: int = 1,
        boost: float = 1.0,
        used: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Weights by option: a hub counts as if in `hub_cap` passages, what is not `used` counts more."""
        passages = graph.postings.sizes
        chance = np.where(passages >= min_passages, 1.0, 0.0)
        if hub_cap:
            chance *= np.minimum(1.0, hub_cap / passages)
        if used is not None and boost > 1.0:
            chance *= np.where(used, 1.0 / boost, 1.0)
        return cls(graph, chance, temperature)

    def step(self, keys: Words, nodes: Numbers, kind: Kind, barred: Numbers) -> tuple[Numbers, Numbers]:
        """The next concept of each walk and the passage that links it, -1 where no neighbour is left.

        `barred` holds a row of concepts for each walk, padded with -1; the node itself is always barred.
        """
        concepts, passages = np.full(len(nodes), -1, np.int64), np.full(len(nodes), -1, np.int64)
        barred = np.column_stack((barred, nodes))
        left = np.flatnonzero(self.graph.widest[kind][nodes] > 0)
        if self.temperature == 1.0:
            for attempt in range(TRIES):
                if not len(left):
                    break
                words = keys[left], attempt
                drawn, behind, fits = self._draw(*words, nodes[left], kind)
                fits &= (barred[left] != drawn[:, None]).all(axis=1)
                concepts[left[fits]], passages[left[fits]] = drawn[fits], behind[fits]
                left = left[~fits]
        self._by_edges(keys, nodes, kind, barred, left, concepts, passages)
        return concepts, passages

    def _draw(
        self, keys: Words, attempt: int, nodes: Numbers, kind: Kind
    ) -> tuple[Numbers, Numbers, NDArray[np.bool_]]:
        """A concept and a passage for each node, and whether they may be used."""
        lists, postings = self.graph.lists(kind), self.graph.postings
        words = counted(keys, attempt)
        which, fair = below(words, postings.sizes[nodes].astype(np.uint64))
        place, fair_too = below(upper(words), self.graph.widest[kind][nodes].astype(np.uint64))
        passages = postings.items[postings.start[nodes] + which].astype(np.int64)
        fits = fair & fair_too & (place < lists.sizes[passages])
        concepts = lists.items[np.where(fits, lists.start[passages] + place, 0)].astype(np.int64)
        chance = self.chance[concepts]
        if (chance < 1.0).any():
            luck = upper(counted(keys, TRIES + attempt)) / WHOLE
            fits &= luck < chance
        return concepts, passages, fits

    def _by_edges(
        self, keys: Words, nodes: Numbers, kind: Kind, barred: Numbers, left: Numbers,
        concepts: Numbers, passages: Numbers,
    ) -> None:  # fmt: skip
        """The same chances from the edges of each node, made once for all walks that stand there."""
        words = counted(keys, 2 * TRIES)
        for group in np.split(order := left[np.argsort(nodes[left], kind="stable")], _changes(nodes[order])):
            if not len(group):
                continue
            node = int(nodes[group[0]])
            others, weights = self.edges(node, kind)
            ends, behind = weights.cumsum(), dict[int, Numbers]()
            for walk in group.tolist():
                chosen = _pick(int(words[walk]), others, weights, ends, barred[walk])
                if chosen is not None:
                    if chosen not in behind:
                        behind[chosen] = self.graph.shared(node, chosen)
                    concepts[walk], shared = chosen, behind[chosen]
                    passages[walk] = shared[int(mixed(words[walk : walk + 1], 1)[0] % len(shared))]

    def edges(self, node: int, kind: Kind) -> tuple[Numbers, Floats]:
        """The neighbours of a concept, ascending, and their weights; those that never come are left out."""
        found = self.graph.lists(kind).of_many(self.graph.postings.of(node))
        others, counts = np.unique(found, return_counts=True)
        stay = (others != node) & (self.chance[others] > 0)
        others, counts = others[stay].astype(np.int64), counts[stay]
        # The small constant matters only where it does not cancel: at 1 the counts are exact without it.
        weights = (
            counts.astype(np.float64)
            if self.temperature == 1.0
            else (counts + EPSILON) ** (1.0 / self.temperature)
        )
        return others, weights * self.chance[others]


def _changes(values: Numbers) -> Numbers:
    return np.flatnonzero(values[1:] != values[:-1]) + 1


def _pick(word: int, others: Numbers, weights: Floats, ends: Floats, barred: Numbers) -> int | None:
    """One of the others by weight, as if the barred ones were not among them."""
    places = uniques(others.searchsorted(barred))
    places = places[places < len(others)]
    places = places[np.isin(others[places], barred)]
    if len(places) == len(others):
        return None
    point = (word >> 11) * 2.0**-53 * float(ends[-1] - weights[places].sum())
    for place in places.tolist():
        # What lies behind a barred one moves up by its weight.
        if point >= ends[place] - weights[place]:
            point += weights[place]
    place = min(int(ends.searchsorted(point, side="right")), len(others) - 1)
    while place in places:  # rounding may end in a barred one: the next that is free takes it
        place = (place + 1) % len(others)
    return int(others[place])
