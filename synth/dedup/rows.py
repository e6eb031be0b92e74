"""Many texts as one array of token hashes: what contamination is searched in, without a loop over texts.

In: texts. Out: the 64-bit hash of each token, end to end, with its kind and the place where each text begins;
and from these the hash of every run of tokens, and of every whole text. The hashes are those of `ngrams`, so
a run has one number here and there. `read_rows` is the only step that looks at characters, and the dearest.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.ngrams import MULTIPLIER, VOCABULARY, Hashes, Ngrams
from synth.dedup.normalise import BRACKETS, tokens
from synth.dedup.quantities import is_number

# Kinds of a token, as bits.
SPOKEN, BRACKET, NUMBER = 1, 2, 4
# Stands for any number where numbers are masked; no hash of a token is likelier to be it than any other.
ANY_NUMBER = np.uint64(0x5851F42D4C957F2D)

Places = NDArray[np.int64]


class Flat(NamedTuple):
    """Values of texts end to end; text `i` has those from `starts[i]` to `starts[i + 1]`."""

    values: Hashes
    starts: Places

    @property
    def lengths(self) -> Places:
        """How many values each text has."""
        return np.diff(self.starts)

    def of(self, place: int) -> Hashes:
        """The values of one text."""
        return self.values[self.starts[place] : self.starts[place + 1]]


class Rows(NamedTuple):
    """The tokens of texts: without brackets and marks, words and numbers alone, and with numbers masked."""

    signed: Flat
    said: Flat
    masked: Flat
    spare: Places  # how many tokens of `masked` are no number

    def one(self, place: int) -> "Rows":
        """One of the texts by itself."""
        signed, said, masked = (alone(f.of(place)) for f in (self.signed, self.said, self.masked))
        return Rows(signed, said, masked, self.spare[place : place + 1])


def read_rows(texts: Iterable[str], ngrams: Ngrams | None = None) -> Rows:
    """The rows of texts; `ngrams` knows tokens from before."""
    return rows_of([tokens(text) for text in texts], ngrams)


def rows_of(found: Sequence[Sequence[str]], ngrams: Ngrams | None = None) -> Rows:
    """The same of texts that are split into tokens already."""
    flat = [token for text in found for token in text]
    hashes = (ngrams or Ngrams()).runs(flat, 1)
    kinds = np.fromiter(map(_KINDS.__getitem__, flat), np.uint8, len(flat))
    if len(_KINDS) > VOCABULARY:
        _KINDS.clear()
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return _rows(hashes, kinds, starts)


def alone(values: Hashes) -> Flat:
    """The values of one text by itself."""
    return Flat(values, np.array([0, len(values)]))


def runs(flat: Flat, width: int) -> tuple[Hashes, Places]:
    """The hash of each run of `width` values within a text, and the text it stands in."""
    count = len(flat.values) - width + 1
    if count <= 0:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    owners = np.repeat(np.arange(len(flat.starts) - 1), flat.lengths)[:count]
    inside = np.arange(count) + width <= flat.starts[1:][owners]
    combined = np.zeros(count, np.uint64)
    for place in range(width):
        combined = combined * MULTIPLIER + flat.values[place : place + count]
    return combined[inside], owners[inside]


def wholes(flat: Flat) -> Hashes:
    """The hash of each text as one run; 0 for one without values."""
    lengths = flat.lengths
    if not len(flat.values):
        return np.zeros(len(lengths), np.uint64)
    powers = np.full(int(lengths.max()), MULTIPLIER, np.uint64)
    powers[0] = 1
    powers = np.multiply.accumulate(powers)
    ends = np.repeat(flat.starts[1:], lengths)
    summands = flat.values * powers[ends - 1 - np.arange(len(flat.values))]
    sums = np.concatenate([[np.uint64(0)], np.cumsum(summands, dtype=np.uint64)])
    return np.asarray(sums[flat.starts[1:]] - sums[flat.starts[:-1]], np.uint64)


def _rows(hashes: Hashes, kinds: NDArray[np.uint8], starts: Places) -> Rows:
    said = _some(hashes, starts, (kinds & SPOKEN) != 0)
    open_ = (kinds & BRACKET) == 0
    signed = _some(hashes, starts, open_)
    numbers = ((kinds & NUMBER) != 0)[open_]
    # Of numbers in a row one stays: `twenty five` is as many as `25`.
    first = numbers & ~np.concatenate([[False], numbers[:-1]])
    first[signed.starts[:-1][signed.lengths > 0]] |= numbers[signed.starts[:-1][signed.lengths > 0]]
    masked = _some(np.where(numbers, ANY_NUMBER, signed.values), signed.starts, first | ~numbers)
    spare = _counts(~numbers, signed.starts)
    return Rows(signed, said, masked, spare)


def _some(values: Hashes, starts: Places, chosen: NDArray[np.bool_]) -> Flat:
    before = np.concatenate([[0], np.cumsum(chosen)]).astype(np.int64)
    return Flat(values[chosen], before[starts])


def _counts(chosen: NDArray[np.bool_], starts: Places) -> Places:
    before = np.concatenate([[0], np.cumsum(chosen)]).astype(np.int64)
    return np.diff(before[starts])


class _Kinds(dict[str, int]):
    """The kind of each token that was asked for."""

    def __missing__(self, token: str) -> int:
        number = NUMBER if is_number(token) else 0
        found = self[token] = (SPOKEN if token[0].isalnum() else 0) | (BRACKET if token in BRACKETS else 0)
        self[token] = found = found | number
        return found


_KINDS = _Kinds()
