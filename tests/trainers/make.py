"""Exports for `check.py`: a small run with the fake model and rollouts of its questions, in the forms of trainers.

python -m tests.trainers.make FOLDER
"""

import json
import random
import sys
from pathlib import Path

import synth
from synth.export import Options, export
from tests import corpus

SYSTEM = "Think step by step and put the answer into \\boxed{}."


def main(folder: Path) -> None:
    """Write `sft`, `dpo` and `rl` as JSON Lines and as Parquet, in both styles, and `sharegpt`."""
    config = synth.recipe("synthllm-recommended", [str(corpus.write(folder / "documents"))], "fake")
    run = synth.run(config, name="trainers", runs=folder / "runs").folder
    rollouts = folder / "rollouts.jsonl"
    rows = synth.load(run, "dataset").to_dict("records")
    rollouts.write_text("".join(f"{json.dumps(row)}\n" for row in attempts(rows)), encoding="utf-8")
    for style in ("conversational", "standard"):
        for form in ("sft", "dpo", "rl"):
            options = Options(
                style=style, system=SYSTEM, keep=("sources",), rollouts=rollouts if form == "dpo" else None
            )
            for suffix in ("jsonl", "parquet"):
                export(run, form, folder / f"{form}-{style}.{suffix}", True, options)
    export(run, "sharegpt", folder / "sharegpt.jsonl", True)


def attempts(rows: list[dict[str, str]]) -> list[dict[str, object]]:
    """Four attempts at each question, of which some are right."""
    draw = random.Random(0)
    return [
        {
            "problem_id": row["id"],
            "problem": row["question"],
            "sample": sample,
            "response": f"{'Then ' * draw.randint(1, 9)}it is \\boxed{{{row['label'] if right else 'wrong'}}}.",
            "correct": right,
            "label": row["label"],
        }
        for row in rows
        for sample in range(4)
        for right in [draw.random() < 0.5]
    ]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
