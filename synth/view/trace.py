"""The way back of a row, as a page shows it: passages with the sentences that name its concepts, walk, calls.

Rows are found by look-ups in the files instead of reading tables whole; what belongs to what is decided by
`synth.lineage`, as for `synth explain`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synth.lineage import Lineage, Row, lineage
from synth.llm.journal import Journal
from synth.view.engine import PARQUET, Engine, QueryFault, quoted
from synth.view.marks import Marked, mark
from synth.view.sources import Source

MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage behind a row: its concepts of this row marked, those not found word for word named."""

    row: Row
    document: Row
    score: float | None
    marked: Marked
    unfound: list[str]


@dataclass(frozen=True, slots=True)
class Call:
    """A call to a model: what was sent, and what came."""

    id: str
    stage: str
    model: str
    sent: int | None
    came: int | None
    messages: list[Row]
    reply: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The lineage of a row, with what only a page shows."""

    found: Lineage
    passages: list[Passage]
    calls: list[Call]
    rejected: list[tuple[Row, Row]]

    def calls_of(self, *stages: str) -> list[Call]:
        """The calls of some stages."""
        return [call for call in self.calls if call.stage in stages]

    def rest(self, *stages: str) -> list[Call]:
        """The calls of all other stages."""
        return [call for call in self.calls if call.stage not in stages]


class Looking:
    """Look-ups in the tables of one source."""

    def __init__(self, engine: Engine, source: Source) -> None:
        self._engine = engine
        self._source = source

    def __call__(self, name: str, column: str, values: Sequence[str], most: int = MOST_ROWS) -> list[Row]:
        """The rows of a table with one of some values in a column; none where the table is not there."""
        table = self._source.tables.get(name)
        if table is None or not values or column not in table.schema.names:
            return []
        asked = ", ".join("?" * len(values))
        paths = [table.paths[file] for file in table.having(column, values)]
        if not paths:
            return []
        sql = f"""
            SELECT * FROM {PARQUET}
            WHERE {quoted(column)} IN ({asked}) LIMIT {most:d}
        """
        return self._engine.dicts(sql, [paths, *values])


def trace(engine: Engine, source: Source, id: str) -> Trace:
    """The way back of a row of a run.

    Raises:
        ConfigError: the run has no such row.
    """
    look = Looking(engine, source)
    found = lineage(source.folder, id, look)
    return Trace(
        found=found,
        passages=_passages(found, look),
        calls=[_call(row) for row in found.calls],
        rejected=[(row, kept(row["row"])) for row in found.rejected],
    )


def _passages(found: Lineage, look: Looking) -> list[Passage]:
    ids = [row["passage_id"] for row in found.passages]
    mine = {row["concept_id"] for row in found.concepts}
    names: dict[str, dict[str, str]] = {id: {} for id in ids}
    for mention in look("mentions", "passage_id", ids):
        if mention["concept_id"] in mine:
            ways = names[mention["passage_id"]]
            ways[mention["name"]] = ways[mention["surface"]] = mention["name"]
    combination = found.rows.get("combinations", {})
    scores = dict(zip(combination.get("references") or [], combination.get("scores") or [], strict=False))
    documents = {row["document_id"]: row for row in found.documents}
    shown = []
    for row in found.passages:
        ways = names[row["passage_id"]]
        marked = mark(row["text"], ways)
        unfound = sorted(set(ways.values()) - marked.found)
        document = documents.get(row["document_id"], {})
        shown.append(Passage(row, document, scores.get(row["passage_id"]), marked, unfound))
    return shown


def _call(row: Row) -> Call:
    from synth.llm import wire

    answer = wire.parse(row.get("response", ""))
    used = row.get("usage") or {}
    messages = row.get("request", {}).get("messages", [])
    return Call(
        id=row["call_id"],
        stage=str(row.get("stage", "")),
        model=str(row.get("model", "")),
        sent=used.get("prompt_tokens"),
        came=used.get("completion_tokens"),
        messages=[one for one in messages if isinstance(one, dict)],
        reply=str(wire.read(answer)[0] if answer else row.get("response", "")),
    )


def call_of(run_folder: Path, id: str) -> Call | None:
    """One call from the journal of a run, where it is there."""
    with Journal(run_folder / "calls", read_only=True) as journal:
        record = journal.get(id)
    return _call({"call_id": id, **record}) if record is not None else None


def kept(text: str) -> Row:
    """The rejected row itself, from its JSON."""
    try:
        told: Any = json.loads(text)
    except ValueError:
        return {"row": text}
    return told if isinstance(told, dict) else {"row": text}


def find(engine: Engine, source: Source, id: str) -> tuple[str, Row] | None:
    """A row of any table by its id, with the name of the table."""
    look = Looking(engine, source)
    for name, table in source.tables.items():
        if table.key and name not in ("rejected", "dataset"):
            try:
                rows = look(name, table.key, [id])
            except QueryFault:
                continue
            if rows:
                return name, rows[0]
    return None
