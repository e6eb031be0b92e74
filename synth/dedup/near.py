"""Pairs of nearly equal texts: MinHash proposes, exact Jaccard similarity decides.

In: texts. Out: every pair of texts whose sets of token n-grams are at least `threshold` alike.
Recall is that of the banding: a pair of similarity s is seen with probability
1-(1-s^rows)^bands. Precision is 1, since each candidate is checked on the sets themselves.

Signatures are datasketch's: scheme `affine32`, seed 1, over the low 32 bits of the hashes of
`ngrams`. So they load into its `MinHash`, and any other user of datasketch can compare with them.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.kernel import at, kernel
from synth.dedup.ngrams import MULTIPLIER, Hashes, Ngrams
from synth.dedup.normalise import tokens
from synth.numbers import uniques

SEED = 1
SCHEME = "affine32"

# A bucket of g rows holds g²/2 pairs. Above this many rows, each row is compared with the bucket's
# first rows that are unlike each other instead (so pass the texts best first): a model that repeats
# one template a million times then costs millions of comparisons, not a million millions. The price
# is that pairs between two copies of one leader are not listed.
BUCKET_ROWS = 1_000
LEADERS = 64

# So many candidates are confirmed at once, with the n-grams of all their texts.
CONFIRMED = 10_000

# So many n-grams times permutations are held at once, which fits the processor's cache.
BATCH = 1_000

Places = NDArray[np.int64]


class Pair(NamedTuple):
    """Two rows, by their place in the input, and how alike their shingles are."""

    left: int
    right: int
    jaccard: float


class Banding(NamedTuple):
    """Which pairs are proposed (`bands` of `rows` values each), and from which similarity they count."""

    bands: int
    rows: int
    threshold: float
    floor: float | None = None


class Sketches(NamedTuple):
    """What finds the pairs of texts without the texts: a key, a count of n-grams and a signature for each.

    Equal keys are texts that are equal once normalised. `values` has a row of uint32 for each text.
    """

    keys: Sequence[bytes]
    sizes: NDArray[np.int64]
    values: NDArray[np.uint32]


def sketch(
    texts: Iterable[Sequence[str]], shingle_words: int, permutations: int, ngrams: Ngrams | None = None
) -> tuple[Sketches, list[Hashes]]:
    """The sketch of each text, given by its tokens, and its n-grams; `ngrams` knows tokens from before."""
    ngrams = ngrams or Ngrams()
    keys: list[bytes] = []
    sets: list[Hashes] = []
    for found in texts:
        joined = " ".join(found).encode("utf-8", "surrogatepass")
        keys.append(hashlib.blake2b(joined, digest_size=16).digest())
        sets.append(ngrams.distinct(found, shingle_words))
    sizes = np.array([len(s) for s in sets], np.int64)
    return Sketches(keys, sizes, signatures(sets, permutations)), sets


def find_pairs(
    texts: Sequence[str],
    shingle_words: int,
    permutations: int,
    bands: int,
    rows: int,
    threshold: float,
    floor: float | None = None,
    split: Callable[[str], Sequence[str]] = tokens,
) -> list[Pair]:
    """All pairs of at least `threshold`, left before right, in order; those down to `floor` if seen.

    Texts that are equal once normalised are one group: each later one is paired (1.0) with the first
    of its group, and only that first one stands in pairs with other texts. `survivors.choose` knows.
    `split` makes the tokens: of comparable texts `str.split` gives the same, and takes a tenth of the time.
    """
    sketches, sets = sketch(map(split, texts), shingle_words, permutations)
    return pairs_among(sketches, sets.__getitem__, Banding(bands, rows, threshold, floor))


def pairs_among(sketches: Sketches, ngrams_of: Callable[[int], Hashes], banding: Banding) -> list[Pair]:
    """The same of texts that lie elsewhere: the n-grams of candidates alone are asked for, by place."""
    firsts, pairs = _distinct(sketches)
    keys = band_keys(sketches.values, banding.bands, banding.rows)
    places = np.array(firsts, np.int64)
    found = pairs_of(keys, sketches.sizes, ngrams_of, banding, places)
    pairs.extend(map(Pair, *(column.tolist() for column in found)))
    return sorted(pairs)


class Pairs(NamedTuple):
    """Many pairs, in the order of `Pair`: a column each."""

    left: Places
    right: Places
    jaccard: NDArray[np.float64]

    def take(self, chosen: NDArray[np.bool_]) -> "Pairs":
        """Some of them."""
        return Pairs(self.left[chosen], self.right[chosen], self.jaccard[chosen])


def pairs_of(
    keys: Hashes,
    sizes: NDArray[np.int64],
    ngrams_of: Callable[[int], Hashes],
    banding: Banding,
    places: Places,
) -> Pairs:
    """Pairs among the texts at some places, no two of which are equal; `keys` has a row for each band."""
    if len(places) < keys.shape[1]:
        keys = keys[:, places]

    def ngrams(place: int) -> Hashes:
        return ngrams_of(int(places[place]))

    candidates = _candidates(keys, ngrams, banding.threshold)
    least = banding.threshold if banding.floor is None else min(banding.floor, banding.threshold)
    found = [Pairs(places[:0], places[:0], np.empty(0)), *_confirm(candidates, sizes[places], ngrams, least)]
    left, right, jaccard = (np.concatenate(column) for column in zip(*found, strict=True))
    return Pairs(places[left], places[right], jaccard)


def signatures(sets: Iterable[Hashes], permutations: int, compiled: bool = True) -> NDArray[np.uint32]:
    """One row of MinHash values for each set, as datasketch computes them; by the kernel if there is one."""
    if compiled and (library := kernel()) is not None:
        return _by_kernel(library, list(sets), permutations)
    factors, summands = permutation_values(permutations)
    rows = [_minima(s, factors, summands) for s in sets]
    return np.array(rows, np.uint32).reshape(len(rows), permutations)


def _by_kernel(library: Any, sets: Sequence[Hashes], permutations: int) -> NDArray[np.uint32]:
    factors, summands = permutation_values(permutations)
    ends = np.cumsum([len(s) for s in sets], dtype=np.int64)
    hashes = np.concatenate([np.empty(0, np.uint64), *sets])
    found = np.empty((len(sets), permutations), np.uint32)
    library.synth_sign(at(hashes), at(ends), len(sets), at(factors), at(summands), permutations, at(found))
    return found


def band_keys(values: NDArray[np.uint32], bands: int, rows: int) -> Hashes:
    """One 64-bit key for each band and text: equal keys make a bucket (a clash costs one check)."""
    keys = np.zeros((bands, len(values)), np.uint64)
    for band in range(bands):
        for row in range(rows):
            keys[band] = (keys[band] ^ values[:, band * rows + row]) * MULTIPLIER
            keys[band] ^= keys[band] >> np.uint64(29)
    return keys


def _distinct(sketches: Sketches) -> tuple[list[int], list[Pair]]:
    """Places of the first text of each group that has any n-grams, and a pair for each later one."""
    firsts: list[int] = []
    pairs: list[Pair] = []
    seen: dict[bytes, int] = {}
    for place, key in enumerate(sketches.keys):
        first = seen.setdefault(key, place)
        if first != place:
            pairs.append(Pair(first, place, 1.0))
        elif sketches.sizes[place]:
            firsts.append(place)
    return firsts, pairs


@cache
def permutation_values(count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """A factor and a summand for each, which are datasketch's own (a test compares them).

    They are made here since importing datasketch costs most of a second, for the sake of scipy.
    """
    drawn = np.random.RandomState(SEED)
    factors = drawn.randint(0, 1 << 31, count, np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, drawn.randint(0, 1 << 32, count, np.uint32)


def _minima(ngrams: Hashes, factors: NDArray[np.uint32], summands: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """The smallest value of each permutation, modulo 2^32; it loads the numbers into no Python list."""
    values = _mixed(ngrams.astype(np.uint32))
    minima = np.full(len(factors), 0xFFFFFFFF, np.uint32)
    for start in range(0, len(values), BATCH):
        permuted = values[start : start + BATCH] * factors[:, None]
        permuted += summands[:, None]
        np.minimum(minima, permuted.min(axis=1), out=minima)
    return minima


def _mixed(values: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """MurmurHash3's last step, as datasketch takes it before its permutations."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        values = (values ^ (values >> np.uint32(shift))) * np.uint32(factor)
    return values ^ (values >> np.uint32(16))


