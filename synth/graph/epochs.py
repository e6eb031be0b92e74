"""Distinct sets of level 3: in, a graph and its settings; out, walks by epoch and start (METHOD 2.6.2).

Each epoch starts from every topic, in a seeded order. A set that an earlier item has is drawn anew, up to
`retries` times. All items of an epoch are drawn together, then all that are to be drawn anew, so what
comes out depends on the graph and the seed alone, and a limit takes the first of the unlimited run.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synth.config_combinations import CombinationsConfig
from synth.graph.incidence import Incidence, Numbers
from synth.graph.samplers import SAMPLERS
from synth.graph.steps import Stepper
from synth.graph.walks import CROSS, Walks, item_keys
from synth.graph.words import mixed, salt

KEPT, DEAD_END, REPEATED = "", "dead_end", "repeated"


@dataclass(frozen=True, slots=True)
class Epoch:
    """All items of an epoch: `walks` are the last of each, `reasons` empty where it was kept.

    `numbers` tell sets apart over all epochs; a repeated one has that of the set it repeats, a dead end -1.
    `tries` counts every draw by what came of it.
    """

    epoch: int
    starts: Numbers
    walks: Walks
    reasons: list[str]
    numbers: Numbers
    tries: Counter[str]

    @property
    def kept(self) -> Numbers:
        """The places of the items that have a set of their own."""
        return np.flatnonzero([reason == KEPT for reason in self.reasons])


class Sets:
    """The sets that were kept, and the concepts that they use."""

    def __init__(self, concepts: int) -> None:
        self.used = np.zeros(concepts, np.bool_)
        self._numbers: dict[bytes, int] = {}

    def take(self, sets: Numbers, fits: NDArray[np.bool_]) -> tuple[list[str], list[int]]:
        """Why each set falls, or that it is kept; and its number."""
        rows, known = sets.astype(np.int32), self._numbers
        reasons, numbers = [DEAD_END] * len(rows), [-1] * len(rows)
        for row in np.flatnonzero(fits).tolist():
            key = rows[row].tobytes()
            reasons[row] = REPEATED if key in known else KEPT
            numbers[row] = known.setdefault(key, len(known))
        return reasons, numbers


def start_order(graph: Incidence, seed: int, min_passages: int = 1) -> Numbers:
    """The topics that walks start from, in a seeded order."""
    topics = graph.by_kind["topic"]
    topics = topics[graph.postings.sizes[topics] >= min_passages]
    return topics[np.argsort(mixed(graph.concept_keys[topics], salt("starts", seed)), kind="stable")]


def epochs(graph: Incidence, config: CombinationsConfig, seed: int) -> Iterator[Epoch]:
    """One epoch after the other, as many as the settings say."""
    sets, starts = Sets(len(graph.concepts)), start_order(graph, seed, config.min_passages)
    for epoch in range(config.epochs):
        used = sets.used.copy() if config.coverage_boost > 1.0 else None
        stepper = Stepper.of(
            graph, config.temperature, config.hub_cap, config.min_passages, config.coverage_boost, used
        )
        drawn = _epoch(stepper, starts, sets, config, seed, epoch)
        if used is not None:
            kept = drawn.walks.concepts[drawn.kept]
            sets.used[kept[kept >= 0]] = True
        yield drawn


def _epoch(
    stepper: Stepper, starts: Numbers, sets: Sets, config: CombinationsConfig, seed: int, epoch: int
) -> Epoch:
    draw, tries = SAMPLERS[config.level3], Counter[str]()
    reasons, numbers = [REPEATED] * len(starts), np.full(len(starts), -1, np.int64)
    walks: Walks | None = None
    left = np.arange(len(starts))
    for attempt in range(config.retries + 1):
        keys = item_keys(stepper.graph, starts[left], config.level3, seed, epoch, attempt)
        drawn = draw(stepper, starts[left], keys, config)
        found, numbers[left] = sets.take(drawn.sets(), fits(drawn, config))
        tries.update(reason or "kept" for reason in found)
        for place, reason in zip(left.tolist(), found, strict=True):
            reasons[place] = reason
        walks = drawn if walks is None else walks.with_rows(left, drawn)
        left = left[[reason == REPEATED for reason in found]] if len(left) else left
        if not len(left):
            break
    assert walks is not None
    return Epoch(epoch, starts, walks, reasons, numbers, tries)


def fits(walks: Walks, config: CombinationsConfig) -> NDArray[np.bool_]:
    """Which walks have enough concepts, a key concept among them."""
    has_key_concept = (walks.concepts[:, walks.phases >= CROSS] >= 0).any(axis=1)
    return np.asarray(((walks.sets() >= 0).sum(axis=1) >= config.min_concepts) & has_key_concept)
