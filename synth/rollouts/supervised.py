"""Right responses as rows for supervised training: all of them, or a few of each problem by a rule.

In: rollouts. Out: the rollouts that are kept, in the order of their identity. A truncated response is never
kept: who learns from it learns to stop in the middle.
"""

from typing import Literal

import numpy as np
import pyarrow as pa

from synth.ids import stream
from synth.rollouts.groups import Groups, Kinds, Numbers, lengths, take

Choice = Literal["shortest", "seeded"]


def supervised(
    rollouts: pa.Table, *, per_problem: int = 0, choose: Choice = "seeded", seed: int = 0
) -> pa.Table:
    """Right responses, at most `per_problem` of each problem where that is not 0."""
    groups = Groups(rollouts)
    right = list(groups.split(Kinds(rollouts).right))
    if per_problem and choose == "shortest":
        measure = lengths(rollouts)
        right = [rows[np.argsort(measure[rows], kind="stable")[:per_problem]] for rows in right]
    elif per_problem:
        problems = groups.firsts("problem_id").to_pylist()
        right = [
            _drawn(rows, per_problem, seed, problem) for rows, problem in zip(right, problems, strict=True)
        ]
    kept = np.zeros(rollouts.num_rows, bool)
    kept[np.concatenate(right) if right else []] = True
    return take(rollouts, groups.order[kept[groups.order]])


def _drawn(rows: Numbers, most: int, seed: int, problem_id: str) -> Numbers:
    if len(rows) <= most:
        return rows
    return rows[stream(seed, "supervised", problem_id).sample(range(len(rows)), most)]
