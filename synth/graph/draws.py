"""Distinct sets, whatever draws them: in, a sampler and items; out, walks and failed draws.

A sampler draws each item by a key of its own, so what an item draws rests on nobody beside it.
Items that are drawn together take their sets in order; those that repeat one are then drawn anew, together.
Two walks are the same set where their concepts are, in any order.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from synth.graph.incidence import Numbers
from synth.graph.walk import Walk
from synth.ids import stream

STAGE = "targets"
KEPT, TOO_SMALL, REPEATED = "", "dead_end", "repeated"


class Drawn(Protocol):
    """Walks of some items, one for each."""

    def __getitem__(self, row: int) -> Walk: ...

    def sets(self) -> Numbers:
        """The concepts of each, ascending, each once; padded with -1 in front."""
        ...

    def with_rows(self, rows: Numbers, others: Any) -> Self:
        """These, with some rows replaced."""
        ...


class Sampler(Protocol):
    """What every sampler can do. The walk of an item and a try is the same whatever is asked beside it."""

    def draw(self, items: Numbers, attempt: int) -> Drawn:
        """Walks of some items, each drawn for the so-manieth time."""
        ...

    def fits(self, drawn: Any) -> NDArray[np.bool_]:
        """Which walks are large enough."""
        ...


class Sets:
    """The sets that were kept so far, by number, and the concepts that they use."""

    def __init__(self, concepts: int = 0) -> None:
        self.used = np.zeros(concepts, np.bool_)
        self._numbers: dict[bytes, int] = {}

    def take(self, sets: Numbers, fits: NDArray[np.bool_]) -> tuple[list[str], list[int]]:
        """Why each set falls, or that it is kept; and its number, -1 where no such set was kept."""
        rows, known = sets.astype(np.int32), self._numbers
        begins, fitting = (rows < 0).sum(axis=1).tolist(), fits.tolist()
        reasons, numbers = list[str](), list[int]()
        for row, begin, fit in zip(rows, begins, fitting, strict=True):
            key = row[begin:].tobytes()
            number = known.get(key, -1)
            reasons.append(REPEATED if number >= 0 else KEPT if fit else TOO_SMALL)
            if number < 0 and fit:
                number = known[key] = len(known)
            numbers.append(number)
        return reasons, numbers


@dataclass(frozen=True, slots=True)
class Round:
    """Items that were drawn together: `walks` are the last of each, `reasons` empty where it was kept.

    `numbers` tell sets apart over all rounds; a repeated one has that of the set it repeats, a dead end -1.
    `tries` counts every draw by what came of it.
    """

    walks: Any
    reasons: list[str]
    numbers: Numbers
    tries: Counter[str]

    @property
    def kept(self) -> Numbers:
        """The places of the items that have a set of their own."""
        return np.flatnonzero([reason == KEPT for reason in self.reasons])


def draw_round(
    sampler: Sampler, items: Numbers, sets: Sets, retries: int, anew: Collection[str] = (REPEATED,)
) -> Round:
    """A set for each of some items; those that fall for a reason of `anew` are drawn again, together."""
    reasons, numbers, tries = [REPEATED] * len(items), np.full(len(items), -1, np.int64), Counter[str]()
    left, walks = np.arange(len(items)), None
    for attempt in range(retries + 1):
        drawn = sampler.draw(items[left], attempt)
        found, numbers[left] = sets.take(drawn.sets(), sampler.fits(drawn))
        tries.update(reason or "kept" for reason in found)
        for place, reason in zip(left.tolist(), found, strict=True):
            reasons[place] = reason
        walks = drawn if walks is None else walks.with_rows(left, drawn)
        left = left[[reason in anew for reason in found]] if len(left) else left
        if not len(left):
            break
    return Round(walks, reasons, numbers, tries)


class Listed(list[Walk]):
    """Walks that were drawn one after the other."""

    def sets(self) -> Numbers:
        """The concepts of each, ascending, each once; padded with -1 in front."""
        keys = [sorted({*walk.concepts}) for walk in self]
        rows = np.full((len(keys), max(map(len, keys), default=0)), -1, np.int64)
        for row, key in enumerate(keys):
            rows[row, rows.shape[1] - len(key) :] = key
        return rows

    def with_rows(self, rows: Numbers, others: Sequence[Walk]) -> Self:
        """These, with some rows replaced in place."""
        for row, walk in zip(rows.tolist(), others, strict=True):
            self[row] = walk
        return self


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A sampler of a function that draws one walk; each item and try has a stream of its own, by `name`."""

    walk: Callable[[Random], Walk]
    large: Callable[[Walk], bool]
    name: str
    seed: int

    def draw(self, items: Iterable[int], attempt: int) -> Listed:
        """Walks of some items."""
        return Listed(
            self.walk(stream(self.seed, STAGE, f"{self.name}:{item}:{attempt}")) for item in map(int, items)
        )

    def fits(self, drawn: Listed) -> NDArray[np.bool_]:
        """Which walks are large enough."""
        return np.array([self.large(walk) for walk in drawn], np.bool_)


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


def sample(sampler: Sampler, budget: int, retries: int) -> Sampled:
    """Up to `budget` different sets that fit; every item that has none is among the failed.

    One item after the other, so that a smaller budget gives the first of a larger one.
    """
    found, sets = Sampled(), Sets()
    for item in range(budget):
        drawn = draw_round(sampler, np.array([item]), sets, retries, (REPEATED, TOO_SMALL))
        found.tries.update(drawn.tries)
        walk, [reason], number = drawn.walks[0], drawn.reasons, int(drawn.numbers[0])
        if reason == KEPT:
            found.kept.append(Kept(item, walk))
        else:
            same_as = found.kept[number].item if number >= 0 else None
            found.failed.append(Failed(item, reason, walk, same_as))
    return found


def of_size(size: int) -> Callable[[Walk], bool]:
    """Whether a walk has as many concepts as were asked for."""
    return lambda walk: len(walk.concepts) >= size


def said_of(tries: Counter[str]) -> str:
    """What came of all draws, in words."""
    return (
        f"{tries['kept']:,} new sets in {tries.total():,} draws, {tries[REPEATED]:,} repeated,"
        f" {tries[TOO_SMALL]:,} dead ends."
    )
