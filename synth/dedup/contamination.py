"""Questions that overlap items of a benchmark: found by n-grams, named by item, never quoted.

In: items of benchmarks (`benchmarks.py` reads them) and a question. Out: which item the question
overlaps, by which tier (METHOD 6.5, tiers 1 and 2; a third, for paraphrases, needs an embedder):

- `exact`: equal once normalised, or one contains the whole of the other;
- `ngram`: they share a run of `ngram` words and numbers. The usual 13 of evaluation harnesses misses short
  problems of mathematics, so the default is 10; an item that is shorter must stand there whole.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from synth.dedup.benchmarks import Item, read_benchmarks
from synth.dedup.ngrams import Ngrams
from synth.dedup.normalise import spoken, tokens, unbracketed
from synth.dedup.overlap import Overlap

__all__ = ["Decontaminator", "Hit", "Item", "read_benchmarks"]

# A shorter text says nothing whole: "what is the value of x" stands in hundreds of problems.
MIN_CONTAINED = 6


class Hit(NamedTuple):
    """The item that a question overlaps, and the share of the question's n-grams that it holds."""

    benchmark: str
    item: str
    tier: str
    score: float


class Decontaminator:
    """Items of benchmarks, indexed once for many questions."""

    def __init__(self, items: Sequence[Item], ngram: int = 10) -> None:
        self._items = sorted(set(items))
        self._ngram = ngram
        self._ngrams = Ngrams()
        found = [tokens(item.text) for item in self._items]
        self._signed = [_padded(unbracketed(item)) for item in found]
        self._whole = "\n".join(self._signed)
        self._starts = list(accumulate((len(s) + 1 for s in self._signed[:-1]), initial=0))
        self._equal = {signed: place for place, signed in reversed(list(enumerate(self._signed)))}
        self._short = self._index_short(found)
        texts = {f"{place:09d}": item.text for place, item in enumerate(self._items)}
        self._overlap = Overlap(texts, ngram)

    def check(self, text: str) -> Hit | None:
        """The item that a text overlaps most, or None."""
        return self.check_tokens(tokens(text))

    def check_tokens(self, found: Sequence[str]) -> Hit | None:
        """The same for a text that is split into tokens already."""
        signed = unbracketed(found)
        if not signed:
            return None
        padded = _padded(signed)
        place = self._equal.get(padded)
        if place is None:
            place = self._short_item_in(signed, padded)
        if place is not None:
            return self._hit(place, "exact", 1.0)
        best = self._overlap.best_of_words(spoken(found))
        if best.text_id is None:
            return None
        if best.share == 1 and len(signed) >= MIN_CONTAINED and (at := self._whole.find(padded)) >= 0:
            return self._hit(bisect_right(self._starts, at) - 1, "exact", 1.0)
        if len(spoken(found)) < self._ngram:
            return None
        whole = self._signed[int(best.text_id)] in padded
        return self._hit(int(best.text_id), "exact" if whole else "ngram", 1.0 if whole else best.share)

    def overlap(self, text: str) -> float:
        """How close a text comes: the share of its n-grams in one item, by n-grams of half the length.

        A text that passes shares no n-gram of the full length, so that share would say nothing.
        """
        return self.overlap_tokens(tokens(text))

    def overlap_tokens(self, found: Sequence[str]) -> float:
        """The same for a text that is split into tokens already."""
        return self._overlap.best_of_words(spoken(found), n=max(1, self._ngram // 2)).share

    def _index_short(self, found: Sequence[Sequence[str]]) -> dict[int, list[int]]:
        """Items too short to have an n-gram but long enough to be found whole, by their first tokens."""
        short: dict[int, list[int]] = {}
        for place, item in enumerate(found):
            signed = unbracketed(item)
            if len(signed) >= MIN_CONTAINED and len(spoken(item)) < self._ngram:
                head = int(self._ngrams.runs(signed[:MIN_CONTAINED], MIN_CONTAINED)[0])
                short.setdefault(head, []).append(place)
        return short

    def _short_item_in(self, signed: Sequence[str], padded: str) -> int | None:
        """The longest short item that stands in a text as a whole, the first of equals."""
        if not self._short or len(signed) < MIN_CONTAINED:
            return None
        heads = self._ngrams.runs(signed, MIN_CONTAINED).tolist()
        places = (place for head in dict.fromkeys(heads) for place in self._short.get(head, ()))
        inside = [place for place in places if self._signed[place] in padded]
        return min(inside, key=lambda place: (-len(self._signed[place]), place), default=None)

    def _hit(self, place: int, tier: str, score: float) -> Hit:
        item = self._items[place]
        return Hit(item.benchmark, item.item, tier, score)


def _padded(found: Sequence[str]) -> str:
    """Tokens as a string in which a search cannot begin or end within a token."""
    return f" {' '.join(found)} "
