"""Figures of answering: how often several responses to one question agreed, also to questions that fell.

In: the tables `answers` and `candidates` of the stage `answers`. Out: what stands in `stats.json` under
`answering`; None where each question has one response.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

Row = Mapping[str, Any]
# Least share of each bin; questions without any answer have one of their own.
NONE = "none"
BINS = {"below 25 %": 0.0, "25 % to 50 %": 0.25, "50 % to 75 %": 0.5, "75 % to 100 %": 0.75, "all": 1.0}
DIGITS = 2


def answering_stats(answers: pa.Table, candidates: pa.Table, most: int) -> dict[str, Any] | None:
    """Responses by outcome, and questions by the share of their responses that gave the commonest answer.

    `most` is how many responses each question could have: those with fewer were decided early.
    """
    asked: dict[str, list[Row]] = defaultdict(list)
    for row in candidates.drop_columns(["response"]).to_pylist():
        if row["part"] != "aggregate":
            asked[row["question_id"]].append(row)
    if not asked:
        return None
    kept = {row["question_id"]: row for row in answers.drop_columns(["answer"]).to_pylist()}
    responses = [row for rows in asked.values() for row in rows]
    differs = [row["differs_from_majority"] for row in kept.values()]
    return {
        "questions": len(asked),
        "responses": len(responses),
        "mean": round(len(responses) / len(asked), DIGITS),
        "decided_early": sum(len(rows) < most for rows in asked.values()),
        "outcomes": dict(sorted(Counter(row["outcome"] for row in responses).items())),
        "agreement": _histogram(asked, kept),
        "differs_from_majority": sum(value is True for value in differs),
        "with_a_majority": sum(value is not None for value in differs),
    }


def _histogram(asked: Mapping[str, Sequence[Row]], kept: Mapping[str, Row]) -> dict[str, dict[str, int]]:
    """Questions in each bin of agreement: those with an answer, and those that fell."""
    found = {name: {"kept": 0, "rejected": 0} for name in (NONE, *BINS)}
    for question_id, rows in asked.items():
        found[_bin(rows)]["kept" if question_id in kept else "rejected"] += 1
    return found


def _bin(rows: Sequence[Row]) -> str:
    sizes = Counter(row["cluster"] for row in rows if row["cluster"] is not None)
    if not sizes:
        return NONE
    share = max(sizes.values()) / len(rows)
    return [name for name, least in BINS.items() if share >= least][-1]
