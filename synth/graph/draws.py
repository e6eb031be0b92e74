"""Distinct combinations of one category: in, a way to draw one and a budget; out, walks and failed draws.

Item `i` has a stream of its own for each of its tries, so a smaller budget gives the first of a larger one,
and no category depends on another. Two walks are the same set where their concepts are, in any order.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from synth.graph.walk import Walk
from synth.ids import stream

STAGE = "targets"
TOO_SMALL, REPEATED = "dead_end", "repeated"


class Kept(NamedTuple):
    """A combination, and the number of the item it was drawn for."""

    item: int
    walk: Walk


class Failed(NamedTuple):
    """An item without a combination, for the reason of its last try.

    `same_as` is the item that has the set already.
    """

    item: int
    reason: str
    walk: Walk
    same_as: int | None


@dataclass(frozen=True, slots=True)
class Sampled:
    """What came of a category's budget.

    `tries` counts every draw by what it was: `kept`, `dead_end`, `repeated`.
    """

    kept: list[Kept] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)


def sample(
    draw: Callable[[Random], Walk],
    fits: Callable[[Walk], bool],
    category: str,
    budget: int,
    seed: int,
    retries: int,
) -> Sampled:
    """Up to `budget` different sets that fit; every item that has none is among the failed."""
    found = Sampled()
    taken: dict[tuple[int, ...], int] = {}
    for item in range(budget):
        for attempt in range(retries + 1):
            walk = draw(stream(seed, STAGE, f"{category}:{item}:{attempt}"))
            key = tuple(sorted(walk.concepts))
            reason = REPEATED if key in taken else "" if fits(walk) else TOO_SMALL
            found.tries[reason or "kept"] += 1
            if not reason:
                taken[key] = item
                found.kept.append(Kept(item, walk))
                break
        else:
            found.failed.append(Failed(item, reason, walk, taken.get(key)))
    return found


def of_size(size: int) -> Callable[[Walk], bool]:
    """Whether a walk has as many concepts as were asked for."""
    return lambda walk: len(walk.concepts) >= size
