from itertools import combinations
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import synth.graph.capacity as capacity
from synth.graph.capacity import Capacity, supports
from synth.graph.pool import units_of
from tests.graph.weak_corpus import problems


def units(lists):  # type: ignore[no-untyped-def]
    return units_of({f"u{place}": list(listed) for place, listed in enumerate(lists)})


def by_hand(lists: list[list[str]], size: int, most: int) -> int:
    names = sorted({name for listed in lists for name in listed})
    return sum(
        all(len(set(chosen) & set(listed)) <= (most or size) for listed in lists)
        for chosen in combinations(names, size)
    )


@settings(deadline=None)
@given(problems(), st.integers(1, 5), st.integers(0, 4))
def test_small_pools_are_counted(lists: list[list[str]], size: int, most: int) -> None:
    assert supports(units(lists), size, most).sets == by_hand(lists, size, most)


def disjoint(problems: int, each: int = 5) -> list[list[str]]:
    return [[f"c{problem:03d}{place}" for place in range(each)] for problem in range(problems)]


def test_eight_problems_do_not_bear_what_the_paper_asked_of_them() -> None:
    found = supports(units(disjoint(8)), 5)
    assert found == Capacity(40, comb(40, 5), 988)
    assert found.supports == 988 < 56_404


def test_sets_that_share_no_three_are_never_more_than_the_spread() -> None:
    """Taken greedily, in two orders: the bound holds, and is not far."""
    bound = supports(units(disjoint(3)), 5).spread
    for sets in (combinations(range(15), 5), reversed(list(combinations(range(15), 5)))):
        used: set[tuple[int, ...]] = set()
        kept = 0
        for one in sets:
            threes = set(combinations(one, 3))
            if not threes & used:
                used |= threes
                kept += 1
        assert bound / 4 < kept <= bound


def test_an_estimate_falls_short_of_the_true_number_and_is_near(monkeypatch: pytest.MonkeyPatch) -> None:
    lists = disjoint(4) + [["c0000", "c0010", "c0020", "c0030"]] * 3
    true = supports(units(lists), 5, 3).sets
    monkeypatch.setattr(capacity, "COUNTED", 0)
    guessed = supports(units(lists), 5, 3).sets
    assert 0.9 * true < guessed < true == by_hand(lists, 5, 3) < comb(20, 5)


def test_a_limit_that_no_problem_reaches_costs_nothing() -> None:
    assert supports(units(disjoint(1000, 3)), 5, 3).sets == comb(3000, 5)


@pytest.mark.parametrize(
    ("lists", "size", "most", "wanted"),
    [([], 5, 3, 0), (["abc"], 5, 3, 0), (["abcde"], 5, 3, 0), (["abcde"], 5, 0, 1), (["ab", "cd"], 2, 1, 4)],
    ids=["empty", "too few", "one problem", "one problem, no limit", "across two"],
)
def test_small_cases(lists: list[str], size: int, most: int, wanted: int) -> None:
    assert supports(units(lists), size, most).supports == wanted
