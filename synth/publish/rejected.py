"""Rejected rows as they are published: with their reason, and without text that may not go out.

Three things are held back. Text of benchmarks, under whatever reason it fell. Problems of logs, whose
licences nobody states. And where documents are not to be published, whatever may repeat one: the documents
themselves, and what models wrote, who may echo what they were shown. The run folder keeps all of it, for
`synth explain`.
"""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from synth.publish.tables import Published
from synth.schemas import LOWER, REASONS, TABLES

# A contaminated question is the benchmark's.
WITHHELD = ("contaminated",)
NOTHING = "{}"
# What of a row is a model's own words; the rest are ids, names of concepts and numbers.
WORDS = (
    *("reply", "question", "outline", "answer", "label"),
    *("assessment", "detail", "givens", "sought", "final_answers", "summary", "reasons"),
)
# Here the detail quotes the reply, or an endpoint that may quote the prompt.
QUOTING = ("weaknesses", "targets", "concepts", "questions", "judge", "answers", "difficulty")

Leaks = Callable[[str], bool]
Row = dict[str, Any]


def published_rejected(tables: Published, with_text: bool, leaks: Leaks) -> pa.Table:
    """Rejected rows of all stages, in the order of the road."""
    table = pa.concat_tables(map(tables.rejected, tables.stages))
    rows = [_shown(row if with_text else _without_text(row), leaks) for row in table.to_pylist()]
    return pa.Table.from_pylist(rows, schema=TABLES["rejected"].schema)


def _shown(row: Row, leaks: Leaks) -> Row:
    hidden = row["reason"] in WITHHELD or row["stage"] in LOWER or leaks(row["row"])
    detail = REASONS[row["reason"]] if leaks(row["detail"]) else row["detail"]
    return {**row, "detail": detail, "row": NOTHING if hidden else row["row"]}


def _without_text(row: Row) -> Row:
    if row["stage"] == "documents":
        return {**row, "row": NOTHING}
    kept = _without_words(json.loads(row["row"]))
    detail = REASONS[row["reason"]] if row["stage"] in QUOTING else row["detail"]
    return {**row, "detail": detail, "row": json.dumps(kept, sort_keys=True, ensure_ascii=False)}


def _without_words(value: Any) -> Any:
    """The value without a model's words, however deep they lie."""
    if isinstance(value, list):
        return [_without_words(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_words(inner) for name, inner in value.items() if name not in WORDS}
    return value
