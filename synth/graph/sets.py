"""Small sets of one passage's key concepts, chosen by code (SynthLLM, level 2; there the model does).

In, key concepts and the topic each was listed under; out, distinct sets of two or three. In the paper
the model chooses; a seeded sampler makes the choice even, free of repeats and visible.
"""

from collections import Counter
from collections.abc import Mapping
from math import comb
from random import Random

SIZES = (2, 3)


def draw_sets(rng: Random, topic_of: Mapping[str, str], count: int) -> list[tuple[str, ...]]:
    """Up to `count` distinct sorted sets; where there are two topics or more, each spans two or more.

    Each draw takes a size evenly among those with sets left, then one of its sets evenly.
    """
    left = {size: how_many(topic_of, size) for size in SIZES}
    drawn: dict[tuple[str, ...], None] = {}
    while len(drawn) < count and any(left.values()):
        size = rng.choice([s for s in SIZES if left[s]])
        chosen = _draw(rng, topic_of, size)
        if chosen not in drawn:
            drawn[chosen] = None
            left[size] -= 1
    return list(drawn)


def how_many(topic_of: Mapping[str, str], size: int) -> int:
    """Sets of a size, without those inside one topic where there is more than one topic."""
    listed = Counter(topic_of.values())
    inside = sum(comb(n, size) for n in listed.values()) if len(listed) > 1 else 0
    return comb(len(topic_of), size) - inside


def _draw(rng: Random, topic_of: Mapping[str, str], size: int) -> tuple[str, ...]:
    pool = sorted(topic_of)
    several = len(set(topic_of.values())) > 1
    while True:
        chosen = rng.sample(pool, size)
        if not several or len({topic_of[c] for c in chosen}) > 1:
            return tuple(sorted(chosen))
