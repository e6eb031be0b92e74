"""Which rows stay: in the order of preference, a row goes only if a row that stays is like it.

In: measured texts, and their order. Out: for each row the row that stays and is most like it, or none.
A row is compared with those rows alone that stay and share a bucket with it, by exact Jaccard similarity: so
every removal is proved, what the bands see is left nowhere, and a thousand copies of a row cost a thousand
comparisons. By the kernel or without it, with the same result.

A bucket of more than `CROWDED` rows takes in only the first `LEADERS` that stay: a million rows that share a
passage, and are not alike, then cost millions of comparisons, not a million millions. What that may miss is
counted (`left_out`).
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synth.dedup.kernel import at, kernel
from synth.dedup.measuring import Measured, Numbers
from synth.dedup.ngrams import Hashes

CROWDED = 1_000
LEADERS = 64

# What becomes of texts that are equal but for their numbers: they stay, they go only where they are alike
# enough as any other, or they go.
Twins = Literal["keep", "alike", "remove"]
_TWINS: tuple[Twins, ...] = ("keep", "alike", "remove")


class Rules(NamedTuple):
    """From which similarity a row goes, what becomes of twins, and how crowded buckets are."""

    threshold: float = 0.7
    twins: Twins = "keep"
    crowded: int = CROWDED
    leaders: int = LEADERS


class Chosen(NamedTuple):
    """For each row the row that it repeats, or -1, and how alike they are; and what it took."""

    dup_of: Numbers
    jaccard: NDArray[np.float64]
    compared: int
    crowded: int
    left_out: int


def choose_rows(measured: Measured, order: Numbers, rules: Rules) -> Chosen:
    """The fate of each row that `order` names, those to be preferred first; rows without a token stay.

    Rows that it does not name are compared with nothing, and only make buckets more crowded.
    """
    keys = measured.keys
    if rules.twins == "remove":
        keys = np.column_stack([keys, measured.template])
    library = kernel()
    if library is None:
        return _by_python(measured, keys, order, rules)
    rows = len(measured.tokens)
    dup_of, jaccard = np.full(rows, -1, np.int64), np.zeros(rows)
    counts = np.zeros(3, np.int64)
    keys = np.ascontiguousarray(keys)
    if library.synth_choose(
        at(_packed(rules, keys.shape[1])), at(measured.hashes), at(measured.starts), at(keys),
        at(measured.whole), at(measured.template), at(order), len(order), rows,
        at(dup_of), at(jaccard), at(counts),
    ):  # fmt: skip
        raise MemoryError(f"There is not enough memory to compare {rows:,} rows at once.")
    return Chosen(dup_of, jaccard, *counts.tolist())


def similarities(one: Measured, other: Measured, left: Numbers, right: Numbers) -> NDArray[np.float64]:
    """How alike row `left[i]` of one table and row `right[i]` of the other are, for all i."""
    library = kernel()
    found = np.empty(len(left))
    if library is None:
        pairs = zip(left.tolist(), right.tolist(), strict=True)
        found[:] = [similarity(one.shingles(a), other.shingles(b)) for a, b in pairs]
        return found
    library.synth_jaccard(
        at(one.hashes), at(one.starts), at(other.hashes), at(other.starts), at(left), at(right), len(left),
        at(found),
    )  # fmt: skip
    return found


def similarity(mine: Hashes, theirs: Hashes) -> float:
    """Jaccard similarity of two sorted sets."""
    shared = len(np.intersect1d(mine, theirs, assume_unique=True))
    union = len(mine) + len(theirs) - shared
    return shared / union if union else 0.0


def _packed(rules: Rules, bands: int) -> NDArray[np.void]:
    """The `Rules` of native/bands.c."""
    fields = [("threshold", "f8"), ("crowded", "i8"), ("leaders", "i8"), ("bands", "i4"), ("twins", "i4")]
    row = (rules.threshold, rules.crowded, rules.leaders, bands, _TWINS.index(rules.twins))
    return np.array([row], np.dtype(fields))


def _by_python(measured: Measured, keys: Hashes, order: Numbers, rules: Rules) -> Chosen:
    buckets, sizes = _buckets(keys, np.diff(measured.starts) > 0)
    room = {k: rules.leaders if size > rules.crowded else size for k, size in sizes.items()}
    crowded = sum(size > rules.crowded for size in sizes.values())
    members: dict[int, list[int]] = {}
    dup_of, jaccard = np.full(len(keys), -1, np.int64), np.zeros(len(keys))
    compared = left_out = 0
    for rank, row in enumerate(order.tolist()):
        mine = [k for k in buckets[row].tolist() if k]
        ranks = {other for k in mine for other in members.get(k, ())}
        rivals = [(other, int(order[other])) for other in ranks]
        if rules.twins == "keep":
            rivals = [rival for rival in rivals if not _twins(measured, row, rival[1])]
        compared += len(rivals)
        if alike := list(_alike(measured, row, rivals, rules)):
            jaccard[row], preferred = max(alike)
            dup_of[row] = order[-preferred]
            continue
        open_ones = [k for k in mine if len(members.setdefault(k, [])) < room[k]]
        left_out += len(open_ones) < len(mine)
        for k in open_ones:
            members[k].append(rank)
    return Chosen(dup_of, jaccard, compared, crowded, left_out)


def _alike(
    measured: Measured, row: int, rivals: list[tuple[int, int]], rules: Rules
) -> Iterator[tuple[float, int]]:
    """The similarity of each rival that the row goes for, with its rank (negative: the first wins)."""
    mine = measured.shingles(row)
    for rank, other in rivals:
        found = similarity(mine, measured.shingles(other))
        if found >= rules.threshold or (rules.twins == "remove" and _twins(measured, row, other)):
            yield found, -rank


def _twins(measured: Measured, one: int, other: int) -> bool:
    return bool(
        measured.template[one] == measured.template[other] and measured.whole[one] != measured.whole[other]
    )


def _buckets(keys: Hashes, filled: NDArray[np.bool_]) -> tuple[NDArray[np.int64], dict[int, int]]:
    """The bucket of each row and band, 0 where it is alone, and how many rows each bucket holds."""
    buckets = np.zeros(keys.shape, np.int64)
    sizes: dict[int, int] = {}
    for band in range(keys.shape[1]):
        for members in _shared(keys[:, band], filled):
            sizes[len(sizes) + 1] = len(members)
            buckets[members, band] = len(sizes)
    return buckets, sizes


def _shared(band: Hashes, filled: NDArray[np.bool_]) -> Iterator[Numbers]:
    """The rows of each key that two rows or more have."""
    rows = np.flatnonzero(filled)
    order = rows[np.argsort(band[rows], kind="stable")]
    edges = np.flatnonzero(np.diff(band[order])) + 1
    for members in np.split(order, edges):
        if len(members) > 1:
            yield members
