"""The sampler of SwS: in, a pool of concepts; out, concepts drawn together.

    P(c) = exp(Score(c) / tau) / sum of the same,  0 for what is chosen
    paper:       Score(c) = sum of M[c, c'] over the chosen c'  +  Sim(c)
    normalised:  Score(c) = alpha * mean of M[c, c'] / sqrt(f_c f_c')  +  (1 - alpha) * Sim(c)

The sum runs over the whole pool, yet a draw must not. Sim is at most 1, so a score with 1 for Sim bounds
the score: a concept is proposed by that bound, which needs only the counts, and accepted with the chance
exp(share * (Sim - 1) / tau). What is accepted has exactly the chances above, and similarity is worked out
for what was proposed alone.
"""

from dataclasses import dataclass, field
from random import Random

import numpy as np
from numpy.typing import NDArray

from synth.config_targets import TargetsConfig
from synth.graph.incidence import Incidence, Numbers
from synth.graph.pool import Floats, Pool
from synth.graph.walk import DEAD_END, Step, Walk

START, TOGETHER, SIMILAR, UNIFORM = "start", "together", "similar", "uniform"
# Proposals in the first block; each further one is twice as large.
BLOCK = 64
# Passages looked at in one go for one that two concepts share.
LOOK = 512


@dataclass(slots=True)
class Chosen:
    """What is chosen so far, and what follows for every other concept of the pool.

    `score` is the share of co-occurrence in the score, `near` the concepts where it is not 0; `barred`
    may not be drawn; `held` counts chosen concepts by unit, `total` sums their vectors.
    """

    score: Floats
    barred: NDArray[np.bool_]
    held: NDArray[np.int16]
    total: Floats
    near: Numbers = field(default_factory=lambda: np.empty(0, np.int64))
    concepts: list[int] = field(default_factory=list)

    @classmethod
    def none(cls, pool: Pool) -> "Chosen":
        """Nothing is chosen."""
        return cls(
            np.zeros(len(pool)),
            np.zeros(len(pool), np.bool_),
            np.zeros(len(pool.units.passages), np.int16),
            np.zeros(pool.vectors.shape[1]),
        )

    def add(self, pool: Pool, concept: int, config: TargetsConfig) -> None:
        """Choose one more."""
        others, counts = pool.together(concept)
        new = others[self.score[others] == 0]
        self.near = np.concatenate((self.near, new))
        frequency = pool.frequency
        self.score[others] += (
            counts if config.mode == "paper" else counts / np.sqrt(frequency[others] * frequency[concept])
        )
        self.barred[concept] = True
        self.concepts.append(concept)
        self.total += pool.vectors[concept]
        if config.mode == "normalised" and config.most_from_one:
            self._bar(pool, concept, config.most_from_one)

    def _bar(self, pool: Pool, concept: int, most: int) -> None:
        """Bar what is left of each unit that has given as many concepts as one may."""
        units = pool.units.postings.of(concept)
        self.held[units] += 1
        full = units[self.held[units] == most]
        for lists in (pool.units.topics, pool.units.key_concepts):
            self.barred[lists.of_many(full)] = True

    def factors(self, config: TargetsConfig) -> tuple[float, float]:
        """What multiplies `score`, and what multiplies similarity."""
        if config.mode == "paper":
            return 1.0, 1.0
        return config.alpha / len(self.concepts), 1.0 - config.alpha


def chances(pool: Pool, chosen: Chosen, config: TargetsConfig) -> Floats:
    """The chance of every concept to be drawn next, once one is chosen; all 0 where none may be."""
    counted, likened = chosen.factors(config)
    score = counted * chosen.score + likened * pool.similarity(slice(None), chosen.total)
    score[chosen.barred] = -np.inf
    if chosen.barred.all():
        return np.zeros(len(pool))
    # Less the largest: counts over tau soon pass what a float holds.
    weights = np.exp((score - score.max()) / config.tau)
    return np.asarray(weights / weights.sum())


