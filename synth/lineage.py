"""The way back of any row: to its combination, walk, concepts, passages, prompts and calls."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synth.errors import ConfigError
from synth.llm.journal import Journal
from synth.schemas import STAGES, TABLES
from synth.store import StageStore

Row = dict[str, Any]
# The rows of a table with one of some values in a column: for those who need not read whole tables.
Look = Callable[[str, str, Sequence[str]], list[Row]]
# Tables that are searched for an id, the most specific first.
SEARCHED = (
    "questions",
    "answers",
    "candidates",
    "rollouts",
    "combinations",
    "passages",
    "documents",
    "concepts",
    "mentions",
    "weaknesses",
    "problem_concepts",
)
# Steps of draws from the concepts of failed problems.
OF_PROBLEMS = ("together", "similar", "uniform")
# Tables whose rows are made of the reply to one call.
WITH_CALL = ("extractions", "questions", "answers", "candidates", "rollouts")


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything that is known of one row; parts that it does not have are empty."""

    id: str
    kind: str
    rows: dict[str, Row] = field(default_factory=dict)
    walk: list[Row] = field(default_factory=list)
    concepts: list[Row] = field(default_factory=list)
    passages: list[Row] = field(default_factory=list)
    documents: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    votes: list[Row] = field(default_factory=list)
    problems: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)


def lineage(run_folder: Path, row_id: str, look: Look | None = None) -> Lineage:
    """The lineage of a row of any table, kept or rejected, or of a call, by its id.

    Rows are found by `look` where it is given, else in tables that are read whole.

    Raises:
        ConfigError: the run has no such row.
    """
    return _Reader(run_folder, look).lineage(row_id)


def is_of_problems(walk: Sequence[Row]) -> bool:
    """Whether steps were drawn from the concepts of failed problems, and not walked in a graph."""
    return any(step["phase"] in OF_PROBLEMS for step in walk)


def calls_of(row: Row) -> list[str]:
    """The calls that a row names: the one that wrote it, those of its judges, that of its check."""
    judges = [one["call_id"] for one in row.get("judgements") or ()]
    check = [row.get("check_call_id"), (row.get("check") or {}).get("call_id")]
    return [call for call in (row.get("call_id"), *judges, *check) if call]


def _question_of(row_id: str, origin: Row) -> str:
    """The question that a row belongs to; its own id where it names none."""
    return str(origin.get("question_id") or origin.get("problem_id") or row_id)


def _is_found(match: Row) -> bool:
    return match["tier"] != "none" and match["concept_id"] is not None


def _listings(problems: Iterable[Row]) -> Iterable[Row]:
    """One row of concepts of each problem: all of them come of one call."""
    return (row["concepts"][0] for row in problems if row["concepts"])


