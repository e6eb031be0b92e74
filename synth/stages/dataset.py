"""Answered questions in, published rows out: everything known of a question, in one row.

Where a target says how many rows are wanted, those beyond it are rejected, whole; aimed rows also where their
category has more than its share (`stages/shares.py`), which is said: they were paid for and accepted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from synth.config import RunConfig
from synth.stages.base import Output, Rejected, make_table
from synth.stages.shares import balanced
from synth.text import counted

Row = dict[str, Any]
UNKNOWN_LICENCE = "unknown"


def assemble(
    tables: Mapping[str, pa.Table], config: RunConfig, say: Callable[[str], None] = lambda said: None
) -> Output:
    """One row per answered question, at most `target.rows`. Columns of stages that were left out are null."""
    questions = _by(tables["questions"], "question_id")
    screened = _by(tables["screened"], "question_id")
    passages = _by(tables["passages"].drop_columns(["text"]), "passage_id") if "passages" in tables else {}
    aimed = _categories(tables["combinations"]) if config.aims else {}
    judged = _by(tables["judged"], "question_id") if "judged" in tables else {}
    tried = _by(tables["difficulty"], "question_id") if "difficulty" in tables else None
    answers = [a for a in tables["answers"].to_pylist() if tried is None or a["question_id"] in tried]
    rows = [
        {
            **_row(questions[a["question_id"]], screened[a["question_id"]], a, passages, config),
            **_verdict(judged.get(a["question_id"], {})),
            **_tried(tried[a["question_id"]] if tried is not None else {}),
            "category": aimed.get(questions[a["question_id"]]["combination_id"]),
        }
        for a in answers
    ]
    if config.aims and config.targets.rebalance == "shares":
        return _rebalanced(rows, tables["budgets"], config, say)
    kept = rows_to_keep(rows, config.target.rows)
    return Output(
        {"dataset": make_table("dataset", (row for row in rows if row["id"] in kept))},
        inputs=frozenset(row["id"] for row in rows),
        parents=kept,
        rejected=[_beyond(row, config.target.rows) for row in rows if row["id"] not in kept],
    )


def _rebalanced(rows: list[Row], budgets: pa.Table, config: RunConfig, say: Callable[[str], None]) -> Output:
    kept, due = balanced(rows, budgets, config.target.rows, config.targets.most_left_out)
    fallen = [_surplus(row, due, config.target.rows) for row in rows if row["id"] not in kept]
    if fallen and not config.target.rows:
        cut = Counter(row.row["category"] for row in fallen)
        where = ", ".join(f"{name} {count:,}" for name, count in sorted(cut.items()))
        say(
            f"Left out for the shares of the categories: {len(fallen):,} of {len(rows):,} accepted rows"
            f" ({where}); targets.rebalance=off keeps them."
        )
    return Output(
        {"dataset": make_table("dataset", (row for row in rows if row["id"] in kept))},
        inputs=frozenset(row["id"] for row in rows),
        parents=kept,
        rejected=fallen,
    )


def _surplus(row: Row, due: Mapping[str, int], target: int) -> Rejected:
    if target:
        return _beyond(row, target)
    name = row["category"]
    detail = f"beyond the {counted(due[name], 'row')} that {name} has for its share (targets.rebalance)"
    return Rejected(row["id"], row["combination_id"], "surplus", detail, None, row)


def _categories(combinations: pa.Table) -> dict[str, str]:
    columns = (combinations[name].to_pylist() for name in ("combination_id", "category"))
    return dict(zip(*columns, strict=True))


def rows_to_keep(rows: Sequence[Row], target: int) -> frozenset[str]:
    """Ids of the rows that are published: all without a target, else exactly so many where they are there.

    Each level keeps its share, to the row; of a level those stay that come first by combination, then by
    question. Both ids are hashes, so that is a draw that depends on content only.
    """
    ordered = sorted(rows, key=lambda row: (row["combination_id"], row["id"]))
    if not target or target >= len(ordered):
        return frozenset(row["id"] for row in ordered)
    left = _shares(Counter(row["origin"] for row in ordered), target)
    kept = set()
    for row in ordered:
        if left[row["origin"]]:
            left[row["origin"]] -= 1
            kept.add(row["id"])
    return frozenset(kept)


def _shares(counts: Mapping[str, int], target: int) -> dict[str, int]:
    """The target, divided as the counts are; what is left over goes where most was cut off."""
    total = sum(counts.values())
    shares = {name: target * count // total for name, count in counts.items()}
    cut = sorted(counts, key=lambda name: (-(target * counts[name] % total), name))
    for name in cut[: target - sum(shares.values())]:
        shares[name] += 1
    return shares


def _beyond(row: Row, target: int) -> Rejected:
    detail = f"{target:,} rows were asked for"
    return Rejected(row["id"], row["combination_id"], "beyond_target", detail, None, row)


def _by(table: pa.Table, key: str) -> dict[str, Row]:
    return {row[key]: row for row in table.to_pylist()}


def _row(question: Row, screened: Row, answer: Row, passages: Mapping[str, Row], config: RunConfig) -> Row:
    references = [passages[p] for p in question["references"]]
    return {
        "id": question["question_id"],
        "question": question["question"],
        "answer": answer["answer"],
        "label": answer["final_answer"],
        "origin": question["origin"],
        "concepts": question["concepts"],
        "sources": _distinct(r["source"] for r in references),
        "licences": _distinct(r["licence"] or UNKNOWN_LICENCE for r in references),
        "model": question["model"],
        "answer_model": answer["model"],
        "language": question["language"],
        "domain": config.domain,
        "difficulty": question["difficulty"],
        "answer_mode": answer["mode"],
        "agreement": answer["agreement"],
        "nearest_jaccard": screened["nearest_jaccard"],
        "source_overlap": screened["source_overlap"],
        "benchmark_overlap": screened["benchmark_overlap"],
        "combination_id": question["combination_id"],
        "passage_ids": question["references"],
        "prompt_id": question["prompt_id"],
        "prompt_sha": question["prompt_sha"],
        "call_id": question["call_id"],
        "answer_call_id": answer["call_id"],
    }


def _verdict(judged: Row) -> Row:
    return {"verdict": judged.get("verdict"), "well_posed": judged.get("well_posed")}


def _tried(row: Row) -> Row:
    # The level that the generator named is called `difficulty` already.
    return {"pass_rate": row.get("pass_rate"), "hardness": row.get("difficulty")}


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