def draw(rng: Random, pool: Pool, chosen: Chosen, config: TargetsConfig) -> int | None:
    """The next concept, with exactly the chances of `chances`; None where none may be drawn."""
    counted, likened = chosen.factors(config)
    scores = np.where(chosen.barred[chosen.near], -np.inf, counted * chosen.score[chosen.near])
    top = max(0.0, float(scores.max(initial=0.0)))
    ends = np.exp((scores - top) / config.tau).cumsum()
    listed = float(ends[-1]) if len(ends) else 0.0
    rest = len(pool) * float(np.exp(-top / config.tau))
    tried, block = 0, BLOCK
    while tried < max(BLOCK, len(pool) // 4):
        # A place in the sum of all bounds: first those listed with the chosen, then all alike.
        place, luck = _uniform(rng, block)
        place *= listed + rest
        by_list = place < listed
        picked = np.empty(block, np.int64)
        picked[by_list] = chosen.near[ends.searchsorted(place[by_list], side="right")]
        picked[~by_list] = np.minimum((place[~by_list] - listed) / rest * len(pool), len(pool) - 1)
        fair = np.flatnonzero(by_list | ~((chosen.score[picked] > 0) | chosen.barred[picked]))
        likeness = pool.similarity(picked[fair], chosen.total)
        taken = fair[luck[fair] < np.exp(likened * (likeness - 1) / config.tau)]
        if len(taken):
            return int(picked[taken[0]])
        tried, block = tried + block, 2 * block
    # So many refusals cost as much as the whole sum, and it is as right: each proposal stands alone.
    ends = chances(pool, chosen, config).cumsum()
    if not ends[-1]:
        return None
    below = np.nextafter(ends[-1], 0)  # a product may be rounded up to the sum itself
    return int(ends.searchsorted(min(rng.random() * ends[-1], below), side="right"))


def _uniform(rng: Random, count: int) -> Floats:
    """Two rows of evenly spread numbers from 0 to below 1, the same on every machine."""
    words = np.frombuffer(rng.randbytes(16 * count), "<u8").reshape(2, count)
    return np.asarray((words >> np.uint64(11)) * 2.0**-53)


def cooccurrence_similarity(rng: Random, pool: Pool, config: TargetsConfig) -> Walk:
    """Up to `size` concepts: the first by frequency, each further one by the scores above.

    A step `together` names the first unit that lists it with one that was chosen before; `similar` has none.
    """
    chosen, steps = Chosen.none(pool), list[Step]()
    while len(steps) < config.size and len(pool):
        if steps:  # not of the last one: what follows from it is asked no more
            chosen.add(pool, steps[-1].concept, config)
        concept = draw(rng, pool, chosen, config) if steps else _first(rng, pool)
        if concept is None:
            steps.append(Step(DEAD_END, steps[-1].concept, None))
            break
        unit = _shared(pool.units, concept, chosen.concepts) if chosen.score[concept] else None
        phase = START if not steps else SIMILAR if unit is None else TOGETHER
        steps.append(Step(phase, concept, unit))
    return _as_walk(pool, [step.concept for step in steps if step.phase != DEAD_END], steps)


def _first(rng: Random, pool: Pool) -> int:
    return int(pool.ends.searchsorted(rng.randrange(int(pool.ends[-1])), side="right"))


def _shared(units: Incidence, concept: int, chosen: list[int]) -> int | None:
    """The first unit that lists a concept together with the earliest chosen one it has to do with."""
    for other in chosen:
        few, many = sorted((concept, other), key=lambda c: int(units.postings.sizes[c]))
        postings = units.postings.of(few)
        for begin in range(0, len(postings), LOOK):
            part = postings[begin : begin + LOOK]
            found = part[units.holds(many, part)]
            if len(found):
                return int(found[0])
    return None


def uniform(rng: Random, pool: Pool, config: TargetsConfig) -> Walk:
    """The control: `size` concepts of the pool, each as likely as any other."""
    concepts = rng.sample(range(len(pool)), min(config.size, len(pool)))
    steps = [Step(UNIFORM if place else START, concept, None) for place, concept in enumerate(concepts)]
    if 0 < len(concepts) < config.size:
        steps.append(Step(DEAD_END, concepts[-1], None))
    return _as_walk(pool, concepts, steps)


def _as_walk(pool: Pool, concepts: list[int], steps: list[Step]) -> Walk:
    is_topic = pool.units.is_topic
    topics = tuple(c for c in concepts if is_topic[c])
    return Walk(topics, tuple(c for c in concepts if not is_topic[c]), tuple(steps))


SAMPLERS = {"cooccurrence_similarity": cooccurrence_similarity, "uniform": uniform}
