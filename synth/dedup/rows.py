"""Many texts as one array of token hashes: what contamination is searched in, without a loop over texts.

In: texts. Out: the 64-bit hash of each token, end to end, with its kind and the place where each text begins;
and from these the hash of every run of tokens, and of every whole text. The hashes are those of `ngrams`, so
a run has one number here and there. Here is what is done with tokens; `reader` makes the same of texts.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.kinds import BRACKET, NUMBER, SPOKEN, WORD, kinds_of
from synth.dedup.ngrams import MULTIPLIER, Hashes, Ngrams

# Stands for any number where numbers are masked; no hash of a token is likelier to be it than any other.
ANY_NUMBER = np.uint64(0x5851F42D4C957F2D)

# Runs of so many values are made at once: each takes some fifty bytes on the way.
PART_VALUES = 500_000

Places = NDArray[np.int64]

_NOTHING = np.zeros(1, np.uint64)
_INVERSE = np.uint64(pow(int(MULTIPLIER), -1, 1 << 64))
_POWERS: list[Hashes] = [np.ones(1, np.uint64), np.ones(1, np.uint64)]


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

    def parts(self, most: int | None = None) -> "Iterator[tuple[int, Flat]]":
        """The texts in parts of about so many values, each with the place of its first text."""
        edges = np.arange(most or PART_VALUES, len(self.values), most or PART_VALUES)
        places = np.unique(np.searchsorted(self.starts, [0, *edges, len(self.values) + 1]))
        places[0], places[-1] = 0, len(self.starts) - 1
        for first, last in itertools.pairwise(places.tolist()):
            starts = self.starts[first : last + 1]
            yield first, Flat(self.values[starts[0] : starts[-1]], starts - starts[0])

    def take(self, chosen: NDArray[np.bool_]) -> "Flat":
        """Some of the texts."""
        lengths = self.lengths
        starts = np.concatenate([[0], np.cumsum(lengths[chosen])]).astype(np.int64)
        return Flat(self.values[np.repeat(chosen, lengths)], starts)


class Rows(NamedTuple):
    """The tokens of texts: without brackets and marks, words and numbers alone, and with numbers masked."""

    signed: Flat
    said: Flat
    masked: Flat
    spare: Places  # how many tokens of `masked` are no number
    worded: NDArray[
        np.bool_
    ]  # which of the values of `said` are words: no number, and no letter of a formula

    def one(self, place: int) -> "Rows":
        """One of the texts by itself."""
        signed, said, masked = (alone(f.of(place)) for f in (self.signed, self.said, self.masked))
        worded = self.worded[self.said.starts[place] : self.said.starts[place + 1]]
        return Rows(signed, said, masked, self.spare[place : place + 1], worded)

    def take(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Some of the texts."""
        signed, said, masked = (flat.take(chosen) for flat in self[:3])
        worded = self.worded[np.repeat(chosen, self.said.lengths)]
        return Rows(signed, said, masked, self.spare[chosen], worded)


def rows_of(found: Sequence[Sequence[str]], ngrams: Ngrams | None = None) -> Rows:
    """The rows of texts that are split into tokens; `ngrams` knows tokens from before."""
    flat = [token for text in found for token in text]
    hashes = (ngrams or Ngrams()).runs(flat, 1)
    kinds = kinds_of(flat)
    lengths = np.fromiter(map(len, found), np.int64, len(found))
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return _rows(hashes, kinds, starts)


def alone(values: Hashes) -> Flat:
    """The values of one text by itself."""
    return Flat(values, np.array([0, len(values)]))


def runs(flat: Flat, width: int) -> tuple[Hashes, Places]:
    """The hash of each run of `width` values within a text, and the text it stands in."""
    starts, owners = _starts(flat, width)
    if not len(starts):
        return np.empty(0, np.uint64), owners
    # A run is the difference of two sums, so its cost does not grow with its width.
    upwards, downwards = _powers(len(flat.values))
    sums = np.concatenate([_NOTHING, np.cumsum(flat.values * downwards, dtype=np.uint64)])
    return (sums[starts + width] - sums[starts]) * upwards[starts + width - 1], owners


def runs_of(values: Hashes, width: int) -> Hashes:
    """The same of one text."""
    count = len(values) - width + 1
    if count < 1:
        return np.empty(0, np.uint64)
    upwards, downwards = _powers(len(values))
    sums = np.concatenate([_NOTHING, np.cumsum(values * downwards, dtype=np.uint64)])
    return np.asarray((sums[width:] - sums[:count]) * upwards[width - 1 :], np.uint64)


