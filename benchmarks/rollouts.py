"""Rollouts: what it costs to read a table of them, and to make rates, rows, pairs and prompts of it."""

import json
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq

from benchmarks.measure import Figure, interleaved
from synth.rollouts.pairs import pairs
from synth.rollouts.prompts import prompts
from synth.rollouts.rates import difficulty, pass_rates
from synth.rollouts.read import read_rollouts
from synth.rollouts.supervised import supervised

ROWS = 200_000
EACH = 8


def write(path: Path) -> None:
    """Eight attempts at each problem, in no order, with responses of about 300 characters."""
    rng = Random(0)
    places = list(range(ROWS))
    rng.shuffle(places)
    with path.open("w") as file:
        for place in places:
            row = {
                "problem_id": f"q_{place // EACH:024x}", "problem": f"What is {place // EACH} + 1?",
                "sample": place % EACH, "response": f"{place} " + "so " * rng.randint(50, 150),
                "correct": rng.random() < 0.4, "truncated": rng.random() < 0.1,
                "tokens": rng.randint(100, 2_000), "model": "student",
            }  # fmt: skip
            file.write(json.dumps(row) + "\n")


def figures() -> list[Figure]:
    """CPU for each rollout."""
    with TemporaryDirectory() as folder:
        lines, table = Path(folder) / "r.jsonl", Path(folder) / "r.parquet"
        write(lines)
        rollouts = read_rollouts(lines).rollouts
        pq.write_table(rollouts, table)
        what = {
            "read, JSON Lines": lambda: read_rollouts(lines),
            "read, Parquet": lambda: read_rollouts(table),
            "pass rates and difficulty": lambda: difficulty(pass_rates(rollouts)),
            "right responses, one a problem": lambda: supervised(rollouts, per_problem=1),
            "pairs, one a problem": lambda: pairs(rollouts),
            "prompts, rebalanced": lambda: prompts(rollouts, max_length_cv=0.8),
        }
        return [figure for name, do in what.items() for figure in interleaved(name, ROWS, {name: do})]
