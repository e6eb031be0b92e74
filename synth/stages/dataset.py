"""Answered questions in, published rows out: everything known of a question, in one row.

Rows are made some thousand at a time, as one process holds all of a run. Where a target says how many rows
are wanted, those beyond it are rejected, whole; aimed rows also where their category has more than its share
(`stages/shares.py`), which is said: they were paid for and accepted.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from synth.config import RunConfig
from synth.stages.base import Output, Rejected, make_table
from synth.stages.joining import Joined, JoinedLists
from synth.stages.shares import balanced
from synth.text import counted

Row = dict[str, Any]
UNKNOWN_LICENCE = "unknown"
BATCH = 5_000


def assemble(
    tables: Mapping[str, pa.Table], config: RunConfig, say: Callable[[str], None] = lambda said: None
) -> Iterator[Output]:
    """One row per answered question, at most `target.rows`. Columns of stages that were left out are null."""
    rows = _Rows(tables, config)
    chosen = _chosen(rows, tables, config, say)
    for first in range(0, max(1, rows.count), BATCH):
        made = rows.some(first, min(first + BATCH, rows.count))
        kept = [row for row in made if chosen is None or row["id"] in chosen.kept]
        fallen = [row for row in made if row["id"] not in chosen.kept] if chosen else []
        yield Output(
            {"dataset": make_table("dataset", kept)},
            inputs=frozenset(row["id"] for row in made),
            parents=frozenset(row["id"] for row in kept),
            rejected=[_surplus(row, chosen.due, config.target.rows) for row in fallen] if chosen else [],
        )


class _Rows:
    """The rows of a dataset, each made when it is asked for, in the order of the answers."""

    def __init__(self, tables: Mapping[str, pa.Table], config: RunConfig) -> None:
        self._config, self._answers = config, tables["answers"]
        if "difficulty" in tables:  # who was not tried has fallen there
            tried = tables["difficulty"]["question_id"].combine_chunks()
            self._answers = self._answers.filter(pc.is_in(self._answers["question_id"], value_set=tried))
        self.count = self._answers.num_rows

        def beside(table: pa.Table | None) -> Joined:
            return Joined(table, "question_id", self._answers["question_id"])

        self._beside = [
            beside(tables.get(name)) for name in ("questions", "screened", "judged", "difficulty")
        ]
        few = ["question_id", "combination_id", "origin", "references"]
        self._asked = beside(tables["questions"].select(few)).table(0, self.count)
        passages = tables["passages"].drop_columns(["text"]) if "passages" in tables else None
        self._references = JoinedLists(passages, "passage_id", self._asked["references"])
        aimed = tables["combinations"].select(["combination_id", "category"]) if config.aims else None
        self._aimed = Joined(aimed, "combination_id", self._asked["combination_id"])

    def some(self, first: int, end: int) -> list[Row]:
        """Those from `first` to before `end`."""
        answers = self._answers.slice(first, end - first).to_pylist()
        beside = [one.some(first, end) for one in (*self._beside, self._aimed)]
        references = self._references.some(first, end)
        return [
            {
                **_row(question, screened, answer, references, self._config),
                **_verdict(judged),
                **_tried(tried),
                "category": aimed.get("category"),
            }
            for answer, question, screened, judged, tried, aimed, references in zip(
                answers, *beside, references, strict=True
            )
        ]

    def light(self) -> list[Row]:
        """What decides who stays, of all rows."""
        columns = (self._asked[name].to_pylist() for name in ("question_id", "combination_id", "origin"))
        aimed = (row.get("category") for row in self._aimed.some(0, self.count))
        names = ("id", "combination_id", "origin", "category")
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, aimed, strict=True)]


class _Chosen(NamedTuple):
    """Who stays where not all do; of aimed rows how many each category has."""

    kept: frozenset[str]
    due: Mapping[str, int] = {}


def _chosen(
    rows: _Rows, tables: Mapping[str, pa.Table], config: RunConfig, say: Callable[[str], None]
) -> _Chosen | None:
    target = config.target.rows
    if not (config.aims and config.targets.rebalance == "shares"):
        return _Chosen(rows_to_keep(rows.light(), target)) if target else None
    light = rows.light()
    chosen = _Chosen(*balanced(light, tables["budgets"], target, config.targets.most_left_out))
    cut = Counter(row["category"] for row in light if row["id"] not in chosen.kept)
    if cut and not target:
        where = ", ".join(f"{name} {count:,}" for name, count in sorted(cut.items()))
        say(
            f"Left out for the shares of the categories: {cut.total():,} of {len(light):,} accepted rows"
            f" ({where}); targets.rebalance=off keeps them."
        )
    return chosen


def _surplus(row: Row, due: Mapping[str, int], target: int) -> Rejected:
    if target:
        return _beyond(row, target)
    name = row["category"]
    detail = f"beyond the {counted(due[name], 'row')} that {name} has for its share (targets.rebalance)"
    return Rejected(row["id"], row["combination_id"], "surplus", detail, None, row)


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


def _row(question: Row, screened: Row, answer: Row, references: Sequence[Row], config: RunConfig) -> Row:
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
