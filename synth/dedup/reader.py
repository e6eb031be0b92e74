"""Many texts read into token hashes at once, by the kernel or without it, with the same result.

In: texts. Out: `rows.Rows`. Reading is the dearest step of looking for contamination: the kernel takes a
tenth of the time that Python does.
"""

from collections.abc import Iterator, Sequence
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa

from synth.dedup.kernel import at, kernel, lent
from synth.dedup.kinds import NUMBER_WORDS
from synth.dedup.ngrams import Hashes, Ngrams
from synth.dedup.normalise import tokens
from synth.dedup.rows import ANY_NUMBER, Flat, Places, Rows, joined, rows_of
from synth.dedup.splitting import Given, Splitter

# What is read at once.
PART_TEXTS, PART_CHARS = 2_000, 2_000_000


class Reader:
    """Reads texts, from any thread; it knows the tokens of earlier ones."""

    def __init__(self) -> None:
        library = kernel()
        self._splitter = None if library is None else Splitter(library)
        self.ngrams = Ngrams()
        self._lock = Lock()
        self._number_words = np.array(self.ngrams.values(NUMBER_WORDS), np.uint64)

    def read(self, texts: Sequence[str]) -> Rows:
        """The rows of texts."""
        return joined([self._read(part) for part in parts(texts)])

    def _read(self, texts: Sequence[str]) -> Rows:
        with self._lock:
            if self._splitter is None:
                return rows_of([tokens(text) for text in texts], self.ngrams)
            return self._by_kernel(self._splitter, texts)

    def _by_kernel(self, splitter: Splitter, texts: Sequence[str]) -> Rows:
        given = splitter.given(_array(texts), texts.__getitem__)
        starts, spare = np.zeros((3, len(texts) + 1), np.int64), np.empty(len(texts), np.int64)
        if self._called(splitter, given, starts, spare):
            raise MemoryError("There is not enough memory for this batch of texts.")

        def values(which: int, flat: int, kind: Any = np.uint64) -> Any:
            found = splitter.library.synth_values(splitter.context, which)
            return lent(found, int(starts[flat, -1]), kind).copy()

        signed, said, masked = (Flat(values(which, which), starts[which]) for which in range(3))
        return Rows(signed, said, masked, spare, values(3, 1, np.bool_))

    def _called(self, splitter: Splitter, given: Given, starts: Places, spare: Places) -> int:
        ends = np.empty((3, len(spare)), np.int64)
        words: Hashes = self._number_words
        failed: int = splitter.library.synth_read(
            splitter.context, at(words), len(words), int(ANY_NUMBER), at(given.packed), len(spare),
            at(ends), at(spare),
        )  # fmt: skip
        starts[:, 1:] = ends
        return failed


def parts(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in parts of bounded size: a token of Python takes a hundred bytes until it is a hash."""
    start = size = 0
    for place, text in enumerate(texts):
        if place > start and (size + len(text) > PART_CHARS or place - start == PART_TEXTS):
            yield texts[start:place]
            start, size = place, 0
        size += len(text)
    if start < len(texts):
        yield texts[start:]


def _array(texts: Sequence[str]) -> pa.Array:
    """The texts for the kernel; surrogates are no UTF-8, so it leaves their texts to Python."""
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        return pa.array([text.encode("utf-8", "surrogatepass") for text in texts], pa.large_binary())
