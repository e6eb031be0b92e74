"""Ridge against refitting and least squares, ranks against scipy, and inputs that teach nothing."""

import builtins
from typing import Any

import numpy as np
import pytest
from scipy import stats

from synth.errors import ConfigError
from synth.filter import regress
from synth.filter.regress import PENALTIES, fit, loo_error, rank_correlation, ridge

RNG = np.random.default_rng(5)


def sample(rows: int = 60, columns: int = 6, noise: float = 0.5) -> tuple[Any, Any]:
    features = RNG.normal(size=(rows, columns)).astype(np.float32)
    weights = np.arange(1.0, columns + 1)
    return features, features @ weights + 3.0 + noise * RNG.normal(size=rows)


def refit(rows: Any, values: Any, penalty: float, asked: Any) -> Any:
    """Ridge as it is defined: least squares with rows added for the penalty, the intercept left free."""
    wide = np.hstack([rows, np.ones((len(rows), 1))])
    extra = np.hstack([np.sqrt(penalty) * np.eye(rows.shape[1]), np.zeros((rows.shape[1], 1))])
    solved = np.linalg.lstsq(
        np.vstack([wide, extra]), np.concatenate([values, np.zeros(rows.shape[1])]), rcond=None
    )[0]
    return np.hstack([asked, np.ones((len(asked), 1))]) @ solved


def test_leave_one_out_is_that_of_refitting() -> None:
    rows, values = sample(20, 4)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    left, scale, _ = np.linalg.svd(centred, full_matrices=False)
    for penalty in (0.01, 1.0, 30.0):
        errors = [
            values[i] - refit(np.delete(rows, i, 0), np.delete(values, i), penalty, rows[i : i + 1])[0]
            for i in range(len(rows))
        ]
        found = loo_error(left, scale, values - values.mean(), penalty)
        assert found == pytest.approx(np.mean(np.square(errors)), rel=1e-4)


@pytest.mark.parametrize("noise", [0.1, 20.0])
def test_ridge_is_the_best_of_its_penalties(noise: float) -> None:
    rows, values = sample(40, 8, noise)
    asked = RNG.normal(size=(9, 8)).astype(np.float32)

    def error(penalty: float) -> float:
        kept = [(np.delete(rows, i, 0), np.delete(values, i)) for i in range(len(rows))]
        return float(
            np.mean([(values[i] - refit(*kept[i], penalty, rows[i : i + 1])[0]) ** 2 for i in range(40)])
        )

    best = min(PENALTIES, key=error)
    assert ridge(rows, values)(asked) == pytest.approx(refit(rows, values, best, asked), rel=1e-3, abs=1e-3)


def test_without_noise_it_finds_least_squares() -> None:
    rows, values = sample(noise=0.0)
    asked = RNG.normal(size=(5, 6)).astype(np.float32)
    assert fit("ridge", rows, values, 0)(asked) == pytest.approx(refit(rows, values, 0.0, asked), abs=1e-2)


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        (np.ones((5, 3)), [1.0, 2, 3, 4, 5]),
        (np.zeros((5, 3)), [1.0, 2, 3, 4, 5]),
        (np.arange(15.0).reshape(5, 3), [3.0] * 5),
        (np.ones((1, 3)), [3.0]),
        (np.arange(6.0).reshape(2, 3), [3.0, 3.0]),
    ],
    ids=["constant rows", "zero rows", "equal values", "one row", "two rows"],
)
def test_where_nothing_can_be_learnt_the_mean_is_said(rows: Any, values: list[float]) -> None:
    predict = fit("ridge", rows.astype(np.float32), np.array(values), 0)
    assert predict(rows.astype(np.float32)) == pytest.approx([3.0] * len(rows))


def test_more_columns_than_rows_is_no_fault() -> None:
    rows, values = sample(8, 50)
    assert np.isfinite(fit("ridge", rows, values, 0)(rows)).all()


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, values = sample()
    whole = fit("ridge", rows, values, 0)(rows)
    monkeypatch.setattr(regress, "ROWS", 7)
    assert fit("ridge", rows, values, 0)(rows) == pytest.approx(whole, abs=1e-9)
    assert fit("ridge", rows, values, 0)(rows[:0]).shape == (0,)


def test_a_forest_learns_and_repeats_itself() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'synth[filter]'")
    rows, values = sample(200, 4)
    one, other = (fit("random_forest", rows, values, 3)(rows) for _ in range(2))
    assert (one == other).all()
    assert rank_correlation(one, values) > 0.9  # type: ignore[operator]
    assert (fit("random_forest", rows, values, 4)(rows) != one).any()


def test_a_forest_without_its_package_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"synth\[filter\]"):
        fit("random_forest", *sample(), 0)


def test_rank_correlation_is_that_of_scipy() -> None:
    for ties in (2, 10, 1000):
        one = RNG.integers(ties, size=50).astype(float)
        other = one + RNG.integers(ties, size=50)
        assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic)


@pytest.mark.parametrize(
    ("one", "other"), [([], []), ([1.0], [2.0]), ([1.0, 2.0], [3.0, 3.0]), ([2.0, 2.0], [1.0, 3.0])]
)
def test_without_variation_there_is_no_correlation(one: list[float], other: list[float]) -> None:
    assert rank_correlation(np.array(one), np.array(other)) is None
