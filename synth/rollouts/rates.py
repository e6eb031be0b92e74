"""How hard a problem is for a student: pass rate, its interval, and the band of problems worth training on.

In: rollouts. Out: one row a problem and model. Truncated responses are not wrong and undecided ones neither:
both are counted apart and enter no rate (SwS, difficulty).
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from synth.rollouts.groups import Floats, Groups, Kinds, Numbers, lengths
from synth.rollouts.tables import DIFFICULTY, FIGURES, schema_of

# 95 of 100.
Z = 1.959963984540054
DIFFICULTIES: dict[str, str] = {
    "in_band": "the pass rate lies in the band",
    "too_easy": "the pass rate lies above the band",
    "too_hard": "solved at times, but more seldom than the band asks for",
    "hard": "never solved, and the solver's answers agree",
    "suspect": "never solved, and the solver's answers do not agree: the label may be wrong",
    "unsolved": "never solved, and nothing is known of the solver's answers",
    "undecided": "no attempt was decided",
}


def wilson(right: Numbers, decided: Numbers, z: float = Z) -> tuple[Floats, Floats]:
    """Both ends of the Wilson interval of each share; not a number where nothing was decided."""
    n = np.where(decided > 0, decided, np.nan).astype(float)
    p = right / n
    middle = p + z * z / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # Rounding must not move an end that is exact, nor push the share itself outside.
    low = np.where(right == 0, p, np.clip((middle - reach) / scale, 0, p))
    high = np.where(right == decided, p, np.clip((middle + reach) / scale, p, 1))
    return low, high


def pass_rates(rollouts: pa.Table, *, z: float = Z, by: Sequence[str] = ("problem_id", "model")) -> pa.Table:
    """One row a group of rollouts, by default a problem and a model, in the order of `by`."""
    groups, kinds = Groups(rollouts, by), Kinds(rollouts)
    right, wrong, cut, undecided = (
        groups.sums(mask.astype(np.int64))
        for mask in (kinds.right, kinds.wrong, kinds.truncated, kinds.undecided)
    )
    decided = right + wrong
    rate = right / np.where(decided > 0, decided, np.nan)
    figures = [groups.sizes, right, wrong, cut, undecided, rate, *wilson(right, decided, z)]
    figures += _spread(groups, lengths(rollouts))
    made = [pa.array(values, c.type, from_pandas=True) for values, c in zip(figures, FIGURES, strict=True)]
    heads = [rollouts.schema.field(name) for name in by]
    return pa.table(
        [*(groups.firsts(name) for name in by), *made], schema=pa.schema([*heads, *schema_of(FIGURES)])
    )


def difficulty(
    rates: pa.Table, *, low: float = 0.25, high: float = 0.75,
    agreement: pa.Table | None = None, min_agreement: float = 0.5,
) -> pa.Table:  # fmt: skip
    """The rates with a word for each (`DIFFICULTIES`) and whether it is kept: both ends belong to the band.

    `agreement` has `problem_id` and `agreement`, the share of the solver's answers that agree with the label.
    """
    rate = rates["pass_rate"].to_numpy().astype(float)
    agreed = _agreement(rates, agreement)
    never = rate == 0
    cases = {
        "undecided": np.isnan(rate),
        "in_band": (rate >= low) & (rate <= high),
        "too_easy": rate > high,
        "hard": never & (agreed >= min_agreement),
        "suspect": never & (agreed < min_agreement),
        "unsolved": never,
    }
    words = np.select(list(cases.values()), list(cases), "too_hard")
    columns = [pa.array(agreed, pa.float64(), from_pandas=True), pa.array(words.astype(object), pa.string())]
    columns.append(pa.array(words == "in_band"))
    for column, values in zip(DIFFICULTY, columns, strict=True):
        rates = rates.append_column(column.field, values)
    return rates


def _agreement(rates: pa.Table, agreement: pa.Table | None) -> Floats:
    if agreement is None:
        return np.full(rates.num_rows, np.nan)
    known = dict(zip(*(agreement[name].to_pylist() for name in ("problem_id", "agreement")), strict=True))
    found = (known.get(problem) for problem in rates["problem_id"].to_pylist())
    return np.array([np.nan if share is None else share for share in found], float)


def _spread(groups: Groups, lengths: Numbers) -> list[Floats]:
    """Mean and coefficient of variation of each group, which is the whole population here."""
    mean = groups.sums(lengths) / groups.sizes
    # The mean of a group stands beside each of its rows, in the order of the table.
    away = np.empty(len(lengths))
    away[groups.order] = lengths[groups.order] - np.repeat(mean, groups.sizes)
    spread = np.sqrt(groups.sums(away * away) / groups.sizes)
    return [mean, spread / np.where(mean > 0, mean, np.nan)]