def all_runs(flat: Flat, width: int) -> tuple[Hashes, NDArray[np.int32]]:
    """The same as `runs`, of any number of texts, in little more memory than the result needs."""
    values, owners = [np.empty(0, np.uint64)], [np.empty(0, np.int32)]
    for first, part in flat.parts():
        found, texts = runs(part, width)
        values.append(found)
        owners.append((texts + first).astype(np.int32))
    return np.concatenate(values), np.concatenate(owners)


def worded_runs(
    said: Flat, worded: NDArray[np.bool_], width: int, least: float
) -> tuple[Hashes, NDArray[np.int32]]:
    """Those runs that have at least so many words, and their texts."""
    values, owners, at = [np.empty(0, np.uint64)], [np.empty(0, np.int32)], 0
    for first, part in said.parts():
        starts, _ = _starts(part, width)
        before = np.concatenate([[0], np.cumsum(worded[at : at + len(part.values)])])
        at += len(part.values)
        counted = before[starts + width] - before[starts] >= least
        found, texts = runs(part, width)
        values.append(found[counted])
        owners.append((texts[counted] + first).astype(np.int32))
    return np.concatenate(values), np.concatenate(owners)


def _starts(flat: Flat, width: int) -> tuple[Places, Places]:
    """Where runs within a text begin, and the text of each."""
    count = max(len(flat.values) - width + 1, 0)
    owners = np.repeat(np.arange(len(flat.starts) - 1), flat.lengths)[:count]
    starts = np.flatnonzero(np.arange(count) + width <= flat.starts[1:][owners])
    return starts, owners[starts]


def wholes(flat: Flat) -> Hashes:
    """The hash of each text as one run; 0 for one without values."""
    return np.concatenate([np.empty(0, np.uint64), *(_wholes(part) for _, part in flat.parts())])


def _wholes(flat: Flat) -> Hashes:
    upwards, downwards = _powers(len(flat.values) + 1)
    sums = np.concatenate([_NOTHING, np.cumsum(flat.values * downwards[:-1], dtype=np.uint64)])
    ends = flat.starts[1:]
    # A text without values has a sum of 0, whatever it is multiplied by.
    return np.asarray((sums[ends] - sums[flat.starts[:-1]]) * upwards[ends - 1], np.uint64)


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """The powers of the multiplier of `ngrams`, and of its inverse modulo 2^64, at least so many."""
    upwards, downwards = _POWERS
    if len(upwards) < count:
        _POWERS[:] = upwards, downwards = _raised(MULTIPLIER, 2 * count), _raised(_INVERSE, 2 * count)
    return upwards[:count], downwards[:count]


def _raised(factor: np.uint64, count: int) -> Hashes:
    powers = np.full(count, factor, np.uint64)
    powers[:1] = 1
    return np.multiply.accumulate(powers)


def joined(made: Sequence[Rows]) -> Rows:
    """The rows of several parts as those of one."""
    if len(made) < 2:
        return made[0] if made else rows_of([])
    return Rows(
        _end_to_end([rows.signed for rows in made]),
        _end_to_end([rows.said for rows in made]),
        _end_to_end([rows.masked for rows in made]),
        np.concatenate([rows.spare for rows in made]),
        np.concatenate([rows.worded for rows in made]),
    )


def _end_to_end(flats: Sequence[Flat]) -> Flat:
    lengths = np.concatenate([flat.lengths for flat in flats])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Flat(np.concatenate([flat.values for flat in flats]), starts)


def _rows(hashes: Hashes, kinds: NDArray[np.uint8], starts: Places) -> Rows:
    spoken = (kinds & SPOKEN) != 0
    said = _some(hashes, starts, spoken)
    open_ = (kinds & BRACKET) == 0
    signed = _some(hashes, starts, open_)
    numbers = ((kinds & NUMBER) != 0)[open_]
    # Of numbers in a row one stays: `twenty five` is as many as `25`.
    first = numbers & ~np.concatenate([[False], numbers[:-1]])
    first[signed.starts[:-1][signed.lengths > 0]] |= numbers[signed.starts[:-1][signed.lengths > 0]]
    masked = _some(np.where(numbers, ANY_NUMBER, signed.values), signed.starts, first | ~numbers)
    spare = _counts(~numbers, signed.starts)
    return Rows(signed, said, masked, spare, ((kinds & WORD) != 0)[spoken])


def _some(values: Hashes, starts: Places, chosen: NDArray[np.bool_]) -> Flat:
    before = np.concatenate([[0], np.cumsum(chosen)]).astype(np.int64)
    return Flat(values[chosen], before[starts])


def _counts(chosen: NDArray[np.bool_], starts: Places) -> Places:
    before = np.concatenate([[0], np.cumsum(chosen)]).astype(np.int64)
    return np.diff(before[starts])
