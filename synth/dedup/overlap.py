"""How much of a text stands, word for word, in one other text.

In: texts by id (reference passages, examples of a prompt, items of a benchmark). Out: for a question
the text that holds the largest share of its n-grams (METHOD 6.5, 6.9). A question shorter than an
n-gram is one n-gram as a whole. Words are those of `normalise.words`, so that case, markup, sentence
punctuation and brackets hide nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.ngrams import Hashes, Ngrams
from synth.dedup.normalise import words


class Best(NamedTuple):
    """The text that holds most of the question, and the share that it holds; None where none does."""

    text_id: str | None
    share: float


def share(mine: Hashes, theirs: Hashes) -> float:
    """The share of distinct n-grams found in another text's (both sorted and without repeats)."""
    return float(np.isin(mine, theirs, assume_unique=True).mean()) if mine.size else 0.0


class Overlap:
    """Texts to search in, indexed by n-grams of the widths that questions turn out to need."""

    def __init__(self, texts: Mapping[str, str], n: int) -> None:
        self._texts = {text_id: texts[text_id] for text_id in sorted(texts)}
        self._ids = list(self._texts)
        self._n = n
        self._ngrams = Ngrams()
        self._words: dict[str, list[str]] = {}
        self._sets: dict[tuple[str, int], Hashes] = {}
        self._indexes: dict[int, tuple[Hashes, NDArray[np.int32]]] = {}

    def best(self, text: str, among: Iterable[str] | None = None) -> Best:
        """The best of all texts, or of those named (unknown ids are skipped); the first of equals."""
        return self.best_of_words(words(text), among)

    def best_of_words(
        self, found: Sequence[str], among: Iterable[str] | None = None, n: int | None = None
    ) -> Best:
        """The same for a question that is split into words already, by n-grams of another width if asked."""
        width = min(n or self._n, len(found))
        if not width:
            return Best(None, 0.0)
        mine = self._ngrams.distinct(found, width)
        if among is None:
            return self._best_of_all(mine, width)
        known = (text_id for text_id in dict.fromkeys(among) if text_id in self._texts)
        shares = [Best(text_id, share(mine, self._set(text_id, width))) for text_id in known]
        best = max(shares, key=lambda b: b.share, default=Best(None, 0.0))
        return best if best.share else Best(None, 0.0)

    def _best_of_all(self, mine: Hashes, width: int) -> Best:
        ngrams, owners = self._index(width)
        starts = np.searchsorted(ngrams, mine, "left")
        counts = np.searchsorted(ngrams, mine, "right") - starts
        if not counts.any():
            return Best(None, 0.0)
        # All places start..start+count of every n-gram, without a loop.
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        hits = np.bincount(owners[np.repeat(starts, counts) + offsets])
        place = int(hits.argmax())
        return Best(self._ids[place], float(hits[place] / mine.size))

    def _index(self, width: int) -> tuple[Hashes, NDArray[np.int32]]:
        """All n-grams of a width, sorted, each with the place of its text."""
        if width not in self._indexes:
            sets = [self._made(text_id, width) for text_id in self._ids] or [np.empty(0, np.uint64)]
            owners = np.repeat(np.arange(len(sets), dtype=np.int32), [len(s) for s in sets])
            ngrams = np.concatenate(sets)
            order = np.argsort(ngrams, kind="stable")
            self._indexes[width] = ngrams[order], owners[order]
        return self._indexes[width]

    def _set(self, text_id: str, width: int) -> Hashes:
        key = text_id, width
        if key not in self._sets:
            self._sets[key] = self._made(text_id, width)
        return self._sets[key]

    def _made(self, text_id: str, width: int) -> Hashes:
        """N-grams of a text; none where the text itself is shorter than one."""
        if text_id not in self._words:
            self._words[text_id] = words(self._texts[text_id])
        found = self._words[text_id]
        return self._ngrams.distinct(found, width) if len(found) >= width else np.empty(0, np.uint64)
