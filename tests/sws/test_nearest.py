"""The nearest of a pool by category, held to a plain reference."""

from collections import Counter

import numpy as np
import pytest

from synth.graph.pool import Vectors
from synth.sws.nearest import BLOCK, Choice, choose, distances


def unit(*rows: tuple[float, ...]) -> Vectors:
    found = np.array(rows, np.float64)
    made: Vectors = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return made


def drawn(seed: int, rows: int) -> Vectors:
    return unit(*map(tuple, np.random.default_rng(seed).normal(size=(rows, 8))))


def plain(
    pool: Vectors, failed: Vectors, names: list[str], budgets: dict[str, int]
) -> list[tuple[int, str, int]]:
    """Pair by pair, the nearest first, as one would by hand."""
    pairs = sorted(
        (round(1 - round(float(pool[i].astype(float) @ failed[j].astype(float)), 6), 6), i, names[j], j)
        for i in range(len(pool))
        for j in range(len(failed))
    )
    left, found = dict(budgets), {}
    for _, i, name, j in pairs:
        if i not in found and left[name]:
            found[i] = (i, name, j)
            left[name] -= 1
    return [found[i] for i in sorted(found)]


@pytest.mark.parametrize("budgets", [{"a": 9, "b": 4}, {"a": 1, "b": 0}, {"a": 200, "b": 200}])
def test_it_is_the_plain_reference(budgets: dict[str, int]) -> None:
    pool, failed, names = drawn(1, 60), drawn(2, 7), list("abababa")
    found = choose(pool, failed, names, budgets)
    assert [(one.place, one.category, one.failed) for one in found] == plain(pool, failed, names, budgets)
    assert max(Counter(one.place for one in found).values()) == 1


def test_what_is_near_two_categories_goes_to_the_nearer_one_and_the_other_takes_its_next() -> None:
    failed = unit((1, 0, 0), (0.9, 0.5, 0))
    pool = unit((1, 0.1, 0), (0.2, 1, 0), (0, 0, 1))
    found = choose(pool, failed, ["a", "b"], {"a": 1, "b": 1})
    assert [(one.place, one.category) for one in found] == [(0, "a"), (1, "b")]


def test_a_category_without_failures_or_budget_gets_nothing() -> None:
    pool = drawn(3, 5)
    assert choose(pool, pool, ["a"] * 5, {"a": 0, "b": 3}) == []
    assert choose(pool[:0], pool, ["a"] * 5, {"a": 3}) == []


def test_of_equals_the_first_counts() -> None:
    one = unit((1, 0), (1, 0))
    assert choose(one, one, ["b", "a"], {"a": 1, "b": 1}) == [Choice(0, "a", 1, 0.0), Choice(1, "b", 0, 0.0)]


def test_blocks_do_not_show() -> None:
    pool, failed = drawn(4, BLOCK + 50), drawn(5, 30)
    far, which = distances(pool, failed)
    tail, of_tail = distances(pool[BLOCK - 7 :], failed)
    assert far[BLOCK - 7 :].tolist() == tail.tolist()
    assert which[BLOCK - 7 :].tolist() == of_tail.tolist()
