"""Distinct sets of level 3: in, a graph and its settings; out, walks by epoch and start (SynthLLM, level 3).

Each epoch starts from every topic, in a seeded order. A set that an earlier item has is drawn anew, up to
`retries` times. What comes out depends on the graph and the seed alone, and a limit takes the first of the
unlimited run: the items of an epoch are drawn together, then all that are to be drawn anew. Where concepts
that no set has yet weigh more, an epoch is cut into rounds of fixed size in that same order, and a round
knows what those before it used: however many workers there are, the order decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.config_combinations import CombinationsConfig
from synth.graph.draws import KEPT, REPEATED, TOO_SMALL, Round, Sets, draw_round
from synth.graph.incidence import Incidence, Numbers
from synth.graph.samplers import SAMPLERS
from synth.graph.steps import Stepper
from synth.graph.walks import CROSS, Walks, item_keys
from synth.graph.words import Words, mixed, salt

__all__ = ["KEPT", "REPEATED", "TOO_SMALL", "Epoch", "epochs", "fits", "start_order"]
# With a boost an epoch has so many rounds at most, each of so many items at least.
ROUNDS, LEAST = 64, 32


@dataclass(frozen=True, slots=True)
class Epoch(Round):
    """Items of one epoch that were drawn together: all, or with a boost those of a round."""

    epoch: int
    starts: Numbers


@dataclass(frozen=True, slots=True)
class FromTopics:
    """The sampler of one epoch; its items are places in the order of topics."""

    stepper: Stepper
    starts: Numbers
    config: CombinationsConfig
    seed: int
    epoch: int

    def draw(self, items: Numbers, attempt: int) -> Walks:
        """Walks of some items, each drawn for the so-manieth time."""
        starts = self.starts[items]
        draw = SAMPLERS[self.config.level3]
        return draw(self.stepper, starts, self._keys(starts, attempt), self.config)

    def fits(self, walks: Walks) -> NDArray[np.bool_]:
        """Which walks have enough concepts, a key concept among them."""
        return fits(walks, self.config)

    def _keys(self, starts: Numbers, attempt: int) -> Words:
        return item_keys(self.stepper.graph, starts, self.config.level3, self.seed, self.epoch, attempt)


def start_order(graph: Incidence, seed: int, min_passages: int = 1) -> Numbers:
    """The topics that walks start from, in a seeded order."""
    topics = graph.by_kind["topic"]
    topics = topics[graph.postings.sizes[topics] >= min_passages]
    return topics[np.argsort(mixed(graph.concept_keys[topics], salt("starts", seed)), kind="stable")]


def epochs(graph: Incidence, config: CombinationsConfig, seed: int) -> Iterator[Epoch]:
    """One epoch after the other, as many as the settings say; with a boost one round after the other."""
    sets, starts = Sets(len(graph.concepts)), start_order(graph, seed, config.min_passages)
    boosts = config.coverage_boost > 1.0
    size = max(LEAST, -(-len(starts) // ROUNDS)) if boosts else max(1, len(starts))
    for epoch in range(config.epochs):
        for first in range(0, max(1, len(starts)), size):
            sampler = FromTopics(_stepper(graph, config, sets, boosts), starts, config, seed, epoch)
            items = np.arange(first, min(first + size, len(starts)))
            drawn = draw_round(sampler, items, sets, config.retries)
            if boosts:
                kept = drawn.walks.concepts[drawn.kept]
                sets.used[kept[kept >= 0]] = True
            parts = drawn.walks, drawn.reasons, drawn.numbers, drawn.tries
            yield Epoch(*parts, epoch, starts[items])


def _stepper(graph: Incidence, config: CombinationsConfig, sets: Sets, boosts: bool) -> Stepper:
    used = sets.used.copy() if boosts else None
    return Stepper.of(
        graph, config.temperature, config.hub_cap, config.min_passages, config.coverage_boost, used
    )


def fits(walks: Walks, config: CombinationsConfig) -> NDArray[np.bool_]:
    """Which walks have enough concepts, a key concept among them."""
    has_key_concept = (walks.concepts[:, walks.phases >= CROSS] >= 0).any(axis=1)
    return np.asarray(((walks.sets() >= 0).sum(axis=1) >= config.min_concepts) & has_key_concept)
