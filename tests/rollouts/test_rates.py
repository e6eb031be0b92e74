"""Pass rates, intervals and the band: counts are exact, and nothing that is no verdict enters a rate."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from synth.errors import ConfigError
from synth.rollouts.groups import of_one_model
from synth.rollouts.rates import DIFFICULTIES, Z, difficulty, pass_rates, wilson
from tests.rollouts.tables import KINDS, of, row, table, tables


@settings(deadline=None)
@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_scipys(counts: tuple[int, int]) -> None:
    right, n = counts
    low, high = wilson(np.array([right]), np.array([n]))
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert (low[0], high[0]) == (
        pytest.approx(expected.low, abs=1e-12),
        pytest.approx(expected.high, abs=1e-12),
    )
    assert 0 <= low[0] <= right / n <= high[0] <= 1


@settings(deadline=None)
@given(st.integers(1, 60), st.floats(0.1, 4))
def test_the_ends_solve_the_equation_that_defines_them(n: int, z: float) -> None:
    """Where the true share were an end, the one seen would be z standard errors away."""
    right = np.arange(n + 1)
    for end in wilson(right, np.full(n + 1, n), z):
        assert (right / n - end) ** 2 * n == pytest.approx(z * z * end * (1 - end), abs=1e-9)


def test_two_of_eight_is_seven_to_fifty_nine_of_a_hundred() -> None:
    rates = pass_rates(table("rrwwwwww")).to_pylist()[0]
    assert (rates["pass_rate"], round(rates["pass_low"], 2), round(rates["pass_high"], 2)) == (
        0.25,
        0.07,
        0.59,
    )


def test_what_is_truncated_or_undecided_enters_no_rate() -> None:
    rates = pass_rates(table("rwwTtu?", "tt?")).to_pylist()
    counts = ("attempts", "right", "wrong", "truncated", "undecided", "pass_rate")
    assert [tuple(r[name] for name in counts) for r in rates] == [
        (7, 1, 2, 3, 1, 1 / 3),
        (3, 0, 0, 2, 1, None),
    ]
    assert rates[1]["pass_low"] is None


@settings(deadline=None)
@given(tables())
def test_counts_are_exact_in_any_order(rollouts: pa.Table) -> None:
    counted: dict[str, Counter[str]] = {}
    for r in rollouts.to_pylist():
        kind = r["response"][-1]
        counted.setdefault(r["problem_id"], Counter())[kind] += 1
    rates = pass_rates(rollouts).to_pylist()
    assert [r["problem_id"] for r in rates] == sorted(counted)
    for r in rates:
        kinds = counted[r["problem_id"]]
        assert r["attempts"] == kinds.total()
        assert (r["right"], r["wrong"], r["undecided"]) == (kinds["r"], kinds["w"], kinds["?"])
        assert r["truncated"] == sum(kinds[k] for k, (_, cut) in KINDS.items() if cut)
        decided = kinds["r"] + kinds["w"]
        assert r["pass_rate"] == (float(Fraction(kinds["r"], decided)) if decided else None)


def test_rates_of_each_visit() -> None:
    rows = [row("a", 0, "w"), row("a", 1, "w"), row("a", 0, "r", visit=1), row("a", 1, "w", visit=1)]
    rates = pass_rates(of(rows), by=("problem_id", "visit")).to_pylist()
    assert [(r["visit"], r["pass_rate"]) for r in rates] == [(0, 0.0), (1, 0.5)]


def test_the_spread_of_lengths() -> None:
    rows = [row("a", 0, "r", tokens=10), row("a", 1, "w", tokens=30), row("b", 0, "r", tokens=7)]
    rates = pass_rates(of(rows)).to_pylist()
    assert [(r["length_mean"], r["length_cv"]) for r in rates] == [(20.0, 0.5), (7.0, 0.0)]


def test_lengths_are_characters_where_tokens_are_not_known() -> None:
    rows = [row("a", 0, "r", tokens=10, response="abcd"), row("a", 1, "w", tokens=None, response="ab")]
    assert pass_rates(of(rows)).to_pylist()[0]["length_mean"] == 3.0


def test_two_to_six_of_eight_are_kept() -> None:
    rates = pass_rates(table(*("r" * n + "w" * (8 - n) for n in range(9))))
    assert difficulty(rates)["kept"].to_pylist() == [2 <= n <= 6 for n in range(9)]


@pytest.mark.parametrize(("n", "of_n", "end"), [(1, 10, 0.1), (3, 10, 0.3), (7, 10, 0.7), (1, 3, 1 / 3)])
def test_both_ends_belong_to_the_band(n: int, of_n: int, end: float) -> None:
    rates = pass_rates(table("r" * n + "w" * (of_n - n)))
    assert difficulty(rates, low=end, high=1)["kept"].to_pylist() == [True]
    assert difficulty(rates, low=0, high=end)["kept"].to_pylist() == [True]


def test_hard_is_told_from_suspect_by_what_the_solver_agreed_on() -> None:
    rates = pass_rates(table("ww", "ww", "ww", "tt", "rwwwwwww", "rrrr", "rw"))
    agreement = pa.table({"problem_id": ["a", "b", "d"], "agreement": [0.5, 0.4, 1.0]})
    found = difficulty(rates, agreement=agreement)
    words = ["hard", "suspect", "unsolved", "undecided", "too_hard", "too_easy", "in_band"]
    assert found["difficulty"].to_pylist() == words
    assert set(words) == set(DIFFICULTIES)
    assert found["agreement"].to_pylist() == [0.5, 0.4, None, 1.0, None, None, None]
    stricter = difficulty(rates, agreement=agreement, min_agreement=0.6)
    assert stricter["difficulty"].to_pylist()[:2] == ["suspect", "suspect"]


def test_one_student_at_a_time() -> None:
    rows = of([row("a", 0, "r", model="m1"), row("a", 0, "w", model="m2")])
    assert [r["pass_rate"] for r in pass_rates(rows).to_pylist()] == [1.0, 0.0]
    with pytest.raises(ConfigError, match="several models"):
        of_one_model(rows)
    with pytest.raises(ConfigError, match="no rollout of the model 'm3'"):
        of_one_model(rows, "m3")
    assert of_one_model(rows, "m2")["correct"].to_pylist() == [False]


def test_nothing_gives_nothing() -> None:
    assert difficulty(pass_rates(of([]))).num_rows == 0
    assert pytest.approx(1.96, abs=1e-3) == Z
