"""What learns ratings from embeddings, and how well it did.

In: one row of features for each text (n x d, float32) and a rating for each. Out: predictions. Ridge is
solved in closed form; its penalty is the one with the smallest leave-one-out error, which for ridge is
exact and costs no refitting (e_i / (1 - h_ii)). Fit with labels 0 and 1, both are binary classifiers.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from synth.errors import ConfigError

Features = NDArray[np.float32]
Values = NDArray[np.float64]
Predict = Callable[[Features], Values]

PENALTIES = tuple(10.0**power for power in np.arange(-4, 4.5, 0.5))
TREES = 200
ROWS = 50_000
MISSING = (
    "filter.regressor: random_forest needs scikit-learn, which is not installed; install it with "
    "`pip install 'synth[filter]'`, or choose ridge."
)


def fault_of(regressor: str) -> str | None:
    """Why a regressor cannot be used, in one sentence, or None."""
    return MISSING if regressor == "random_forest" and find_spec("sklearn") is None else None


def fit(kind: Literal["ridge", "random_forest"], rows: Features, values: Values, seed: int) -> Predict:
    """Learn; `rows` and `values` hold at least one row, in an order that the caller keeps the same.

    Raises:
        ConfigError: the forest is wanted and scikit-learn is not installed.
    """
    predict = ridge(rows, values) if kind == "ridge" else _forest(rows, values, seed)

    def in_pieces(asked: Features) -> Values:
        pieces = [predict(asked[i : i + ROWS]) for i in range(0, len(asked), ROWS)]
        return np.concatenate(pieces) if pieces else np.zeros(0)

    return in_pieces


def ridge(rows: Features, values: Values) -> Predict:
    """Ridge regression with an intercept, which is not penalised."""
    mean, level = rows.mean(axis=0, dtype=np.float64), float(values.mean())
    left, scale, right = np.linalg.svd(rows.astype(np.float64) - mean, full_matrices=False)
    target = values - level
    penalty = min(PENALTIES, key=lambda alpha: loo_error(left, scale, target, alpha))
    weights = right.T @ (scale / (scale**2 + penalty) * (left.T @ target))
    return lambda asked: (asked.astype(np.float64) - mean) @ weights + level


def loo_error(left: Values, scale: Values, target: Values, penalty: float) -> float:
    """Mean squared error of predicting each row from all others, by the decomposition of centred rows."""
    shrink = scale**2 / (scale**2 + penalty)
    residual = target - left @ (shrink * (left.T @ target))
    lever = 1.0 / len(target) + (left**2) @ shrink
    free = np.maximum(1.0 - lever, 1e-9)  # a single row determines its own fit
    return float(np.mean((residual / free) ** 2))


def _forest(rows: Features, values: Values, seed: int) -> Predict:
    try:
        from sklearn.ensemble import RandomForestRegressor
    except ImportError as fault:
        raise ConfigError(MISSING) from fault
    forest: Any = RandomForestRegressor(n_estimators=TREES, random_state=seed % 2**32, max_features="sqrt")
    forest.fit(rows, values)
    return lambda asked: np.asarray(forest.predict(asked), np.float64)


def rank_correlation(one: Values, other: Values) -> float | None:
    """Spearman's; None where one of them does not vary, or there are fewer than two pairs."""
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return float(np.corrcoef(_ranks(one), _ranks(other))[0, 1])


def _ranks(values: Values) -> Values:
    """Ranks from 1; equal values share the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[place]
