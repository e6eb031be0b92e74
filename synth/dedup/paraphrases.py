"""Texts that say what an item of a benchmark says, in other words: near in meaning, with the same quantities.

In: items, texts, and a function that embeds. Out: the item that a text paraphrases, with
the cosine of the two. Words do not tell: of 1,319 rephrased problems, runs of ten words find 11. An embedding
alone does not either: one problem in twenty is as near to another as to its paraphrase. But a paraphrase
keeps its quantities. So an item counts if its numbers agree, it is near enough, and few items are nearer.

Numbers go first, since they cost least: most texts share theirs with no item, and are never embedded. A text
without numbers is left to a judge (`doubtful`).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.benchmarks import Item
from synth.dedup.contamination import Hit
from synth.dedup.normalise import tokens
from synth.dedup.quantities import Quantities, formulas_alike, quantities

# Of the offline embedder: another one has thresholds of its own.
COSINE = 0.65
AGREEMENT = 0.6
# A single number in common is little: then the texts must be nearer.
COSINE_OF_ONE = 0.8
# Numbers and signs of formulas stand in a paraphrase as often as in the item.
FORMULAS = 0.8
NEAREST = 5
# A text so many times as long as the longest item says more than one item does.
LONGER = 4
# What is embedded of a text: more than any item has, and little enough for the memory.
CHARS = 20_000
BLOCK = 1_024

Places = NDArray[np.int64]
_NONE: Places = np.empty(0, np.int64)
Vectors = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Sequence[NDArray[np.float32]]]


class Near(NamedTuple):
    """An item that a text may paraphrase, by its place, and whether their quantities agree."""

    place: int
    cosine: float
    agrees: bool


class Paraphrases:
    """Items, embedded once for many texts."""

    def __init__(
        self,
        items: Sequence[Item],
        embed: Embed,
        cosine: float = COSINE,
        agreement: float = AGREEMENT,
        doubtful: bool = False,
    ) -> None:
        self.items = [item for item in items if item.text.strip()]
        self._embed, self._cosine, self._agreement, self._doubtful = embed, cosine, agreement, doubtful
        self._longest = LONGER * max((len(item.text) for item in self.items), default=0)
        self._said = [quantities(tokens(item.text)) for item in self.items]
        self._groups = Groups([said.numbers for said in self._said], agreement)
        self._vectors = _stacked(embed([item.text[:CHARS] for item in self.items])) if self.items else None

    def find(self, texts: Sequence[str]) -> list[Hit | None]:
        """The nearest item that each text paraphrases, as far as quantities tell."""
        near = self.near(texts)
        return [self.hit(one, "paraphrase") if one is not None and one.agrees else None for one in near]

    def near(self, texts: Sequence[str]) -> list[Near | None]:
        """The same, and where a judge is to decide, the nearest item of which quantities tell nothing."""
        found: list[Near | None] = [None] * len(texts)
        asked = [(n, *wanted) for n, text in enumerate(texts) if (wanted := self._wanted(text)) is not None]
        vectors = self._embed([texts[n][:CHARS] for n, _, _ in asked]) if asked else []
        for (n, said, places), vector in zip(asked, vectors, strict=True):
            found[n] = self._nearest(said, places, vector)
        return found

    def hit(self, near: Near, tier: str) -> Hit:
        """An item as evidence."""
        item = self.items[near.place]
        return Hit(item.benchmark, item.item, tier, round(near.cosine, 4))

    def _wanted(self, text: str) -> tuple[Quantities, Places] | None:
        """The quantities of a text and the items that it may paraphrase; None where there is none."""
        if not text.strip() or len(text) > self._longest:
            return None
        said = quantities(tokens(text))
        places = self._groups.alike(said.numbers)
        if not len(places) and not (self._doubtful and not said.numbers):
            return None
        return said, places

    def _nearest(self, said: Quantities, places: Places, vector: Vectors) -> Near | None:
        assert self._vectors is not None
        cosines = _cosines(self._vectors[places], vector)
        likely = [
            (-float(cosines[at]), int(places[at]))
            for at in np.flatnonzero(cosines >= self._cosine).tolist()
            if self._agree(said, self._said[places[at]], float(cosines[at]))
        ]
        if not likely and not self._doubtful:
            return None
        everywhere = _cosines(self._vectors, vector)
        least = np.partition(everywhere, -NEAREST)[-NEAREST] if len(everywhere) > NEAREST else -1.0
        if likely and everywhere[(best := min(likely))[1]] >= least:
            return Near(best[1], min(-best[0], 1.0), True)
        return self._doubt(said, everywhere) if self._doubtful else None

    def _agree(self, mine: Quantities, theirs: Quantities, cosine: float) -> bool:
        single = len(mine.numbers & theirs.numbers) == 1
        near = cosine >= (max(COSINE_OF_ONE, self._cosine) if single else self._cosine)
        return near and formulas_alike(mine, theirs) >= FORMULAS

    def _doubt(self, said: Quantities, cosines: Vectors) -> Near | None:
        """The nearest item, where it or the text has no numbers that could disagree."""
        place = int(cosines.argmax())
        silent = not said.numbers or not self._said[place].numbers
        if silent and cosines[place] >= self._cosine:
            return Near(place, min(float(cosines[place]), 1.0), False)
        return None


class Groups:
    """Items by their sets of numbers: which items have numbers like those of a text."""

    def __init__(self, sets: Sequence[frozenset[str]], agreement: float) -> None:
        self._agreement = agreement
        places: dict[frozenset[str], list[int]] = {}
        for place, numbers in enumerate(sets):
            if numbers:
                places.setdefault(numbers, []).append(place)
        self._places = [np.array(found, np.int64) for found in places.values()]
        self._sizes = np.array([len(numbers) for numbers in places], np.int64)
        holders: dict[str, list[int]] = {}
        for group, numbers in enumerate(places):
            for number in numbers:
                holders.setdefault(number, []).append(group)
        self._holders = {number: np.array(found, np.int64) for number, found in holders.items()}

    def alike(self, numbers: frozenset[str]) -> Places:
        """Places of the items whose numbers agree with these."""
        held = [self._holders[number] for number in numbers if number in self._holders]
        # Sets that agree share at least this many numbers, the texts' own share of them.
        if not held or len(held) < self._agreement * len(numbers):
            return _NONE
        shared = np.bincount(np.concatenate(held), minlength=len(self._sizes))
        agrees = shared >= self._agreement * (self._sizes + len(numbers) - shared) - 1e-9
        found = [self._places[group] for group in np.flatnonzero(agrees).tolist()]
        return np.concatenate(found) if found else _NONE


def _cosines(vectors: Vectors, vector: Vectors) -> Vectors:
    """The cosines of one vector with others, block by block.

    A larger product is cut up among threads, which cost more than they save, and wait on a busy machine.
    """
    blocks = [vectors[start : start + BLOCK] @ vector for start in range(0, len(vectors), BLOCK)]
    return np.concatenate(blocks) if blocks else np.empty(0, np.float32)


def _stacked(vectors: Sequence[Vectors]) -> Vectors:
    return np.ascontiguousarray(np.array(vectors, np.float32))
