"""Preference pairs: a right response and a wrong one to the same problem (RECIPES 1 and 5).

In: rollouts. Out: one row a pair. Each response stands in one pair at most. Partners are drawn by the seed,
or are those of the nearest length, so that the trainer does not learn length instead.
"""

from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal

import numpy as np
import pyarrow as pa

from synth.ids import content_id, stream
from synth.rollouts.groups import Groups, Kinds, Numbers, lengths, take
from synth.rollouts.tables import PAIRS, schema_of

Match = Literal["length", "seeded"]
Pair = tuple[int, int]


def pairs(
    rollouts: pa.Table, *, per_problem: int = 1, match: Match = "length",
    truncated: bool = False, seed: int = 0,
) -> pa.Table:  # fmt: skip
    """At most `per_problem` pairs of each problem (0: as many as can be), in the order of problem and pair.

    With `truncated`, a response that was cut short before a right answer may be the rejected one.
    """
    groups, kinds = Groups(rollouts), Kinds(rollouts)
    bad = kinds.wrong | kinds.cut_short if truncated else kinds.wrong
    measure = lengths(rollouts)
    found: list[Pair] = []
    problems = groups.firsts("problem_id").to_pylist()
    for problem, good, others in zip(problems, groups.split(kinds.right), groups.split(bad), strict=True):
        count = min(len(good), len(others), per_problem or len(good))
        if count:
            found += _of_problem(good, others, count, match, measure, seed, problem)
    return _table(rollouts, found, measure)


def _of_problem(
    good: Numbers, bad: Numbers, count: int, match: Match, measure: Numbers, seed: int, problem_id: str
) -> Iterator[Pair]:
    random = stream(seed, "pairs", problem_id)
    chosen = random.sample(good.tolist(), count)
    if match == "seeded":
        return zip(chosen, random.sample(bad.tolist(), count), strict=True)
    return _nearest(chosen, bad, measure)


def _nearest(chosen: list[int], bad: Numbers, measure: Numbers) -> Iterator[Pair]:
    """Each right response with the nearest wrong one that is left; of two, the shorter and first."""
    left = bad[np.argsort(measure[bad], kind="stable")].tolist()
    sizes = measure[left].tolist()
    for row in chosen:
        size = int(measure[row])
        at = bisect_left(sizes, size)
        if at == len(sizes) or (at and size - sizes[at - 1] <= sizes[at] - size):
            at = bisect_left(sizes, sizes[at - 1])
        yield row, left.pop(at)
        sizes.pop(at)


def _table(rollouts: pa.Table, found: list[Pair], measure: Numbers) -> pa.Table:
    ids = [take(rollouts.select(["rollout_id"]), side)["rollout_id"].to_pylist() for side in _sides(found)]
    named = [content_id("pair", *pair) for pair in zip(*ids, strict=True)]
    # Pairs come problem by problem; inside one, their order is that of their ids.
    problems = take(rollouts.select(["problem_id"]), _sides(found)[0])["problem_id"].to_pylist()
    order = sorted(range(len(found)), key=lambda place: (problems[place], named[place]))
    good, bad = _sides([found[place] for place in order])
    chosen, rejected = take(rollouts, good), take(rollouts, bad)
    columns = {
        "pair_id": pa.array([named[place] for place in order], pa.string()),
        "problem_id": chosen["problem_id"],
        "problem": chosen["problem"],
        "chosen": chosen["response"],
        "rejected": rejected["response"],
        "chosen_id": chosen["rollout_id"],
        "rejected_id": rejected["rollout_id"],
        "chosen_length": pa.array(measure[good]),
        "rejected_length": pa.array(measure[bad]),
        "chosen_model": chosen["model"],
        "rejected_model": rejected["model"],
    }
    return pa.table(columns, schema=schema_of(PAIRS))


def _sides(found: list[Pair]) -> tuple[list[int], list[int]]:
    return [good for good, _ in found], [bad for _, bad in found]
