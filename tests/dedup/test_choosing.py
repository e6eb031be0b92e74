"""Which rows stay: every removal proved, nothing alike left, whatever the order, the kernel or the shards."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.dedup.choosing import Chosen, Rules, Twins, choose_rows, similarity
from synth.dedup.measuring import Measured, Scheme
from synth.dedup.plan import Plan
from synth.dedup.shards import take
from tests.dedup.made import (
    SCHEME,
    edited,
    exact_pairs,
    in_order,
    measured,
    needs_kernel,
    same,
    without_kernel,
)

ALIKE = Rules(0.7, "alike")


def chosen(texts: list[str], rules: Rules = ALIKE) -> tuple[Measured, Chosen]:
    found = measured(texts)
    return found, choose_rows(found, in_order(found), rules)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 0.7, 0.9]))
def test_every_removal_is_proved_by_a_row_that_stays(seed: int, threshold: float) -> None:
    found, fate = chosen(edited(seed, count=60, length=20), Rules(threshold, "alike"))
    for row, other in enumerate(fate.dup_of.tolist()):
        if other >= 0:
            assert fate.dup_of[other] == -1
            assert other < row
            assert fate.jaccard[row] == similarity(found.shingles(row), found.shingles(other)) >= threshold
        else:
            assert fate.jaccard[row] == 0


def test_pairs_are_seen_as_the_exact_join_has_them() -> None:
    found, fate = chosen(edited(seed=3, count=600))
    truth = exact_pairs(found, 0.7)
    seen = sum(bool((found.keys[a] == found.keys[b]).any()) for a, b in truth)
    assert len(truth) > 500
    assert seen >= 0.995 * len(truth)
    left = [pair for pair in truth if all(fate.dup_of[row] < 0 for row in pair)]
    assert len(left) <= 0.002 * len(truth)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(seed: int, rng: random.Random) -> None:
    texts = list(dict.fromkeys(edited(seed, count=40, length=15)))
    places = rng.sample(range(len(texts)), len(texts))
    _, straight = chosen(texts)
    moved = measured([texts[place] for place in places])
    # The same rows are preferred, wherever they stand.
    mixed = choose_rows(moved, np.argsort(places), ALIKE)
    assert {places[a]: places[b] for a, b in enumerate(mixed.dup_of.tolist()) if b >= 0} == {
        a: b for a, b in enumerate(straight.dup_of.tolist()) if b >= 0
    }


@needs_kernel
@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 1_000), st.sampled_from(["keep", "alike", "remove"]), st.integers(2, 30), st.integers(1, 3)
)
def test_the_kernel_chooses_as_python_does(seed: int, twins: Twins, crowded: int, leaders: int) -> None:
    texts = [text.replace("wa", str(seed % 7)) for text in edited(seed, count=80, length=12)] + ["", "one"]
    rules = Rules(0.6, twins, crowded, leaders)
    found = measured(texts)
    order = in_order(found)[::-1].copy()[: 75 + seed % 8]
    with without_kernel():
        slow = choose_rows(found, order, rules)
    assert same(choose_rows(found, order, rules), slow)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 1_000),
    st.integers(1, 40),
    st.sampled_from(["keep", "alike", "remove"]),
    st.integers(2, 30),
)
def test_shards_change_nothing(tmp_path_factory: pytest.TempPathFactory, seed: int, most: int, twins: Twins, crowded: int) -> None:  # fmt: skip
    texts = [text.replace("wa", str(seed % 7)) for text in edited(seed, count=80, length=12)] + [""]
    rules = Rules(0.6, twins, crowded, 2)
    found = measured(texts)
    order = np.random.default_rng(seed).permutation(len(texts))[:70]
    plan = Plan(SCHEME, tmp_path_factory.mktemp("scratch"), 0, most)
    for start in range(0, len(texts), 9):
        plan.add(take(found, np.arange(start, min(start + 9, len(texts)))))
    assert same(plan.choose(order, rules), choose_rows(found, order, rules))


def test_a_chain_loses_only_what_is_like_a_row_that_stays() -> None:
    words = [f"w{i}" for i in range(60)]
    chain = [" ".join(words[shift : shift + 40]) for shift in (0, 5, 10)]
    _, fate = chosen(chain)
    assert fate.dup_of.tolist() == [-1, 0, -1]


def test_rows_without_a_token_stay_and_short_ones_go_only_for_equal_ones() -> None:
    _, fate = chosen(
        ["", "", "!", "one", "One.", "two words", "two other", "What is 3 + 5?", "What is 3 - 5?"]
    )
    assert fate.dup_of.tolist() == [-1, -1, -1, -1, 3, -1, -1, -1, -1]


STEM = "A train leaves the station at noon and drives to the next town with a speed that never changes, then "


def test_twins_stay_unless_they_are_asked_to_go() -> None:
    twins = [f"{STEM}waits {n} minutes" for n in (5, 7, 7.5)] + [
        f"{STEM}waits some more minutes",
        "x 1",
        "x 2",
    ]
    by_rule = {rule: chosen(twins, Rules(0.7, rule))[1] for rule in ("keep", "alike", "remove")}
    assert by_rule["keep"].dup_of.tolist() == [-1, -1, -1, 0, -1, -1]
    assert by_rule["alike"].dup_of.tolist() == [-1, 0, 0, 0, -1, -1]
    assert by_rule["remove"].dup_of.tolist() == [-1, 0, 0, 0, -1, 4]
    assert by_rule["remove"].jaccard[5] == 0


@needs_kernel
def test_many_equal_rows_cost_one_comparison_each() -> None:
    found = measured([STEM] * 50_000)
    fate = choose_rows(found, in_order(found), Rules())
    assert (fate.dup_of[1:] == 0).all()
    assert fate.compared == 49_999


@needs_kernel
def test_rows_that_share_a_passage_and_are_not_alike_cost_a_bounded_number_of_comparisons() -> None:
    rng = random.Random(1)
    own = [" ".join(f"v{rng.randrange(10**6)}" for _ in range(5)) for _ in range(6_000)]
    found = measured([STEM + text for text in own], Scheme(3, 128, 25, 5))
    fate = choose_rows(found, in_order(found), Rules(crowded=200, leaders=16))
    assert fate.crowded > 0
    assert fate.left_out > 0
    assert fate.compared < 16 * 25 * len(own)
    assert (fate.dup_of == -1).all()
