"""From histories to weaknesses: the rule, and every other score of the same histories beside it.

In: the table `histories`. Out: the table `weaknesses`, in its order. The rule is the inclusive one: the
released failures of SwS hold problems of accuracy 0 throughout, and of exactly a half (SwS, weaknesses).
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from synth.config_weakness import WeaknessConfig
from synth.sws.scores import NEAR, Curves, Floats, Numbers, Trend, shared_ranks
from synth.sws.tables import HISTORIES, WEAKNESSES

Mask = npt.NDArray[np.bool_]
_KEPT = [name for name in WEAKNESSES.schema.names if name in HISTORIES.schema.names and name != "attempts"]


def weaknesses(histories: pa.Table, config: WeaknessConfig | None = None) -> pa.Table:
    """Scores of each history, and whether it is a weakness."""
    config = config or WeaknessConfig()
    histories = histories.combine_chunks()
    curves = Curves(*flat(histories))
    trend = curves.trend()
    failed, definition = failing(curves, trend, config)
    low, high = config.band
    columns = {
        "attempts": _sums(histories),
        "max_accuracy": trend.highest,
        "mean_accuracy": trend.mean,
        "last_accuracy": trend.last,
        "slope": trend.slope,
        "is_weakness": failed,
        "definition": pa.repeat(definition, len(curves)),
        "variance": (variances := curves.variances()),
        "variance_rank": shared_ranks(variances),
        "lim": pa.array(curves.lim(config.lim_visits), from_pandas=True),
        "signal": trend.last * (1 - trend.last),
        "in_band": (trend.last >= low - NEAR) & (trend.last <= high + NEAR),
        "unanimity": _lasts(histories),
    } | {name: histories[name] for name in _KEPT if name != "unanimity"}
    return pa.table({name: columns[name] for name in WEAKNESSES.schema.names}, schema=WEAKNESSES.schema)


def failing(curves: Curves, trend: Trend, config: WeaknessConfig) -> tuple[Mask, str]:
    """Which histories are weaknesses, and the rule in words."""
    several = bool((curves.lengths > 1).any())
    if config.rule == "trend" or (config.rule == "auto" and several):
        said = f"trend: max_accuracy <= {config.max_accuracy:g} and slope <= {config.max_slope:g}"
        low = trend.highest <= config.max_accuracy + NEAR
        return low & (trend.slope <= config.max_slope + NEAR), said
    said = f"rate: last_accuracy <= {config.max_pass_rate:g}"
    return trend.last <= config.max_pass_rate + NEAR, said


def visited_once(scored: pa.Table) -> str | None:
    """A sentence where weaknesses are called so by a trend that one visit cannot have."""
    if not scored.num_rows or not scored["definition"][0].as_py().startswith("trend"):
        return None
    both = pc.and_(scored["is_weakness"], pc.equal(scored["visits"], 1))
    if not (once := pc.sum(both).as_py()):
        return None
    return (
        f"Weaknesses that were visited once: {once:,}; their slope counts as 0, so the highest accuracy alone"
        " decides."
    )


def flat(histories: pa.Table) -> tuple[Floats, Numbers]:
    """All accuracies one behind the other, and where each history begins and ends."""
    column = _chunk(histories, "accuracies")
    offsets = np.asarray(column.offsets.to_numpy(), np.int64)
    values = np.asarray(column.values.to_numpy(), float)[offsets[0] : offsets[-1]]
    return values, offsets - offsets[0]


def _sums(histories: pa.Table) -> pa.Array:
    """Attempts at all visits; null where those of one are not known."""
    column = _chunk(histories, "attempts")
    each = column.flatten()
    offsets = np.append(0, np.cumsum(_lengths(column)))
    sums, gaps = (_between(values, offsets) for values in (each.fill_null(0), each.is_null()))
    unknown = np.asarray(column.is_null().to_numpy(zero_copy_only=False), bool)
    return pa.array(sums, pa.int64(), mask=unknown | (gaps > 0))


def _between(values: pa.Array, offsets: Numbers) -> Numbers:
    """The sum of the values between each two offsets; of truths, how many are true."""
    ends = np.append(0, np.cumsum(values.to_numpy(zero_copy_only=False), dtype=np.int64))
    found: Numbers = np.diff(ends[offsets])
    return found


def _lasts(histories: pa.Table) -> pa.Array:
    """The last value of each list; null where there is none."""
    column = _chunk(histories, "unanimity")
    values = np.append(column.flatten().to_numpy(zero_copy_only=False).astype(float), np.nan)
    lengths = _lengths(column)
    found = values[np.where(lengths > 0, np.cumsum(lengths) - 1, -1)]
    return pa.array(found, pa.float64(), from_pandas=True)


def _lengths(column: pa.Array) -> Numbers:
    return np.asarray(column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False), np.int64)


def _chunk(histories: pa.Table, name: str) -> pa.Array:
    column = histories[name]
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