class _Reader:
    """Finished tables of one run, each read at most once."""

    def __init__(self, run_folder: Path, look: Look | None) -> None:
        self.folder = run_folder
        self._look = look
        self._tables: dict[str, pa.Table] = {}

    def lineage(self, row_id: str) -> Lineage:
        kind, row = self._find(row_id)
        rejected = self._rejected(row_id)
        if row is None and not rejected and (call := self._call(row_id)):
            return call
        if row is None and not rejected:
            raise ConfigError(
                f"{self.folder} has no row {row_id!r}; ids stand in its dataset and in rejected/."
            )
        # A row that never came to be is traced from the row that it would have been made of.
        found, origin = (kind, row) if row is not None else self._find(rejected[0]["source"])
        rows = {found: origin} if origin is not None else {}
        rows |= self._around(row_id, origin or {})
        combination = rows.get("combinations", {})
        passages = self._passages(origin or {}, rows.get("questions", {}), combination)
        concepts = self._concepts(origin or {}, combination)
        votes, tried = self._votes(row_id, origin or {}), self._attempts(row_id, origin or {})
        problems = self._problems(origin or {}, combination)
        return Lineage(
            id=row_id,
            kind=kind,
            rows=rows,
            walk=self._walk(combination, concepts),
            concepts=concepts,
            passages=passages,
            documents=self._by_ids("documents", {p["document_id"] for p in passages}),
            calls=self._calls([*rows.values(), *votes, *tried, *_listings(problems)], rejected, passages),
            rejected=rejected,
            votes=votes,
            problems=problems,
            attempts=tried,
        )

    def _call(self, call_id: str) -> Lineage | None:
        """A call by itself, with the first row of each table that was made of its reply."""
        if not (calls := self._calls([{"call_id": call_id}], [], [])):
            return None
        found = {name: self._where(name, "call_id", {call_id}) for name in WITH_CALL}
        rows = {name: made[0] for name, made in found.items() if made}
        return Lineage(id=call_id, kind="call", rows=rows, calls=calls)

    def _problems(self, origin: Row, combination: Row) -> list[Row]:
        """The failed problems that a question aims at, each with its concepts and its history."""
        ids = set(combination.get("targets") or [origin.get("problem_id")]) - {None}
        listed = self._where("problem_concepts", "problem_id", ids)
        histories = {row["problem_id"]: row for row in self._by_ids("histories", ids)}
        return [
            {
                **row,
                "accuracies": histories.get(row["problem_id"], {}).get("accuracies", []),
                "concepts": [one for one in listed if one["problem_id"] == row["problem_id"]],
            }
            for row in self._by_ids("weaknesses", ids)
        ]

    def _votes(self, row_id: str, origin: Row) -> list[Row]:
        """Every response to a question, those of an aggregate's drafts before the aggregate."""
        if "rollout_id" in origin:
            return []
        found = self._where("candidates", "question_id", {_question_of(row_id, origin)})
        return sorted(found, key=lambda row: (row["part"] == "aggregate", row["sample"]))

    def _attempts(self, row_id: str, origin: Row) -> list[Row]:
        """Every attempt of the student at a question; none where the row is one response itself."""
        if "rollout_id" in origin or "candidate_id" in origin:
            return []
        found = self._where("rollouts", "problem_id", {_question_of(row_id, origin)})
        return sorted(found, key=lambda row: (row["visit"], row["sample"]))

    def _around(self, row_id: str, origin: Row) -> dict[str, Row]:
        """The rows of other tables that belong to the same question."""
        rows: dict[str, Row] = {}
        question_id = _question_of(row_id, origin)
        for name in ("questions", "screened", "judged", "answers", "difficulty"):
            if found := self._where(name, "question_id", {question_id}):
                rows[name] = found[0]
        combination = origin.get("combination_id") or rows.get("questions", {}).get("combination_id")
        if combination and (found := self._by_ids("combinations", {combination})):
            rows["combinations"] = found[0]
        return rows

    def _find(self, row_id: str) -> tuple[str, Row | None]:
        for name in SEARCHED:
            if found := self._by_ids(name, {row_id}):
                return name, found[0]
        return "rejected", None

    def _passages(self, *rows: Row) -> list[Row]:
        wanted = [p for row in rows for p in [*row.get("references", []), row.get("passage_id")] if p]
        if not wanted and rows[0].get("document_id"):
            return self._where("passages", "document_id", {rows[0]["document_id"]})
        found = {row["passage_id"]: row for row in self._by_ids("passages", set(wanted))}
        return [found[p] for p in dict.fromkeys(wanted) if p in found]

    def _concepts(self, origin: Row, combination: Row) -> list[Row]:
        if combination:
            ids = {*combination["topics"], *combination["key_concepts"]}
            matched = self._where("matches", "weak_id", ids)
            return self._by_ids("concepts", ids | {row["concept_id"] for row in matched if _is_found(row)})
        if passage := origin.get("passage_id"):
            mentions = self._where("mentions", "passage_id", {passage})
            return self._by_ids("concepts", {row["concept_id"] for row in mentions})
        return []

    def _walk(self, combination: Row, concepts: list[Row]) -> list[Row]:
        weak = {row["weak_id"]: row["name"] for row in self._table("matches").to_pylist()}
        names = weak | {row["concept_id"]: row["name"] for row in concepts}
        steps = combination.get("walk") or []
        return [{**step, "name": names.get(step["concept_id"], "")} for step in steps]

    def _calls(self, rows: Iterable[Row], rejected: list[Row], passages: list[Row]) -> list[Row]:
        """Calls behind the rows, and those that extracted the concepts of their passages."""
        ids = [call for row in rows for call in calls_of(row)]
        ids += [call for row in rejected for call in calls_of(json.loads(row["row"]))]
        extractions = self._by_ids("extractions", {p["passage_id"] for p in passages})
        ids += [row["call_id"] for row in extractions]
        with Journal(self.folder / "calls", read_only=True) as journal:
            found = ((call, journal.get(call)) for call in dict.fromkeys(ids))
            return [{"call_id": call, **record} for call, record in found if record is not None]

    def _rejected(self, row_id: str) -> list[Row]:
        rows: list[Row] = []
        if self._look:
            found = [row for by in ("row_id", "source") for row in self._look("rejected", by, [row_id])]
            return [row for place, row in enumerate(found) if row not in found[:place]]
        for stage in STAGES:
            store = StageStore(self.folder, stage)
            if store.manifest() is not None:
                table = store.read("rejected")
                hit = pc.or_(pc.equal(table["row_id"], row_id), pc.equal(table["source"], row_id))
                rows += table.filter(hit).to_pylist()
        return rows

    @cached_property
    def _finished(self) -> frozenset[str]:
        return frozenset(s for s in STAGES if StageStore(self.folder, s).manifest() is not None)

    def _table(self, name: str) -> pa.Table:
        if name not in self._tables:
            stage = TABLES[name].stage
            done = stage in self._finished
            self._tables[name] = (
                StageStore(self.folder, stage).read(name) if done else TABLES[name].schema.empty_table()
            )
        return self._tables[name]

    def _by_ids(self, name: str, ids: Iterable[str]) -> list[Row]:
        return self._where(name, TABLES[name].key, ids)

    def _where(self, name: str, column: str, values: Iterable[str]) -> list[Row]:
        if self._look:
            return self._look(name, column, sorted(values))
        table = self._table(name)
        wanted = pa.array(sorted(values), pa.string())
        rows: list[Row] = table.filter(pc.is_in(table[column], wanted)).to_pylist()
        return rows
