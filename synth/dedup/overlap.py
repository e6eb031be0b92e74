"""How much of a text stands, word for word, in one other text.

In: texts by id (reference passages, examples of a prompt). Out: for a question the text that holds the
largest share of its n-grams. A question shorter than an n-gram is one n-gram as a whole.
Words are those of `normalise.words`, so that case, markup, sentence punctuation and brackets hide nothing;
they are known by their hashes (`rows.Rows.said`). Of texts that are asked for by name the last are held.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.ngrams import Hashes
from synth.dedup.reader import Reader
from synth.dedup.rows import runs_of

# Of the texts that were asked for by name so many words are held, each with its n-gram: 64 MB.
HELD_WORDS = 4_000_000


class Best(NamedTuple):
    """The text that holds most of the question, and the share that it holds; None where none does."""

    text_id: str | None
    share: float


def share(mine: Hashes, theirs: Hashes) -> float:
    """The share of distinct n-grams found in another text's (both sorted and without repeats)."""
    if not mine.size or not theirs.size:
        return 0.0
    places = np.searchsorted(theirs, mine)
    places[places == theirs.size] = 0
    return float(np.count_nonzero(theirs[places] == mine) / mine.size)


class Overlap:
    """Texts to search in, indexed by n-grams of the widths that questions turn out to need.

    `texts` may be a mapping that reads each when it is asked for.
    """

    def __init__(self, texts: Mapping[str, str], n: int) -> None:
        self._texts, self._n = texts, n
        self._reader = Reader()
        self._held: dict[str, tuple[Hashes, Hashes]] = {}
        self._words = 0
        self._indexes: dict[int, tuple[list[str], Hashes, NDArray[np.int32]]] = {}

    def best(self, text: str, among: Iterable[str] | None = None) -> Best:
        """The best of all texts, or of those named (unknown ids are skipped); the first of equals."""
        return self.best_of(self._reader.read([text]).said.values, among)

    def best_of(self, said: Hashes, among: Iterable[str] | None = None) -> Best:
        """The same for a question that is read into the hashes of its words already."""
        width = min(self._n, len(said))
        if not width or not self._texts:
            return Best(None, 0.0)
        mine = _distinct(said, width)
        if among is None:
            return self._best_of_all(mine, width)
        known = self.hold(among)
        shares = [Best(text_id, share(mine, self._set(text_id, width))) for text_id in known]
        best = max(shares, key=lambda b: b.share, default=Best(None, 0.0))
        return best if best.share else Best(None, 0.0)

    def hold(self, ids: Iterable[str]) -> list[str]:
        """Read those of the texts that are not at hand, all at once; which of the names are known."""
        known = [text_id for text_id in dict.fromkeys(ids) if text_id in self._texts]
        missing = [text_id for text_id in known if text_id not in self._held]
        if missing:
            said = self._reader.read([self._texts[text_id] for text_id in missing]).said
            for place, text_id in enumerate(missing):
                values = said.of(place).copy()
                self._held[text_id] = values, self._made(values, self._n)
                self._words += len(values)
            wanted = set(known)
            for text_id in [one for one in self._held if one not in wanted]:
                if self._words <= HELD_WORDS:
                    break
                self._words -= len(self._held.pop(text_id)[0])
        return known

    def _best_of_all(self, mine: Hashes, width: int) -> Best:
        ids, ngrams, owners = self._index(width)
        starts = np.searchsorted(ngrams, mine, "left")
        counts = np.searchsorted(ngrams, mine, "right") - starts
        if not counts.any():
            return Best(None, 0.0)
        # All places start..start+count of every n-gram, without a loop.
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        hits = np.bincount(owners[np.repeat(starts, counts) + offsets])
        place = int(hits.argmax())
        return Best(ids[place], float(hits[place] / mine.size))

    def _index(self, width: int) -> tuple[list[str], Hashes, NDArray[np.int32]]:
        """All texts, and their n-grams of a width, sorted, each with the place of its text."""
        if width not in self._indexes:
            ids = sorted(self._texts)
            said = self._reader.read([self._texts[text_id] for text_id in ids]).said
            sets = [self._made(said.of(place), width) for place in range(len(ids))]
            owners = np.repeat(np.arange(len(sets), dtype=np.int32), [len(s) for s in sets])
            ngrams = np.concatenate(sets)
            order = np.argsort(ngrams, kind="stable")
            self._indexes[width] = ids, ngrams[order], owners[order]
        return self._indexes[width]

    def _set(self, text_id: str, width: int) -> Hashes:
        values, ngrams = self._held[text_id]
        return ngrams if width == self._n else self._made(values, width)

    def _made(self, said: Hashes, width: int) -> Hashes:
        """N-grams of a text; none where the text itself is shorter than one."""
        return _distinct(said, width) if len(said) >= width else np.empty(0, np.uint64)


def _distinct(said: Hashes, width: int) -> Hashes:
    """The runs of words without repeats, sorted."""
    runs = np.sort(runs_of(said, width))
    # numpy's own `unique` and `diff` take several times as long.
    new = np.ones(len(runs), np.bool_)
    np.not_equal(runs[1:], runs[:-1], out=new[1:])
    return np.asarray(runs[new], np.uint64)
