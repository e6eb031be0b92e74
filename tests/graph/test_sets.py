from collections import Counter
from itertools import combinations
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from synth.graph.sets import SIZES, draw_sets, how_many

listings = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from("stu"), max_size=8)


def every_set(topic_of: dict[str, str]) -> set[tuple[str, ...]]:
    several = len(set(topic_of.values())) > 1
    return {
        chosen
        for size in SIZES
        for chosen in combinations(sorted(topic_of), size)
        if not several or len({topic_of[c] for c in chosen}) > 1
    }


@settings(deadline=None)
@given(listings, st.integers(1, 100), st.integers(0, 1000))
def test_sets_are_distinct_valid_and_as_many_as_there_can_be(
    topic_of: dict[str, str], count: int, seed: int
) -> None:
    valid = every_set(topic_of)
    drawn = draw_sets(Random(seed), topic_of, count)
    assert len(set(drawn)) == len(drawn) == min(count, len(valid))
    assert set(drawn) <= valid
    assert sum(how_many(topic_of, size) for size in SIZES) == len(valid)


def test_sizes_are_even_and_so_are_the_sets_of_a_size() -> None:
    topic_of = {"a": "s", "b": "s", "c": "t", "d": "t", "e": "t"}
    found = Counter(draw_sets(Random(seed), topic_of, 1)[0] for seed in range(6_000))
    assert found.keys() == every_set(topic_of)
    by_size = [[n for chosen, n in found.items() if len(chosen) == size] for size in SIZES]
    assert stats.chisquare([sum(counts) for counts in by_size]).pvalue > 1e-5
    assert all(stats.chisquare(counts).pvalue > 1e-5 for counts in by_size)


def test_the_order_of_the_listing_does_not_matter() -> None:
    topic_of = {"a": "s", "b": "t", "c": "t"}
    turned = dict(reversed(topic_of.items()))
    assert draw_sets(Random(3), topic_of, 2) == draw_sets(Random(3), turned, 2)