def _candidates(keys: Hashes, ngrams: Callable[[int], Hashes], threshold: float) -> Places:
    """Each pair that shares a bucket, once, as `left * number of texts + right`."""
    pairs = np.empty(0, np.int64)
    for band in keys:
        found = [_pairs_within(members, len(band), ngrams, threshold) for members in _buckets(band)]
        pairs = uniques(np.concatenate([pairs, *found]))
    return pairs


def _buckets(band: Hashes) -> Iterator[Places]:
    """The rows of equal keys, for each size of bucket: a bucket a row, its members in input order."""
    order = np.argsort(band, kind="stable")
    starts = np.flatnonzero(np.diff(band[order], prepend=~band[order[:1]]))
    sizes = np.diff(starts, append=len(band))
    for size in np.unique(sizes[sizes > 1]).tolist():
        yield order[starts[sizes == size][:, None] + np.arange(size)]


def _pairs_within(members: Places, total: int, ngrams: Callable[[int], Hashes], threshold: float) -> Places:
    size = members.shape[1]
    if size > BUCKET_ROWS:
        linked = (pair for bucket in members for pair in _led(bucket, ngrams, threshold))
        return np.array([left * total + right for left, right in linked], np.int64)
    left, right = np.triu_indices(size, 1)
    return np.asarray(members[:, left] * total + members[:, right], np.int64).ravel()


