"""Texts that overlap items of a benchmark: found by their words, named by item, never quoted.

In: items of benchmarks (`benchmarks.py` reads them) and texts. Out: which item a text overlaps, by which tier
(`paraphrases.py` has the third, which needs an embedder):

- `exact`: equal once normalised, or one contains the whole of the other;
- `ngram`: they share enough runs of `ngram` words and numbers: those within `ngram` + 3 words, which is the
  usual 13, or a quarter of the shorter text's runs, since 13 misses short problems of mathematics. A run
  counts if enough of it is words: many texts count from 1 to 10. An item without such a run must stand there
  whole;
- `template`: equal but for their numbers, in digits or words;
- `jaccard`: their runs of half that length are alike to this degree: a copy with a change in every sentence.

Most texts overlap nothing. `sieve.py` tells so for a whole batch, and only what it leaves is looked at one by
one here. Every step is bounded by the length of the text and by a fixed number of items.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.benchmarks import Item
from synth.dedup.members import First, Index
from synth.dedup.ngrams import Hashes
from synth.dedup.reader import Reader, parts
from synth.dedup.rows import Flat, Places, Rows, all_runs, alone, runs, runs_of, wholes, worded_runs
from synth.dedup.sieve import MIN_CONTAINED, Indexes, Sieve, has_template

# A run of words that stands in more items than this is a phrase of the benchmark ("Let's think step by
# step"), and says nothing about any of them.
COMMON = 50
# So many items are compared with a text one by one, those first that share most runs with it.
COMPARED = 16
JACCARD = 0.5
# Least words in a run, as a share of it; runs that are enough, whatever their share; and that share. A single
# run of ten words ("a function that takes a string as input and returns the") is shared by strangers.
WORDED = 0.4
ENOUGH = 4
SHARE = 0.25


class Hit(NamedTuple):
    """The item that a text overlaps, and how much: the score of its tier, from 0 to 1."""

    benchmark: str
    item: str
    tier: str
    score: float


class Decontaminator:
    """Items of benchmarks, indexed once for many texts."""

    def __init__(self, items: Sequence[Item], ngram: int = 10, jaccard: float = JACCARD) -> None:
        self._ngram, self._half, self._jaccard = ngram, max(1, ngram // 2), jaccard
        self._reader = Reader()
        self.items, rows = _distinct(sorted(set(items)), self._reader)
        self._signed, self._said, worded = rows.signed, rows.said, rows.worded
        self._equal = First(wholes(rows.signed), np.arange(len(self.items)))
        self._templates = First(wholes(rows.masked), np.flatnonzero(has_template(rows)))
        del rows  # of a million items some hundred megabytes, before the indexes need them
        self._index = Index(*worded_runs(self._said, worded, ngram, WORDED * ngram), common=COMMON)
        self._halves = Index(*all_runs(self._said, self._half), common=COMMON)
        self._within = Index(*all_runs(self._signed, MIN_CONTAINED))
        short = self._signed.lengths >= MIN_CONTAINED
        short[self._index.owners] = False
        self._lengths = sorted({int(n) for n in self._signed.lengths[short]}, reverse=True)
        indexes = Indexes(self._equal, self._templates, self._index, self._halves, self._within)
        self._sieve = Sieve(self._signed, indexes, short, ngram, jaccard)

    def check(self, text: str) -> Hit | None:
        """The item that a text overlaps most, or None."""
        return self.check_all([text])[0]

    def check_all(self, texts: Sequence[str]) -> list[Hit | None]:
        """The same for many texts, which takes a fraction of the time for each."""
        found: list[Hit | None] = []
        for part in parts(texts):
            found += self.hits(self._reader.read(part))
        return found

    def read(self, texts: Sequence[str]) -> Rows:
        """Texts as `hits` and `share_of` take them, which saves reading them twice."""
        return self._reader.read(texts)

    def hits(self, rows: Rows) -> list[Hit | None]:
        """The same for texts that are read already."""
        found: list[Hit | None] = [None] * len(rows.spare)
        if self.items:
            for place in np.flatnonzero(self.left(rows)).tolist():
                found[place] = self._closest(rows.one(place))
        return found

    def overlap(self, text: str) -> float:
        """How close a text comes: the share of its n-grams in one item, by n-grams of half the length.

        A text that passes shares no n-gram of the full length, so that share would say nothing.
        """
        return self.share_of(self._reader.read([text]).said.values)

    def left(self, rows: Rows) -> NDArray[np.bool_]:
        """Which of the texts may overlap an item at all, after a few passes over all of them."""
        return self._sieve.left(rows)

    def _closest(self, row: Rows) -> Hit | None:
        """The first tier that finds an item, cheapest and surest first."""
        signed, said = row.signed.values, row.said.values
        place = next(iter(self._equal.of(wholes(row.signed))), None) if len(signed) else None
        if place is None and len(signed) >= MIN_CONTAINED:
            place = self._short_item_in(signed)
            if place is None and len(said) < self._ngram:
                place = self._item_around(signed)
        if place is not None:
            return self._hit(place, "exact", 1.0)
        return self._by_ngrams(signed, said) or self._by_template(row) or self._by_jaccard(said)

    def _by_ngrams(self, signed: Hashes, said: Hashes) -> Hit | None:
        mine = np.unique(runs_of(said, self._ngram))
        places = self._index.items(mine, COMPARED)
        if not places:
            return None
        theirs, both, counted = self._compared(mine, places, self._ngram)
        for at, place in enumerate(places):
            item = self._signed.of(place)
            # A text that another holds has no run that the other lacks, which is quickly seen.
            if (both[at] == theirs[at] and _holds(signed, item)) or (
                both[at] == len(mine) and _holds(item, signed)
            ):
                return self._hit(place, "exact", 1.0)
        share = both / np.minimum(len(mine), theirs)
        share[(counted < ENOUGH) & ((counted == 0) | (share < SHARE))] = 0
        best = max(zip(share.tolist(), (-place for place in places), strict=True))
        return self._hit(-best[1], "ngram", best[0]) if best[0] else None

    def _compared(self, mine: Hashes, places: Sequence[int], width: int) -> tuple[Places, Places, Places]:
        """Of each item: its distinct runs, those that are also mine, and of these those that count."""
        found = [self._said.of(place) for place in places]
        starts = np.cumsum([0, *map(len, found)])
        values, owners = runs(Flat(np.concatenate(found), starts), width)
        order = np.lexsort((values, owners))
        values, owners = values[order], owners[order]
        new = np.ones(len(values), np.bool_)
        new[1:] = (values[1:] != values[:-1]) | (owners[1:] != owners[:-1])
        values, owners = values[new], owners[new]
        shared = np.isin(values, mine)
        counts = self._index.counts(values[shared]) > 0
        chosen = (owners, owners[shared], owners[shared][counts])
        theirs, both, counted = (np.bincount(group, minlength=len(places)) for group in chosen)
        return theirs, both, counted

    def _by_template(self, row: Rows) -> Hit | None:
        places = self._templates.of(wholes(row.masked)) if has_template(row)[0] else []
        return self._hit(places[0], "template", 1.0) if places else None

    def _by_jaccard(self, said: Hashes) -> Hit | None:
        if len(said) < self._ngram:
            return None
        mine = np.unique(runs_of(said, self._half))
        places = self._halves.items(mine, COMPARED)
        if not places:
            return None
        theirs, both, _ = self._compared(mine, places, self._half)
        alike = both / (len(mine) + theirs - both)
        best = max(zip(alike.tolist(), (-place for place in places), strict=True))
        return self._hit(-best[1], "jaccard", best[0]) if best[0] >= self._jaccard else None

    def share_of(self, said: Hashes) -> float:
        """The same for a text of which the hashes of its words are known."""
        if not self.items:
            return 0.0
        mine = np.unique(runs_of(said, self._half))
        places = self._halves.items(mine, COMPARED)
        return float((self._compared(mine, places, self._half)[1] / len(mine)).max()) if places else 0.0

    def _short_item_in(self, signed: Hashes) -> int | None:
        """The longest item, of those without an n-gram that counts, that stands in a text as a whole."""
        if not self._sieve.has_head(signed):
            return None
        for length in self._lengths:
            if length <= len(signed) and (found := self._equal.of(runs_of(signed, length))):
                return min(found)
        return None

    def _item_around(self, signed: Hashes) -> int | None:
        """The first item that holds the whole of a text, which is too short to have an n-gram."""
        mine = runs_of(signed, MIN_CONTAINED)
        counts = self._within.counts(mine)
        if not 0 < counts.min() <= COMMON:
            return None
        places = self._within.items(mine[counts.argmin()][None], COMMON)
        return min((p for p in places if _holds(self._signed.of(p), signed)), default=None)

    def _hit(self, place: int, tier: str, score: float) -> Hit:
        item = self.items[place]
        return Hit(item.benchmark, item.item, tier, score)


def _holds(outer: Hashes, inner: Hashes) -> bool:
    """Whether one text stands in another as a whole, and is long enough to mean something."""
    if not MIN_CONTAINED <= len(inner) <= len(outer):
        return False
    return bool((runs_of(outer, len(inner)) == wholes(alone(inner))[0]).any())


def _distinct(items: Sequence[Item], reader: Reader) -> tuple[list[Item], Rows]:
    """The first of each group of items that are one text once normalised; empty ones match nothing."""
    rows = reader.read([item.text for item in items])
    first = np.zeros(len(items), np.bool_)
    first[First(wholes(rows.signed), np.flatnonzero(rows.signed.lengths)).places] = True
    if first.all():
        return list(items), rows
    return [item for item, kept in zip(items, first.tolist(), strict=True) if kept], rows.take(first)
