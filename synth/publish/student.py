"""Figures of the student's attempts: how many questions have which pass rate, and what of them.

In: the tables `difficulty`, `rejected` and `rollouts` of the stage `difficulty`; the second holds figures as
JSON, so that questions that fell count as well. Out: what stands in `stats.json` under `student`.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth.stages.difficulty import WORDS

Row = Mapping[str, Any]
COUNTED = ("attempts", "right", "wrong", "truncated", "undecided")
# Pass rates of so many attempts each have a line of their own; of more, tenths have.
MOST_STEPS, TENTHS = 16, 10
INSTRUMENT = ("student", "prompt_id", "temperature", "top_p", "max_tokens", "verifier")


def student_stats(kept: pa.Table, rejected: pa.Table, rollouts: pa.Table, attempts: int) -> dict[str, Any]:
    """Counts of questions by word and by pass rate, of attempts by outcome, and how they were made."""
    fallen = (json.loads(text) for text in rejected["row"].to_pylist())
    rows = [*kept.to_pylist(), *(row for row in fallen if "pass_rate" in row)]
    words = Counter(row["difficulty"] for row in rows)
    return {
        "attempts_each": attempts,
        "questions": len(rows),
        "words": {word: words[word] for word in WORDS if words[word]},
        "pass_rates": histogram([row["pass_rate"] for row in rows], attempts),
        "outcomes": {name: sum(row[name] for row in rows) for name in COUNTED}
        | {"unanswered": unanswered(rollouts, [row["question_id"] for row in rows])},
        "instrument": {name: _distinct(row[name] for row in rows) for name in INSTRUMENT},
    }


def unanswered(rollouts: pa.Table, question_ids: Sequence[str]) -> int:
    """Whole attempts without a final answer: they are among the wrong ones, and enter rates."""
    mine = pc.is_in(rollouts["problem_id"], pa.array(question_ids, pa.string()))
    silent = pc.and_(rollouts["answer"].is_null(), pc.invert(rollouts["truncated"]))
    count: int = rollouts.filter(pc.and_(mine, silent)).num_rows
    return count


def histogram(rates: Sequence[float | None], attempts: int) -> dict[str, int]:
    """Questions by the step that is nearest to their rate (a half goes up); `none` has no rate."""
    steps = attempts if attempts <= MOST_STEPS else TENTHS
    found = Counter("none" if rate is None else math.floor(rate * steps + 0.5) for rate in rates)
    counts = {f"{step}/{steps}": found[step] for step in range(steps + 1)}
    return {**counts, "none": found["none"]}


def _distinct(values: Iterable[Any]) -> list[Any]:
    return sorted(set(values))
