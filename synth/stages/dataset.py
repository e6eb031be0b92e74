"""Answered questions in, published rows out: everything known of a question, in one row."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from synth.config import RunConfig
from synth.stages.base import Output, make_table

Row = dict[str, Any]
UNKNOWN_LICENCE = "unknown"


def assemble(tables: Mapping[str, pa.Table], config: RunConfig) -> Output:
    """One row per answered question. Columns of stages that were left out are null."""
    questions = _by(tables["questions"], "question_id")
    screened = _by(tables["screened"], "question_id")
    passages = _by(tables["passages"].drop_columns(["text"]), "passage_id")
    judged = _by(tables["judged"], "question_id") if "judged" in tables else {}
    answers = tables["answers"].to_pylist()
    rows = [
        {
            **_row(questions[a["question_id"]], screened[a["question_id"]], a, passages, config),
            **_verdict(judged.get(a["question_id"], {})),
        }
        for a in answers
    ]
    ids = frozenset(row["id"] for row in rows)
    return Output({"dataset": make_table("dataset", rows)}, inputs=ids, parents=ids)


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
        "answer_mode": config.answers.mode,
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


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
