"""Prompts for reinforcement learning, by the filters of Phi-4-Mini-Reasoning (RECIPES 1).

In: the rollouts of one student. Out: the problems to keep, those dropped with the reason of each, and the
rollouts of kept problems with as many wrong ones as right ones. The cap of a half on ease is the paper's; it
gives no number for the spread of lengths, so the one here is ours.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth.ids import stream
from synth.rollouts.groups import Groups, Kinds, Numbers, of_one_model, take
from synth.rollouts.rates import Z, pass_rates
from synth.rollouts.tables import PROMPTS, schema_of

# In the order in which they are asked: the first that holds is the reason.
DROPPED: dict[str, str] = {
    "undecided": "no attempt was decided",
    "never_right": "no attempt was right, so there is nothing to reinforce",
    "too_easy": "right more often than the cap on ease allows (--max-pass-rate)",
    "uneven_length": "the lengths of its responses differ more than is allowed (--max-length-cv)",
}


class Prompts(NamedTuple):
    """Problems kept and dropped (columns `tables.PROMPTS`), and the rebalanced rollouts of those kept."""

    kept: pa.Table
    dropped: pa.Table
    rollouts: pa.Table


def prompts(
    rollouts: pa.Table, *, max_pass_rate: float = 0.5, max_length_cv: float = 0.5,
    model: str | None = None, z: float = Z, seed: int = 0,
) -> Prompts:  # fmt: skip
    """Problems that a student sometimes solves, not too often, in responses of about the same length.

    Raises:
        ConfigError: the rollouts are of several models and none was named.
    """
    rollouts = of_one_model(rollouts, model)
    rates = pass_rates(rollouts, z=z)
    groups = Groups(rollouts, ("problem_id", "model"))
    held = _reasons(rates, max_pass_rate, max_length_cv)
    for name in ("problem", "label"):
        rates = rates.append_column(name, groups.firsts(name))
    rates = rates.append_column("reason", held).select([column.name for column in PROMPTS])
    rates = rates.cast(schema_of(PROMPTS))
    kept = held.is_null()
    ids = rates.filter(kept)["problem_id"]
    of_kept = rollouts.filter(pc.is_in(rollouts["problem_id"], ids.combine_chunks()))
    return Prompts(rates.filter(kept), rates.filter(held.is_valid()), rebalanced(of_kept, seed=seed))


def rebalanced(rollouts: pa.Table, *, seed: int = 0) -> pa.Table:
    """As many wrong responses as right ones of each problem: all right ones, and as many wrong ones drawn.

    Where the wrong ones are fewer, the right ones are drawn instead; a problem without either has no row.
    """
    groups, kinds = Groups(rollouts), Kinds(rollouts)
    kept: list[int] = []
    problems = groups.firsts("problem_id").to_pylist()
    for problem, right, wrong in zip(
        problems, groups.split(kinds.right), groups.split(kinds.wrong), strict=True
    ):
        random = stream(seed, "rebalance", problem)
        count = min(len(right), len(wrong))
        for rows in (right, wrong):
            kept += rows.tolist() if len(rows) == count else random.sample(rows.tolist(), count)
    mask = np.zeros(rollouts.num_rows, bool)
    mask[kept] = True
    ordered: Numbers = groups.order[mask[groups.order]]
    return take(rollouts, ordered)


def _reasons(rates: pa.Table, max_pass_rate: float, max_length_cv: float) -> pa.Array:
    rate, spread = (rates[name].to_numpy().astype(float) for name in ("pass_rate", "length_cv"))
    holds = (np.isnan(rate), rate == 0, rate > max_pass_rate, spread > max_length_cv)
    words = np.select(list(holds), [np.array(word, object) for word in DROPPED], np.array(None, object))
    return pa.array(words, pa.string())