def _led(bucket: Places, ngrams: Callable[[int], Hashes], threshold: float) -> Iterator[tuple[int, int]]:
    """Each row of a large bucket with those of its first unlike rows that it is near to."""
    leaders: list[tuple[int, frozenset[int]]] = []
    for row in bucket.tolist():
        mine = ngrams(row).tolist()
        near = [leader for leader, theirs in leaders if _jaccard(theirs, mine) >= threshold]
        yield from ((leader, row) for leader in near)
        if not near and len(leaders) < LEADERS:
            leaders.append((row, frozenset(mine)))


def _confirm(
    candidates: Places, sizes: NDArray[np.int64], ngrams: Callable[[int], Hashes], threshold: float
) -> Iterator[Pairs]:
    """The candidates whose sets are alike enough, with the exact similarity."""
    lefts, rights = np.divmod(candidates, max(len(sizes), 1))
    # Jaccard similarity cannot exceed the smaller set's share of the larger (less what floats lose).
    smaller = np.minimum(sizes[lefts], sizes[rights])
    possible = smaller >= threshold * np.maximum(sizes[lefts], sizes[rights]) - 1e-9
    lefts, rights = lefts[possible], rights[possible]
    for start in range(0, len(lefts), CONFIRMED):
        part = slice(start, start + CONFIRMED)
        alike = _similarities(lefts[part], rights[part], ngrams)
        near = alike >= threshold
        yield Pairs(lefts[part][near], rights[part][near], alike[near])


def _similarities(lefts: Places, rights: Places, ngrams: Callable[[int], Hashes]) -> NDArray[np.float64]:
    """The exact similarity of each pair."""
    library = kernel()
    found = np.empty(len(lefts))
    if library is not None:
        rows, places = np.unique(np.concatenate([lefts, rights]), return_inverse=True)
        sets = [ngrams(row) for row in rows.tolist()]
        hashes, starts = np.concatenate(sets), np.cumsum([0, *map(len, sets)], dtype=np.int64)
        table, left, right = [at(hashes), at(starts)], places[: len(lefts)], places[len(lefts) :].copy()
        library.synth_jaccard(*table, *table, at(left), at(right), len(lefts), at(found))
        return found
    held, mine = -1, frozenset[int]()
    for place, (left, right) in enumerate(zip(lefts.tolist(), rights.tolist(), strict=True)):
        if left != held:
            held, mine = left, frozenset(ngrams(left).tolist())
        found[place] = _jaccard(mine, ngrams(right).tolist())
    return found


def _jaccard(mine: frozenset[int], theirs: list[int]) -> float:
    shared = len(mine.intersection(theirs))
    return shared / (len(mine) + len(theirs) - shared)
