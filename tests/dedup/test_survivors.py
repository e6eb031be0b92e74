"""No removal without a kept neighbour, no pair among the kept, whatever the order."""

import random

from hypothesis import given
from hypothesis import strategies as st

from synth.dedup.near import Pair
from synth.dedup.survivors import Kept, choose

ROWS = 14
PAIRS = st.dictionaries(
    st.tuples(st.integers(0, ROWS - 1), st.integers(0, ROWS - 1)).filter(lambda p: p[0] < p[1]),
    st.sampled_from([0.7, 0.8, 0.95]),
).map(lambda found: [Pair(a, b, j) for (a, b), j in found.items()])
QUALITY = st.lists(st.integers(0, 3), min_size=ROWS, max_size=ROWS)


def named(count: int) -> list[str]:
    return [f"r{place:02d}" for place in range(count)]


@given(PAIRS, QUALITY)
def test_kept_and_removed_are_as_promised(pairs: list[Pair], quality: list[int]) -> None:
    ids = named(ROWS)
    removed = choose(ids, lambda row: quality[ids.index(row)], pairs)
    alike = {frozenset((ids[p.left], ids[p.right])): p.jaccard for p in pairs}
    for row, (kept_id, jaccard) in removed.items():
        assert kept_id not in removed
        assert alike[frozenset((row, kept_id))] == jaccard
        assert (quality[ids.index(kept_id)], kept_id) < (quality[ids.index(row)], row)
    assert not any(pair.isdisjoint(removed) for pair in alike)


@given(PAIRS, QUALITY, st.randoms(use_true_random=False))
def test_order_of_rows_and_pairs_changes_nothing(
    pairs: list[Pair], quality: list[int], rng: random.Random
) -> None:
    ids = named(ROWS)
    places = rng.sample(range(ROWS), ROWS)
    moved = [ids[place] for place in places]
    new = {old: place for place, old in enumerate(places)}
    shuffled = [Pair(*sorted((new[p.left], new[p.right])), p.jaccard) for p in rng.sample(pairs, len(pairs))]

    def key(row: str) -> int:
        return quality[ids.index(row)]

    assert choose(ids, key, pairs) == choose(moved, key, shuffled)


def test_a_chain_loses_only_what_is_like_a_kept_row() -> None:
    chain = [Pair(0, 1, 0.8), Pair(1, 2, 0.8)]
    assert choose(named(3), str, chain) == {"r01": Kept("r00", 0.8)}


def test_the_most_similar_kept_row_is_named() -> None:
    assert choose(named(3), str, [Pair(0, 2, 0.7), Pair(1, 2, 0.9)]) == {"r02": Kept("r01", 0.9)}


def test_equal_rows_share_their_pairs() -> None:
    # 1 and 2 are equal, and only 1 stands in the pair with 0, as `find_pairs` lists it.
    pairs = [Pair(0, 1, 0.8), Pair(1, 2, 1.0)]
    assert choose(named(3), str, pairs) == {"r01": Kept("r00", 0.8), "r02": Kept("r00", 0.8)}
    worst_first = {"r00": 2, "r01": 1, "r02": 0}
    assert choose(named(3), worst_first.__getitem__, pairs) == {
        "r01": Kept("r02", 1.0),
        "r00": Kept("r02", 0.8),
    }


def test_rows_without_pairs_stay() -> None:
    assert choose(named(4), str, []) == {}
