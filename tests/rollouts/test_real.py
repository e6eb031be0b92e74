"""Rates and pairs of real solutions: four models, 1,319 problems, each solution judged by its authors."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from synth.rollouts.pairs import pairs
from synth.rollouts.rates import pass_rates
from synth.rollouts.read import read_rollouts


def test_the_verdicts_of_gsm8k_are_counted_exactly(test_data: Path, tmp_path: Path) -> None:
    file = test_data / "rollouts" / "gsm8k_model_solutions.jsonl.gz"
    if not file.exists():
        pytest.skip(f"{file} is not there")
    rows = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    right: Counter[str] = Counter()
    mixed = 0
    path = tmp_path / "rollouts.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as out:
        for row in rows:
            verdicts = [said["is_correct"] for said in row["solutions"].values()]
            mixed += min(sum(verdicts), len(verdicts) - sum(verdicts))
            for model, said in row["solutions"].items():
                right[model] += said["is_correct"]
                texts = {"problem": row["question"], "response": said["solution"]}
                out.write(
                    json.dumps({**texts, "correct": said["is_correct"], "model": model, "sample": 0}) + "\n"
                )
    found = read_rollouts(path)
    assert (found.rollouts.num_rows, found.rejected) == (5_276, [])
    rates = pass_rates(found.rollouts, by=("model",)).to_pylist()
    assert {r["model"]: (r["right"], r["attempts"]) for r in rates} == {
        m: (n, 1_319) for m, n in right.items()
    }
    assert pairs(found.rollouts, per_problem=0).num_rows == mixed
